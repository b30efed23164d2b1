//! The sockets of relayed addresses.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use mio::{Interest, Registry, Token};
use xrtc_turn::AllocationId;

use super::service::RELAY_TOKENS;
use crate::Backend;
use crate::counters::Counters;
use crate::udp::{ReceiveBuffer, Share, Socket};

/// Where relayed addresses are bound, and what they are told to be: IPv4 and IPv6.
pub(super) type Homes = [Option<(IpAddr, IpAddr)>; 2];

/// The relayed addresses' sockets, by the numbers of their allocations.
pub(super) struct Relays {
    sockets: Vec<Option<Relay>>,
    /// Announced addresses of this server's own media, and where it is received.
    announced: Vec<(SocketAddr, SocketAddr)>,
    /// Where to bind, and what is told: IPv4 and IPv6.
    homes: Homes,
    ports: RangeInclusive<u16>,
    backend: Backend,
    counters: Arc<Counters>,
    rng: fastrand::Rng,
}

/// The socket of one relayed address.
struct Relay {
    socket: Socket,
    /// The announced addresses that were sent to, and where that went.
    inside: Vec<(SocketAddr, SocketAddr)>,
}

impl Relays {
    pub(super) fn new(
        (homes, announced): (Homes, Vec<(SocketAddr, SocketAddr)>),
        ports: RangeInclusive<u16>,
        backend: Backend,
        counters: Arc<Counters>,
        seed: u64,
    ) -> Self {
        Self {
            sockets: Vec::new(),
            announced,
            homes,
            ports,
            backend,
            counters,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// A socket on a free port, and what its address is told to be. `None`: no port was found.
    pub(super) fn open(&mut self, is_ipv6: bool, is_even: bool) -> Option<(Socket, SocketAddr)> {
        let [ipv4, ipv6] = self.homes;
        let (bind, told) = if is_ipv6 { ipv6 } else { ipv4 }?;
        for _ in 0..PORT_TRIES {
            // Nobody shall know the next one (RFC 8656 §7.2).
            let port = self.rng.u16(self.ports.clone()) & if is_even { !1 } else { !0 };
            let counters = Arc::clone(&self.counters);
            let address = SocketAddr::new(bind, port);
            let bound = Socket::bind(address, Share::Alone, self.backend, counters);
            if let Ok(socket) = bound {
                return Some((socket, SocketAddr::new(told, port)));
            }
        }
        None
    }

    /// Keeps the socket of an allocation.
    pub(super) fn insert(
        &mut self,
        AllocationId(index): AllocationId,
        mut socket: Socket,
        registry: &Registry,
    ) {
        if self.sockets.len() <= index {
            self.sockets.resize_with(index + 1, || None);
        }
        let token = Token(RELAY_TOKENS + index);
        // One that cannot be watched sends only; its client will find no path by it.
        let _ = registry.register(socket.source(), token, Interest::READABLE);
        if let Some(place) = self.sockets.get_mut(index) {
            *place = Some(Relay {
                socket,
                inside: Vec::new(),
            });
        }
    }

    pub(super) fn remove(&mut self, AllocationId(index): AllocationId, registry: &Registry) {
        if let Some(mut relay) = self.sockets.get_mut(index).and_then(Option::take) {
            let _ = registry.deregister(relay.socket.source());
        }
    }

    pub(super) fn clear(&mut self) {
        self.sockets.clear();
    }

    /// Sends to a peer. What goes to an announced address of this server's own media goes where that is received: few
    /// NATs lead back in what comes from within.
    pub(super) fn send(
        &mut self,
        AllocationId(index): AllocationId,
        peer: SocketAddr,
        data: &[u8],
    ) {
        let Some(relay) = self.sockets.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        let inside = self.announced.iter().find(|(outside, _)| *outside == peer);
        if let Some((_, local)) = inside {
            match relay.inside.iter_mut().find(|(_, known)| known == local) {
                Some((outside, _)) => *outside = peer,
                None => relay.inside.push((peer, *local)),
            }
        }
        let target = inside.map_or(peer, |(_, local)| *local);
        relay.socket.send_alone(data, target);
    }

    /// The peer that a datagram is from, as its client knows it: by the address that it has sent to last.
    pub(super) fn outside(
        &self,
        AllocationId(index): AllocationId,
        remote: SocketAddr,
    ) -> SocketAddr {
        let relay = self.sockets.get(index).and_then(Option::as_ref);
        let known = relay.and_then(|relay| relay.inside.iter().find(|(_, local)| *local == remote));
        known.map_or(remote, |(outside, _)| *outside)
    }

    /// Receives one batch. `false`: there is nothing more for now.
    pub(super) fn receive(&mut self, index: usize, buffer: &mut ReceiveBuffer) -> bool {
        let relay = self.sockets.get_mut(index).and_then(Option::as_mut);
        relay.is_some_and(|relay| relay.socket.receive(buffer))
    }

    pub(super) fn count(&self) -> usize {
        self.sockets.iter().flatten().count()
    }
}

/// In a range that is half full the chance of finding none is one in four billions.
const PORT_TRIES: usize = 32;
