//! How a gatherer asks STUN servers, and what it makes of their answers.

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_ice::stun::{Builder, Class, Message, TransactionId};
use xrtc_ice::{CandidateKind, Gatherer, Path};
use xrtc_rtp::Time;

const START: Time = Time::from_millis(1_000);

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn gatherer(locals: &[&str], servers: &[&str]) -> Gatherer {
    let locals: Vec<_> = locals.iter().map(|text| address(text)).collect();
    let servers: Vec<_> = servers.iter().map(|text| address(text)).collect();
    Gatherer::new(&locals, &servers, Duration::from_secs(1), 7, START)
}

/// Everything that is due, as paths and transactions.
fn sent(gatherer: &mut Gatherer, now: Time) -> Vec<(Path, TransactionId)> {
    let mut out = [0; 64];
    let mut sent = Vec::new();
    while let Some(transmit) = gatherer.poll_transmit(now, &mut out) {
        let message = Message::parse(&out[..transmit.len]).unwrap();
        assert_eq!(message.class(), Class::Request);
        sent.push((transmit.path, message.transaction_id()));
    }
    sent
}

fn response(id: TransactionId, mapped: &str) -> Vec<u8> {
    let mut out = [0; 64];
    let builder = Builder::new(&mut out, Class::Success, id);
    let len = builder
        .xor_mapped_address(address(mapped))
        .finish()
        .unwrap();
    out[..len].to_vec()
}

#[test]
fn every_server_is_asked_from_the_socket_of_its_family() {
    let servers = ["192.0.2.1:3478", "[2001:db8::1]:3478", "192.0.2.2:3478"];
    let mut gatherer = gatherer(&["0.0.0.0:5000", "[::]:6000"], &servers);
    let sent = sent(&mut gatherer, START);
    let asked: Vec<_> = sent
        .iter()
        .map(|(path, _)| (path.local.port(), path.remote.to_string()))
        .collect();
    let expected = [
        (5000, "192.0.2.1:3478"),
        (5000, "192.0.2.2:3478"),
        (6000, "[2001:db8::1]:3478"),
    ];
    assert_eq!(asked, expected.map(|(port, remote)| (port, remote.into())));
}

#[test]
fn a_lost_request_is_repeated_until_patience_ends() {
    let mut gatherer = gatherer(&["0.0.0.0:5000"], &["192.0.2.1:3478"]);
    let mut times = Vec::new();
    let mut now = START;
    while !gatherer.is_done(now) {
        times.extend(sent(&mut gatherer, now).iter().map(|_| now.since(START)));
        now = gatherer.poll_timeout();
    }
    assert_eq!(times, [0, 200, 600].map(Duration::from_millis));
    assert_eq!(now.since(START), Duration::from_secs(1));
    assert!(gatherer.candidates(&[]).is_empty());
}

#[test]
fn answers_become_candidates_each_address_once() {
    let servers = ["192.0.2.1:3478", "192.0.2.2:3478", "192.0.2.3:3478"];
    let mut gatherer = gatherer(&["0.0.0.0:5000"], &servers);
    let mapped = ["198.51.100.7:4000", "198.51.100.7:4000", "10.0.0.1:5000"];
    for ((path, id), mapped) in sent(&mut gatherer, START).into_iter().zip(mapped) {
        assert!(!gatherer.is_done(START));
        // The socket knows its address better than it was bound.
        let path = Path {
            local: address("10.0.0.1:5000"),
            ..path
        };
        assert!(gatherer.handle_datagram(path, &response(id, mapped)));
    }
    assert!(gatherer.is_done(START));
    let candidates = gatherer.candidates(&[address("10.0.0.1:5000")]);
    let [candidate] = candidates.as_slice() else {
        panic!("{candidates:?}")
    };
    assert_eq!(candidate.kind, CandidateKind::ServerReflexive);
    assert_eq!(candidate.udp_address(), Some(address("198.51.100.7:4000")));
    assert!(
        candidate
            .to_string()
            .ends_with(" 198.51.100.7 4000 typ srflx raddr 0.0.0.0 rport 0"),
        "{candidate}"
    );
}

#[test]
fn what_nobody_asked_for_is_left_to_others() {
    let mut gatherer = gatherer(&["0.0.0.0:5000"], &["192.0.2.1:3478"]);
    let [(path, id)] = sent(&mut gatherer, START)[..] else {
        panic!("one request")
    };
    let stranger = Path {
        remote: address("192.0.2.9:3478"),
        ..path
    };
    assert!(!gatherer.handle_datagram(stranger, &response(id, "198.51.100.7:4000")));
    let other = TransactionId::random(&mut fastrand::Rng::with_seed(1));
    assert!(!gatherer.handle_datagram(path, &response(other, "198.51.100.7:4000")));
    assert!(!gatherer.handle_datagram(path, b"nonsense"));
    assert!(!gatherer.is_done(START));
    // A refusal is an answer too.
    let mut out = [0; 64];
    let builder = Builder::new(&mut out, Class::Error, id);
    let len = builder.error_code(400).finish().unwrap();
    assert!(gatherer.handle_datagram(path, &out[..len]));
    assert!(gatherer.is_done(START) && gatherer.candidates(&[]).is_empty());
}
