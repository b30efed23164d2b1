//! How it ends.

use std::time::Duration;

use xrtc_transport::{Discard, DtlsVersion, Ended, Event, TransportState};

use crate::media::{REPORT, rtp, send_rtp};
use crate::network::{Network, Setup, Side, is_dtls};

#[test]
fn d60_close_says_goodbye_and_the_peer_ends() {
    for versions in [[DtlsVersion::V12; 2], [DtlsVersion::Auto; 2]] {
        for closing in Side::BOTH {
            let mut network = Network::connected(Setup {
                versions,
                ..Setup::default()
            });
            let now = network.now;
            network.sent = [vec![], vec![]];
            network.transport(closing).close(now);
            network.transport(closing).close(now);
            network.fetch();
            network.run_for(Duration::from_millis(50));
            let goodbyes = network.sent[closing as usize]
                .iter()
                .filter(|one| is_dtls(one))
                .count();
            assert_eq!(goodbyes, 1);
            assert_eq!(network.state(closing), TransportState::Closed);
            assert_eq!(
                network.state(closing.other()),
                TransportState::Ended(Ended::PeerClosed)
            );
            let last = network.events(closing.other()).last();
            assert_eq!(last, Some(&Event::Ended(Ended::PeerClosed)));
        }
    }
}

#[test]
fn a_goodbye_is_answered() {
    let mut network = Network::connected(Setup::default());
    let now = network.now;
    network.sent = [vec![], vec![]];
    network.transport(Side::Client).close(now);
    network.fetch();
    network.run_for(Duration::from_millis(50));
    let answers = network.sent[Side::Server as usize]
        .iter()
        .filter(|one| is_dtls(one))
        .count();
    assert_eq!(answers, 1);
}

#[test]
fn d60_after_the_end_there_is_silence() {
    let mut network = Network::connected(Setup::default());
    let now = network.now;
    network.transport(Side::Server).close(now);
    network.fetch();
    network.sent = [vec![], vec![]];
    assert_eq!(network.transport(Side::Server).poll_timeout(), None);
    network.run_for(Duration::from_secs(5));
    send_rtp(&mut network, Side::Client, 1);
    network.deliver(Side::Server, Side::Server.path(), &rtp(1));
    let report = network
        .transport(Side::Server)
        .seal_rtcp(&REPORT, &mut [0; 100]);
    assert_eq!(report, None);
    assert!(network.sent[Side::Server as usize].is_empty());
    assert!(network.received[Side::Server as usize].is_empty());
    let counters = network.transport(Side::Server).counters();
    assert!(counters.get(Discard::Closed) >= 1);
    assert_eq!(counters.get(Discard::NotConnected), 1);
}

#[test]
fn closing_before_the_handshake_sends_nothing() {
    let mut network = Network::new(Setup::default());
    let now = network.now;
    network.transport(Side::Server).close(now);
    network.fetch();
    network.run_for(Duration::from_secs(5));
    assert!(network.sent[Side::Server as usize].is_empty());
    assert_eq!(network.state(Side::Server), TransportState::Closed);
}

#[test]
fn a_peer_that_vanishes_ends_by_ice() {
    let mut network = Network::connected(Setup::default());
    network.weather.loss = 1.0;
    network.run_for(Duration::from_secs(45));
    for side in Side::BOTH {
        assert_eq!(
            network.state(side),
            TransportState::Ended(Ended::IceTimeout)
        );
        assert_eq!(
            network.events(side).last(),
            Some(&Event::Ended(Ended::IceTimeout))
        );
        assert_eq!(network.transport(side).poll_timeout(), None);
    }
}

#[test]
fn a_peer_that_never_comes_ends_by_ice() {
    let mut network = Network::new(Setup::default());
    network.lose_all();
    network.weather.loss = 1.0;
    network.run_for(Duration::from_secs(60));
    assert_eq!(
        network.state(Side::Client),
        TransportState::Ended(Ended::IceTimeout)
    );
}
