//! The five-tuple a datagram travels on.

use std::fmt;
use std::net::SocketAddr;

/// A UDP five-tuple, seen from this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Our address: where a datagram arrived, or where one leaves from.
    pub local: SocketAddr,
    /// The peer's address as seen from here, after any translation on the way.
    pub remote: SocketAddr,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <-> {}", self.local, self.remote)
    }
}
