//! Source descriptions and goodbyes (RFC 3550 §6.5 and §6.6).

use super::{GOODBYE, MAX_COUNT, SOURCE_DESCRIPTION, begin, finish, read_ssrcs};
use crate::Ssrc;
use crate::bytes::Reader;

/// A source description (RFC 3550 §6.5).
#[derive(Clone, Copy, Debug)]
pub struct Sdes<'a> {
    body: &'a [u8],
    count: usize,
}

impl<'a> Sdes<'a> {
    pub(super) const fn new(body: &'a [u8], count: usize) -> Self {
        Self { body, count }
    }

    /// The sources described, at most 31; a malformed one ends the list.
    pub fn chunks(&self) -> impl Iterator<Item = SdesChunk<'a>> + use<'a> {
        let mut rest = self.body;
        let chunk = move || {
            let (chunk, tail) = SdesChunk::split(rest)?;
            rest = tail;
            Some(chunk)
        };
        std::iter::from_fn(chunk).take(self.count)
    }
}

/// What is known of one source.
#[derive(Clone, Copy, Debug)]
pub struct SdesChunk<'a> {
    /// The source.
    pub ssrc: Ssrc,
    items: &'a [u8],
}

impl<'a> SdesChunk<'a> {
    /// The items as (type, value); the values are UTF-8 if the peer keeps to the RFC.
    pub fn items(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.items);
        std::iter::from_fn(move || read_item(&mut reader))
    }

    /// The canonical name, which the tracks of one clock share (RFC 3550 §6.5.1).
    pub fn cname(&self) -> Option<&'a [u8]> {
        self.items().find(|item| item.0 == CNAME).map(|item| item.1)
    }

    /// The first chunk of `bytes` and what follows it.
    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut reader = Reader::new(bytes);
        let ssrc = Ssrc(reader.u32()?);
        let items = reader.rest();
        while read_item(&mut reader).is_some() {}
        let len = items.len() - reader.rest().len();
        // The items end with at least one null byte, the chunk at the next word (RFC 3550 §6.5).
        if reader.u8()? != 0 {
            return None;
        }
        let end = (4 + len + 1).next_multiple_of(4);
        Some((
            Self {
                ssrc,
                items: items.get(..len)?,
            },
            bytes.get(end..).unwrap_or_default(),
        ))
    }
}

/// The next item; at the end, or at a broken item, nothing is taken.
fn read_item<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let mut ahead = *reader;
    let kind = ahead.u8().filter(|&kind| kind != 0)?;
    let len = ahead.u8()?;
    let value = ahead.take(len.into())?;
    *reader = ahead;
    Some((kind, value))
}

/// Sources that leave (RFC 3550 §6.6).
#[derive(Clone, Copy, Debug)]
pub struct Bye<'a> {
    ssrcs: &'a [u8],
    reason: &'a [u8],
}

impl<'a> Bye<'a> {
    pub(super) fn read(reader: &mut Reader<'a>, count: usize) -> Option<Self> {
        let ssrcs = reader.take(4 * count)?;
        // The reason is optional, and a broken one does not make the sources stay.
        let len = reader.u8().unwrap_or_default();
        Some(Self {
            ssrcs,
            reason: reader.take(len.into()).unwrap_or_default(),
        })
    }

    /// The sources, at most 31.
    pub fn ssrcs(&self) -> impl Iterator<Item = Ssrc> + use<'a> {
        read_ssrcs(self.ssrcs)
    }

    /// Why they leave, for people; empty if they do not say.
    pub const fn reason(&self) -> &'a [u8] {
        self.reason
    }
}

/// Writes a source description with one source and its canonical name, and returns its length.
///
/// `None` without room or with a name of more than 255 bytes.
pub fn write_sdes_cname(out: &mut [u8], ssrc: Ssrc, cname: &str) -> Option<usize> {
    let len = u8::try_from(cname.len()).ok()?;
    let mut writer = begin(out, SOURCE_DESCRIPTION, 1)?;
    writer.u32(ssrc.0)?;
    writer.put(&[CNAME, len])?;
    writer.put(cname.as_bytes())?;
    writer.u8(0)?;
    finish(writer)
}

/// Writes a goodbye and returns its length; an empty reason is left out.
///
/// `None` without room, with more than 31 sources or a reason of more than 255 bytes.
pub fn write_bye(out: &mut [u8], ssrcs: &[Ssrc], reason: &str) -> Option<usize> {
    let count = u8::try_from(ssrcs.len())
        .ok()
        .filter(|_| ssrcs.len() <= MAX_COUNT)?;
    let mut writer = begin(out, GOODBYE, count)?;
    for ssrc in ssrcs {
        writer.u32(ssrc.0)?;
    }
    if !reason.is_empty() {
        writer.u8(u8::try_from(reason.len()).ok()?)?;
        writer.put(reason.as_bytes())?;
    }
    finish(writer)
}

/// The item type of the canonical name (RFC 3550 §12.2).
const CNAME: u8 = 1;
