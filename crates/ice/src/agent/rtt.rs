//! The round trip time of our checks, and the retransmission timeout that follows from it.

use std::time::Duration;

/// Smoothed as TCP does it (RFC 6298 §2), which RFC 8489 §6.2.1 asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RoundTrip {
    smoothed: Option<Duration>,
    variation: Duration,
    /// After an answer to a check that was sent more than once: no sample, because nobody knows which copy was
    /// answered, but the next timeout backs off, at most to twice the last (Karn's algorithm). Zero after a sample.
    bound: Duration,
}

impl RoundTrip {
    /// A check that was sent once took this long.
    pub(super) fn sample(&mut self, sample: Duration) {
        self.bound = Duration::ZERO;
        match self.smoothed {
            None => {
                self.smoothed = Some(sample);
                self.variation = sample / 2;
            }
            Some(smoothed) => {
                self.variation = (self.variation * 3 + smoothed.abs_diff(sample)) / 4;
                self.smoothed = Some((smoothed * 7 + sample) / 8);
            }
        }
    }

    /// A check that was sent several times was answered this long after the first time.
    pub(super) fn at_most(&mut self, elapsed: Duration) {
        self.bound = elapsed.min(self.timeout() * 2).max(self.bound);
    }

    /// The smoothed round trip time, once there is a sample.
    pub(super) const fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// The retransmission timeout: no less than 500 ms (RFC 8445 §14.3), no more than 3 s.
    pub(super) fn timeout(&self) -> Duration {
        let estimate = self
            .smoothed
            .map_or(Duration::ZERO, |smoothed| smoothed + self.variation * 4);
        estimate.max(self.bound).clamp(MIN_TIMEOUT, MAX_TIMEOUT)
    }
}

const MIN_TIMEOUT: Duration = Duration::from_millis(500);
const MAX_TIMEOUT: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_sample_the_timeout_is_500_ms() {
        assert_eq!(RoundTrip::default().timeout(), Duration::from_millis(500));
        assert_eq!(RoundTrip::default().smoothed(), None);
    }

    #[test]
    fn the_first_sample_gives_three_times_itself() {
        let mut rtt = RoundTrip::default();
        rtt.sample(Duration::from_millis(400));
        assert_eq!(rtt.timeout(), Duration::from_millis(1200));
    }

    #[test]
    fn an_ambiguous_answer_raises_the_timeout_but_is_no_sample() {
        let mut rtt = RoundTrip::default();
        rtt.at_most(Duration::from_millis(900));
        assert_eq!(
            (rtt.smoothed(), rtt.timeout()),
            (None, Duration::from_millis(900))
        );
        rtt.sample(Duration::from_millis(100));
        assert_eq!(rtt.timeout(), Duration::from_millis(500));
    }

    #[test]
    fn a_steady_round_trip_is_found() {
        let mut rtt = RoundTrip::default();
        (0..50).for_each(|_| rtt.sample(Duration::from_millis(80)));
        assert_eq!(rtt.smoothed(), Some(Duration::from_millis(80)));
    }
}
