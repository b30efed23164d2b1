//! A stream, publishers that build packets, viewers that check what they get.

use std::collections::HashMap;
use std::time::Duration;

use xrtc_forward::{
    DeclaredSsrc, Feedback, Format, IngestCodec, IngestConfig, IngestTrack, Limits, RtcpTarget,
    Stream, StreamConfig, StreamEvent, ViewerCodec, ViewerConfig, ViewerId, ViewerTrack,
};
use xrtc_rtp::rtcp::{self, SenderInfo};
use xrtc_rtp::{
    Codec, ExtensionKind, ExtensionMap, HeaderFields, MediaKind, Mid, PayloadType, Rid, RtpPacket,
    Ssrc, Time, WallClock, write_header,
};

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

/// One RTP stream of a publisher.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) ssrc: Ssrc,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) picture: u16,
    pub tl0: u8,
    pub(crate) extensions: Vec<(u8, Vec<u8>)>,
    pub(crate) packets: u32,
}

impl Sender {
    pub(crate) fn new(ssrc: Ssrc, payload_type: u8, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            payload_type,
            sequence,
            timestamp,
            picture: 100,
            tl0: 50,
            extensions: Vec::new(),
            packets: 0,
        }
    }

    pub(crate) fn audio() -> Self {
        Self::new(AUDIO, OPUS, 1_000, 48_000)
    }

    pub(crate) fn video() -> Self {
        Self::new(VIDEO, VP8, 2_000, 90_000)
    }

    pub(crate) fn with(mut self, id: u8, data: &[u8]) -> Self {
        self.extensions.push((id, data.to_vec()));
        self
    }

    /// The next packet with this payload.
    pub(crate) fn packet(&mut self, payload: &[u8], marker: bool) -> Vec<u8> {
        let fields = HeaderFields {
            marker,
            payload_type: PayloadType(self.payload_type),
            sequence_number: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.packets += 1;
        rtp(&fields, &self.extensions, payload)
    }

    pub(crate) fn opus(&mut self) -> Vec<u8> {
        let payload = [0x78, self.sequence as u8, 1, 2, 3];
        let packet = self.packet(&payload, false);
        self.timestamp = self.timestamp.wrapping_add(960);
        packet
    }

    /// A VP8 frame of so many packets, 30 a second.
    pub(crate) fn vp8(&mut self, keyframe: Option<(u16, u16)>, count: usize) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for number in 0..count {
            let payload = vp8_payload(
                self.picture,
                self.tl0,
                (number == 0, keyframe),
                self.sequence,
            );
            packets.push(self.packet(&payload, number + 1 == count));
        }
        self.picture = (self.picture + 1) & 0x7fff;
        self.tl0 = self.tl0.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(3_000);
        packets
    }

    pub(crate) fn padding(&mut self) -> Vec<u8> {
        let mut packet = self.packet(&[], false);
        packet[0] |= 0x20;
        packet.extend([0; 199]);
        packet.push(200);
        packet
    }

    pub(crate) fn sender_report(&self, ntp: Time, timestamp: u32) -> Vec<u8> {
        let info = SenderInfo {
            ntp: PUBLISHER_WALL.ntp(ntp),
            rtp_timestamp: timestamp,
            packet_count: self.packets,
            octet_count: 0,
        };
        let mut out = vec![0; 200];
        let len = rtcp::write_sender_report(&mut out, self.ssrc, &info, &[]).unwrap();
        out.truncate(len);
        out
    }
}

/// The publisher's clock is wrong by minutes.
pub(crate) const PUBLISHER_WALL: WallClock = WallClock {
    unix_nanos_at_zero: 1_700_000_321_000_000_000,
};

pub(crate) fn rtp(fields: &HeaderFields, extensions: &[(u8, Vec<u8>)], payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 512];
    let elements = extensions.iter().map(|(id, data)| (*id, data.as_slice()));
    let len = write_header(&mut out, fields, elements).unwrap();
    out.truncate(len);
    out.extend_from_slice(payload);
    out
}

/// A payload descriptor with a 15-bit picture id, tl0 and tid, and the beginning of a frame.
pub(crate) fn vp8_payload(
    picture: u16,
    tl0: u8,
    (first, keyframe): (bool, Option<(u16, u16)>),
    salt: u16,
) -> Vec<u8> {
    let start = if first { 0x90 } else { 0x80 };
    let [high, low] = (picture | 0x8000).to_be_bytes();
    let mut payload = vec![start, 0xe0, high, low, tl0, 0x00];
    match keyframe {
        Some((width, height)) if first => {
            payload.extend([0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a]);
            payload.extend(width.to_le_bytes());
            payload.extend(height.to_le_bytes());
        }
        _ => payload.extend([0x11, 0x02, 0x00]),
    }
    payload.extend(salt.to_be_bytes());
    payload.extend([0xee; 40]);
    payload
}

/// An RTX packet that repeats `original` (RFC 4588 §4).
pub(crate) fn rtx(original: &[u8], ssrc: Ssrc, payload_type: u8, sequence: u16) -> Vec<u8> {
    let packet = RtpPacket::parse(original).unwrap();
    let fields = HeaderFields {
        marker: packet.marker(),
        payload_type: PayloadType(payload_type),
        sequence_number: sequence,
        timestamp: packet.timestamp(),
        ssrc,
    };
    let extensions: Vec<(u8, Vec<u8>)> = packet
        .extensions()
        .map(|(id, data)| (id, data.to_vec()))
        .collect();
    let mut payload = packet.sequence_number().to_be_bytes().to_vec();
    payload.extend_from_slice(packet.payload());
    rtp(&fields, &extensions, &payload)
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
