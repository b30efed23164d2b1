use std::net::SocketAddr;

/// A UDP path: where a datagram was received or leaves from, and where it came from or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Our address (never a wildcard).
    pub local: SocketAddr,
    /// The remote address.
    pub remote: SocketAddr,
}
