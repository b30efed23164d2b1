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
    missing: BTreeMap<u64, Missing>,
    rtt: Duration,
    /// Packets that were given up.
    pub given_up: u64,
}

/// Why the list of missing packets is looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A gap has shown: only what was never asked for is asked for.
    Gap,
    /// [`Nacker::INTERVAL`] has passed.
    Timer,
}

/// What a packet was to the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Others are missing before it: there is something to ask for at once.
    pub opens_gap: bool,
    /// It was missing itself, since then.
    pub missed_since: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    since: Time,
    asked_at: Option<Time>,
    times: u8,
}

impl Nacker {
    /// How often the list is looked through.
    pub const INTERVAL: Duration = Duration::from_millis(20);

    /// `rtt` is the time after which a request is repeated; below 20 ms it counts as 20 ms.
    pub fn new(rtt: Duration) -> Self {
        Self {
            unwrapper: SequenceUnwrapper::new(),
            newest: None,
            missing: BTreeMap::new(),
            rtt: rtt.max(Self::INTERVAL),
            given_up: 0,
        }
    }

    /// The round trip was measured again.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt.max(Self::INTERVAL);
    }

    /// A packet came; `is_recovered` if as a retransmission.
    pub fn receive(&mut self, now: Time, sequence_number: u16, is_recovered: bool) -> Received {
        let number = self.unwrapper.unwrap(sequence_number);
        let Some(newest) = self.newest else {
            self.newest = Some(number);
            return Received::default();
        };
        let missed_since = self.missing.remove(&number).map(|missing| missing.since);
        if number <= newest || is_recovered {
            return Received {
                opens_gap: false,
                missed_since,
            };
        }
        let missing = Missing {
            since: now,
            asked_at: None,
            times: 0,
        };
        let oldest = number.saturating_sub(MAX_MISSING);
        for gap in (newest + 1).max(oldest)..number {
            self.missing.insert(gap, missing);
        }
        self.newest = Some(number);
        Received {
            opens_gap: number > newest + 1,
            missed_since,
        }
    }

    /// What to ask for now.
    pub fn take(&mut self, now: Time, cause: Cause) -> Vec<u16> {
        let rtt = self.rtt;
        let mut wanted = Vec::new();
        let mut given_up = 0;
        self.missing.retain(|number, missing| {
            let is_due = match missing.asked_at {
                None => true,
                Some(asked) => cause == Cause::Timer && now.since(asked) >= rtt,
            };
            if is_due {
                if missing.times >= MAX_TIMES {
                    given_up += 1;
                    return false;
                }
                missing.times += 1;
                missing.asked_at = Some(now);
                wanted.push((*number & 0xffff) as u16);
            }
            true
        });
        self.given_up += given_up;
        wanted
    }

    /// A key frame that begins with or before this packet is whole: nothing before it is needed any more.
    pub fn forget_before(&mut self, sequence_number: u16) {
        let number = self.unwrapper.peek(sequence_number);
        self.missing = self.missing.split_off(&number);
    }

    /// Packets that are missing now.
    pub fn missing(&self) -> usize {
        self.missing.len()
    }
}

const MAX_TIMES: u8 = 10;
const MAX_MISSING: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_asked_for_at_once_then_every_round_trip_ten_times() {
        let mut nacker = Nacker::new(Duration::from_millis(50));
        let at = Time::from_millis;
        assert!(!nacker.receive(at(0), 65_534, false).opens_gap);
        assert!(nacker.receive(at(0), 1, false).opens_gap);
        assert_eq!(nacker.take(at(0), Cause::Gap), [65_535, 0]);
        assert_eq!(nacker.take(at(49), Cause::Timer), [0_u16; 0]);
        let repaired = nacker.receive(at(49), 0, true);
        assert_eq!(
            (repaired.opens_gap, repaired.missed_since),
            (false, Some(at(0)))
        );
        assert_eq!(nacker.take(at(50), Cause::Gap), [0_u16; 0]);
        for times in 1..10 {
            assert_eq!(nacker.take(at(times * 50), Cause::Timer), [65_535]);
        }
        assert_eq!(nacker.take(at(600), Cause::Timer), [0_u16; 0]);
        assert_eq!((nacker.given_up, nacker.missing()), (1, 0));
    }

    #[test]
    fn a_retransmission_beyond_the_newest_opens_no_gap() {
        let mut nacker = Nacker::new(Duration::ZERO);
        nacker.receive(Time::ZERO, 10, false);
        assert!(!nacker.receive(Time::ZERO, 20, true).opens_gap);
        assert_eq!(nacker.missing(), 0);
    }

    #[test]
    fn what_is_missing_before_a_whole_key_frame_is_forgotten() {
        let mut nacker = Nacker::new(Duration::ZERO);
        for number in [10, 12, 14] {
            nacker.receive(Time::ZERO, number, false);
        }
        nacker.forget_before(12);
        assert_eq!(nacker.take(Time::ZERO, Cause::Gap), [13]);
    }
}
