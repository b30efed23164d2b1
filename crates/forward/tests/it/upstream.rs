//! Asking the publisher for lost packets and key frames.

use xrtc_forward::Feedback;
use xrtc_rtp::Ssrc;

use crate::rig::*;

#[test]
fn a_gap_is_asked_for_at_once() {
    let mut rig = Rig::published();
    let mut picture = Sender::video();
    let packets = picture.vp8(Some((640, 360)), 6);
    rig.rtp(at(0), &[packets[0].clone(), packets[3].clone()]);
    assert_eq!(rig.asks(at(0)).nacks, [(VIDEO, 2_001), (VIDEO, 2_002)]);
    assert_eq!(rig.asks(at(1)).nacks, []);
}

#[test]
fn what_is_reordered_within_a_batch_is_not_asked_for() {
    let mut rig = Rig::published();
    let mut picture = Sender::video();
    let mut packets = picture.vp8(Some((640, 360)), 6);
    packets.swap(2, 4);
    rig.rtp(at(0), &packets);
    assert_eq!(rig.asks(at(0)), Asks::default());
}

#[test]
fn a_request_is_repeated_until_the_packet_comes() {
    let mut rig = Rig::published();
    rig.stream.set_publisher_rtt(ms(40));
    let mut picture = Sender::video();
    let packets = picture.vp8(Some((640, 360)), 3);
    rig.rtp(at(0), &[packets[0].clone(), packets[2].clone()]);
    let mut times = Vec::new();
    for time in 0..100 {
        if !rig.asks(at(time)).nacks.is_empty() {
            times.push(time);
        }
    }
    assert_eq!(times, [0, 43, 63, 83]);
    rig.rtp(at(100), &[rtx(&packets[1], VIDEO_RTX, VP8_RTX, 7)]);
    for time in 100..1_000 {
        assert_eq!(rig.asks(at(time)).nacks, []);
    }
}

#[test]
fn f82_a_packet_that_never_comes_costs_a_key_frame() {
    let mut rig = Rig::published();
    let viewer = rig.subscribe(at(0));
    let mut picture = Sender::video();
    rig.send(at(0), &picture.vp8(Some((640, 360)), 3));
    let packets = picture.vp8(None, 3);
    rig.send(at(33), &[packets[0].clone(), packets[2].clone()]);
    let mut asked = None;
    for time in (34..1_000).step_by(5) {
        if time % 33 < 5 {
            rig.send(at(time), &picture.vp8(None, 1));
        }
        if rig.asks(at(time)).plis == [VIDEO] {
            asked = Some(time);
            break;
        }
    }
    let asked = asked.unwrap();
    assert!((400..600).contains(&asked), "{asked}");
    rig.send(at(asked + 50), &picture.vp8(Some((640, 360)), 3));
    assert_eq!(rig.asks(at(asked + 600)).plis, []);
    assert_eq!(
        rig.stream.viewer_stats(viewer).unwrap().outbound[1].key_frames_sent,
        2
    );
}

#[test]
fn a_lost_packet_from_before_the_latest_key_frame_costs_nothing() {
    let mut rig = Rig::published();
    let mut picture = Sender::video();
    rig.send(at(0), &picture.vp8(Some((640, 360)), 3));
    let packets = picture.vp8(None, 3);
    rig.send(at(33), &[packets[0].clone(), packets[2].clone()]);
    rig.send(at(66), &picture.vp8(Some((640, 360)), 3));
    for time in (67..1_500).step_by(5) {
        assert_eq!(rig.asks(at(time)).plis, []);
    }
}

#[test]
fn a_key_frame_whose_first_packet_never_comes_is_asked_for_again() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let mut picture = Sender::video();
    rig.send(at(0), &picture.vp8(None, 1));
    rig.subscribe(at(1));
    assert_eq!(rig.asks(at(1)).plis, [VIDEO]);
    let packets = picture.vp8(Some((640, 360)), 3);
    rig.send(at(50), &packets[1..]);
    let mut plis = Vec::new();
    for time in (51..1_200).step_by(5) {
        if time % 33 < 5 {
            rig.send(at(time), &picture.vp8(None, 1));
        }
        plis.extend(rig.asks(at(time)).plis.iter().map(|_| time));
    }
    assert_eq!(plis.len(), 2, "{plis:?}");
    assert!(plis[0] < 560, "{plis:?}");
}

#[test]
fn f82_a_publisher_without_nack_is_asked_for_a_key_frame_soon() {
    let mut track = video_track();
    for codec in &mut track.codecs {
        codec.feedback = Feedback {
            pli: true,
            ..Feedback::default()
        };
        codec.rtx_payload_type = None;
    }
    let mut rig = Rig::publishing(vec![track]);
    let mut picture = Sender::video();
    rig.send(at(0), &picture.vp8(Some((640, 360)), 3));
    let packets = picture.vp8(None, 3);
    rig.send(at(33), &[packets[0].clone(), packets[2].clone()]);
    assert_eq!(rig.asks(at(132)), Asks::default());
    let asks = rig.asks(at(134));
    assert_eq!((asks.nacks, asks.plis), (vec![], vec![VIDEO]));
}

#[test]
fn fir_is_for_publishers_without_pli_and_silence_for_those_without_both() {
    for (fir, expected) in [(true, vec![VIDEO]), (false, vec![])] {
        let mut track = video_track();
        for codec in &mut track.codecs {
            codec.feedback = Feedback {
                fir,
                ..Feedback::default()
            };
        }
        let mut rig = Rig::publishing(vec![track]);
        rig.send(at(0), &Sender::video().vp8(None, 1));
        rig.subscribe(at(1));
        let asks = rig.asks(at(1));
        assert_eq!((asks.firs, asks.plis), (expected, vec![]));
        assert!(
            rig.stream.poll_timeout().is_none_or(|due| due > at(1)),
            "nothing is overdue"
        );
    }
}

#[test]
fn a_repair_without_rtx_counts_as_one() {
    let mut track = video_track();
    track
        .codecs
        .iter_mut()
        .for_each(|codec| codec.rtx_payload_type = None);
    track.ssrcs[0].rtx = None;
    let mut rig = Rig::publishing(vec![track]);
    rig.stream.set_publisher_rtt(ms(40));
    rig.subscribe(at(0));
    let mut picture = Sender::video();
    let packets = picture.vp8(Some((640, 360)), 3);
    rig.send(at(0), &[packets[0].clone(), packets[2].clone()]);
    assert_eq!(rig.asks(at(0)).nacks, [(VIDEO, 2_001)]);
    assert_eq!(rig.send(at(40), &packets[1..2]).len(), 1);
    let inbound = &rig.stream.stats(at(40)).inbound[0];
    assert_eq!(
        (inbound.retransmitted_packets_received, inbound.nack_count),
        (1, 1)
    );
}

#[test]
fn a_hopeless_gap_is_not_asked_for_but_starts_anew_at_a_key_frame() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let mut picture = Sender::video();
    let before = rig.send(at(0), &picture.vp8(Some((640, 360)), 3));
    picture.sequence = picture.sequence.wrapping_add(600);
    assert_eq!(rig.send(at(1_000), &picture.vp8(None, 1)), []);
    let asks = rig.asks(at(1_000));
    assert_eq!(asks.nacks, []);
    let after = rig.send(at(1_033), &picture.vp8(Some((640, 360)), 1));
    assert_eq!(
        after[0].index,
        before[2].index + 1,
        "viewers see no gap that nobody can fill"
    );
}

#[test]
fn opus_is_asked_for_only_if_negotiated() {
    let mut rig = Rig::published();
    let mut sound = Sender::audio();
    let packets: Vec<_> = (0..3).map(|_| sound.opus()).collect();
    rig.rtp(at(0), &[packets[0].clone(), packets[2].clone()]);
    assert_eq!(rig.asks(at(10)), Asks::default());
    let mut track = audio_track();
    track.codecs[0].feedback.nack = true;
    rig.stream.publish(at(20), ingest(vec![track])).unwrap();
    rig.rtp(at(20), &[packets[0].clone(), packets[2].clone()]);
    assert_eq!(rig.asks(at(20)).nacks, [(AUDIO, 1_001)]);
}

#[test]
fn a_request_waits_for_stragglers_where_there_are_many() {
    let mut rig = Rig::published();
    let mut picture = Sender::video();
    // Every second packet is 30 ms late.
    for n in 0..30 {
        let packets = picture.vp8(Some((640, 360)), 2);
        rig.rtp(at(40 * n), &packets[1..]);
        if n > 10 {
            assert_eq!(rig.asks(at(40 * n + 20)).nacks, [], "frame {n}");
        }
        rig.rtp(at(40 * n + 30), &packets[..1]);
    }
    let packets = picture.vp8(Some((640, 360)), 2);
    rig.rtp(at(1_300), &packets[1..]);
    assert_eq!(rig.asks(at(1_310)).nacks, []);
    let late = rig.asks(at(1_340)).nacks;
    assert_eq!(late, [(VIDEO, picture.sequence.wrapping_sub(2))]);
}

#[test]
fn layers_are_asked_for_one_by_one() {
    let mut rig = Rig::publishing(vec![simulcast_track()]);
    let mut senders = [("q", 0x901), ("h", 0x902), ("f", 0x903)].map(|(rid, ssrc)| {
        Sender::new(Ssrc(ssrc), VP8, 100, 5_000)
            .with(4, b"1")
            .with(10, rid.as_bytes())
    });
    for sender in &mut senders {
        let packets = sender.vp8(Some((64, 36)), 3);
        rig.rtp(at(0), &[packets[0].clone(), packets[2].clone()]);
    }
    let nacks = rig.asks(at(0)).nacks;
    assert_eq!(
        nacks,
        [(Ssrc(0x901), 101), (Ssrc(0x902), 101), (Ssrc(0x903), 101)]
    );
}
