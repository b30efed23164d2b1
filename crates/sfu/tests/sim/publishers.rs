//! Publishers that reload, come back, are replaced or refused, while viewers stay.

use std::time::Duration;

use xrtc_netem::LinkConfig;
use xrtc_rtp::Codec;
use xrtc_sfu::{Command, Event, PushOptions, Refused, StreamState};
use xrtc_testkit::{PublishConfig, ViewConfig};

use crate::world::{EndId, World, name, name_at, network};

fn network_30() -> LinkConfig {
    network(30, 0, 0.0)
}

fn identity(text: &str) -> PushOptions {
    PushOptions {
        identity: Some(text.to_owned()),
        ..PushOptions::default()
    }
}

fn last_state(world: &World) -> Option<StreamState> {
    world
        .events
        .iter()
        .rev()
        .find_map(|(_, event)| match event {
            Event::StreamChanged { state, .. } => Some(*state),
            _ => None,
        })
}

/// The viewer has one audio and one video source, as from the start, and what it saw is continuous.
fn check_continuity(world: &World, viewer: EndId) {
    let browser = &world.ends[viewer].browser;
    let sources = browser.viewer().map_or(&[][..], |viewer| viewer.incoming());
    assert_eq!(sources.len(), 2, "one source of each kind");
    for source in sources {
        assert_eq!(source.video.discontinuities(), 0, "{:?}", source.codec);
        assert_eq!(source.video.broken + source.broken_audio, 0);
    }
    assert_eq!(world.closed_reason(viewer), None);
}

#[test]
fn viewers_go_on_within_two_seconds_when_the_publisher_reloads_five_times() {
    let mut world = World::new(2, 1);
    let stream = name_at(1, 2);
    let publish = PublishConfig::default;
    let mut publisher = world
        .try_publish(&stream, publish(), identity("u1"), network_30())
        .expect("accepted");
    let viewers =
        [0, 1].map(|worker| world.view(worker, &stream, ViewConfig::default(), network_30()));
    world.connect_all();
    world.run_ms(1_500);
    for reload in 0..5 {
        // A page that reloads says goodbye, or does not get to; it is away for a while, or not.
        match reload % 3 {
            0 => world.close(publisher),
            1 => world.hang_up(publisher),
            _ => world.ends[publisher].is_gone = true,
        }
        world.run_ms(400 * (reload % 2));
        publisher = world
            .try_publish(&stream, publish(), identity("u1"), network_30())
            .expect("accepted");
        // Nothing of the one before is under way any more when the next is connected.
        let came_back = world.run_until(Duration::from_secs(2), |world| {
            let connected = world.ends[publisher].browser.connected_at();
            let is_back = |viewer: EndId| {
                let last = world.frames(viewer).last().map(|frame| frame.at);
                last.zip(connected)
                    .is_some_and(|(last, connected)| last > connected)
            };
            viewers.into_iter().all(is_back)
        });
        assert!(came_back, "reload {reload}: no picture within two seconds");
        assert_eq!(last_state(&world), Some(StreamState::Live));
        world.run_ms(1_000);
        for viewer in viewers {
            check_continuity(&world, viewer);
        }
    }
    assert_eq!(world.ends[publisher].browser.ended(), None);
}

#[test]
fn viewers_stay_for_the_grace_and_are_then_ended_with_a_reason() {
    let mut world = World::with_config(2, 2, |config| {
        config.publisher_grace = Duration::from_secs(5)
    });
    let stream = name_at(0, 2);
    let publisher = world.publish(&stream, PublishConfig::default(), network_30());
    let viewers =
        [0, 1].map(|worker| world.view(worker, &stream, ViewConfig::default(), network_30()));
    world.connect_all();
    world.run_ms(500);
    world.close(publisher);
    world.run_ms(4_900);
    assert_eq!(last_state(&world), Some(StreamState::Waiting));
    assert_eq!(
        viewers.map(|viewer| world.closed_reason(viewer)),
        [None, None]
    );
    let refused = world.try_view(1, &stream, ViewConfig::default(), network_30());
    assert_eq!(refused, Err(Refused::StreamNotLive));
    world.run_ms(200);
    assert_eq!(
        viewers.map(|viewer| world.closed_reason(viewer)),
        [Some("publisherGone"); 2]
    );
    let removed = |(_, event): &(usize, Event)| matches!(event, Event::StreamRemoved { .. });
    assert_eq!(
        world.events.iter().filter(|event| removed(event)).count(),
        1
    );
    let refused = world.try_view(1, &stream, ViewConfig::default(), network_30());
    assert_eq!(refused, Err(Refused::UnknownStream));
    world.run_ms(500);
    assert!(
        viewers
            .iter()
            .all(|viewer| world.ends[*viewer].browser.ended().is_some()),
        "close_notify came"
    );
}

#[test]
fn a_stream_that_nobody_watches_ends_with_its_publisher() {
    let mut world = World::new(1, 3);
    let publisher = world.publish("lone", PublishConfig::default(), network_30());
    world.connect_all();
    world.run_ms(300);
    world.hang_up(publisher);
    world.run_ms(100);
    assert_eq!(world.closed_reason(publisher), Some("peerClosed"));
    assert!(
        world
            .events
            .iter()
            .any(|(_, event)| matches!(event, Event::StreamRemoved { .. }))
    );
}

#[test]
fn a_live_stream_takes_no_second_publisher_unless_it_may_be_replaced() {
    let mut world = World::new(1, 4);
    let first = world
        .try_publish("x", PublishConfig::default(), identity("a"), network_30())
        .expect("accepted");
    let viewer = world.view(0, "x", ViewConfig::default(), network_30());
    world.connect_all();
    world.run_ms(500);
    for options in [PushOptions::default(), identity("b")] {
        let refused = world.try_publish("x", PublishConfig::default(), options, network_30());
        assert_eq!(refused, Err(Refused::StreamInUse));
    }
    let replacing = PushOptions {
        replace: true,
        ..identity("b")
    };
    world
        .try_publish("x", PublishConfig::default(), replacing, network_30())
        .expect("replaced");
    assert_eq!(world.closed_reason(first), Some("publisherReplaced"));
    world.connect_all();
    world.run_ms(1_000);
    check_continuity(&world, viewer);
}

#[test]
fn a_publisher_that_is_silent_for_two_seconds_is_replaced_by_anybody() {
    let mut world = World::new(1, 5);
    let first = world
        .try_publish("x", PublishConfig::default(), identity("a"), network_30())
        .expect("accepted");
    world.connect_all();
    world.run_ms(500);
    world.ends[first].is_gone = true;
    world.run_ms(1_900);
    let refused = world.try_publish("x", PublishConfig::default(), identity("b"), network_30());
    assert_eq!(refused, Err(Refused::StreamInUse));
    world.run_ms(200);
    world
        .try_publish("x", PublishConfig::default(), identity("b"), network_30())
        .expect("replaced");
    assert_eq!(world.closed_reason(first), Some("publisherReplaced"));
}

#[test]
fn a_viewer_that_cannot_decode_the_next_publisher_is_ended_and_the_other_goes_on() {
    let mut world = World::new(2, 6);
    let stream = name_at(0, 2);
    let first = world.publish(&stream, PublishConfig::default(), network_30());
    let both = world.view(1, &stream, ViewConfig::default(), network_30());
    let vp8 = ViewConfig {
        codecs: vec![Codec::Vp8],
        ..ViewConfig::default()
    };
    let only_vp8 = world.view(1, &stream, vp8.clone(), network_30());
    world.connect_all();
    world.run_ms(500);
    world.close(first);
    let h264 = PublishConfig {
        codec: Codec::H264,
        ..PublishConfig::default()
    };
    world.publish(&stream, h264, network_30());
    world.connect_all();
    world.run_ms(1_500);
    assert_eq!(world.closed_reason(only_vp8), Some("incompatibleCodec"));
    assert_eq!(world.closed_reason(both), None);
    let sources = world.ends[both]
        .browser
        .viewer()
        .map_or(&[][..], |viewer| viewer.incoming());
    let frames = |codec| {
        sources
            .iter()
            .find(|source| source.codec == codec)
            .map_or(0, |s| s.video.frames().len())
    };
    assert!(frames(Codec::Vp8) > 5 && frames(Codec::H264) > 20);
    // Who comes now is told at once.
    let refused = world.try_view(1, &stream, vp8, network_30());
    let Err(Refused::NoCommonCodec { live, offered, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        live[0].starts_with("H264") && offered == ["VP8"],
        "{live:?} {offered:?}"
    );
}

#[test]
fn closing_a_stream_ends_everybody_everywhere() {
    let mut world = World::new(2, 7);
    let stream = name_at(1, 2);
    let publisher = world.publish(&stream, PublishConfig::default(), network_30());
    let viewers =
        [0, 1].map(|worker| world.view(worker, &stream, ViewConfig::default(), network_30()));
    world.connect_all();
    world.run_ms(300);
    let empty = [0, 1]
        .map(|worker| world.held(worker))
        .map(|held| held.peers);
    assert_eq!(empty, [1, 2]);
    world.command(
        1,
        Command::CloseStream {
            stream: name(&stream),
            reason: "over".to_owned(),
        },
    );
    for end in [publisher, viewers[0], viewers[1]] {
        assert_eq!(world.closed_reason(end), Some("streamClosed"));
    }
    let details = world.events.iter().filter_map(|(_, event)| match event {
        Event::PeerClosed { detail, .. } => Some(detail.as_str()),
        _ => None,
    });
    assert_eq!(details.collect::<Vec<_>>(), ["over"; 3]);
    world.run_ms(200);
    for worker in 0..2 {
        let held = world.held(worker);
        assert_eq!(
            (held.peers, held.streams, held.remote_streams, held.timers),
            (0, 0, 0, 0),
            "{held:?}"
        );
    }
    assert!(
        world.ends.iter().all(|end| end.browser.ended().is_some()),
        "everybody was told"
    );
}
