//! Whose datagram it is: remote addresses and our ufrags to peers.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::FixedState;

use crate::Path;

/// The slot of a peer in its worker's table.
pub(crate) type PeerKey = usize;

/// Both ways to find a peer. Every entry belongs to one peer, which takes all of its entries with it.
#[derive(Debug)]
pub(crate) struct Addresses {
    paths: HashMap<PathKey, PeerKey, FixedState>,
    ufrags: HashMap<Box<str>, PeerKey, FixedState>,
    /// Sockets that only one peer has: by family and port, since a worker has one socket of each.
    own: HashMap<(bool, u16), PeerKey, FixedState>,
}

impl Addresses {
    /// `seed` keeps others from choosing addresses that fall into one bucket.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            paths: HashMap::with_hasher(FixedState::with_seed(seed)),
            ufrags: HashMap::with_hasher(FixedState::with_seed(seed)),
            own: HashMap::with_hasher(FixedState::with_seed(seed)),
        }
    }

    /// The peer whose authenticated check came on this path.
    pub(crate) fn by_path(&self, path: &Path) -> Option<PeerKey> {
        self.paths.get(&PathKey::from(path)).copied()
    }

    /// The peer to which we gave this ufrag.
    pub(crate) fn by_ufrag(&self, ufrag: &str) -> Option<PeerKey> {
        self.ufrags.get(ufrag).copied()
    }

    /// Gives the path to a peer; says who had it before, if somebody else did.
    pub(crate) fn bind_path(&mut self, path: &Path, peer: PeerKey) -> Option<PeerKey> {
        self.paths
            .insert(PathKey::from(path), peer)
            .filter(|before| *before != peer)
    }

    /// Takes the path from that peer; nothing happens if it is another's by now.
    pub(crate) fn release_path(&mut self, path: &Path, peer: PeerKey) {
        let key = PathKey::from(path);
        if self.paths.get(&key) == Some(&peer) {
            self.paths.remove(&key);
        }
    }

    pub(crate) fn bind_ufrag(&mut self, ufrag: &str, peer: PeerKey) {
        self.ufrags.insert(ufrag.into(), peer);
    }

    pub(crate) fn release_ufrag(&mut self, ufrag: &str) {
        self.ufrags.remove(ufrag);
    }

    /// The peer that alone has the socket which received this. Empty as long as nobody sends checks.
    pub(crate) fn by_socket(&self, path: &Path) -> Option<PeerKey> {
        if self.own.is_empty() {
            return None;
        }
        self.own.get(&socket_key(path.local)).copied()
    }

    pub(crate) fn bind_socket(&mut self, local: SocketAddr, peer: PeerKey) {
        self.own.insert(socket_key(local), peer);
    }

    pub(crate) fn release_socket(&mut self, local: SocketAddr, peer: PeerKey) {
        let key = socket_key(local);
        if self.own.get(&key) == Some(&peer) {
            self.own.remove(&key);
        }
    }

    /// Sockets that only one peer has.
    pub(crate) fn sockets(&self) -> usize {
        self.own.len()
    }

    pub(crate) fn paths(&self) -> usize {
        self.paths.len()
    }

    pub(crate) fn ufrags(&self) -> usize {
        self.ufrags.len()
    }
}

/// A worker binds one port of a family only once.
const fn socket_key(local: SocketAddr) -> (bool, u16) {
    (local.is_ipv4(), local.port())
}

/// A path in the form that hashes fastest: three words for each address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct PathKey {
    local: u128,
    remote: u128,
    ports: u32,
}

impl From<&Path> for PathKey {
    fn from(path: &Path) -> Self {
        let ports = u32::from(path.local.port()) << 16 | u32::from(path.remote.port());
        Self {
            local: bits(path.local),
            remote: bits(path.remote),
            ports,
        }
    }
}

/// An IPv4 address is its own IPv4-mapped form here: sockets of both families may report either.
const fn bits(address: SocketAddr) -> u128 {
    match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(remote: &str) -> Path {
        Path {
            local: ([10, 0, 0, 1], 8800).into(),
            remote: remote.parse().unwrap(),
        }
    }

    #[test]
    fn a_path_belongs_to_the_last_peer_that_proved_it() {
        let mut addresses = Addresses::new(1);
        assert_eq!(addresses.bind_path(&path("1.2.3.4:5"), 1), None);
        assert_eq!(addresses.bind_path(&path("1.2.3.4:5"), 1), None);
        assert_eq!(addresses.by_path(&path("1.2.3.4:5")), Some(1));
        assert_eq!(addresses.by_path(&path("[::ffff:1.2.3.4]:5")), Some(1));
        assert_eq!(addresses.bind_path(&path("1.2.3.4:5"), 2), Some(1));
        addresses.release_path(&path("1.2.3.4:5"), 1);
        assert_eq!(addresses.by_path(&path("1.2.3.4:5")), Some(2));
        addresses.release_path(&path("1.2.3.4:5"), 2);
        assert_eq!(addresses.paths(), 0);
    }

    #[test]
    fn the_same_remote_on_another_local_address_is_another_path() {
        let mut addresses = Addresses::new(1);
        addresses.bind_path(&path("1.2.3.4:5"), 1);
        let other = Path {
            local: ([10, 0, 0, 2], 8800).into(),
            ..path("1.2.3.4:5")
        };
        assert_eq!(addresses.by_path(&other), None);
    }
}
