//! From nothing to keys, over networks of every kind.

use std::time::Duration;

use xrtc_transport::{
    DtlsRole, DtlsVersion, Ended, Event, Fingerprint, HashFunction, Profile, TransportState,
};

use crate::network::{Network, Setup, Side, Weather, certificate, is_dtls};

#[test]
fn a_lite_server_and_a_controlling_client_connect_in_either_dtls_role() {
    for dtls_client in Side::BOTH {
        let network = Network::connected(Setup {
            dtls_client,
            ..Setup::default()
        });
        for side in Side::BOTH {
            let expected = [Event::PathChanged(side.path()), Event::Connected];
            assert_eq!(network.events(side), expected);
            let transport = &network.transports[side as usize];
            assert_eq!(transport.profile(), Some(Profile::AeadAes256Gcm));
            assert_eq!(transport.path(), Some(side.path()));
            assert_eq!(transport.counters().total(), 0);
        }
    }
}

#[test]
fn e71_dtls_1_3_is_spoken_by_option_and_falls_back() {
    use DtlsVersion::{Auto, V12};
    for versions in [[Auto, Auto], [Auto, V12], [V12, Auto]] {
        for dtls_client in Side::BOTH {
            let network = Network::connected(Setup {
                versions,
                dtls_client,
                ..Setup::default()
            });
            // Only 1.3 encrypts within the handshake under its unified header (RFC 9147 §4.1).
            let unified =
                network.sent.iter().flatten().any(|datagram| {
                    datagram[0] >> 5 == 1 && datagram[0] >= 0x20 && is_dtls(datagram)
                });
            assert_eq!(
                unified,
                versions == [Auto, Auto],
                "{versions:?} {dtls_client:?}"
            );
        }
    }
}

#[test]
fn the_handshake_adds_two_round_trips_to_ice() {
    let mut network = Network::new(Setup::default());
    let path = |network: &Network| !network.events(Side::Server).is_empty();
    assert!(network.run_until(network.now + Duration::from_secs(1), path));
    let start = network.now;
    assert!(network.run_until_connected(Duration::from_secs(1)));
    // Without a cookie: hello, hello back, keys, finished; and the client's first check is half a round trip ahead.
    assert!(
        network.now.since(start) <= Duration::from_millis(60),
        "{:?}",
        network.now.since(start)
    );
}

#[test]
fn our_dtls_datagrams_stay_within_1200_bytes() {
    for versions in [[DtlsVersion::V12; 2], [DtlsVersion::Auto; 2]] {
        let network = Network::connected(Setup {
            versions,
            ..Setup::default()
        });
        let longest = network
            .sent
            .iter()
            .flatten()
            .filter(|one| is_dtls(one))
            .map(Vec::len)
            .max();
        assert!(
            longest.is_some_and(|longest| longest <= 1200),
            "{longest:?}"
        );
    }
}

#[test]
fn a_connected_transport_is_idle_but_for_ice() {
    let mut network = Network::connected(Setup::default());
    let due = network.transport(Side::Server).poll_timeout();
    assert_eq!(due, network.transport(Side::Server).ice().poll_timeout());
}

#[test]
fn e66_a_wrong_fingerprint_ends_it_before_any_key_is_used() {
    for wrong in Side::BOTH {
        for dtls_client in Side::BOTH {
            let setup = Setup {
                dtls_client,
                ..Setup::default()
            };
            let mut network = Network::with(setup, |side, config| {
                if side == wrong {
                    let other = certificate(wrong).certificate_der();
                    let fingerprint = Fingerprint::of(HashFunction::Sha256, other);
                    config.remote_dtls.as_mut().unwrap().fingerprints = vec![fingerprint];
                }
            });
            network.run_for(Duration::from_secs(2));
            let ended = Ended::FingerprintMismatch;
            assert_eq!(network.state(wrong), TransportState::Ended(ended));
            assert_eq!(network.events(wrong).last(), Some(&Event::Ended(ended)));
            assert!(!network.events(wrong).contains(&Event::Connected));
            assert_eq!(
                network
                    .transport(wrong)
                    .seal_rtcp(&[0x80, 201, 0, 1, 0, 0, 0, 1], &mut [0; 99]),
                None
            );
        }
    }
}

#[test]
fn no_fingerprint_matches_nobody() {
    let mut network = Network::with(Setup::default(), |side, config| {
        if side == Side::Server {
            config.remote_dtls.as_mut().unwrap().fingerprints.clear();
        }
    });
    network.run_for(Duration::from_secs(2));
    assert_eq!(
        network.state(Side::Server),
        TransportState::Ended(Ended::FingerprintMismatch)
    );
}

#[test]
fn e66_one_fingerprint_of_several_suffices() {
    for hash in [
        HashFunction::Sha256,
        HashFunction::Sha384,
        HashFunction::Sha512,
    ] {
        let mut network = Network::with(Setup::default(), |side, config| {
            let right = Fingerprint::of(hash, certificate(side.other()).certificate_der());
            let wrong = Fingerprint::of(HashFunction::Sha256, b"something else");
            config.remote_dtls.as_mut().unwrap().fingerprints = vec![wrong, right];
        });
        assert!(network.run_until_connected(Duration::from_secs(2)));
    }
}

#[test]
fn a_peer_that_never_shakes_hands_times_out() {
    let mut network = Network::new(Setup::default());
    // Checks pass, DTLS does not.
    let mut path = None;
    while path.is_none() {
        network.run_for(Duration::from_millis(1));
        path = network.transport(Side::Client).path();
    }
    network.sent = [vec![], vec![]];
    network.weather.loss = 1.0;
    network.run_for(Duration::from_secs(60));
    let ended = network.state(Side::Client);
    assert!(
        matches!(
            ended,
            TransportState::Ended(Ended::DtlsTimeout | Ended::IceTimeout)
        ),
        "{ended:?}"
    );
}

#[test]
fn a_handshake_that_nobody_begins_times_out() {
    let begin = Setup::default();
    let mut network = Network::with(begin, |_, config| {
        if let Some(remote) = &mut config.remote_dtls {
            remote.role = DtlsRole::Server;
        }
    });
    network.run_for(Duration::from_secs(29));
    for side in Side::BOTH {
        assert_eq!(network.state(side), TransportState::Connecting);
    }
    network.run_for(Duration::from_secs(2));
    for side in Side::BOTH {
        let timed_out = TransportState::Ended(Ended::DtlsTimeout);
        assert_eq!(network.state(side), timed_out);
    }
}

/// 20 % loss each way, copies, and delays that put datagrams out of order. By seed and not at random, since a network
/// that loses the same flight for half a minute has the right to end it.
#[test]
fn e65_loss_copies_and_reordering_only_delay_the_handshake() {
    let weather = Weather {
        loss: 0.2,
        copies: 0.1,
        delay: (5, 60),
    };
    for versions in [[DtlsVersion::V12; 2], [DtlsVersion::Auto; 2]] {
        for dtls_client in Side::BOTH {
            for seed in 0..12 {
                let setup = Setup {
                    seed,
                    weather,
                    dtls_client,
                    versions,
                };
                let mut network = Network::new(setup);
                let connected = network.run_until_connected(Duration::from_secs(25));
                assert!(connected, "{setup:?}: {:?}", network.events);
            }
        }
    }
}

#[test]
fn e65_half_a_second_of_round_trip_time_is_no_obstacle() {
    let weather = Weather {
        delay: (250, 250),
        ..Weather::FINE
    };
    for versions in [[DtlsVersion::V12; 2], [DtlsVersion::Auto; 2]] {
        for dtls_client in Side::BOTH {
            let mut network = Network::new(Setup {
                weather,
                dtls_client,
                versions,
                seed: 1,
            });
            assert!(
                network.run_until_connected(Duration::from_secs(5)),
                "{versions:?}"
            );
        }
    }
}

/// The client waits for the last flight, and its own tells the server to repeat it (RFC 6347 §4.2.4).
#[test]
fn e65_the_last_flight_is_repeated_when_it_was_lost() {
    for dtls_client in Side::BOTH {
        let mut network = Network::new(Setup {
            dtls_client,
            ..Setup::default()
        });
        let server = dtls_client.other();
        let end = network.now + Duration::from_secs(2);
        assert!(network.run_until(end, |network| network.state(server)
            == TransportState::Connected));
        network.weather.loss = 1.0;
        network.run_for(Duration::from_millis(9));
        assert_ne!(network.state(dtls_client), TransportState::Connected);
        network.lose_all();
        network.weather.loss = 0.0;
        assert!(network.run_until_connected(Duration::from_secs(5)));
    }
}
