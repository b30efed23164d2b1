//! A stream, publishers that build packets, viewers that check what they get.

mod sender;

use std::collections::HashMap;
use std::time::Duration;

use xrtc_forward::{
    DeclaredSsrc, Feedback, Format, IngestCodec, IngestConfig, IngestTrack, Limits, RtcpTarget,
    Stream, StreamConfig, StreamEvent, ViewerCodec, ViewerConfig, ViewerId, ViewerTrack,
};
use xrtc_rtp::rtcp;
use xrtc_rtp::{
    Codec, ExtensionKind, ExtensionMap, MediaKind, Mid, PayloadType, Rid, RtpPacket, Ssrc, Time,
    WallClock,
};

pub(crate) use sender::{PUBLISHER_WALL, Sender, rtx, vp8_payload};

pub(crate) const WALL: WallClock = WallClock {
    unix_nanos_at_zero: 1_700_000_000_000_000_000,
};
pub(crate) const AUDIO: Ssrc = Ssrc(0xa0);
pub(crate) const VIDEO: Ssrc = Ssrc(0xb0);
pub(crate) const VIDEO_RTX: Ssrc = Ssrc(0xb1);
pub(crate) const OUT_AUDIO: Ssrc = Ssrc(0x1a);
pub(crate) const OUT_VIDEO: Ssrc = Ssrc(0x1b);
pub(crate) const OUT_RTX: Ssrc = Ssrc(0x1c);

pub(crate) const OPUS: u8 = 111;
pub(crate) const VP8: u8 = 96;
pub(crate) const VP8_RTX: u8 = 97;
pub(crate) const H264: u8 = 102;
pub(crate) const H264_RTX: u8 = 103;
pub(crate) const OUT_OPUS: u8 = 63;
pub(crate) const OUT_VP8: u8 = 120;
pub(crate) const OUT_VP8_RTX: u8 = 121;
pub(crate) const OUT_H264: u8 = 122;
pub(crate) const OUT_H264_RTX: u8 = 123;

pub(crate) fn at(millis: u64) -> Time {
    Time::from_millis(1_000 + millis)
}

pub(crate) fn config() -> StreamConfig {
    StreamConfig {
        limits: Limits::default(),
        wall: WALL,
        seed: 7,
        mirror: false,
    }
}

/// What a browser understands.
pub(crate) const FULL: Feedback = Feedback {
    nack: true,
    pli: true,
    fir: true,
    transport_cc: true,
    remb: true,
};

pub(crate) fn publisher_extensions() -> ExtensionMap {
    [
        (ExtensionKind::Mid, 4),
        (ExtensionKind::Rid, 10),
        (ExtensionKind::RepairedRid, 11),
        (ExtensionKind::TransportCc, 3),
        (ExtensionKind::AbsSendTime, 2),
        (ExtensionKind::AudioLevel, 1),
        (ExtensionKind::VideoOrientation, 13),
        (ExtensionKind::DependencyDescriptor, 12),
        (ExtensionKind::VideoLayersAllocation, 9),
        (ExtensionKind::TransmissionOffset, 14),
        (ExtensionKind::ColorSpace, 8),
        (ExtensionKind::AbsCaptureTime, 7),
    ]
    .into_iter()
    .collect()
}

fn ingest_codec(codec: Codec, payload_type: u8, rtx: Option<u8>) -> IngestCodec {
    IngestCodec {
        format: Format::any(codec),
        payload_type: PayloadType(payload_type),
        clock_rate: if codec.kind() == MediaKind::Audio {
            48_000
        } else {
            90_000
        },
        rtx_payload_type: rtx.map(PayloadType),
        feedback: if codec.kind() == MediaKind::Audio {
            Feedback {
                transport_cc: true,
                ..Feedback::default()
            }
        } else {
            FULL
        },
    }
}

pub(crate) fn audio_track() -> IngestTrack {
    IngestTrack {
        kind: MediaKind::Audio,
        mid: Mid::new("0"),
        codecs: vec![ingest_codec(Codec::Opus, OPUS, None)],
        extensions: publisher_extensions(),
        ssrcs: vec![DeclaredSsrc {
            ssrc: AUDIO,
            rtx: None,
        }],
        rids: Vec::new(),
    }
}

pub(crate) fn video_track() -> IngestTrack {
    IngestTrack {
        kind: MediaKind::Video,
        mid: Mid::new("1"),
        codecs: vec![
            ingest_codec(Codec::Vp8, VP8, Some(VP8_RTX)),
            ingest_codec(Codec::H264, H264, Some(H264_RTX)),
        ],
        extensions: publisher_extensions(),
        ssrcs: vec![DeclaredSsrc {
            ssrc: VIDEO,
            rtx: Some(VIDEO_RTX),
        }],
        rids: Vec::new(),
    }
}

/// Three layers told apart by rid only.
pub(crate) fn simulcast_track() -> IngestTrack {
    IngestTrack {
        ssrcs: Vec::new(),
        rids: ["q", "h", "f"].into_iter().filter_map(Rid::new).collect(),
        ..video_track()
    }
}

pub(crate) fn ingest(tracks: Vec<IngestTrack>) -> IngestConfig {
    IngestConfig {
        tracks,
        max_bitrate: None,
        rtcp_ssrc: Ssrc(0xff),
        cname: "server".to_owned(),
        reduced_size: true,
    }
}

pub(crate) fn viewer_extensions() -> ExtensionMap {
    [
        (ExtensionKind::Mid, 1),
        (ExtensionKind::AudioLevel, 5),
        (ExtensionKind::VideoOrientation, 2),
        (ExtensionKind::DependencyDescriptor, 3),
        (ExtensionKind::TransportCc, 6),
        (ExtensionKind::AbsSendTime, 7),
        (ExtensionKind::ColorSpace, 8),
        (ExtensionKind::AbsCaptureTime, 9),
    ]
    .into_iter()
    .collect()
}

fn viewer_codec(codec: Codec, payload_type: u8, rtx: Option<u8>) -> ViewerCodec {
    ViewerCodec {
        format: Format::any(codec),
        payload_type: PayloadType(payload_type),
        rtx_payload_type: rtx.map(PayloadType),
        nack: codec.kind() == MediaKind::Video,
    }
}

pub(crate) fn viewer_config() -> ViewerConfig {
    ViewerConfig {
        tracks: vec![
            ViewerTrack {
                kind: MediaKind::Audio,
                mid: Mid::new("a"),
                codecs: vec![viewer_codec(Codec::Opus, OUT_OPUS, None)],
                extensions: viewer_extensions(),
                extmap_allow_mixed: true,
                ssrc: OUT_AUDIO,
                rtx_ssrc: None,
            },
            ViewerTrack {
                kind: MediaKind::Video,
                mid: Mid::new("v"),
                codecs: vec![
                    viewer_codec(Codec::Vp8, OUT_VP8, Some(OUT_VP8_RTX)),
                    viewer_codec(Codec::H264, OUT_H264, Some(OUT_H264_RTX)),
                ],
                extensions: viewer_extensions(),
                extmap_allow_mixed: true,
                ssrc: OUT_VIDEO,
                rtx_ssrc: Some(OUT_RTX),
            },
        ],
        cname: "viewer".to_owned(),
    }
}

/// A viewer whose lost packets are repeated under the same SSRC.
pub(crate) fn viewer_without_rtx() -> ViewerConfig {
    let mut config = viewer_config();
    for track in &mut config.tracks {
        track.rtx_ssrc = None;
        track
            .codecs
            .iter_mut()
            .for_each(|codec| codec.rtx_payload_type = None);
    }
    config
}

/// A packet as a viewer got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) viewer: ViewerId,
    pub(crate) ssrc: Ssrc,
    pub(crate) index: u64,
    pub(crate) repeat: bool,
    pub(crate) bytes: Vec<u8>,
}

impl Got {
    pub(crate) fn rtp(&self) -> RtpPacket<'_> {
        RtpPacket::parse(&self.bytes).unwrap()
    }

    pub(crate) fn is_keyframe(&self) -> bool {
        let payload = self.rtp().payload();
        payload.len() > 6 && payload[0] & 0x10 != 0 && payload[6] & 1 == 0
    }

    pub(crate) fn picture(&self) -> u16 {
        let payload = self.rtp().payload();
        u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff
    }

    pub(crate) fn tl0(&self) -> u8 {
        self.rtp().payload()[4]
    }
}

/// A stream whose every outgoing packet is checked against the rules of SRTP.
pub(crate) struct Rig {
    pub(crate) stream: Stream,
    pub(crate) events: Vec<StreamEvent>,
    /// Everything that was sent, by viewer, SSRC and index.
    sent: HashMap<(ViewerId, Ssrc, u64), Vec<u8>>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: StreamConfig) -> Self {
        let stream = Stream::new(config, at(0));
        Self {
            stream,
            events: Vec::new(),
            sent: HashMap::new(),
        }
    }

    /// With a publisher of one audio and one video track.
    pub(crate) fn published() -> Self {
        Self::publishing(vec![audio_track(), video_track()])
    }

    pub(crate) fn publishing(tracks: Vec<IngestTrack>) -> Self {
        let mut rig = Self::new();
        rig.stream.publish(at(0), ingest(tracks)).unwrap();
        rig
    }

    pub(crate) fn subscribe(&mut self, now: Time) -> ViewerId {
        self.stream.subscribe(now, viewer_config()).unwrap()
    }

    pub(crate) fn rtp(&mut self, now: Time, packets: &[Vec<u8>]) {
        packets
            .iter()
            .for_each(|packet| self.stream.handle_rtp(now, packet));
    }

    /// Everything that goes out now, checked.
    pub(crate) fn drain(&mut self, now: Time) -> Vec<Got> {
        let all = std::iter::from_fn(|| self.take_one(now)).collect();
        while let Some(event) = self.stream.poll_event() {
            self.events.push(event);
        }
        all
    }

    /// The next packet that goes out, checked.
    pub(crate) fn take_one(&mut self, now: Time) -> Option<Got> {
        let out = self.stream.poll_rtp(now)?;
        let got = Got {
            viewer: out.viewer,
            ssrc: out.ssrc,
            index: out.index,
            repeat: out.repeat,
            bytes: [out.header, out.prefix, out.payload].concat(),
        };
        let packet = got.rtp();
        assert_eq!(packet.ssrc(), got.ssrc);
        assert_eq!(packet.sequence_number(), got.index as u16);
        assert_eq!(packet.header_len(), out.header.len());
        let key = (got.viewer, got.ssrc, got.index);
        match self.sent.get(&key) {
            Some(before) => {
                assert!(got.repeat, "{key:?} used twice");
                assert_eq!(*before, got.bytes, "{key:?} repeated differently");
            }
            None => {
                assert!(!got.repeat, "{key:?} was never sent");
                self.sent.insert(key, got.bytes.clone());
            }
        }
        Some(got)
    }

    pub(crate) fn send(&mut self, now: Time, packets: &[Vec<u8>]) -> Vec<Got> {
        self.rtp(now, packets);
        self.drain(now)
    }

    /// All RTCP that is due.
    pub(crate) fn rtcp(&mut self, now: Time) -> Vec<(RtcpTarget, Vec<u8>)> {
        self.stream.handle_timeout(now);
        let mut all = Vec::new();
        let mut out = [0; 1_200];
        while let Some((target, len)) = self.stream.poll_rtcp(now, &mut out) {
            all.push((target, out[..len].to_vec()));
            assert!(all.len() < 1_000, "endless RTCP");
        }
        all
    }

    /// What the publisher is asked for now.
    pub(crate) fn asks(&mut self, now: Time) -> Asks {
        Asks::of(&self.rtcp(now))
    }
}

/// The requests in RTCP to a publisher.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Asks {
    pub(crate) nacks: Vec<(Ssrc, u16)>,
    pub(crate) plis: Vec<Ssrc>,
    pub(crate) firs: Vec<Ssrc>,
}

impl Asks {
    pub(crate) fn of(all: &[(RtcpTarget, Vec<u8>)]) -> Self {
        let mut asks = Self::default();
        for (target, bytes) in all {
            if *target == RtcpTarget::Publisher {
                asks.read(bytes);
            }
        }
        asks
    }

    fn read(&mut self, datagram: &[u8]) {
        for packet in rtcp::packets(datagram) {
            match packet.unwrap() {
                rtcp::Packet::Nack(nack) => {
                    let numbers = nack.sequence_numbers().map(|number| (nack.media, number));
                    self.nacks.extend(numbers);
                }
                rtcp::Packet::Pli(pli) => self.plis.push(pli.media),
                rtcp::Packet::Fir(fir) => self.firs.extend(fir.entries().map(|e| e.media)),
                _ => {}
            }
        }
    }
}

pub(crate) fn video(got: &[Got]) -> Vec<&Got> {
    got.iter().filter(|got| got.ssrc == OUT_VIDEO).collect()
}

pub(crate) fn audio(got: &[Got]) -> Vec<&Got> {
    got.iter().filter(|got| got.ssrc == OUT_AUDIO).collect()
}

pub(crate) fn nack(media: Ssrc, numbers: &[u16]) -> Vec<u8> {
    let mut out = vec![0; 1_200];
    let len = rtcp::write_nack(&mut out, Ssrc(1), media, numbers.iter().copied()).unwrap();
    out.truncate(len);
    out
}

pub(crate) fn pli(media: Ssrc) -> Vec<u8> {
    let mut out = vec![0; 12];
    rtcp::write_pli(&mut out, Ssrc(1), media).unwrap();
    out
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
