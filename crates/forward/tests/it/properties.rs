//! Whatever comes in, in whatever order: no panic, no number used for two packets, nothing that grows.

use proptest::prelude::*;
use xrtc_forward::{Held, Limits, RtcpTarget, StreamConfig, ViewerId};
use xrtc_rtp::Ssrc;
use xrtc_rtp::rtcp::{self, ReportBlock};

use crate::layers::Simulcast;
use crate::rig::*;

#[derive(Clone, Debug)]
enum Step {
    /// A frame of every active layer, some packets dropped, some swapped.
    Frame {
        drop: u32,
        swap: usize,
    },
    Sound,
    Layer {
        layer: usize,
        active: bool,
    },
    KeyFrame {
        layer: usize,
    },
    Repair {
        back: u16,
    },
    Report,
    Jump {
        by: u16,
    },
    Publish {
        simulcast: bool,
    },
    Unpublish,
    Subscribe {
        rtx: bool,
    },
    Unsubscribe {
        viewer: usize,
    },
    Nack {
        viewer: usize,
        back: Vec<u16>,
    },
    Pli {
        viewer: usize,
    },
    ViewerReport {
        viewer: usize,
    },
    Garbage {
        rtcp: bool,
        bytes: Vec<u8>,
    },
    ViewerGarbage {
        viewer: usize,
        bytes: Vec<u8>,
    },
    Wait {
        millis: u64,
    },
    /// Leaves what is fresh for later.
    Hurry {
        packets: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..80);
    let step = prop_oneof![
        16 => (any::<u32>(), 0..8_usize).prop_map(|(drop, swap)| Step::Frame { drop: drop & (drop >> 3), swap }),
        4 => Just(Step::Sound),
        2 => (0..3_usize, any::<bool>()).prop_map(|(layer, active)| Step::Layer { layer, active }),
        2 => (0..3_usize).prop_map(|layer| Step::KeyFrame { layer }),
        8 => (0..40_u16).prop_map(|back| Step::Repair { back }),
        1 => Just(Step::Report),
        1 => any::<u16>().prop_map(|by| Step::Jump { by }),
        1 => any::<bool>().prop_map(|simulcast| Step::Publish { simulcast }),
        1 => Just(Step::Unpublish),
        2 => any::<bool>().prop_map(|rtx| Step::Subscribe { rtx }),
        1 => (0..8_usize).prop_map(|viewer| Step::Unsubscribe { viewer }),
        8 => (0..8_usize, prop::collection::vec(0..60_u16, 1..20))
            .prop_map(|(viewer, back)| Step::Nack { viewer, back }),
        1 => (0..8_usize).prop_map(|viewer| Step::Pli { viewer }),
        1 => (0..8_usize).prop_map(|viewer| Step::ViewerReport { viewer }),
        1 => (any::<bool>(), bytes()).prop_map(|(rtcp, bytes)| Step::Garbage { rtcp, bytes }),
        1 => (0..8_usize, bytes()).prop_map(|(viewer, bytes)| Step::ViewerGarbage { viewer, bytes }),
        4 => (0..200_u64).prop_map(|millis| Step::Wait { millis }),
        2 => (0..10_usize).prop_map(|packets| Step::Hurry { packets }),
    ];
    prop::collection::vec(step, 1..200)
}

/// A home with viewers, and a mirror of it with viewers of its own.
struct World {
    rigs: [Rig; 2],
    viewers: Vec<(usize, ViewerId, Option<u64>)>,
    publisher: Simulcast,
    sound: Sender,
    recent: Vec<Vec<u8>>,
    millis: u64,
}

impl World {
    fn new() -> Self {
        let mut home = Rig::new();
        home.stream.set_relaying(true);
        let mirror = Rig::with(StreamConfig {
            mirror: true,
            ..config()
        });
        let mut world = Self {
            rigs: [home, mirror],
            viewers: Vec::new(),
            publisher: Simulcast::new(),
            sound: Sender::audio(),
            recent: Vec::new(),
            millis: 0,
        };
        // A life begins in the middle; most of what matters needs a publisher and viewers.
        world.step(&Step::Publish { simulcast: true });
        world.settle();
        for rtx in [false, false, true, true] {
            world.step(&Step::Subscribe { rtx });
        }
        world
    }

    fn viewer(&self, number: usize) -> Option<(usize, ViewerId, Option<u64>)> {
        self.viewers.get(number).copied()
    }

    fn step(&mut self, step: &Step) {
        let now = at(self.millis);
        match step {
            Step::Frame { drop, swap } => {
                let mut packets = self.publisher.frame();
                let len = packets.len();
                packets.swap(swap % len.max(1), 0);
                self.recent.extend(packets.iter().cloned());
                let excess = self.recent.len().saturating_sub(40);
                self.recent.drain(..excess);
                for (number, packet) in packets.iter().enumerate() {
                    if drop >> (number % 32) & 1 == 0 {
                        self.rigs[0].stream.handle_rtp(now, packet);
                    }
                }
            }
            Step::Sound => {
                let packet = self.sound.opus();
                self.rigs[0].stream.handle_rtp(now, &packet);
            }
            Step::Layer { layer, active } => {
                let others = (0..3).filter(|other| other != layer);
                if *active || others.into_iter().any(|other| self.publisher.active[other]) {
                    self.publisher.active[*layer] = *active;
                }
            }
            Step::KeyFrame { layer } => self.publisher.keyframe[*layer] = true,
            Step::Repair { back } => {
                let position = self.recent.len().wrapping_sub(1 + usize::from(*back));
                if let Some(packet) = self.recent.get(position) {
                    let ssrc = u32::from(packet[11]) + 0x800;
                    let again = rtx(packet, Ssrc(ssrc), VP8_RTX, self.millis as u16);
                    self.rigs[0].stream.handle_rtp(now, &again);
                }
            }
            Step::Report => {
                let reports = self.publisher.reports(now);
                reports
                    .iter()
                    .for_each(|report| self.rigs[0].stream.handle_rtcp(now, report));
            }
            Step::Jump { by } => {
                for layer in &mut self.publisher.layers {
                    layer.sequence = layer.sequence.wrapping_add(*by);
                }
            }
            Step::Publish { simulcast } => {
                let video = if *simulcast {
                    simulcast_track()
                } else {
                    video_track()
                };
                let config = ingest(vec![audio_track(), video]);
                self.rigs[0].stream.publish(now, config).unwrap();
            }
            Step::Unpublish => self.rigs[0].stream.unpublish(now),
            Step::Wait { millis } => self.millis += millis,
            other => self.viewer_step(other),
        }
    }

    fn viewer_step(&mut self, step: &Step) {
        let now = at(self.millis);
        match step {
            Step::Subscribe { rtx } if self.viewers.len() < 8 => {
                let config = if *rtx {
                    viewer_config()
                } else {
                    viewer_without_rtx()
                };
                let place = self.viewers.len() % 2;
                let viewer = self.rigs[place].stream.subscribe(now, config).unwrap();
                self.viewers.push((place, viewer, None));
            }
            Step::Unsubscribe { viewer } if *viewer < self.viewers.len() => {
                let (place, viewer, _) = self.viewers.remove(*viewer);
                self.rigs[place].stream.unsubscribe(viewer);
            }
            Step::Nack { viewer, back } => {
                if let Some((place, viewer, Some(newest))) = self.viewer(*viewer) {
                    let numbers = back.iter().map(|&back| (newest as u16).wrapping_sub(back));
                    let request = nack(OUT_VIDEO, &numbers.collect::<Vec<_>>());
                    self.rigs[place]
                        .stream
                        .handle_viewer_rtcp(now, viewer, &request);
                }
            }
            Step::ViewerReport { viewer } => {
                if let Some((place, viewer, _)) = self.viewer(*viewer) {
                    let block = ReportBlock {
                        ssrc: OUT_VIDEO,
                        ..ReportBlock::default()
                    };
                    let mut out = [0; 64];
                    let len = rtcp::write_receiver_report(&mut out, Ssrc(1), &[block]).unwrap();
                    self.rigs[place]
                        .stream
                        .handle_viewer_rtcp(now, viewer, &out[..len]);
                }
            }
            Step::Pli { viewer } => {
                if let Some((place, viewer, _)) = self.viewer(*viewer) {
                    self.rigs[place]
                        .stream
                        .handle_viewer_rtcp(now, viewer, &pli(OUT_VIDEO));
                }
            }
            Step::Garbage { rtcp, bytes } if *rtcp => self.rigs[0].stream.handle_rtcp(now, bytes),
            Step::Garbage { bytes, .. } => self.rigs[0].stream.handle_rtp(now, bytes),
            Step::ViewerGarbage { viewer, bytes } => {
                if let Some((place, viewer, _)) = self.viewer(*viewer) {
                    self.rigs[place]
                        .stream
                        .handle_viewer_rtcp(now, viewer, bytes);
                }
            }
            Step::Hurry { packets } => {
                for _ in 0..*packets {
                    if self.rigs[0].take_one(now).is_none() {
                        break;
                    }
                }
            }
            _ => {}
        }
    }

    /// Everything goes where it belongs; the rigs check each packet.
    fn settle(&mut self) {
        let now = at(self.millis);
        while let Some(item) = self.rigs[0].stream.poll_relay() {
            self.rigs[1].stream.handle_relay(now, item);
        }
        for place in 0..2 {
            for got in self.rigs[place].drain(now) {
                let viewer = self
                    .viewers
                    .iter_mut()
                    .find(|v| (v.0, v.1) == (place, got.viewer));
                if let Some(viewer) = viewer.filter(|_| got.ssrc == OUT_VIDEO) {
                    viewer.2 = viewer.2.max(Some(got.index));
                }
            }
            for (target, bytes) in self.rigs[place].rtcp(now) {
                assert!(bytes.len() <= 1_200);
                assert!(rtcp::packets(&bytes).all(|packet| packet.is_ok()));
                assert!(place == 0 || target != RtcpTarget::Publisher);
            }
            let due = self.rigs[place].stream.poll_timeout();
            assert!(
                due.is_none_or(|due| due > now),
                "nothing is overdue after it was polled"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn random_lives_of_streams_break_no_rule(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            if !matches!(step, Step::Hurry { .. }) {
                world.settle();
            }
            let held = world.rigs[0].stream.held();
            prop_assert!(held.sources <= Limits::MAX_SSRCS);
            prop_assert!(held.viewers <= 8 && held.timers <= 8);
        }
        let viewers = std::mem::take(&mut world.viewers);
        for (place, viewer, _) in viewers {
            world.rigs[place].stream.unsubscribe(viewer);
        }
        world.rigs[0].stream.unpublish(at(world.millis));
        world.settle();
        for rig in &world.rigs {
            prop_assert_eq!(rig.stream.held(), Held::default());
        }
    }

    #[test]
    fn random_bytes_are_counted(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1_600), 1..50)) {
        let mut rig = Rig::published();
        let viewer = rig.subscribe(at(0));
        for packet in &packets {
            rig.stream.handle_rtp(at(0), packet);
            rig.stream.handle_rtcp(at(0), packet);
            rig.stream.handle_viewer_rtcp(at(0), viewer, packet);
            rig.drain(at(0));
        }
        let counted: u64 = rig.stream.stats(at(0)).discards.total();
        prop_assert!(counted >= packets.len() as u64);
    }

    /// Well-formed RTP headers around random contents reach further in.
    #[test]
    fn random_payloads_and_extensions_break_no_rule(
        packets in prop::collection::vec((any::<u16>(), any::<u32>(), 0..4_u8,
            prop::collection::vec(any::<u8>(), 0..60), prop::collection::vec((1..15_u8,
            prop::collection::vec(any::<u8>(), 0..20)), 0..6)), 1..60)
    ) {
        let mut rig = Rig::published();
        rig.subscribe(at(0));
        for (number, (sequence, timestamp, kind, payload, extensions)) in packets.iter().enumerate() {
            let (ssrc, payload_type) = match kind {
                0 => (AUDIO, OPUS),
                1 => (VIDEO, VP8),
                2 => (VIDEO, H264),
                _ => (VIDEO_RTX, VP8_RTX),
            };
            let mut sender = Sender::new(ssrc, payload_type, *sequence % 50, *timestamp);
            sender.extensions = extensions.clone();
            let packet = sender.packet(payload, false);
            rig.send(at(number as u64), &[packet]);
            rig.rtcp(at(number as u64));
        }
    }
}
