//! The servers under test.

use std::collections::VecDeque;
use std::time::Duration;

use xrtc_forward::{
    DeclaredSsrc, Feedback, Format, IngestCodec, IngestConfig, IngestTrack, Limits, RtcpTarget,
    Stream, StreamConfig, ViewerCodec, ViewerConfig, ViewerId, ViewerTrack,
};
use xrtc_rtp::rtcp::{self, Packet, SenderInfo};
use xrtc_rtp::{Codec, ExtensionMap, MediaKind, PayloadType, Ssrc, Time, WallClock};

use super::publisher::{self, retransmission};

pub(crate) const MEDIA: Ssrc = Ssrc(0x1b);
pub(crate) const RTX: Ssrc = Ssrc(0x1c);
const MEDIA_TYPE: PayloadType = publisher::MEDIA_TYPE;
const RTX_TYPE: PayloadType = publisher::RTX_TYPE;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `xrtc-forward` as it is.
    Product,
    /// Answers every request of a viewer at once with one packet.
    Reference,
    /// As the reference; and none of its retransmissions gets lost.
    Charmed,
}

/// A server with one publisher and one viewer.
pub(crate) enum Server {
    Product(Box<Stream>, ViewerId),
    Reference(Reference),
}

/// Where a datagram of the server goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Publisher,
    Viewer,
}

impl Server {
    pub(crate) fn new(kind: Kind, seed: u64, now: Time) -> Result<Self, String> {
        if kind != Kind::Product {
            return Ok(Self::Reference(Reference::new(now)));
        }
        let config = StreamConfig {
            limits: Limits::default(),
            wall: WALL,
            seed,
            mirror: false,
        };
        let mut stream = Stream::new(config, now);
        stream
            .publish(now, ingest())
            .map_err(|refused| format!("{refused:?}"))?;
        let viewer = stream
            .subscribe(now, viewer())
            .map_err(|refused| format!("{refused:?}"))?;
        Ok(Self::Product(Box::new(stream), viewer))
    }

    pub(crate) fn handle_media(&mut self, now: Time, packet: &[u8]) {
        match self {
            Self::Product(stream, _) => stream.handle_rtp(now, packet),
            Self::Reference(reference) => reference.forward(packet),
        }
    }

    pub(crate) fn handle_viewer(&mut self, now: Time, datagram: &[u8]) {
        match self {
            Self::Product(stream, viewer) => stream.handle_viewer_rtcp(now, *viewer, datagram),
            Self::Reference(reference) => reference.answer(datagram),
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        match self {
            Self::Product(stream, _) => stream.poll_timeout(),
            Self::Reference(reference) => Some(reference.next_report),
        }
    }

    /// Everything that goes out now.
    pub(crate) fn poll(&mut self, now: Time) -> Vec<(To, Vec<u8>)> {
        match self {
            Self::Product(stream, _) => {
                let mut all = Vec::new();
                stream.handle_timeout(now);
                while let Some(out) = stream.poll_rtp(now) {
                    let bytes = [out.header, out.prefix, out.payload].concat();
                    all.push((To::Viewer, bytes));
                }
                let mut buffer = [0; 1_200];
                while let Some((target, len)) = stream.poll_rtcp(now, &mut buffer) {
                    let to = match target {
                        RtcpTarget::Publisher => To::Publisher,
                        RtcpTarget::Viewer(_) => To::Viewer,
                    };
                    all.push((to, buffer[..len].to_vec()));
                }
                while stream.poll_event().is_some() {}
                all
            }
            Self::Reference(reference) => {
                reference.report(now);
                reference.out.drain(..).map(|b| (To::Viewer, b)).collect()
            }
        }
    }
}

/// Keeps what it forwarded and sends it again whenever it is asked to.
pub(crate) struct Reference {
    sent: VecDeque<Vec<u8>>,
    rtx_sequence: u16,
    out: VecDeque<Vec<u8>>,
    next_report: Time,
}

impl Reference {
    const fn new(now: Time) -> Self {
        Self {
            sent: VecDeque::new(),
            rtx_sequence: 0,
            out: VecDeque::new(),
            next_report: now,
        }
    }

    fn forward(&mut self, packet: &[u8]) {
        let mut packet = packet.to_vec();
        if let Some(ssrc) = packet.get_mut(8..12) {
            ssrc.copy_from_slice(&MEDIA.0.to_be_bytes());
        }
        if self.sent.len() == HISTORY {
            self.sent.pop_front();
        }
        self.sent.push_back(packet.clone());
        self.out.push_back(packet);
    }

    fn answer(&mut self, datagram: &[u8]) {
        for packet in rtcp::packets(datagram).flatten() {
            let Packet::Nack(nack) = packet else { continue };
            for number in nack.sequence_numbers() {
                let is_it = |packet: &&Vec<u8>| packet.get(2..4) == Some(&number.to_be_bytes());
                let Some(packet) = self.sent.iter().rev().find(is_it) else {
                    continue;
                };
                self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
                self.out
                    .extend(retransmission(packet, RTX, RTX_TYPE, self.rtx_sequence));
            }
        }
    }

    fn report(&mut self, now: Time) {
        if now < self.next_report {
            return;
        }
        self.next_report = now + REPORT_INTERVAL;
        let info = SenderInfo {
            ntp: WALL.ntp(now),
            rtp_timestamp: 0,
            packet_count: 0,
            octet_count: 0,
        };
        let mut out = vec![0; 100];
        if let Some(len) = rtcp::write_sender_report(&mut out, MEDIA, &info, &[]) {
            out.truncate(len);
            self.out.push_back(out);
        }
    }
}

fn ingest() -> IngestConfig {
    let feedback = Feedback {
        nack: true,
        pli: true,
        fir: true,
        transport_cc: false,
        remb: false,
    };
    let codec = IngestCodec {
        format: Format::any(Codec::Vp8),
        payload_type: publisher::MEDIA_TYPE,
        clock_rate: 90_000,
        rtx_payload_type: Some(publisher::RTX_TYPE),
        feedback,
    };
    let track = IngestTrack {
        kind: MediaKind::Video,
        mid: None,
        codecs: vec![codec],
        extensions: ExtensionMap::default(),
        ssrcs: vec![DeclaredSsrc {
            ssrc: publisher::MEDIA,
            rtx: Some(publisher::RTX),
        }],
        rids: Vec::new(),
    };
    IngestConfig {
        tracks: vec![track],
        max_bitrate: None,
        rtcp_ssrc: Ssrc(0xff),
        cname: "server".to_owned(),
        reduced_size: true,
    }
}

fn viewer() -> ViewerConfig {
    let codec = ViewerCodec {
        format: Format::any(Codec::Vp8),
        payload_type: MEDIA_TYPE,
        rtx_payload_type: Some(RTX_TYPE),
        nack: true,
    };
    let track = ViewerTrack {
        kind: MediaKind::Video,
        mid: None,
        codecs: vec![codec],
        extensions: ExtensionMap::default(),
        extmap_allow_mixed: true,
        ssrc: MEDIA,
        rtx_ssrc: Some(RTX),
    };
    ViewerConfig {
        tracks: vec![track],
        cname: "viewer".to_owned(),
    }
}

const WALL: WallClock = WallClock {
    unix_nanos_at_zero: 1_700_000_000_000_000_000,
};
const HISTORY: usize = 1_024;
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
