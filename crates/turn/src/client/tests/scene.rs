//! A client, our own server, and what lies between them.

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_netem::{Link, LinkConfig};
use xrtc_rtp::Time;

use super::super::{Received, TurnClient, TurnClientConfig, TurnEvent};
use crate::auth::Authority;
use crate::far_end::{self, Came, SECRET};
use crate::{AllocationId, TurnConfig, TurnServer};

pub(super) use crate::far_end::address;

pub(super) const PEER: &str = "8.8.8.8:9000";
const USER: &str = "1000600:ann";

pub(super) fn config() -> TurnClientConfig {
    TurnClientConfig {
        username: USER.to_owned(),
        password: Authority::new(SECRET, "xrtc".to_owned(), &[0; 32]).password(USER),
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
    let mut config = far_end::config();
    change(&mut config);
    far_end::server(config, nonces)
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
        match far_end::take(&mut self.server, self.now, datagram, &mut out) {
            Came::Answer(len) => self.down.send(self.now, len, out[..len].to_vec()),
            Came::ToPeer(peer, data) => self.at_peer.push((peer, datagram[data].to_vec())),
            Came::Nothing => {}
        }
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
