//! Bytes per second, and some at once.

use std::time::Duration;

use xrtc_rtp::Time;

/// A leaky bucket: what is poured in runs out at a constant rate, and what would make it overflow is refused.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    /// Bytes in it at `at`.
    level: u64,
    at: Time,
}

impl Bucket {
    /// Takes `bytes` more, unless that would be more than `depth`. It empties at `rate` bytes a second.
    pub(crate) fn take(&mut self, now: Time, bytes: usize, (rate, depth): (u32, u64)) -> bool {
        let since = now.since(self.at).min(LONGEST);
        let run_out = since.as_nanos().saturating_mul(rate.into()) / 1_000_000_000;
        let run_out = u64::try_from(run_out).unwrap_or(u64::MAX);
        let level = self.level.saturating_sub(run_out);
        // Until a whole byte has run out the time counts on.
        if run_out > 0 || level == 0 {
            (self.level, self.at) = (level, now);
        }
        let wanted = level.saturating_add(bytes as u64);
        if wanted > depth {
            return false;
        }
        self.level = wanted;
        true
    }
}

/// No bucket takes longer to run empty.
const LONGEST: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_takes_its_depth_at_once_and_its_rate_from_then_on() {
        let mut bucket = Bucket::default();
        let bounds = (1_000, 4_000);
        let start = Time::from_millis(5_000);
        assert!(bucket.take(start, 4_000, bounds));
        assert!(!bucket.take(start, 1, bounds));
        let later = start + Duration::from_millis(100);
        assert!(bucket.take(later, 100, bounds));
        assert!(!bucket.take(later, 1, bounds));
        // Looks in between cost nothing of what runs out.
        let mut passed = 0;
        for micros in 0..100_000 {
            let now = later + Duration::from_micros(micros * 10);
            passed += usize::from(bucket.take(now, 1, bounds));
        }
        assert!((990..=1_000).contains(&passed), "{passed}");
    }
}
