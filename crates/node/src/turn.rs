//! The STUN and TURN server, from JavaScript.

use std::time::Duration;

use napi_derive::napi;
use xrtc_worker::{PemCertificate, Subnet, TurnInfo, TurnLimits, TurnSettings, TurnTls};

use crate::error::{BindingError, invalid_argument};
use crate::options::set;
use crate::server::BindingAddress;

/// Options of a STUN and TURN server; what is left out has its default.
#[napi(object, object_to_js = false)]
pub struct BindingTurnOptions {
    /// The port for UDP and TCP; 0 takes a free one. Default 3478.
    pub port: Option<u16>,
    /// TLS besides. Default: none.
    pub tls: Option<BindingTurnTls>,
    /// What the passwords of clients are made with.
    pub secret: String,
    /// Default `xrtc`.
    pub realm: Option<String>,
    /// The first port of relayed addresses. Default 49,152.
    pub first_relay_port: Option<u16>,
    /// The last one. Default 65,535.
    pub last_relay_port: Option<u16>,
    /// Ranges of peers, as `ADDRESS/BITS`, to reach besides the public ones and this server's media.
    pub allowed_peers: Vec<String>,
    /// What clients can make grow.
    pub limits: Option<BindingTurnLimits>,
}

/// TLS of a TURN server.
#[napi(object, object_to_js = false)]
pub struct BindingTurnTls {
    /// The port; 0 takes a free one. Default 5349.
    pub port: Option<u16>,
    /// The certificate with those that it needs, as PEM.
    pub cert: String,
    /// Its private key, as PEM.
    pub key: String,
}

/// Limits of a TURN server; what is left out has its default.
#[napi(object, object_to_js = false)]
pub struct BindingTurnLimits {
    /// Default 2,000.
    pub allocations: Option<u32>,
    /// Default 32.
    pub allocations_per_user: Option<u32>,
    /// Default 500.
    pub allocations_per_address: Option<u32>,
    /// Default 32.
    pub permissions: Option<u32>,
    /// Default 32.
    pub channels: Option<u32>,
    /// Default 2,000.
    pub connections: Option<u32>,
    /// Default 500.
    pub connections_per_address: Option<u32>,
    /// Default 2,500,000.
    pub bytes_per_second: Option<u32>,
    /// Default 3,600.
    pub lifetime_seconds: Option<u32>,
    /// Default 16,384.
    pub unauthenticated_bytes_per_second: Option<u32>,
}

/// Where a TURN server can be reached.
#[napi(object, object_from_js = false)]
pub struct BindingTurn {
    /// The addresses for UDP and TCP: one for each family.
    pub bound: Vec<BindingAddress>,
    /// Those for TLS.
    pub tls: Vec<BindingAddress>,
}

impl From<&TurnInfo> for BindingTurn {
    fn from(info: &TurnInfo) -> Self {
        Self {
            bound: info.bound.iter().map(BindingAddress::from).collect(),
            tls: info.tls.iter().map(BindingAddress::from).collect(),
        }
    }
}

impl TryFrom<BindingTurnOptions> for TurnSettings {
    type Error = BindingError;

    fn try_from(options: BindingTurnOptions) -> Result<Self, BindingError> {
        let mut settings = Self {
            secret: options.secret.into_bytes(),
            ..Self::default()
        };
        set(&mut settings.port, options.port);
        set(&mut settings.realm, options.realm);
        settings.tls = options.tls.map(|tls| TurnTls {
            port: tls.port.unwrap_or(TURNS_PORT),
            pem: PemCertificate {
                certificate: tls.cert,
                private_key: tls.key,
            },
        });
        let (mut first, mut last) = settings.relay_ports.into_inner();
        set(&mut first, options.first_relay_port);
        set(&mut last, options.last_relay_port);
        settings.relay_ports = first..=last;
        if settings.relay_ports.is_empty() {
            return Err(invalid_argument("turn.relayPorts: the range is empty"));
        }
        for text in &options.allowed_peers {
            let range = text.parse::<Subnet>();
            let range =
                range.map_err(|error| invalid_argument(&format!("turn.allowedPeers: {error}")))?;
            settings.allowed_peers.push(range);
        }
        if let Some(limits) = options.limits {
            let count = |count: Option<u32>| count.map(|count| count as usize);
            set(&mut settings.connections, count(limits.connections));
            set(
                &mut settings.connections_per_address,
                count(limits.connections_per_address),
            );
            settings.limits = limits.into();
        }
        Ok(settings)
    }
}

impl From<BindingTurnLimits> for TurnLimits {
    fn from(binding: BindingTurnLimits) -> Self {
        let mut limits = Self::default();
        let count = |count: Option<u32>| count.map(|count| count as usize);
        set(&mut limits.allocations, count(binding.allocations));
        set(
            &mut limits.allocations_per_user,
            count(binding.allocations_per_user),
        );
        set(
            &mut limits.allocations_per_address,
            count(binding.allocations_per_address),
        );
        set(&mut limits.permissions, count(binding.permissions));
        set(&mut limits.channels, count(binding.channels));
        set(&mut limits.bytes_per_second, binding.bytes_per_second);
        let lifetime = binding.lifetime_seconds;
        set(
            &mut limits.lifetime,
            lifetime.map(|seconds| Duration::from_secs(seconds.into())),
        );
        set(
            &mut limits.unauthenticated_bytes_per_second,
            binding.unauthenticated_bytes_per_second,
        );
        limits
    }
}

/// RFC 8656 §3.1.
const TURNS_PORT: u16 = 5_349;
