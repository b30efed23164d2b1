//! Answering viewers that ask for lost packets.

use std::time::Duration;

use xrtc_rtp::Time;

/// Decides how many copies answer a request.
///
/// A packet asked for again before the answer can have arrived is not sent again. One that was asked for several times
/// is sent twice, because few chances are left until it is too late for its frame; but such spare copies are never more
/// than a small share of all answers, and go where the need is greatest. The memory is made when the first request comes.
#[derive(Debug, Default)]
pub(crate) struct NackResponder {
    recent: Vec<Recent>,
    spare: SpareCopies,
    last_answer: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Recent {
    index: Option<u64>,
    answered: Time,
    /// Requests that were answered, or could not be.
    requests: u8,
}

impl NackResponder {
    /// A request for a packet that is there.
    pub(crate) fn admit(&mut self, now: Time, index: u64, rtt: Option<Duration>) -> Resend {
        let Some(recent) = self.recent(index) else {
            return Resend::No;
        };
        // A little less than the round trip: viewers repeat requests after exactly that.
        let quiet = rtt.unwrap_or(UNKNOWN_RTT).min(LONGEST_RTT) * 4 / 5;
        if recent.requests > 0 && now.since(recent.answered) < quiet {
            return Resend::No;
        }
        recent.answered = now;
        recent.requests = recent.requests.saturating_add(1);
        let requests = recent.requests;
        self.last_answer = Some(now);
        self.spare.earn();
        if self.spare.spend(requests) {
            Resend::Twice
        } else {
            Resend::Once
        }
    }

    /// A request for a packet that is not here yet.
    pub(crate) fn miss(&mut self, index: u64) {
        if let Some(recent) = self.recent(index) {
            recent.requests = recent.requests.saturating_add(1);
        }
    }

    /// A packet that was repaired on its way here is sent for the first time. `true`: it is sent twice, because half its
    /// time is gone, and this viewer has lost packets of its own lately.
    pub(crate) fn forwarded_late(&mut self, now: Time, index: u64) -> bool {
        let place = index as usize % REMEMBERED;
        let recent = self.recent.get_mut(place);
        let Some(recent) = recent.filter(|recent| recent.index == Some(index)) else {
            return false;
        };
        // The requests that are under way ask for what is under way.
        recent.answered = now;
        self.last_answer
            .is_some_and(|last| now.since(last) < LATELY)
    }

    /// The place of a packet, cleared if it was another's.
    fn recent(&mut self, index: u64) -> Option<&mut Recent> {
        let nothing = Recent {
            index: None,
            answered: Time::ZERO,
            requests: 0,
        };
        if self.recent.is_empty() {
            self.recent.resize(REMEMBERED, nothing);
        }
        let recent = self.recent.get_mut(index as usize % REMEMBERED)?;
        if recent.index != Some(index) {
            *recent = Recent {
                index: Some(index),
                ..nothing
            };
        }
        Some(recent)
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resend {
    /// It came too soon after the last one for this packet.
    No,
    /// The packet is resent.
    Once,
    /// The packet is resent, and once more to be sure.
    Twice,
}

/// The copies that may be sent beyond one for each request.
#[derive(Clone, Copy, Debug)]
struct SpareCopies {
    /// Of a copy.
    parts: u16,
}

impl SpareCopies {
    /// A request is answered.
    const fn earn(&mut self) {
        if self.parts < MOST_SPARE * PARTS {
            self.parts += 1;
        }
    }

    /// Whether a packet that was asked for so often gets one.
    const fn spend(&mut self, requests: u8) -> bool {
        let reserve = match requests {
            0 | 1 => return false,
            2 => RESERVE,
            _ => 0,
        };
        let is_enough = self.parts >= PARTS + reserve;
        if is_enough {
            self.parts -= PARTS;
        }
        is_enough
    }
}

impl Default for SpareCopies {
    fn default() -> Self {
        Self { parts: PARTS }
    }
}

/// What one viewer may have resent: a share of what it was sent, so that a viewer whose link carries less than
/// the stream is not sent ever more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResendBudget {
    bytes: u32,
    /// It loses so much that its link must be full: the media alone is too much for it.
    is_crowded: bool,
    /// The last report said so.
    seems_crowded: bool,
}

impl ResendBudget {
    /// So much was sent for the first time.
    pub(crate) fn sent(&mut self, bytes: usize) {
        let share = if self.is_crowded {
            bytes / CROWDED_SHARE
        } else {
            bytes
        };
        let share = u32::try_from(share).unwrap_or(MOST_BYTES);
        self.bytes = self.bytes.saturating_add(share).min(MOST_BYTES);
    }

    /// The viewer reported what it lost lately, in 256ths. One report may be of a few packets that were only late.
    pub(crate) fn note_loss(&mut self, fraction_lost: u8) {
        let seemed = std::mem::replace(&mut self.seems_crowded, fraction_lost >= CROWDED);
        self.is_crowded = seemed && self.seems_crowded;
        if self.is_crowded {
            self.bytes = self.bytes.min(MOST_BYTES_CROWDED);
        }
    }

    /// Whether so much may be resent; if so it is taken off.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let left = u32::try_from(bytes)
            .ok()
            .and_then(|bytes| self.bytes.checked_sub(bytes));
        if let Some(left) = left {
            self.bytes = left;
        }
        left.is_some()
    }
}

impl Default for ResendBudget {
    fn default() -> Self {
        Self {
            bytes: MOST_BYTES,
            is_crowded: false,
            seems_crowded: false,
        }
    }
}

/// A second of a large stream: requests concern the last few round trips.
const REMEMBERED: usize = 256;
/// One answer in so many may be doubled: at no rate of loss does that make more than 1.02 / (1 - loss) resends of each
/// lost packet.
const PARTS: u16 = 64;
const MOST_SPARE: u16 = 8;
/// A viewer that lost nothing for so long gets no second copies on suspicion.
const LATELY: Duration = Duration::from_secs(5);
/// Kept for packets asked for three times, when others are only asked for twice.
const RESERVE: u16 = 2 * PARTS;
/// Before the first report a resend is repeated only if asked for by a second request some time later.
const UNKNOWN_RTT: Duration = Duration::from_millis(20);
const LONGEST_RTT: Duration = Duration::from_millis(500);
/// A third lost: no more than a fifth is left to chance on links that are still of use. Then resends only take room from
/// the media that follows; up to there they may be as much as the media, because receivers ask at once for whatever is
/// overtaken, lost or not.
const CROWDED: u8 = 85;
const CROWDED_SHARE: usize = 8;
/// What a burst of losses may take at once.
const MOST_BYTES: u32 = 256 * 1024;
const MOST_BYTES_CROWDED: u32 = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(50);

    #[test]
    fn a_packet_is_resent_once_a_round_trip() {
        let mut responder = NackResponder::default();
        let at = Time::from_millis;
        assert_eq!(responder.admit(at(100), 7, Some(RTT)), Resend::Once);
        assert_eq!(responder.admit(at(110), 7, Some(RTT)), Resend::No);
        assert_eq!(responder.admit(at(139), 7, Some(RTT)), Resend::No);
        assert_eq!(responder.admit(at(140), 7, Some(RTT)), Resend::Once);
        assert_eq!(responder.admit(at(140), 8, Some(RTT)), Resend::Once);
    }

    #[test]
    fn what_is_asked_for_a_third_time_is_sent_twice() {
        let mut responder = NackResponder::default();
        let mut ask = |millis, index| responder.admit(Time::from_millis(millis), index, Some(RTT));
        assert_eq!(
            [100, 150, 200].map(|millis| ask(millis, 7)),
            [Resend::Once, Resend::Once, Resend::Twice]
        );
    }

    #[test]
    fn spare_copies_are_less_than_a_fiftieth_of_all() {
        let mut responder = NackResponder::default();
        let (mut answers, mut spare) = (0, 0);
        for index in 0..1_000 {
            for round in 0..5 {
                let now = Time::from_millis(index * 300 + round * 50);
                answers += 1;
                spare += u32::from(responder.admit(now, index, Some(RTT)) == Resend::Twice);
            }
        }
        assert!(
            (answers / 70..answers / 50).contains(&spare),
            "{spare} of {answers}"
        );
    }

    #[test]
    fn the_budget_is_a_share_of_what_was_sent() {
        let mut budget = ResendBudget::default();
        assert!(budget.take(256 * 1024));
        assert!(!budget.take(1_000));
        budget.sent(999);
        assert!(!budget.take(1_000));
        budget.sent(1);
        assert!(budget.take(1_000));
    }

    #[test]
    fn who_loses_a_third_gets_little_resent() {
        let mut budget = ResendBudget::default();
        budget.note_loss(85);
        budget.note_loss(85);
        assert!(budget.take(16 * 1024));
        assert!(!budget.take(1));
        budget.sent(8_000);
        assert!(budget.take(1_000));
        assert!(!budget.take(1));
        budget.note_loss(84);
        budget.sent(8_000);
        assert!(budget.take(8_000));
    }
}
