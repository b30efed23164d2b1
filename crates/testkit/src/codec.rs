//! Frame parts in the payload formats of VP8 and H.264, as browsers send them.

use xrtc_rtp::{Codec, vp8};

use crate::frame::FramePart;

/// A frame to be cut into packets.
#[derive(Clone, Copy, Debug)]
pub struct Picture {
    /// The number of the captured picture.
    pub frame: u32,
    /// The layer.
    pub layer: u8,
    /// Whether a decoder can start here.
    pub is_key: bool,
    /// Pixels across and down.
    pub resolution: (u16, u16),
    /// Bytes of the encoded picture, about.
    pub bytes: usize,
}

/// What a receiver sees of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// The part of the frame; `None` for packets that carry parameters only (H.264 SPS and PPS).
    pub part: Option<FramePart>,
    /// Whether the frame begins here.
    pub is_start: bool,
    /// VP8's picture id.
    pub picture_id: Option<u16>,
}

/// Cuts a picture into payloads.
pub fn pack(codec: Codec, picture: &Picture, counters: &mut PictureCounters) -> Vec<Vec<u8>> {
    let count = picture.bytes.div_ceil(PART_BYTES).max(1);
    let packets = u16::try_from(count).unwrap_or(u16::MAX);
    let last = picture.bytes - (count - 1) * PART_BYTES.min(picture.bytes);
    counters.picture_id = (counters.picture_id + 1) & 0x7fff;
    counters.tl0 = counters.tl0.wrapping_add(1);
    let mut payloads = Vec::with_capacity(count + 1);
    if codec == Codec::H264 && picture.is_key {
        payloads.push(parameter_sets(picture.resolution));
    }
    for packet in 0..packets {
        let part = FramePart {
            frame: picture.frame,
            packet,
            packets,
            layer: picture.layer,
        };
        let len = if packet + 1 == packets {
            last
        } else {
            PART_BYTES
        };
        let mut payload = Vec::with_capacity(len + 32);
        match codec {
            Codec::H264 => fu_a(
                &mut payload,
                picture.is_key,
                packet == 0,
                packet + 1 == packets,
                packets == 1,
            ),
            _ => vp8_header(&mut payload, picture, packet == 0, counters),
        }
        part.write(&mut payload, len);
        payloads.push(payload);
    }
    payloads
}

/// Reads a payload; `None` if it is not one of [`pack`]'s, or was changed where it must not be.
pub fn unpack(codec: Codec, payload: &[u8]) -> Option<Unpacked> {
    if codec == Codec::H264 {
        return unpack_h264(payload);
    }
    let descriptor = vp8::Descriptor::parse(payload)?;
    let is_start = descriptor.is_frame_start();
    let rest = payload.get(descriptor.header_len()..)?;
    let skip = match (is_start, rest.first()) {
        (true, Some(tag)) if tag & 1 == 0 => VP8_KEY_HEADER,
        (true, _) => VP8_TAG,
        (false, _) => 0,
    };
    Some(Unpacked {
        part: Some(FramePart::read(rest.get(skip..)?)?),
        is_start,
        picture_id: descriptor.picture_id.map(|id| id.value()),
    })
}

/// What runs from picture to picture of one encoding.
#[derive(Clone, Copy, Debug, Default)]
pub struct PictureCounters {
    picture_id: u16,
    tl0: u8,
}

impl PictureCounters {
    /// Counters that begin somewhere.
    pub const fn starting_at(picture_id: u16, tl0: u8) -> Self {
        Self {
            picture_id: picture_id & 0x7fff,
            tl0,
        }
    }
}

/// RFC 7741 §4.2 and §4.3, with 15-bit picture ids and one temporal layer, as libwebrtc writes it.
fn vp8_header(out: &mut Vec<u8>, picture: &Picture, is_first: bool, counters: &PictureCounters) {
    const X: u8 = 0x80;
    const S: u8 = 0x10;
    let [high, low] = counters.picture_id.to_be_bytes();
    out.extend([
        X | if is_first { S } else { 0 },
        0xc0,
        0x80 | high,
        low,
        counters.tl0,
    ]);
    if !is_first {
        return;
    }
    // The frame tag (RFC 6386 §9.1): the lowest bit is 0 in key frames.
    out.extend([if picture.is_key { 0x10 } else { 0x11 }, 0x02, 0x00]);
    if picture.is_key {
        out.extend([0x9d, 0x01, 0x2a]);
        out.extend((picture.resolution.0 & 0x3fff).to_le_bytes());
        out.extend((picture.resolution.1 & 0x3fff).to_le_bytes());
    }
}

/// RFC 6184 §5.8; one packet alone is a single NAL unit (§5.6).
fn fu_a(out: &mut Vec<u8>, is_key: bool, is_first: bool, is_last: bool, is_alone: bool) {
    let nal = if is_key { 5 } else { 1 };
    if is_alone {
        out.push(0x60 | nal);
        return;
    }
    let start = if is_first { 0x80 } else { 0 };
    let end = if is_last { 0x40 } else { 0 };
    out.extend([0x60 | 28, start | end | nal]);
}

fn unpack_h264(payload: &[u8]) -> Option<Unpacked> {
    let (first, rest) = payload.split_first()?;
    let (part, is_start) = match first & 0x1f {
        24 => (None, true),
        1 | 5 => (Some(FramePart::read(rest)?), first & 0x1f == 1),
        28 => {
            let (header, rest) = rest.split_first()?;
            // A key frame begins with its parameter sets.
            (
                Some(FramePart::read(rest)?),
                header & 0x80 != 0 && header & 0x1f == 1,
            )
        }
        _ => return None,
    };
    Some(Unpacked {
        part,
        is_start,
        picture_id: None,
    })
}

/// STAP-A (RFC 6184 §5.7.1) of a sequence and a picture parameter set.
fn parameter_sets((width, height): (u16, u16)) -> Vec<u8> {
    let sps = sequence_parameter_set(width, height);
    let pps = [0x68, 0xce, 0x38, 0x80];
    let mut out = vec![0x78];
    for nal in [sps.as_slice(), &pps] {
        out.extend(u16::try_from(nal.len()).unwrap_or_default().to_be_bytes());
        out.extend(nal);
    }
    out
}

/// H.264 §7.3.2.1.1: constrained baseline at level 3.1, the size in macroblocks and a crop for the rest.
fn sequence_parameter_set(width: u16, height: u16) -> Vec<u8> {
    let (across, down) = (width.div_ceil(16), height.div_ceil(16));
    let (crop_right, crop_bottom) = ((across * 16 - width) / 2, (down * 16 - height) / 2);
    let mut bits = Bits::default();
    // sps id, log2_max_frame_num - 4, pic_order_cnt_type 2, one reference frame, no gaps
    [0, 0, 2, 1].into_iter().for_each(|value| bits.ue(value));
    bits.put(0, 1);
    bits.ue(across - 1);
    bits.ue(down - 1);
    // frame_mbs_only, direct_8x8_inference
    bits.put(0b11, 2);
    let is_cropped = crop_right + crop_bottom > 0;
    bits.put(u32::from(is_cropped), 1);
    if is_cropped {
        [0, crop_right, 0, crop_bottom]
            .into_iter()
            .for_each(|value| bits.ue(value));
    }
    // no VUI, then the stop bit
    bits.put(0b01, 2);
    let mut nal = vec![0x67, 0x42, 0xc0, 0x1f];
    nal.extend(bits.finish());
    nal
}

/// A writer of single bits and Exp-Golomb codes.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.0
            .extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    fn ue(&mut self, value: u16) {
        let value = u32::from(value) + 1;
        let len = 32 - value.leading_zeros();
        self.put(value, 2 * len - 1);
    }

    fn finish(self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            bits.iter()
                .zip(0..)
                .fold(0, |byte, (bit, place)| byte | u8::from(*bit) << (7 - place))
        };
        self.0.chunks(8).map(byte).collect()
    }
}

/// Bytes of a frame in each packet but the last.
const PART_BYTES: usize = 1_000;
/// VP8's frame tag, and with the start code and the resolution of a key frame.
const VP8_TAG: usize = 3;
const VP8_KEY_HEADER: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use xrtc_rtp::inspect;

    fn picture(is_key: bool, bytes: usize) -> Picture {
        Picture {
            frame: 7,
            layer: 0,
            is_key,
            resolution: (636, 358),
            bytes,
        }
    }

    #[test]
    fn packets_read_back_and_look_to_a_forwarder_as_they_should() {
        for codec in [Codec::Vp8, Codec::H264] {
            for (is_key, bytes) in [(true, 5_500), (false, 2_000), (false, 90)] {
                let mut counters = PictureCounters::starting_at(0x7fff, 255);
                let payloads = pack(codec, &picture(is_key, bytes), &mut counters);
                let info = inspect(codec, &payloads[0], None);
                assert_eq!(info.keyframe, is_key, "{codec:?}");
                assert_eq!(info.resolution, is_key.then_some((636, 358)), "{codec:?}");
                let mut parts = Vec::new();
                for (index, payload) in payloads.iter().enumerate() {
                    let unpacked = unpack(codec, payload).unwrap();
                    assert_eq!(unpacked.is_start, index == 0, "{codec:?} {is_key} {index}");
                    parts.extend(unpacked.part);
                }
                assert_eq!(parts.len(), bytes.div_ceil(PART_BYTES));
                assert!(
                    parts
                        .iter()
                        .zip(0..)
                        .all(|(part, packet)| part.packet == packet && part.frame == 7)
                );
            }
        }
    }
}
