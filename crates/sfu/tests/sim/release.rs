//! What is over holds nothing: whoever leaves, and however.

use std::time::Duration;

use xrtc_sfu::{Command, Event, Held, PullOptions, PushOptions, Refused};
use xrtc_testkit::{PublishConfig, Side, ViewConfig};

use crate::world::{World, name, name_at, network};

/// Held by both workers together, without what goes up and down with traffic.
fn held(world: &mut World) -> Held {
    let mut sum = Held::default();
    for worker in 0..world.workers.len() {
        sum += world.held(worker);
    }
    Held {
        cached_packets: 0,
        relay_slots: 0,
        event_slots: 0,
        timers: 0,
        ..sum
    }
}

fn nothing(world: &mut World) {
    for worker in 0..world.workers.len() {
        assert_eq!(world.held(worker), Held::default(), "worker {worker}");
    }
}

#[test]
fn a_viewer_that_vanishes_is_gone_after_the_consent_timeout_and_leaves_nothing() {
    let mut world = World::with_config(2, 1, |config| {
        config.consent_timeout = Duration::from_secs(8)
    });
    let stream = name_at(0, 2);
    world.publish(&stream, PublishConfig::default(), network(20, 0, 0.0));
    let stays = world.view(0, &stream, ViewConfig::default(), network(20, 0, 0.0));
    world.connect_all();
    world.run_ms(500);
    let before = held(&mut world);
    let vanishing = world.view(1, &stream, ViewConfig::default(), network(20, 0, 0.0));
    world.connect_all();
    world.run_ms(500);
    let during = held(&mut world);
    assert_eq!(during.peers, before.peers + 1);
    assert!(during.subscriptions > before.subscriptions && during.addresses > before.addresses);
    world.ends[vanishing].is_gone = true;
    // Its last check may be five seconds old, or just have been.
    world.run_ms(2_500);
    assert_eq!(world.closed_reason(vanishing), None);
    world.run_ms(6_500);
    assert_eq!(world.closed_reason(vanishing), Some("iceTimeout"));
    assert_eq!(held(&mut world), before);
    assert_eq!(world.closed_reason(stays), None);
}

#[test]
fn a_publisher_that_vanishes_leaves_nothing_once_its_viewers_are_gone() {
    let mut world = World::with_config(2, 2, |config| {
        config.consent_timeout = Duration::from_secs(8);
        config.publisher_grace = Duration::from_secs(3);
    });
    let stream = name_at(0, 2);
    let publisher = world.publish(&stream, PublishConfig::default(), network(20, 0, 0.0));
    let viewer = world.view(1, &stream, ViewConfig::default(), network(20, 0, 0.0));
    world.connect_all();
    world.run_ms(500);
    world.ends[publisher].is_gone = true;
    world.run_ms(9_000);
    assert_eq!(world.closed_reason(publisher), Some("iceTimeout"));
    assert_eq!(world.closed_reason(viewer), None);
    world.run_ms(3_000);
    assert_eq!(world.closed_reason(viewer), Some("publisherGone"));
    world.run_ms(100);
    nothing(&mut world);
}

#[test]
fn a_stop_releases_at_once() {
    let mut world = World::new(2, 3);
    let stream = name_at(1, 2);
    let publisher = world.publish(&stream, PublishConfig::default(), network(20, 0, 0.0));
    let viewers = [0, 0, 1]
        .map(|worker| world.view(worker, &stream, ViewConfig::default(), network(20, 0, 0.0)));
    world.connect_all();
    world.run_ms(800);
    for viewer in viewers {
        world.close(viewer);
    }
    world.close(publisher);
    nothing(&mut world);
    // Their checks are not answered any more, and they know that it is over.
    world.run_ms(100);
    assert!(world.ends.iter().all(|end| end.browser.ended().is_some()));
    nothing(&mut world);
}

#[test]
fn whoever_never_connects_is_released_in_time() {
    let mut world = World::with_config(2, 4, |config| {
        config.connect_timeout = Duration::from_secs(4);
        config.answer_timeout = Duration::from_secs(2);
    });
    let stream = name_at(0, 2);
    let publisher = world.publish(&stream, PublishConfig::default(), network(20, 0, 0.0));
    world.connect_all();
    world.run_ms(500);
    let before = held(&mut world);
    let silent = world.view(1, &stream, ViewConfig::default(), network(20, 0, 1.0));
    let (peer, offered) = (world.new_peer(), world.new_peer());
    let options = PullOptions::default();
    world.ask(1, |request| Command::Pull {
        request,
        peer,
        stream: name(&stream),
        options,
    });
    let options = PushOptions::default();
    let other = name(&name_at(0, 2).replace("stream", "other"));
    let home = other.home(2);
    world.ask(home, |request| Command::Push {
        request,
        peer: offered,
        stream: other,
        options,
    });
    assert_eq!(held(&mut world).pending_offers, 2);
    world.run_ms(2_100);
    let reason = |world: &World, id| {
        world.events.iter().find_map(|(_, event)| match event {
            Event::PeerClosed { peer, reason, .. } if *peer == id => Some(reason.name()),
            _ => None,
        })
    };
    assert_eq!(reason(&world, peer), Some("answerTimeout"));
    assert_eq!(reason(&world, offered), Some("answerTimeout"));
    world.run_ms(2_100);
    assert_eq!(world.closed_reason(silent), Some("iceTimeout"));
    assert_eq!(held(&mut world), before);
    assert_eq!(world.closed_reason(publisher), None);
}

#[test]
fn a_shutdown_says_goodbye_to_everybody_and_takes_nobody_more() {
    let mut world = World::new(2, 5);
    let streams = [name_at(0, 2), name_at(1, 2)];
    for stream in &streams {
        world.publish(stream, PublishConfig::default(), network(20, 0, 0.0));
        for worker in 0..2 {
            world.view(worker, stream, ViewConfig::default(), network(20, 0, 0.0));
        }
    }
    world.connect_all();
    world.run_ms(500);
    for worker in 0..2 {
        let reply = world.ask(worker, |request| Command::Shutdown { request });
        assert!(matches!(reply, Event::ShutDown { .. }));
    }
    nothing(&mut world);
    world.run_ms(200);
    assert!(world.ends.iter().all(|end| end.browser.ended().is_some()));
    let offer = world
        .browser(Side::Publish(PublishConfig::default()))
        .create_offer();
    let peer = world.new_peer();
    let options = PushOptions {
        offer: Some(offer),
        ..PushOptions::default()
    };
    let reply = world.ask(0, |request| Command::Push {
        request,
        peer,
        stream: name(&streams[0]),
        options,
    });
    assert!(
        matches!(
            reply,
            Event::Refused {
                refused: Refused::ServerClosed,
                ..
            }
        ),
        "{reply:?}"
    );
}

#[test]
fn a_hundred_publishers_and_viewers_come_and_go_and_leave_nothing() {
    let mut world = World::new(2, 6);
    for round in 0..10 {
        let stream = format!("round-{}", round % 3);
        let publisher = world.publish(&stream, PublishConfig::default(), network(5, 3, 0.02));
        let viewers: Vec<_> = (0..9)
            .map(|index| {
                world.view(
                    index % 2,
                    &stream,
                    ViewConfig::default(),
                    network(5, 3, 0.02),
                )
            })
            .collect();
        world.run_ms(300 + 100 * round);
        for (index, viewer) in viewers.into_iter().enumerate() {
            match index % 3 {
                0 => world.close(viewer),
                1 => world.hang_up(viewer),
                _ => world.ends[viewer].is_gone = true,
            }
        }
        world.close(publisher);
    }
    world.run_ms(35_000);
    nothing(&mut world);
}
