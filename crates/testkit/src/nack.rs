//! Asking for lost packets as libwebrtc does (`modules/video_coding/nack_requester.cc`).

use std::collections::BTreeMap;
use std::time::Duration;

use xrtc_rtp::{SequenceUnwrapper, Time};

/// Which packets are missing and when they were asked for: at once when a gap shows, then every round trip, at most
/// ten times.
#[derive(Debug)]
pub struct Nacker {
    unwrapper: SequenceUnwrapper,
    newest: Option<u64>,
    missing: BTreeMap<u64, Request>,
    rtt: Duration,
    /// Packets that were given up.
    pub given_up: u64,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    asked_at: Option<Time>,
    times: u8,
}

impl Nacker {
    /// `rtt` is the time after which a request is repeated; below 20 ms it counts as 20 ms.
    pub fn new(rtt: Duration) -> Self {
        Self {
            unwrapper: SequenceUnwrapper::new(),
            newest: None,
            missing: BTreeMap::new(),
            rtt: rtt.max(INTERVAL),
            given_up: 0,
        }
    }

    /// A packet came; `is_recovered` if as a retransmission. `true`: there is something to ask for at once.
    pub fn receive(&mut self, sequence_number: u16, is_recovered: bool) -> bool {
        let number = self.unwrapper.unwrap(sequence_number);
        let Some(newest) = self.newest else {
            self.newest = Some(number);
            return false;
        };
        self.missing.remove(&number);
        if number <= newest || is_recovered {
            return false;
        }
        let oldest = number.saturating_sub(MAX_MISSING);
        for gap in (newest + 1).max(oldest)..number {
            self.missing.insert(
                gap,
                Request {
                    asked_at: None,
                    times: 0,
                },
            );
        }
        self.newest = Some(number);
        number > newest + 1
    }

    /// What to ask for now.
    pub fn take(&mut self, now: Time) -> Vec<u16> {
        let rtt = self.rtt;
        let mut wanted = Vec::new();
        let mut given_up = 0;
        self.missing.retain(|number, request| {
            if request.asked_at.is_none_or(|asked| now.since(asked) >= rtt) {
                if request.times >= MAX_TIMES {
                    given_up += 1;
                    return false;
                }
                request.times += 1;
                request.asked_at = Some(now);
                wanted.push((*number & 0xffff) as u16);
            }
            true
        });
        self.given_up += given_up;
        wanted
    }

    /// Packets that are missing now.
    pub fn missing(&self) -> usize {
        self.missing.len()
    }
}

/// How often the list is looked through.
pub(crate) const INTERVAL: Duration = Duration::from_millis(20);
const MAX_TIMES: u8 = 10;
const MAX_MISSING: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_asked_for_at_once_then_every_round_trip_ten_times() {
        let mut nacker = Nacker::new(Duration::from_millis(50));
        assert!(!nacker.receive(65_534, false));
        assert!(nacker.receive(1, false));
        assert_eq!(nacker.take(Time::ZERO), [65_535, 0]);
        assert_eq!(nacker.take(Time::from_millis(49)), [0_u16; 0]);
        assert!(!nacker.receive(0, true));
        for times in 1..10 {
            assert_eq!(nacker.take(Time::from_millis(times * 50)), [65_535]);
        }
        assert_eq!(nacker.take(Time::from_millis(600)), [0_u16; 0]);
        assert_eq!((nacker.given_up, nacker.missing()), (1, 0));
    }

    #[test]
    fn a_retransmission_beyond_the_newest_opens_no_gap() {
        let mut nacker = Nacker::new(Duration::ZERO);
        nacker.receive(10, false);
        assert!(!nacker.receive(20, true));
        assert_eq!(nacker.missing(), 0);
    }
}
