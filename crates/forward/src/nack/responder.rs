//! Answering viewers that ask for lost packets.

use std::time::Duration;

use xrtc_rtp::Time;

use super::crossing::{Doubt, UNKNOWN_RTT};
use super::spare::SpareCopies;

/// Decides how many copies answer a request.
///
/// A packet asked for again before the answer can have arrived is not sent again, nor is one whose answer was probably
/// arriving just then. Where this answer is the last one that comes before the viewer's picture stands still, the packet
/// is sent twice, or once in spite of the doubt; but such spare copies are never more than [`SpareCopies`] allows. The
/// memory is made when the first request comes.
#[derive(Debug, Default)]
pub(crate) struct NackResponder {
    recent: Vec<Recent>,
    spare: SpareCopies,
    last_answer: Option<Time>,
    /// How long the viewer waits until it asks again, on average.
    patience: Option<Duration>,
}

/// Where a packet stands among the frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FramePlace {
    /// The index of its frame's first packet, as far as is known.
    pub(crate) first: u64,
    /// When the packet before that one was received.
    pub(crate) before: Time,
}

#[derive(Clone, Copy, Debug)]
struct Recent {
    index: Option<u64>,
    answered: Time,
    /// The last request, unless it certainly crossed an answer.
    asked: Time,
    /// Requests, without those that certainly crossed an answer.
    requests: u8,
}

impl NackResponder {
    /// A request for a packet that is there. `place` is looked for only where it matters.
    pub(crate) fn admit(
        &mut self,
        now: Time,
        index: u64,
        rtt: Option<Duration>,
        place: impl FnOnce() -> Option<FramePlace>,
    ) -> Resend {
        let Some(recent) = self.recent(index) else {
            return Resend::No;
        };
        let requests = recent.requests.saturating_add(1);
        let rtt = rtt.map(|rtt| rtt.min(LONGEST_RTT));
        let is_repeated = requests > 1;
        let doubt = if is_repeated {
            Doubt::of(now.since(recent.answered), rtt)
        } else {
            Doubt::None
        };
        if doubt == Doubt::Certain {
            return Resend::No;
        }
        let waited = now.since(std::mem::replace(&mut recent.asked, now));
        recent.requests = requests;
        if is_repeated && doubt == Doubt::None {
            self.learn_patience(waited);
        }
        let may_matter = doubt == Doubt::Slight || self.spare.is_enough();
        let is_urgent = requests >= MANY_REQUESTS
            || is_repeated
                && may_matter
                && place().is_some_and(|place| self.is_last_chance(now, place, rtt));
        let resend = match doubt {
            Doubt::None if is_urgent && self.spare.spend() => Resend::Twice,
            Doubt::None => Resend::Once,
            Doubt::Slight if is_urgent => {
                // It may be a spare copy, or none; whoever has saved pays for it.
                self.spare.spend();
                Resend::Once
            }
            Doubt::Strong if is_urgent && self.spare.spend() => Resend::Once,
            _ => Resend::No,
        };
        if resend != Resend::No {
            self.note_answer(now, index, is_repeated);
        }
        resend
    }

    fn note_answer(&mut self, now: Time, index: u64, is_repeated: bool) {
        if let Some(recent) = self.recent(index) {
            recent.answered = now;
        }
        self.last_answer = Some(now);
        self.spare.earn(is_repeated);
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
        recent.asked = now;
        self.last_answer
            .is_some_and(|last| now.since(last) < LATELY)
    }

    /// Whether the picture goes on if this answer arrives and stands still if only the next one does.
    ///
    /// All times are those of sending: what lies between there and the viewer is the same for all packets.
    fn is_last_chance(&self, now: Time, place: FramePlace, rtt: Option<Duration>) -> bool {
        // The frame before is shown when the last of its repairs is there, unless that gets lost too.
        let repairs = self.recent.iter().filter(|recent| {
            recent.requests > 0 && recent.index.is_some_and(|index| index < place.first)
        });
        let shown = repairs
            .map(|recent| recent.answered)
            .fold(place.before, Time::max);
        let patience = self
            .patience
            .unwrap_or_else(|| rtt.unwrap_or(UNKNOWN_RTT) + TIMER / 2);
        let still = now.since(shown);
        still < STANDSTILL && still + patience >= STANDSTILL
    }

    fn learn_patience(&mut self, sample: Duration) {
        let sample = sample.min(LONGEST_RTT);
        let patience = self.patience.map_or(sample, |old| (old * 7 + sample) / 8);
        self.patience = Some(patience);
    }

    /// The place of a packet, cleared if it was another's.
    fn recent(&mut self, index: u64) -> Option<&mut Recent> {
        let nothing = Recent {
            index: None,
            answered: Time::ZERO,
            asked: Time::ZERO,
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
    /// It came too soon after the last answer for this packet.
    No,
    /// The packet is resent.
    Once,
    /// The packet is resent, and once more to be sure.
    Twice,
}

/// A second of a large stream: requests concern the last few round trips.
const REMEMBERED: usize = 256;
/// A viewer that lost nothing for so long gets no second copies on suspicion.
const LATELY: Duration = Duration::from_secs(5);
const LONGEST_RTT: Duration = Duration::from_millis(500);
/// Between two frames: people see it as a standstill, and webrtc-stats counts a freeze (150 ms more than usual).
const STANDSTILL: Duration = Duration::from_millis(200);
/// libwebrtc looks through its list of missing packets that often (`modules/video_coding/nack_requester.cc`).
const TIMER: Duration = Duration::from_millis(20);
/// Viewers ask ten times at most, and half a second late a packet is of no use to anybody.
const MANY_REQUESTS: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(50);

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    /// Of a frame whose first packet is `first`, one frame after `before`.
    fn place(first: u64, before: u64) -> impl Fn() -> Option<FramePlace> {
        move || {
            Some(FramePlace {
                first,
                before: at(before),
            })
        }
    }

    fn nowhere() -> Option<FramePlace> {
        None
    }

    /// A viewer that has earned spare copies and asks again after 60 ms.
    fn trusted() -> NackResponder {
        let mut responder = NackResponder::default();
        for index in 0..200 {
            assert_eq!(
                responder.admit(at(0), index, Some(RTT), nowhere),
                Resend::Once
            );
        }
        for index in 0..50 {
            assert_eq!(
                responder.admit(at(60), index, Some(RTT), nowhere),
                Resend::Once
            );
        }
        responder
    }

    #[test]
    fn a_packet_is_resent_once_a_round_trip() {
        let mut responder = NackResponder::default();
        let mut ask = |millis, index| responder.admit(at(millis), index, Some(RTT), nowhere);
        assert_eq!(ask(100, 7), Resend::Once);
        assert_eq!(ask(110, 7), Resend::No);
        assert_eq!(ask(139, 7), Resend::No);
        assert_eq!(ask(152, 7), Resend::Once);
        assert_eq!(ask(152, 8), Resend::Once);
    }

    #[test]
    fn a_packet_is_not_resent_while_the_answer_before_is_arriving() {
        for late in [0, 1] {
            let mut responder = trusted();
            let mut ask = |millis| responder.admit(at(millis), 1_000, Some(RTT), nowhere);
            assert_eq!(ask(1_000), Resend::Once);
            assert_eq!(ask(1_050 + late), Resend::No);
            assert_eq!(ask(1_110), Resend::Once);
        }
    }

    #[test]
    fn at_the_last_chance_it_is_resent_though_the_answer_may_be_arriving() {
        // So soon after the round trip it costs a spare copy, a little later it costs none.
        for (late, has_spare, expected) in [
            (0, true, Resend::Once),
            (0, false, Resend::No),
            (1, false, Resend::Once),
        ] {
            let mut responder = trusted();
            while !has_spare && responder.spare.spend() {}
            let mut ask = |millis| responder.admit(at(millis), 1_000, Some(RTT), place(1_000, 967));
            assert_eq!(ask(1_060), Resend::Once);
            assert_eq!(ask(1_110 + late), expected);
        }
    }

    #[test]
    fn what_arrives_just_in_time_is_sent_twice() {
        let mut responder = trusted();
        let mut ask = |millis, index, before| {
            responder.admit(at(millis), index, Some(RTT), place(1_000, before))
        };
        // Frames at 967 and 1,000, the latter with this packet.
        assert_eq!(ask(1_050, 1_000, 967), Resend::Once);
        // The next answer would be there 143 + 60 ms after the frame before.
        assert_eq!(ask(1_110, 1_000, 967), Resend::Twice);
        // Now the picture stands still.
        assert_eq!(ask(1_170, 1_000, 967), Resend::Once);
    }

    #[test]
    fn there_is_time_while_the_frame_before_is_late_itself() {
        let mut responder = trusted();
        let mut ask =
            |millis, index| responder.admit(at(millis), index, Some(RTT), place(1_000, 967));
        assert_eq!(ask(1_050, 1_000), Resend::Once);
        assert_eq!(ask(1_060, 999), Resend::Once);
        assert_eq!(ask(1_110, 1_000), Resend::Once);
        assert_eq!(ask(1_170, 1_000), Resend::Once);
        assert_eq!(ask(1_230, 1_000), Resend::Twice);
    }

    #[test]
    fn what_was_asked_for_five_times_is_sent_twice() {
        let mut responder = trusted();
        let mut ask = |millis| responder.admit(at(millis), 7_000, Some(RTT), nowhere);
        let answers = [2_000, 2_060, 2_120, 2_180, 2_240].map(&mut ask);
        assert_eq!(answers[..4], [Resend::Once; 4]);
        assert_eq!(answers[4], Resend::Twice);
    }
}
