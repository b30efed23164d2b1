//! Which source packets became which outgoing packets: a short list of straight pieces.

use xrtc_prefetch::prefetch;

use super::PayloadChange;
use crate::Limits;
use crate::packet::Origin;

/// A run of packets from one origin that went out with one shift of all their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) origin: Origin,
    pub(crate) payload_type: u8,
    pub(crate) rtx_payload_type: Option<u8>,
    /// Whether its packets may be asked for again.
    pub(crate) nack: bool,
    /// Whether padding may be added: not where a packet may have to be repeated bit by bit.
    pub(crate) may_pad: bool,
    /// The first source sequence number.
    pub(crate) source_start: u64,
    /// The last one; no limit for the present segment.
    pub(crate) source_end: u64,
    /// What the first one became.
    pub(crate) out_start: u64,
    pub(crate) clock: SegmentClock,
    pub(crate) change: PayloadChange,
    /// Added to the frame numbers of dependency descriptors.
    pub(crate) frame_shift: u16,
}

/// What becomes of the timestamps of one segment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SegmentClock {
    /// Added to timestamps, so that they stay in step with the publisher's clock.
    pub(crate) shift: u32,
    /// The timestamp of the segment's first packet.
    first: u32,
    /// The last timestamp sent before, which the segment may begin behind.
    floor: Option<u32>,
}

impl SegmentClock {
    /// Of a segment whose first packet has the timestamp `first` and shall have `wanted`, after `floor`.
    pub(crate) const fn new(first: u32, wanted: u32, floor: Option<u32>) -> Self {
        Self {
            shift: wanted.wrapping_sub(first),
            first,
            floor,
        }
    }

    /// The outgoing timestamp.
    ///
    /// A layer whose packets take longer begins behind what was sent of the other. Its frames follow at once
    /// then, a few ticks apart, until they have caught up: the shift itself never yields, because sound and
    /// picture would part.
    pub(crate) const fn apply(&self, timestamp: u32) -> u32 {
        let shifted = timestamp.wrapping_add(self.shift);
        let Some(floor) = self.floor else {
            return shifted;
        };
        let since = timestamp.wrapping_sub(self.first) as i32;
        let least = floor.wrapping_add(((since >> CATCH_UP) + 1) as u32);
        if shifted.wrapping_sub(least) as i32 >= 0 {
            shifted
        } else {
            least
        }
    }
}

impl Segment {
    /// The outgoing number of a source packet, if it belongs here.
    pub(crate) fn out(&self, origin: Origin, sequence: u64) -> Option<u64> {
        let here =
            self.origin == origin && sequence >= self.source_start && sequence <= self.source_end;
        here.then(|| self.out_start + (sequence - self.source_start))
    }

    /// Whether what comes next of its origin belongs to it.
    pub(crate) const fn is_open(&self) -> bool {
        self.source_end == u64::MAX
    }

    /// The source number of an outgoing packet, if it belongs here.
    pub(crate) fn source(&self, out: u64) -> Option<u64> {
        let sequence = out
            .checked_sub(self.out_start)?
            .checked_add(self.source_start)?;
        (sequence <= self.source_end).then_some(sequence)
    }
}

/// The present segment and the latest of those before it.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    /// Apart from the others, because nearly every packet belongs to it.
    current: Option<Segment>,
    /// The oldest first. Most viewers stay with one segment for their whole life: there is room from the second one on.
    past: Vec<Segment>,
}

impl Segments {
    pub(crate) const fn current(&self) -> Option<&Segment> {
        self.current.as_ref()
    }

    /// Loads what [`Self::find`] needs for nearly every packet.
    pub(crate) fn prefetch(&self) {
        prefetch(&self.current);
    }

    /// Ends the present segment where it was last sent from and begins another.
    pub(crate) fn begin(&mut self, segment: Segment, highest_out: Option<u64>) {
        self.end(highest_out);
        if let Some(before) = self.current.replace(segment) {
            if self.past.len() >= MAX_PAST {
                self.past.remove(0);
            } else if self.past.capacity() == 0 {
                self.past.reserve_exact(MAX_PAST);
            }
            self.past.push(before);
        }
    }

    /// Ends the present segment where it was last sent from.
    pub(crate) fn end(&mut self, highest_out: Option<u64>) {
        if let Some(last) = &mut self.current {
            // Nothing was sent of it if its start is higher still.
            let end = match highest_out.and_then(|highest| highest.checked_sub(last.out_start)) {
                Some(sent) => last.source_start + sent,
                None => last.source_start.saturating_sub(1),
            };
            last.source_end = last.source_end.min(end);
        }
    }

    /// The segment that a source packet belongs to, with its outgoing number.
    pub(crate) fn find(&self, origin: Origin, sequence: u64) -> Option<(&Segment, u64)> {
        self.newest_first()
            .find_map(|segment| Some((segment, segment.out(origin, sequence)?)))
    }

    /// The segment that an outgoing packet belonged to, with its source number.
    pub(crate) fn find_out(&self, out: u64) -> Option<(&Segment, u64)> {
        let segment = self
            .newest_first()
            .find(|segment| segment.out_start <= out)?;
        Some((segment, segment.source(out)?))
    }

    fn newest_first(&self) -> impl Iterator<Item = &Segment> {
        self.current.iter().chain(self.past.iter().rev())
    }
}

/// Segments kept besides the present one.
const MAX_PAST: usize = Limits::MAX_SEGMENTS - 1;
/// Frames that catch up are so many times (as a power of two) closer to each other.
const CATCH_UP: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(layer: u8) -> Origin {
        Origin::new(0, 0, 0, layer, 0)
    }

    fn segment(layer: u8, source_start: u64, out_start: u64) -> Segment {
        Segment {
            origin: origin(layer),
            payload_type: 96,
            rtx_payload_type: None,
            nack: true,
            may_pad: false,
            source_start,
            source_end: u64::MAX,
            out_start,
            clock: SegmentClock::default(),
            change: PayloadChange::default(),
            frame_shift: 0,
        }
    }

    #[test]
    fn each_outgoing_number_has_one_source() {
        let mut segments = Segments::default();
        segments.begin(segment(0, 500, 10), None);
        segments.begin(segment(1, 70, 16), Some(15));
        let found = |out| segments.find_out(out).map(|(s, n)| (s.origin.layer(), n));
        assert_eq!(found(9), None);
        assert_eq!(found(10), Some((0, 500)));
        assert_eq!(found(15), Some((0, 505)));
        assert_eq!(found(16), Some((1, 70)));
        let to = |layer, sequence| segments.find(origin(layer), sequence).map(|(_, out)| out);
        assert_eq!(to(0, 505), Some(15));
        assert_eq!(to(0, 506), None, "it would be 16, which is another packet");
        assert_eq!(to(1, 70), Some(16));
        assert_eq!(to(1, 69), None);
    }

    #[test]
    fn a_segment_of_which_nothing_was_sent_keeps_nothing() {
        let mut segments = Segments::default();
        segments.begin(segment(0, 500, 10), None);
        segments.begin(segment(1, 70, 16), Some(15));
        segments.begin(segment(2, 7, 16), Some(15));
        assert!(segments.find(origin(1), 70).is_none());
        assert_eq!(
            segments.find_out(16).map(|(s, n)| (s.origin.layer(), n)),
            Some((2, 7))
        );
    }

    #[test]
    fn timestamps_catch_up_without_going_back() {
        let clock = SegmentClock::new(1_000, 50_000, Some(56_000));
        let out: Vec<u32> = (0..5)
            .map(|frame| clock.apply(1_000 + 3_000 * frame))
            .collect();
        assert_eq!(out, [56_001, 56_047, 56_094, 59_000, 62_000]);
        let clock = SegmentClock::new(u32::MAX, 10, Some(7));
        assert_eq!((clock.apply(u32::MAX), clock.apply(2_999)), (10, 3_010));
    }

    #[test]
    fn only_the_latest_segments_are_kept() {
        let mut segments = Segments::default();
        for n in 0..20 {
            segments.begin(segment(0, 0, 10 * n), (10 * n).checked_sub(5));
        }
        assert!(segments.find_out(115).is_none());
        assert!(segments.find_out(126).is_none());
        assert!(segments.find_out(120).is_some());
    }
}
