//! The DTLS adapter, both roles, before, during and after the handshake: no datagram makes it panic, spin or grow, two
//! sides that both say they are connected understand each other, and once they are, nothing unauthentic parts them.

use std::fmt::Write;
use std::time::Duration;

use xrtc_rtp::Ssrc;
use xrtc_transport::{DtlsVersion, Plain, Transport, TransportState};

use crate::input::Input;
use crate::network::{Network, Setup, Side, is_dtls};

/// Handshakes that pass, that are cut up, doubled, changed, and forged at.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for setup in 0..8 {
        seeds.push(vec![setup, 0, 0]);
        seeds.push(vec![
            setup, 12, PASS, CHANGE, 0, 60, 4, PASS, DOUBLE, CUT, 80, PASS, PASS, 0,
        ]);
        // Forged records of each kind: an alert, a fragment that never ends, application data, of DTLS 1.3.
        seeds.push(vec![
            setup, 1, DROP, 5, 0, 20, 0, 21, 2, 2, 40, 1, 40, 1, 22, 13, 1, 0, 64, 0, 0, 0, 0, 0,
            0, 0, 0, 1, 7, 0, 90, 2, 23, 3, 1, 2, 3, 1, 250, 0, 0x2f, 2, 9, 9, 0, 250, 4, 25, 1, 1,
        ]);
    }
    seeds
}

/// The setup, what becomes of each datagram of the handshake, and forged records with their times.
pub fn run(input: &[u8]) -> String {
    let mut input = Input::new(input);
    let setup = setup(input.u8());
    let script = input.block().to_vec();
    let mut network = Network::new(setup);
    let mut at = 0;
    network.tamper(move |datagram| {
        if is_dtls(&datagram) {
            tamper(datagram, &script, &mut at)
        } else {
            vec![datagram]
        }
    });
    for _ in 0..input.below(24) {
        let side = Side::BOTH[input.below(2)];
        network.run_for(Duration::from_millis(input.u8().into()));
        let record = forged(&mut input);
        inject(&mut network, side, &record);
    }
    network.run_for(Duration::from_secs(20));
    let states = Side::BOTH.map(|side| network.state(side));
    let mut word = format!("{setup:?} {states:?}");
    if states == [TransportState::Connected; 2] {
        exchange_media(&mut network);
        // From now on there are keys: no record without them may matter.
        while !input.is_empty() {
            let side = Side::BOTH[input.below(2)];
            let record = forged(&mut input);
            inject(&mut network, side, &record);
            network.run_for(Duration::from_millis(60));
        }
        assert_eq!(Side::BOTH.map(|side| network.state(side)), states);
        exchange_media(&mut network);
    }
    for events in &network.events {
        let _ = write!(word, "{events:?}");
    }
    word
}

const PASS: u8 = 0;
const DROP: u8 = 1;
const DOUBLE: u8 = 2;
const CHANGE: u8 = 3;
const CUT: u8 = 4;

fn setup(byte: u8) -> Setup {
    let version = |bit: u8| {
        if byte & bit == 0 {
            DtlsVersion::V12
        } else {
            DtlsVersion::Auto
        }
    };
    Setup {
        seed: 1 + u64::from(byte >> 5),
        dtls_client: if byte & 1 == 0 {
            Side::Client
        } else {
            Side::Server
        },
        versions: [version(2), version(4)],
        ..Setup::default()
    }
}

/// One operation of the script for each datagram, and none behind its end.
fn tamper(mut datagram: Vec<u8>, script: &[u8], at: &mut usize) -> Vec<Vec<u8>> {
    let mut input = Input::new(script.get(*at..).unwrap_or_default());
    let before = input.len();
    let result = match input.u8() % 6 {
        PASS => vec![datagram],
        DROP => vec![],
        DOUBLE => vec![datagram.clone(), datagram],
        CHANGE => {
            let place = usize::from(input.u16()) % datagram.len();
            datagram[place] ^= input.u8();
            vec![datagram]
        }
        CUT => {
            datagram.truncate(1 + usize::from(input.u8()) * 4);
            vec![datagram]
        }
        _ => {
            datagram.extend(input.block());
            vec![datagram]
        }
    };
    *at += before - input.len();
    result
}

/// A DTLS record whose header is right but for what the input says (RFC 6347 §4.1), or bytes behind a first byte that
/// leads to DTLS.
fn forged(input: &mut Input<'_>) -> Vec<u8> {
    let epoch = input.u8();
    let kind = input.u8();
    let body = input.block();
    if epoch & 0x80 != 0 {
        return [&[20 + kind % 44], body].concat();
    }
    let mut record = vec![kind, 254, 253, 0, epoch % 4, 0, 0, 0, 0, epoch >> 4, kind];
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

/// From the path of the other side: strangers do not get as far as DTLS.
fn inject(network: &mut Network, side: Side, datagram: &[u8]) {
    network.deliver(side, side.path(), datagram);
    let soon = network.transport(side).poll_timeout();
    let now = network.now;
    assert!(
        soon.is_none_or(|due| due + Duration::from_secs(1) > now),
        "a timer that was forgotten"
    );
}

/// What each side seals the other opens.
fn exchange_media(network: &mut Network) {
    for side in Side::BOTH {
        let index = 1 + network.sent[side as usize].len() as u64;
        let packet = seal(network.transport(side), index);
        let other = side.other();
        let before = network.received[other as usize].len();
        network.deliver(other, other.path(), &packet);
        assert_eq!(
            network.received[other as usize].len(),
            before + 1,
            "keys that differ"
        );
        network.sent[side as usize].push(packet);
    }
}

fn seal(transport: &mut Transport, index: u64) -> Vec<u8> {
    let mut header = vec![0x80, 96];
    header.extend((index as u16).to_be_bytes());
    header.extend([0, 0, 0, 1, 0, 0, 0, 2]);
    let plain = Plain {
        ssrc: Ssrc(2),
        index,
        repeat: false,
        header: &header,
        prefix: &[],
        payload: b"media",
    };
    let mut out = vec![0; 200];
    let len = transport
        .seal_rtp(plain, &mut out)
        .expect("a connected transport seals");
    out.truncate(len);
    out
}
