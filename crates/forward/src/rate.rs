//! A rate over the last second.

use xrtc_rtp::{Bitrate, Time};

/// Bytes of the last second, in tenths.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RateMeter {
    tenths: [u32; TENTHS],
    /// Counts tenths of a second.
    newest: u64,
    since: u64,
}

impl RateMeter {
    pub(crate) fn add(&mut self, now: Time, bytes: usize) {
        let tenth = now.as_millis() / MILLIS;
        if self.since == 0 {
            self.since = tenth.max(1);
            self.newest = tenth;
        }
        let passed = tenth.saturating_sub(self.newest);
        for step in 1..=passed.min(TENTHS as u64) {
            *self.slot(self.newest + step) = 0;
        }
        self.newest = self.newest.max(tenth);
        let slot = self.slot(tenth);
        *slot = slot.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// The rate over the last second, or since the beginning if that was later.
    pub(crate) fn rate(&self, now: Time) -> Bitrate {
        let tenth = now.as_millis() / MILLIS;
        let oldest = (tenth + 1).saturating_sub(TENTHS as u64);
        let counted = oldest.max(self.since)..=self.newest.min(tenth);
        let bytes: u64 = counted
            .map(|tenth| u64::from(self.tenths[tenth as usize % TENTHS]))
            .sum();
        let millis = (tenth + 1).saturating_sub(oldest.max(self.since)).max(1) * MILLIS;
        Bitrate(bytes * 8_000 / millis)
    }

    const fn slot(&mut self, tenth: u64) -> &mut u32 {
        &mut self.tenths[tenth as usize % TENTHS]
    }
}

const TENTHS: usize = 10;
const MILLIS: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_of_the_last_second() {
        let mut meter = RateMeter::default();
        for n in 0..50 {
            meter.add(Time::from_millis(100_000 + 100 * n), 1_250);
        }
        assert_eq!(meter.rate(Time::from_millis(104_950)), Bitrate(100_000));
        assert_eq!(meter.rate(Time::from_millis(105_450)), Bitrate(50_000));
        assert_eq!(meter.rate(Time::from_millis(107_000)), Bitrate(0));
        meter.add(Time::from_millis(200_000), 1_250);
        assert_eq!(meter.rate(Time::from_millis(200_000)), Bitrate(10_000));
    }

    #[test]
    fn a_young_rate_is_over_its_life() {
        let mut meter = RateMeter::default();
        meter.add(Time::from_millis(5_000), 1_250);
        meter.add(Time::from_millis(5_100), 1_250);
        assert_eq!(meter.rate(Time::from_millis(5_150)), Bitrate(100_000));
    }
}
