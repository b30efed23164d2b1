//! What a peer cannot make grow.

use xrtc_forward::{Discard, Limits, PublishError, RelayItem, SubscribeError};
use xrtc_rtp::{Mid, Rid, Ssrc};

use crate::rig::*;

#[test]
fn ssrcs_of_a_publisher_are_limited_and_the_oldest_make_room_when_silent() {
    let mut rig = Rig::published();
    let mut sender = Sender::video().with(4, b"1");
    for n in 0..100 {
        sender.ssrc = Ssrc(0x5000 + n);
        rig.rtp(at(0), &sender.vp8(Some((64, 36)), 1));
    }
    assert_eq!(rig.stream.held().sources, Limits::MAX_SSRCS);
    let discards = rig.stream.stats(at(0)).discards;
    assert_eq!(
        discards.get(Discard::TooManySources),
        100 - Limits::MAX_SSRCS as u32
    );
    sender.ssrc = Ssrc(0x6000);
    rig.subscribe(at(6_000));
    let got = rig.send(at(6_000), &sender.vp8(Some((64, 36)), 1));
    assert_eq!(got.len(), 1);
    assert_eq!(rig.stream.held().sources, Limits::MAX_SSRCS);
}

#[test]
fn viewers_of_a_stream_are_limited() {
    let mut config = config();
    config.limits.viewers = 2;
    let mut rig = Rig::with(config);
    let first = rig.subscribe(at(0));
    rig.subscribe(at(0));
    let refused = rig.stream.subscribe(at(0), viewer_config());
    assert_eq!(refused, Err(SubscribeError::TooManyViewers { limit: 2 }));
    rig.stream.unsubscribe(first);
    rig.stream.unsubscribe(first);
    assert!(rig.stream.subscribe(at(0), viewer_config()).is_ok());
}

#[test]
fn descriptions_are_limited() {
    let mut rig = Rig::new();
    let tracks = vec![audio_track(); Limits::MAX_TRACKS + 1];
    let refused = rig.stream.publish(at(0), ingest(tracks));
    assert_eq!(
        refused,
        Err(PublishError::TooManyTracks {
            limit: Limits::MAX_TRACKS
        })
    );
    let mut track = simulcast_track();
    track.rids = (0..9).filter_map(|n| Rid::new(&n.to_string())).collect();
    let refused = rig.stream.publish(at(0), ingest(vec![track]));
    assert_eq!(
        refused,
        Err(PublishError::TooManyLayers {
            limit: Limits::MAX_LAYERS
        })
    );
    let mut track = audio_track();
    track.codecs.clear();
    let refused = rig.stream.publish(at(0), ingest(vec![track]));
    assert_eq!(
        refused,
        Err(PublishError::CodecCount {
            limit: Limits::MAX_CODECS
        })
    );
    let mut config = viewer_config();
    config.tracks = vec![config.tracks[0].clone(); Limits::MAX_TRACKS + 1];
    let refused = rig.stream.subscribe(at(0), config);
    assert_eq!(
        refused,
        Err(SubscribeError::TooManyTracks {
            limit: Limits::MAX_TRACKS
        })
    );
}

#[test]
fn the_cache_is_bounded_by_age_and_count() {
    let mut rig = Rig::published();
    let (mut sound, mut picture) = (Sender::audio(), Sender::video());
    for n in 0..500 {
        rig.rtp(at(20 * n), &[sound.opus()]);
        rig.rtp(at(20 * n), &picture.vp8(None, 3));
    }
    let held = rig.stream.held();
    // 1.2 s of each.
    assert!((61 + 183..=64 + 192).contains(&held.packets), "{held:?}");
    assert!(held.spare_packets <= 10, "{held:?}");
    for _ in 0..3_000 {
        rig.rtp(at(10_000), &picture.vp8(None, 1));
    }
    assert!(rig.stream.held().packets <= 1_024 + 64);
}

#[test]
fn the_queue_to_mirrors_is_bounded_but_loses_no_publisher() {
    let mut config = config();
    config.limits.relay_items = 10;
    let mut rig = Rig::with(config);
    rig.stream.set_relaying(true);
    rig.stream
        .publish(at(0), ingest(vec![video_track()]))
        .unwrap();
    let mut picture = Sender::video();
    for _ in 0..20 {
        rig.rtp(at(0), &picture.vp8(None, 1));
    }
    rig.stream.unpublish(at(0));
    assert_eq!(rig.stream.held().relay_items, 11);
    assert_eq!(rig.stream.stats(at(0)).discards.get(Discard::RelayFull), 11);
    let items: Vec<_> = std::iter::from_fn(|| rig.stream.poll_relay()).collect();
    assert!(matches!(items[0], RelayItem::Publisher(_)));
    assert!(matches!(items[10], RelayItem::Unpublished));
    rig.stream.set_relaying(false);
    assert!(rig.stream.poll_relay().is_none());
}

#[test]
fn rtcp_after_the_end_is_counted() {
    let mut rig = Rig::published();
    let viewer = rig.subscribe(at(0));
    rig.stream.unsubscribe(viewer);
    rig.stream
        .handle_viewer_rtcp(at(0), viewer, &pli(OUT_VIDEO));
    let again = rig.subscribe(at(0));
    rig.stream
        .handle_viewer_rtcp(at(0), viewer, &pli(OUT_VIDEO));
    assert_ne!(again, viewer);
    rig.stream.unpublish(at(0));
    rig.stream.handle_rtcp(at(0), &pli(OUT_VIDEO));
    let discards = rig.stream.stats(at(0)).discards;
    assert_eq!(
        (
            discards.get(Discard::NoViewer),
            discards.get(Discard::NoPublisher)
        ),
        (2, 1)
    );
}

#[test]
fn a_long_mid_fits() {
    let mut config = viewer_config();
    config.tracks[0].mid = Mid::new(&"m".repeat(32));
    let mut rig = Rig::published();
    rig.stream.subscribe(at(0), config).unwrap();
    let got = rig.send(at(0), &[Sender::audio().opus()]);
    let expected = "m".repeat(32);
    assert_eq!(got[0].rtp().extension(1), Some(expected.as_bytes()));
}
