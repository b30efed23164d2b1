//! The server: what it holds, and what becomes of a datagram.

mod allocate;
mod data;
mod manage;
mod request;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use foldhash::fast::FixedState;
use slab::Slab;
use xrtc_ice::Path;
use xrtc_ice::stun::{Class, Message, Method};
use xrtc_rtp::{Time, WallClock};

use crate::allocation::Allocation;
use crate::auth::Authority;
use crate::budget::Budget;
use crate::limits::MAX_REALM;
use crate::subnet::prefix;
use crate::{PeerPolicy, TurnCounters, TurnLimits};

pub use allocate::Opening;

/// Whom a datagram or a message comes from, and what goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// Both addresses.
    pub path: Path,
    /// The driver's number for the socket or the connection.
    pub link: usize,
}

/// The number of an allocation, given again when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AllocationId(pub usize);

/// What is to be done with what a client has sent.
#[derive(Debug)]
pub enum Output {
    /// The first bytes of the caller's buffer go back to the client.
    Reply {
        /// How many.
        len: usize,
    },
    /// A part of the datagram goes from the relayed address to a peer.
    ToPeer {
        /// Whose relayed address.
        allocation: AllocationId,
        /// Where to.
        peer: SocketAddr,
        /// Which bytes of the datagram.
        data: Range<usize>,
    },
    /// A socket is wanted for an allocation: [`TurnServer::opened`] hears what came of it.
    Open(Box<Opening>),
}

/// What a TURN server is made with.
#[derive(Clone, Debug)]
pub struct TurnConfig {
    /// What passwords are made with.
    pub secret: Vec<u8>,
    /// The realm: 1 to 24 printable ASCII characters without quotes.
    pub realm: String,
    /// Which families relayed addresses can have: IPv4 and IPv6.
    pub families: [bool; 2],
    /// Which peers may be reached.
    pub peers: PeerPolicy,
    /// What clients can make grow.
    pub limits: TurnLimits,
    /// The wall clock, to know when credentials end.
    pub wall: WallClock,
}

/// A realm that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a realm has 1 to {MAX_REALM} printable characters of ASCII, and no quotes or backslashes")]
pub struct InvalidRealm;

/// A STUN and TURN server.
#[derive(Debug)]
pub struct TurnServer {
    authority: Authority,
    families: [bool; 2],
    peers: PeerPolicy,
    limits: TurnLimits,
    wall: WallClock,
    budget: Budget,
    allocations: Slab<Allocation>,
    clients: HashMap<Client, usize, FixedState>,
    /// How many allocations each has.
    users: HashMap<String, usize, FixedState>,
    addresses: HashMap<IpAddr, usize, FixedState>,
    released: VecDeque<(AllocationId, Client)>,
    swept: Time,
    counters: TurnCounters,
}

impl TurnServer {
    /// A server without allocations. `seed` has to be unpredictable: nonces are signed with it.
    pub fn new(config: TurnConfig, seed: &[u8; 32], now: Time) -> Result<Self, InvalidRealm> {
        let is_fitting = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
        let realm = config.realm;
        if realm.is_empty() || realm.len() > MAX_REALM || !realm.bytes().all(is_fitting) {
            return Err(InvalidRealm);
        }
        let [a, b, c, d, e, f, g, h, ..] = *seed;
        let hash_seed = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
        let hash = FixedState::with_seed(hash_seed);
        Ok(Self {
            authority: Authority::new(&config.secret, realm, seed),
            families: config.families,
            peers: config.peers,
            limits: config.limits,
            wall: config.wall,
            budget: Budget::new(
                config.limits.unauthenticated_bytes_per_second,
                hash_seed.rotate_left(32),
            ),
            allocations: Slab::new(),
            clients: HashMap::with_hasher(hash.clone()),
            users: HashMap::with_hasher(hash.clone()),
            addresses: HashMap::with_hasher(hash),
            released: VecDeque::new(),
            swept: now,
            counters: TurnCounters::default(),
        })
    }

    /// Takes one datagram, or one message of a connection, from a client. A reply is written into `out`, which should
    /// hold 256 bytes.
    pub fn handle_datagram(
        &mut self,
        now: Time,
        client: Client,
        datagram: &[u8],
        out: &mut [u8],
    ) -> Option<Output> {
        // RFC 8656 §12: the first two bits tell.
        if datagram.first().is_some_and(|first| first >> 6 == 1) {
            return self.channel_data(now, client, datagram);
        }
        let Ok(message) = Message::parse_any(datagram) else {
            self.counters.malformed += 1;
            return None;
        };
        match (message.class(), message.method()) {
            (Class::Request, _) => self.request(now, (client, datagram.len()), &message, out),
            (Class::Indication, Method::SEND) => self.send_data(now, client, &message, datagram),
            // Keepalives of ICE agents (RFC 8445 §11).
            (Class::Indication, Method::BINDING) => None,
            _ => {
                self.counters.malformed += 1;
                None
            }
        }
    }

    /// A connection is gone, and its allocation with it.
    pub fn handle_closed(&mut self, client: Client) {
        if let Some(&index) = self.clients.get(&client) {
            self.counters.allocations_released += 1;
            self.release(index);
        }
    }

    /// Ends what nobody has refreshed.
    pub fn handle_timeout(&mut self, now: Time) {
        self.swept = now;
        let mut over = Vec::new();
        for (index, allocation) in &mut self.allocations {
            if allocation.expires <= now {
                over.push(index);
            } else {
                allocation.sweep(now);
            }
        }
        for index in over {
            self.counters.allocations_expired += 1;
            self.release(index);
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        (!self.allocations.is_empty()).then(|| self.swept + SWEEP)
    }

    /// An allocation that is over: its socket is to be closed, and its client's connection if it has one.
    pub fn poll_released(&mut self) -> Option<(AllocationId, Client)> {
        self.released.pop_front()
    }

    /// Whether this client has an allocation.
    pub fn has_allocation(&self, client: &Client) -> bool {
        self.clients.contains_key(client)
    }

    /// What it did and what it holds.
    pub fn counters(&self) -> TurnCounters {
        let sizes = self.allocations.iter().map(|(_, one)| one.sizes());
        let (permissions, channels) = sizes.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        TurnCounters {
            allocations: self.allocations.len() as u64,
            permissions: permissions as u64,
            channels: channels as u64,
            ..self.counters
        }
    }

    fn release(&mut self, index: usize) {
        let Some(allocation) = self.allocations.try_remove(index) else {
            return;
        };
        self.clients.remove(&allocation.client);
        take_one(&mut self.users, allocation.username.as_str());
        take_one(&mut self.addresses, &address_of(&allocation.client));
        let client = allocation.client;
        self.released.push_back((AllocationId(index), client));
    }

    /// The Unix time.
    fn unix_seconds(&self, now: Time) -> u64 {
        self.wall.unix_nanos_at_zero.saturating_add(now.as_nanos()) / 1_000_000_000
    }
}

/// What counts as one client address.
fn address_of(client: &Client) -> IpAddr {
    prefix(client.path.remote.ip(), 32)
}

fn take_one<K, Q>(counts: &mut HashMap<K, usize, FixedState>, key: &Q)
where
    K: std::borrow::Borrow<Q> + std::hash::Hash + Eq,
    Q: std::hash::Hash + Eq + ?Sized,
{
    let left = counts.get_mut(key).map(|count| {
        *count = count.saturating_sub(1);
        *count
    });
    if left == Some(0) {
        counts.remove(key);
    }
}

/// How often it is looked for what is over; nothing outlives its end by use in between.
const SWEEP: Duration = Duration::from_secs(1);
