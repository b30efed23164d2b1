//! Packets that overtake each other.

use std::time::Duration;

use xrtc_rtp::Time;

/// How long to wait for stragglers before a gap counts as loss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reordering {
    wait: Duration,
    last: Time,
}

impl Reordering {
    /// A packet came so late after those behind it, without having been lost.
    pub(crate) fn learn(&mut self, now: Time, lateness: Duration) {
        let lateness = lateness.min(LONGEST_WAIT);
        self.wait = self.wait(now);
        self.last = now;
        if lateness > self.wait {
            self.wait += (lateness - self.wait) * 3 / 4;
        } else {
            self.wait -= (self.wait - lateness) / 32;
        }
    }

    /// Halves for every while without stragglers.
    pub(crate) fn wait(&self, now: Time) -> Duration {
        let halvings = now.since(self.last).as_millis() / HALF_LIFE.as_millis();
        let halvings = u32::try_from(halvings).unwrap_or(u32::MAX);
        let wait = self
            .wait
            .checked_div(1_u32.checked_shl(halvings).unwrap_or(0));
        wait.filter(|&wait| wait >= SHORTEST_WAIT)
            .unwrap_or_default()
    }
}

impl Default for Reordering {
    fn default() -> Self {
        Self {
            wait: Duration::ZERO,
            last: Time::ZERO,
        }
    }
}

/// Below it, packets of one burst were reordered, which waits for nobody.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(60);
const HALF_LIFE: Duration = Duration::from_secs(2);
