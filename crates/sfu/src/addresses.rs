//! Whose datagram it is: remote addresses and our ufrags to peers.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::FixedState;

use crate::{Path, Protocol, WorkerId};

/// The slot of a peer in its worker's table.
pub(crate) type PeerKey = usize;

/// Both ways to find a peer. Every entry belongs to one peer, which takes all of its entries with it.
#[derive(Debug)]
pub(crate) struct Addresses {
    worker: WorkerId,
    paths: HashMap<PathKey, Entry, FixedState>,
    /// Detours of other workers that are over, until they are told.
    ended: Vec<(WorkerId, Path)>,
    /// Paths over TCP that are nobody's any more, until they are told.
    released: Vec<Path>,
    ufrags: HashMap<Box<str>, PeerKey, FixedState>,
    /// Sockets and relayed addresses that only one peer has.
    own: HashMap<OwnKey, PeerKey, FixedState>,
}

/// Whose a path is.
#[derive(Clone, Copy, Debug)]
struct Entry {
    peer: PeerKey,
    /// The worker that receives what comes on it.
    via: WorkerId,
}

impl Addresses {
    /// `seed` keeps others from choosing addresses that fall into one bucket.
    pub(crate) fn new(worker: WorkerId, seed: u64) -> Self {
        Self {
            worker,
            ended: Vec::new(),
            released: Vec::new(),
            paths: HashMap::with_hasher(FixedState::with_seed(seed)),
            ufrags: HashMap::with_hasher(FixedState::with_seed(seed)),
            own: HashMap::with_hasher(FixedState::with_seed(seed)),
        }
    }

    /// The peer whose authenticated check came on this path.
    pub(crate) fn by_path(&self, path: &Path) -> Option<PeerKey> {
        Some(self.paths.get(&PathKey::from(path))?.peer)
    }

    /// The worker that receives what comes on this path, if it is a peer's.
    pub(crate) fn via(&self, path: &Path) -> Option<WorkerId> {
        Some(self.paths.get(&PathKey::from(path))?.via)
    }

    /// The peer to which we gave this ufrag.
    pub(crate) fn by_ufrag(&self, ufrag: &str) -> Option<PeerKey> {
        self.ufrags.get(ufrag).copied()
    }

    /// Gives the path, on which datagrams come by way of worker `via`, to a peer; says who had it before.
    pub(crate) fn bind_path(
        &mut self,
        path: &Path,
        peer: PeerKey,
        via: WorkerId,
    ) -> Option<PeerKey> {
        self.ended.retain(|ended| *ended != (via, *path));
        self.released.retain(|released| released != path);
        let before = self
            .paths
            .insert(PathKey::from(path), Entry { peer, via })?;
        if before.via != via {
            self.end_detour(before.via, *path);
        }
        Some(before.peer)
    }

    /// Takes the path from that peer; nothing happens if it is another's by now.
    pub(crate) fn release_path(&mut self, path: &Path, peer: PeerKey) {
        let key = PathKey::from(path);
        if let Some(entry) = self.paths.get(&key).filter(|entry| entry.peer == peer) {
            let via = entry.via;
            self.paths.remove(&key);
            self.end_detour(via, *path);
            if path.protocol == Protocol::Tcp {
                self.released.push(*path);
            }
        }
    }

    /// Nobody here wants what worker `via` passes on from this path.
    pub(crate) fn end_detour(&mut self, via: WorkerId, path: Path) {
        if via != self.worker {
            self.ended.push((via, path));
        }
    }

    /// A worker that must be told that this detour of its is over.
    pub(crate) fn pop_ended(&mut self) -> Option<(WorkerId, Path)> {
        self.ended.pop()
    }

    /// A connection that nobody needs any more.
    pub(crate) fn pop_released(&mut self) -> Option<Path> {
        self.released.pop()
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
        let key = match path.protocol {
            Protocol::Udp => OwnKey::socket(path.local),
            Protocol::Relayed => OwnKey::Relayed(path.local),
            Protocol::Tcp => return None,
        };
        self.own.get(&key).copied()
    }

    pub(crate) fn bind_own(&mut self, key: OwnKey, peer: PeerKey) {
        self.own.insert(key, peer);
    }

    pub(crate) fn release_own(&mut self, key: OwnKey, peer: PeerKey) {
        if self.own.get(&key) == Some(&peer) {
            self.own.remove(&key);
        }
    }

    /// Sockets and relayed addresses that only one peer has.
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

/// What only one peer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OwnKey {
    /// A socket of this family on this port: a worker binds one only once.
    Socket { is_ipv4: bool, port: u16 },
    /// An address on a TURN server.
    Relayed(SocketAddr),
}

impl OwnKey {
    pub(crate) const fn socket(local: SocketAddr) -> Self {
        Self::Socket {
            is_ipv4: local.is_ipv4(),
            port: local.port(),
        }
    }
}

/// A path in the form that hashes fastest: three words for each address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PathKey {
    local: u128,
    remote: u128,
    /// And what carries the datagrams.
    ports: u64,
}

impl From<&Path> for PathKey {
    fn from(path: &Path) -> Self {
        let protocol = match path.protocol {
            Protocol::Udp => 0,
            Protocol::Tcp => 1 << 32,
            Protocol::Relayed => 2 << 32,
        };
        let ports = u64::from(path.local.port()) << 16 | u64::from(path.remote.port()) | protocol;
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

    const OWN: WorkerId = WorkerId(0);

    fn path(remote: &str) -> Path {
        Path::udp(([10, 0, 0, 1], 8800).into(), remote.parse().unwrap())
    }

    #[test]
    fn a_path_belongs_to_the_last_peer_that_proved_it() {
        let mut addresses = Addresses::new(OWN, 1);
        assert_eq!(addresses.bind_path(&path("1.2.3.4:5"), 1, OWN), None);
        assert_eq!(addresses.bind_path(&path("1.2.3.4:5"), 1, OWN), Some(1));
        assert_eq!(addresses.by_path(&path("1.2.3.4:5")), Some(1));
        assert_eq!(addresses.by_path(&path("[::ffff:1.2.3.4]:5")), Some(1));
        assert_eq!(addresses.bind_path(&path("1.2.3.4:5"), 2, OWN), Some(1));
        addresses.release_path(&path("1.2.3.4:5"), 1);
        assert_eq!(addresses.by_path(&path("1.2.3.4:5")), Some(2));
        addresses.release_path(&path("1.2.3.4:5"), 2);
        assert_eq!((addresses.paths(), addresses.pop_ended()), (0, None));
    }

    #[test]
    fn a_worker_is_told_when_its_detour_is_over_or_goes_another_way() {
        let mut addresses = Addresses::new(OWN, 1);
        let [one, two] = ["1.2.3.4:5", "1.2.3.4:6"].map(path);
        addresses.bind_path(&one, 1, WorkerId(1));
        addresses.bind_path(&one, 1, WorkerId(2));
        assert_eq!(addresses.pop_ended(), Some((WorkerId(1), one)));
        assert_eq!(addresses.via(&one), Some(WorkerId(2)));
        addresses.bind_path(&two, 1, OWN);
        addresses.release_path(&two, 1);
        addresses.release_path(&one, 1);
        // The client is back before anybody was told.
        addresses.bind_path(&one, 3, WorkerId(2));
        assert_eq!(addresses.pop_ended(), None);
        addresses.release_path(&one, 1);
        assert_eq!(
            addresses.pop_ended(),
            None,
            "it is not that peer's any more"
        );
        addresses.release_path(&one, 3);
        assert_eq!(addresses.pop_ended(), Some((WorkerId(2), one)));
    }

    #[test]
    fn the_same_addresses_over_tcp_are_another_path() {
        let mut addresses = Addresses::new(OWN, 1);
        let udp = path("1.2.3.4:5");
        addresses.bind_path(&udp, 1, OWN);
        addresses.bind_own(OwnKey::socket(udp.local), 1);
        let tcp = Path::tcp(udp.local, udp.remote);
        assert_eq!(addresses.by_path(&tcp), None);
        assert_eq!(addresses.by_socket(&udp), Some(1));
        assert_eq!(addresses.by_socket(&tcp), None);
    }

    #[test]
    fn a_relayed_address_is_no_socket_with_its_port() {
        let mut addresses = Addresses::new(OWN, 1);
        let udp = path("1.2.3.4:5");
        let relayed = Path::relayed(udp.local, udp.remote);
        addresses.bind_own(OwnKey::Relayed(relayed.local), 1);
        addresses.bind_path(&relayed, 1, OWN);
        assert_eq!(addresses.by_socket(&relayed), Some(1));
        assert_eq!(
            (addresses.by_socket(&udp), addresses.by_path(&udp)),
            (None, None)
        );
        let elsewhere = Path::relayed(([10, 0, 0, 2], 8800).into(), udp.remote);
        assert_eq!(addresses.by_socket(&elsewhere), None);
        addresses.release_own(OwnKey::Relayed(relayed.local), 2);
        assert_eq!(addresses.sockets(), 1, "it is not that peer's");
        addresses.release_own(OwnKey::Relayed(relayed.local), 1);
        assert_eq!(addresses.sockets(), 0);
    }

    #[test]
    fn the_same_remote_on_another_local_address_is_another_path() {
        let mut addresses = Addresses::new(OWN, 1);
        addresses.bind_path(&path("1.2.3.4:5"), 1, OWN);
        let other = Path {
            local: ([10, 0, 0, 2], 8800).into(),
            ..path("1.2.3.4:5")
        };
        assert_eq!(addresses.by_path(&other), None);
    }
}
