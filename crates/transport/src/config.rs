//! What a transport is told.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::crypto::{CryptoProvider, NamedGroup};
use xrtc_ice::{AgentConfig, Credentials};

use crate::certificate::Certificate;
use crate::fingerprint::Fingerprint;
use crate::limits::{
    DTLS_MTU, FLIGHT_RETRIES, HANDSHAKE_TIMEOUT, MAX_DTLS_RECEIVE_QUEUE, MAX_DTLS_TRANSMIT_QUEUE,
};
use crate::{rsa, signing};

/// What one transport is made from.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// How the ICE agent behaves, and our credentials.
    pub ice: AgentConfig,
    /// The peer's ICE credentials, if its description is known already.
    pub remote_ice: Option<Credentials>,
    /// The peer's part of the handshake, if its description is known already.
    pub remote_dtls: Option<RemoteDtls>,
    /// What all transports share.
    pub dtls: Arc<DtlsSettings>,
}

/// What a peer's session description says about the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteDtls {
    /// The side that *we* take: [`DtlsRole::Server`] for a peer that is `a=setup:active`.
    pub role: DtlsRole,
    /// The peer's certificate must match one of these (at most 8 count). With none of them nothing can match.
    pub fingerprints: Vec<Fingerprint>,
    /// CSRCs and header extensions of media are encrypted too, because both descriptions say so (RFC 9335).
    pub cryptex: bool,
}

/// A side of the handshake (RFC 5763 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DtlsRole {
    /// Begins the handshake: `a=setup:active`.
    Client,
    /// Waits for it: `a=setup:passive`.
    Server,
}

/// Which versions of DTLS to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DtlsVersion {
    /// DTLS 1.2 only. The default, because there a server chooses the SRTP profile, and so AES-GCM wherever the peer
    /// has it.
    #[default]
    V12,
    /// DTLS 1.3 with peers that speak it, else 1.2. A 1.3 server takes the profile that the client named first.
    Auto,
}

/// What all transports of a server share: its certificate and how it shakes hands.
#[derive(Clone)]
pub struct DtlsSettings {
    pub(crate) certificate: Certificate,
    pub(crate) version: DtlsVersion,
    pub(crate) epoch: Instant,
    as_client: Configs,
    as_server: Configs,
}

/// One for each of [`RETRANSMISSION_TIMEOUTS`].
type Configs = [Arc<dimpl::Config>; RETRANSMISSION_TIMEOUTS.len()];

impl DtlsSettings {
    /// Settings for a server with this certificate. `epoch` is what the operating system's clock showed at
    /// [`Time::ZERO`](xrtc_rtp::Time::ZERO); only differences to it ever count.
    pub fn new(certificate: Certificate, version: DtlsVersion, epoch: Instant) -> Self {
        Self {
            certificate,
            version,
            epoch,
            as_client: RETRANSMISSION_TIMEOUTS
                .map(|timeout| handshake_config(timeout, signing::provider())),
            as_server: RETRANSMISSION_TIMEOUTS
                .map(|timeout| handshake_config(timeout, rsa::provider())),
        }
    }

    /// The fingerprint for our session descriptions; see [`Certificate::fingerprint_sha256`].
    pub fn fingerprint_sha256(&self) -> String {
        self.certificate.fingerprint_sha256()
    }

    /// The configuration whose retransmission timeout suits a path: twice the round trip time, since the peer
    /// computes too, or the default when nothing was measured.
    pub(crate) fn config(&self, role: DtlsRole, rtt: Option<Duration>) -> Arc<dimpl::Config> {
        let configs = match role {
            DtlsRole::Client => &self.as_client,
            DtlsRole::Server => &self.as_server,
        };
        let wanted = rtt.map_or(DEFAULT_RETRANSMISSION_TIMEOUT, |rtt| rtt * 2);
        let place = RETRANSMISSION_TIMEOUTS
            .iter()
            .position(|timeout| *timeout >= wanted);
        let [.., slowest] = configs;
        Arc::clone(
            place
                .and_then(|place| configs.get(place))
                .unwrap_or(slowest),
        )
    }
}

/// The same certificate and version: the rest follows from these.
impl PartialEq for DtlsSettings {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version
            && self.epoch == other.epoch
            && self.certificate.certificate_der() == other.certificate.certificate_der()
    }
}

impl fmt::Debug for DtlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DtlsSettings")
            .field("certificate", &self.certificate)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::expect_used,
    reason = "the values are constants, and every handshake test builds them"
)]
fn handshake_config(
    retransmission_timeout: Duration,
    provider: CryptoProvider,
) -> Arc<dimpl::Config> {
    let config = dimpl::Config::builder()
        .with_crypto_provider(provider)
        .mtu(DTLS_MTU - rsa::GROWTH)
        .max_queue_rx(MAX_DTLS_RECEIVE_QUEUE)
        .max_queue_tx(MAX_DTLS_TRANSMIT_QUEUE)
        .require_client_certificate(true)
        // The path is ICE's: its address has already been proved, which is all that a cookie could do.
        .use_server_cookie(false)
        .flight_start_rto(retransmission_timeout)
        .flight_retries(FLIGHT_RETRIES)
        .handshake_timeout(HANDSHAKE_TIMEOUT)
        // Our order decides. X25519 costs an eighth less per handshake than P-256.
        .kx_groups(&[
            NamedGroup::X25519,
            NamedGroup::Secp256r1,
            NamedGroup::Secp384r1,
        ])
        .build()
        .expect("invariant: timings, queue sizes and groups are within dimpl's ranges");
    Arc::new(config)
}

/// The first intervals after which a flight is sent again, shortest first.
const RETRANSMISSION_TIMEOUTS: [Duration; 4] = [
    Duration::from_millis(100),
    DEFAULT_RETRANSMISSION_TIMEOUT,
    Duration::from_millis(400),
    // RFC 6347 §4.2.4.1 names one second for the general internet.
    Duration::from_secs(1),
];

/// For a path that nobody has measured. Shorter than RFC 6347's second, since media waits for it, the path is known to
/// work, and the intervals double: a slower path sees a few datagrams twice. Browsers begin with 50 ms.
const DEFAULT_RETRANSMISSION_TIMEOUT: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant will do as the origin"
    )]
    fn the_retransmission_timeout_follows_the_round_trip_time() {
        let settings = DtlsSettings::new(
            Certificate::generate().unwrap(),
            DtlsVersion::V12,
            Instant::now(),
        );
        for (rtt, timeout) in [
            (None, 200),
            (Some(1), 100),
            (Some(90), 200),
            (Some(190), 400),
            (Some(600), 1000),
        ] {
            let config = settings.config(DtlsRole::Server, rtt.map(Duration::from_millis));
            assert_eq!(
                config.flight_start_rto(),
                Duration::from_millis(timeout),
                "{rtt:?}"
            );
        }
    }
}
