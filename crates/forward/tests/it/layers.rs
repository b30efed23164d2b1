//! Which simulcast layer a viewer gets, and what a switch looks like to it.

use xrtc_forward::{LayerId, LayerWish, StreamEvent, TrackId, UnknownRid, ViewerId};
use xrtc_rtp::{Rid, RtpPacket, Ssrc, Time};

use crate::rig::*;

/// A publisher with three layers, sent in step, whose timestamps have nothing in common.
pub(crate) struct Simulcast {
    pub(crate) layers: Vec<Sender>,
    pub(crate) active: [bool; 3],
    pub(crate) keyframe: [bool; 3],
}

pub(crate) const SIZES: [(u16, u16); 3] = [(320, 180), (640, 360), (1280, 720)];

impl Simulcast {
    pub(crate) fn new() -> Self {
        let layers = [
            ("q", 0x901, 7),
            ("h", 0x902, 3_000_000_000),
            ("f", 0x903, 500_000),
        ];
        let mut layers: Vec<Sender> = layers
            .into_iter()
            .map(|(rid, ssrc, timestamp)| {
                let sender = Sender::new(Ssrc(ssrc), VP8, 60_000, timestamp);
                sender.with(4, b"1").with(10, rid.as_bytes())
            })
            .collect();
        for (number, layer) in (0..).zip(&mut layers) {
            layer.picture = 1_000 * number;
            layer.tl0 = 77 * number as u8;
        }
        Self {
            layers,
            active: [true; 3],
            keyframe: [true; 3],
        }
    }

    /// One frame of every active layer.
    pub(crate) fn frame(&mut self) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for (number, layer) in self.layers.iter_mut().enumerate() {
            if self.active[number] {
                let keyframe = std::mem::take(&mut self.keyframe[number]);
                packets.extend(layer.vp8(keyframe.then_some(SIZES[number]), 2 + number));
            } else {
                layer.timestamp = layer.timestamp.wrapping_add(3_000);
            }
        }
        packets
    }

    pub(crate) fn reports(&self, now: Time) -> Vec<Vec<u8>> {
        let layers = self.layers.iter();
        layers
            .map(|layer| layer.sender_report(now, layer.timestamp.wrapping_sub(3_000)))
            .collect()
    }

    /// Does what it is asked for.
    pub(crate) fn obey(&mut self, asks: &Asks) {
        for ssrc in &asks.plis {
            self.keyframe[(ssrc.0 - 0x901) as usize] = true;
        }
    }
}

fn layer_of(rig: &Rig, viewer: ViewerId) -> Option<LayerId> {
    rig.stream
        .viewer_stats(viewer)
        .unwrap()
        .outbound
        .iter()
        .find_map(|track| track.layer)
}

/// Numbers without gaps, timestamps that never go back, pictures numbered one by one.
fn assert_continuous(got: &[Got]) {
    for pair in got.windows(2) {
        let [before, after] = pair else {
            unreachable!()
        };
        assert_eq!(after.index, before.index + 1);
        let passed = after
            .rtp()
            .timestamp()
            .wrapping_sub(before.rtp().timestamp()) as i32;
        assert!((0..90_000).contains(&passed), "{passed}");
        let pictures = after.picture().wrapping_sub(before.picture()) & 0x7fff;
        let frames = u16::from(passed > 0);
        assert_eq!(pictures, frames, "a picture for each frame");
        assert_eq!(after.tl0().wrapping_sub(before.tl0()), frames as u8);
    }
}

#[test]
fn f78_a_viewer_goes_up_at_a_key_frame_and_its_numbers_continue() {
    let mut rig = Rig::publishing(vec![simulcast_track()]);
    let viewer = rig.subscribe(at(0));
    let mut publisher = Simulcast::new();
    publisher.active = [true, false, false];
    let mut got = Vec::new();
    for n in 0..60_u64 {
        let now = at(33 * n);
        if n == 20 {
            publisher.active = [true, true, true];
        }
        got.extend(rig.send(now, &publisher.frame()));
        if n % 10 == 5 {
            publisher
                .reports(now)
                .iter()
                .for_each(|report| rig.stream.handle_rtcp(now, report));
        }
        publisher.obey(&rig.asks(now));
    }
    assert_continuous(&got);
    assert_eq!(layer_of(&rig, viewer), Some(LayerId(2)));
    let changes: Vec<_> = rig
        .events
        .iter()
        .filter_map(|event| match event {
            StreamEvent::LayerChanged { layer, .. } => Some(layer.0),
            _ => None,
        })
        .collect();
    assert_eq!(changes.first(), Some(&0));
    assert_eq!(changes.last(), Some(&2));
    let starts: Vec<_> = got.iter().filter(|got| got.is_keyframe()).collect();
    assert_eq!(starts.len(), changes.len(), "each at a key frame");
}

#[test]
fn a_dead_layer_is_left_within_half_a_second_and_taken_up_again() {
    let mut rig = Rig::publishing(vec![simulcast_track()]);
    let viewer = rig.subscribe(at(0));
    let mut publisher = Simulcast::new();
    let mut got: Vec<(u64, Got)> = Vec::new();
    for n in 0..150_u64 {
        let time = 33 * n;
        match n {
            50 => publisher.active[2] = false,
            100 => (publisher.active[2], publisher.keyframe[2]) = (true, true),
            _ => {}
        }
        let packets = rig.send(at(time), &publisher.frame());
        got.extend(packets.into_iter().map(|got| (time, got)));
        publisher.obey(&rig.asks(at(time)));
        if n == 90 {
            assert_eq!(layer_of(&rig, viewer), Some(LayerId(1)));
        }
    }
    let gap = got
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .max()
        .unwrap();
    assert!(gap < 400, "{gap} ms without a packet");
    assert_eq!(layer_of(&rig, viewer), Some(LayerId(2)));
    let got: Vec<Got> = got.into_iter().map(|(_, got)| got).collect();
    assert_continuous(&got);
}

#[test]
fn a_key_frame_that_came_before_the_death_was_noticed_is_used() {
    let mut rig = Rig::publishing(vec![simulcast_track()]);
    rig.subscribe(at(0));
    let mut publisher = Simulcast::new();
    let mut last = 0;
    let mut gap = 0;
    for n in 0..60_u64 {
        let time = 33 * n;
        if n == 30 {
            // An encoder that loses a layer begins the others anew.
            publisher.active[2] = false;
            publisher.keyframe = [true, true, false];
        }
        if !rig.send(at(time), &publisher.frame()).is_empty() {
            gap = gap.max(time - last);
            last = time;
        }
    }
    assert!(gap <= 264, "{gap} ms: no round trip was needed");
}

#[test]
fn f80_timestamps_of_a_switch_follow_the_publishers_clock() {
    let mut rig = Rig::publishing(vec![simulcast_track()]);
    rig.subscribe(at(0));
    let mut publisher = Simulcast::new();
    publisher.active[1] = false;
    let mut times: Vec<(u64, u32)> = Vec::new();
    for n in 0..60_u64 {
        let time = 33_333 * n / 1_000;
        match n {
            10 => publisher.active[2] = false,
            30 => (publisher.active[2], publisher.keyframe[2]) = (true, true),
            _ => {}
        }
        publisher.obey(&rig.asks(at(time)));
        let packets = publisher.frame();
        let reports = publisher.reports(at(time));
        // The larger layer takes 60 ms more on its way.
        let (small, large): (Vec<_>, Vec<_>) = packets
            .into_iter()
            .partition(|packet| RtpPacket::parse(packet).unwrap().ssrc() == Ssrc(0x901));
        if n % 5 == 0 {
            reports
                .iter()
                .for_each(|report| rig.stream.handle_rtcp(at(time), report));
        }
        for (late, packets) in [(0, small), (60, large)] {
            for got in rig.send(at(time + late), &packets) {
                times.push((n, got.rtp().timestamp()));
            }
        }
    }
    // Before the first reports, a switch goes by arrival; at a switch, frames catch up.
    times.retain(|&(frame, _)| frame >= 5 && !(30..33).contains(&frame));
    let (first, start) = times[0];
    for (frame, timestamp) in times {
        let expected = 3_000 * (frame - first) as i64;
        let apart = i64::from(timestamp.wrapping_sub(start)) - expected;
        assert!(apart.abs() < 200, "frame {frame}: {apart} ticks off");
    }
}

#[test]
fn the_target_is_the_same_for_all_and_one_request_serves_all() {
    let mut rig = Rig::publishing(vec![simulcast_track()]);
    let viewers: Vec<_> = (0..5).map(|_| rig.subscribe(at(0))).collect();
    let mut publisher = Simulcast::new();
    publisher.active = [true, true, false];
    for n in 0..10 {
        rig.send(at(33 * n), &publisher.frame());
    }
    rig.asks(at(400));
    publisher.active[2] = true;
    publisher.keyframe[2] = false;
    rig.send(at(400), &publisher.frame());
    for &viewer in &viewers {
        assert_eq!(
            layer_of(&rig, viewer),
            Some(LayerId(1)),
            "not before a key frame"
        );
    }
    rig.stream
        .request_key_frame(at(400), TrackId(0), LayerId(2));
    assert_eq!(rig.asks(at(400)).plis, [Ssrc(0x903)]);
    publisher.keyframe[2] = true;
    rig.send(at(433), &publisher.frame());
    for &viewer in &viewers {
        assert_eq!(layer_of(&rig, viewer), Some(LayerId(2)));
    }
}

/// Frames of a publisher that does what it is asked for, and what the viewer gets.
fn run(rig: &mut Rig, publisher: &mut Simulcast, frames: std::ops::Range<u64>) -> Vec<Got> {
    let mut got = Vec::new();
    for n in frames {
        let now = at(33 * n);
        got.extend(rig.send(now, &publisher.frame()));
        if n % 10 == 5 {
            publisher
                .reports(now)
                .iter()
                .for_each(|report| rig.stream.handle_rtcp(now, report));
        }
        publisher.obey(&rig.asks(now));
    }
    got
}

#[test]
fn a_viewer_gets_the_layer_that_it_wishes_for_and_the_best_one_while_that_is_dead() {
    let mut rig = Rig::publishing(vec![simulcast_track()]);
    let viewer = rig.subscribe(at(0));
    let mut publisher = Simulcast::new();
    let mut got = run(&mut rig, &mut publisher, 0..20);
    assert_eq!(layer_of(&rig, viewer), Some(LayerId(2)));
    let wish = |rid| LayerWish {
        rid: Rid::new(rid),
        ..LayerWish::default()
    };
    let unknown = rig.stream.wish_layer(at(660), viewer, wish("x"));
    assert_eq!(unknown, Err(UnknownRid(Rid::new("x").unwrap())));
    rig.stream.wish_layer(at(660), viewer, wish("q")).unwrap();
    got.extend(run(&mut rig, &mut publisher, 20..50));
    assert_eq!(layer_of(&rig, viewer), Some(LayerId(0)), "the wish");
    publisher.active[0] = false;
    got.extend(run(&mut rig, &mut publisher, 50..90));
    assert_eq!(layer_of(&rig, viewer), Some(LayerId(2)), "the best one");
    publisher.active[0] = true;
    got.extend(run(&mut rig, &mut publisher, 90..130));
    assert_eq!(layer_of(&rig, viewer), Some(LayerId(0)), "the wish again");
    let none = LayerWish::default();
    rig.stream.wish_layer(at(33 * 130), viewer, none).unwrap();
    got.extend(run(&mut rig, &mut publisher, 130..160));
    assert_eq!(layer_of(&rig, viewer), Some(LayerId(2)), "no wish");
    assert_continuous(&got);
}

#[test]
fn a_viewer_gets_the_largest_picture_that_fits_or_else_the_smallest() {
    let limits = [
        (Some(1280), Some(720), 2),
        (Some(1279), None, 1),
        (None, Some(480), 1),
        (Some(640), Some(180), 0),
        (Some(100), None, 0),
    ];
    for (max_width, max_height, expected) in limits {
        let mut rig = Rig::publishing(vec![simulcast_track()]);
        let viewer = rig.subscribe(at(0));
        let mut publisher = Simulcast::new();
        run(&mut rig, &mut publisher, 0..20);
        let wish = LayerWish {
            rid: None,
            max_width,
            max_height,
        };
        rig.stream.wish_layer(at(660), viewer, wish).unwrap();
        run(&mut rig, &mut publisher, 20..60);
        let layer = layer_of(&rig, viewer);
        assert_eq!(layer, Some(LayerId(expected)), "{wish:?}");
    }
}
