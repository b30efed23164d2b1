//! What tests and fuzzing play with at the far end of a client: a server and where its relayed address is. By the public API
//! alone, since fuzzing reaches no other.

use std::net::SocketAddr;
use std::ops::Range;

use xrtc_ice::Path;
use xrtc_rtp::{Time, WallClock};
use xrtc_turn::{Client, Output, PeerPolicy, TurnConfig, TurnLimits, TurnServer};

/// What credentials are made with.
pub(crate) const SECRET: &[u8] = b"north";
/// What every client is given.
pub(crate) const RELAYED: &str = "203.0.113.1:50000";

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Allocations of IPv4 alone, to peers that everybody may reach; the clock begins at second 1,000,000 of Unix time.
pub(crate) fn config() -> TurnConfig {
    TurnConfig {
        secret: SECRET.to_vec(),
        realm: "xrtc".to_owned(),
        families: [true, false],
        peers: PeerPolicy::default(),
        limits: TurnLimits::default(),
        wall: WallClock {
            unix_nanos_at_zero: 1_000_000 * 1_000_000_000,
        },
    }
}

/// A server; another number for the nonces is a server that was started again.
pub(crate) fn server(config: TurnConfig, nonces: u8) -> TurnServer {
    TurnServer::new(config, &[nonces; 32], Time::ZERO).expect("a realm that fits")
}

/// What came of a datagram.
pub(crate) enum Came {
    /// An answer of so many bytes for the client.
    Answer(usize),
    /// These bytes of it are for the peer.
    ToPeer(SocketAddr, Range<usize>),
    Nothing,
}

/// The server takes what the client has sent. Every socket that it needs can be had, at [`RELAYED`].
pub(crate) fn take(server: &mut TurnServer, now: Time, datagram: &[u8], out: &mut [u8]) -> Came {
    match server.handle_datagram(now, client(), datagram, out) {
        Some(Output::Reply { len }) => Came::Answer(len),
        Some(Output::Open(opening)) => {
            let (_, len) = server.opened(now, *opening, Some(address(RELAYED)), out);
            Came::Answer(len.expect("room for the answer"))
        }
        Some(Output::ToPeer { peer, data, .. }) => Came::ToPeer(peer, data),
        None => Came::Nothing,
    }
}

/// Who the client is to the server.
fn client() -> Client {
    Client {
        path: Path::udp(address("192.0.2.1:3478"), address("198.51.100.7:4000")),
        link: 0,
    }
}
