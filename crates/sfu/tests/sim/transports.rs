//! Paths that change and ICE that restarts, while media flows.

use std::sync::Arc;
use std::time::Duration;

use xrtc_sfu::{Class, Command, ConnectionState, Event, Refused, Tag};
use xrtc_testkit::{PublishConfig, ViewConfig};

use crate::world::{EndId, World, name_at, network, settings};

fn playing() -> (World, [EndId; 2]) {
    let mut world = World::new(2, 1);
    let stream = name_at(0, 2);
    let publisher = world.publish(&stream, PublishConfig::default(), network(20, 0, 0.0));
    let viewer = world.view(1, &stream, ViewConfig::default(), network(20, 0, 0.0));
    world.connect_all();
    world.run_ms(1_000);
    (world, [publisher, viewer])
}

fn trickle(world: &mut World, end: EndId, fragment: &str) -> Event {
    let (worker, peer) = (world.ends[end].worker, world.ends[end].peer);
    let fragment = fragment.to_owned();
    world.ask(worker, |request| Command::Trickle {
        request,
        peer,
        fragment,
    })
}

fn states(world: &World, end: EndId) -> Vec<ConnectionState> {
    let peer = world.ends[end].peer;
    let states = world.events.iter().filter_map(|(_, event)| match event {
        Event::PeerState {
            peer: other,
            connection,
            ..
        } if *other == peer => Some(*connection),
        _ => None,
    });
    states.collect()
}

#[test]
fn ice_restarts_on_both_legs_without_a_gap() {
    let (mut world, ends) = playing();
    let frames = world.frames(ends[1]).len();
    for (round, end) in [ends[0], ends[1], ends[1]].into_iter().enumerate() {
        let ufrags: u64 = (0..2).map(|worker| world.held(worker).ufrags).sum();
        assert_eq!(ufrags, 2, "round {round}: the old ones are released");
        let fragment = world.ends[end].browser.restart_ice(world.now);
        let reply = trickle(&mut world, end, &fragment);
        let Event::Restarted {
            fragment,
            ice_session,
            ..
        } = reply
        else {
            panic!("{reply:?}")
        };
        assert!(
            fragment.contains(&format!("a=ice-ufrag:{ice_session}\r\n")),
            "{fragment}"
        );
        assert!(
            fragment.contains("a=ice-lite\r\n") && fragment.contains("typ host"),
            "{fragment}"
        );
        world.ends[end]
            .browser
            .set_restart_reply(&fragment)
            .expect("usable reply");
        world.run_ms(1_500);
    }
    assert_eq!(
        (0..2).map(|worker| world.held(worker).ufrags).sum::<u64>(),
        2
    );
    let received = &world.frames(ends[1])[frames..];
    assert!(received.len() > 120, "{}", received.len());
    assert!(
        received
            .windows(2)
            .all(|pair| pair[1].frame == pair[0].frame + 1),
        "no frame is missing"
    );
}

#[test]
fn candidates_are_taken_quietly_and_broken_fragments_change_nothing() {
    let (mut world, ends) = playing();
    let local = world.ends[ends[0]]
        .browser
        .transport()
        .ice()
        .local()
        .clone();
    let head = format!(
        "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n",
        local.ufrag(),
        local.pwd()
    );
    for candidate in [
        "candidate:1 1 udp 2130706431 192.168.1.9 50000 typ host",
        "candidate:1 1 udp 2130706431 a1b2c3d4-0000-4000-8000-0123456789ab.local 50000 typ host",
        "candidate:2 1 tcp 1518280447 192.168.1.9 9 typ host tcptype active",
    ] {
        let reply = trickle(&mut world, ends[0], &format!("{head}a={candidate}\r\n"));
        assert!(matches!(reply, Event::Accepted { .. }), "{reply:?}");
    }
    for broken in [
        "",
        "nonsense",
        "a=ice-ufrag:ab\r\na=ice-pwd:short\r\n",
        "a=ice-ufrag:abcdefgh\r\n",
    ] {
        let reply = trickle(&mut world, ends[0], broken);
        let Event::Refused {
            refused: Refused::InvalidFragment { .. },
            ..
        } = reply
        else {
            panic!("{reply:?}")
        };
    }
    world.run_ms(1_000);
    assert_eq!(
        states(&world, ends[0]).last(),
        Some(&ConnectionState::Connected)
    );
}

#[test]
fn a_nat_that_forgets_costs_no_session() {
    let (mut world, ends) = playing();
    for (round, end) in [ends[1], ends[0]].into_iter().enumerate() {
        let addresses: u64 = (0..2).map(|worker| world.held(worker).addresses).sum();
        world.ends[end].nat.set_port(40_000 + round as u16);
        // The next consent check of a browser comes within six seconds and moves the path.
        let moved = world.run_until(Duration::from_secs(8), |world| {
            world
                .frames(ends[1])
                .last()
                .is_some_and(|frame| world.now.since(frame.at) < Duration::from_millis(50))
                && (0..2).all(|_| true)
        });
        assert!(moved);
        world.run_ms(7_000);
        let last = world.frames(ends[1]).last().expect("frames").at;
        assert!(
            world.now.since(last) < Duration::from_millis(200),
            "round {round}: the picture came back"
        );
        let after: u64 = (0..2).map(|worker| world.held(worker).addresses).sum();
        assert_eq!(after, addresses + 1);
    }
    assert!(
        states(&world, ends[1])
            .iter()
            .all(|state| *state != ConnectionState::Failed)
    );
}

#[test]
fn a_peer_that_is_not_heard_is_shown_as_disconnected_and_as_connected_again() {
    let (mut world, ends) = playing();
    world.ends[ends[1]].is_gone = true;
    world.run_ms(12_000);
    assert_eq!(
        states(&world, ends[1]).last(),
        Some(&ConnectionState::Disconnected)
    );
    world.ends[ends[1]].is_gone = false;
    world.run_ms(3_000);
    assert_eq!(
        states(&world, ends[1]).last(),
        Some(&ConnectionState::Connected)
    );
    let order = states(&world, ends[1]);
    assert_eq!(
        order.first(),
        Some(&ConnectionState::Connecting),
        "{order:?}"
    );
}

#[test]
fn a_peer_that_moves_on_and_on_keeps_a_bounded_number_of_addresses() {
    let (mut world, ends) = playing();
    for port in 0..20 {
        world.ends[ends[1]].nat.set_port(41_000 + port);
        world.run_ms(6_000);
        let addresses: u64 = (0..2).map(|worker| world.held(worker).addresses).sum();
        assert!(addresses <= 1 + 8, "{addresses}");
    }
    let last = world.frames(ends[1]).last().expect("frames").at;
    assert!(world.now.since(last) < Duration::from_millis(200));
}

#[test]
fn what_the_driver_gives_up_costs_the_viewer_a_key_frame_and_is_counted() {
    let (mut world, ends) = playing();
    let requests = |world: &World| {
        let publisher = world.ends[ends[0]].browser.publisher();
        publisher.map_or(0, |publisher| publisher.feedback().key_frame_requests)
    };
    let before = requests(&world);
    let (worker, peer) = (world.ends[ends[1]].worker, world.ends[ends[1]].peer);
    for (class, asked) in [(Class::Audio, 0), (Class::Control, 0), (Class::Video, 1)] {
        let now = world.now;
        world.workers[worker]
            .sfu
            .transmit_dropped(now, Tag { peer, class }, 3);
        world.flush();
        world.run_ms(300);
        assert_eq!(requests(&world) - before, asked, "{class:?}");
    }
    assert_eq!(world.counter(worker, "demux.transmitDropped"), 9);
}

/// Each leg by itself: a viewer with Cryptex of a publisher without, and the other way around.
#[test]
fn header_extensions_are_encrypted_on_the_legs_that_offer_it() {
    for cryptex in [true, false] {
        let mut world = World::new(2, 1);
        let stream = name_at(0, 2);
        let publish = PublishConfig {
            cryptex,
            ..PublishConfig::default()
        };
        world.publish(&stream, publish, network(20, 0, 0.0));
        let viewers = [cryptex, !cryptex].map(|cryptex| {
            let view = ViewConfig {
                cryptex,
                ..ViewConfig::default()
            };
            world.view(1, &stream, view, network(20, 0, 0.01))
        });
        world.connect_all();
        world.run_ms(3_000);
        for viewer in viewers {
            assert!(
                world.frames(viewer).len() > 60,
                "{}",
                world.frames(viewer).len()
            );
        }
    }
}

/// The certificate that this end's server showed in its first description.
fn fingerprint(world: &World, end: EndId) -> String {
    let lines = world.ends[end].answer.lines();
    let mut lines = lines.filter_map(|line| line.strip_prefix("a=fingerprint:sha-256 "));
    lines.next().expect("a fingerprint").to_owned()
}

#[test]
fn a_replaced_certificate_is_for_new_peers_only() {
    let (mut world, [_, viewer]) = playing();
    let stream = name_at(0, 2);
    let frames = world.frames(viewer).len();
    let dtls = settings();
    let next = dtls.fingerprint_sha256();
    for worker in 0..2 {
        let dtls = Arc::clone(&dtls);
        world.command(worker, Command::SetDtls { dtls });
    }
    let later = world.view(1, &stream, ViewConfig::default(), network(20, 0, 0.0));
    assert_eq!(fingerprint(&world, later), next);
    assert_ne!(fingerprint(&world, viewer), next);
    // The old one goes on, also through a restart of its ICE.
    let fragment = world.ends[viewer].browser.restart_ice(world.now);
    let reply = trickle(&mut world, viewer, &fragment);
    assert!(matches!(reply, Event::Restarted { .. }), "{reply:?}");
    world.connect_all();
    world.run_ms(1_000);
    assert!(world.frames(viewer).len() > frames + 20);
    assert!(world.frames(later).len() > 20);
}
