//! What a server is started with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use xrtc_rtp::Bitrate;
use xrtc_sfu::Limits;
use xrtc_transport::DtlsVersion;

use crate::{Backend, InterfaceFilter, PemCertificate, TurnSettings};

/// What a server is started with. `Default` has the defaults that each field names.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The IPv4 address to listen on; `None`: no IPv4. Default `0.0.0.0`.
    pub ipv4: Option<Ipv4Addr>,
    /// The IPv6 address to listen on; `None`: no IPv6. Default `::`; this one is left out silently on a machine
    /// without IPv6.
    pub ipv6: Option<Ipv6Addr>,
    /// The UDP port of all workers; 0 takes a free one. Default 0.
    pub udp_port: u16,
    /// Whether each worker has a UDP port of its own: `udp_port` the first one, and the next ones follow. Only Linux
    /// spreads what comes on one port over several sockets; elsewhere it is always so. Default `false`.
    pub udp_port_per_worker: bool,
    /// Where peers without UDP connect (RFC 6544), one port for all workers; `None`: nowhere. Default: the number of the
    /// UDP port.
    pub tcp: Option<TcpPort>,
    /// How many workers, each with its thread and its sockets: 1 to 64. Default 1.
    pub workers: u16,
    /// The addresses to offer instead of this machine's own. Default: none, so its own.
    pub announce: Vec<Announced>,
    /// Whose addresses are this machine's own. Default: those of all interfaces.
    pub interfaces: InterfaceFilter,
    /// The STUN and TURN server beside the workers. Default: none.
    pub turn: Option<TurnSettings>,
    /// What each worker's peers can make grow.
    pub limits: Limits,
    /// When a silent peer is given up. Default 30 s.
    pub consent_timeout: Duration,
    /// When a peer that does not connect is given up. Default 30 s.
    pub connect_timeout: Duration,
    /// How long an offer of ours waits for its answer. Default 30 s.
    pub answer_timeout: Duration,
    /// How long viewers wait for the next publisher. Default 30 s.
    pub publisher_grace: Duration,
    /// After which silence anybody may replace a publisher. Default 2 s.
    pub publisher_silence: Duration,
    /// What publishers are told to stay under. Default: nothing.
    pub max_ingest_bitrate: Option<Bitrate>,
    /// The certificate that peers get; `None`: one that is made at the start. Default `None`.
    pub certificate: Option<PemCertificate>,
    /// Which versions of DTLS to speak. Default: 1.2, where the server chooses the cipher.
    pub dtls_version: DtlsVersion,
    /// How datagrams pass between us and the kernel. Default: as the platform does it best.
    pub backend: Backend,
}

/// A port that takes TCP connections, at the same addresses as UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpPort {
    /// The first worker's UDP port. Where the system chooses that one, another free port if this number is taken.
    AsUdp,
    /// This port; 0 takes a free one.
    Port(u16),
    /// This port, where the application listens: it gives connections to
    /// [`Server::take_connection`](crate::Server::take_connection).
    Passed(u16),
}

/// An address at which the server can be reached from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The address.
    pub ip: IpAddr,
    /// The port under which it is seen there, over UDP and over TCP (with a UDP port for each worker that of the first,
    /// and the next ones follow); `None`: the port it listens on.
    pub port: Option<u16>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            ipv4: Some(Ipv4Addr::UNSPECIFIED),
            ipv6: Some(Ipv6Addr::UNSPECIFIED),
            udp_port: 0,
            udp_port_per_worker: false,
            tcp: Some(TcpPort::AsUdp),
            workers: 1,
            announce: Vec::new(),
            interfaces: InterfaceFilter::default(),
            turn: None,
            limits: Limits::default(),
            consent_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(30),
            publisher_grace: Duration::from_secs(30),
            publisher_silence: Duration::from_secs(2),
            max_ingest_bitrate: None,
            certificate: None,
            dtls_version: DtlsVersion::V12,
            backend: Backend::Native,
        }
    }
}

impl ServerConfig {
    /// The most workers.
    pub const MAX_WORKERS: u16 = 64;

    /// Whether all workers receive on one port.
    pub(crate) const fn shares_port(&self) -> bool {
        self.workers > 1 && !self.udp_port_per_worker && cfg!(target_os = "linux")
    }
}
