//! The round trip to the publisher, as far as it can be known.

use std::time::Duration;

/// The round trip to the publisher: told by the transport, else learned from answered requests.
///
/// We send a publisher no sender reports, so that its receiver reports do not tell (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RttEstimate {
    told: Option<Duration>,
    learned: Option<Duration>,
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

    /// The best knowledge. Answers are preferred, because they include what the publisher takes.
    pub(crate) fn get(&self) -> Duration {
        self.learned.or(self.told).unwrap_or(UNKNOWN).min(LONGEST)
    }
}

const UNKNOWN: Duration = Duration::from_millis(60);
const LONGEST: Duration = Duration::from_millis(500);
