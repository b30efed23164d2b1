//! A client, our own server, and what lies between them.

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_ice::Path;
use xrtc_netem::{Link, LinkConfig};
use xrtc_rtp::{Time, WallClock};

use super::super::{Received, TurnClient, TurnClientConfig, TurnEvent};
use crate::auth::Authority;
use crate::{AllocationId, Client, Output, PeerPolicy, TurnConfig, TurnLimits, TurnServer};

pub(super) const PEER: &str = "8.8.8.8:9000";
const USER: &str = "1000600:ann";

pub(super) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn config() -> TurnClientConfig {
    TurnClientConfig {
        username: USER.to_owned(),
        password: Authority::new(b"north", "xrtc".to_owned(), &[0; 32]).password(USER),
        wants_ipv6: false,
    }
}

pub(super) struct Scene {
    pub(super) now: Time,
    pub(super) client: TurnClient,
    pub(super) server: TurnServer,
    pub(super) up: Link<Vec<u8>>,
    pub(super) down: Link<Vec<u8>>,
    /// What has come out of the relayed address.
    pub(super) at_peer: Vec<(SocketAddr, Vec<u8>)>,
    /// What has come to the client.
    pub(super) at_client: Vec<(SocketAddr, Vec<u8>)>,
    pub(super) events: Vec<TurnEvent>,
    /// Requests that the client has sent, and when.
    pub(super) asked: Vec<Time>,
    pub(super) released: usize,
}

pub(super) fn server(change: impl FnOnce(&mut TurnConfig), nonces: u8) -> TurnServer {
    let mut config = TurnConfig {
        secret: b"north".to_vec(),
        realm: "xrtc".to_owned(),
        families: [true, false],
        peers: PeerPolicy::default(),
        limits: TurnLimits::default(),
        wall: WallClock {
            unix_nanos_at_zero: 1_000_000 * 1_000_000_000,
        },
    };
    change(&mut config);
    TurnServer::new(config, &[nonces; 32], Time::ZERO).unwrap()
}

impl Scene {
    pub(super) fn new(loss: f64, seed: u64) -> Self {
        Self::with(config(), server(|_| {}, 7), (loss, seed))
    }

    pub(super) fn with(
        config: TurnClientConfig,
        server: TurnServer,
        (loss, seed): (f64, u64),
    ) -> Self {
        let link = LinkConfig {
            loss,
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(5),
            ..LinkConfig::default()
        };
        Self {
            now: Time::ZERO,
            client: TurnClient::new(config, seed, Time::ZERO),
            server,
            up: Link::new(link, seed),
            down: Link::new(link, seed + 1),
            at_peer: Vec::new(),
            at_client: Vec::new(),
            events: Vec::new(),
            asked: Vec::new(),
            released: 0,
        }
    }

    fn who() -> Client {
        Client {
            path: Path::udp(address("192.0.2.1:3478"), address("198.51.100.7:4000")),
            link: 0,
        }
    }

    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        self.flush();
        loop {
            let times = [
                self.up.poll_timeout(),
                self.down.poll_timeout(),
                self.client.poll_timeout(),
                self.server.poll_timeout(),
            ];
            let next = times.into_iter().flatten().min().unwrap_or(Time::MAX);
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            self.step();
        }
    }

    pub(super) fn seconds(&mut self, seconds: u64) {
        self.run_for(Duration::from_secs(seconds));
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(datagram) = self.up.poll_deliver(now) {
            self.at_server(&datagram);
        }
        while let Some(datagram) = self.down.poll_deliver(now) {
            if let Received::Data { peer, data } = self.client.handle_datagram(now, &datagram) {
                self.at_client.push((peer, datagram[data].to_vec()));
            }
        }
        self.client.handle_timeout(now);
        if self.server.poll_timeout().is_some_and(|at| at <= now) {
            self.server.handle_timeout(now);
        }
        while self.server.poll_released().is_some() {
            self.released += 1;
        }
        self.flush();
    }

    fn flush(&mut self) {
        let mut out = [0; 1_500];
        while let Some(len) = self.client.poll_transmit(self.now, &mut out) {
            self.asked.push(self.now);
            self.up.send(self.now, len, out[..len].to_vec());
        }
        self.events
            .extend(std::iter::from_fn(|| self.client.poll_event()));
    }

    fn at_server(&mut self, datagram: &[u8]) {
        let mut out = [0; 256];
        let now = self.now;
        let len = match self
            .server
            .handle_datagram(now, Self::who(), datagram, &mut out)
        {
            Some(Output::Reply { len }) => len,
            Some(Output::Open(opening)) => {
                let relayed = Some(address("203.0.113.1:50000"));
                let (_, len) = self.server.opened(now, *opening, relayed, &mut out);
                len.unwrap()
            }
            Some(Output::ToPeer { peer, data, .. }) => {
                return self.at_peer.push((peer, datagram[data].to_vec()));
            }
            None => return,
        };
        self.down.send(now, len, out[..len].to_vec());
    }

    /// The client sends to a peer; the bytes that it takes on the way, if there is one.
    pub(super) fn send(&mut self, peer: &str, data: &[u8]) -> Option<usize> {
        let route = self.client.route(self.now, address(peer), true);
        self.flush();
        let mut out = [0; 1_500];
        let len = self.client.frame(route?, data, &mut out)?;
        self.up.send(self.now, len, out[..len].to_vec());
        Some(len)
    }

    /// A peer sends to the relayed address.
    pub(super) fn hear(&mut self, peer: &str, data: &[u8]) {
        let mut out = [0; 1_500];
        let from = (AllocationId(0), address(peer));
        if let Some((_, len)) = self.server.handle_relayed(self.now, from, data, &mut out) {
            self.down.send(self.now, len, out[..len].to_vec());
        }
    }

    /// Something comes to the client from the server's address.
    pub(super) fn deliver(&mut self, datagram: &[u8]) -> Received {
        let received = self.client.handle_datagram(self.now, datagram);
        self.flush();
        received
    }
}
