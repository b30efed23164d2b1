//! The outgoing RTP stream of one subscription: its numbers, its headers, its counters.

use xrtc_rtp::{HeaderFields, PayloadType, Ssrc, Time, rtx};

use crate::packet::Picture;
use crate::rewrite::{Header, HeaderWriter, Segment};
use crate::{Limits, Packet, ViewerTrack};

/// The outgoing RTP stream of one subscription.
#[derive(Debug)]
pub(crate) struct Outflow {
    pub(crate) ssrc: Ssrc,
    pub(crate) last: Option<LastSent>,
    /// Packets below this index carry the mid: until the viewer's first report. All, before that.
    mid_until: u64,
    /// The timestamp of the last key frame.
    last_key: Option<u32>,
    pub(crate) sent: Sent,
    writer: HeaderWriter,
}

/// The packet with the highest number so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastSent {
    pub(crate) out: u64,
    pub(crate) timestamp: u32,
    pub(crate) received: Time,
    pub(crate) picture: Picture,
    pub(crate) frame_number: Option<u16>,
}

/// What was sent. Frames and key frames as they began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) header_bytes: u64,
    pub(crate) again: u64,
    pub(crate) again_bytes: u64,
    pub(crate) frames: u64,
    pub(crate) key_frames: u64,
}

/// A packet written out, but for its payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) index: u64,
    pub(crate) ssrc: Ssrc,
    pub(crate) header: u16,
    pub(crate) prefix: u8,
    /// So much of the payload is replaced by the prefix.
    pub(crate) replaced: u16,
    pub(crate) repeat: bool,
    /// With the byte of padding behind the payload.
    pub(crate) padded: bool,
}

/// Under what a packet goes out again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retransmission {
    pub(crate) ssrc: Ssrc,
    pub(crate) payload_type: u8,
    pub(crate) index: u64,
}

/// Where headers and prefixes are written.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) header: [u8; Limits::MAX_HEADER],
    pub(crate) prefix: [u8; 16],
}

impl Outflow {
    pub(crate) fn new(track: &ViewerTrack) -> Self {
        Self {
            ssrc: track.ssrc,
            last: None,
            mid_until: u64::MAX,
            last_key: None,
            sent: Sent::default(),
            writer: HeaderWriter::new(track),
        }
    }

    /// What a later description says of the headers.
    pub(crate) fn renew(&mut self, track: &ViewerTrack) {
        self.writer = HeaderWriter::new(track);
        self.mid_until = u64::MAX;
    }

    /// The viewer knows the SSRC: the mid need not be in every packet any more.
    pub(crate) fn confirm(&mut self) {
        if self.mid_until == u64::MAX
            && let Some(last) = self.last
        {
            self.mid_until = last.out + 1;
        }
    }

    /// Writes a packet for the first time.
    pub(crate) fn write(
        &mut self,
        segment: &Segment,
        out: u64,
        packet: &Packet,
        scratch: &mut Scratch,
    ) -> Written {
        let numbers = self.header(segment, out, packet);
        let timestamp = numbers.fields.timestamp;
        let change = segment.change;
        let (prefix, replaced) = if change.is_none() {
            (0, 0)
        } else {
            change.write(packet.picture, packet.payload(), &mut scratch.prefix)
        };
        let header = self.writer.write(&mut scratch.header, numbers, packet);
        let picture = || change.picture.apply(packet.picture);
        let frame_number = packet
            .frame_number
            .map(|n| n.wrapping_add(segment.frame_shift));
        match &mut self.last {
            Some(last) if out <= last.out => {}
            Some(last) => {
                self.sent.frames += u64::from(last.timestamp != timestamp);
                last.out = out;
                last.timestamp = timestamp;
                last.received = packet.received;
                last.picture = picture();
                last.frame_number = frame_number.or(last.frame_number);
            }
            None => {
                self.sent.frames += 1;
                let received = packet.received;
                let picture = picture();
                let last = LastSent {
                    out,
                    timestamp,
                    received,
                    picture,
                    frame_number,
                };
                self.last = Some(last);
            }
        }
        // Several packets of one key frame may say so.
        if packet.keyframe && self.last_key != Some(timestamp) {
            self.last_key = Some(timestamp);
            self.sent.key_frames += 1;
        }
        self.sent.packets += 1;
        self.sent.bytes += payload_len(prefix, replaced, packet);
        self.sent.header_bytes += u64::from(header);
        Written {
            index: out,
            ssrc: self.ssrc,
            header,
            prefix,
            replaced,
            repeat: false,
            padded: false,
        }
    }

    /// Adds the byte of padding to what was just written. It counts as header, as in the W3C's statistics.
    pub(crate) const fn pad(&mut self, written: &mut Written, scratch: &mut Scratch) {
        scratch.header[0] |= PADDING;
        self.sent.header_bytes += 1;
        written.padded = true;
    }

    /// Writes a packet again: by RTX, or exactly as it was.
    pub(crate) fn write_again(
        &mut self,
        segment: &Segment,
        (out, rtx): (u64, Option<Retransmission>),
        packet: &Packet,
        scratch: &mut Scratch,
    ) -> Written {
        let mut numbers = self.header(segment, out, packet);
        let mut number = 0;
        if let Some(rtx) = rtx {
            numbers.fields.ssrc = rtx.ssrc;
            numbers.fields.payload_type = PayloadType(rtx.payload_type);
            numbers.fields.sequence_number = rtx.index as u16;
            let prefix = rtx::prefix(out as u16);
            if let Some(place) = scratch.prefix.first_chunk_mut() {
                *place = prefix;
                number = rtx::PREFIX_LEN as u8;
            }
        }
        let rest = scratch.prefix.get_mut(number.into()..).unwrap_or_default();
        let (prefix, replaced) = segment.change.write(packet.picture, packet.payload(), rest);
        let header = self.writer.write(&mut scratch.header, numbers, packet);
        let bytes = payload_len(number + prefix, replaced, packet);
        self.sent.packets += 1;
        self.sent.bytes += bytes;
        self.sent.header_bytes += u64::from(header);
        self.sent.again += 1;
        self.sent.again_bytes += bytes;
        Written {
            index: rtx.map_or(out, |rtx| rtx.index),
            ssrc: numbers.fields.ssrc,
            header,
            prefix: number + prefix,
            replaced,
            repeat: rtx.is_none(),
            padded: false,
        }
    }

    fn header(&self, segment: &Segment, out: u64, packet: &Packet) -> Header {
        let fields = HeaderFields {
            marker: packet.marker,
            payload_type: PayloadType(segment.payload_type),
            sequence_number: out as u16,
            timestamp: segment.clock.apply(packet.timestamp),
            ssrc: self.ssrc,
        };
        let with_mid = out < self.mid_until;
        Header {
            fields,
            with_mid,
            frame_shift: segment.frame_shift,
        }
    }
}

/// The length of a payload as sent.
fn payload_len(prefix: u8, replaced: u16, packet: &Packet) -> u64 {
    let kept = packet.payload().len().saturating_sub(replaced.into());
    u64::from(prefix) + kept as u64
}

/// The P bit (RFC 3550 §5.1).
const PADDING: u8 = 0x20;

impl Default for Scratch {
    fn default() -> Self {
        Self {
            header: [0; Limits::MAX_HEADER],
            prefix: [0; 16],
        }
    }
}
