//! Requests for packets and for key frames (RFC 4585, RFC 5104).

use super::{
    FULL_INTRA_REQUEST, GENERIC_NACK, PAYLOAD_SPECIFIC, PICTURE_LOSS, TRANSPORT_SPECIFIC, begin,
    finish, read_sources,
};
use crate::Ssrc;
use crate::bytes::Reader;

/// A list of missing packets (RFC 4585 §6.2.1).
///
/// Each entry is a sequence number and a bit mask of the 16 that follow it:
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |              PID              |              BLP              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Nack<'a> {
    /// Who misses the packets.
    pub sender: Ssrc,
    /// Whose packets are missing.
    pub media: Ssrc,
    entries: &'a [u8],
}

impl<'a> Nack<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let (sender, media) = read_sources(reader)?;
        Some(Self {
            sender,
            media,
            entries: reader.rest(),
        })
    }

    /// The missing sequence numbers, in the order of the packet: at most 17 for every four bytes of it.
    pub fn sequence_numbers(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.entries
            .as_chunks::<4>()
            .0
            .iter()
            .flat_map(|&[a, b, c, d]| {
                let first = u16::from_be_bytes([a, b]);
                // With the first number as the lowest bit, all seventeen are read alike.
                let mask = u32::from(u16::from_be_bytes([c, d])) << 1 | 1;
                (0..17)
                    .filter(move |bit| mask >> bit & 1 != 0)
                    .map(move |bit| first.wrapping_add(bit))
            })
    }
}

/// A request for a key frame after loss (RFC 4585 §6.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pli {
    /// Who asks.
    pub sender: Ssrc,
    /// Whose key frame is wanted.
    pub media: Ssrc,
}

impl Pli {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (sender, media) = read_sources(reader)?;
        Some(Self { sender, media })
    }
}

/// Requests for key frames (RFC 5104 §4.3.1).
#[derive(Clone, Copy, Debug)]
pub struct Fir<'a> {
    /// Who asks.
    pub sender: Ssrc,
    entries: &'a [u8],
}

impl<'a> Fir<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        // The media source in the header is unused and should be zero (RFC 5104 §4.3.1.2).
        let (sender, _) = read_sources(reader)?;
        Some(Self {
            sender,
            entries: reader.rest(),
        })
    }

    /// The sources that shall send a key frame.
    pub fn entries(&self) -> impl Iterator<Item = FirEntry> + use<'a> {
        self.entries
            .as_chunks::<8>()
            .0
            .iter()
            .map(|&[a, b, c, d, sequence_number, ..]| FirEntry {
                media: Ssrc(u32::from_be_bytes([a, b, c, d])),
                sequence_number,
            })
    }
}

/// One source of a [`Fir`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirEntry {
    /// Whose key frame is wanted.
    pub media: Ssrc,
    /// The command's number: unchanged in a repetition, which is to be answered once.
    pub sequence_number: u8,
}

/// Writes a generic NACK for `missing`, in ascending order, and returns its length.
///
/// `None` without room or with nothing missing.
pub fn write_nack(
    out: &mut [u8],
    sender: Ssrc,
    media: Ssrc,
    missing: impl IntoIterator<Item = u16>,
) -> Option<usize> {
    let mut writer = begin(out, TRANSPORT_SPECIFIC, GENERIC_NACK)?;
    writer.u32(sender.0)?;
    writer.u32(media.0)?;
    let mut missing = missing.into_iter();
    let mut first = missing.next()?;
    let mut mask: u16 = 0;
    for sequence_number in missing {
        match sequence_number.wrapping_sub(first) {
            0 => {}
            ahead @ 1..=16 => mask |= 1 << (ahead - 1),
            _ => {
                writer.u16(first)?;
                writer.u16(mask)?;
                (first, mask) = (sequence_number, 0);
            }
        }
    }
    writer.u16(first)?;
    writer.u16(mask)?;
    finish(writer)
}

/// Writes a picture loss indication and returns its length; `None` without room.
pub fn write_pli(out: &mut [u8], sender: Ssrc, media: Ssrc) -> Option<usize> {
    let mut writer = begin(out, PAYLOAD_SPECIFIC, PICTURE_LOSS)?;
    writer.u32(sender.0)?;
    writer.u32(media.0)?;
    finish(writer)
}

/// Writes full intra requests and returns their length; `None` without room.
pub fn write_fir(out: &mut [u8], sender: Ssrc, entries: &[FirEntry]) -> Option<usize> {
    let mut writer = begin(out, PAYLOAD_SPECIFIC, FULL_INTRA_REQUEST)?;
    writer.u32(sender.0)?;
    writer.u32(0)?;
    for entry in entries {
        writer.u32(entry.media.0)?;
        writer.put(&[entry.sequence_number, 0, 0, 0])?;
    }
    finish(writer)
}
