//! Datagrams from addresses that ICE does not know.

use std::time::Duration;

use xrtc_transport::{Discard, Path, TransportState};

use crate::media::{rtp, send_rtp};
use crate::network::{Network, Setup, Side, address, is_dtls};

fn strange_path() -> Path {
    Path {
        remote: address("203.0.113.9:666"),
        ..Side::Server.path()
    }
}

/// A stranger cannot take the place of the peer by being first, nor make us answer.
#[test]
fn a_strangers_client_hello_is_ignored_and_counted() {
    let stranger = Network::connected(Setup {
        seed: 99,
        ..Setup::default()
    });
    let hello = stranger.sent[Side::Client as usize]
        .iter()
        .find(|one| is_dtls(one))
        .unwrap();
    let mut network = Network::new(Setup::default());
    network.deliver(Side::Server, strange_path(), hello);
    let path = |network: &Network| network.state(Side::Server) == TransportState::Connecting;
    assert!(network.run_until(network.now + Duration::from_secs(1), path));
    network.deliver(Side::Server, strange_path(), hello);
    assert!(
        !network.sent[Side::Server as usize]
            .iter()
            .any(|one| is_dtls(one))
    );
    assert!(network.run_until_connected(Duration::from_secs(1)));
    network.deliver(Side::Server, strange_path(), hello);
    let counters = network.transport(Side::Server).counters();
    assert_eq!(counters.get(Discard::DtlsFromStranger), 3);
    assert_eq!(network.state(Side::Server), TransportState::Connected);
}

#[test]
fn media_from_a_stranger_is_ignored_even_if_it_is_authentic() {
    let mut network = Network::connected(Setup::default());
    let packet = send_rtp(&mut network, Side::Client, 1).unwrap();
    network.lose_all();
    network.deliver(Side::Server, strange_path(), &packet);
    network.deliver(Side::Server, strange_path(), &rtp(1));
    let counters = network.transport(Side::Server).counters();
    assert_eq!(counters.get(Discard::MediaFromStranger), 2);
    assert!(network.received[Side::Server as usize].is_empty());
    // It was not even looked at: from the peer itself it is no replay.
    network.deliver(Side::Server, Side::Server.path(), &packet);
    assert_eq!(network.received[Side::Server as usize].len(), 1);
}

#[test]
fn only_the_peers_paths_are_acquainted() {
    let mut network = Network::connected(Setup::default());
    let server = network.transport(Side::Server);
    assert!(server.is_acquainted(Side::Server.path()));
    assert!(!server.is_acquainted(strange_path()));
}

#[test]
fn other_protocols_are_counted() {
    let mut network = Network::connected(Setup::default());
    for datagram in [
        &[][..],
        &[4; 20],
        &[16; 20],
        &[64; 20],
        &[127; 20],
        &[192; 20],
        b"GET / HTTP/1.1",
    ] {
        network.deliver(Side::Server, Side::Server.path(), datagram);
    }
    let counters = network.transport(Side::Server).counters();
    assert_eq!(counters.get(Discard::UnknownProtocol), 7);
}
