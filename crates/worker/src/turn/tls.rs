//! The certificate that clients of TURN over TLS are shown: that of the start, or one that has replaced it.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::pem::{self, PemObject as _};
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
    /// One of the two is no PEM.
    #[error("{part} is not PEM ({reason})")]
    Pem {
        /// `the certificate` or `the private key`.
        part: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Both are PEM, and cannot be used together.
    #[error("not a certificate and its private key ({0})")]
    Pair(String),
    /// They cannot be read, do not belong together, or the dates are not around now.
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
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem.certificate.as_bytes()).collect();
    let chain = chain.map_err(|error| not_pem("the certificate", &error))?;
    let first = chain.first().cloned();
    let first = first.ok_or_else(|| not_pem("the certificate", &pem::Error::NoItemsFound))?;
    let key = PrivateKeyDer::from_pem_slice(pem.private_key.as_bytes())
        .map_err(|error| not_pem("the private key", &error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    let config = config.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => InvalidCertificate::Mismatch.into(),
        rustls::Error::InvalidCertificate(_) => InvalidCertificate::Certificate.into(),
        error => InvalidTurnCertificate::Pair(error.to_string()),
    })?;
    // Clients of TLS look at the dates, and say nothing to anybody here.
    check_dates(&first, clock.unix_time())?;
    Ok(Arc::new(config))
}

/// The library's own words show lines as the numbers of their bytes.
fn not_pem(part: &'static str, error: &pem::Error) -> InvalidTurnCertificate {
    let reason = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "the first line of a section is damaged",
        pem::Error::Base64Decode(_) => "a section is no base64",
        pem::Error::NoItemsFound => "there is no section of that kind",
        error => {
            return InvalidTurnCertificate::Pem {
                part,
                reason: error.to_string(),
            };
        }
    };
    InvalidTurnCertificate::Pem {
        part,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    fn refused(certificate: &str, private_key: &str) -> String {
        let pem = PemCertificate {
            certificate: certificate.to_owned(),
            private_key: private_key.to_owned(),
        };
        read(&pem, Clock::start()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_pem_is_told_by_its_part_and_in_words() {
        let cut = &CERTIFICATE[..40];
        let second_cut = format!("{CERTIFICATE}{cut}");
        for (certificate, key, message) in [
            (
                "",
                "",
                "the certificate is not PEM (there is no section of that kind)",
            ),
            (cut, "", "the certificate is not PEM (a section has no end)"),
            (
                &second_cut,
                "",
                "the certificate is not PEM (a section has no end)",
            ),
            (
                &CERTIFICATE.replace("AAAA", "?"),
                "",
                "the certificate is not PEM (a section is no base64)",
            ),
            (
                "-----BEGIN CERTIFICATE\n",
                "",
                "the certificate is not PEM (the first line of a section is damaged)",
            ),
            (
                CERTIFICATE,
                "",
                "the private key is not PEM (there is no section of that kind)",
            ),
        ] {
            assert_eq!(refused(certificate, key), message);
        }
    }
}
