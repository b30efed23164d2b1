//! Which path is used, and how long.

use std::time::Duration;

use xrtc_ice::{Agent, AgentConfig, Discard, Event};
use xrtc_rtp::Time;

use super::{Answer, HOME, MOBILE, Request, Server};
use crate::network::credentials;

#[test]
fn d59_use_candidate_moves_the_path_without_a_restart() {
    let mut server = Server::new();
    let home = server.request(HOME).nominating();
    server.check(&home);
    server.events();
    let mobile = server.request(MOBILE);
    assert_eq!(
        server.check(&mobile),
        Answer::Success(MOBILE.parse().unwrap())
    );
    assert_eq!(
        server.events(),
        [],
        "a check alone moves nothing while the selected path lives"
    );
    server.check(&mobile.nominating());
    assert_eq!(server.selected().as_deref(), Some(MOBILE));
    // And back.
    server.check(&home);
    assert_eq!(server.selected().as_deref(), Some(HOME));
}

#[test]
fn an_older_numbered_nomination_moves_nothing() {
    let mut server = Server::new();
    let (home, mobile) = (server.request(HOME), server.request(MOBILE));
    server.check(&home.clone().numbered(5));
    server.check(&mobile.clone().numbered(4));
    assert_eq!(server.selected().as_deref(), Some(HOME));
    server.check(&mobile.numbered(6));
    assert_eq!(server.selected().as_deref(), Some(MOBILE));
    server.check(&home.numbered(5));
    assert_eq!(server.selected().as_deref(), Some(MOBILE));
}

#[test]
fn a_silent_path_gives_way_to_a_checked_one_without_nomination() {
    let mut server = Server::new();
    let home = server.request(HOME);
    server.check(&home);
    let mobile = server.request(MOBILE);
    for _ in 0..12 {
        server.advance(1);
        server.check(&mobile);
        assert_eq!(server.selected().as_deref(), Some(HOME));
    }
    server.advance(1);
    server.check(&mobile);
    assert_eq!(server.selected().as_deref(), Some(MOBILE));
}

#[test]
fn at_most_eight_paths_are_kept_and_the_selected_one_always() {
    let mut server = Server::new();
    server.check(&server.request(HOME).nominating());
    let paths: Vec<_> = (1..=20)
        .map(|port| server.request(&format!("203.0.113.9:{port}")))
        .collect();
    for request in &paths {
        server.now += Duration::from_millis(1);
        server.check(request);
    }
    assert_eq!(server.agent.validated().count(), 8);
    assert!(server.agent.is_validated(server.request(HOME).path));
    assert!(server.agent.is_validated(paths[19].path));
    assert!(
        !server.agent.is_validated(paths[0].path),
        "the longest silent one went first"
    );
}

#[test]
fn a_path_without_checks_for_the_consent_time_is_forgotten() {
    let mut server = Server::new();
    let (home, mobile) = (server.request(HOME).nominating(), server.request(MOBILE));
    server.check(&mobile);
    for _ in 0..6 {
        server.check(&home);
        server.advance(5);
    }
    assert!(server.agent.is_validated(mobile.path));
    server.check(&home);
    assert!(!server.agent.is_validated(mobile.path));
}

#[test]
fn d58_consent_expires_exactly_30_s_after_the_last_check() {
    let mut server = Server::new();
    let request = server.request(HOME);
    server.check(&request);
    server.advance(20);
    server.check(&request);
    server.events();
    let expiry = server.now + Duration::from_secs(30);
    assert_eq!(server.agent.poll_timeout(), Some(expiry));
    server
        .agent
        .handle_timeout(expiry - Duration::from_nanos(1));
    assert_eq!(server.events(), []);
    server.agent.handle_timeout(expiry);
    assert_eq!(server.events(), [Event::ConsentExpired]);
    assert_eq!(
        (server.agent.selected(), server.agent.poll_timeout()),
        (None, None)
    );
    assert!(!server.agent.is_validated(request.path));
    // It is over: later checks are not answered.
    server.now = expiry;
    assert_eq!(server.check(&request), Answer::Nothing);
    assert_eq!(server.agent.counters().get(Discard::Expired), 1);
}

#[test]
fn d58_unauthenticated_requests_do_not_prolong_consent() {
    let mut server = Server::new();
    server.check(&server.request(HOME));
    let expiry = server.agent.poll_timeout();
    server.advance(10);
    let forged = Request {
        password: Some("x".repeat(24)),
        ..server.request(HOME)
    };
    server.check(&forged);
    assert_eq!(server.agent.poll_timeout(), expiry);
}

#[test]
fn the_consent_time_is_the_configured_one() {
    let local = credentials(1);
    let config = AgentConfig {
        consent_timeout: Duration::from_secs(7),
        connect_timeout: Duration::from_secs(3),
        ..AgentConfig::lite(local.clone())
    };
    let mut server = Server {
        agent: Agent::new(config, 0, Time::ZERO),
        local,
        ..Server::new()
    };
    assert_eq!(server.agent.poll_timeout(), Some(Time::from_millis(3000)));
    server.check(&server.request(HOME));
    assert_eq!(server.agent.poll_timeout(), Some(Time::from_millis(7000)));
}

#[test]
fn without_any_check_the_connect_timeout_ends_it() {
    let mut server = Server::new();
    server.advance(29);
    assert_eq!(server.events(), []);
    server.advance(1);
    assert_eq!(server.events(), [Event::ConnectTimeout]);
    server.advance(100);
    assert_eq!(server.events(), []);
}

#[test]
fn an_overheard_check_moves_nothing_and_is_not_answered() {
    let mut server = Server::new();
    let home = server.request(HOME).nominating();
    let overheard = server.bytes(&home);
    let mut take = |remote: &str| {
        let path = server.request(remote).path();
        server.agent.handle_datagram(server.now, path, &overheard);
        let mut out = [0; 1200];
        let answer = server.agent.poll_transmit(server.now, &mut out);
        (answer.is_some(), server.selected())
    };
    assert_eq!(take(HOME), (true, Some(HOME.to_owned())));
    assert_eq!(take(MOBILE), (false, Some(HOME.to_owned())));
    // Its sender may repeat it.
    assert_eq!(take(HOME), (true, Some(HOME.to_owned())));
    assert_eq!(server.agent.counters().get(Discard::ReplayedCheck), 1);
    // A new check from there is the peer's own, which has moved.
    let mobile = server.request(MOBILE).nominating();
    server.check(&mobile);
    assert_eq!(server.selected().as_deref(), Some(MOBILE));
}
