//! Streams on other workers, fed with the packets of the one at home.

use xrtc_forward::{LayerId, PublishError, RelayItem, StreamEvent, TrackId};
use xrtc_rtp::Ssrc;

use crate::layers::Simulcast;
use crate::rig::*;

/// A home and its mirror, which get the same viewers.
struct Pair {
    home: Rig,
    mirror: Rig,
}

impl Pair {
    fn new() -> Self {
        let mut home = Rig::new();
        home.stream.set_relaying(true);
        let mirror = Rig::with(xrtc_forward::StreamConfig {
            mirror: true,
            ..config()
        });
        Self { home, mirror }
    }

    fn relay(&mut self, now: xrtc_rtp::Time) {
        while let Some(item) = self.home.stream.poll_relay() {
            self.mirror.stream.handle_relay(now, item);
        }
    }

    /// What both viewers get; the wishes of the mirror's go home.
    fn send(&mut self, now: xrtc_rtp::Time, packets: &[Vec<u8>]) -> (Vec<Got>, Vec<Got>) {
        let at_home = self.home.send(now, packets);
        self.relay(now);
        let mirrored = self.mirror.drain(now);
        for event in self.mirror.events.drain(..) {
            if let StreamEvent::KeyFrameNeeded { track, layer } = event {
                self.home.stream.request_key_frame(now, track, layer);
            }
        }
        (at_home, mirrored)
    }
}

#[test]
fn a_mirrors_viewer_gets_what_a_viewer_at_home_gets() {
    let mut pair = Pair::new();
    // The same seed: the same first numbers.
    pair.home.subscribe(at(0));
    pair.mirror.subscribe(at(0));
    pair.home
        .stream
        .publish(at(0), ingest(vec![audio_track(), simulcast_track()]))
        .unwrap();
    let mut publisher = Simulcast::new();
    publisher.active = [true, false, false];
    let mut sound = Sender::audio().with(1, &[0x85]);
    let mut count = 0;
    for n in 0..100_u64 {
        let now = at(33 * n);
        match n {
            20 => publisher.active[2] = true,
            60 => publisher.active[2] = false,
            _ => {}
        }
        let mut packets = publisher.frame();
        packets.push(sound.opus());
        let (at_home, mirrored) = pair.send(now, &packets);
        assert_eq!(at_home, mirrored);
        count += at_home.len();
        if n % 10 == 0 {
            let mut reports = publisher.reports(now);
            reports.push(sound.sender_report(now, sound.timestamp));
            reports
                .iter()
                .for_each(|report| pair.home.stream.handle_rtcp(now, report));
            pair.relay(now);
        }
        let (home, mirror) = (pair.home.rtcp(now), pair.mirror.rtcp(now));
        publisher.obey(&Asks::of(&home));
        let viewers = |all: Vec<(xrtc_forward::RtcpTarget, Vec<u8>)>| {
            let publisher = xrtc_forward::RtcpTarget::Publisher;
            all.into_iter()
                .filter(|(target, _)| *target != publisher)
                .collect::<Vec<_>>()
        };
        assert_eq!(viewers(home), viewers(mirror), "sender reports too");
    }
    assert!(count > 300);
}

#[test]
fn a_mirror_asks_home_for_key_frames_once() {
    let mut pair = Pair::new();
    pair.home
        .stream
        .publish(at(0), ingest(vec![video_track()]))
        .unwrap();
    let mut picture = Sender::video();
    pair.send(at(0), &picture.vp8(None, 1));
    for _ in 0..10 {
        pair.mirror.subscribe(at(1));
    }
    let event = StreamEvent::KeyFrameNeeded {
        track: TrackId(0),
        layer: LayerId(0),
    };
    let events: Vec<_> = std::iter::from_fn(|| pair.mirror.stream.poll_event()).collect();
    assert_eq!(events.iter().filter(|&&other| other == event).count(), 1);
    assert_eq!(pair.mirror.stream.poll_timeout(), Some(at(501)));
    pair.home
        .stream
        .request_key_frame(at(1), TrackId(0), LayerId(0));
    assert_eq!(pair.home.asks(at(1)).plis, [VIDEO]);
    let (_, mirrored) = pair.send(at(50), &picture.vp8(Some((64, 36)), 1));
    assert_eq!(mirrored.len(), 10);
    assert_eq!(
        pair.mirror.stream.poll_timeout(),
        Some(at(150)),
        "only reports"
    );
}

#[test]
fn a_mirror_resends_from_its_own_index() {
    let mut pair = Pair::new();
    let viewer = pair.mirror.subscribe(at(0));
    pair.home
        .stream
        .publish(at(0), ingest(vec![video_track()]))
        .unwrap();
    let (_, got) = pair.send(at(0), &Sender::video().vp8(Some((64, 36)), 5));
    pair.mirror
        .stream
        .handle_viewer_rtcp(at(9), viewer, &nack(OUT_VIDEO, &[got[2].index as u16]));
    let again = pair.mirror.drain(at(9));
    assert_eq!((again.len(), again[0].ssrc), (1, OUT_RTX));
}

#[test]
fn a_mirror_that_joins_late_has_a_picture_at_once() {
    let mut pair = Pair::new();
    pair.home.stream.set_relaying(false);
    pair.home
        .stream
        .publish(at(0), ingest(vec![audio_track(), video_track()]))
        .unwrap();
    let mut picture = Sender::video();
    pair.home.send(at(0), &picture.vp8(Some((64, 36)), 3));
    pair.home.send(at(33), &picture.vp8(None, 2));
    pair.home
        .stream
        .handle_rtcp(at(34), &picture.sender_report(at(34), 7));
    pair.home.stream.set_relaying(true);
    for item in pair.home.stream.relay_snapshot() {
        pair.mirror.stream.handle_relay(at(40), item);
    }
    pair.mirror.subscribe(at(41));
    assert_eq!(pair.mirror.drain(at(41)).len(), 5);
    let (_, more) = pair.send(at(66), &picture.vp8(None, 2));
    assert_eq!(more.len(), 2);
    assert_eq!(pair.mirror.stream.stats(at(66)).inbound.len(), 1);
}

#[test]
fn publishers_of_a_mirror_come_from_home() {
    let mut pair = Pair::new();
    let refused = pair
        .mirror
        .stream
        .publish(at(0), ingest(vec![audio_track()]));
    assert_eq!(refused, Err(PublishError::Mirror));
    pair.home
        .stream
        .publish(at(0), ingest(vec![video_track()]))
        .unwrap();
    pair.mirror.subscribe(at(0));
    let (_, before) = pair.send(at(0), &Sender::video().vp8(Some((64, 36)), 2));
    pair.home
        .stream
        .publish(at(50), ingest(vec![video_track()]))
        .unwrap();
    let mut next = Sender::new(Ssrc(0x77), VP8, 9, 9).with(4, b"1");
    let (_, after) = pair.send(at(60), &next.vp8(Some((64, 36)), 2));
    assert_eq!(after[0].index, before[1].index + 1);
    pair.home.stream.unpublish(at(70));
    pair.relay(at(70));
    assert!(!pair.mirror.stream.is_published());
    assert_eq!(pair.mirror.stream.held().packets, 0);
}

#[test]
fn packets_dropped_on_the_way_leave_a_gap_and_no_confusion() {
    let mut pair = Pair::new();
    pair.mirror.subscribe(at(0));
    pair.home
        .stream
        .publish(at(0), ingest(vec![video_track()]))
        .unwrap();
    let mut picture = Sender::video();
    let (_, before) = pair.send(at(0), &picture.vp8(Some((64, 36)), 2));
    for _ in 0..5 {
        pair.home.send(at(10), &picture.vp8(None, 3));
    }
    while let Some(item) = pair.home.stream.poll_relay() {
        assert!(matches!(&item, RelayItem::Packet(packet) if !packet.starts_key_frame()));
    }
    let (_, after) = pair.send(at(20), &picture.vp8(Some((64, 36)), 1));
    assert_eq!(after[0].index, before[1].index + 16);
}
