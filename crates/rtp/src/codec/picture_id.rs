//! The picture number that VP8 and VP9 share.

use crate::bytes::{Reader, Writer};

/// A picture number in the width that its sender chose, 7 or 15 bits (RFC 7741 §4.2, RFC 9628 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureId {
    /// 7 bits.
    Short(u8),
    /// 15 bits.
    Long(u16),
}

impl PictureId {
    /// The number.
    pub const fn value(self) -> u16 {
        match self {
            Self::Short(value) => value as u16,
            Self::Long(value) => value,
        }
    }

    /// Another number in the same width; what does not fit is cut off.
    pub const fn with_value(self, value: u16) -> Self {
        match self {
            Self::Short(_) => Self::Short((value & 0x7f) as u8),
            Self::Long(_) => Self::Long(value & 0x7fff),
        }
    }

    /// The number after the last one, as a mask.
    pub const fn mask(self) -> u16 {
        match self {
            Self::Short(_) => 0x7f,
            Self::Long(_) => 0x7fff,
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let first = reader.u8()?;
        if first & 0x80 == 0 {
            return Some(Self::Short(first));
        }
        Some(Self::Long(u16::from_be_bytes([first & 0x7f, reader.u8()?])))
    }

    pub(super) fn write(self, writer: &mut Writer<'_>) -> Option<()> {
        match self {
            Self::Short(value) => writer.u8(value & 0x7f),
            Self::Long(value) => writer.u16(value | 0x8000),
        }
    }
}
