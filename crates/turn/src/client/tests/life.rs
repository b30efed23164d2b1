//! From the first request to the farewell.

use std::time::Duration;

use allocation_counter::measure;

use super::super::{Received, TurnEvent, TurnFailure};
use super::scene::*;

#[test]
fn an_allocation_is_had_used_and_given_back() {
    let mut scene = Scene::new(0.0, 1);
    assert!(scene.send(PEER, b"early").is_none(), "there is no way yet");
    scene.seconds(1);
    let relayed = address("203.0.113.1:50000");
    let mapped = Some(address("198.51.100.7:4000"));
    assert_eq!(scene.events, [TurnEvent::Allocated { relayed, mapped }]);
    assert_eq!(scene.client.relayed(), Some(relayed));
    assert_eq!(scene.asked.len(), 2, "with the challenge, and nothing more");

    // The first datagram overtakes nothing: its permission was asked for before it.
    assert_eq!(scene.send(PEER, b"hello"), Some(20 + 12 + 12));
    scene.seconds(1);
    assert_eq!(scene.at_peer, [(address(PEER), b"hello".to_vec())]);
    scene.hear(PEER, b"by indication");
    scene.send(PEER, b"asks for a channel");
    scene.seconds(1);
    assert_eq!(scene.send(PEER, b"hello"), Some(4 + 5));
    scene.hear(PEER, b"by channel");
    scene.hear("9.9.9.9:9", b"a stranger");
    scene.seconds(1);
    let heard: Vec<&[u8]> = scene.at_client.iter().map(|(_, data)| &data[..]).collect();
    assert_eq!(heard, [&b"by indication"[..], b"by channel"]);
    assert!(
        scene
            .at_client
            .iter()
            .all(|(peer, _)| *peer == address(PEER))
    );
    assert_eq!(scene.at_peer.len(), 3);

    scene.client.close(scene.now);
    assert!(!scene.client.is_over() && scene.client.relayed().is_none());
    scene.seconds(1);
    assert!(scene.client.is_over());
    assert_eq!((scene.released, scene.client.poll_timeout()), (1, None));
    assert_eq!(scene.server.counters().allocations, 0);
}

#[test]
fn what_goes_by_a_channel_allocates_nothing() {
    let mut scene = Scene::new(0.0, 1);
    scene.seconds(1);
    for asks_for in ["a permission", "a channel"] {
        assert!(scene.send(PEER, asks_for.as_bytes()).is_some());
        scene.seconds(1);
    }
    let (now, peer) = (scene.now, address(PEER));
    let mut out = [0; 1_500];
    let counted = measure(|| {
        for _ in 0..100 {
            let route = scene.client.route(now, peer, true).unwrap();
            let len = scene.client.frame(route, &[0x80; 1_200], &mut out).unwrap();
            assert_eq!(len, 4 + 1_200);
            let back = scene.client.handle_datagram(now, &out[..len]);
            assert_eq!(back, Received::Data { peer, data: 4..len });
        }
    });
    assert_eq!(counted.count_total, 0);
}

/// Three hours: the nonce ends three times, the permission 36 times, the channel 18 times.
#[test]
fn at_20_percent_loss_an_allocation_and_its_peer_live_for_hours() {
    for seed in 0..30 {
        let mut scene = Scene::new(0.2, seed);
        scene.seconds(40);
        assert!(scene.client.relayed().is_some(), "seed {seed}");
        let (mut sent, mut by_channel) = (0, 0);
        for _ in 0..3 * 720 {
            let len = scene.send(PEER, &[0x80; 100]);
            by_channel += usize::from(len == Some(104));
            sent += usize::from(len.is_some());
            scene.hear(PEER, &[0x80; 100]);
            scene.seconds(5);
        }
        assert_eq!(sent, 2_160, "seed {seed}");
        assert!(by_channel > 2_100, "seed {seed}: {by_channel}");
        // 80 % would be all that the links let through.
        let share = |count: usize| count as f64 / 2_160.0;
        let (to, from) = (share(scene.at_peer.len()), share(scene.at_client.len()));
        assert!(to > 0.75 && from > 0.75, "seed {seed}: {to} {from}");
        let counters = scene.server.counters();
        assert!(counters.stale_nonces > 0 && counters.allocations_made == 1);
        assert_eq!((counters.permissions, counters.channels), (1, 1));
        assert_eq!(scene.events.len(), 1, "seed {seed}: {:?}", scene.events);
    }
}

#[test]
fn a_peer_that_nobody_sends_to_ends_and_comes_back_when_somebody_does() {
    let mut scene = Scene::new(0.0, 1);
    scene.seconds(1);
    for _ in 0..3 {
        scene.send(PEER, b"hello");
        scene.seconds(1);
    }
    scene.seconds(700);
    let counters = scene.server.counters();
    assert_eq!((counters.permissions, counters.channels), (0, 0));
    assert_eq!(counters.allocations, 1, "it is kept all the same");
    let asked = scene.asked.len();
    scene.send(PEER, b"again");
    scene.seconds(1);
    assert_eq!(scene.at_peer.last().unwrap().1, b"again");
    assert_eq!(scene.asked.len(), asked + 2, "a permission and a channel");
}

#[test]
fn a_farewell_arrives_at_20_percent_loss() {
    let released = (0..200).filter(|seed| {
        let mut scene = Scene::new(0.2, *seed);
        scene.seconds(40);
        scene.client.close(scene.now);
        scene.seconds(3);
        assert!(scene.client.is_over(), "seed {seed}");
        scene.released == 1
    });
    assert!(released.count() >= 195);
}

#[test]
fn who_leaves_before_the_answer_releases_what_it_grants() {
    let mut scene = Scene::new(0.0, 1);
    scene.run_for(Duration::from_millis(70));
    assert!(scene.client.relayed().is_none() && scene.asked.len() == 2);
    scene.client.close(scene.now);
    scene.seconds(3);
    assert_eq!(
        (scene.server.counters().allocations_made, scene.released),
        (1, 1)
    );
    assert!(scene.client.is_over() && scene.events.is_empty());

    let mut scene = Scene::new(0.0, 1);
    scene.client.close(scene.now);
    assert!(scene.client.is_over(), "nothing was asked with credentials");
}

#[test]
fn a_server_that_has_forgotten_the_allocation_is_noticed() {
    let mut scene = Scene::new(0.0, 1);
    scene.seconds(1);
    scene.server = server(|_| {}, 8);
    scene.send(PEER, b"hello");
    scene.seconds(1);
    let lost = TurnEvent::Failed(TurnFailure::Refused { code: 437 });
    assert_eq!(scene.events.last(), Some(&lost));
    assert!(scene.client.is_over() && scene.send(PEER, b"hello").is_none());
}
