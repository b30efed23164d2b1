//! Why a server did not start, or did not take a command.

use std::io;
use std::net::SocketAddr;

use xrtc_transport::InvalidCertificate;

use crate::ServerConfig;

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
    /// Another socket has the port.
    #[error("UDP {address} is in use")]
    AddressInUse {
        /// Address and port.
        address: SocketAddr,
    },
    /// The address does not belong to this machine.
    #[error("UDP {address} is not an address of this machine")]
    AddressNotAvailable {
        /// Address and port.
        address: SocketAddr,
    },
    /// The process may not have the port.
    #[error("no permission for UDP {address}")]
    PermissionDenied {
        /// Address and port.
        address: SocketAddr,
    },
    /// The socket cannot be had for another reason.
    #[error("UDP {address}: {source}")]
    Socket {
        /// Address and port.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A thread or a poller cannot be had.
    #[error("worker {worker}: {source}")]
    Worker {
        /// Which.
        worker: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The crypto library makes no certificate.
    #[error("no certificate: {0}")]
    Certificate(#[from] InvalidCertificate),
    /// The operating system has no randomness to give.
    #[error("no randomness from the operating system")]
    NoEntropy,
}

impl StartError {
    /// The error of a socket for `address`.
    pub(crate) fn socket(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::AddressInUse { address },
            io::ErrorKind::AddrNotAvailable => Self::AddressNotAvailable { address },
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { address },
            _ => Self::Socket { address, source },
        }
    }

    /// The stable camelCase code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WorkerCount { .. } => "workerCount",
            Self::PortRange { .. } => "portRange",
            Self::NoAddress => "noAddress",
            Self::AddressInUse { .. } => "addressInUse",
            Self::AddressNotAvailable { .. } => "addressNotAvailable",
            Self::PermissionDenied { .. } => "permissionDenied",
            Self::Socket { .. } => "socket",
            Self::Worker { .. } => "worker",
            Self::Certificate(_) => "certificate",
            Self::NoEntropy => "noEntropy",
        }
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
