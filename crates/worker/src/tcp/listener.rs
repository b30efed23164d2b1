//! The port that takes connections.

use std::io;
use std::net::SocketAddr;

use mio::net::TcpListener;
use socket2::{Domain, Protocol, Type};

use crate::interface::candidates;
use crate::{ServerConfig, StartError, TcpPort};

/// Where connections come from, and what is offered of it.
pub(crate) struct Doors {
    /// Whether connections are taken at all.
    pub(crate) are_open: bool,
    pub(crate) listeners: Vec<TcpListener>,
    /// The addresses that every description offers, best first.
    pub(crate) candidates: Vec<SocketAddr>,
}

impl Doors {
    /// Opens them beside the first worker's UDP sockets, which are bound to `udp`.
    pub(crate) fn open(config: &ServerConfig, udp: &[SocketAddr]) -> Result<Self, StartError> {
        let listeners = listen(config, udp)?;
        let bound: Vec<SocketAddr> = match config.tcp {
            Some(TcpPort::Passed(port)) => udp
                .iter()
                .map(|address| SocketAddr::new(address.ip(), port))
                .collect(),
            _ => listeners
                .iter()
                .filter_map(|listener| listener.local_addr().ok())
                .collect(),
        };
        let candidates = if bound.is_empty() {
            Vec::new()
        } else {
            candidates(config, 0, &bound)
        };
        Ok(Self {
            are_open: config.tcp.is_some(),
            listeners,
            candidates,
        })
    }
}

/// Listens at the addresses of the first worker's UDP sockets, `udp`; nowhere if TCP is off.
fn listen(config: &ServerConfig, udp: &[SocketAddr]) -> Result<Vec<TcpListener>, StartError> {
    let port = match config.tcp {
        None | Some(TcpPort::Passed(_)) => return Ok(Vec::new()),
        Some(port) => port,
    };
    let mut listeners: Vec<TcpListener> = Vec::with_capacity(udp.len());
    for address in udp {
        let before = listeners
            .first()
            .and_then(|listener| listener.local_addr().ok());
        let (wished, may_differ) = match (before, port) {
            (Some(before), _) => (before.port(), port.is_free(config)),
            (None, TcpPort::AsUdp) => (address.port(), config.udp_port == 0),
            (None, TcpPort::Port(port) | TcpPort::Passed(port)) => (port, false),
        };
        let at = |port| SocketAddr::new(address.ip(), port);
        let bound = listen_at(at(wished), BACKLOG).or_else(|error| {
            // Whoever lets the system choose the UDP port gets a TCP port all the same.
            if may_differ && error.kind() == io::ErrorKind::AddrInUse {
                listen_at(at(0), BACKLOG)
            } else {
                Err(error)
            }
        });
        listeners.push(
            bound.map_err(|error| StartError::bind(xrtc_sfu::Protocol::Tcp, at(wished), error))?,
        );
    }
    Ok(listeners)
}

impl TcpPort {
    /// Whether any free port will do.
    const fn is_free(self, config: &ServerConfig) -> bool {
        match self {
            Self::AsUdp => config.udp_port == 0,
            Self::Port(port) | Self::Passed(port) => port == 0,
        }
    }
}

/// Listens at one address. The system holds `backlog` connections until they are taken.
pub(crate) fn listen_at(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restarted server finds its port again, although connections of the one before linger. On Windows the option means
    // that others may take the port too.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Connections that the system holds until they are taken.
const BACKLOG: i32 = 1_024;
