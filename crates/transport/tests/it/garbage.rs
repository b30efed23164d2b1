//! Bytes that no honest peer sends.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use xrtc_transport::{
    Certificate, DtlsSettings, DtlsVersion, Ended, Fingerprint, HashFunction, TransportState,
};

use crate::media::send_rtp;
use crate::network::{Network, Setup, Side, epoch, is_dtls};

/// A datagram that at least gets past the first byte.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![0u8..4, 20u8..64, 128u8..192, any::<u8>()];
    let rest = prop::collection::vec(any::<u8>(), 0..120);
    (first, rest).prop_map(|(first, rest)| [&[first][..], &rest].concat())
}

/// A DTLS 1.2 record of any type, epoch, number and contents, with a length that fits.
fn record() -> impl Strategy<Value = Vec<u8>> {
    let header = (20u8..27, 0u8..3, any::<[u8; 6]>());
    (header, prop::collection::vec(any::<u8>(), 0..80)).prop_map(|((kind, epoch, number), body)| {
        let mut record = vec![kind, 0xfe, 0xfd, 0, epoch];
        record.extend(number);
        record.extend((body.len() as u16).to_be_bytes());
        record.extend(body);
        record
    })
}

fn still_works(network: &mut Network) -> Result<(), TestCaseError> {
    network.run_for(Duration::from_secs(1));
    for side in Side::BOTH {
        prop_assert_eq!(network.state(side), TransportState::Connected);
        send_rtp(network, side, 1).unwrap();
        network.run_for(Duration::from_millis(50));
        prop_assert_eq!(network.received[side.other() as usize].len(), 1);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn e70_garbage_never_disturbs_a_connection(
        datagrams in prop::collection::vec(prop_oneof![garbage(), record()], 1..120),
        auto: bool,
        to_client: bool,
    ) {
        let version = if auto { DtlsVersion::Auto } else { DtlsVersion::V12 };
        let mut network = Network::connected(Setup { versions: [version; 2], ..Setup::default() });
        let side = if to_client { Side::Client } else { Side::Server };
        for datagram in datagrams {
            network.deliver(side, side.path(), &datagram);
        }
        still_works(&mut network)?;
    }

    /// The whole handshake again, and with changes, to the connected pair.
    #[test]
    fn e70_old_datagrams_never_disturb_a_connection(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..60),
        auto: bool,
    ) {
        let version = if auto { DtlsVersion::Auto } else { DtlsVersion::V12 };
        let mut network = Network::connected(Setup { versions: [version; 2], ..Setup::default() });
        let sent = network.sent.clone();
        for side in Side::BOTH {
            let old: Vec<_> = sent[side.other() as usize].iter().filter(|one| is_dtls(one)).collect();
            for datagram in &old {
                network.deliver(side, side.path(), datagram);
            }
            for (datagram, byte, value) in &changes {
                let mut changed = datagram.get(&old).to_vec();
                *byte.get_mut(&mut changed) = *value;
                network.deliver(side, side.path(), &changed);
            }
        }
        still_works(&mut network)?;
    }

    /// During the handshake a changed datagram from the peer's own address may end it, but never panics, and never
    /// connects with anybody else.
    #[test]
    fn e70_a_tampered_handshake_never_panics(
        seed: u64,
        auto: bool,
        chance in 1u8..40,
        server_begins: bool,
    ) {
        let version = if auto { DtlsVersion::Auto } else { DtlsVersion::V12 };
        let dtls_client = if server_begins { Side::Server } else { Side::Client };
        let mut network = Network::new(Setup { seed, versions: [version; 2], dtls_client, ..Setup::default() });
        let mut rng = fastrand::Rng::with_seed(seed);
        network.tamper(move |mut datagram| {
            if is_dtls(&datagram) && rng.u8(..100) < chance {
                match rng.u8(..4) {
                    0 => datagram.truncate(rng.usize(..datagram.len())),
                    1 => datagram.extend(std::iter::repeat_with(|| rng.u8(..)).take(20)),
                    _ => {
                        let place = rng.usize(..datagram.len());
                        datagram[place] = rng.u8(..);
                    }
                }
            }
            vec![datagram]
        });
        network.run_for(Duration::from_secs(20));
    }
}

/// A peer's certificate is as long as it likes, and the engine wants a buffer that holds it.
#[test]
fn a_certificate_longer_than_any_datagram_is_verified_like_any_other() {
    for names in [100, 400] {
        let certificate = certificate_with(names);
        assert!(certificate.certificate_der().len() > names * 20);
        let settings = DtlsSettings::new(certificate.clone(), DtlsVersion::V12, epoch());
        let settings = Arc::new(settings);
        for trusted in [true, false] {
            let mut network = Network::with(Setup::default(), |side, config| match side {
                Side::Client => config.dtls = Arc::clone(&settings),
                Side::Server if trusted => {
                    let der = certificate.certificate_der();
                    let fingerprint = Fingerprint::of(HashFunction::Sha256, der);
                    config.remote_dtls.as_mut().unwrap().fingerprints = vec![fingerprint];
                }
                Side::Server => {}
            });
            network.run_for(Duration::from_secs(20));
            let expected = if trusted {
                TransportState::Connected
            } else {
                TransportState::Ended(Ended::FingerprintMismatch)
            };
            assert_eq!(network.state(Side::Server), expected, "{names} names");
        }
    }
}

fn certificate_with(names: usize) -> Certificate {
    let names = (0..names)
        .map(|name| format!("name-number-{name:04}.example"))
        .collect::<Vec<_>>();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(names)
        .unwrap()
        .self_signed(&key)
        .unwrap();
    Certificate::from_der(certificate.der(), &key.serialize_der()).unwrap()
}

/// RFC 6347 §4.1: epoch 0 is over. Alerts in the clear could otherwise end any connection.
#[test]
fn e70_plain_records_after_the_handshake_change_nothing() {
    for version in [DtlsVersion::V12, DtlsVersion::Auto] {
        let mut network = Network::connected(Setup {
            versions: [version; 2],
            ..Setup::default()
        });
        for (kind, body) in [
            (20, vec![1]),
            (21, vec![2, 40]),
            (21, vec![1, 0]),
            (22, vec![]),
            (22, vec![0; 12]),
            (22, vec![1, 0, 0, 90, 0, 0, 0, 0, 0, 0, 0, 0]),
            (23, b"application data".to_vec()),
        ] {
            let mut record = vec![
                kind,
                0xfe,
                0xfd,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                99,
                0,
                body.len() as u8,
            ];
            record.extend(body);
            for side in Side::BOTH {
                network.deliver(side, side.path(), &record);
            }
        }
        still_works(&mut network).unwrap();
    }
}
