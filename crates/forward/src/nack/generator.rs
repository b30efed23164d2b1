//! Asking the publisher for lost packets.

use std::collections::VecDeque;
use std::time::Duration;

use xrtc_prefetch::prefetch;
use xrtc_rtp::Time;

use super::RttEstimate;
use super::insistence::Insistence;
use super::reordering::Reordering;
use crate::Limits;

/// Finds the gaps in one layer's sequence numbers and says when to ask for what.
///
/// A gap is asked for at once, unless packets have lately been overtaking each other: then only after the
/// time by which most stragglers are there. A request is repeated every round trip, up to a count and an age; and three
/// times as often where the publisher is known to answer no more for that.
#[derive(Debug)]
pub(crate) struct NackGenerator {
    highest: Option<u64>,
    /// In ascending order.
    missing: VecDeque<Missing>,
    reordering: Reordering,
    insistence: Insistence,
    /// Whether the publisher can be asked; if not, gaps are only found and soon given up.
    asks: bool,
    /// Whether retransmissions have an SSRC of their own, so that nothing else is mistaken for one.
    has_rtx: bool,
}

/// How a packet came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Under the media's SSRC.
    Original,
    /// Restored from an RTX packet.
    Retransmission,
}

/// What [`NackGenerator::collect`] found beside the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GivenUp {
    /// The highest sequence number given up now.
    pub(crate) highest: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    sequence: u64,
    noticed: Time,
    first_request: Time,
    last_request: Time,
    tries: u8,
    due: Time,
}

impl NackGenerator {
    pub(crate) fn new(asks: bool, has_rtx: bool) -> Self {
        Self {
            highest: None,
            missing: VecDeque::new(),
            reordering: Reordering::default(),
            insistence: Insistence::default(),
            asks,
            has_rtx,
        }
    }

    /// Loads what a packet in its order touches.
    pub(crate) fn prefetch(&self) {
        prefetch(&self.highest);
        prefetch(&self.missing);
    }

    /// Forgets what is missing: the numbering starts anew.
    pub(crate) fn restart(&mut self) {
        self.highest = None;
        self.missing.clear();
    }

    /// Whether this packet was asked for.
    pub(crate) fn was_requested(&self, sequence: u64) -> bool {
        self.find(sequence)
            .is_some_and(|at| self.missing.get(at).is_some_and(|m| m.tries > 0))
    }

    /// A retransmission arrived of a packet that was there.
    pub(crate) fn repaired_again(&mut self, sequence: u64) {
        self.insistence.repaired_again(sequence);
    }

    /// A packet arrived that was not there before. Returns `false` if the gaps became too many and were
    /// given up.
    pub(crate) fn arrived(
        &mut self,
        now: Time,
        sequence: u64,
        how: Arrival,
        rtt: &mut RttEstimate,
    ) -> bool {
        let Some(highest) = self.highest else {
            self.highest = Some(sequence);
            return true;
        };
        if sequence <= highest {
            if let Some(missing) = self.find(sequence).and_then(|at| self.missing.remove(at)) {
                self.filled(now, missing, how, rtt);
            }
            return true;
        }
        self.highest = Some(sequence);
        let gap = sequence - highest - 1;
        if gap == 0 {
            return true;
        }
        if gap + self.missing.len() as u64 > Limits::MAX_MISSING as u64 {
            self.missing.clear();
            return false;
        }
        let wait = if self.asks {
            // Nearly all stragglers are there by then; for the others a request too many costs less than the wait
            // costs whatever is really lost.
            self.reordering.wait(now) * 7 / 8
        } else {
            PATIENCE_WITHOUT_NACK
        };
        let due = now + wait;
        for sequence in highest + 1..sequence {
            self.missing.push_back(Missing {
                sequence,
                noticed: now,
                first_request: now,
                last_request: now,
                tries: 0,
                due,
            });
        }
        true
    }

    /// Puts what is to be asked for now into `out`, as far as it has room, and gives up what was asked for
    /// often or long enough.
    pub(crate) fn collect(
        &mut self,
        now: Time,
        rtt: &RttEstimate,
        room: usize,
        out: &mut Vec<u16>,
    ) -> GivenUp {
        let mut given_up = GivenUp::default();
        let insists = self.insists(rtt);
        let rtt = rtt.get();
        let again = (rtt + rtt / 16).max(SHORTEST_RETRY);
        // A repetition that failed may cost a frame, so that the next one comes sooner.
        let urgently = (rtt / 2).max(SHORTEST_RETRY);
        // With three requests in a round trip one that gets lost costs a third of it; and so does the publisher's wait
        // of a round trip between two answers, which begins when it answers.
        let insistently = (again / 3).max(SHORTEST_RETRY);
        let most = Limits::MAX_NACK_TRIES * if insists { 3 } else { 1 };
        let patience = (rtt * 4).clamp(PATIENCE, LONGEST_PATIENCE);
        self.missing.retain_mut(|missing| {
            if missing.due > now {
                return true;
            }
            let exhausted = !self.asks || missing.tries >= most;
            if exhausted || now.since(missing.noticed) >= patience {
                given_up.highest = given_up.highest.max(Some(missing.sequence));
                return false;
            }
            if out.len() < room {
                out.push(missing.sequence as u16);
                if missing.tries == 0 {
                    missing.first_request = now;
                }
                missing.last_request = now;
                missing.tries += 1;
                missing.due = now
                    + if insists {
                        insistently
                    } else if URGENT.contains(&missing.tries) {
                        urgently
                    } else {
                        again
                    };
            }
            true
        });
        given_up
    }

    /// When [`Self::collect`] has something to do.
    pub(crate) fn due(&self) -> Option<Time> {
        self.missing.iter().map(|missing| missing.due).min()
    }

    /// Whether requests are repeated before their answers can be there.
    const fn insists(&self, rtt: &RttEstimate) -> bool {
        self.has_rtx && rtt.is_shared() && self.insistence.is_worth_it()
    }

    fn find(&self, sequence: u64) -> Option<usize> {
        self.missing
            .binary_search_by_key(&sequence, |missing| missing.sequence)
            .ok()
    }

    /// Learns from a gap that closed: the round trip, or how late stragglers are.
    fn filled(&mut self, now: Time, missing: Missing, how: Arrival, rtt: &mut RttEstimate) {
        let since_first = now.since(missing.first_request);
        let answered = missing.tries > 0
            && match how {
                Arrival::Retransmission => true,
                // Sooner than an answer can be.
                Arrival::Original => !self.has_rtx && since_first >= rtt.get() * 4 / 5,
            };
        if !answered {
            if how == Arrival::Original {
                self.reordering.learn(now, now.since(missing.noticed));
            }
            return;
        }
        if missing.tries == 1 {
            rtt.learn(since_first);
        } else if self.insists(rtt) {
            self.insistence.repaired(missing.sequence);
            // It may be the answer to any of them. The first one's it is most often; and if it is not, that must
            // not count for much.
            rtt.learn(since_first.min(rtt.get() * 3 / 2));
        } else if missing.tries == 2 && now.since(missing.last_request) < rtt.get() * 3 / 5 {
            // So soon after the second request, it is the first one's answer.
            rtt.learn(since_first);
        }
    }
}

/// After so many requests the next one comes sooner.
const URGENT: std::ops::Range<u8> = 2..5;
/// As libwebrtc's receivers do.
const SHORTEST_RETRY: Duration = Duration::from_millis(20);
/// After that a viewer's picture stands still anyway, and a key frame helps sooner.
const PATIENCE: Duration = Duration::from_millis(500);
const PATIENCE_WITHOUT_NACK: Duration = Duration::from_millis(100);
const LONGEST_PATIENCE: Duration = Duration::from_millis(1_000);

#[cfg(test)]
mod tests {
    use super::*;

    struct Run {
        generator: NackGenerator,
        rtt: RttEstimate,
    }

    impl Run {
        fn new() -> Self {
            Self {
                generator: NackGenerator::new(true, true),
                rtt: RttEstimate::default(),
            }
        }

        fn original(&mut self, millis: u64, sequence: u64) {
            let now = Time::from_millis(millis);
            assert!(
                self.generator
                    .arrived(now, sequence, Arrival::Original, &mut self.rtt)
            );
        }

        fn repair(&mut self, millis: u64, sequence: u64) {
            let now = Time::from_millis(millis);
            self.generator
                .arrived(now, sequence, Arrival::Retransmission, &mut self.rtt);
        }

        fn asked(&mut self, millis: u64) -> Vec<u16> {
            let mut out = Vec::new();
            self.generator
                .collect(Time::from_millis(millis), &self.rtt, 1_000, &mut out);
            out
        }
    }

    #[test]
    fn a_gap_is_asked_for_at_once_and_again_every_round_trip() {
        let mut run = Run::new();
        run.rtt.tell(Duration::from_millis(40));
        run.original(0, 100);
        run.original(10, 103);
        assert_eq!(run.generator.due(), Some(Time::from_millis(10)));
        assert_eq!(run.asked(10), [101, 102]);
        assert_eq!(run.asked(11), []);
        run.repair(50, 101);
        assert_eq!(run.asked(52), []);
        assert_eq!(run.asked(53), [102]);
    }

    #[test]
    fn a_packet_is_given_up_after_ten_requests() {
        let mut run = Run::new();
        run.rtt.tell(Duration::from_millis(10));
        run.original(0, 100);
        run.original(0, 102);
        let mut asked = 0;
        let mut out = Vec::new();
        for millis in 0..300 {
            let now = Time::from_millis(millis);
            let given_up = run.generator.collect(now, &run.rtt, 1_000, &mut out);
            asked += out.len();
            out.clear();
            if given_up.highest.is_some() {
                assert_eq!((given_up.highest, asked, millis), (Some(101), 10, 200));
                return;
            }
        }
        panic!("never given up");
    }

    #[test]
    fn a_packet_is_given_up_after_half_a_second() {
        let mut run = Run::new();
        run.original(0, 100);
        run.original(0, 102);
        let mut last = 0;
        for millis in 0..2_000 {
            if !run.asked(millis).is_empty() {
                last = millis;
            }
        }
        assert!((400..500).contains(&last), "{last}");
        assert_eq!(run.generator.due(), None);
    }

    #[test]
    fn stragglers_teach_to_wait_and_a_quiet_spell_unteaches() {
        let mut run = Run::new();
        run.original(0, 100);
        for n in 0..20 {
            run.original(40 * n, 102 + 2 * n);
            run.original(40 * n + 30, 101 + 2 * n);
        }
        run.original(1_000, 1_000 - 850);
        let due = run.generator.due().unwrap().since(Time::from_millis(1_000));
        assert!(
            due > Duration::from_millis(21) && due <= Duration::from_millis(27),
            "{due:?}"
        );
        run.generator.restart();
        run.original(20_000, 1);
        run.original(20_000, 3);
        assert_eq!(run.generator.due(), Some(Time::from_millis(20_000)));
    }

    #[test]
    fn the_round_trip_is_learned_from_answers() {
        let mut run = Run::new();
        run.original(0, 100);
        for n in 0..40 {
            run.original(100 * n, 102 + 2 * n);
            assert_eq!(run.asked(100 * n).len(), 1);
            run.repair(100 * n + 30, 101 + 2 * n);
        }
        let rtt = run.rtt.get();
        assert!(rtt < Duration::from_millis(32), "{rtt:?}");
    }

    /// The publisher was told what it needs to measure the round trip.
    fn insistent() -> Run {
        let mut run = Run::new();
        run.rtt.tell(Duration::from_millis(90));
        run.rtt.reported();
        run.rtt.reported();
        run.original(0, 100);
        run
    }

    #[test]
    fn a_publisher_that_knows_the_round_trip_is_asked_three_times_in_it() {
        let mut run = insistent();
        run.original(10, 102);
        let asked = (10..110).filter(|&millis| !run.asked(millis).is_empty());
        assert_eq!(asked.collect::<Vec<_>>(), [10, 42, 74, 106]);
    }

    #[test]
    fn a_publisher_that_answers_every_request_is_asked_once_in_a_round_trip() {
        let mut run = insistent();
        for n in 0..10 {
            let (at, lost) = (1_000 * n, 100 + 2 * n);
            run.original(at, lost + 1);
            run.original(at, lost - 1);
            for millis in at..at + 90 {
                run.asked(millis);
            }
            run.repair(at + 90, lost);
            run.generator.repaired_again(lost);
            run.generator.repaired_again(lost);
        }
        run.original(20_000, 1_000 - 850);
        let asked = (20_000..20_090).filter(|&millis| !run.asked(millis).is_empty());
        assert_eq!(asked.count(), 1);
    }

    #[test]
    fn a_publisher_that_cannot_be_asked_is_not_asked() {
        let mut run = Run::new();
        run.generator = NackGenerator::new(false, false);
        run.original(0, 100);
        run.original(0, 102);
        let mut out = Vec::new();
        let mut collect = |millis| {
            run.generator
                .collect(Time::from_millis(millis), &run.rtt, 9, &mut out)
        };
        assert_eq!(collect(99).highest, None);
        assert_eq!(collect(100).highest, Some(101));
        assert_eq!(out, []);
    }

    #[test]
    fn too_many_gaps_are_given_up_at_once() {
        let mut run = Run::new();
        run.original(0, 100);
        let now = Time::ZERO;
        assert!(
            !run.generator
                .arrived(now, 1_000, Arrival::Original, &mut run.rtt)
        );
        assert_eq!(run.generator.due(), None);
    }
}
