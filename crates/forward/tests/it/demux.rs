//! How publishers tell what their SSRCs are.

use xrtc_forward::{DeclaredSsrc, Discard, LayerId, Limits, TrackId};
use xrtc_rtp::{ExtensionKind, Rid, Ssrc};

use crate::rig::*;

const Q: Ssrc = Ssrc(0x901);
const H: Ssrc = Ssrc(0x902);
const F: Ssrc = Ssrc(0x903);

fn layer(ssrc: Ssrc, rid: &str) -> Sender {
    Sender::new(ssrc, VP8, 100, 5_000)
        .with(4, b"1")
        .with(10, rid.as_bytes())
}

/// The SSRC of each layer that packets arrived on.
fn layers(rig: &Rig) -> Vec<(TrackId, LayerId, Ssrc)> {
    let stats = rig.stream.stats(at(1_000));
    stats
        .inbound
        .iter()
        .map(|inbound| (inbound.track, inbound.layer, inbound.ssrc))
        .collect()
}

fn discarded(rig: &Rig, discard: Discard) -> u32 {
    rig.stream.stats(at(0)).discards.get(discard)
}

#[test]
fn f75_mid_and_rid_on_the_first_packet_are_enough() {
    let mut rig = Rig::publishing(vec![audio_track(), simulcast_track()]);
    for (ssrc, rid) in [(F, "f"), (Q, "q"), (H, "h")] {
        let mut sender = layer(ssrc, rid);
        rig.rtp(at(0), &sender.vp8(Some((64, 36)), 1));
        sender.extensions.clear();
        rig.rtp(at(1), &sender.vp8(None, 3));
    }
    let expected = [Q, H, F].into_iter().enumerate();
    let expected: Vec<_> = expected
        .map(|(n, ssrc)| (TrackId(1), LayerId(n as u8), ssrc))
        .collect();
    assert_eq!(layers(&rig), expected);
    assert_eq!(rig.stream.stats(at(1)).inbound[2].packets_received, 4);
    assert_eq!(rig.stream.stats(at(1)).inbound[2].rid, Rid::new("f"));
}

#[test]
fn f75_a_first_packet_of_padding_tells_too() {
    let mut rig = Rig::publishing(vec![audio_track(), simulcast_track()]);
    let mut sender = layer(F, "f");
    rig.rtp(at(0), &[sender.padding()]);
    sender.extensions.clear();
    rig.rtp(at(1), &sender.vp8(Some((64, 36)), 1));
    assert_eq!(layers(&rig), [(TrackId(1), LayerId(2), F)]);
}

#[test]
fn a_packet_that_does_not_tell_its_layer_is_counted_until_another_one_does() {
    let mut rig = Rig::publishing(vec![audio_track(), simulcast_track()]);
    let mut sender = Sender::new(F, VP8, 100, 5_000);
    rig.rtp(at(0), &sender.vp8(Some((64, 36)), 2));
    assert_eq!(discarded(&rig, Discard::UnknownLayer), 2);
    sender = sender.with(4, b"1").with(10, b"f");
    rig.rtp(at(1), &sender.vp8(None, 1));
    assert_eq!(layers(&rig), [(TrackId(1), LayerId(2), F)]);
    sender.extensions[1].1 = b"x".to_vec();
    sender.ssrc = Ssrc(0x999);
    rig.rtp(at(1), &sender.vp8(None, 1));
    assert_eq!(discarded(&rig, Discard::UnknownLayer), 3);
}

#[test]
fn f75_rtx_is_told_by_rrid() {
    let mut rig = Rig::publishing(vec![audio_track(), simulcast_track()]);
    rig.subscribe(at(0));
    let packets = layer(F, "f").vp8(Some((640, 360)), 3);
    rig.send(at(0), &[packets[0].clone(), packets[2].clone()]);
    let mut original = packets[1].clone();
    // The RTX packet carries mid and rrid where the original carries mid and rid.
    let position = original
        .windows(2)
        .position(|pair| pair == [0xa0, b'f'])
        .unwrap();
    original[position] = 0xb0;
    let got = rig.send(at(50), &[rtx(&original, Ssrc(0x913), VP8_RTX, 9)]);
    assert_eq!(got.len(), 1);
    assert_eq!(
        got[0].rtp().payload(),
        xrtc_rtp::RtpPacket::parse(&packets[1]).unwrap().payload()
    );
    let stats = rig.stream.stats(at(50));
    let top = stats
        .inbound
        .iter()
        .find(|inbound| inbound.layer == LayerId(2))
        .unwrap();
    assert_eq!(
        (top.rtx_ssrc, top.retransmitted_packets_received),
        (Some(Ssrc(0x913)), 1)
    );
    assert_eq!(top.packets_received, 3);
}

#[test]
fn f75_obs_declares_the_first_layer_only_and_names_all_by_rid() {
    let mut track = simulcast_track();
    // rid 0 is the highest; lower layers have the SSRCs that follow.
    track.rids = ["0", "1", "2"].into_iter().filter_map(Rid::new).collect();
    track.ssrcs = vec![DeclaredSsrc {
        ssrc: Ssrc(500),
        rtx: None,
    }];
    track
        .codecs
        .iter_mut()
        .for_each(|codec| codec.rtx_payload_type = None);
    let mut rig = Rig::publishing(vec![audio_track(), track]);
    let viewer = rig.subscribe(at(0));
    let sizes = [(1280, 720), (640, 360), (320, 180)];
    let mut senders: Vec<Sender> = (0..3_u32)
        .map(|n| layer(Ssrc(500 + n), &n.to_string()))
        .collect();
    for time in 0..5 {
        for (sender, size) in senders.iter_mut().zip(sizes) {
            let keyframe = (time == 0).then_some(size);
            rig.send(at(33 * time), &sender.vp8(keyframe, 2));
        }
    }
    let expected: Vec<_> = (0..3_u8)
        .map(|n| (TrackId(1), LayerId(n), Ssrc(500 + u32::from(n))))
        .collect();
    assert_eq!(layers(&rig), expected);
    let stats = rig.stream.viewer_stats(viewer).unwrap();
    assert_eq!(
        stats.outbound[1].layer,
        Some(LayerId(0)),
        "by resolution, not by rid"
    );
}

#[test]
fn f75_firefox_declares_its_layers_in_another_order_and_repairs_them_without_rrid() {
    let mut track = simulcast_track();
    track.ssrcs = [(F, 0x913), (H, 0x912), (Q, 0x911)]
        .map(|(ssrc, rtx)| DeclaredSsrc {
            ssrc,
            rtx: Some(Ssrc(rtx)),
        })
        .to_vec();
    let mut rig = Rig::publishing(vec![track]);
    for (ssrc, rid) in [(Q, "q"), (H, "h"), (F, "f")] {
        rig.rtp(at(0), &layer(ssrc, rid).vp8(Some((64, 36)), 1));
    }
    let expected: Vec<_> = (0..)
        .zip([Q, H, F])
        .map(|(n, ssrc)| (TrackId(0), LayerId(n), ssrc))
        .collect();
    assert_eq!(layers(&rig), expected);
    let mut sender = Sender::new(F, VP8, 101, 8_000);
    let packets = sender.vp8(None, 2);
    rig.rtp(at(1), &packets[1..]);
    rig.rtp(at(2), &[rtx(&packets[0], Ssrc(0x913), VP8_RTX, 1)]);
    let top = &rig.stream.stats(at(2)).inbound[2];
    assert_eq!((top.rtx_ssrc, top.packets_received), (Some(Ssrc(0x913)), 3));
}

#[test]
fn f75_without_rids_in_packets_the_order_of_the_description_counts() {
    let mut track = simulcast_track();
    track.extensions.remove(ExtensionKind::Rid);
    track.ssrcs = [Q, H, F]
        .map(|ssrc| DeclaredSsrc { ssrc, rtx: None })
        .to_vec();
    let mut rig = Rig::publishing(vec![track]);
    rig.rtp(at(0), &Sender::new(H, VP8, 1, 1).vp8(Some((64, 36)), 1));
    assert_eq!(layers(&rig), [(TrackId(0), LayerId(1), H)]);
}

#[test]
fn f75_ffmpeg_is_told_by_payload_types_alone() {
    let mut tracks = vec![audio_track(), video_track()];
    for track in &mut tracks {
        track.extensions = xrtc_rtp::ExtensionMap::new();
        track.ssrcs.clear();
    }
    let mut rig = Rig::publishing(tracks);
    rig.rtp(at(0), &Sender::video().vp8(Some((64, 36)), 1));
    rig.rtp(at(0), &[Sender::audio().opus()]);
    assert_eq!(
        layers(&rig),
        [
            (TrackId(0), LayerId(0), AUDIO),
            (TrackId(1), LayerId(0), VIDEO)
        ]
    );
}

#[test]
fn an_ssrc_that_takes_over_a_silent_one_starts_at_its_key_frame() {
    let mut track = video_track();
    track.ssrcs.clear();
    let mut rig = Rig::publishing(vec![track]);
    rig.subscribe(at(0));
    let mut old = Sender::video();
    let got = rig.send(at(0), &old.vp8(Some((640, 360)), 2));
    let mut new = Sender::new(Ssrc(0x777), VP8, 40_000, 900_000);
    assert_eq!(
        rig.send(at(100), &new.vp8(None, 1)),
        [],
        "the old one is not silent yet"
    );
    assert_eq!(discarded(&rig, Discard::UnknownLayer), 1);
    assert_eq!(rig.send(at(700), &new.vp8(None, 1)), []);
    let more = rig.send(at(733), &new.vp8(Some((640, 360)), 1));
    assert_eq!(more.len(), 1);
    assert_eq!(more[0].index, got[1].index + 1);
    let passed = more[0]
        .rtp()
        .timestamp()
        .wrapping_sub(got[1].rtp().timestamp());
    assert_eq!(passed, 733 * 90);
}

#[test]
fn a_new_ssrc_that_says_who_it_is_takes_over_at_once() {
    let mut rig = Rig::publishing(vec![video_track()]);
    rig.subscribe(at(0));
    rig.send(at(0), &Sender::video().vp8(Some((640, 360)), 2));
    let mut new = Sender::new(Ssrc(0x777), VP8, 40_000, 900_000).with(4, b"1");
    assert_eq!(rig.send(at(33), &new.vp8(Some((640, 360)), 2)).len(), 2);
}

#[test]
fn strangers_are_counted() {
    let mut rig = Rig::published();
    let mut stranger = Sender::new(Ssrc(0x666), 77, 1, 1);
    rig.rtp(at(0), &stranger.vp8(None, 1));
    assert_eq!(discarded(&rig, Discard::UnknownTrack), 1);
    let mut unknown = Sender::new(VIDEO, 77, 1, 1);
    rig.rtp(at(0), &unknown.vp8(None, 1));
    assert_eq!(discarded(&rig, Discard::UnknownPayloadType), 1);
    let probe = rtx(&Sender::video().padding()[..12], VIDEO_RTX, VP8_RTX, 1);
    rig.rtp(at(0), &[probe[..12].to_vec()]);
    assert_eq!(discarded(&rig, Discard::RtxPadding), 1);
    rig.rtp(at(0), &[vec![0; 5]]);
    assert_eq!(discarded(&rig, Discard::RtpMalformed), 1);
    rig.rtp(at(0), &[vec![0x80; Limits::MAX_PACKET + 1]]);
    assert_eq!(discarded(&rig, Discard::RtpTooLong), 1);
    rig.stream.unpublish(at(0));
    rig.rtp(at(0), &[stranger.opus()]);
    assert_eq!(discarded(&rig, Discard::NoPublisher), 1);
}

#[test]
fn duplicates_are_forwarded_once() {
    let mut rig = Rig::published();
    rig.subscribe(at(0));
    let packets = Sender::video().vp8(Some((640, 360)), 2);
    assert_eq!(
        rig.send(at(0), &[packets.clone(), packets.clone()].concat())
            .len(),
        2
    );
    // Chrome probes with old packets under the RTX SSRC.
    assert_eq!(
        rig.send(at(9), &[rtx(&packets[1], VIDEO_RTX, VP8_RTX, 1)]),
        []
    );
    assert_eq!(discarded(&rig, Discard::Duplicate), 3);
}
