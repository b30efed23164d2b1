//! Handshake messages in pieces (RFC 6347 §4.2.3): a ClientHello with post-quantum keys fills more than a datagram,
//! and pieces come in any order, twice, and overlapping.

use proptest::prelude::*;
use std::time::Duration;

use xrtc_transport::DtlsVersion;

use crate::network::{Network, Setup, Side, Weather, is_dtls};

/// What is done to the pieces of a datagram.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Bytes of a message in each piece.
    size: usize,
    /// Bytes that a piece shares with the one before.
    overlap: usize,
    reversed: bool,
    doubled: bool,
}

/// The datagram's records, one to a datagram, with the plain handshake messages cut.
fn cut(datagram: &[u8], how: Cut) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut rest = datagram;
    // DTLS 1.3's encrypted records have another header; no plain one follows.
    while let Some(header) = rest.get(..13).filter(|header| header[0] < 32) {
        let len = usize::from(u16::from_be_bytes([header[11], header[12]]));
        let (record, next) = rest.split_at(13 + len);
        rest = next;
        // Handshake in epoch 0; what follows is encrypted, or short.
        if record[0] == 22 && record[3..5] == [0, 0] {
            pieces.extend(cut_messages(&record[..11], &record[13..], how));
        } else {
            pieces.push(record.to_vec());
        }
    }
    if !rest.is_empty() {
        pieces.push(rest.to_vec());
    }
    if how.reversed {
        pieces.reverse();
    }
    if how.doubled {
        pieces = pieces
            .iter()
            .flat_map(|piece| [piece.clone(), piece.clone()])
            .collect();
    }
    pieces
}

/// ```text
/// record:  type(1) version(2) epoch(2) number(6) length(2)
/// message: type(1) length(3) sequence(2) fragment offset(3) fragment length(3)
/// ```
fn cut_messages(record: &[u8], mut messages: &[u8], how: Cut) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    while let Some(header) = messages.get(..12) {
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |number, byte| (number << 8) | usize::from(*byte))
        };
        let (first, len) = (number(&header[6..9]), number(&header[9..12]));
        let (body, next) = messages[12..].split_at(len);
        messages = next;
        let mut start = 0;
        while start < len || start == 0 {
            let (from, to) = (
                start.saturating_sub(how.overlap),
                (start + how.size).min(len),
            );
            let mut piece = record.to_vec();
            piece.extend((12 + to - from).to_be_bytes()[6..].iter());
            piece.extend(&header[..6]);
            piece.extend(&(first + from).to_be_bytes()[5..]);
            piece.extend(&(to - from).to_be_bytes()[5..]);
            piece.extend(&body[from..to]);
            pieces.push(piece);
            start += how.size;
        }
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn e63_a_handshake_in_pieces_connects(
        size in 60usize..700,
        overlap in 0usize..30,
        reversed: bool,
        doubled: bool,
        auto: bool,
        server_begins: bool,
        seed: u64,
        shuffled: bool,
    ) {
        let setup = Setup {
            seed,
            // Reordering of whole flights comes on top.
            weather: Weather { delay: if shuffled { (5, 40) } else { (10, 10) }, ..Weather::FINE },
            dtls_client: if server_begins { Side::Server } else { Side::Client },
            versions: [if auto { DtlsVersion::Auto } else { DtlsVersion::V12 }; 2],
        };
        let mut network = Network::new(setup);
        network.tamper(move |datagram| {
            if is_dtls(&datagram) {
                cut(&datagram, Cut { size, overlap, reversed, doubled })
            } else {
                vec![datagram]
            }
        });
        prop_assert!(network.run_until_connected(Duration::from_secs(20)), "{:?}", network.events);
    }
}
