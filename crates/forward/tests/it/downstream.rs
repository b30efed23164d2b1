//! Viewers that ask for lost packets and key frames.

use xrtc_forward::Discard;
use xrtc_rtp::rtcp::{self, FirEntry, ReportBlock};
use xrtc_rtp::{Ssrc, rtx};

use crate::rig::*;

/// A rig with one viewer that got a key frame of ten packets and a frame of ten more.
fn playing(config: xrtc_forward::ViewerConfig) -> (Rig, xrtc_forward::ViewerId, Vec<Got>, Sender) {
    let mut rig = Rig::published();
    let viewer = rig.stream.subscribe(at(0), config).unwrap();
    let mut picture = Sender::video();
    let mut got = rig.send(at(0), &picture.vp8(Some((640, 360)), 10));
    got.extend(rig.send(at(33), &picture.vp8(None, 10)));
    (rig, viewer, got, picture)
}

fn number(got: &Got) -> u16 {
    got.rtp().sequence_number()
}

fn discarded(rig: &Rig, viewer: xrtc_forward::ViewerId, discard: Discard) -> u32 {
    rig.stream
        .viewer_stats(viewer)
        .unwrap()
        .discards
        .get(discard)
}

#[test]
fn f76_a_lost_packet_comes_again_as_rtx() {
    let (mut rig, viewer, got, _) = playing(viewer_config());
    rig.stream
        .handle_viewer_rtcp(at(50), viewer, &nack(OUT_VIDEO, &[number(&got[3])]));
    let again = rig.drain(at(50));
    assert_eq!(again.len(), 1);
    let packet = again[0].rtp();
    assert_eq!(
        (packet.ssrc(), packet.payload_type().0),
        (OUT_RTX, OUT_VP8_RTX)
    );
    let lost = got[3].rtp();
    assert_eq!(
        rtx::split(packet.payload()),
        Some((lost.sequence_number(), lost.payload()))
    );
    assert_eq!(packet.timestamp(), lost.timestamp());
    assert_eq!(packet.marker(), lost.marker());
    let stats = rig.stream.viewer_stats(viewer).unwrap();
    let video = &stats.outbound[1];
    assert_eq!(
        (video.packets_sent, video.retransmitted_packets_sent),
        (21, 1)
    );
    assert_eq!(video.nack_count, 1);
}

#[test]
fn f76_each_resend_has_its_own_number() {
    let (mut rig, viewer, got, _) = playing(viewer_config());
    let numbers = [number(&got[3]), number(&got[4]), number(&got[17])];
    rig.stream
        .handle_viewer_rtcp(at(50), viewer, &nack(OUT_VIDEO, &numbers));
    let again = rig.drain(at(50));
    let indices: Vec<u64> = again.iter().map(|got| got.index - again[0].index).collect();
    assert_eq!(indices, [0, 1, 2]);
}

#[test]
fn f76_without_rtx_a_packet_is_repeated_bit_by_bit() {
    let (mut rig, viewer, got, _) = playing(viewer_without_rtx());
    rig.stream
        .handle_viewer_rtcp(at(50), viewer, &nack(OUT_VIDEO, &[number(&got[3])]));
    let again = rig.drain(at(50));
    assert_eq!(again.len(), 1);
    assert!(again[0].repeat);
    assert_eq!(again[0].bytes, got[3].bytes);
}

#[test]
fn requests_within_a_round_trip_are_answered_once() {
    let (mut rig, viewer, got, _) = playing(viewer_config());
    // A report tells the round trip: 100 ms.
    let reports = rig.rtcp(at(200));
    let (_, bytes) = reports
        .iter()
        .find(|(target, _)| *target != xrtc_forward::RtcpTarget::Publisher)
        .unwrap();
    let Some(Ok(rtcp::Packet::SenderReport(report))) = rtcp::packets(bytes).next() else {
        panic!("no sender report first");
    };
    let block = ReportBlock {
        ssrc: OUT_VIDEO,
        last_sender_report: report.info.ntp.middle(),
        ..ReportBlock::default()
    };
    let mut out = [0; 100];
    let len = rtcp::write_receiver_report(&mut out, Ssrc(1), &[block]).unwrap();
    rig.stream.handle_viewer_rtcp(at(300), viewer, &out[..len]);
    let rtt = rig.stream.viewer_stats(viewer).unwrap().outbound[1]
        .remote
        .unwrap()
        .round_trip_time;
    assert!(rtt.unwrap().abs_diff(ms(100)) < ms(1), "{rtt:?}");
    let request = nack(OUT_VIDEO, &[number(&got[3])]);
    // After 100 ms the answer is just arriving.
    for (time, expected) in [
        (300, 1),
        (320, 0),
        (379, 0),
        (400, 0),
        (404, 1),
        (480, 0),
        (508, 1),
    ] {
        rig.stream.handle_viewer_rtcp(at(time), viewer, &request);
        assert_eq!(rig.drain(at(time)).len(), expected, "at {time} ms");
    }
    assert_eq!(discarded(&rig, viewer, Discard::NackRepeated), 4);
}

#[test]
fn the_last_answer_before_the_picture_stands_still_is_sent_twice() {
    let (mut rig, viewer, got, _) = playing(viewer_config());
    // Of the second frame, received 33 ms after the first one. An answer to the request at 160 ms comes in time; one
    // to the next request, which comes 60 ms later, does not.
    let request = nack(OUT_VIDEO, &[number(&got[13])]);
    for (time, expected) in [(100, 1), (160, 2), (220, 1)] {
        rig.stream.handle_viewer_rtcp(at(time), viewer, &request);
        let again = rig.drain(at(time));
        assert_eq!(again.len(), expected, "at {time} ms");
        let numbers: Vec<_> = again
            .iter()
            .filter_map(|got| rtx::split(got.rtp().payload()))
            .map(|split| split.0)
            .collect();
        assert!(numbers.iter().all(|&again| again == number(&got[13])));
    }
}

#[test]
fn requests_for_what_never_was_are_counted() {
    let (mut rig, viewer, got, _) = playing(viewer_config());
    let last = number(got.last().unwrap());
    let first = number(&got[0]);
    let numbers = [
        first.wrapping_sub(1),
        last.wrapping_add(1),
        last.wrapping_add(30_000),
    ];
    for number in numbers {
        rig.stream
            .handle_viewer_rtcp(at(50), viewer, &nack(OUT_VIDEO, &[number]));
    }
    rig.stream
        .handle_viewer_rtcp(at(50), viewer, &nack(Ssrc(0xdead), &[first]));
    assert_eq!(rig.drain(at(50)), []);
    assert_eq!(discarded(&rig, viewer, Discard::NackUnknown), 3);
    assert_eq!(discarded(&rig, viewer, Discard::RtcpUnknownSource), 1);
}

#[test]
fn requests_without_agreement_are_counted() {
    let mut config = viewer_config();
    config.tracks[1]
        .codecs
        .iter_mut()
        .for_each(|codec| codec.nack = false);
    let (mut rig, viewer, got, _) = playing(config);
    let request = nack(OUT_VIDEO, &[number(&got[3])]);
    rig.stream.handle_viewer_rtcp(at(50), viewer, &request);
    assert_eq!(rig.drain(at(50)), []);
    assert_eq!(discarded(&rig, viewer, Discard::NackNotAgreed), 1);
}

#[test]
fn a_flood_of_requests_gets_no_more_than_its_budget_and_hurts_nobody() {
    let (mut rig, viewer, _, mut picture) = playing(viewer_config());
    let other = rig.subscribe(at(40));
    rig.drain(at(40));
    let mut resent = 0;
    let mut others = 0;
    for round in 0..200 {
        let now = at(100 + 33 * round);
        let got = rig.send(now, &picture.vp8(None, 10));
        others += got
            .iter()
            .filter(|got| got.viewer == other && got.ssrc == OUT_VIDEO)
            .count();
        let newest = number(got.iter().rev().find(|got| got.viewer == viewer).unwrap());
        let numbers: Vec<u16> = (0..256)
            .map(|back| newest.wrapping_sub(255 - back))
            .collect();
        for _ in 0..5 {
            rig.stream
                .handle_viewer_rtcp(now, viewer, &nack(OUT_VIDEO, &numbers));
        }
        resent += rig.drain(now).len();
    }
    assert_eq!(others, 2_000);
    let stats = rig.stream.viewer_stats(viewer).unwrap();
    let video = &stats.outbound[1];
    let media = video.bytes_sent - video.retransmitted_bytes_sent;
    assert!(
        video.retransmitted_bytes_sent < media + video.header_bytes_sent + 256 * 1024,
        "{video:?}"
    );
    assert!(resent > 100);
    assert!(stats.discards.get(Discard::NackOverBudget) > 1_000);
}

#[test]
fn a_late_packet_of_the_publisher_goes_out_in_its_gap() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let mut picture = Sender::video();
    let packets = picture.vp8(Some((640, 360)), 5);
    let got = rig.send(at(0), &[&packets[..2], &packets[3..]].concat());
    assert_eq!(got.len(), 4);
    assert_eq!(got[2].index, got[1].index + 2, "the gap stays open");
    let late = rig.send(at(60), &[rtx(&packets[2], VIDEO_RTX, VP8_RTX, 1)]);
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].index, got[1].index + 1);
    assert_eq!(late[0].ssrc, OUT_VIDEO);
    assert!(!late[0].repeat);
}

#[test]
fn a_request_for_what_is_still_missing_is_answered_when_it_comes_by_its_first_sending() {
    let mut rig = Rig::published();
    let viewer = rig.subscribe(at(0));
    let mut picture = Sender::video();
    let packets = picture.vp8(Some((640, 360)), 3);
    let got = rig.send(at(0), &[packets[0].clone(), packets[2].clone()]);
    let missing = number(&got[0]).wrapping_add(1);
    rig.stream
        .handle_viewer_rtcp(at(10), viewer, &nack(OUT_VIDEO, &[missing]));
    assert_eq!(rig.drain(at(10)), []);
    // The repair and the viewer's next request come together: it is sent once.
    rig.rtp(at(60), &[rtx(&packets[1], VIDEO_RTX, VP8_RTX, 1)]);
    rig.stream
        .handle_viewer_rtcp(at(60), viewer, &nack(OUT_VIDEO, &[missing]));
    let late = rig.drain(at(60));
    assert_eq!(late.len(), 1);
    assert_eq!((late[0].ssrc, number(&late[0])), (OUT_VIDEO, missing));
    // What the viewer asked for before it can have it is not sent once more; what it asks for later, is.
    for (time, expected) in [(70, 0), (75, 0), (140, 1)] {
        rig.stream
            .handle_viewer_rtcp(at(time), viewer, &nack(OUT_VIDEO, &[missing]));
        assert_eq!(rig.drain(at(time)).len(), expected, "at {time} ms");
    }
}

#[test]
fn a_late_repair_is_sent_twice_only_to_who_lost_packets_lately() {
    for (lost_at, expected) in [(None, 1), (Some(1_000), 2), (Some(100), 1)] {
        let (mut rig, viewer, got, mut picture) = playing(viewer_config());
        if let Some(time) = lost_at {
            rig.stream
                .handle_viewer_rtcp(at(time), viewer, &nack(OUT_VIDEO, &[number(&got[13])]));
            rig.drain(at(time));
        }
        let packets = picture.vp8(None, 3);
        let sent = rig.send(at(5_900), &[packets[0].clone(), packets[2].clone()]);
        let missing = number(&sent[0]).wrapping_add(1);
        rig.stream
            .handle_viewer_rtcp(at(5_910), viewer, &nack(OUT_VIDEO, &[missing]));
        rig.rtp(at(5_950), &[rtx(&packets[1], VIDEO_RTX, VP8_RTX, 1)]);
        let late = rig.drain(at(5_950));
        assert_eq!(late.len(), expected, "lost at {lost_at:?}");
    }
}

#[test]
fn f78_requests_of_many_viewers_for_a_key_frame_become_one() {
    let mut rig = Rig::published();
    let mut picture = Sender::video();
    rig.send(at(0), &picture.vp8(None, 1));
    let viewers: Vec<_> = (0..50).map(|_| rig.subscribe(at(1))).collect();
    for &viewer in &viewers {
        rig.stream
            .handle_viewer_rtcp(at(1), viewer, &pli(OUT_VIDEO));
    }
    assert_eq!(rig.asks(at(1)).plis, [VIDEO]);
    for time in (10..500).step_by(10) {
        rig.send(at(time), &picture.vp8(None, 1));
        rig.stream
            .handle_viewer_rtcp(at(time), viewers[0], &pli(OUT_VIDEO));
        assert_eq!(rig.asks(at(time)).plis, [], "at {time} ms");
    }
    assert_eq!(
        rig.asks(at(501)).plis,
        [VIDEO],
        "the first one may have been lost"
    );
    rig.send(at(510), &picture.vp8(Some((640, 360)), 1));
    assert_eq!(rig.asks(at(1_500)).plis, []);
}

#[test]
fn f78_a_viewer_that_always_wants_key_frames_gets_few() {
    let (mut rig, viewer, _, mut picture) = playing(viewer_config());
    let mut asked = 0;
    for frame in 0..(30 * 30) {
        let now = at(100 + 33 * frame);
        rig.stream.handle_viewer_rtcp(now, viewer, &pli(OUT_VIDEO));
        let plis = rig.asks(now).plis.len();
        asked += plis;
        let keyframe = (plis > 0).then_some((640, 360));
        rig.send(now, &picture.vp8(keyframe, 2));
    }
    assert!(asked <= 6, "{asked} key frames in 30 s");
    assert!(discarded(&rig, viewer, Discard::KeyFrameOverBudget) > 800);
}

#[test]
fn f78_a_repeated_fir_is_one_command() {
    let (mut rig, viewer, _, _) = playing(viewer_config());
    let mut out = [0; 20];
    for number in [1, 1, 1, 2] {
        let entry = FirEntry {
            media: OUT_VIDEO,
            sequence_number: number,
        };
        rtcp::write_fir(&mut out, Ssrc(1), &[entry]).unwrap();
        rig.stream.handle_viewer_rtcp(at(60), viewer, &out);
    }
    assert_eq!(rig.asks(at(60)).plis, [VIDEO]);
    assert_eq!(
        rig.stream.viewer_stats(viewer).unwrap().outbound[1].fir_count,
        2
    );
}

#[test]
fn the_first_viewer_served_rotates() {
    let mut rig = Rig::published();
    let viewers: Vec<_> = (0..3).map(|_| rig.subscribe(at(0))).collect();
    let mut sound = Sender::audio();
    let mut first = Vec::new();
    for _ in 0..3 {
        first.push(rig.send(at(0), &[sound.opus()])[0].viewer);
    }
    first.sort();
    assert_eq!(first, viewers);
}

#[test]
fn a_viewers_packets_of_a_batch_lie_side_by_side() {
    let mut rig = Rig::published();
    (0..3).for_each(|_| {
        rig.subscribe(at(0));
    });
    let (mut sound, mut picture) = (Sender::audio(), Sender::video());
    let mut packets = picture.vp8(Some((640, 360)), 3);
    packets.push(sound.opus());
    let got = rig.send(at(0), &packets);
    assert_eq!(got.len(), 12);
    for viewer in got.chunks(4) {
        assert!(viewer.iter().all(|got| got.viewer == viewer[0].viewer));
    }
}
