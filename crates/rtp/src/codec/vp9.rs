//! The payload format of VP9 (RFC 9628).

use super::{PayloadInfo, PictureId};
use crate::bits::BitReader;
use crate::bytes::{Reader, Writer};

/// The VP9 payload descriptor (RFC 9628 §4.2).
///
/// ```text
///       0 1 2 3 4 5 6 7
///      +-+-+-+-+-+-+-+-+
///      |I|P|L|F|B|E|V|Z|
///      +-+-+-+-+-+-+-+-+
/// I:   |M| PICTURE ID  |
///      +-+-+-+-+-+-+-+-+
/// M:   | EXTENDED PID  |
///      +-+-+-+-+-+-+-+-+
/// L:   | TID |U| SID |D|
///      +-+-+-+-+-+-+-+-+
///      |   TL0PICIDX   |  without F
///      +-+-+-+-+-+-+-+-+
/// P,F: | P_DIFF      |N|  up to 3 times
///      +-+-+-+-+-+-+-+-+
/// V:   | SS ...        |
///      +-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The number of the picture (I bit).
    pub picture_id: Option<PictureId>,
    /// The running number of the pictures of temporal layer 0 (L bit, non-flexible mode).
    pub tl0_pic_idx: Option<u8>,
    /// Width and height of the highest spatial layer, if the scalability structure is here and has them.
    pub resolution: Option<(u16, u16)>,
    first: u8,
    /// Zero without the L bit.
    layers: u8,
    len: usize,
}

impl Descriptor {
    /// Reads the descriptor from the front of a payload.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let first = reader.u8()?;
        let has = |bit: u8| first & bit != 0;
        let picture_id = if has(I) {
            Some(PictureId::read(&mut reader)?)
        } else {
            None
        };
        let layers = if has(L) { reader.u8()? } else { 0 };
        let tl0_pic_idx = if has(L) && !has(F) {
            Some(reader.u8()?)
        } else {
            None
        };
        if has(P) && has(F) {
            // At most three references; N says that another one follows.
            for _ in 0..MAX_REFERENCES {
                if reader.u8()? & 1 == 0 {
                    break;
                }
            }
        }
        let resolution = if has(V) {
            read_structure(&mut reader)?
        } else {
            None
        };
        let len = payload.len() - reader.rest().len();
        Some(Self {
            picture_id,
            tl0_pic_idx,
            resolution,
            first,
            layers,
            len,
        })
    }

    /// The length of the descriptor, in bytes.
    pub const fn header_len(&self) -> usize {
        self.len
    }

    /// Whether the picture needs other pictures (P bit).
    pub const fn is_inter_predicted(&self) -> bool {
        self.first & P != 0
    }

    /// Whether a layer's frame begins here (B bit).
    pub const fn is_frame_start(&self) -> bool {
        self.first & B != 0
    }

    /// Whether a layer's frame ends here (E bit).
    pub const fn is_frame_end(&self) -> bool {
        self.first & E != 0
    }

    /// The temporal layer (L bit).
    pub const fn temporal_id(&self) -> Option<u8> {
        if self.first & L != 0 {
            Some(self.layers >> 5)
        } else {
            None
        }
    }

    /// The spatial layer (L bit).
    pub const fn spatial_id(&self) -> Option<u8> {
        if self.first & L != 0 {
            Some(self.layers >> 1 & 7)
        } else {
            None
        }
    }

    /// Whether a receiver may go up to this temporal layer here (U bit).
    pub const fn is_switching_up_point(&self) -> bool {
        self.layers & 0x10 != 0
    }

    /// Whether the frame needs the spatial layer below it in the same picture (D bit).
    pub const fn is_inter_layer_dependent(&self) -> bool {
        self.layers & 0x01 != 0
    }
}

/// Reads the scalability structure (RFC 9628 §4.2.1) for the size of its highest layer.
///
/// ```text
///      +-+-+-+-+-+-+-+-+
/// V:   | N_S |Y|G|-|-|-|
///      +-+-+-+-+-+-+-+-+
/// Y:   | WIDTH, HEIGHT |  16 bits each, N_S + 1 times
///      +-+-+-+-+-+-+-+-+
/// G:   |      N_G      |
///      +-+-+-+-+-+-+-+-+
///      | TID |U| R |-|-|  N_G times, each with R bytes of P_DIFF
///      +-+-+-+-+-+-+-+-+
/// ```
fn read_structure(reader: &mut Reader<'_>) -> Option<Option<(u16, u16)>> {
    let head = reader.u8()?;
    let mut resolution = None;
    if head & 0x10 != 0 {
        for _ in 0..=head >> 5 {
            resolution = Some((reader.u16()?, reader.u16()?));
        }
    }
    if head & 0x08 != 0 {
        for _ in 0..reader.u8()? {
            let references = reader.u8()? >> 2 & 3;
            reader.take(references.into())?;
        }
    }
    Some(resolution)
}

/// Writes the front of the descriptor of `payload`, with other numbers, into `out`.
///
/// Returns how much was written and how many bytes of the payload that replaces: as many, because each number
/// keeps its width. In the flexible mode there is only a picture id, and references to earlier pictures are
/// relative to it: the two must move by the same offset. A number that the descriptor does not have is not
/// added. `None` if it has neither, cannot be read, or `out` has no room (5 bytes are enough).
pub fn rewrite(
    payload: &[u8],
    picture_id: u16,
    tl0_pic_idx: u8,
    out: &mut [u8],
) -> Option<(usize, usize)> {
    let descriptor = Descriptor::parse(payload)?;
    if descriptor.picture_id.is_none() && descriptor.tl0_pic_idx.is_none() {
        return None;
    }
    let mut writer = Writer::new(out);
    writer.u8(descriptor.first)?;
    if let Some(id) = descriptor.picture_id {
        id.with_value(picture_id).write(&mut writer)?;
    }
    if descriptor.tl0_pic_idx.is_some() {
        writer.put(&[descriptor.layers, tl0_pic_idx])?;
    }
    Some((writer.len(), writer.len()))
}

pub(super) fn inspect(payload: &[u8]) -> PayloadInfo {
    let Some(descriptor) = Descriptor::parse(payload) else {
        return PayloadInfo::default();
    };
    let frame_start = descriptor.is_frame_start();
    let spatial_id = descriptor.spatial_id().unwrap_or_default();
    let mut info = PayloadInfo {
        keyframe: false,
        frame_start,
        temporal_id: descriptor.temporal_id().unwrap_or_default(),
        spatial_id,
        resolution: descriptor.resolution,
    };
    if frame_start && spatial_id == 0 && !descriptor.is_inter_predicted() {
        // An intra-only frame is not predicted either, but leaves the decoder's other references as they
        // were. A header that cannot be read, as with encrypted frames, leaves the descriptor's word.
        let header = FrameHeader::parse(payload.get(descriptor.len..).unwrap_or_default());
        info.keyframe = header.is_none_or(|header| header.keyframe);
        info.resolution = info.resolution.or_else(|| header?.resolution);
    }
    info
}

/// The start of the uncompressed header (VP9 bitstream specification §6.2).
#[derive(Clone, Copy, Debug)]
struct FrameHeader {
    keyframe: bool,
    resolution: Option<(u16, u16)>,
}

impl FrameHeader {
    fn parse(frame: &[u8]) -> Option<Self> {
        let mut reader = BitReader::new(frame);
        if reader.bits(2)? != FRAME_MARKER {
            return None;
        }
        let profile = reader.bits(1)? | reader.bits(1)? << 1;
        if profile == 3 {
            reader.skip(1)?;
        }
        let show_existing_frame = reader.flag()?;
        if show_existing_frame {
            return Some(Self {
                keyframe: false,
                resolution: None,
            });
        }
        let keyframe = !reader.flag()?;
        let resolution = if keyframe {
            read_size(&mut reader, profile)
        } else {
            None
        };
        Some(Self {
            keyframe,
            resolution,
        })
    }
}

/// What stands between the frame type and the size of a key frame (§6.2, §6.2.2 and §6.2.3), and the size.
fn read_size(reader: &mut BitReader<'_>, profile: u32) -> Option<(u16, u16)> {
    // show_frame, error_resilient_mode.
    reader.skip(2)?;
    if reader.bits(24)? != SYNC_CODE {
        return None;
    }
    if profile >= 2 {
        // ten_or_twelve_bit.
        reader.skip(1)?;
    }
    let odd_profile = profile % 2 == 1;
    if reader.bits(3)? != COLOR_SPACE_RGB {
        // color_range; subsampling_x, subsampling_y, reserved.
        reader.skip(if odd_profile { 4 } else { 1 })?;
    } else if odd_profile {
        // reserved.
        reader.skip(1)?;
    } else {
        return None;
    }
    let width = reader.u16(16)?.checked_add(1)?;
    let height = reader.u16(16)?.checked_add(1)?;
    Some((width, height))
}

// The bits of the first byte.
const I: u8 = 0x80;
const P: u8 = 0x40;
const L: u8 = 0x20;
const F: u8 = 0x10;
const B: u8 = 0x08;
const E: u8 = 0x04;
const V: u8 = 0x02;

const MAX_REFERENCES: usize = 3;
const FRAME_MARKER: u32 = 2;
const SYNC_CODE: u32 = 0x49_83_42;
const COLOR_SPACE_RGB: u32 = 7;
