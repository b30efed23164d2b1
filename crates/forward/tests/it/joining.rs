//! What a viewer sees first.

use xrtc_forward::{Format, StreamEvent, TrackId};
use xrtc_rtp::{Codec, MediaKind};

use crate::rig::*;

#[test]
fn a_viewer_hears_at_once_and_sees_from_the_key_frame_on() {
    let mut rig = Rig::published();
    let (mut sound, mut picture) = (Sender::audio(), Sender::video());
    rig.send(at(0), &picture.vp8(Some((640, 360)), 300));
    rig.send(at(30), &picture.vp8(None, 2));
    let viewer = rig.subscribe(at(40));
    assert_eq!(rig.asks(at(40)).plis, [VIDEO]);
    let got = rig.send(at(50), &[sound.opus()]);
    assert_eq!(
        (got.len(), got[0].viewer, got[0].ssrc),
        (1, viewer, OUT_AUDIO)
    );
    assert_eq!(rig.send(at(60), &picture.vp8(None, 2)), []);
    let got = rig.send(at(90), &picture.vp8(Some((640, 360)), 3));
    assert_eq!(video(&got).len(), 3);
    assert!(got[0].is_keyframe());
    assert_eq!(rig.send(at(120), &picture.vp8(None, 2)).len(), 2);
}

#[test]
fn a_viewer_that_joins_soon_after_a_key_frame_gets_the_group_from_the_cache() {
    let mut rig = Rig::published();
    let mut picture = Sender::video();
    rig.send(at(0), &picture.vp8(Some((640, 360)), 3));
    rig.send(at(33), &picture.vp8(None, 2));
    rig.subscribe(at(40));
    let got = rig.drain(at(40));
    assert_eq!(video(&got).len(), 5);
    assert!(got[0].is_keyframe());
    assert_eq!(rig.asks(at(40)).plis, []);
    let more = rig.send(at(66), &picture.vp8(None, 2));
    assert_eq!(more[0].index, got[4].index + 1);
}

#[test]
fn packets_that_wait_when_a_viewer_joins_reach_it_once() {
    let mut rig = Rig::published();
    let mut picture = Sender::video();
    rig.subscribe(at(0));
    rig.send(at(0), &picture.vp8(Some((640, 360)), 2));
    rig.rtp(at(33), &picture.vp8(None, 2));
    let late = rig.subscribe(at(33));
    let got = rig.drain(at(33));
    assert_eq!(got.iter().filter(|got| got.viewer == late).count(), 4);
    assert_eq!(got.len(), 6);
}

#[test]
fn a_group_with_a_gap_is_not_served() {
    let mut rig = Rig::published();
    let mut picture = Sender::video();
    let mut packets = picture.vp8(Some((640, 360)), 3);
    packets.remove(1);
    rig.send(at(0), &packets);
    rig.subscribe(at(40));
    assert_eq!(rig.drain(at(40)), []);
    assert_eq!(rig.asks(at(40)).plis, [VIDEO]);
}

#[test]
fn a_viewer_that_waits_for_a_publisher_needs_no_request() {
    let mut rig = Rig::new();
    rig.subscribe(at(0));
    rig.stream
        .publish(at(100), ingest(vec![audio_track(), video_track()]))
        .unwrap();
    let mut picture = Sender::video();
    let got = rig.send(at(200), &picture.vp8(Some((640, 360)), 2));
    assert_eq!(got.len(), 2);
    assert_eq!(rig.asks(at(250)).plis, []);
}

#[test]
fn a_first_packet_that_is_overtaken_still_starts_the_picture() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let mut picture = Sender::video();
    let packets = picture.vp8(Some((640, 360)), 4);
    assert_eq!(rig.send(at(0), &packets[1..3]), []);
    let got = rig.send(at(5), &packets[..1]);
    assert_eq!(got.len(), 3);
    let got = rig.send(at(6), &packets[3..]);
    assert_eq!(got.len(), 1);
}

#[test]
fn live_tracks_and_viewers_that_cannot_decode_them_are_told() {
    let mut rig = Rig::published();
    let mut only_h264 = viewer_config();
    only_h264.tracks[1].codecs.remove(0);
    let early = rig.stream.subscribe(at(0), only_h264.clone()).unwrap();
    let mut picture = Sender::video();
    assert_eq!(rig.send(at(0), &picture.vp8(Some((640, 360)), 2)), []);
    let format = Format::any(Codec::Vp8);
    let kind = MediaKind::Video;
    assert_eq!(
        rig.events,
        [
            StreamEvent::TrackLive {
                track: TrackId(1),
                kind,
                format
            },
            StreamEvent::Incompatible {
                viewer: early,
                kind,
                format
            },
        ]
    );
    rig.events.clear();
    let late = rig.stream.subscribe(at(10), only_h264).unwrap();
    rig.drain(at(10));
    assert_eq!(
        rig.events,
        [StreamEvent::Incompatible {
            viewer: late,
            kind,
            format
        }]
    );
}

#[test]
fn an_h264_viewer_starts_with_the_parameter_sets() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let mut picture = Sender::new(VIDEO, H264, 500, 0);
    let sps = [0x67, 0x42, 0xe0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe8];
    let pps = [0x68, 0xce, 0x3c, 0x80];
    let slice = [0x41, 0x9a, 0x01];
    rig.send(at(0), &[picture.packet(&slice, true)]);
    picture.timestamp += 3_000;
    let frame = [
        picture.packet(&sps, false),
        picture.packet(&pps, false),
        picture.packet(&[0x65, 0x88, 0x84], true),
    ];
    // The picture overtakes its parameter sets.
    assert_eq!(rig.send(at(33), &frame[2..]), []);
    assert_eq!(rig.send(at(34), &frame[1..2]), []);
    let got = rig.send(at(35), &frame[..1]);
    let payloads: Vec<u8> = got.iter().map(|got| got.rtp().payload()[0]).collect();
    assert_eq!(payloads, [0x67, 0x68, 0x65]);
    assert_eq!(got[0].rtp().payload_type().0, OUT_H264);
}

#[test]
fn a_track_that_was_given_up_comes_back_at_a_key_frame_and_counts_on() {
    let mut rig = Rig::published();
    let (mut sound, mut picture) = (Sender::audio(), Sender::video());
    let viewer = rig.subscribe(at(0));
    let before = rig.send(at(0), &picture.vp8(Some((640, 360)), 3));
    let heard = rig.send(at(10), &[sound.opus()]);
    let mut sound_only = viewer_config();
    sound_only.tracks.truncate(1);
    rig.stream.resubscribe(at(20), viewer, &sound_only).unwrap();
    assert_eq!(rig.send(at(30), &picture.vp8(Some((640, 360)), 2)), []);
    let more = rig.send(at(40), &[sound.opus()]);
    assert_eq!(more[0].index, heard[0].index + 1, "sound just goes on");

    for ms in (60..2_000).step_by(33) {
        assert_eq!(rig.send(at(ms), &picture.vp8(None, 2)), []);
    }
    rig.stream
        .resubscribe(at(2_000), viewer, &viewer_config())
        .unwrap();
    assert_eq!(rig.asks(at(2_000)).plis, [VIDEO]);
    assert_eq!(rig.send(at(2_010), &picture.vp8(None, 2)), []);
    let got = rig.send(at(2_040), &picture.vp8(Some((640, 360)), 3));
    assert!(got[0].is_keyframe());
    assert_eq!(got[0].ssrc, before[2].ssrc);
    assert_eq!(
        got[0].index,
        before[2].index + 1,
        "no number twice, none left out"
    );
}

#[test]
fn a_track_that_was_not_there_is_added() {
    let mut rig = Rig::published();
    let mut picture = Sender::video();
    let mut sound_only = viewer_config();
    sound_only.tracks.truncate(1);
    let viewer = rig.stream.subscribe(at(0), sound_only).unwrap();
    assert_eq!(rig.send(at(0), &picture.vp8(Some((640, 360)), 3)), []);
    rig.stream
        .resubscribe(at(10), viewer, &viewer_config())
        .unwrap();
    let got = rig.send(at(40), &picture.vp8(Some((640, 360)), 3));
    assert_eq!((video(&got).len(), got[0].ssrc), (3, OUT_VIDEO));
}

#[test]
fn a_viewer_never_has_more_tracks_than_there_may_be() {
    let mut rig = Rig::published();
    let viewer = rig.subscribe(at(0));
    let mut config = viewer_config();
    for number in 0..100 {
        config.tracks[0].ssrc = xrtc_rtp::Ssrc(9_000 + number);
        if rig.stream.resubscribe(at(10), viewer, &config).is_err() {
            return;
        }
    }
    panic!("a hundred tracks were taken");
}
