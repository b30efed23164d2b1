//! Where clients reach the TURN server.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use mio::net::TcpListener;

use super::tls::TlsSource;
use super::{TurnSettings, TurnTls};
use crate::counters::Counters;
use crate::tcp::listen_at;
use crate::udp::{Share, Socket};
use crate::{ServerConfig, StartError};

/// The sockets that clients send to.
pub(super) struct Listeners {
    pub(super) udp: Vec<Socket>,
    pub(super) tcp: Vec<Acceptor>,
}

/// A socket for connections.
pub(super) struct Acceptor {
    pub(super) listener: TcpListener,
    pub(super) local: SocketAddr,
    /// With TLS, if it has one.
    pub(super) tls: Option<Arc<TlsSource>>,
}

impl Listeners {
    /// Binds all of them: UDP and TCP on one port, TLS on another.
    pub(super) fn bind(
        (settings, tls): (&TurnSettings, Option<&Arc<TlsSource>>),
        config: &ServerConfig,
        counters: &Arc<Counters>,
    ) -> Result<Self, StartError> {
        let mut tries = if settings.port == 0 {
            FREE_PORT_TRIES
        } else {
            1
        };
        loop {
            tries -= 1;
            match Self::try_bind((settings, tls), config, counters) {
                // A port that is free for UDP may not be for TCP.
                Err(StartError::AddressInUse { .. }) if tries > 0 => {}
                bound => return bound,
            }
        }
    }

    fn try_bind(
        (settings, tls): (&TurnSettings, Option<&Arc<TlsSource>>),
        config: &ServerConfig,
        counters: &Arc<Counters>,
    ) -> Result<Self, StartError> {
        let mut port = settings.port;
        let mut udp = Vec::new();
        let mut tcp = Vec::new();
        let ips = [config.ipv4.map(IpAddr::from), config.ipv6.map(IpAddr::from)];
        for ip in ips.into_iter().flatten() {
            let address = SocketAddr::new(ip, port);
            let counters = Arc::clone(counters);
            let socket = match Socket::bind(address, Share::Alone, config.backend, counters) {
                Ok(socket) => socket,
                // "Everywhere" does not mean a family that this machine does not have.
                Err(error) if may_be_absent(ip, &error) => continue,
                Err(error) => {
                    return Err(StartError::bind(xrtc_sfu::Protocol::Udp, address, error));
                }
            };
            port = socket.local().port();
            udp.push(socket);
            tcp.push(Acceptor::bind(SocketAddr::new(ip, port), None)?);
        }
        if let Some((TurnTls { port, .. }, source)) = settings.tls.as_ref().zip(tls) {
            let mut port = *port;
            for ip in udp
                .iter()
                .map(|socket| socket.local().ip())
                .collect::<Vec<_>>()
            {
                let address = SocketAddr::new(ip, port);
                let acceptor = Acceptor::bind(address, Some(Arc::clone(source)))?;
                port = acceptor.local.port();
                tcp.push(acceptor);
            }
        }
        if udp.is_empty() {
            return Err(StartError::NoAddress);
        }
        Ok(Self { udp, tcp })
    }
}

impl Acceptor {
    fn bind(address: SocketAddr, tls: Option<Arc<TlsSource>>) -> Result<Self, StartError> {
        let listener = listen_at(address, BACKLOG)
            .map_err(|error| StartError::bind(xrtc_sfu::Protocol::Tcp, address, error))?;
        let local = listener.local_addr();
        let local =
            local.map_err(|error| StartError::bind(xrtc_sfu::Protocol::Tcp, address, error))?;
        Ok(Self {
            listener,
            local,
            tls,
        })
    }
}

fn may_be_absent(ip: IpAddr, error: &io::Error) -> bool {
    let kind = error.kind();
    let absent = kind == io::ErrorKind::AddrNotAvailable || kind == io::ErrorKind::Unsupported;
    #[cfg(unix)]
    let absent = absent || error.raw_os_error() == Some(libc::EAFNOSUPPORT);
    ip.is_unspecified() && ip.is_ipv6() && absent
}

/// Connections that wait to be accepted.
const BACKLOG: i32 = 256;
const FREE_PORT_TRIES: usize = 16;
