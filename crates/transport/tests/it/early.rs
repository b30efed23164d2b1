//! A handshake that begins before the peer's description is known.

use std::time::Duration;

use xrtc_transport::{Discard, TransportState};

use crate::network::{Network, Setup, Side, is_dtls, remote_dtls};

/// The server offered; the answer with the fingerprint is still on its way when the ClientHello comes.
fn without_description() -> Network {
    let mut network = Network::with(Setup::default(), |side, config| {
        if side == Side::Server {
            config.remote_dtls = None;
        }
    });
    network.run_for(Duration::from_millis(150));
    assert_eq!(network.state(Side::Server), TransportState::Connecting);
    assert!(
        network.sent[Side::Client as usize]
            .iter()
            .any(|datagram| is_dtls(datagram))
    );
    assert!(
        !network.sent[Side::Server as usize]
            .iter()
            .any(|datagram| is_dtls(datagram))
    );
    network
}

#[test]
fn e69_early_dtls_is_kept_until_the_description_comes() {
    let mut network = without_description();
    let now = network.now;
    network
        .transport(Side::Server)
        .set_remote_dtls(now, remote_dtls(Side::Server, Side::Client));
    network.fetch();
    assert!(network.run_until_connected(Duration::from_millis(100)));
}

#[test]
fn e69_what_is_kept_has_a_limit() {
    let mut network = without_description();
    let hello = network.sent[Side::Client as usize]
        .iter()
        .find(|one| is_dtls(one))
        .cloned()
        .unwrap();
    for _ in 0..20 {
        network.deliver(Side::Server, Side::Server.path(), &hello);
    }
    let dropped = network
        .transport(Side::Server)
        .counters()
        .get(Discard::TooManyEarlyDatagrams);
    assert!((12..20).contains(&dropped), "{dropped}");
    let now = network.now;
    network
        .transport(Side::Server)
        .set_remote_dtls(now, remote_dtls(Side::Server, Side::Client));
    network.fetch();
    assert!(network.run_until_connected(Duration::from_secs(2)));
}

#[test]
fn a_second_description_changes_nothing() {
    let mut network = Network::connected(Setup::default());
    let now = network.now;
    let mut other = remote_dtls(Side::Server, Side::Server);
    other.fingerprints.clear();
    network.transport(Side::Server).set_remote_dtls(now, other);
    network.run_for(Duration::from_secs(1));
    assert_eq!(network.state(Side::Server), TransportState::Connected);
}
