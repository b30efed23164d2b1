//! Our own certificate.

use std::fmt;

use dimpl::DtlsCertificate;

use crate::fingerprint::{Fingerprint, HashFunction};

/// A certificate with its private key: what a server shows in every DTLS handshake.
///
/// Peers do not look at names or dates in it, only at its [`Self::fingerprint_sha256`] (RFC 8827 §6.5).
#[derive(Clone)]
pub struct Certificate {
    pub(crate) dtls: DtlsCertificate,
    fingerprint: Fingerprint,
}

impl Certificate {
    /// Makes a new key on the curve P-256 and a certificate signed with it. Draws on the crypto library's own
    /// randomness and reads the wall clock for the dates, so it belongs where a server starts.
    ///
    /// # Errors
    ///
    /// The crypto library had no randomness or memory.
    pub fn generate() -> Result<Self, InvalidCertificate> {
        let dtls = dimpl::certificate::generate_self_signed_certificate()
            .map_err(|_| InvalidCertificate::Generation)?;
        Ok(Self::new(dtls))
    }

    /// Takes a stored certificate (X.509, DER) and its private key (P-256 or P-384; PKCS #8 or SEC 1, DER).
    ///
    /// # Errors
    ///
    /// Which of the two cannot be used.
    pub fn from_der(certificate: &[u8], private_key: &[u8]) -> Result<Self, InvalidCertificate> {
        // The outermost SEQUENCE must span the input; what lies in it only matters to peers.
        if !is_one_sequence(certificate) {
            return Err(InvalidCertificate::Certificate);
        }
        dimpl::crypto::aws_lc_rs::default_provider()
            .key_provider
            .load_private_key(private_key)
            .map_err(|_| InvalidCertificate::PrivateKey)?;
        Ok(Self::new(DtlsCertificate {
            certificate: certificate.to_vec(),
            private_key: private_key.to_vec(),
        }))
    }

    /// The certificate, X.509 in DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.dtls.certificate
    }

    /// The private key as it was given, or PKCS #8 in DER. Keep it secret.
    pub fn private_key_der(&self) -> &[u8] {
        &self.dtls.private_key
    }

    /// The SHA-256 fingerprint as it stands in `a=fingerprint:sha-256 …`: pairs of capital hexadecimal digits with
    /// colons between them (RFC 8122 §5).
    pub fn fingerprint_sha256(&self) -> String {
        self.fingerprint.value()
    }

    fn new(dtls: DtlsCertificate) -> Self {
        let fingerprint = Fingerprint::of(HashFunction::Sha256, &dtls.certificate);
        Self { dtls, fingerprint }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// Why there is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCertificate {
    /// None could be made.
    #[error("the certificate could not be generated")]
    Generation,
    /// It is not DER.
    #[error("the certificate is not valid DER")]
    Certificate,
    /// It is no private key on P-256 or P-384.
    #[error("the private key is not an ECDSA key on P-256 or P-384 in DER")]
    PrivateKey,
}

/// Whether the bytes are one DER SEQUENCE with the length it states.
fn is_one_sequence(der: &[u8]) -> bool {
    let Some((&[0x30, first], rest)) = der.split_first_chunk() else {
        return false;
    };
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 | 0x82 => {
            let Some((digits, rest)) = rest.split_at_checked(usize::from(first & 3)) else {
                return false;
            };
            (
                digits
                    .iter()
                    .fold(0, |len, digit| (len << 8) | usize::from(*digit)),
                rest,
            )
        }
        _ => return false,
    };
    rest.len() == len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_certificate_has_the_fingerprint_it_had() {
        let generated = Certificate::generate().unwrap();
        let stored =
            Certificate::from_der(generated.certificate_der(), generated.private_key_der())
                .unwrap();
        assert_eq!(stored.fingerprint_sha256(), generated.fingerprint_sha256());
        assert_eq!(stored.fingerprint_sha256().len(), 95);
    }

    #[test]
    fn what_is_no_certificate_or_key_is_refused() {
        let generated = Certificate::generate().unwrap();
        let (certificate, key) = (generated.certificate_der(), generated.private_key_der());
        for broken in [
            &[][..],
            b"-----BEGIN",
            &certificate[1..],
            &certificate[..99],
        ] {
            let refused = Certificate::from_der(broken, key);
            assert_eq!(refused.err(), Some(InvalidCertificate::Certificate));
        }
        for broken in [&[][..], certificate, &key[..20]] {
            let refused = Certificate::from_der(certificate, broken);
            assert_eq!(refused.err(), Some(InvalidCertificate::PrivateKey));
        }
    }
}
