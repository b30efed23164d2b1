//! Why a server did not start, or did not take a command.

use std::io;
use std::net::SocketAddr;

use xrtc_sfu::Protocol;
use xrtc_transport::InvalidCertificate;
use xrtc_turn::InvalidRealm;

use crate::{InvalidTurnCertificate, ServerConfig};

/// Why a server did not start; nothing is left of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The number of workers is zero or too large.
    #[error("{workers} workers: there can be 1 to {}", ServerConfig::MAX_WORKERS)]
    WorkerCount {
        /// What was asked for.
        workers: u16,
    },
    /// The ports after the first one would go beyond 65,535.
    #[error("UDP port {port} leaves no room for {workers} workers")]
    PortRange {
        /// The first port.
        port: u16,
        /// How many are needed.
        workers: u16,
    },
    /// Neither IPv4 nor IPv6 was asked for, or this machine has none of what was asked for.
    #[error("no address to listen on")]
    NoAddress,
    /// None of the interfaces that were asked for has an address.
    #[error("no interface of these names has an address")]
    NoInterface,
    /// Another socket has the port.
    #[error("{} {address} is in use", capitals(*protocol))]
    AddressInUse {
        /// What the socket is for.
        protocol: Protocol,
        /// Address and port.
        address: SocketAddr,
    },
    /// The address does not belong to this machine.
    #[error("{} {address} is not an address of this machine", capitals(*protocol))]
    AddressNotAvailable {
        /// What the socket is for.
        protocol: Protocol,
        /// Address and port.
        address: SocketAddr,
    },
    /// The process may not have the port.
    #[error("no permission for {} {address}", capitals(*protocol))]
    PermissionDenied {
        /// What the socket is for.
        protocol: Protocol,
        /// Address and port.
        address: SocketAddr,
    },
    /// The socket cannot be had for another reason.
    #[error("{} {address}: {source}", capitals(*protocol))]
    Socket {
        /// What the socket is for.
        protocol: Protocol,
        /// Address and port.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The thread that takes TCP connections cannot be had.
    #[error("TCP acceptor: {0}")]
    Acceptor(io::Error),
    /// A thread or a poller cannot be had.
    #[error("worker {worker}: {source}")]
    Worker {
        /// Which.
        worker: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The TURN server did not start.
    #[error("TURN: {0}")]
    Turn(#[source] Box<Self>),
    /// Its thread or poller cannot be had.
    #[error("no thread: {source}")]
    TurnThread {
        /// What the system says.
        source: io::Error,
    },
    /// Its certificate or key cannot be used.
    #[error("the TURN certificate: {0}")]
    TurnCertificate(InvalidTurnCertificate),
    /// Its realm is too long, or has characters that it may not have.
    #[error(transparent)]
    TurnRealm(InvalidRealm),
    /// The certificate that was given cannot be used, or the crypto library makes none.
    #[error("the DTLS certificate: {0}")]
    Certificate(#[from] InvalidCertificate),
    /// The operating system has no randomness to give.
    #[error("no randomness from the operating system")]
    NoEntropy,
}

impl StartError {
    /// The error of a socket for `address`.
    pub(crate) fn bind(protocol: Protocol, address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::AddressInUse { protocol, address },
            io::ErrorKind::AddrNotAvailable => Self::AddressNotAvailable { protocol, address },
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { protocol, address },
            _ => Self::Socket {
                protocol,
                address,
                source,
            },
        }
    }

    /// The stable camelCase code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Turn(error) => error.code(),
            Self::TurnThread { .. } => "worker",
            Self::TurnCertificate(_) | Self::TurnRealm(_) => "invalidArgument",
            Self::WorkerCount { .. } => "workerCount",
            Self::PortRange { .. } => "portRange",
            Self::NoAddress | Self::NoInterface => "noAddress",
            Self::AddressInUse { .. } => "addressInUse",
            Self::AddressNotAvailable { .. } => "addressNotAvailable",
            Self::PermissionDenied { .. } => "permissionDenied",
            Self::Socket { .. } => "socket",
            Self::Acceptor(_) => "acceptor",
            Self::Worker { .. } => "worker",
            Self::Certificate(InvalidCertificate::Generation) => "certificate",
            Self::Certificate(_) => "invalidArgument",
            Self::NoEntropy => "noEntropy",
        }
    }
}

const fn capitals(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Udp | Protocol::Relayed => "UDP",
        Protocol::Tcp => "TCP",
    }
}

/// Why a command was not taken; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The worker has too many commands waiting.
    #[error("the worker has too many commands waiting")]
    Busy,
    /// There is no such worker.
    #[error("there is no such worker")]
    UnknownWorker,
    /// The server is closed.
    #[error("the server is closed")]
    Closed,
}

impl SendError {
    /// The stable camelCase code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::UnknownWorker => "unknownWorker",
            Self::Closed => "serverClosed",
        }
    }
}

/// Why a certificate was not replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// It cannot be used.
    #[error("the DTLS certificate: {0}")]
    Certificate(#[from] InvalidCertificate),
    /// It cannot be used for TURN over TLS.
    #[error("the TURN certificate: {0}")]
    TurnCertificate(#[from] InvalidTurnCertificate),
    /// There is no TURN over TLS.
    #[error("the server has no TURN over TLS (turn.tls)")]
    NoTurnTls,
    /// A worker has not taken it.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl ReplaceError {
    /// The stable camelCase code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Certificate(_) | Self::TurnCertificate(_) => "invalidArgument",
            Self::NoTurnTls => "invalidState",
            Self::Send(error) => error.code(),
        }
    }
}
