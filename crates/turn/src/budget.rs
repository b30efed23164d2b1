//! What senders without credentials get, by their prefix.

use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::fast::FixedState;
use xrtc_rtp::Time;

use crate::bucket::Bucket;
use crate::limits::BUDGET_SLOTS;
use crate::subnet::prefix;

/// The bytes that may go to unauthenticated senders. Its size is fixed: whoever forges addresses makes it hold nothing.
#[derive(Debug)]
pub(crate) struct Budget {
    slots: Box<[Bucket]>,
    hash: FixedState,
    bytes_per_second: u32,
}

impl Budget {
    pub(crate) fn new(bytes_per_second: u32, seed: u64) -> Self {
        Self {
            slots: vec![Bucket::default(); BUDGET_SLOTS].into_boxed_slice(),
            hash: FixedState::with_seed(seed),
            bytes_per_second,
        }
    }

    /// Whether `bytes` may go to `ip`; then they are spent.
    pub(crate) fn spend(&mut self, now: Time, ip: IpAddr, bytes: usize) -> bool {
        let slot = self.hash.hash_one(prefix(ip, 24)) as usize % BUDGET_SLOTS;
        let depth = u64::from(self.bytes_per_second) * BURST_SECONDS;
        let bounds = (self.bytes_per_second, depth);
        let bucket = self.slots.get_mut(slot);
        bucket.is_some_and(|bucket| bucket.take(now, bytes, bounds))
    }
}

/// How many seconds' worth may go at once.
const BURST_SECONDS: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_budget_and_strangers_have_their_own() {
        let mut budget = Budget::new(100, 1);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(budget.spend(Time::ZERO, ip("192.0.2.1"), 300));
        assert!(budget.spend(Time::ZERO, ip("192.0.2.200"), 100));
        assert!(!budget.spend(Time::ZERO, ip("192.0.2.7"), 1));
        assert!(budget.spend(Time::ZERO, ip("198.51.100.1"), 400));
        assert!(budget.spend(Time::ZERO, ip("2001:db8::1"), 400));
        assert!(!budget.spend(Time::ZERO, ip("2001:db8::ffff:2"), 1));
        assert!(budget.spend(Time::from_millis(1_000), ip("192.0.2.7"), 100));
    }
}
