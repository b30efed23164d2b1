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
    /// The first byte.
    first: u8,
    /// The second byte; zero without the X bit.
    extended: u8,
    /// The number of the picture.
    pub picture_id: Option<PictureId>,
    /// The running number of the pictures of temporal layer 0.
    pub tl0_pic_idx: Option<u8>,
    /// The last byte, of which a part may be meaningless.
    tid_y_keyidx: u8,
    /// The length of the descriptor, in bytes.
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
            first,
            extended,
            picture_id,
            tl0_pic_idx,
            tid_y_keyidx,
            len,
        })
    }

    /// The length of the descriptor, in bytes.
    pub const fn header_len(&self) -> usize {
        self.len
    }

    /// Whether the payload is the start of a frame: of its first partition (S bit and PID 0).
    pub const fn is_frame_start(&self) -> bool {
        self.first & 0x10 != 0 && self.first & 0x07 == 0
    }

    /// Whether no other frame needs this one (N bit).
    pub const fn is_non_reference(&self) -> bool {
        self.first & 0x20 != 0
    }

    /// The temporal layer, if the descriptor says so (T bit).
    pub const fn temporal_id(&self) -> Option<u8> {
        if self.extended & 0x20 != 0 {
            Some(self.tid_y_keyidx >> 6)
        } else {
            None
        }
    }

    /// Whether the frame depends on the base layer only, so that a receiver may go up here (Y bit).
    pub const fn is_layer_sync(&self) -> bool {
        self.extended & 0x20 != 0 && self.tid_y_keyidx & 0x20 != 0
    }

    /// The temporal key frame index (K bit).
    pub const fn key_idx(&self) -> Option<u8> {
        if self.extended & 0x10 != 0 {
            Some(self.tid_y_keyidx & 0x1f)
        } else {
            None
        }
    }

    fn write(&self, out: &mut [u8]) -> Option<usize> {
        let mut writer = Writer::new(out);
        writer.u8(self.first)?;
        if self.first & 0x80 != 0 {
            writer.u8(self.extended)?;
        }
        if let Some(picture_id) = self.picture_id {
            picture_id.write(&mut writer)?;
        }
        if let Some(tl0_pic_idx) = self.tl0_pic_idx {
            writer.u8(tl0_pic_idx)?;
        }
        if self.extended & 0x30 != 0 {
            writer.u8(self.tid_y_keyidx)?;
        }
        Some(writer.len())
    }
}

/// Writes the descriptor of `payload` with other numbers into `out`.
///
/// Returns how much was written and how much of the payload it stands for; the two are equal, because each
/// number keeps its width. Numbers that the descriptor does not have are not added. `None` if there is nothing
/// to rewrite, the descriptor cannot be read, or `out` has no room (6 bytes are enough).
pub fn rewrite(
    payload: &[u8],
    picture_id: u16,
    tl0_pic_idx: u8,
    out: &mut [u8],
) -> Option<(usize, usize)> {
    let mut descriptor = Descriptor::parse(payload)?;
    if descriptor.picture_id.is_none() && descriptor.tl0_pic_idx.is_none() {
        return None;
    }
    descriptor.picture_id = descriptor.picture_id.map(|id| id.with_value(picture_id));
    descriptor.tl0_pic_idx = descriptor.tl0_pic_idx.map(|_| tl0_pic_idx);
    Some((descriptor.write(out)?, descriptor.len))
}

pub(super) fn inspect(payload: &[u8]) -> PayloadInfo {
    let Some(descriptor) = Descriptor::parse(payload) else {
        return PayloadInfo::default();
    };
    let mut info = PayloadInfo {
        frame_start: descriptor.is_frame_start(),
        temporal_id: descriptor.temporal_id().unwrap_or_default(),
        ..PayloadInfo::default()
    };
    if info.frame_start
        && let Some(data) = payload.get(descriptor.len..)
        // The P bit, inverted: 0 is a key frame (RFC 7741 §4.3).
        && data.first().is_some_and(|first| first & 0x01 == 0)
    {
        info.keyframe = true;
        info.resolution = resolution(data);
    }
    info
}

/// Width and height from the frame header of a key frame (RFC 6386 §9.1).
fn resolution(data: &[u8]) -> Option<(u16, u16)> {
    let (tag, data) = data.split_first_chunk::<3>()?;
    debug_assert_eq!(tag[0] & 1, 0, "a key frame");
    let (start_code, data) = data.split_first_chunk::<3>()?;
    let size = data.first_chunk::<4>()?;
    if *start_code != [0x9d, 0x01, 0x2a] {
        return None;
    }
    // The upper two bits of each are a scale for the renderer.
    let width = u16::from_le_bytes([size[0], size[1]]) & 0x3fff;
    let height = u16::from_le_bytes([size[2], size[3]]) & 0x3fff;
    Some((width, height))
}
