//! The certificate that new peers get: ours for as long as the process runs, or the application's.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use xrtc_transport::{Certificate, DtlsSettings, DtlsVersion, InvalidCertificate};

use crate::clock::Clock;

/// A certificate and its private key as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct PemCertificate {
    /// The certificate; only the first one of a chain counts.
    pub certificate: String,
    /// Its key, ECDSA on P-256 or P-384, not encrypted.
    pub private_key: String,
}

impl fmt::Debug for PemCertificate {
    /// Leaves the key out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PemCertificate")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// What the workers' state machines begin with, also when one begins anew.
#[derive(Debug)]
pub(crate) struct DtlsSource {
    clock: Clock,
    version: DtlsVersion,
    current: Mutex<Arc<DtlsSettings>>,
}

impl DtlsSource {
    pub(crate) fn new(
        given: Option<&PemCertificate>,
        version: DtlsVersion,
        clock: Clock,
    ) -> Result<Self, InvalidCertificate> {
        let certificate = match given {
            Some(pem) => read(pem, clock)?,
            None => Certificate::generate()?,
        };
        let settings = DtlsSettings::new(certificate, version, clock.origin());
        Ok(Self {
            clock,
            version,
            current: Mutex::new(Arc::new(settings)),
        })
    }

    /// Takes another certificate. Nothing changes on an error.
    pub(crate) fn replace(
        &self,
        pem: &PemCertificate,
    ) -> Result<Arc<DtlsSettings>, InvalidCertificate> {
        let certificate = read(pem, self.clock)?;
        let settings = DtlsSettings::new(certificate, self.version, self.clock.origin());
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(settings);
        Ok(Arc::clone(&current))
    }

    pub(crate) fn current(&self) -> Arc<DtlsSettings> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(pem: &PemCertificate, clock: Clock) -> Result<Certificate, InvalidCertificate> {
    Certificate::from_pem(&pem.certificate, &pem.private_key, clock.unix_time())
}
