//! The payload format of VP8 (RFC 7741).

use super::{PayloadInfo, PictureId};
use crate::bytes::{Reader, Writer};

/// The VP8 payload descriptor (RFC 7741 §4.2).
///
/// ```text
///       0 1 2 3 4 5 6 7
///      +-+-+-+-+-+-+-+-+
///      |X|R|N|S|R| PID |
///      +-+-+-+-+-+-+-+-+
/// X:   |I|L|T|K| RSV   |
///      +-+-+-+-+-+-+-+-+
/// I:   |M| PictureID   |
///      +-+-+-+-+-+-+-+-+
/// M:   |   PictureID   |
///      +-+-+-+-+-+-+-+-+
/// L:   |   TL0PICIDX   |
///      +-+-+-+-+-+-+-+-+
/// T/K: |TID|Y| KEYIDX  |
///      +-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The number of the picture (I bit).
    pub picture_id: Option<PictureId>,
    /// The running number of the pictures of temporal layer 0 (L bit).
    pub tl0_pic_idx: Option<u8>,
    first: u8,
    /// Zero without the X bit.
    extended: u8,
    tid_y_keyidx: u8,
    len: usize,
}

impl Descriptor {
    /// Reads the descriptor from the front of a payload.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let first = reader.u8()?;
        let extended = if first & 0x80 != 0 { reader.u8()? } else { 0 };
        let picture_id = if extended & 0x80 != 0 {
            Some(PictureId::read(&mut reader)?)
        } else {
            None
        };
        let tl0_pic_idx = if extended & 0x40 != 0 {
            Some(reader.u8()?)
        } else {
            None
        };
        let tid_y_keyidx = if extended & 0x30 != 0 {
            reader.u8()?
        } else {
            0
        };
        let len = payload.len() - reader.rest().len();
        Some(Self {
            picture_id,
            tl0_pic_idx,
            first,
            extended,
            tid_y_keyidx,
            len,
        })
    }

    /// The length of the descriptor, in bytes.
    pub const fn header_len(&self) -> usize {
        self.len
    }

    /// Whether a frame begins here: its first partition (S bit and PID 0).
    pub const fn is_frame_start(&self) -> bool {
        self.first & 0x10 != 0 && self.first & 0x07 == 0
    }

    /// Whether no other frame needs this one (N bit).
    pub const fn is_non_reference(&self) -> bool {
        self.first & 0x20 != 0
    }

    /// The temporal layer (T bit).
    pub const fn temporal_id(&self) -> Option<u8> {
        if self.extended & 0x20 != 0 {
            Some(self.tid_y_keyidx >> 6)
        } else {
            None
        }
    }

    /// Whether the frame depends on temporal layer 0 alone, so that a receiver may go up here (Y bit).
    pub const fn is_layer_sync(&self) -> bool {
        self.extended & 0x20 != 0 && self.tid_y_keyidx & 0x20 != 0
    }
}

/// Writes the front of the descriptor of `payload`, with other numbers, into `out`.
///
/// Returns how much was written and how many bytes of the payload that replaces: as many, because each number
/// keeps its width. A number that the descriptor does not have is not added. `None` if it has neither, cannot
/// be read, or `out` has no room (5 bytes are enough).
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
    writer.put(&[descriptor.first, descriptor.extended])?;
    if let Some(id) = descriptor.picture_id {
        id.with_value(picture_id).write(&mut writer)?;
    }
    if descriptor.tl0_pic_idx.is_some() {
        writer.u8(tl0_pic_idx)?;
    }
    Some((writer.len(), writer.len()))
}

pub(super) fn inspect(payload: &[u8]) -> PayloadInfo {
    let Some(descriptor) = Descriptor::parse(payload) else {
        return PayloadInfo::default();
    };
    let frame_start = descriptor.is_frame_start();
    let frame = payload
        .get(descriptor.len..)
        .filter(|_| frame_start)
        .unwrap_or_default();
    // The P bit of the payload header is inverted: 0 is a key frame (RFC 7741 §4.3).
    let keyframe = frame.first().is_some_and(|first| first & 0x01 == 0);
    PayloadInfo {
        keyframe,
        frame_start,
        temporal_id: descriptor.temporal_id().unwrap_or_default(),
        spatial_id: 0,
        resolution: if keyframe { resolution(frame) } else { None },
    }
}

/// Width and height from the uncompressed header of a key frame (RFC 6386 §9.1).
fn resolution(frame: &[u8]) -> Option<(u16, u16)> {
    let [_, _, _, 0x9d, 0x01, 0x2a, width @ .., _, _] = frame.first_chunk::<10>()? else {
        return None;
    };
    let height = frame.get(8..)?.first_chunk::<2>()?;
    // The upper two bits of each are a scale for the renderer.
    Some((
        u16::from_le_bytes(*width) & 0x3fff,
        u16::from_le_bytes(*height) & 0x3fff,
    ))
}
