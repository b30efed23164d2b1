//! Publishers that come and go while viewers stay.

use xrtc_forward::{Discard, StreamEvent};
use xrtc_rtp::Ssrc;
use xrtc_rtp::rtcp;

use crate::rig::*;

fn other_publisher() -> (Sender, Sender) {
    let mut sound = Sender::new(Ssrc(0xc0), OPUS, 65_000, 4_000_000_000);
    let mut picture = Sender::new(Ssrc(0xd0), VP8, 12, 17);
    sound.extensions.push((4, b"0".to_vec()));
    picture.extensions.push((4, b"1".to_vec()));
    picture.picture = 30_000;
    (sound, picture)
}

#[test]
fn viewers_continue_on_the_next_publisher_with_continuous_numbers_and_time() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let (mut sound, mut picture) = (Sender::audio(), Sender::video());
    let mut before = rig.send(at(0), &picture.vp8(Some((640, 360)), 2));
    before.extend(rig.send(at(0), &[sound.opus()]));
    rig.stream.unpublish(at(100));
    assert_eq!(rig.drain(at(100)), []);
    rig.stream
        .publish(at(2_000), ingest(vec![audio_track(), video_track()]))
        .unwrap();
    let (mut sound, mut picture) = other_publisher();
    let heard = rig.send(at(3_000), &[sound.opus()]);
    assert_eq!(heard[0].index, audio(&before)[0].index + 1);
    let passed = heard[0].rtp().timestamp() - audio(&before)[0].rtp().timestamp();
    assert_eq!(passed, 3_000 * 48);
    assert_eq!(
        rig.send(at(3_000), &picture.vp8(None, 2)),
        [],
        "not before its key frame"
    );
    let seen = rig.send(at(3_033), &picture.vp8(Some((1280, 720)), 2));
    let last = video(&before)[1].clone();
    assert_eq!(seen[0].ssrc, OUT_VIDEO);
    assert_eq!(seen[0].index, last.index + 1);
    assert_eq!(
        seen[0].rtp().timestamp() - last.rtp().timestamp(),
        3_033 * 90
    );
    assert_eq!(seen[0].picture(), last.picture() + 1);
}

#[test]
fn a_publisher_that_replaces_another_one_needs_no_pause() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let before = rig.send(at(0), &Sender::video().vp8(Some((640, 360)), 2));
    rig.stream
        .publish(at(10), ingest(vec![audio_track(), video_track()]))
        .unwrap();
    let (_, mut picture) = other_publisher();
    let after = rig.send(at(11), &picture.vp8(Some((640, 360)), 2));
    assert_eq!(after[0].index, before[1].index + 1);
}

#[test]
fn the_payload_type_follows_the_codec_of_the_next_publisher() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    rig.send(at(0), &Sender::video().vp8(Some((640, 360)), 2));
    rig.stream
        .publish(at(10), ingest(vec![video_track()]))
        .unwrap();
    let mut picture = Sender::new(VIDEO, H264, 9, 9);
    let key = [0x18, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 3, 0x65, 0x88, 0x84];
    let got = rig.send(at(20), &[picture.packet(&key, true)]);
    assert_eq!(got[0].rtp().payload_type().0, OUT_H264);
}

#[test]
fn a_codec_may_change_within_a_publisher() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let mut picture = Sender::video();
    let before = rig.send(at(0), &picture.vp8(Some((640, 360)), 2));
    picture.payload_type = H264;
    assert_eq!(rig.send(at(33), &[picture.packet(&[0x41, 0x9a], true)]), []);
    picture.timestamp += 3_000;
    let key = [0x18, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 3, 0x65, 0x88, 0x84];
    let after = rig.send(at(66), &[picture.packet(&key, true)]);
    assert_eq!(after[0].index, before[1].index + 1);
    assert_eq!(after[0].rtp().payload_type().0, OUT_H264);
    let lives = rig
        .events
        .iter()
        .filter(|e| matches!(e, StreamEvent::TrackLive { .. }))
        .count();
    assert_eq!(lives, 2);
}

#[test]
fn tracks_are_matched_by_kind_in_whatever_order() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    rig.send(at(0), &Sender::video().vp8(Some((640, 360)), 2));
    rig.stream
        .publish(at(10), ingest(vec![video_track(), audio_track()]))
        .unwrap();
    let got = rig.send(at(11), &Sender::video().vp8(Some((640, 360)), 2));
    assert_eq!(video(&got).len(), 2);
    assert_eq!(audio(&rig.send(at(11), &[Sender::audio().opus()])).len(), 1);
}

#[test]
fn requests_for_packets_of_an_earlier_publisher_are_not_answered_with_others() {
    let mut rig = Rig::published();
    let viewer = rig.stream.subscribe(at(0), viewer_without_rtx()).unwrap();
    let before = rig.send(at(0), &Sender::video().vp8(Some((640, 360)), 2));
    rig.stream
        .publish(at(10), ingest(vec![audio_track(), video_track()]))
        .unwrap();
    // The same numbers as the publisher before: the cache has what the viewer did not get.
    let packets = Sender::video().vp8(Some((1280, 720)), 2);
    rig.send(at(11), &packets);
    let numbers: Vec<u16> = before.iter().map(|got| got.index as u16).collect();
    rig.stream
        .handle_viewer_rtcp(at(12), viewer, &nack(OUT_VIDEO, &numbers));
    assert_eq!(rig.drain(at(12)), []);
    let discards = rig.stream.viewer_stats(viewer).unwrap().discards;
    assert_eq!(discards.get(Discard::NackUnknown), 2);
}

#[test]
fn frame_numbers_of_dependency_descriptors_continue_on_the_next_publisher() {
    let mut rig = Rig::publishing(vec![video_track()]);
    let viewer = rig.stream.subscribe(at(0), viewer_without_rtx()).unwrap();
    let descriptor = |number: u16, rest: &[u8]| {
        let [high, low] = number.to_be_bytes();
        [&[0xc0, high, low], rest].concat()
    };
    let frame = |got: &Got| {
        let descriptor = got.rtp().extension(3).unwrap().to_vec();
        (
            u16::from_be_bytes([descriptor[1], descriptor[2]]),
            descriptor.len(),
        )
    };
    let mut picture = Sender::video()
        .with(12, &descriptor(65_534, &[1; 30]))
        .with(13, &[2]);
    let got = rig.send(at(0), &picture.vp8(Some((640, 360)), 1));
    assert_eq!(frame(&got[0]), (65_534, 33), "as it came");
    picture.extensions[0].1 = descriptor(65_535, &[]);
    let got = rig.send(at(33), &picture.vp8(None, 1));
    assert_eq!(frame(&got[0]), (65_535, 3));
    rig.stream
        .publish(at(50), ingest(vec![video_track()]))
        .unwrap();
    let mut next = Sender::video()
        .with(12, &descriptor(7, &[1; 30]))
        .with(13, &[2]);
    let got = rig.send(at(60), &next.vp8(Some((640, 360)), 1));
    assert_eq!(frame(&got[0]), (0, 33));
    next.extensions[0].1 = descriptor(8, &[]);
    let got = rig.send(at(93), &next.vp8(None, 1));
    assert_eq!(frame(&got[0]), (1, 3));
    assert_eq!(
        got[0].rtp().extension(2),
        Some(&[2][..]),
        "the others are as they were"
    );
    let number = got[0].index as u16;
    rig.stream
        .handle_viewer_rtcp(at(99), viewer, &nack(OUT_VIDEO, &[number]));
    assert_eq!(rig.drain(at(99)).len(), 1, "the rig compared the bytes");
}

#[test]
fn a_goodbye_is_told_when_it_is_for_all() {
    let mut rig = Rig::published();
    rig.send(at(0), &Sender::video().vp8(Some((640, 360)), 2));
    rig.send(at(0), &[Sender::audio().opus()]);
    let mut out = [0; 64];
    for (ssrc, told) in [(AUDIO, false), (VIDEO, true)] {
        let len = rtcp::write_bye(&mut out, &[ssrc], "").unwrap();
        rig.stream.handle_rtcp(at(10), &out[..len]);
        rig.drain(at(10));
        assert_eq!(rig.events.contains(&StreamEvent::PublisherBye), told);
    }
}

#[test]
fn everything_is_let_go_when_everybody_left() {
    let mut rig = Rig::published();
    let viewers: Vec<_> = (0..10).map(|_| rig.subscribe(at(0))).collect();
    let (mut sound, mut picture) = (Sender::audio(), Sender::video());
    for n in 0..50 {
        rig.send(at(33 * n), &picture.vp8((n == 0).then_some((640, 360)), 3));
        rig.send(at(33 * n), &[sound.opus()]);
        rig.rtcp(at(33 * n));
    }
    let held = rig.stream.held();
    assert_eq!(
        (held.viewers, held.subscriptions, held.tracks, held.sources),
        (10, 20, 2, 2)
    );
    assert!(held.packets > 100 && held.timers == 10);
    viewers
        .into_iter()
        .for_each(|viewer| rig.stream.unsubscribe(viewer));
    rig.stream.unpublish(at(2_000));
    assert_eq!(rig.drain(at(2_000)), []);
    assert_eq!(rig.stream.held(), xrtc_forward::Held::default());
    assert_eq!(rig.stream.poll_timeout(), None);
}
