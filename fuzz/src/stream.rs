//! One stream's media plane: whatever a publisher and its viewers send, what goes out can be read, has the viewer's own
//! numbers, uses each of them for one packet (the rig checks it), and nothing grows without bounds.

use xrtc_forward::{LayerWish, Limits, ViewerId};
use xrtc_rtp::{HeaderFields, PayloadType, Rid, RtpPacket, Ssrc, is_rtcp};

use crate::input::Input;
use crate::rig::{
    AUDIO, H264, OPUS, OUT_AUDIO, OUT_RTX, OUT_VIDEO, Rig, Sender, VIDEO, VIDEO_RTX, VP8, VP8_RTX,
    at, audio_track, ingest, nack, pli, rtx, simulcast_track, video_track, viewer_config,
    viewer_without_rtx,
};

/// Publishers with one layer and with three, viewers that come, lose, ask and go.
pub fn seeds() -> Vec<Vec<u8>> {
    let begin = |simulcast: u8| vec![simulcast, VIEW, 0, VIEW, 1, FRAME, 1, 3, SOUND, TIME, 33];
    let mut played = begin(0);
    for _ in 0..6 {
        played.extend([
            FRAME,
            0,
            2,
            SOUND,
            TIME,
            33,
            VIEWER_SAYS,
            0,
            0,
            3,
            VIEWER_SAYS,
            1,
            1,
            0,
        ]);
    }
    played.extend([
        TIME, 200, LEAVE, 0, REPAIR, 1, AGAIN, 0, FRAME, 1, 2, TIME, 255,
    ]);
    let mut layers = begin(1);
    // Packets of three rids with MID and RID: `h`, `f`, then a switch that a wish asks for.
    for (source, rid) in [(3, b'q'), (4, b'h'), (5, b'f')] {
        layers.extend([
            PACKET, source, 0, 0, 1, 0, 0x90, 4, 0x40, b'1', 0xa0, rid, 17,
        ]);
        layers.extend(b"\x90\xe0\x80\x01\x02\x00\x10\x02\x00\x9d\x01\x2a\x40\x01\xb4\x00\x00");
    }
    layers.extend([
        WISH,
        0,
        1,
        TIME,
        33,
        PUBLISHER_SAYS,
        8,
        0x81,
        203,
        0,
        1,
        0,
        0,
        0,
        0xb0,
        TIME,
        90,
    ]);
    vec![played, layers]
}

/// Whether there is simulcast, then operations.
pub fn run(input: &[u8]) -> String {
    let mut input = Input::new(input);
    let mut play = Play::new(input.flag());
    let mut steps = 0;
    while !input.is_empty() && steps < 128 {
        play.step(&mut input);
        play.check();
        steps += 1;
    }
    play.finish()
}

const PACKET: u8 = 0;
const FRAME: u8 = 1;
const SOUND: u8 = 2;
const REPAIR: u8 = 3;
const PUBLISHER_SAYS: u8 = 4;
const VIEWER_SAYS: u8 = 5;
const TIME: u8 = 6;
const VIEW: u8 = 7;
const LEAVE: u8 = 8;
const AGAIN: u8 = 9;
const WISH: u8 = 10;

struct Play {
    rig: Rig,
    millis: u64,
    viewers: Vec<ViewerId>,
    sound: Sender,
    picture: Sender,
    /// Packets of the publisher, the newest last.
    recent: Vec<Vec<u8>>,
    got: usize,
    asked: usize,
}

impl Play {
    fn new(simulcast: bool) -> Self {
        let video = if simulcast {
            simulcast_track()
        } else {
            video_track()
        };
        Self {
            rig: Rig::publishing(vec![audio_track(), video]),
            millis: 0,
            viewers: Vec::new(),
            sound: Sender::audio(),
            picture: Sender::video(),
            recent: Vec::new(),
            got: 0,
            asked: 0,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let now = at(self.millis);
        match input.u8() % 12 {
            PACKET => {
                let packet = self.packet(input);
                self.hand_over(packet);
            }
            FRAME => {
                let key = input.flag().then_some((640, 360));
                for packet in self.picture.vp8(key, 1 + input.below(8)) {
                    self.hand_over(packet);
                }
            }
            SOUND => {
                let packet = self.sound.opus();
                self.hand_over(packet);
            }
            REPAIR => {
                let back = usize::from(input.u8());
                let Some(at) = self.recent.len().checked_sub(back + 1) else {
                    return;
                };
                let again = rtx(&self.recent[at], VIDEO_RTX, VP8_RTX, self.millis as u16);
                self.rig.stream.handle_rtp(now, &again);
            }
            PUBLISHER_SAYS => self.rig.stream.handle_rtcp(now, input.block()),
            VIEWER_SAYS => self.viewer_says(input),
            TIME => self.millis += u64::from(input.u8()) * 2,
            VIEW if self.viewers.len() < 8 => {
                let config = if input.flag() {
                    viewer_without_rtx()
                } else {
                    viewer_config()
                };
                let viewer = self
                    .rig
                    .stream
                    .subscribe(now, config)
                    .expect("there is room");
                self.viewers.push(viewer);
            }
            LEAVE if !self.viewers.is_empty() => {
                let viewer = self.viewers.swap_remove(input.below(self.viewers.len()));
                self.rig.stream.unsubscribe(viewer);
            }
            AGAIN => {
                let video = if input.flag() {
                    simulcast_track()
                } else {
                    video_track()
                };
                let config = ingest(vec![audio_track(), video]);
                self.rig
                    .stream
                    .publish(now, config)
                    .expect("a config like the first one");
            }
            WISH => {
                let (place, rid) = (input.below(8), input.pick(&["q", "h", "f", "x"]));
                let wish = LayerWish {
                    rid: Rid::new(rid),
                    max_width: input.flag().then(|| input.u16()),
                    max_height: None,
                };
                if let Some(viewer) = self.viewers.get(place) {
                    let _ = self.rig.stream.wish_layer(now, *viewer, wish);
                }
            }
            _ => self.rig.stream.unpublish(now),
        }
    }

    /// A packet with everything as the input says, but readable up to its extension elements.
    fn packet(&mut self, input: &mut Input<'_>) -> Vec<u8> {
        let sources = [
            AUDIO,
            VIDEO,
            VIDEO_RTX,
            Ssrc(0x901),
            Ssrc(0x902),
            Ssrc(0x903),
            Ssrc(0),
            OUT_VIDEO,
        ];
        let fields = HeaderFields {
            ssrc: input.pick(&sources),
            payload_type: PayloadType(input.pick(&[VP8, VP8_RTX, OPUS, H264, 0, 127])),
            marker: false,
            sequence_number: input.u16(),
            timestamp: u32::from(input.u8()) << 12,
        };
        let flags = input.u8();
        let mut packet = vec![0x80, fields.payload_type.0 | flags & 0x80];
        packet.extend(fields.sequence_number.to_be_bytes());
        packet.extend(fields.timestamp.to_be_bytes());
        packet.extend(fields.ssrc.0.to_be_bytes());
        if flags & 0x10 != 0 {
            packet[0] |= 0x10;
            packet.extend(if flags & 1 == 0 {
                [0xbe, 0xde]
            } else {
                [0x10, 0x00]
            });
            let elements = input.block();
            let words = elements.len().div_ceil(4);
            packet.extend((words as u16).to_be_bytes());
            packet.extend(elements);
            packet.resize(16 + 4 * words, 0);
        }
        packet.extend(input.block());
        if flags & 0x20 != 0 {
            packet[0] |= 0x20;
        }
        packet
    }

    fn hand_over(&mut self, packet: Vec<u8>) {
        if is_rtcp(&packet) {
            return;
        }
        self.rig.stream.handle_rtp(at(self.millis), &packet);
        if RtpPacket::parse(&packet).is_ok() {
            self.recent.push(packet);
        }
        if self.recent.len() > 64 {
            self.recent.remove(0);
        }
    }

    fn viewer_says(&mut self, input: &mut Input<'_>) {
        let Some(viewer) = self.viewers.get(input.below(8)).copied() else {
            return;
        };
        let source = input.pick(&[OUT_VIDEO, OUT_AUDIO, OUT_RTX, VIDEO]);
        let datagram = match input.below(3) {
            0 => {
                let numbers: Vec<u16> = (0..1 + input.below(32)).map(|_| input.u16()).collect();
                nack(source, &numbers)
            }
            1 => pli(source),
            _ => input.block().to_vec(),
        };
        self.rig
            .stream
            .handle_viewer_rtcp(at(self.millis), viewer, &datagram);
    }

    fn check(&mut self) {
        let now = at(self.millis);
        self.got += self.rig.drain(now).len();
        for (_, datagram) in self.rig.rtcp(now) {
            let readable = xrtc_rtp::rtcp::packets(&datagram).all(|packet| packet.is_ok());
            assert!(readable, "RTCP that nobody can read");
            self.asked += 1;
        }
        self.got += self.rig.drain(now).len();
        let due = self.rig.stream.poll_timeout();
        assert!(due.is_none_or(|due| due > now), "a timer that stands still");
        let held = self.rig.stream.held();
        assert!(held.sources <= Limits::MAX_SSRCS && held.tracks <= Limits::MAX_TRACKS);
        assert_eq!(held.viewers, self.viewers.len());
        assert!(held.events == 0 && held.timers <= 64, "{held:?}");
    }

    fn finish(mut self) -> String {
        for viewer in std::mem::take(&mut self.viewers) {
            self.rig.stream.unsubscribe(viewer);
        }
        let now = at(self.millis);
        self.rig.stream.unpublish(now);
        self.check();
        let held = self.rig.stream.held();
        let left = (held.packets, held.sources, held.subscriptions);
        assert_eq!(left, (0, 0, 0), "{held:?}");
        let counters = format!("{:?}", self.rig.stream.stats(now).discards);
        let counted = counters.chars().filter(|char| char.is_ascii_digit());
        format!(
            "{} {} {}",
            self.got.min(40),
            self.asked.min(10),
            counted.collect::<String>()
        )
    }
}
