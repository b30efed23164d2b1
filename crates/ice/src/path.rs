//! The five-tuple a datagram travels on.

use std::fmt;
use std::net::SocketAddr;

/// A five-tuple, seen from this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Our address: where a datagram arrived, or where one leaves from.
    pub local: SocketAddr,
    /// The peer's address as seen from here, after any translation on the way.
    pub remote: SocketAddr,
    /// What carries the datagrams.
    pub protocol: Protocol,
}

/// What carries the datagrams of a [`Path`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// UDP.
    #[default]
    Udp,
    /// A TCP connection, on which each datagram is a frame (RFC 4571): nothing is lost or reordered, and the path ends
    /// with the connection.
    Tcp,
    /// UDP by way of a TURN server (RFC 8656): our address is the relayed one there, from which the server sends for us.
    Relayed,
}

impl Protocol {
    /// As `RTCIceCandidate.protocol` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp | Self::Relayed => "udp",
            Self::Tcp => "tcp",
        }
    }
}

impl Path {
    /// A path over UDP.
    pub const fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            local,
            remote,
            protocol: Protocol::Udp,
        }
    }

    /// The path of a TCP connection.
    pub const fn tcp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            local,
            remote,
            protocol: Protocol::Tcp,
        }
    }

    /// A path from a relayed address.
    pub const fn relayed(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            local,
            remote,
            protocol: Protocol::Relayed,
        }
    }

    /// Whether datagrams on it may be lost or come in another order.
    pub const fn is_datagrams(&self) -> bool {
        !matches!(self.protocol, Protocol::Tcp)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            local,
            remote,
            protocol,
        } = self;
        write!(f, "{} {local} <-> {remote}", protocol.name())
    }
}
