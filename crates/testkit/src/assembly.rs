//! Frames as a receiver puts them together, and whether they are what was sent.

use std::collections::{BTreeMap, HashSet};

use xrtc_rtp::{Codec, RtpPacket, SequenceUnwrapper, Time};

use crate::codec::unpack;

/// A frame that arrived whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedFrame {
    /// The number of the captured picture.
    pub frame: u32,
    /// The layer it came from.
    pub layer: u8,
    /// When its last missing packet came.
    pub at: Time,
    /// Its timestamp.
    pub timestamp: u32,
}

/// The packets of one video source.
#[derive(Debug)]
pub struct Assembly {
    codec: Codec,
    unwrapper: SequenceUnwrapper,
    seen: HashSet<u64>,
    open: BTreeMap<u32, OpenFrame>,
    /// By the extended sequence number of the first packet.
    closed: BTreeMap<u64, ClosedFrame>,
    frames: Vec<ReceivedFrame>,
    /// Packets whose payload was not as it was sent.
    pub broken: u64,
    /// Packets that came again.
    pub repeated: u64,
}

#[derive(Debug, Default)]
struct OpenFrame {
    first: Option<u64>,
    last: Option<u64>,
    got: u64,
    parts: HashSet<u16>,
    packets: Option<u16>,
    frame: Option<(u32, u8)>,
    picture_id: Option<u16>,
    is_mixed: bool,
}

#[derive(Clone, Copy, Debug)]
struct ClosedFrame {
    last: u64,
    timestamp: u32,
    picture_id: Option<u16>,
}

impl Assembly {
    /// Nothing has come yet.
    pub fn new(codec: Codec) -> Self {
        Self {
            codec,
            unwrapper: SequenceUnwrapper::new(),
            seen: HashSet::new(),
            open: BTreeMap::new(),
            closed: BTreeMap::new(),
            frames: Vec::new(),
            broken: 0,
            repeated: 0,
        }
    }

    /// Takes a packet of the source, or one that was recovered by retransmission: then `sequence_number` and
    /// `payload` are the original's.
    pub fn receive(
        &mut self,
        now: Time,
        packet: &RtpPacket<'_>,
        sequence_number: u16,
        payload: &[u8],
    ) {
        let number = self.unwrapper.unwrap(sequence_number);
        if !self.seen.insert(number) {
            self.repeated += 1;
            return;
        }
        if payload.is_empty() {
            return;
        }
        let Some(unpacked) = unpack(self.codec, payload) else {
            self.broken += 1;
            return;
        };
        let timestamp = packet.timestamp();
        let open = self.open.entry(timestamp).or_default();
        open.got += 1;
        open.first = if unpacked.is_start {
            Some(number)
        } else {
            open.first
        };
        open.last = if packet.marker() {
            Some(number)
        } else {
            open.last
        };
        open.picture_id = open.picture_id.or(unpacked.picture_id);
        if let Some(part) = unpacked.part {
            let frame = (part.frame, part.layer);
            open.is_mixed |= open.frame.is_some_and(|other| other != frame)
                || open.picture_id != unpacked.picture_id;
            open.frame = Some(frame);
            open.packets = Some(part.packets);
            open.parts.insert(part.packet);
        }
        let (Some(first), Some(last), Some((frame, layer))) = (open.first, open.last, open.frame)
        else {
            return;
        };
        // Who lies may number a picture's end before its start.
        if last.checked_sub(first).map(|between| between + 1) != Some(open.got) {
            return;
        }
        if open.is_mixed || open.packets != u16::try_from(open.parts.len()).ok() {
            self.broken += 1;
            return;
        }
        self.closed.insert(
            first,
            ClosedFrame {
                last,
                timestamp,
                picture_id: open.picture_id,
            },
        );
        self.frames.push(ReceivedFrame {
            frame,
            layer,
            at: now,
            timestamp,
        });
        self.open.remove(&timestamp);
    }

    /// The frames that arrived whole, in the order in which they did.
    pub fn frames(&self) -> &[ReceivedFrame] {
        &self.frames
    }

    /// Frames of which a part came.
    pub fn incomplete(&self) -> usize {
        self.open.len()
    }

    /// Neighbouring frames (no packet between them) whose timestamps or VP8 picture ids do not follow each other.
    pub fn discontinuities(&self) -> usize {
        let neighbours = self.closed.iter().zip(self.closed.iter().skip(1));
        let adjacent = neighbours.filter(|((_, before), (first, _))| before.last + 1 == **first);
        adjacent
            .filter(|((_, before), (_, after))| {
                let step = after.timestamp.wrapping_sub(before.timestamp) as i32;
                let follows = match (before.picture_id, after.picture_id) {
                    (Some(before), Some(after)) => after == (before + 1) & 0x7fff,
                    (before, after) => before == after,
                };
                step <= 0 || !follows
            })
            .count()
    }
}
