//! Whole sessions in virtual time.

mod restart;

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_ice::{Agent, AgentConfig, Candidate, CandidateKind, Credentials, Event, Path, Role};
use xrtc_rtp::Time;

use crate::network::{Network, credentials, left_address, right_address};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn both_selected(network: &Network) -> bool {
    network.left.agent.selected().is_some() && network.right.agent.selected().is_some()
}

/// How many seeds to try; `SEEDS=1000` for a long run.
fn seeds() -> u64 {
    std::env::var("SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(50)
}

/// Neither side has ended, and both use the path between the two sockets.
fn assert_connected(network: &Network, story: &str) {
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
    assert_eq!(
        (network.left.end(), network.right.end()),
        (None, None),
        "{story}"
    );
}

#[test]
fn full_and_lite_connect_in_one_round_trip() {
    let mut network = Network::full_to_lite(1);
    assert_eq!(
        network.run_until(seconds(5), both_selected),
        Some(millis(20))
    );
    network.run(seconds(1));
    assert_connected(&network, "after a second");
    assert_eq!(network.left.agent.rtt(), Some(millis(20)));
    // One selection each: the nomination confirms it.
    assert_eq!(
        (network.left.events.len(), network.right.events.len()),
        (1, 1)
    );
}

#[test]
fn two_full_agents_connect_and_the_controlled_one_follows() {
    let mut network = Network::full_to_full(Role::Controlling, Role::Controlled, 1);
    let elapsed = network.run_until(seconds(5), both_selected);
    assert!(
        elapsed.is_some_and(|elapsed| elapsed <= millis(50)),
        "{elapsed:?}"
    );
    network.run(seconds(60));
    assert_connected(&network, "after a minute");
    assert_eq!(
        (network.left.agent.rtt(), network.right.agent.rtt()),
        (Some(millis(20)), Some(millis(20)))
    );
}

#[test]
fn sessions_connect_and_live_at_any_loss_and_delay() {
    for (loss, delay, limit) in [
        (0.0, 10, millis(50)),
        (0.05, 10, seconds(8)),
        (0.2, 10, seconds(16)),
        (0.0, 250, millis(550)),
        (0.05, 250, seconds(8)),
        (0.2, 250, seconds(16)),
    ] {
        let mut late = 0;
        for seed in 0..seeds() {
            let sessions = [
                Network::full_to_lite(seed),
                Network::full_to_full(Role::Controlling, Role::Controlled, seed),
            ];
            for (kind, mut network) in ["lite", "full"].into_iter().zip(sessions) {
                let story = format!("{kind}, loss {loss}, delay {delay} ms, seed {seed}");
                network.loss = loss;
                network.delay = millis(delay);
                if network.run_until(limit, both_selected).is_none() {
                    late += 1;
                    continue;
                }
                network.run(seconds(300));
                assert_connected(&network, &story);
                assert_eq!(network.left.agent.rtt(), Some(millis(2 * delay)), "{story}");
            }
        }
        // Six checks leave in these 16 s (RFC 8489 §6.2.1). At 20 % loss each way all are lost once in 500 sessions.
        let tolerated = if loss < 0.2 { 0 } else { seeds() / 100 };
        assert!(
            late <= tolerated,
            "loss {loss}, delay {delay} ms: {late} sessions took longer than {limit:?}"
        );
    }
}

#[test]
fn a_round_trip_of_half_a_second_is_measured_soon() {
    let mut network = Network::full_to_lite(3);
    network.delay = millis(250);
    let measured = network.run_until(seconds(10), |network| network.left.agent.rtt().is_some());
    // The first check is answered at the very moment of its repetition; the nomination that follows is not repeated.
    assert!(
        measured.is_some_and(|measured| measured <= millis(1500)),
        "{measured:?}"
    );
    assert_eq!(network.left.agent.rtt(), Some(millis(500)));
}

#[test]
fn an_idle_session_costs_a_check_every_five_seconds() {
    let mut network = Network::full_to_lite(4);
    network.run(seconds(10));
    let before = network.left.sent;
    network.run(seconds(1000));
    let sent = network.left.sent - before;
    assert!((190..=210).contains(&sent), "{sent} in 1000 s");
}

#[test]
fn checks_to_nowhere_follow_the_timing_of_rfc8489() {
    let mut network = Network::full_to_lite(5);
    network.blocked.push(network.left_path());
    let mut sent_at = Vec::new();
    let mut sent = 0;
    network.run_until(seconds(29), |network| {
        if network.left.sent > sent {
            sent = network.left.sent;
            sent_at.push(network.now.as_millis());
        }
        false
    });
    assert_eq!(sent_at, [0, 500, 1500, 3500, 7500, 15500]);
    network.run(seconds(2));
    assert_eq!(
        network.left.end(),
        Some((Time::from_millis(30_000), Event::ConnectTimeout))
    );
    assert_eq!(
        network.right.end(),
        Some((Time::from_millis(30_000), Event::ConnectTimeout))
    );
}

#[test]
fn consent_expires_on_both_sides_when_the_network_is_cut() {
    let mut network = Network::full_to_lite(6);
    network.run(seconds(10));
    let cut = network.now;
    network.loss = 1.0;
    network.run(seconds(31));
    // Each side ends exactly 30 s after the last sign that it had, which came at most 6 s before the cut, or was on its
    // way then.
    for side in [&network.left, &network.right] {
        let (at, event) = side.end().unwrap();
        assert_eq!(event, Event::ConsentExpired);
        assert!(
            at > cut + seconds(24) && at <= cut + seconds(30) + network.delay,
            "{at:?}"
        );
        assert_eq!(
            (side.agent.selected(), side.agent.poll_timeout()),
            (None, None)
        );
    }
    let before = network.left.sent;
    network.loss = 0.0;
    network.run(seconds(30));
    assert_eq!(network.left.sent, before, "without consent nothing is sent");
}

#[test]
fn d58_full_agents_consent_expires_exactly_after_the_configured_time() {
    let credentials = (credentials(1), credentials(2));
    let config = |local: &Credentials, role| AgentConfig {
        consent_timeout: seconds(8),
        ..AgentConfig::full(role, local.clone())
    };
    let mut network = Network::new(
        config(&credentials.0, Role::Controlling),
        config(&credentials.1, Role::Controlled),
        7,
    );
    let left = &mut network.left.agent;
    left.add_local_candidate(&Candidate::host(left_address(), 65535));
    left.add_remote_candidate(&Candidate::host(right_address(), 65535));
    left.set_remote(credentials.1);
    network.right.agent.set_remote(credentials.0);
    network.run_until(seconds(1), both_selected);
    network.run(seconds(1));
    assert_connected(&network, "after a second");
    // The nomination was the last exchange: 20 ms for the first check, 20 ms more for it.
    let last_sign = network.left.agent.poll_timeout();
    network.loss = 1.0;
    network.run(seconds(20));
    assert!(last_sign.is_some());
    let (at, event) = network.left.end().unwrap();
    assert_eq!(event, Event::ConsentExpired);
    let last_answer = network.left.events[0].0;
    assert!(at >= last_answer + seconds(8), "{at:?} {last_answer:?}");
    assert!(
        at <= last_answer + seconds(8) + millis(500),
        "{at:?} {last_answer:?}"
    );
}

#[test]
fn d58_inbound_checks_alone_keep_a_full_agent_alive() {
    let mut network = Network::full_to_full(Role::Controlling, Role::Controlled, 8);
    network.run(seconds(2));
    // From now on nothing answers the left side's checks, but the right side's checks arrive.
    let mut deaf = network;
    let answers_blocked = |network: &mut Network| network.drop_responses_to_left = true;
    answers_blocked(&mut deaf);
    deaf.run(seconds(300));
    assert_connected(&deaf, "five minutes without an answer");
}

#[test]
fn d59_rebinding_of_the_translator_moves_the_path_without_a_restart() {
    for (seed, make) in [
        (9, Network::full_to_lite as fn(u64) -> Network),
        (10, |seed| {
            Network::full_to_full(Role::Controlling, Role::Controlled, seed)
        }),
    ] {
        let mut network = make(seed);
        network.run(seconds(20));
        let before = network.right.agent.selected();
        network.left_public = "203.0.113.77:61000".parse().unwrap();
        // The next consent check, at most 6 s away, comes from the new address.
        network.run(seconds(7));
        assert_ne!(network.right.agent.selected(), before);
        network.run(seconds(100));
        assert_connected(&network, "after rebinding");
    }
}

#[test]
fn d53_a_client_without_candidates_is_learnt_from_its_checks() {
    // As in WHIP: the server, full and controlled, knows the client's credentials but no candidate.
    let (client, server) = (credentials(1), credentials(2));
    let mut network = Network::new(
        AgentConfig::full(Role::Controlling, client.clone()),
        AgentConfig::full(Role::Controlled, server.clone()),
        11,
    );
    network.left_public = "203.0.113.5:33333".parse().unwrap();
    let left = &mut network.left.agent;
    left.add_local_candidate(&Candidate::host(left_address(), 65535));
    left.add_remote_candidate(&Candidate::host(right_address(), 65535));
    left.set_remote(server);
    let right = &mut network.right.agent;
    right.add_local_candidate(&Candidate::host(right_address(), 65535));
    right.set_remote(client);
    network.run(seconds(60));
    assert_connected(&network, "learnt");
}

#[test]
fn checks_that_come_before_the_answer_are_answered_and_used_later() {
    let (left, right) = (credentials(1), credentials(2));
    let mut network = Network::new(
        AgentConfig::full(Role::Controlled, left.clone()),
        AgentConfig::full(Role::Controlling, right.clone()),
        12,
    );
    network
        .left
        .agent
        .add_local_candidate(&Candidate::host(left_address(), 65535));
    let agent = &mut network.right.agent;
    agent.add_local_candidate(&Candidate::host(right_address(), 65535));
    agent.add_remote_candidate(&Candidate::host(left_address(), 65535));
    agent.set_remote(left);
    // The left side does not know the right one yet.
    network.run(seconds(3));
    assert!(network.right.agent.selected().is_some());
    assert_eq!(network.left.agent.selected(), None);
    assert!(network.left.agent.is_validated(network.left_path()));
    network.left.agent.set_remote(right);
    network.run(seconds(1));
    assert_connected(&network, "after the answer");
}

#[test]
fn d57_role_conflicts_are_settled_in_both_directions() {
    for role in [Role::Controlling, Role::Controlled] {
        for seed in 0..20 {
            let mut network = Network::full_to_full(role, role, seed);
            network.loss = if seed % 2 == 0 { 0.0 } else { 0.2 };
            network.run(seconds(60));
            assert_connected(&network, &format!("both {role:?}, seed {seed}"));
            assert_ne!(network.left.agent.role(), network.right.agent.role());
        }
    }
}

#[test]
fn the_best_working_pair_is_nominated() {
    let mut network = Network::full_to_lite(13);
    let second: SocketAddr = "10.0.0.1:6000".parse().unwrap();
    network
        .left
        .agent
        .add_local_candidate(&Candidate::host(second, 65534));
    network.blocked.push(network.left_path());
    network.run(seconds(10));
    let path = Path::udp(second, right_address());
    assert_eq!(network.left.agent.selected(), Some(path));
    assert_eq!(
        network.right.agent.selected(),
        Some(Path::udp(right_address(), second))
    );
}

#[test]
fn a_better_pair_that_answers_a_little_later_is_preferred() {
    let mut network = Network::full_to_lite(14);
    let second: SocketAddr = "10.0.0.1:6000".parse().unwrap();
    network
        .left
        .agent
        .add_local_candidate(&Candidate::host(second, 65534));
    // The first check of the better pair is lost.
    network.blocked.push(network.left_path());
    network.run(millis(1));
    network.blocked.clear();
    network.run(millis(100));
    assert_eq!(
        network.left.agent.selected().map(|path| path.local),
        Some(second),
        "provisionally"
    );
    network.run(seconds(5));
    // It is repeated after 500 ms, when the other has been nominated already: patience has an end.
    assert_eq!(
        network.left.agent.selected().map(|path| path.local),
        Some(second)
    );
    assert_eq!(
        network.right.agent.selected().map(|path| path.remote),
        Some(second)
    );
}

#[test]
fn trickled_candidates_are_checked_as_they_come() {
    let mut network = Network::full_to_lite(15);
    let lite = network.right.agent.local().clone();
    let full = credentials(15);
    network.left.agent = Agent::new(AgentConfig::full(Role::Controlling, full), 1, Time::ZERO);
    let left = &mut network.left.agent;
    left.set_remote(lite);
    left.add_local_candidate(&Candidate::host(left_address(), 65535));
    for text in [
        "candidate:1 1 udp 2122260223 192.0.2.99 9 typ host",
        "candidate:2 1 udp 2122260222 3b1b9ae7-ff44.local 9 typ host",
        "candidate:3 1 tcp 1518280447 192.0.2.98 9 typ host tcptype active",
    ] {
        left.add_remote_candidate(&text.parse().unwrap());
    }
    network.run(seconds(3));
    assert_eq!(network.left.agent.selected(), None);
    let reflexive = Candidate {
        kind: CandidateKind::ServerReflexive,
        ..Candidate::host(right_address(), 1)
    };
    network.left.agent.add_remote_candidate(&reflexive);
    network.run(seconds(3));
    assert_connected(&network, "by the candidate that came last");
}

#[test]
fn a_hundred_candidates_keep_the_pace_of_50_ms() {
    let mut network = Network::full_to_lite(21);
    network.blocked.push(network.left_path());
    for port in 1..=60 {
        let address = SocketAddr::new("192.0.2.2".parse().unwrap(), port);
        network
            .left
            .agent
            .add_remote_candidate(&Candidate::host(address, port));
        network.blocked.push(Path::udp(left_address(), address));
    }
    network.run(seconds(1));
    // 21 first checks; those after 500 ms wait longer than that, for all pairs share the pace.
    assert!(
        (20..=22).contains(&network.left.sent),
        "{}",
        network.left.sent
    );
}
