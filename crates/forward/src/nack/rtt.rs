//! Round trips, as far as they can be known.

use std::time::Duration;

/// The round trip to the publisher: told by the transport, else learned from answered requests.
///
/// We send a publisher no sender reports, so that its receiver reports do not tell (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RttEstimate {
    told: Option<Duration>,
    learned: Option<Duration>,
    /// Our reports from which the publisher could measure it.
    reports: u8,
}

impl RttEstimate {
    /// The transport measured it.
    pub(crate) const fn tell(&mut self, rtt: Duration) {
        self.told = Some(rtt);
    }

    /// A first request was answered after this time.
    pub(crate) fn learn(&mut self, sample: Duration) {
        let sample = sample.min(LONGEST);
        self.learned = Some(self.learned.map_or(sample, |rtt| (rtt * 7 + sample) / 8));
    }

    /// The publisher was sent a report from which it can measure the round trip.
    pub(crate) const fn reported(&mut self) {
        self.reports = self.reports.saturating_add(1);
    }

    /// Whether the publisher knows the round trip too; one report may have got lost.
    pub(crate) const fn is_shared(&self) -> bool {
        self.reports > 1
    }

    /// The best knowledge. Answers are preferred, because they include what the publisher takes.
    pub(crate) fn get(&self) -> Duration {
        self.learned.or(self.told).unwrap_or(UNKNOWN).min(LONGEST)
    }
}

/// The shortest of the last round trips to a viewer. A request that comes sooner after an answer cannot know of it; one
/// that comes later may.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ShortestRtt {
    samples: [Option<Duration>; SAMPLES],
    next: usize,
}

impl ShortestRtt {
    pub(crate) fn learn(&mut self, sample: Duration) {
        if let Some(place) = self.samples.get_mut(self.next) {
            *place = Some(sample);
        }
        self.next = (self.next + 1) % SAMPLES;
    }

    pub(crate) fn get(&self) -> Option<Duration> {
        self.samples.iter().flatten().min().copied()
    }
}

/// Reports come once a second: a route that became longer is known in a few seconds.
const SAMPLES: usize = 6;
const UNKNOWN: Duration = Duration::from_millis(60);
const LONGEST: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_of_the_last_round_trips_counts() {
        let mut rtt = ShortestRtt::default();
        assert_eq!(rtt.get(), None);
        for millis in [40, 90, 50, 80, 70, 60] {
            rtt.learn(Duration::from_millis(millis));
        }
        assert_eq!(rtt.get(), Some(Duration::from_millis(40)));
        rtt.learn(Duration::from_millis(100));
        assert_eq!(rtt.get(), Some(Duration::from_millis(50)));
    }
}
