//! Plain packets in at one end, plain packets out at the other.

use std::time::Duration;

use xrtc_ice::Credentials;
use xrtc_rtp::Ssrc;
use xrtc_transport::{Discard, Plain, TransportState};

use crate::network::{Network, Setup, Side};

pub(crate) const REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 1];

/// Sends one RTP packet with this sequence number.
pub(crate) fn send_rtp(network: &mut Network, from: Side, sequence_number: u16) -> Option<Vec<u8>> {
    let plain = rtp(sequence_number);
    let (header, payload) = plain.split_at(12);
    let parts = Plain {
        ssrc: Ssrc(7),
        index: u64::from(sequence_number),
        repeat: false,
        header,
        prefix: &[],
        payload,
    };
    let mut out = [0; 1500];
    let len = network.transport(from).seal_rtp(parts, &mut out)?;
    network.launch(from, &out[..len]);
    Some(out[..len].to_vec())
}

pub(crate) fn rtp(sequence_number: u16) -> Vec<u8> {
    let [high, low] = sequence_number.to_be_bytes();
    let mut packet = vec![0x80, 96, high, low, 0, 0, 0, 1, 0, 0, 0, 7];
    packet.extend([low; 1000]);
    packet
}

#[test]
fn media_flows_both_ways() {
    let mut network = Network::connected(Setup::default());
    for from in Side::BOTH {
        for sequence_number in 0..50 {
            send_rtp(&mut network, from, sequence_number).unwrap();
        }
        let mut out = [0; 100];
        let len = network
            .transport(from)
            .seal_rtcp(&REPORT, &mut out)
            .unwrap();
        network.launch(from, &out[..len]);
    }
    network.run_for(Duration::from_millis(100));
    for to in Side::BOTH {
        let received = &network.received[to as usize];
        assert_eq!(received.len(), 51);
        for (sequence_number, (rtcp, packet)) in (0..50).zip(received) {
            assert!(!rtcp);
            assert_eq!(*packet, rtp(sequence_number));
        }
        assert_eq!(received[50], (true, REPORT.to_vec()));
    }
}

#[test]
fn nothing_is_sealed_before_there_are_keys() {
    let mut network = Network::new(Setup::default());
    assert_eq!(send_rtp(&mut network, Side::Server, 1), None);
    assert_eq!(
        network
            .transport(Side::Server)
            .seal_rtcp(&REPORT, &mut [0; 100]),
        None
    );
    assert_eq!(
        network
            .transport(Side::Server)
            .counters()
            .get(Discard::NotConnected),
        2
    );
}

#[test]
fn media_before_the_keys_is_dropped_and_counted() {
    let mut network = Network::new(Setup::default());
    let path = |network: &Network| network.state(Side::Server) == TransportState::Connecting;
    assert!(network.run_until(network.now + Duration::from_secs(1), path));
    network.deliver(Side::Server, Side::Server.path(), &rtp(1));
    let counters = network.transport(Side::Server).counters();
    assert_eq!(counters.get(Discard::MediaBeforeKeys), 1);
    assert!(network.run_until_connected(Duration::from_secs(1)));
    assert!(network.received[Side::Server as usize].is_empty());
}

#[test]
fn what_srtp_refuses_is_counted() {
    let mut network = Network::connected(Setup::default());
    let packet = send_rtp(&mut network, Side::Client, 1).unwrap();
    network.run_for(Duration::from_millis(50));
    network.deliver(Side::Server, Side::Server.path(), &packet);
    network.deliver(Side::Server, Side::Server.path(), &rtp(2));
    network.deliver(Side::Server, Side::Server.path(), &[0x80; 5]);
    let counters = network.transport(Side::Server).srtp_counters();
    assert_eq!(counters.get(xrtc_srtp::Discard::Replayed), 1);
    assert_eq!(counters.get(xrtc_srtp::Discard::NotAuthentic), 1);
    assert_eq!(counters.get(xrtc_srtp::Discard::Malformed), 1);
    assert_eq!(network.received[Side::Server as usize].len(), 1);
}

#[test]
fn media_goes_on_through_an_ice_restart() {
    let mut network = Network::connected(Setup::default());
    let now = network.now;
    let fresh = [
        ("clnt2", "another-password-of-client"),
        ("srvr2", "another-password-of-server"),
    ]
    .map(|(ufrag, pwd)| Credentials::new(ufrag, pwd).unwrap());
    for side in Side::BOTH {
        network
            .transport(side)
            .restart_ice(now, fresh[side as usize].clone());
    }
    for side in Side::BOTH {
        network
            .transport(side)
            .set_remote_ice(fresh[side.other() as usize].clone());
    }
    send_rtp(&mut network, Side::Client, 1).unwrap();
    let candidate = xrtc_ice::Candidate::host(Side::Server.path().local, 65_535);
    network
        .transport(Side::Client)
        .add_remote_candidate(&candidate);
    network.run_for(Duration::from_secs(40));
    send_rtp(&mut network, Side::Client, 2).unwrap();
    network.run_for(Duration::from_millis(50));
    assert_eq!(network.received[Side::Server as usize].len(), 2);
    for side in Side::BOTH {
        assert_eq!(network.state(side), TransportState::Connected);
    }
}

/// RFC 9335: what stands in a header extension is not on the wire.
#[test]
fn cryptex_hides_header_extensions_in_both_directions() {
    let mut network = Network::with(Setup::default(), |_, config| {
        if let Some(remote) = &mut config.remote_dtls {
            remote.cryptex = true;
        }
    });
    assert!(network.run_until_connected(Duration::from_secs(1)));
    let extension = [0xbe, 0xde, 0, 1, 0x12, 0xaa, 0xbb, 0xcc];
    let mut plain = rtp(3);
    plain[0] |= 0x10;
    plain.splice(12..12, extension);
    for from in Side::BOTH {
        let parts = Plain {
            ssrc: Ssrc(7),
            index: 3,
            repeat: false,
            header: &plain[..20],
            prefix: &[],
            payload: &plain[20..],
        };
        let mut out = [0; 1500];
        let len = network.transport(from).seal_rtp(parts, &mut out).unwrap();
        assert_eq!(out[12..16], [0xc0, 0xde, 0, 1]);
        assert_ne!(out[16..20], extension[4..]);
        network.launch(from, &out[..len]);
    }
    network.run_for(Duration::from_millis(100));
    for to in Side::BOTH {
        assert_eq!(network.received[to as usize], [(false, plain.clone())]);
    }
}
