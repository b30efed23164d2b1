//! The sending half of a browser: a camera and a microphone that nobody needs to look at.

mod negotiation;

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use xrtc_rtp::rtcp::{self, Packet};
use xrtc_rtp::{Codec, ExtensionKind, ExtensionMap, PayloadType, Ssrc, Time, WallClock};

use crate::browser::Queued;
use crate::codec::{Picture, PictureCounters, pack};
use crate::description::FormatText;
use crate::encoding::{Encoding, ExtensionValues};
use crate::frame::FramePart;

/// What a publisher sends.
#[derive(Clone, Debug)]
pub struct PublishConfig {
    /// VP8 or H.264.
    pub codec: Codec,
    /// The encodings, as they stand in `a=simulcast`; a single one is sent without a rid.
    pub layers: Vec<LayerConfig>,
    /// Whether there is a microphone.
    pub audio: bool,
    /// Pictures per second.
    pub frame_rate: u32,
    /// How far the sizes of pictures stray from [`LayerConfig::frame_bytes`], as a share of it, from 0 to 1.
    pub size_spread: f64,
    /// Whether NACK is negotiated.
    pub nack: bool,
    /// Whether retransmissions have a stream of their own.
    pub rtx: bool,
    /// `a=setup` of its offers.
    pub setup: &'static str,
    /// Whether it offers to encrypt header extensions (RFC 9335).
    pub cryptex: bool,
}

/// One encoding.
#[derive(Clone, Copy, Debug)]
pub struct LayerConfig {
    /// `a=rid`.
    pub rid: &'static str,
    /// Pixels across and down.
    pub resolution: (u16, u16),
    /// Bytes of a picture; a key frame has four times as many.
    pub frame_bytes: usize,
}

impl Default for PublishConfig {
    /// VP8 at 640×360, 30 pictures of 2,400 bytes a second, with sound, NACK and RTX.
    fn default() -> Self {
        Self {
            codec: Codec::Vp8,
            layers: vec![LayerConfig {
                rid: "f",
                resolution: (640, 360),
                frame_bytes: 2_400,
            }],
            audio: true,
            frame_rate: 30,
            size_spread: 0.0,
            nack: true,
            rtx: true,
            setup: "actpass",
            cryptex: false,
        }
    }
}

/// A picture that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentFrame {
    /// Its number.
    pub frame: u32,
    /// Its layer, by the order in [`PublishConfig::layers`].
    pub layer: u8,
    /// When.
    pub at: Time,
    /// Whether a decoder can start here.
    pub is_key: bool,
}

/// What the other side asked for and told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedbackCounts {
    /// NACK packets.
    pub nacks: u64,
    /// Packets sent again.
    pub resent: u64,
    /// PLI and FIR.
    pub key_frame_requests: u64,
    /// Report blocks about our sources.
    pub reports: u64,
    /// Transport-wide feedback packets.
    pub transport_feedbacks: u64,
    /// REMB packets.
    pub rembs: u64,
}

/// The sending half.
#[derive(Debug)]
pub struct Publisher {
    config: PublishConfig,
    layers: Vec<Layer>,
    audio: Option<Encoding>,
    video_sent: bool,
    audio_sent: bool,
    video_extensions: ExtensionMap,
    audio_extensions: ExtensionMap,
    transport_sequence: u16,
    sizes: Rng,
    frame: u32,
    audio_frame: u32,
    next_frame: Option<Time>,
    next_audio: Option<Time>,
    next_report: Option<Time>,
    rtt: Duration,
    frames: Vec<SentFrame>,
    audio_frames: Vec<(u32, Time)>,
    feedback: FeedbackCounts,
}

#[derive(Debug)]
struct Layer {
    config: LayerConfig,
    encoding: Encoding,
    counters: PictureCounters,
    is_active: bool,
    wants_key: bool,
    /// A report came: the ids need not be sent any more, as libwebrtc does it.
    is_known: bool,
}

impl Publisher {
    pub(crate) fn new(config: PublishConfig, rng: &mut Rng) -> Self {
        let format = FormatText::new(config.codec, config.nack, config.rtx);
        let rtx = format.rtx.map(PayloadType);
        let layers = config.layers.iter().map(|layer| Layer {
            config: *layer,
            encoding: Encoding::new(rng, PayloadType(format.payload_type), rtx, 90_000),
            counters: PictureCounters::starting_at(rng.u16(..), rng.u8(..)),
            is_active: true,
            wants_key: true,
            is_known: false,
        });
        let layers = layers.collect();
        let audio = config
            .audio
            .then(|| Encoding::new(rng, PayloadType(111), None, 48_000));
        let transport_sequence = rng.u16(..);
        Self {
            config,
            layers,
            audio,
            video_sent: false,
            audio_sent: false,
            video_extensions: ExtensionMap::default(),
            audio_extensions: ExtensionMap::default(),
            transport_sequence,
            sizes: Rng::with_seed(transport_sequence.into()),
            frame: 0,
            audio_frame: 0,
            next_frame: None,
            next_audio: None,
            next_report: None,
            rtt: Duration::ZERO,
            frames: Vec::new(),
            audio_frames: Vec::new(),
            feedback: FeedbackCounts::default(),
        }
    }

    /// The pictures that were sent.
    pub fn frames(&self) -> &[SentFrame] {
        &self.frames
    }

    /// The numbers of the audio packets that were sent.
    pub fn audio_frames(&self) -> &[(u32, Time)] {
        &self.audio_frames
    }

    /// What the other side asked for.
    pub const fn feedback(&self) -> FeedbackCounts {
        self.feedback
    }

    /// Switches an encoding on or off, as `RTCRtpEncodingParameters.active` does. One that comes back begins with a
    /// key frame.
    pub fn set_active(&mut self, rid: &str, is_active: bool) {
        for layer in self
            .layers
            .iter_mut()
            .filter(|layer| layer.config.rid == rid)
        {
            layer.wants_key |= is_active && !layer.is_active;
            layer.is_active = is_active;
        }
    }

    pub(crate) const fn setup(&self) -> &'static str {
        self.config.setup
    }

    pub(crate) const fn offers_cryptex(&self) -> bool {
        self.config.cryptex
    }

    fn is_simulcast(&self) -> bool {
        self.layers.len() > 1
    }

    pub(crate) fn start(&mut self, now: Time) {
        self.next_frame = self.video_sent.then_some(now);
        self.next_audio = self.audio_sent.then_some(now);
        self.next_report = Some(now + Duration::from_millis(200));
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        [self.next_frame, self.next_audio, self.next_report]
            .into_iter()
            .flatten()
            .min()
    }

    pub(crate) fn handle_timeout(
        &mut self,
        now: Time,
        wall: WallClock,
        out: &mut VecDeque<Queued>,
    ) {
        if let Some(due) = self.next_frame.filter(|due| *due <= now) {
            self.next_frame = Some(due + Duration::from_secs(1) / self.config.frame_rate);
            self.capture(now, out);
        }
        if let Some(due) = self.next_audio.filter(|due| *due <= now) {
            self.next_audio = Some(due + Duration::from_millis(20));
            self.record(now, out);
        }
        if let Some(due) = self.next_report.filter(|due| *due <= now) {
            self.next_report = Some(due + Duration::from_secs(1));
            let encodings = self
                .layers
                .iter()
                .filter(|layer| layer.is_active)
                .map(|layer| &layer.encoding);
            let reports = encodings
                .chain(&self.audio)
                .filter_map(|encoding| encoding.report(now, wall, "testkit"));
            out.extend(reports.map(Queued::Rtcp));
        }
    }

    fn capture(&mut self, now: Time, out: &mut VecDeque<Queued>) {
        let simulcast = self.is_simulcast();
        for (layer, number) in self
            .layers
            .iter_mut()
            .zip(0..)
            .filter(|(layer, _)| layer.is_active)
        {
            let is_key = std::mem::take(&mut layer.wants_key);
            let stray = 1.0 + self.config.size_spread * (self.sizes.f64() * 2.0 - 1.0);
            let bytes = (layer.config.frame_bytes as f64 * stray) as usize;
            let bytes = bytes * if is_key { 4 } else { 1 };
            let picture = Picture {
                frame: self.frame,
                layer: number,
                is_key,
                resolution: layer.config.resolution,
                bytes,
            };
            let timestamp = layer.encoding.timestamp(now);
            let payloads = pack(self.config.codec, &picture, &mut layer.counters);
            let last = payloads.len().saturating_sub(1);
            for (index, payload) in payloads.into_iter().enumerate() {
                let rid = (simulcast && !layer.is_known)
                    .then_some((ExtensionKind::Rid, layer.config.rid));
                let values = values(
                    &self.video_extensions,
                    ("1", rid),
                    &mut self.transport_sequence,
                );
                let packet = layer
                    .encoding
                    .send((timestamp, index == last), payload, &values);
                out.push_back(Queued::Rtp(packet));
            }
            self.frames.push(SentFrame {
                frame: self.frame,
                layer: number,
                at: now,
                is_key,
            });
        }
        self.frame += 1;
    }

    fn record(&mut self, now: Time, out: &mut VecDeque<Queued>) {
        let Some(audio) = &mut self.audio else { return };
        let mut payload = Vec::with_capacity(80);
        FramePart {
            frame: self.audio_frame,
            packet: 0,
            packets: 1,
            layer: 0,
        }
        .write(&mut payload, 80);
        let mut values = values(
            &self.audio_extensions,
            ("0", None),
            &mut self.transport_sequence,
        );
        if let Some(id) = self.audio_extensions.id(ExtensionKind::AudioLevel) {
            values.elements.push((id, vec![0x80 | 30]));
        }
        let timestamp = audio.timestamp(now);
        out.push_back(Queued::Rtp(audio.send(
            (timestamp, self.audio_frame == 0),
            payload,
            &values,
        )));
        self.audio_frames.push((self.audio_frame, now));
        self.audio_frame += 1;
    }

    pub(crate) fn handle_rtcp(
        &mut self,
        now: Time,
        wall: WallClock,
        datagram: &[u8],
        out: &mut VecDeque<Queued>,
    ) {
        for packet in rtcp::packets(datagram).flatten() {
            match packet {
                Packet::Nack(nack) => {
                    self.feedback.nacks += 1;
                    for sequence_number in nack.sequence_numbers() {
                        self.resend(now, nack.media, sequence_number, out);
                    }
                }
                Packet::Pli(pli) => self.request_key(pli.media),
                Packet::Fir(fir) => fir
                    .entries()
                    .for_each(|entry| self.request_key(entry.media)),
                Packet::ReceiverReport(report) => {
                    report
                        .report_blocks()
                        .for_each(|block| self.take_report(now, wall, &block));
                }
                Packet::SenderReport(report) => {
                    report
                        .report_blocks()
                        .for_each(|block| self.take_report(now, wall, &block));
                }
                Packet::TransportFeedback(_) => self.feedback.transport_feedbacks += 1,
                Packet::Remb(_) => self.feedback.rembs += 1,
                _ => {}
            }
        }
    }

    fn resend(&mut self, now: Time, media: Ssrc, sequence_number: u16, out: &mut VecDeque<Queued>) {
        let simulcast = self.is_simulcast();
        let Some(layer) = self
            .layers
            .iter_mut()
            .find(|layer| layer.encoding.ssrc == media)
        else {
            return;
        };
        let rid = (simulcast && !layer.is_known)
            .then_some((ExtensionKind::RepairedRid, layer.config.rid));
        let values = values(
            &self.video_extensions,
            ("1", rid),
            &mut self.transport_sequence,
        );
        let packet = layer
            .encoding
            .resend(now, sequence_number, self.rtt, &values);
        self.feedback.resent += u64::from(packet.is_some());
        out.extend(packet.map(Queued::Rtp));
    }

    fn request_key(&mut self, media: Ssrc) {
        for layer in self
            .layers
            .iter_mut()
            .filter(|layer| layer.encoding.ssrc == media)
        {
            layer.wants_key = true;
            self.feedback.key_frame_requests += 1;
        }
    }

    /// The round trip (RFC 3550 §6.4.1), and that the source is known.
    fn take_report(&mut self, now: Time, wall: WallClock, block: &rtcp::ReportBlock) {
        self.feedback.reports += 1;
        if let Some(layer) = self
            .layers
            .iter_mut()
            .find(|layer| layer.encoding.ssrc == block.ssrc)
        {
            layer.is_known = true;
        }
        if block.last_sender_report != 0 {
            let spent = wall
                .ntp(now)
                .middle()
                .wrapping_sub(block.last_sender_report);
            let rtt = spent.saturating_sub(block.delay_since_last_sender_report);
            let rtt = Duration::from_nanos(u64::from(rtt) * 1_000_000_000 / 65_536);
            // As `video/call_stats2.cc` smooths it.
            self.rtt = if self.rtt.is_zero() {
                rtt
            } else {
                self.rtt.mul_f64(0.7) + rtt.min(Duration::from_secs(1)).mul_f64(0.3)
            };
        }
    }
}

/// The header extensions of one packet: mid and rid until the other side knows the source, and the transport-wide
/// number.
fn values(
    map: &ExtensionMap,
    (mid, rid): (&str, Option<(ExtensionKind, &str)>),
    next: &mut u16,
) -> ExtensionValues {
    let mut elements = Vec::new();
    if let Some(id) = map.id(ExtensionKind::Mid) {
        elements.push((id, mid.as_bytes().to_vec()));
    }
    if let Some((id, rid)) = rid.and_then(|(kind, rid)| Some((map.id(kind)?, rid))) {
        elements.push((id, rid.as_bytes().to_vec()));
    }
    if let Some(id) = map.id(ExtensionKind::TransportCc) {
        elements.push((id, next.to_be_bytes().to_vec()));
        *next = next.wrapping_add(1);
    }
    ExtensionValues { elements }
}
