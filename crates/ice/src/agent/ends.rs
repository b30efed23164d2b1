//! The two ends of a pair, and which of them pair up (RFC 8445 §6.1.2.2).

use std::net::SocketAddr;

use super::pair::{Pair, Priorities};
use crate::{CandidateKind, Path, Protocol};

/// Where checks leave from.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalCandidate {
    pub(super) base: SocketAddr,
    /// Checks from it go by way of a TURN server.
    pub(super) is_relayed: bool,
    pub(super) priority: u32,
    pub(super) foundation: u32,
}

impl LocalCandidate {
    /// Whether datagrams on `path` leave from it.
    pub(super) fn carries(&self, path: Path) -> bool {
        self.base == path.local && self.is_relayed == (path.protocol == Protocol::Relayed)
    }

    /// Whether it is the same place as another one.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.base == other.base && self.is_relayed == other.is_relayed
    }
}

/// Where they go to.
#[derive(Clone, Copy, Debug)]
pub(super) struct RemoteCandidate {
    pub(super) address: SocketAddr,
    /// As it was signalled; peer-reflexive as long as only checks have told of it.
    pub(super) kind: CandidateKind,
    pub(super) priority: u32,
    pub(super) foundation: u32,
}

/// The pair of two ends.
pub(super) fn new_pair(local: LocalCandidate, remote: RemoteCandidate) -> Pair {
    let path = if local.is_relayed {
        Path::relayed(local.base, remote.address)
    } else {
        Path::udp(local.base, remote.address)
    };
    let priorities = Priorities {
        local: local.priority,
        remote: remote.priority,
    };
    Pair::new(
        path,
        priorities,
        u64::from(local.foundation) << 32 | u64::from(remote.foundation),
    )
}

/// Addresses pair up within a family, link-local ones among themselves (RFC 8445 §6.1.2.2); nothing but the loopback
/// can be reached from the loopback.
pub(super) fn can_reach(local: SocketAddr, remote: SocketAddr) -> bool {
    if local.ip().is_loopback() && !remote.ip().is_loopback() {
        return false;
    }
    match (local, remote) {
        (SocketAddr::V4(_), SocketAddr::V4(_)) => true,
        (SocketAddr::V6(local), SocketAddr::V6(remote)) => {
            local.ip().is_unicast_link_local() == remote.ip().is_unicast_link_local()
        }
        _ => false,
    }
}
