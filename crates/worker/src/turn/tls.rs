//! The certificate that clients of TURN over TLS are shown: that of the start, or one that has replaced it.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use xrtc_transport::{InvalidCertificate, check_dates};

use crate::PemCertificate;
use crate::clock::Clock;

/// What connections are accepted with; shared by the listeners and whoever replaces it.
#[derive(Debug)]
pub(super) struct TlsSource {
    clock: Clock,
    current: Mutex<Arc<ServerConfig>>,
}

/// Why a certificate is none for TURN over TLS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTurnCertificate {
    /// It and its key are no PEM, or do not belong together.
    #[error("they are not a certificate and its private key as PEM ({0})")]
    Pem(String),
    /// It cannot be read, or its dates are not around now.
    #[error(transparent)]
    Certificate(#[from] InvalidCertificate),
}

impl TlsSource {
    pub(super) fn new(pem: &PemCertificate, clock: Clock) -> Result<Self, InvalidTurnCertificate> {
        let current = Mutex::new(read(pem, clock)?);
        Ok(Self { clock, current })
    }

    /// Connections that come from now on are shown this one. Nothing changes on an error.
    pub(super) fn replace(&self, pem: &PemCertificate) -> Result<(), InvalidTurnCertificate> {
        let config = read(pem, self.clock)?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// The TLS of a new connection.
    pub(super) fn accept(&self) -> Result<ServerConnection, rustls::Error> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        ServerConnection::new(Arc::clone(&current))
    }
}

fn read(pem: &PemCertificate, clock: Clock) -> Result<Arc<ServerConfig>, InvalidTurnCertificate> {
    let failed = |why: String| InvalidTurnCertificate::Pem(why);
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem.certificate.as_bytes()).collect();
    let chain = chain.map_err(|error| failed(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(pem.private_key.as_bytes());
    let key = key.map_err(|error| failed(error.to_string()))?;
    let first = chain.first().cloned();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    let config = config.map_err(|error| failed(error.to_string()))?;
    // Clients of TLS look at the dates, and say nothing to anybody here.
    check_dates(
        &first.unwrap_or_else(|| Vec::new().into()),
        clock.unix_time(),
    )?;
    Ok(Arc::new(config))
}
