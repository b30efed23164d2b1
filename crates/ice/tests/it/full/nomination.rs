//! A controlling peer that nominates with every check (aggressive nomination, RFC 5245 §8.1.1.2).

use std::time::Duration;

use xrtc_ice::stun::{Builder, Class, IntegrityKey, Message, TransactionId};
use xrtc_ice::{Candidate, Discard, Event, Path, Role};

use super::Client;
use crate::network::{credentials, left_address, right_address};

/// The peer checks `path` and nominates it.
fn nominate(client: &mut Client, path: Path, id: u8) {
    let mut out = [0; 1200];
    let local = credentials(1);
    let len = Builder::new(&mut out, Class::Request, TransactionId([id; 12]))
        .username(local.ufrag(), client.remote.ufrag())
        .priority(1_853_824_767)
        .ice_controlling(7)
        .use_candidate()
        .integrity(&IntegrityKey::new(local.pwd()))
        .fingerprint()
        .finish()
        .unwrap();
    client.agent.handle_datagram(client.now, path, &out[..len]);
}

/// Answers what the agent asks in this time.
fn serve(client: &mut Client, duration: Duration) {
    let end = client.now + duration;
    while client.now < end {
        client.advance(Duration::from_millis(10));
        let mut out = [0; 1200];
        while let Some(sent) = client.agent.poll_transmit(client.now, &mut out) {
            let message = Message::parse(&out[..sent.len]).unwrap();
            if message.class() == Class::Request {
                let request = out[..sent.len].to_vec();
                client.answer(sent.path, &request, Class::Success, |builder| builder);
            }
        }
    }
}

#[test]
fn a_peer_that_nominates_with_every_check_is_followed_to_the_pair_it_checked_last() {
    let mut client = Client::new(Role::Controlled);
    let second = "192.0.2.2:8189".parse().unwrap();
    client
        .agent
        .add_remote_candidate(&Candidate::host(second, 1));
    let paths = [right_address(), second].map(|remote| Path::udp(left_address(), remote));
    for (id, path) in (1..).zip(paths) {
        nominate(&mut client, path, id);
    }
    serve(&mut client, Duration::from_millis(500));
    assert!(paths.iter().all(|path| client.agent.is_validated(*path)));
    let chosen = client.agent.selected().unwrap();
    assert!(paths.contains(&chosen));
    while client.event().is_some() {}
    for (id, path) in (10..).zip([paths[0], paths[1], paths[0]]) {
        nominate(&mut client, path, id);
        serve(&mut client, Duration::from_millis(200));
        assert_eq!(client.agent.selected(), Some(path));
    }
    assert_eq!(client.event(), Some(Event::Selected(paths[0])));
    // It lives on the one that is in use, and on nothing else.
    serve(&mut client, Duration::from_secs(60));
    assert_eq!(client.agent.selected(), Some(paths[0]));
}

#[test]
fn candidates_that_no_check_can_go_to_are_dropped_and_counted() {
    let mut client = Client::new(Role::Controlling);
    for text in [
        "1 1 udp 2113937151 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 54596 typ host",
        "1 1 tcp 1518280447 10.0.0.9 9 typ host tcptype active",
        "1 2 udp 2113937150 10.0.0.9 54597 typ host",
        "1 1 udp 2113937151 0.0.0.0 54596 typ host",
    ] {
        client.agent.add_remote_candidate(&text.parse().unwrap());
    }
    assert_eq!(client.count(Discard::UnusableCandidate), 4);
    // The one that can be used is checked as if they had never been there.
    assert_eq!(client.request().0, Client::path());
    assert!(client.agent.poll_event().is_none());
}
