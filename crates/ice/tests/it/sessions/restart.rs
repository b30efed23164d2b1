//! Restarts in the middle of a session.

use std::time::Duration;

use xrtc_ice::{Candidate, Role};

use super::{assert_connected, millis, seconds, seeds};
use crate::network::{Network, credentials, right_address};

#[test]
fn a_restart_moves_to_new_credentials_while_the_path_flows() {
    for (seed, loss) in [(16, 0.0), (17, 0.2), (18, 0.2)] {
        for is_lite in [true, false] {
            let mut network = if is_lite {
                Network::full_to_lite(seed)
            } else {
                Network::full_to_full(Role::Controlling, Role::Controlled, seed)
            };
            network.run(seconds(10));
            network.loss = loss;
            let (old, left, right) = (
                network.right.agent.local().clone(),
                credentials(501),
                credentials(502),
            );
            let now = network.now;
            network.left.agent.restart(now, left.clone());
            network.right.agent.restart(now, right.clone());
            assert_connected(&network, "at the restart");
            // Signalling takes a while; the old path goes on with the old credentials.
            network.run(seconds(40));
            assert_connected(&network, "before the answer");
            assert!(network.right.agent.accepts_ufrag(old.ufrag()));

            network.right.agent.set_remote(left);
            network.left.agent.set_remote(right);
            network
                .left
                .agent
                .add_remote_candidate(&Candidate::host(right_address(), 65535));
            network.run(seconds(60));
            assert_connected(&network, "after the restart");
            assert!(!network.right.agent.accepts_ufrag(old.ufrag()));
            network.run(seconds(300));
            assert_connected(&network, "five minutes later");
        }
    }
}

#[test]
fn a_failed_restart_keeps_the_old_path() {
    let mut network = Network::full_to_lite(19);
    network.run(seconds(10));
    let now = network.now;
    // Only our side restarts, as if the peer had refused.
    network.left.agent.restart(now, credentials(777));
    network.run(seconds(300));
    assert_connected(&network, "five minutes later");
}

#[test]
fn a_restart_revives_a_session_that_has_ended() {
    let mut network = Network::full_to_lite(20);
    network.run(seconds(10));
    network.loss = 1.0;
    network.run(seconds(40));
    assert!(network.left.end().is_some() && network.right.end().is_some());
    network.loss = 0.0;
    let now = network.now;
    let right = credentials(502);
    network.left.agent.restart(now, credentials(501));
    network.right.agent.restart(now, right.clone());
    network.left.agent.set_remote(right);
    network
        .left
        .agent
        .add_remote_candidate(&Candidate::host(right_address(), 65535));
    network.run(seconds(5));
    assert_eq!(network.left.agent.selected(), Some(network.left_path()));
    assert_eq!(network.right.agent.selected(), Some(network.right_path()));
}

/// Restarts both sides, as the peer's offer and our answer would.
fn restart_both(network: &mut Network, generation: u64, signalling: Duration) {
    let (left, right) = (
        credentials(generation * 2 + 10_000),
        credentials(generation * 2 + 10_001),
    );
    let now = network.now;
    network.left.agent.restart(now, left.clone());
    network.run(signalling);
    let now = network.now;
    network.right.agent.restart(now, right.clone());
    network.right.agent.set_remote(left);
    network.run(signalling);
    network.left.agent.set_remote(right);
    network
        .left
        .agent
        .add_remote_candidate(&Candidate::host(right_address(), 65535));
}

#[test]
fn whatever_the_network_does_a_restart_on_a_good_one_connects() {
    for seed in 0..seeds() * 4 {
        let mut network = match seed % 3 {
            0 => Network::full_to_full(Role::Controlling, Role::Controlled, seed),
            1 => Network::full_to_full(Role::Controlled, Role::Controlled, seed),
            _ => Network::full_to_lite(seed),
        };
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut story = Vec::new();
        for step in 0..rng.u64(1..12) {
            let action = rng.u32(0..6);
            story.push(action);
            match action {
                0 => network.loss = rng.f64() * 0.6,
                1 => network.delay = millis(rng.u64(1..800)),
                2 => network.left_public.set_port(rng.u16(1024..)),
                3 => restart_both(&mut network, seed * 100 + step, millis(rng.u64(1..3000))),
                4 => network.drop_responses_to_left = rng.bool(),
                _ => network.run(seconds(rng.u64(1..60))),
            }
            network.run(millis(rng.u64(1..2000)));
        }
        network.loss = 0.0;
        network.delay = millis(50);
        network.drop_responses_to_left = false;
        restart_both(&mut network, seed * 100 + 99, millis(200));
        network.run(seconds(60));
        let story = format!("seed {seed}, {story:?}");
        assert_eq!(
            network.left.agent.selected(),
            Some(network.left_path()),
            "{story}: left"
        );
        assert_eq!(
            network.right.agent.selected(),
            Some(network.right_path()),
            "{story}: right"
        );
        let ends = |network: &Network| network.left.events.len() + network.right.events.len();
        let before = ends(&network);
        network.run(seconds(120));
        assert_eq!(ends(&network), before, "{story}: nothing more happens");
    }
}
