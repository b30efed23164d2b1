//! One port for all workers: what the kernel hands to the wrong one crosses.

use std::collections::HashMap;

use xrtc_rtp::MediaKind;
use xrtc_sfu::{Command, Event, PeerId, WorkerId};
use xrtc_worker::{Backend, ServerConfig, WorkerEvent};

use crate::outside::loopback;
use crate::scene::{Scene, pictures};

fn total(scene: &Scene, name: &str) -> u64 {
    let counters = scene.app.server.counters();
    counters
        .flat_map(|counters| counters.named())
        .filter(|(other, _)| *other == name)
        .map(|(_, count)| count)
        .sum()
}

/// Ends these peers and waits until they are gone.
fn close_all(scene: &mut Scene, peers: &[PeerId]) {
    for peer in peers {
        let worker = scene.app.server.worker_of(*peer);
        let reason = String::new();
        let command = Command::ClosePeer {
            peer: *peer,
            reason,
        };
        scene.app.server.send(worker, command).unwrap();
    }
    for _ in peers {
        scene.app.wait(|_, event| {
            matches!(event, WorkerEvent::Sfu(Event::PeerClosed { .. })).then_some(())
        });
    }
}

fn plays_across_workers(backend: Backend) {
    let mut scene = Scene::new(ServerConfig {
        workers: 4,
        backend,
        ..loopback()
    });
    let streams = ["one", "two", "three", "four"];
    let mut peers = Vec::new();
    let publishers = streams.map(|stream| {
        let (publisher, peer) = scene.publish(stream);
        peers.push(peer);
        publisher
    });
    scene.browsers.run_until("publishers connect", |ends| {
        publishers
            .iter()
            .all(|publisher| ends[*publisher].1.connected_at().is_some())
    });
    let viewers: Vec<_> = (0..12)
        .map(|n| scene.view(streams[n % 4], n as u64))
        .collect();
    let mut spread: HashMap<WorkerId, usize> = HashMap::new();
    for (_, peer) in &viewers {
        peers.push(*peer);
        *spread.entry(scene.app.server.worker_of(*peer)).or_default() += 1;
    }
    assert!(spread.values().max() <= Some(&4), "{spread:?}");
    scene.browsers.run_until("pictures for all", |ends| {
        viewers
            .iter()
            .all(|(viewer, _)| pictures(&ends[*viewer].1) >= 30)
    });
    for (viewer, _) in &viewers {
        let viewer = scene.browsers.get(*viewer).viewer().unwrap();
        let video = viewer.source(MediaKind::Video).unwrap();
        assert_eq!((video.video.broken, viewer.nacks), (0, 0));
    }
    // Sixteen addresses that a hash has spread over four workers: all of them at home is not to be expected.
    assert!(total(&scene, "passedOn") > 0);
    assert!(total(&scene, "detours") > 0);
    assert_eq!(
        (total(&scene, "passDropped"), total(&scene, "checksRefused")),
        (0, 0)
    );
    close_all(&mut scene, &peers);
    for worker in 0..4 {
        let over = scene
            .app
            .counters_when(WorkerId(worker), |count| count("detours") == 0);
        assert_eq!(over("restarts"), 0);
    }
}

#[test]
fn streams_play_across_workers_and_no_detour_is_left() {
    plays_across_workers(Backend::Native);
}

#[test]
fn streams_play_across_workers_through_the_portable_backend() {
    plays_across_workers(Backend::Portable);
}

#[test]
fn forged_checks_for_another_workers_peer_are_counted_and_cross_to_nobody() {
    let mut scene = Scene::new(ServerConfig {
        workers: 2,
        ..loopback()
    });
    let (pushed, offer) = scene.app.push("lobby", None);
    let ufrag = offer
        .lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"))
        .unwrap()
        .to_owned();
    let server = scene.app.address(0);
    let forged = crate::garbage::binding_request(&format!("{ufrag}:me"));
    const STRANGERS: u64 = 64;
    for _ in 0..STRANGERS {
        let stranger = crate::garbage::stranger();
        stranger.send_to(&forged, server).unwrap();
    }
    let home = scene.app.server.worker_of(pushed);
    let (mut answered, mut refused) = (0, 0);
    while answered + refused < STRANGERS {
        let at_home = scene.app.counters_when(home, |_| true);
        let there = scene.app.counters_when(WorkerId(1 - home.0), |_| true);
        (answered, refused) = (at_home("ice.missingIntegrity"), there("checksRefused"));
        assert_eq!((there("passedOn"), there("detours")), (0, 0));
    }
    assert!(refused > 0 && answered > 0, "{refused} {answered}");
    assert_eq!(answered + refused, STRANGERS);
}
