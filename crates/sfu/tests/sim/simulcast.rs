//! Several layers in, the best living one out.

use std::time::Duration;

use xrtc_sfu::{Command, Event, LayerWish, Refused};
use xrtc_testkit::{LayerConfig, PublishConfig, ViewConfig};

use crate::world::{EndId, World, name_at, network};

/// The order of rids is not that of quality: the best stands in the middle.
fn layers() -> PublishConfig {
    let layer = |rid, resolution, frame_bytes| LayerConfig {
        rid,
        resolution,
        frame_bytes,
    };
    PublishConfig {
        layers: vec![
            layer("a", (320, 180), 700),
            layer("b", (1280, 720), 4_800),
            layer("c", (640, 360), 1_800),
        ],
        ..PublishConfig::default()
    }
}

/// The layers of the frames that came whole since then.
fn layers_since(world: &World, viewer: EndId, since: xrtc_rtp::Time) -> Vec<u8> {
    let frames = world.frames(viewer).iter().filter(|frame| frame.at > since);
    frames.map(|frame| frame.layer).collect()
}

fn longest_gap(world: &World, viewer: EndId, since: xrtc_rtp::Time) -> Duration {
    let times: Vec<_> = world
        .frames(viewer)
        .iter()
        .map(|frame| frame.at)
        .filter(|at| *at >= since)
        .collect();
    let gaps = times.windows(2).map(|pair| pair[1].since(pair[0]));
    let last = times
        .last()
        .map_or(Duration::MAX, |last| world.now.since(*last));
    gaps.max().unwrap_or(Duration::MAX).max(last)
}

#[test]
fn viewers_leave_a_dying_top_layer_within_half_a_second_and_return_when_it_does() {
    let mut world = World::new(2, 1);
    let stream = name_at(0, 2);
    let publisher = world.publish(&stream, layers(), network(20, 0, 0.0));
    world.connect_all();
    world.run_ms(500);
    let viewers = [0, 1]
        .map(|worker| world.view(worker, &stream, ViewConfig::default(), network(20, 0, 0.0)));
    world.connect_all();
    world.run_ms(1_500);
    let start = world.now;
    world.run_ms(1_000);
    for viewer in viewers {
        assert!(
            layers_since(&world, viewer, start)
                .iter()
                .all(|layer| *layer == 1),
            "the best layer"
        );
    }
    let died = world.now;
    world.ends[publisher]
        .browser
        .publisher_mut()
        .expect("publisher")
        .set_active("b", false);
    world.run_ms(3_000);
    for viewer in viewers {
        let gap = longest_gap(&world, viewer, died - Duration::from_millis(100));
        assert!(
            gap <= Duration::from_millis(500),
            "viewer {viewer} saw nothing for {gap:?}"
        );
        assert_eq!(
            layers_since(&world, viewer, died + Duration::from_secs(2)).first(),
            Some(&2)
        );
    }
    let back = world.now;
    world.ends[publisher]
        .browser
        .publisher_mut()
        .expect("publisher")
        .set_active("b", true);
    world.run_ms(3_000);
    for viewer in viewers {
        let gap = longest_gap(&world, viewer, back);
        assert!(
            gap <= Duration::from_millis(500),
            "viewer {viewer} saw nothing for {gap:?}"
        );
        assert_eq!(layers_since(&world, viewer, back).last(), Some(&1));
        let source = world.ends[viewer]
            .browser
            .viewer()
            .expect("viewer")
            .source(xrtc_rtp::MediaKind::Video);
        assert_eq!(source.expect("video").video.discontinuities(), 0);
        assert_eq!(source.expect("video").video.incomplete(), 0);
    }
}

#[test]
fn b36_a_viewer_gets_the_layer_that_it_wishes_for_on_any_worker() {
    let mut world = World::new(2, 1);
    let stream = name_at(0, 2);
    world.publish(&stream, layers(), network(20, 0, 0.0));
    world.connect_all();
    world.run_ms(500);
    let viewers = [0, 1].map(|worker| {
        let end = world.view(worker, &stream, ViewConfig::default(), network(20, 0, 0.0));
        (worker, end)
    });
    world.connect_all();
    world.run_ms(1_500);
    for (worker, viewer) in viewers {
        let peer = world.ends[viewer].peer;
        let mut wish = |rid| {
            let rid = xrtc_rtp::Rid::new(rid);
            let wish = LayerWish {
                rid,
                ..LayerWish::default()
            };
            world.ask(worker, |request| Command::SetLayer {
                request,
                peer,
                wish,
            })
        };
        let refused = wish("x");
        assert!(
            matches!(
                refused,
                Event::Refused {
                    refused: Refused::UnknownLayer { .. },
                    ..
                }
            ),
            "{refused:?}"
        );
        assert!(matches!(wish("a"), Event::Accepted { .. }));
    }
    world.run_ms(1_000);
    let since = world.now;
    world.run_ms(1_000);
    for (_, viewer) in viewers {
        let got = layers_since(&world, viewer, since);
        assert!(
            got.len() > 20 && got.iter().all(|layer| *layer == 0),
            "{got:?}"
        );
    }
}

#[test]
fn the_application_is_told_of_the_layers() {
    let mut world = World::new(1, 2);
    world.publish("x", layers(), network(20, 0, 0.0));
    world.connect_all();
    world.run_ms(1_000);
    let layers = world
        .events
        .iter()
        .rev()
        .find_map(|(_, event)| match event {
            Event::StreamChanged { tracks, .. } => {
                tracks.iter().find(|track| track.kind == "video").cloned()
            }
            _ => None,
        });
    let track = layers.expect("a video track");
    assert!(track.live);
    let rids: Vec<_> = track
        .layers
        .iter()
        .map(|layer| layer.rid.as_str())
        .collect();
    assert_eq!(rids, ["a", "b", "c"]);
}
