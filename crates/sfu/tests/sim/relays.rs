//! Queues between workers that are full, and workers that start again.

use std::time::Duration;

use xrtc_testkit::{LayerConfig, PublishConfig, ViewConfig};

use crate::world::{World, name_at, network};

#[test]
fn a_full_queue_costs_a_stream_its_way_to_the_next_key_frame_and_nothing_else() {
    let mut world = World::new(2, 1);
    let stream = name_at(0, 2);
    let publisher = world.publish(&stream, PublishConfig::default(), network(10, 0, 0.0));
    let viewers = [0, 1]
        .map(|worker| world.view(worker, &stream, ViewConfig::default(), network(10, 0, 0.0)));
    world.connect_all();
    world.run_ms(1_000);
    let keys = world.ends[publisher]
        .browser
        .publisher()
        .expect("publisher")
        .feedback()
        .key_frame_requests;
    // The other worker takes nothing for a while.
    world.workers[1].inbox_limit = 0;
    world.run_ms(300);
    world.workers[1].inbox_limit = usize::MAX;
    world.run_ms(1_500);
    assert!(world.counter(0, "demux.relayFull") > 5);
    let asked = world.ends[publisher]
        .browser
        .publisher()
        .expect("publisher")
        .feedback()
        .key_frame_requests
        - keys;
    assert!(
        (1..=3).contains(&asked),
        "{asked} key frames were asked for"
    );
    for viewer in viewers {
        let last = world.frames(viewer).last().expect("frames").at;
        assert!(world.now.since(last) < Duration::from_millis(100));
        let source = world.ends[viewer]
            .browser
            .viewer()
            .expect("viewer")
            .source(xrtc_rtp::MediaKind::Video);
        assert_eq!(source.expect("video").video.discontinuities(), 0);
    }
    let lossless = world.frames(viewers[0]);
    assert!(
        lossless
            .windows(2)
            .all(|pair| pair[1].frame == pair[0].frame + 1),
        "the home's own viewer lost nothing"
    );
}

#[test]
fn control_messages_survive_a_full_queue() {
    let mut world = World::new(2, 2);
    let stream = name_at(0, 2);
    world.workers[1].inbox_limit = 0;
    world.publish(&stream, PublishConfig::default(), network(10, 0, 0.0));
    world.connect_all();
    assert!(
        world
            .try_view(1, &stream, ViewConfig::default(), network(10, 0, 0.0))
            .is_err()
    );
    world.run_ms(100);
    assert!(world.held(0).relay_slots > 0);
    world.workers[1].inbox_limit = usize::MAX;
    world.run_ms(10);
    assert_eq!(world.held(0).relay_slots, 0);
    let viewer = world.view(1, &stream, ViewConfig::default(), network(10, 0, 0.0));
    world.connect_all();
    world.run_ms(500);
    assert!(world.frames(viewer).len() > 5);
}

#[test]
fn a_worker_that_starts_again_learns_the_streams_and_its_mirrors_are_forgotten() {
    let mut world = World::new(2, 3);
    let stream = name_at(0, 2);
    world.publish(&stream, PublishConfig::default(), network(10, 0, 0.0));
    let lost = world.view(1, &stream, ViewConfig::default(), network(10, 0, 0.0));
    world.connect_all();
    world.run_ms(500);
    world.restart_worker(1);
    world.ends[lost].is_gone = true;
    world.run_ms(200);
    assert_eq!(world.held(1).remote_streams, 1);
    // What the home sends to a mirror of before is nobody's.
    let stale = world.counter(1, "demux.relayStale");
    world.run_ms(200);
    assert_eq!(world.counter(1, "demux.relayStale"), stale);
    let viewer = world.view(1, &stream, ViewConfig::default(), network(10, 0, 0.0));
    world.connect_all();
    world.run_ms(500);
    assert!(world.frames(viewer).len() > 5);
}

#[test]
fn viewers_wait_for_a_home_that_starts_again() {
    let mut world = World::with_config(2, 4, |config| {
        config.publisher_grace = Duration::from_secs(5)
    });
    let stream = name_at(0, 2);
    let lost = world.publish(&stream, PublishConfig::default(), network(10, 0, 0.0));
    let viewers = [1, 1]
        .map(|worker| world.view(worker, &stream, ViewConfig::default(), network(10, 0, 0.0)));
    world.connect_all();
    world.run_ms(500);
    world.restart_worker(0);
    world.ends[lost].is_gone = true;
    world.run_ms(1_000);
    let before = world.frames(viewers[0]).len();
    let next = world.publish(&stream, PublishConfig::default(), network(10, 0, 0.0));
    world.connect_all();
    world.run_ms(1_000);
    assert!(world.frames(viewers[0]).len() > before + 10);
    world.close(next);
    world.run_ms(5_100);
    assert_eq!(
        viewers.map(|viewer| world.closed_reason(viewer)),
        [Some("publisherGone"); 2]
    );
    for worker in 0..2 {
        let held = world.held(worker);
        assert_eq!(
            (held.peers, held.streams, held.remote_streams),
            (0, 0, 0),
            "{held:?}"
        );
    }
}

#[test]
fn every_layer_of_a_simulcast_goes_on_at_its_own_key_frame() {
    let mut world = World::new(2, 5);
    let stream = name_at(0, 2);
    let layer = |rid, resolution, frame_bytes| LayerConfig {
        rid,
        resolution,
        frame_bytes,
    };
    let layers = vec![layer("l", (320, 180), 600), layer("h", (1280, 720), 3_000)];
    world.publish(
        &stream,
        PublishConfig {
            layers,
            ..PublishConfig::default()
        },
        network(10, 0, 0.0),
    );
    let viewer = world.view(1, &stream, ViewConfig::default(), network(10, 0, 0.0));
    world.connect_all();
    world.run_ms(2_000);
    for _ in 0..5 {
        world.workers[1].inbox_limit = 0;
        world.run_ms(150);
        world.workers[1].inbox_limit = usize::MAX;
        world.run_ms(1_000);
        let last = world.frames(viewer).last().expect("frames");
        assert!(world.now.since(last.at) < Duration::from_millis(100));
        let source = world.ends[viewer]
            .browser
            .viewer()
            .expect("viewer")
            .source(xrtc_rtp::MediaKind::Video);
        assert_eq!(source.expect("video").video.discontinuities(), 0);
    }
    assert_eq!(
        world.frames(viewer).last().map(|frame| frame.layer),
        Some(1)
    );
}
