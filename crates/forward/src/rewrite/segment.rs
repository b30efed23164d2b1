//! Which source packets became which outgoing packets: a short list of straight pieces.

use arrayvec::ArrayVec;

use super::PictureShift;
use crate::Limits;
use crate::packet::Origin;

/// A run of packets from one origin that went out with one shift of all their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) origin: Origin,
    pub(crate) payload_type: u8,
    pub(crate) rtx_payload_type: Option<u8>,
    /// The first source sequence number.
    pub(crate) source_start: u64,
    /// The last one; no limit for the present segment.
    pub(crate) source_end: u64,
    /// What the first one became.
    pub(crate) out_start: u64,
    /// Added to timestamps.
    pub(crate) timestamp_shift: u32,
    /// How much of this was needed only to keep timestamps growing.
    pub(crate) timestamp_excess: u32,
    pub(crate) picture_shift: PictureShift,
}

impl Segment {
    /// The outgoing number of a source packet, if it belongs here.
    pub(crate) fn out(&self, origin: Origin, sequence: u64) -> Option<u64> {
        let here =
            self.origin == origin && sequence >= self.source_start && sequence <= self.source_end;
        here.then(|| self.out_start + (sequence - self.source_start))
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
    /// The present one is the last.
    list: ArrayVec<Segment, { Limits::MAX_SEGMENTS }>,
}

impl Segments {
    pub(crate) fn current(&self) -> Option<&Segment> {
        self.list.last()
    }

    /// Ends the present segment where it was last sent from and begins another.
    pub(crate) fn begin(&mut self, segment: Segment, highest_out: Option<u64>) {
        if let (Some(last), Some(highest)) = (self.list.last_mut(), highest_out) {
            // Nothing was sent of it if its start is higher still.
            last.source_end = match highest.checked_sub(last.out_start) {
                Some(sent) => last.source_start + sent,
                None => last.source_start.saturating_sub(1),
            };
        }
        if self.list.is_full() {
            self.list.remove(0);
        }
        self.list.push(segment);
    }

    /// The segment that a source packet belongs to, with its outgoing number.
    pub(crate) fn find(&self, origin: Origin, sequence: u64) -> Option<(&Segment, u64)> {
        self.list
            .iter()
            .rev()
            .find_map(|segment| Some((segment, segment.out(origin, sequence)?)))
    }

    /// The segment that an outgoing packet belonged to, with its source number.
    pub(crate) fn find_out(&self, out: u64) -> Option<(&Segment, u64)> {
        let segment = self
            .list
            .iter()
            .rev()
            .find(|segment| segment.out_start <= out)?;
        Some((segment, segment.source(out)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(layer: u8) -> Origin {
        Origin {
            layer,
            ..Origin::default()
        }
    }

    fn segment(layer: u8, source_start: u64, out_start: u64) -> Segment {
        Segment {
            origin: origin(layer),
            payload_type: 96,
            rtx_payload_type: None,
            source_start,
            source_end: u64::MAX,
            out_start,
            timestamp_shift: 0,
            timestamp_excess: 0,
            picture_shift: PictureShift::default(),
        }
    }

    #[test]
    fn each_outgoing_number_has_one_source() {
        let mut segments = Segments::default();
        segments.begin(segment(0, 500, 10), None);
        segments.begin(segment(1, 70, 16), Some(15));
        let found = |out| segments.find_out(out).map(|(s, n)| (s.origin.layer, n));
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
            segments.find_out(16).map(|(s, n)| (s.origin.layer, n)),
            Some((2, 7))
        );
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
