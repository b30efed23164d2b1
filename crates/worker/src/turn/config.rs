//! What a TURN server is started with.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use xrtc_turn::{PeerPolicy, Subnet, TurnConfig, TurnLimits};

use super::own_media::{OwnMedia, machine_addresses};
use crate::clock::Clock;
use crate::interface::local_addresses;
use crate::{PemCertificate, ServerConfig};

/// What a TURN server is started with. It listens on the server's addresses.
#[derive(Clone)]
pub struct TurnSettings {
    /// The port for UDP and TCP; 0 takes a free one. Default 3478.
    pub port: u16,
    /// TLS besides. Default: none.
    pub tls: Option<TurnTls>,
    /// What the passwords of clients are made with.
    pub secret: Vec<u8>,
    /// The realm: 1 to 24 printable ASCII characters. Default `xrtc`.
    pub realm: String,
    /// The ports of relayed addresses. Default 49,152 to 65,535.
    pub relay_ports: RangeInclusive<u16>,
    /// Peers to reach besides the public ones and the server's own media.
    pub allowed_peers: Vec<Subnet>,
    /// Connections in all; further ones are closed at once. Default 2,000.
    pub connections: usize,
    /// Connections from one address; further ones are closed at once. Default 500.
    pub connections_per_address: usize,
    /// What clients can make grow.
    pub limits: TurnLimits,
}

/// TLS of a TURN server.
#[derive(Clone)]
pub struct TurnTls {
    /// The port; 0 takes a free one. Default 5349.
    pub port: u16,
    /// The certificate with those that it needs, and its private key of any kind.
    pub pem: PemCertificate,
}

impl Default for TurnSettings {
    fn default() -> Self {
        Self {
            port: 3_478,
            tls: None,
            secret: Vec::new(),
            realm: "xrtc".to_owned(),
            relay_ports: 49_152..=65_535,
            allowed_peers: Vec::new(),
            connections: 2_000,
            connections_per_address: 500,
            limits: TurnLimits::default(),
        }
    }
}

// The secrets stay out of it.
impl fmt::Debug for TurnSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnSettings")
            .field("port", &self.port)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

impl TurnSettings {
    /// What relayed addresses are told to be, IPv4 and IPv6, where they can be had: what the server announces, or what it
    /// is bound to, or an address of this machine.
    pub(super) fn relay_addresses(config: &ServerConfig) -> [Option<IpAddr>; 2] {
        let machine = local_addresses(&config.interfaces);
        let listens = [config.ipv4.is_some(), config.ipv6.is_some()];
        let bound = [config.ipv4.map(IpAddr::from), config.ipv6.map(IpAddr::from)];
        let announced = config.announce.iter().map(|announced| announced.ip);
        let specific = bound
            .into_iter()
            .flatten()
            .filter(|ip| !ip.is_unspecified());
        let known: Vec<IpAddr> = announced.chain(specific).collect();
        [true, false].map(|ipv4| {
            let [listens_ipv4, listens_ipv6] = listens;
            let listens = if ipv4 { listens_ipv4 } else { listens_ipv6 };
            let mut candidates = known.iter().chain(&machine);
            candidates
                .find(|ip| listens && ip.is_ipv4() == ipv4)
                .copied()
        })
    }

    /// The state machine's settings. `own` is where the media of this server is received.
    pub(super) fn machine(
        &self,
        config: &ServerConfig,
        own: &OwnMedia,
        clock: Clock,
    ) -> TurnConfig {
        let specific = [config.ipv4.map(IpAddr::from), config.ipv6.map(IpAddr::from)];
        let everywhere = |ipv4: bool| {
            let here = specific.iter().flatten().find(|ip| ip.is_ipv4() == ipv4);
            here.is_some_and(IpAddr::is_unspecified)
        };
        let machine = machine_addresses();
        let own_ips = machine.iter().filter(|ip| everywhere(ip.is_ipv4()));
        let specific = specific.iter().flatten().filter(|ip| !ip.is_unspecified());
        let own_ips = own_ips.chain(specific).copied().collect();
        TurnConfig {
            secret: self.secret.clone(),
            realm: self.realm.clone(),
            families: Self::relay_addresses(config).map(|relay| relay.is_some()),
            peers: PeerPolicy {
                own: own.addresses.clone(),
                own_ips,
                own_ports: Arc::clone(&own.ports),
                machine,
                allowed: self.allowed_peers.clone(),
            },
            limits: self.limits,
            wall: clock.wall(),
        }
    }
}
