//! A ClientHello as new browsers send it: post-quantum keys that fill more than a datagram, extensions in any order,
//! values that nobody knows, and the versions in the last piece (Firefox from 146 on).

use std::time::Duration;

use xrtc_transport::{DtlsVersion, TransportState};

use crate::network::{Network, Setup, Side, is_dtls};

const GREASE: u16 = 0x2a2a;
const X25519_MLKEM768: u16 = 0x11ec;
const X25519: u16 = 0x001d;
const P256: u16 = 0x0017;

fn list(values: &[u16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect()
}

fn with_length(bytes: Vec<u8>) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat()
}

fn extension(kind: u16, body: Vec<u8>) -> Vec<u8> {
    [kind.to_be_bytes().to_vec(), with_length(body)].concat()
}

/// The handshake message without its fragment fields.
fn client_hello() -> Vec<u8> {
    let key_shares = [
        list(&[GREASE]),
        with_length(vec![0]),
        list(&[X25519_MLKEM768]),
        with_length(vec![5; 1216]),
        list(&[X25519]),
        with_length(vec![9; 32]),
    ];
    let signatures = [
        0x0403, GREASE, 0x0503, 0x0603, 0x0804, 0x0401, 0x0203, 0x0202, 0xfafa,
    ];
    let extensions = [
        extension(0x0a0a, vec![]),
        extension(
            0x000e,
            [with_length(list(&[0x0001, 0x0008, 0x0007])), vec![0]].concat(),
        ),
        extension(0x001c, list(&[0x4001])),
        extension(
            0x000a,
            with_length(list(&[X25519_MLKEM768, GREASE, X25519, P256])),
        ),
        extension(0x0017, vec![]),
        extension(0x000b, vec![1, 0]),
        extension(0x0033, with_length(key_shares.concat())),
        extension(0xff01, vec![0]),
        extension(0x000d, with_length(list(&signatures))),
        extension(0xfe0d, vec![7; 60]),
        extension(0x002b, [vec![6], list(&[GREASE, 0xfefc, 0xfefd])].concat()),
    ];
    let suites = [
        GREASE, 0x1301, 0x1303, 0x1302, 0xc02b, 0xcca9, 0xc00a, 0xc013, 0x002f,
    ];
    [
        vec![0xfe, 0xfd],
        vec![3; 32],
        vec![0, 0],
        with_length(list(&suites)),
        vec![1, 0],
        with_length(extensions.concat()),
    ]
    .concat()
}

/// The pieces of the message, a datagram each.
fn datagrams(pieces: usize) -> Vec<Vec<u8>> {
    let body = client_hello();
    let size = body.len().div_ceil(pieces);
    let numbered = body.chunks(size).enumerate();
    numbered
        .map(|(number, piece)| {
            let three = |value: usize| value.to_be_bytes()[5..].to_vec();
            let message = [
                vec![1],
                three(body.len()),
                vec![0, 0],
                three(number * size),
                three(piece.len()),
                piece.to_vec(),
            ];
            let header = vec![22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, number as u8];
            [header, with_length(message.concat())].concat()
        })
        .collect()
}

/// A server with a path, to which nobody has spoken DTLS.
fn waiting(version: DtlsVersion) -> Network {
    let mut network = Network::new(Setup {
        versions: [version; 2],
        ..Setup::default()
    });
    network.tamper(|datagram| {
        if is_dtls(&datagram) {
            vec![]
        } else {
            vec![datagram]
        }
    });
    network.run_for(Duration::from_millis(60));
    assert_eq!(network.state(Side::Server), TransportState::Connecting);
    network
}

#[test]
fn e64_a_hello_of_a_new_browser_is_answered_whatever_pieces_it_comes_in() {
    for version in [DtlsVersion::V12, DtlsVersion::Auto] {
        for pieces in [2, 3, 7] {
            for reversed in [false, true] {
                let mut network = waiting(version);
                let mut hello = datagrams(pieces);
                if reversed {
                    hello.reverse();
                }
                for datagram in &hello {
                    network.deliver(Side::Server, Side::Server.path(), datagram);
                }
                let answer = network.sent[Side::Server as usize]
                    .iter()
                    .find(|one| is_dtls(one));
                let answer = answer.map(|answer| answer[..26].to_vec());
                let answer = answer.unwrap_or_else(|| panic!("{version:?} {pieces} {reversed}"));
                // A ServerHello at once: no HelloVerifyRequest in front.
                assert_eq!((answer[0], answer[13]), (22, 2));
                assert_eq!(network.state(Side::Server), TransportState::Connecting);
            }
        }
    }
}

#[test]
fn e70_empty_pieces_and_repetitions_do_no_harm() {
    for version in [DtlsVersion::V12, DtlsVersion::Auto] {
        let mut network = waiting(version);
        let hello = datagrams(3);
        let mut empty = hello[0][..25].to_vec();
        empty[11..13].copy_from_slice(&12_u16.to_be_bytes());
        empty[22..25].fill(0);
        for datagram in [
            &empty, &hello[0], &empty, &hello[0], &hello[2], &hello[2], &hello[1],
        ] {
            network.deliver(Side::Server, Side::Server.path(), datagram);
        }
        assert!(
            network.sent[Side::Server as usize]
                .iter()
                .any(|one| is_dtls(one)),
            "{version:?}"
        );
    }
}
