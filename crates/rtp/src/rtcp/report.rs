//! Sender and receiver reports (RFC 3550 §6.4).

use super::{MAX_COUNT, RECEIVER_REPORT, SENDER_REPORT, begin, finish};
use crate::bytes::{Reader, Writer};
use crate::{NtpTime, Ssrc};

/// What a source says about itself in a sender report (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// The wall clock at the moment of the report.
    pub ntp: NtpTime,
    /// The same moment in the media's clock.
    pub rtp_timestamp: u32,
    /// How many packets were sent, modulo 2^32.
    pub packet_count: u32,
    /// How many bytes of payload were sent, without headers and padding, modulo 2^32.
    pub octet_count: u32,
}

/// What a receiver says about one source (RFC 3550 §6.4.1).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                              SSRC                             |
/// | fraction lost |       cumulative number of packets lost       |
/// |           extended highest sequence number received           |
/// |                      interarrival jitter                      |
/// |                         last SR (LSR)                         |
/// |                   delay since last SR (DLSR)                  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: Ssrc,
    /// The share of packets lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Packets lost since the start; negative with duplicates. 24 bits travel, larger numbers saturate.
    pub cumulative_lost: i32,
    /// The highest sequence number received, with the count of cycles in the high half.
    pub extended_highest_sequence_number: u32,
    /// The interarrival jitter, in ticks of the media's clock.
    pub jitter: u32,
    /// [`NtpTime::middle`] of the source's last sender report; zero if there was none.
    pub last_sender_report: u32,
    /// How long ago that report arrived, in units of 1/65,536 seconds; zero if there was none.
    pub delay_since_last_sender_report: u32,
}

impl ReportBlock {
    const LEN: usize = 24;

    fn read(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        Some(Self {
            ssrc: Ssrc(reader.u32()?),
            fraction_lost: reader.u8()?,
            // 24 bits with a sign: to the top of the word and back.
            cumulative_lost: (reader.u24()? << 8) as i32 >> 8,
            extended_highest_sequence_number: reader.u32()?,
            jitter: reader.u32()?,
            last_sender_report: reader.u32()?,
            delay_since_last_sender_report: reader.u32()?,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Option<()> {
        writer.u32(self.ssrc.0)?;
        writer.u8(self.fraction_lost)?;
        writer.u24(self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff) as u32)?;
        writer.u32(self.extended_highest_sequence_number)?;
        writer.u32(self.jitter)?;
        writer.u32(self.last_sender_report)?;
        writer.u32(self.delay_since_last_sender_report)
    }
}

/// A sender report (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug)]
pub struct SenderReport<'a> {
    /// The source that reports.
    pub ssrc: Ssrc,
    /// What it says about itself.
    pub info: SenderInfo,
    blocks: &'a [u8],
}

impl<'a> SenderReport<'a> {
    pub(super) fn read(reader: &mut Reader<'a>, count: usize) -> Option<Self> {
        Some(Self {
            ssrc: Ssrc(reader.u32()?),
            info: SenderInfo {
                ntp: NtpTime(reader.u64()?),
                rtp_timestamp: reader.u32()?,
                packet_count: reader.u32()?,
                octet_count: reader.u32()?,
            },
            blocks: reader.take(count * ReportBlock::LEN)?,
        })
    }

    /// What it says about the sources it receives, at most 31.
    pub fn report_blocks(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        read_blocks(self.blocks)
    }
}

/// A receiver report (RFC 3550 §6.4.2).
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    /// The source that reports.
    pub ssrc: Ssrc,
    blocks: &'a [u8],
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn read(reader: &mut Reader<'a>, count: usize) -> Option<Self> {
        let ssrc = Ssrc(reader.u32()?);
        Some(Self {
            ssrc,
            blocks: reader.take(count * ReportBlock::LEN)?,
        })
    }

    /// What it says about the sources it receives, at most 31.
    pub fn report_blocks(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        read_blocks(self.blocks)
    }
}

fn read_blocks(blocks: &[u8]) -> impl Iterator<Item = ReportBlock> + '_ {
    blocks
        .as_chunks::<{ ReportBlock::LEN }>()
        .0
        .iter()
        .filter_map(ReportBlock::read)
}

/// Writes a sender report and returns its length; `None` without room or with more than 31 blocks.
pub fn write_sender_report(
    out: &mut [u8],
    ssrc: Ssrc,
    info: &SenderInfo,
    blocks: &[ReportBlock],
) -> Option<usize> {
    let mut writer = begin(out, SENDER_REPORT, block_count(blocks)?)?;
    writer.u32(ssrc.0)?;
    writer.u64(info.ntp.0)?;
    writer.u32(info.rtp_timestamp)?;
    writer.u32(info.packet_count)?;
    writer.u32(info.octet_count)?;
    write_blocks(writer, blocks)
}

/// Writes a receiver report and returns its length; `None` without room or with more than 31 blocks.
///
/// Without blocks it is the empty report that a compound packet starts with (RFC 3550 §6.1).
pub fn write_receiver_report(out: &mut [u8], ssrc: Ssrc, blocks: &[ReportBlock]) -> Option<usize> {
    let mut writer = begin(out, RECEIVER_REPORT, block_count(blocks)?)?;
    writer.u32(ssrc.0)?;
    write_blocks(writer, blocks)
}

fn block_count(blocks: &[ReportBlock]) -> Option<u8> {
    u8::try_from(blocks.len())
        .ok()
        .filter(|&count| usize::from(count) <= MAX_COUNT)
}

fn write_blocks(mut writer: Writer<'_>, blocks: &[ReportBlock]) -> Option<usize> {
    for block in blocks {
        block.write(&mut writer)?;
    }
    finish(writer)
}
