//! The receiving half of a browser.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use xrtc_rtp::rtcp::{self, Packet};
use xrtc_rtp::{Codec, ExtensionKind, MediaKind, PayloadType, RtpPacket, Ssrc, Time, rtx};
use xrtc_sdp::Description;

use crate::browser::Queued;
use crate::description::{FormatText, SectionText};
use crate::incoming::Incoming;
use crate::nack::{Cause, Nacker};

/// How a viewer receives.
#[derive(Clone, Debug)]
pub struct ViewConfig {
    /// The video codecs that it decodes, the preferred one first.
    pub codecs: Vec<Codec>,
    /// Whether it asks for lost packets.
    pub nack: bool,
    /// Whether retransmissions have a stream of their own.
    pub rtx: bool,
    /// After which time a request is repeated. libwebrtc takes 100 ms until it knows better, which a receiver does not
    /// without extended reports.
    pub rtt: Duration,
    /// Whether it offers to encrypt header extensions (RFC 9335).
    pub cryptex: bool,
}

impl Default for ViewConfig {
    fn default() -> Self {
        Self {
            codecs: vec![Codec::Vp8, Codec::H264],
            nack: true,
            rtx: true,
            rtt: Duration::from_millis(80),
            cryptex: false,
        }
    }
}

/// The receiving half.
#[derive(Debug)]
pub struct Viewer {
    config: ViewConfig,
    ssrc: Ssrc,
    formats: Vec<Format>,
    /// Retransmission source and source, as the other side declared them.
    rtx: Vec<(Ssrc, Ssrc)>,
    incoming: Vec<Incoming>,
    next_report: Option<Time>,
    next_nack: Option<Time>,
    last_pli: Option<Time>,
    /// Packets with a payload type that was not negotiated.
    pub unknown_packets: u64,
    /// PLIs sent.
    pub plis: u64,
    /// NACK packets sent.
    pub nacks: u64,
}

#[derive(Clone, Copy, Debug)]
struct Format {
    payload_type: PayloadType,
    rtx: Option<PayloadType>,
    codec: Codec,
    has_nack: bool,
}

impl Viewer {
    pub(crate) const fn offers_cryptex(&self) -> bool {
        self.config.cryptex
    }

    pub(crate) fn new(config: ViewConfig, rng: &mut Rng) -> Self {
        Self {
            config,
            ssrc: Ssrc(rng.u32(1..)),
            formats: Vec::new(),
            rtx: Vec::new(),
            incoming: Vec::new(),
            next_report: None,
            next_nack: None,
            last_pli: None,
            unknown_packets: 0,
            plis: 0,
            nacks: 0,
        }
    }

    /// The sources that came.
    pub fn incoming(&self) -> &[Incoming] {
        &self.incoming
    }

    /// The source of a kind, in the codec that came last.
    pub fn source(&self, kind: MediaKind) -> Option<&Incoming> {
        let of_kind = self
            .incoming
            .iter()
            .filter(|incoming| incoming.codec.kind() == kind);
        of_kind.max_by_key(|incoming| incoming.last_packet)
    }

    pub(crate) fn sections(&self, mids: &[(MediaKind, String)]) -> Vec<SectionText> {
        let section = |(kind, mid): &(MediaKind, String)| {
            let codecs = if *kind == MediaKind::Video {
                self.config.codecs.clone()
            } else {
                vec![Codec::Opus]
            };
            let format = |codec| FormatText {
                has_transport_cc: false,
                ..FormatText::new(codec, self.config.nack, self.config.rtx)
            };
            SectionText {
                kind: *kind,
                mid: mid.clone(),
                direction: "recvonly",
                formats: codecs.into_iter().map(format).collect(),
                sources: Vec::new(),
                rids: Vec::new(),
                extensions: vec![(4, ExtensionKind::Mid.uri().to_owned())],
                is_rejected: false,
            }
        };
        mids.iter().map(section).collect()
    }

    pub(crate) fn negotiate(&mut self, remote: &Description) {
        for section in remote
            .sections
            .iter()
            .filter(|section| !section.is_rejected())
        {
            let codecs = section
                .formats
                .iter()
                .filter_map(|format| Some((format, format.codec()?)));
            self.formats.extend(codecs.map(|(format, codec)| {
                let rtx = section
                    .formats
                    .iter()
                    .find(|other| other.apt() == Some(format.payload_type));
                Format {
                    payload_type: format.payload_type,
                    rtx: rtx.map(|rtx| rtx.payload_type),
                    codec,
                    has_nack: format.feedback.nack && self.config.nack,
                }
            }));
            let groups = section
                .groups
                .iter()
                .filter(|group| group.semantics == "FID");
            self.rtx
                .extend(groups.filter_map(|group| match group.ssrcs.as_slice() {
                    [media, rtx] => Some((*rtx, *media)),
                    _ => None,
                }));
        }
    }

    pub(crate) fn start(&mut self, now: Time) {
        self.next_report = Some(now + Duration::from_millis(100));
        self.next_nack = Some(now + Nacker::INTERVAL);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        [self.next_report, self.next_nack]
            .into_iter()
            .flatten()
            .min()
    }

    pub(crate) fn handle_rtp(&mut self, now: Time, datagram: &[u8], out: &mut VecDeque<Queued>) {
        let Ok(packet) = RtpPacket::parse(datagram) else {
            return;
        };
        let number = packet.payload_type();
        let Some(format) = self
            .formats
            .iter()
            .find(|f| f.payload_type == number || f.rtx == Some(number))
            .copied()
        else {
            self.unknown_packets += 1;
            return;
        };
        if format.rtx == Some(number) {
            self.recover(now, &packet, format.codec);
            return;
        }
        let ssrc = packet.ssrc();
        let known = self
            .incoming
            .iter()
            .position(|incoming| incoming.ssrc == ssrc && incoming.codec == format.codec);
        let index = known.unwrap_or_else(|| {
            self.incoming
                .push(Incoming::new(ssrc, format.codec, self.config.rtt, now));
            self.incoming.len() - 1
        });
        let Some(incoming) = self.incoming.get_mut(index) else {
            return;
        };
        if incoming.receive(now, &packet) && format.has_nack {
            let missing = incoming.nacker.take(now, Cause::Gap);
            self.ask(ssrc, missing, out);
        }
    }

    fn recover(&mut self, now: Time, packet: &RtpPacket<'_>, codec: Codec) {
        let media = self
            .rtx
            .iter()
            .find(|(rtx, _)| *rtx == packet.ssrc())
            .map(|(_, media)| *media);
        let incoming = media.and_then(|media| {
            self.incoming
                .iter_mut()
                .find(|incoming| incoming.ssrc == media && incoming.codec == codec)
        });
        match (incoming, rtx::split(packet.payload())) {
            (Some(incoming), Some((number, payload))) => {
                incoming.recover(now, packet, number, payload)
            }
            _ => self.unknown_packets += 1,
        }
    }

    pub(crate) fn handle_rtcp(&mut self, now: Time, datagram: &[u8]) {
        for packet in rtcp::packets(datagram).flatten() {
            if let Packet::SenderReport(report) = packet {
                for incoming in self
                    .incoming
                    .iter_mut()
                    .filter(|incoming| incoming.ssrc == report.ssrc)
                {
                    incoming.sender_report(now, report.info.ntp);
                }
            }
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Time, out: &mut VecDeque<Queued>) {
        if self.next_nack.is_some_and(|due| due <= now) {
            self.next_nack = Some(now + Nacker::INTERVAL);
            for index in 0..self.incoming.len() {
                let Some(incoming) = self.incoming.get_mut(index) else {
                    continue;
                };
                let (ssrc, codec) = (incoming.ssrc, incoming.codec);
                if self
                    .formats
                    .iter()
                    .any(|format| format.codec == codec && format.has_nack)
                {
                    let missing = incoming.nacker.take(now, Cause::Timer);
                    self.ask(ssrc, missing, out);
                }
            }
            self.ask_for_key_frame(now, out);
        }
        if self.next_report.is_some_and(|due| due <= now) {
            self.next_report = Some(now + Duration::from_secs(1));
            let blocks: Vec<_> = self
                .incoming
                .iter_mut()
                .filter_map(|incoming| incoming.report(now))
                .collect();
            let mut packet = vec![0; 300];
            if let Some(len) = rtcp::write_receiver_report(&mut packet, self.ssrc, &blocks) {
                packet.truncate(len);
                out.push_back(Queued::Rtcp(packet));
            }
        }
    }

    fn ask(&mut self, media: Ssrc, missing: Vec<u16>, out: &mut VecDeque<Queued>) {
        let mut packet = vec![0; 1_200];
        if let Some(len) = rtcp::write_nack(&mut packet, self.ssrc, media, missing) {
            self.nacks += 1;
            packet.truncate(len);
            out.push_back(Queued::Rtcp(packet));
        }
    }

    /// libwebrtc asks when it has waited 200 ms for its first key frame, and later 3 s for any frame.
    fn ask_for_key_frame(&mut self, now: Time, out: &mut VecDeque<Queued>) {
        for incoming in self
            .incoming
            .iter()
            .filter(|incoming| incoming.codec.kind() == MediaKind::Video)
        {
            let patience = Duration::from_millis(if incoming.video.frames().is_empty() {
                200
            } else {
                3_000
            });
            let last_frame = incoming
                .video
                .frames()
                .last()
                .map_or(incoming.first_packet, |frame| frame.at);
            let since = last_frame.max(self.last_pli.unwrap_or(last_frame));
            if now.since(since) < patience {
                continue;
            }
            let mut packet = vec![0; 20];
            if let Some(len) = rtcp::write_pli(&mut packet, self.ssrc, incoming.ssrc) {
                self.plis += 1;
                self.last_pli = Some(now);
                packet.truncate(len);
                out.push_back(Queued::Rtcp(packet));
            }
        }
    }
}
