//! RTCP: a reader of compound and reduced-size packets, and writers of the packets that we send.
//!
//! ```
//! use xrtc_rtp::{Ssrc, rtcp};
//!
//! let mut out = [0; 128];
//! let mut len = rtcp::write_receiver_report(&mut out, Ssrc(1), &[]).unwrap();
//! len += rtcp::write_pli(&mut out[len..], Ssrc(1), Ssrc(2)).unwrap();
//! let packets: Vec<_> = rtcp::packets(&out[..len]).collect();
//! assert!(matches!(packets[1], Ok(rtcp::Packet::Pli(pli)) if pli.media == Ssrc(2)));
//! ```

mod feedback;
mod remb;
mod report;
mod sdes;
mod transport_feedback;

pub use feedback::{Fir, FirEntry, Nack, Pli, write_fir, write_nack, write_pli};
pub use remb::{Remb, write_remb};
pub use report::{
    ReceiverReport, ReportBlock, SenderInfo, SenderReport, write_receiver_report,
    write_sender_report,
};
pub use sdes::{Bye, Sdes, SdesChunk, write_bye, write_sdes_cname};
pub use transport_feedback::{
    Arrival, Arrivals, FeedbackHeader, TransportFeedback, write_transport_feedback,
};

use crate::bytes::{Reader, Writer};
use crate::{Discard, Ssrc};

/// One packet of a compound.
#[derive(Clone, Copy, Debug)]
pub enum Packet<'a> {
    /// A sender report (RFC 3550 §6.4.1).
    SenderReport(SenderReport<'a>),
    /// A receiver report (RFC 3550 §6.4.2).
    ReceiverReport(ReceiverReport<'a>),
    /// A source description (RFC 3550 §6.5).
    Sdes(Sdes<'a>),
    /// Sources leave (RFC 3550 §6.6).
    Bye(Bye<'a>),
    /// Packets are missing (RFC 4585 §6.2.1).
    Nack(Nack<'a>),
    /// A key frame is wanted (RFC 4585 §6.3.1).
    Pli(Pli),
    /// Key frames are wanted, with a count of requests (RFC 5104 §4.3.1).
    Fir(Fir<'a>),
    /// The receiver's estimate of the bandwidth (draft-alvestrand-rmcat-remb-03).
    Remb(Remb<'a>),
    /// When packets arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportFeedback(TransportFeedback<'a>),
    /// Well formed, but nothing we act on: APP, XR, unknown types and formats.
    Other {
        /// The packet type.
        packet_type: u8,
        /// The five bits that are a count or a format, depending on the type.
        count_or_format: u8,
    },
}

/// The packets of an RTCP datagram, compound (RFC 3550 §6.1) or of reduced size (RFC 5506).
///
/// A packet whose contents are malformed is an `Err` and the next one follows; broken framing is an `Err`
/// and ends the list.
pub const fn packets(datagram: &[u8]) -> Packets<'_> {
    Packets { rest: datagram }
}

/// The iterator that [`packets`] returns.
#[derive(Clone, Copy, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Packets<'a> {
    /// Cuts off the next packet and takes its padding away.
    fn next_frame(&mut self) -> Result<Frame<'a>, Discard> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<4>()
            .ok_or(Discard::RtcpTooShort)?;
        if head[0] >> 6 != 2 {
            return Err(Discard::RtcpVersion);
        }
        let len = 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
        let (mut body, rest) = rest.split_at_checked(len).ok_or(Discard::RtcpTruncated)?;
        if head[0] & PADDING_BIT != 0 {
            let padding = usize::from(*body.last().ok_or(Discard::RtcpPadding)?);
            if padding == 0 {
                return Err(Discard::RtcpPadding);
            }
            let len = body
                .len()
                .checked_sub(padding)
                .ok_or(Discard::RtcpPadding)?;
            body = body.get(..len).ok_or(Discard::RtcpPadding)?;
        }
        self.rest = rest;
        Ok(Frame {
            count_or_format: head[0] & 0x1f,
            packet_type: head[1],
            body,
        })
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, Discard>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        Some(match self.next_frame() {
            Ok(frame) => frame.read().ok_or(Discard::RtcpMalformed),
            Err(discard) => {
                self.rest = &[];
                Err(discard)
            }
        })
    }
}

/// A packet without its header and its padding.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P| RC / FMT|      PT       |     length in words - 1       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy)]
struct Frame<'a> {
    count_or_format: u8,
    packet_type: u8,
    body: &'a [u8],
}

impl<'a> Frame<'a> {
    fn read(self) -> Option<Packet<'a>> {
        let mut reader = Reader::new(self.body);
        let count = usize::from(self.count_or_format);
        Some(match (self.packet_type, self.count_or_format) {
            (SENDER_REPORT, _) => Packet::SenderReport(SenderReport::read(&mut reader, count)?),
            (RECEIVER_REPORT, _) => {
                Packet::ReceiverReport(ReceiverReport::read(&mut reader, count)?)
            }
            (SOURCE_DESCRIPTION, _) => Packet::Sdes(Sdes::new(self.body, count)),
            (GOODBYE, _) => Packet::Bye(Bye::read(&mut reader, count)?),
            (TRANSPORT_SPECIFIC, GENERIC_NACK) => Packet::Nack(Nack::read(&mut reader)?),
            (TRANSPORT_SPECIFIC, TRANSPORT_CC) => {
                Packet::TransportFeedback(TransportFeedback::read(&mut reader)?)
            }
            (PAYLOAD_SPECIFIC, PICTURE_LOSS) => Packet::Pli(Pli::read(&mut reader)?),
            (PAYLOAD_SPECIFIC, FULL_INTRA_REQUEST) => Packet::Fir(Fir::read(&mut reader)?),
            (PAYLOAD_SPECIFIC, APPLICATION_LAYER) if remb::is_remb(self.body) => {
                Packet::Remb(Remb::read(&mut reader)?)
            }
            (packet_type, count_or_format) => Packet::Other {
                packet_type,
                count_or_format,
            },
        })
    }
}

/// Reads the two sources that start every feedback message (RFC 4585 §6.1): its sender and the media's.
fn read_sources(reader: &mut Reader<'_>) -> Option<(Ssrc, Ssrc)> {
    Some((Ssrc(reader.u32()?), Ssrc(reader.u32()?)))
}

fn read_ssrcs(bytes: &[u8]) -> impl Iterator<Item = Ssrc> + '_ {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| Ssrc(u32::from_be_bytes(*bytes)))
}

/// Writes the common header; [`finish`] puts the length in.
fn begin<'a>(out: &'a mut [u8], packet_type: u8, count_or_format: u8) -> Option<Writer<'a>> {
    let mut writer = Writer::new(out);
    writer.put(&[0x80 | count_or_format & 0x1f, packet_type, 0, 0])?;
    Some(writer)
}

/// Fills up the last word with zeros, writes the length and returns it in bytes.
fn finish(mut writer: Writer<'_>) -> Option<usize> {
    writer.pad_to_word()?;
    let words = u16::try_from(writer.len() / 4 - 1).ok()?;
    writer.patch(2, &words.to_be_bytes())?;
    Some(writer.len())
}

const PADDING_BIT: u8 = 0x20;

// Packet types (RFC 3550 §12.1, RFC 4585 §6.1).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const TRANSPORT_SPECIFIC: u8 = 205;
const PAYLOAD_SPECIFIC: u8 = 206;

// Formats of transport-specific feedback (RFC 4585 §6.2).
const GENERIC_NACK: u8 = 1;
const TRANSPORT_CC: u8 = 15;

// Formats of payload-specific feedback (RFC 4585 §6.3, RFC 5104 §4.3).
const PICTURE_LOSS: u8 = 1;
const FULL_INTRA_REQUEST: u8 = 4;
const APPLICATION_LAYER: u8 = 15;

/// The counts of sources and report blocks have five bits (RFC 3550 §6.4.1).
const MAX_COUNT: usize = 31;
