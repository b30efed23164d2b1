//! Peers that were let in, prove their paths, and never finish the handshake: they cost little while they last.

use std::collections::HashSet;
use std::net::SocketAddr;

use xrtc_sfu::{Command, Ended, Event, PeerId};
use xrtc_worker::WorkerEvent;

use super::arena::Arena;

#[test]
fn handshakes_whose_fragments_never_end_harm_nobody() {
    let mut arena = Arena::start();
    let stalled: Vec<(usize, PeerId)> = (0..20)
        .map(|seed| {
            let (number, peer) = arena.scene.view("lobby", 500 + seed);
            arena.scene.browsers.withhold_dtls(number);
            (number, peer)
        })
        .collect();
    arena
        .scene
        .browsers
        .run_until("their paths are proved", |ends| {
            let mut ends = stalled.iter().map(|(number, _)| &ends[*number].1);
            ends.all(|browser| browser.transport().path().is_some())
        });
    let mut rng = fastrand::Rng::with_seed(7);
    arena.under_fire(30, 5_000, |arena, shots| {
        for _ in 0..shots {
            let (number, _) = stalled[rng.usize(..stalled.len())];
            let server = server_of(arena, number);
            let fragment = fragment(&mut rng);
            arena.scene.browsers.send_raw(number, &fragment, server);
        }
    });
    let mut left: HashSet<_> = stalled.iter().map(|(_, peer)| *peer).collect();
    for peer in &left {
        let reason = String::new();
        let worker = arena.scene.app.server.worker_of(*peer);
        let close = Command::ClosePeer {
            peer: *peer,
            reason,
        };
        arena.scene.app.server.send(worker, close).unwrap();
    }
    while !left.is_empty() {
        let over = arena.scene.app.wait(|_, event| match event {
            WorkerEvent::Sfu(Event::PeerClosed { peer, reason, .. }) => Some((*peer, *reason)),
            _ => None,
        });
        // Some have sent what no handshake begins with.
        assert!(left.remove(&over.0), "{over:?}");
        assert!(
            matches!(over.1, Ended::Closed | Ended::DtlsFailed),
            "{over:?}"
        );
    }
    arena.assert_undisturbed();
}

fn server_of(arena: &mut Arena, number: usize) -> SocketAddr {
    let transport = arena.scene.browsers.get(number).transport();
    transport.path().unwrap().remote
}

/// A piece of a large message of the handshake whose rest never comes (RFC 6347 §4.2.3).
fn fragment(rng: &mut fastrand::Rng) -> Vec<u8> {
    let len = rng.usize(1..1_000);
    let total = rng.u32(len as u32..0x1_0000);
    let offset = rng.u32(..=total - len as u32);
    let mut body = vec![1];
    body.extend(&total.to_be_bytes()[1..]);
    body.extend(rng.u16(..8).to_be_bytes());
    body.extend(&offset.to_be_bytes()[1..]);
    body.extend(&(len as u32).to_be_bytes()[1..]);
    body.extend((0..len).map(|_| rng.u8(..)));
    let mut record = vec![22, 254, 253, 0, 0];
    record.extend(&rng.u64(..).to_be_bytes()[2..]);
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}
