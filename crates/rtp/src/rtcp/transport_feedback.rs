//! Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use super::{PADDING_BIT, TRANSPORT_CC, TRANSPORT_SPECIFIC, begin, finish, read_sources};
use crate::Ssrc;
use crate::bytes::{Reader, Writer};

/// What stands before the arrivals of a feedback packet (§3.1 of the draft).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedbackHeader {
    /// Who received the packets.
    pub sender: Ssrc,
    /// A source of those packets; the feedback is for the whole transport.
    pub media: Ssrc,
    /// The transport-wide sequence number of the first packet that is reported on.
    pub base_sequence_number: u16,
    /// The receiver's clock in units of 64 ms, to which the first arrival is relative; 24 bits travel.
    pub reference_time: u32,
    /// The number of the feedback packet, which shows its own losses.
    pub feedback_count: u8,
}

/// When packets arrived (§3.1 of the draft).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |      base sequence number     |      packet status count      |
/// |                 reference time                | fb pkt. count |
/// |          packet chunk         |         packet chunk          |
/// |         packet chunk          |  recv delta   |  recv delta   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TransportFeedback<'a> {
    /// What stands before the arrivals.
    pub header: FeedbackHeader,
    /// How many packets are reported on, received or not.
    pub status_count: u16,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    /// Reads and checks all of it, so that [`Self::arrivals`] cannot run dry.
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let (sender, media) = read_sources(reader)?;
        let base_sequence_number = reader.u16()?;
        let status_count = reader.u16()?;
        let reference_time = reader.u24()?;
        let feedback_count = reader.u8()?;
        let header = FeedbackHeader {
            sender,
            media,
            base_sequence_number,
            reference_time,
            feedback_count,
        };
        let chunks = reader.rest();
        let mut left = usize::from(status_count);
        let mut deltas_len = 0;
        while left > 0 {
            let chunk = Chunk::new(reader.u16()?);
            let len = chunk.len().min(left);
            deltas_len += chunk.deltas_len(len)?;
            left -= len;
        }
        let chunks = chunks.get(..chunks.len() - reader.rest().len())?;
        Some(Self {
            header,
            status_count,
            chunks,
            deltas: reader.take(deltas_len)?,
        })
    }

    /// All packets from the base sequence number on, at most 65,535.
    pub const fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            sequence_number: self.header.base_sequence_number,
            left: self.status_count,
            chunks: Reader::new(self.chunks),
            chunk: Chunk::Run {
                symbol: NOT_RECEIVED,
                len: 0,
            },
            position: 0,
            deltas: Reader::new(self.deltas),
            ticks: self.header.reference_time as i64 * TICKS_PER_REFERENCE,
        }
    }
}

/// What a feedback packet says about one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The packet's transport-wide sequence number.
    pub sequence_number: u16,
    /// When it arrived, in ticks of 250 µs of the receiver's clock; `None` if it did not.
    ///
    /// Counted from a reference time of zero; it wraps with the reference time, every 2^32 ticks.
    pub ticks: Option<i64>,
}

/// The iterator of [`TransportFeedback::arrivals`].
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    sequence_number: u16,
    left: u16,
    chunks: Reader<'a>,
    chunk: Chunk,
    position: usize,
    deltas: Reader<'a>,
    ticks: i64,
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        self.left = self.left.checked_sub(1)?;
        if self.position == self.chunk.len() {
            self.chunk = Chunk::new(self.chunks.u16()?);
            self.position = 0;
        }
        let symbol = self.chunk.symbol(self.position);
        self.position += 1;
        let sequence_number = self.sequence_number;
        self.sequence_number = sequence_number.wrapping_add(1);
        let delta = match symbol {
            SMALL_DELTA => i64::from(self.deltas.u8()?),
            LARGE_DELTA => i64::from(self.deltas.u16()? as i16),
            _ => {
                return Some(Arrival {
                    sequence_number,
                    ticks: None,
                });
            }
        };
        self.ticks += delta;
        Some(Arrival {
            sequence_number,
            ticks: Some(self.ticks),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left.into()))
    }
}

/// Sixteen bits that hold the status of many packets (§3.1.2 to §3.1.4 of the draft).
///
/// ```text
///  0                   1
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |0| S |       run length        |    all of the one symbol
/// |1|0|   14 symbols of 1 bit     |    not received, small delta
/// |1|1|    7 symbols of 2 bits    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug)]
enum Chunk {
    Run { symbol: u16, len: usize },
    OneBit(u16),
    TwoBits(u16),
}

impl Chunk {
    const fn new(bits: u16) -> Self {
        match bits >> 14 {
            0b10 => Self::OneBit(bits),
            0b11 => Self::TwoBits(bits),
            _ => Self::Run {
                symbol: bits >> 13 & 3,
                len: (bits & 0x1fff) as usize,
            },
        }
    }

    const fn bits(self) -> u16 {
        match self {
            Self::Run { symbol, len } => symbol << 13 | len as u16 & 0x1fff,
            Self::OneBit(bits) => 0b10 << 14 | bits,
            Self::TwoBits(bits) => 0b11 << 14 | bits,
        }
    }

    const fn len(self) -> usize {
        match self {
            Self::Run { len, .. } => len,
            Self::OneBit(_) => ONE_BIT_LEN,
            Self::TwoBits(_) => TWO_BITS_LEN,
        }
    }

    const fn symbol(self, position: usize) -> u16 {
        match self {
            Self::Run { symbol, .. } => symbol,
            Self::OneBit(bits) => bits >> (ONE_BIT_LEN - 1 - position) & 1,
            Self::TwoBits(bits) => bits >> (2 * (TWO_BITS_LEN - 1 - position)) & 3,
        }
    }

    /// How many bytes of deltas the first `len` symbols have; `None` with a reserved symbol or a run of
    /// nothing, which would let a packet hold us for as long as it likes.
    fn deltas_len(self, len: usize) -> Option<usize> {
        match self {
            Self::Run { len: 0, .. } => None,
            Self::Run { symbol, .. } => Some(len * delta_len(symbol)?),
            _ => (0..len)
                .map(|position| delta_len(self.symbol(position)))
                .sum(),
        }
    }

    /// Takes the chunk that holds the most symbols from the front of `symbols`.
    fn take(symbols: &mut (impl Iterator<Item = u16> + Clone)) -> Option<Self> {
        let mut ahead = symbols.clone();
        let symbol = ahead.next()?;
        let run = 1 + ahead
            .take_while(|&next| next == symbol)
            .take(MAX_RUN - 1)
            .count();
        let large = symbols
            .clone()
            .take(ONE_BIT_LEN)
            .any(|symbol| symbol == LARGE_DELTA);
        let chunk = if run >= ONE_BIT_LEN || large && run >= TWO_BITS_LEN {
            Self::Run { symbol, len: run }
        } else if large {
            Self::TwoBits(Self::pack(symbols.clone(), TWO_BITS_LEN, 2))
        } else {
            Self::OneBit(Self::pack(symbols.clone(), ONE_BIT_LEN, 1))
        };
        symbols.nth(chunk.len() - 1);
        Some(chunk)
    }

    fn pack(symbols: impl Iterator<Item = u16>, len: usize, width: usize) -> u16 {
        let filled = symbols.chain(std::iter::repeat(NOT_RECEIVED)).take(len);
        filled.fold(0, |bits, symbol| bits << width | symbol)
    }
}

/// The size of a symbol's delta, in bytes; `None` for the reserved symbol.
const fn delta_len(symbol: u16) -> Option<usize> {
    match symbol {
        NOT_RECEIVED => Some(0),
        SMALL_DELTA => Some(1),
        LARGE_DELTA => Some(2),
        _ => None,
    }
}

/// Writes a feedback packet and returns its length.
///
/// `deltas` are the packets from the base sequence number on: `None` for one that did not arrive, else the
/// ticks of 250 µs since the one before it that did (the first one: since the reference time). `None` without
/// room, without packets, or with more than 65,535 of them.
pub fn write_transport_feedback(
    out: &mut [u8],
    header: &FeedbackHeader,
    deltas: impl Iterator<Item = Option<i16>> + Clone,
) -> Option<usize> {
    let status_count = u16::try_from(deltas.clone().count())
        .ok()
        .filter(|&count| count > 0)?;
    let mut writer = begin(out, TRANSPORT_SPECIFIC, TRANSPORT_CC)?;
    writer.u32(header.sender.0)?;
    writer.u32(header.media.0)?;
    writer.u16(header.base_sequence_number)?;
    writer.u16(status_count)?;
    writer.u24(header.reference_time)?;
    writer.u8(header.feedback_count)?;
    let mut symbols = deltas.clone().map(symbol_of);
    while let Some(chunk) = Chunk::take(&mut symbols) {
        writer.u16(chunk.bits())?;
    }
    for delta in deltas.flatten() {
        match u8::try_from(delta) {
            Ok(small) => writer.u8(small)?,
            Err(_) => writer.u16(delta as u16)?,
        }
    }
    pad(&mut writer)?;
    finish(writer)
}

fn symbol_of(delta: Option<i16>) -> u16 {
    match delta {
        None => NOT_RECEIVED,
        Some(0..=255) => SMALL_DELTA,
        Some(_) => LARGE_DELTA,
    }
}

/// Announces the bytes up to the next word as padding: otherwise they would read as deltas.
fn pad(writer: &mut Writer<'_>) -> Option<()> {
    let missing = writer.len().next_multiple_of(4) - writer.len();
    if missing > 0 {
        writer.put([0_u8; 2].get(..missing - 1)?)?;
        writer.u8(u8::try_from(missing).ok()?)?;
        writer.patch(0, &[0x80 | PADDING_BIT | TRANSPORT_CC])?;
    }
    Some(())
}

// Packet status symbols (§3.1.1 of the draft).
const NOT_RECEIVED: u16 = 0;
const SMALL_DELTA: u16 = 1;
const LARGE_DELTA: u16 = 2;

const ONE_BIT_LEN: usize = 14;
const TWO_BITS_LEN: usize = 7;
const MAX_RUN: usize = 0x1fff;

/// 64 ms in ticks of 250 µs.
const TICKS_PER_REFERENCE: i64 = 256;
