//! One source that is being received: reception figures, requests and frames.

use std::time::Duration;

use xrtc_rtp::rtcp::ReportBlock;
use xrtc_rtp::{Codec, MediaKind, NtpTime, RtpPacket, SequenceUnwrapper, Ssrc, Time};

use crate::assembly::Assembly;
use crate::frame::FramePart;
use crate::nack::Nacker;

/// One source.
#[derive(Debug)]
pub struct Incoming {
    /// The source.
    pub ssrc: Ssrc,
    /// The codec.
    pub codec: Codec,
    /// Video frames; empty for audio.
    pub video: Assembly,
    /// The numbers of the audio packets that came whole, with the time of arrival.
    pub audio: Vec<(u32, Time)>,
    /// Audio packets that are not as they were sent.
    pub broken_audio: u64,
    /// Packets, retransmissions included.
    pub packets: u64,
    /// Of these, retransmissions.
    pub recovered: u64,
    pub(crate) nacker: Nacker,
    /// When its first packet came.
    pub first_packet: Time,
    pub(crate) last_packet: Time,
    clock_rate: u32,
    unwrapper: SequenceUnwrapper,
    base: Option<u64>,
    received: u64,
    expected_before: u64,
    received_before: u64,
    transit: Option<i64>,
    jitter: f64,
    last_report: Option<(NtpTime, Time)>,
}

impl Incoming {
    pub(crate) fn new(ssrc: Ssrc, codec: Codec, rtt: Duration, now: Time) -> Self {
        Self {
            ssrc,
            codec,
            video: Assembly::new(codec),
            audio: Vec::new(),
            broken_audio: 0,
            packets: 0,
            recovered: 0,
            nacker: Nacker::new(rtt),
            first_packet: now,
            last_packet: now,
            clock_rate: if codec.kind() == MediaKind::Audio {
                48_000
            } else {
                90_000
            },
            unwrapper: SequenceUnwrapper::new(),
            base: None,
            received: 0,
            expected_before: 0,
            received_before: 0,
            transit: None,
            jitter: 0.0,
            last_report: None,
        }
    }

    /// A packet of the source itself. `true`: there is something to ask for.
    pub(crate) fn receive(&mut self, now: Time, packet: &RtpPacket<'_>) -> bool {
        let number = self.unwrapper.unwrap(packet.sequence_number());
        self.base.get_or_insert(number);
        self.packets += 1;
        self.received += 1;
        self.last_packet = now;
        let arrival =
            (u128::from(now.as_nanos()) * u128::from(self.clock_rate) / 1_000_000_000) as u32;
        let transit = i64::from(arrival.wrapping_sub(packet.timestamp()) as i32);
        if let Some(before) = self.transit.replace(transit) {
            // RFC 3550 §6.4.1
            self.jitter += ((transit - before).abs() as f64 - self.jitter) / 16.0;
        }
        self.take_payload(now, packet, packet.sequence_number(), packet.payload());
        self.nacker
            .receive(now, packet.sequence_number(), false)
            .opens_gap
    }

    /// A packet that came again in a retransmission stream.
    pub(crate) fn recover(
        &mut self,
        now: Time,
        packet: &RtpPacket<'_>,
        sequence_number: u16,
        payload: &[u8],
    ) {
        self.packets += 1;
        self.recovered += 1;
        self.take_payload(now, packet, sequence_number, payload);
        self.nacker.receive(now, sequence_number, true);
    }

    fn take_payload(
        &mut self,
        now: Time,
        packet: &RtpPacket<'_>,
        sequence_number: u16,
        payload: &[u8],
    ) {
        if self.codec.kind() == MediaKind::Video {
            self.video.receive(now, packet, sequence_number, payload);
        } else if let Some(part) = FramePart::read(payload) {
            self.audio.push((part.frame, now));
        } else if !payload.is_empty() {
            self.broken_audio += 1;
        }
    }

    pub(crate) const fn sender_report(&mut self, now: Time, ntp: NtpTime) {
        self.last_report = Some((ntp, now));
    }

    /// RFC 3550 §6.4.1 and appendix A.3.
    pub(crate) fn report(&mut self, now: Time) -> Option<ReportBlock> {
        let (base, highest) = (self.base?, self.unwrapper.highest()?);
        let expected = (highest + 1).saturating_sub(base);
        let lost = expected as i64 - self.received as i64;
        let expected_now = expected.saturating_sub(self.expected_before);
        let received_now = self.received - self.received_before;
        let lost_now = expected_now.saturating_sub(received_now);
        self.expected_before = expected;
        self.received_before = self.received;
        let (last, delay) = self.last_report.map_or((0, 0), |(ntp, at)| {
            (
                ntp.middle(),
                (now.since(at).as_nanos() * 65_536 / 1_000_000_000) as u32,
            )
        });
        Some(ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: (lost_now * 256)
                .checked_div(expected_now)
                .unwrap_or(0)
                .min(255) as u8,
            cumulative_lost: lost as i32,
            extended_highest_sequence_number: highest as u32,
            jitter: self.jitter as u32,
            last_sender_report: last,
            delay_since_last_sender_report: delay,
        })
    }
}
