//! The view of an RTP packet.

use std::fmt;

use crate::extension::Extensions;
use crate::{Discard, PayloadType, Ssrc};

/// A parsed RTP packet that borrows its datagram (RFC 3550 §5.1).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                           timestamp                           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                             SSRC                              |
/// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
/// |                         CSRC (0 to 15)                        |
/// ```
#[derive(Clone, Copy)]
pub struct RtpPacket<'a> {
    fixed: &'a [u8; FIXED_LEN],
    csrcs: &'a [u8],
    extensions: Extensions<'a>,
    payload: &'a [u8],
    header_len: usize,
    padding_len: u8,
}

impl<'a> RtpPacket<'a> {
    /// Reads the header of an RTP packet; the datagram must already be known not to be RTCP ([`is_rtcp`]).
    ///
    /// The lengths are checked; the elements inside the header extension are read, as far as they are well
    /// formed, when somebody asks for them.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Discard> {
        let (fixed, rest) = datagram
            .split_first_chunk::<FIXED_LEN>()
            .ok_or(Discard::RtpTooShort)?;
        let first = fixed[0];
        if first >> 6 != 2 {
            return Err(Discard::RtpVersion);
        }
        let csrc_len = 4 * usize::from(first & 0x0f);
        let (csrcs, mut rest) = rest
            .split_at_checked(csrc_len)
            .ok_or(Discard::RtpTruncated)?;
        let mut extensions = Extensions::default();
        if first & EXTENSION_BIT != 0 {
            let (head, tail) = rest.split_first_chunk::<4>().ok_or(Discard::RtpTruncated)?;
            let len = 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
            let (data, tail) = tail.split_at_checked(len).ok_or(Discard::RtpTruncated)?;
            extensions = Extensions::new(u16::from_be_bytes([head[0], head[1]]), data);
            rest = tail;
        }
        let header_len = datagram.len() - rest.len();
        let mut padding_len = 0;
        // libwebrtc too takes the bit without a byte behind the header for no padding.
        if first & PADDING_BIT != 0
            && let Some(&count) = rest.last()
        {
            if count == 0 {
                return Err(Discard::RtpPadding);
            }
            padding_len = count;
            let len = rest
                .len()
                .checked_sub(padding_len.into())
                .ok_or(Discard::RtpPadding)?;
            rest = rest.get(..len).ok_or(Discard::RtpPadding)?;
        }
        Ok(Self {
            fixed,
            csrcs,
            extensions,
            payload: rest,
            header_len,
            padding_len,
        })
    }

    /// The marker bit: for video, the last packet of a frame.
    pub const fn marker(&self) -> bool {
        self.fixed[1] & 0x80 != 0
    }

    /// The payload type.
    pub const fn payload_type(&self) -> PayloadType {
        PayloadType(self.fixed[1] & 0x7f)
    }

    /// The sequence number.
    pub const fn sequence_number(&self) -> u16 {
        u16::from_be_bytes([self.fixed[2], self.fixed[3]])
    }

    /// The timestamp, in ticks of the codec's clock.
    pub const fn timestamp(&self) -> u32 {
        u32::from_be_bytes([self.fixed[4], self.fixed[5], self.fixed[6], self.fixed[7]])
    }

    /// The synchronisation source.
    pub const fn ssrc(&self) -> Ssrc {
        let f = self.fixed;
        Ssrc(u32::from_be_bytes([f[8], f[9], f[10], f[11]]))
    }

    /// The contributing sources, at most 15.
    pub fn csrcs(&self) -> impl Iterator<Item = Ssrc> + use<'a> {
        self.csrcs
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| Ssrc(u32::from_be_bytes(*bytes)))
    }

    /// The length of everything before the payload, in bytes.
    pub const fn header_len(&self) -> usize {
        self.header_len
    }

    /// The payload, without padding. It may be empty.
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The length of the padding behind the payload, its count byte included.
    pub const fn padding_len(&self) -> usize {
        self.padding_len as usize
    }

    /// The elements of the header extension, as (id, data), in the order of the packet (RFC 8285).
    ///
    /// There are none if the extension is of another profile than RFC 8285's.
    pub const fn extensions(&self) -> Extensions<'a> {
        self.extensions
    }

    /// The data of the first extension element with `id`.
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        self.extensions()
            .find(|element| element.0 == id)
            .map(|element| element.1)
    }
}

impl fmt::Debug for RtpPacket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RtpPacket")
            .field("marker", &self.marker())
            .field("payload_type", &self.payload_type())
            .field("sequence_number", &self.sequence_number())
            .field("timestamp", &self.timestamp())
            .field("ssrc", &self.ssrc())
            .field("header_len", &self.header_len)
            .field("payload_len", &self.payload.len())
            .field("padding_len", &self.padding_len)
            .finish()
    }
}

/// Whether a datagram that is RTP or RTCP is RTCP: a packet type of 192 to 223 (RFC 5761 §4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram.get(1), Some(192..=223))
}

const FIXED_LEN: usize = 12;
const PADDING_BIT: u8 = 0x20;
const EXTENSION_BIT: u8 = 0x10;
