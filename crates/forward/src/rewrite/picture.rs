//! The running numbers inside VP8's and VP9's payload descriptors, continued over switches.

use xrtc_rtp::{Codec, vp8, vp9};

use super::Red;
use crate::packet::Picture;

/// What is added to the picture numbers of one segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PictureShift {
    id: u16,
    tl0: u8,
}

impl PictureShift {
    /// Lets `first` follow on `last`, which was sent.
    pub(crate) fn after(last: Picture, first: Picture) -> Self {
        let id = match (last.id, first.id) {
            (Some(last), Some(first)) => last.wrapping_add(1).wrapping_sub(first),
            _ => 0,
        };
        let tl0 = match (last.tl0, first.tl0) {
            (Some(last), Some(first)) => last.wrapping_add(1).wrapping_sub(first),
            _ => 0,
        };
        Self { id, tl0 }
    }

    /// The numbers as sent. Ids have 7 or 15 bits, which writing cuts them to.
    pub(crate) fn apply(self, picture: Picture) -> Picture {
        Picture {
            id: picture.id.map(|id| id.wrapping_add(self.id) & 0x7fff),
            tl0: picture.tl0.map(|tl0| tl0.wrapping_add(self.tl0)),
            codec: picture.codec,
        }
    }

    /// Nothing changes.
    const fn is_zero(self) -> bool {
        self.id == 0 && self.tl0 == 0
    }
}

/// What changes inside the payloads of one segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PayloadChange {
    pub(crate) picture: PictureShift,
    pub(crate) red: Red,
}

impl PayloadChange {
    /// Nothing does, as in most segments.
    pub(crate) fn is_none(self) -> bool {
        self.picture.is_zero() && self.red == Red::None
    }

    /// Writes the front of a payload anew. Returns how much was written and how much of the payload it stands
    /// for.
    pub(crate) fn write(self, picture: Picture, payload: &[u8], out: &mut [u8]) -> (u8, u16) {
        if self.is_none() {
            return (0, 0);
        }
        let shifted = self.picture.apply(picture);
        let id = shifted.id.unwrap_or_default();
        let tl0 = shifted.tl0.unwrap_or_default();
        let written = match picture.codec {
            Some(Codec::Vp8) => vp8::rewrite(payload, id, tl0, out),
            Some(Codec::Vp9) => vp9::rewrite(payload, id, tl0, out),
            _ => return self.red.rewrite(payload, out),
        };
        // Descriptors have a few bytes.
        written.map_or((0, 0), |(written, replaced)| {
            (written as u8, replaced as u16)
        })
    }
}
