//! Options of a server, from JavaScript.

use std::net::IpAddr;
use std::time::Duration;

use napi_derive::napi;
use xrtc_rtp::Bitrate;
use xrtc_sfu::Limits;
use xrtc_worker::{
    Announced, Backend, DtlsVersion, InterfaceFilter, PemCertificate, ServerConfig, TcpPort,
};

use crate::error::{BindingError, invalid_argument};
use crate::turn::BindingTurnOptions;

/// Options of a server; what is left out has its default.
#[napi(object, object_to_js = false)]
#[derive(Default)]
pub struct BindingServerOptions {
    /// The IP addresses to listen on: at most one of each family. Default `['0.0.0.0', '::']`, the latter only
    /// where the machine has IPv6.
    pub listen: Option<Vec<String>>,
    /// The UDP port of all workers; 0 takes a free one. Default 0.
    pub udp_port: Option<u16>,
    /// Whether each worker has a port of its own, from that one on. Default `false`; outside of Linux always.
    pub udp_port_per_worker: Option<bool>,
    /// The port that takes TCP connections; 0 takes a free one. Default: the number of the UDP port.
    pub tcp_port: Option<u16>,
    /// Whether that port is the application's, which calls `take_connection`. Default `false`.
    pub tcp_passed: Option<bool>,
    /// Whether no TCP connections are taken. Default `false`.
    pub no_tcp: Option<bool>,
    /// 1 to 64. Default 1.
    pub workers: Option<u16>,
    /// The addresses to offer instead of this machine's own.
    pub announce: Option<Vec<BindingAnnounced>>,
    /// Names of the interfaces whose addresses are offered: see `InterfaceFilter`. Default: all.
    pub interfaces: Option<Vec<String>>,
    /// The STUN and TURN server beside the workers. Default: none.
    pub turn: Option<BindingTurnOptions>,
    /// Default 30,000.
    pub consent_timeout_ms: Option<u32>,
    /// Default 30,000.
    pub connect_timeout_ms: Option<u32>,
    /// Default 30,000.
    pub answer_timeout_ms: Option<u32>,
    /// Default 30,000.
    pub publisher_grace_ms: Option<u32>,
    /// Default 2,000.
    pub publisher_silence_ms: Option<u32>,
    /// Default: publishers are told no limit.
    pub max_ingest_bitrate_bps: Option<u32>,
    /// Limits of each worker.
    pub limits: Option<BindingLimits>,
    /// The certificate for DTLS. Default: one that is made at the start.
    pub certificate: Option<BindingCertificate>,
    /// Whether DTLS 1.3 is spoken with peers that can. Default `false`: there the peer chooses the cipher.
    pub dtls13: Option<bool>,
    /// Whether datagrams go one by one even where the platform has batches. Default `false`.
    pub portable_udp: Option<bool>,
}

/// A certificate and its private key as PEM.
#[napi(object, object_to_js = false)]
pub struct BindingCertificate {
    /// The certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
}

impl From<BindingCertificate> for PemCertificate {
    fn from(binding: BindingCertificate) -> Self {
        Self {
            certificate: binding.cert,
            private_key: binding.key,
        }
    }
}

/// An address at which the server can be reached from elsewhere.
#[napi(object, object_to_js = false)]
pub struct BindingAnnounced {
    /// An IP address.
    pub address: String,
    /// The port under which it (with a port for each worker, the first one) is seen there; without one it is the port
    /// it listens on.
    pub port: Option<u16>,
}

/// Limits of each worker; what is left out has its default.
#[napi(object, object_to_js = false)]
pub struct BindingLimits {
    /// Default 10,000.
    pub peers: Option<u32>,
    /// Default 1,000.
    pub pending_offers: Option<u32>,
    /// Default 2,000.
    pub streams: Option<u32>,
    /// Default 10,000.
    pub viewers_per_stream: Option<u32>,
}

impl TryFrom<BindingServerOptions> for ServerConfig {
    type Error = BindingError;

    fn try_from(options: BindingServerOptions) -> Result<Self, BindingError> {
        let mut config = Self::default();
        if let Some(listen) = options.listen {
            (config.ipv4, config.ipv6) = (None, None);
            for text in listen {
                let taken = match ip(&text)? {
                    IpAddr::V4(ip) => config.ipv4.replace(ip).is_some(),
                    IpAddr::V6(ip) => config.ipv6.replace(ip).is_some(),
                };
                if taken {
                    return Err(invalid_argument("udp.host has two addresses of one family"));
                }
            }
        }
        for announced in options.announce.unwrap_or_default() {
            config.announce.push(Announced {
                ip: ip(&announced.address)?,
                port: announced.port,
            });
        }
        let interfaces = options.interfaces.unwrap_or_default();
        config.interfaces = InterfaceFilter::new(interfaces.iter().map(String::as_str));
        config.turn = options.turn.map(TryInto::try_into).transpose()?;
        set(&mut config.udp_port, options.udp_port);
        set(&mut config.udp_port_per_worker, options.udp_port_per_worker);
        let passed = options.tcp_passed == Some(true);
        let tcp = options.tcp_port.map(|port| {
            Some(if passed {
                TcpPort::Passed(port)
            } else {
                TcpPort::Port(port)
            })
        });
        set(&mut config.tcp, tcp);
        if options.no_tcp == Some(true) {
            config.tcp = None;
        }
        set(&mut config.workers, options.workers);
        set(
            &mut config.consent_timeout,
            options.consent_timeout_ms.map(millis),
        );
        set(
            &mut config.connect_timeout,
            options.connect_timeout_ms.map(millis),
        );
        set(
            &mut config.answer_timeout,
            options.answer_timeout_ms.map(millis),
        );
        set(
            &mut config.publisher_grace,
            options.publisher_grace_ms.map(millis),
        );
        set(
            &mut config.publisher_silence,
            options.publisher_silence_ms.map(millis),
        );
        config.max_ingest_bitrate = options
            .max_ingest_bitrate_bps
            .map(|bps| Bitrate(bps.into()));
        if let Some(limits) = options.limits {
            config.limits = limits.into();
        }
        config.certificate = options.certificate.map(PemCertificate::from);
        if options.dtls13 == Some(true) {
            config.dtls_version = DtlsVersion::Auto;
        }
        if options.portable_udp == Some(true) {
            config.backend = Backend::Portable;
        }
        Ok(config)
    }
}

impl From<BindingLimits> for Limits {
    fn from(binding: BindingLimits) -> Self {
        let mut limits = Self::default();
        let count = |count: Option<u32>| count.map(|count| count as usize);
        set(&mut limits.peers, count(binding.peers));
        set(&mut limits.pending_offers, count(binding.pending_offers));
        set(&mut limits.streams, count(binding.streams));
        set(
            &mut limits.viewers_per_stream,
            count(binding.viewers_per_stream),
        );
        limits
    }
}

pub(crate) fn ip(text: &str) -> Result<IpAddr, BindingError> {
    text.parse()
        .map_err(|_| invalid_argument(&format!("not an IP address: {text:?}")))
}

pub(crate) fn millis(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}

pub(crate) fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
