//! Our own certificate.

use std::fmt;
use std::time::Duration;

use dimpl::DtlsCertificate;
use dimpl::crypto::{Buf, aws_lc_rs::default_provider};
use x509_cert::der::{Decode, pem};

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
    /// Which of the two cannot be used, or that they do not belong together.
    pub fn from_der(certificate: &[u8], private_key: &[u8]) -> Result<Self, InvalidCertificate> {
        // The outermost SEQUENCE must span the input; what lies in it only matters to peers.
        if !is_one_sequence(certificate) {
            return Err(InvalidCertificate::Certificate);
        }
        check_pair(certificate, private_key)?;
        Ok(Self::new(DtlsCertificate {
            certificate: certificate.to_vec(),
            private_key: private_key.to_vec(),
        }))
    }

    /// Takes a certificate and its private key as files for web servers have them: the first certificate of a chain, and a
    /// key as [`Self::from_der`] takes it, not encrypted. `unix_time` is now, since 1970: browsers do not look at the
    /// dates, but other peers may.
    ///
    /// # Errors
    ///
    /// Which of the two cannot be used, that they do not belong together, or that the dates are not around now.
    pub fn from_pem(
        certificate: &str,
        private_key: &str,
        unix_time: Duration,
    ) -> Result<Self, InvalidCertificate> {
        let certificate =
            block(certificate, &["CERTIFICATE"]).ok_or(InvalidCertificate::Certificate)?;
        let private_key = block(private_key, &["PRIVATE KEY", "EC PRIVATE KEY"])
            .ok_or(InvalidCertificate::PrivateKey)?;
        check_dates(&certificate, unix_time)?;
        Self::from_der(&certificate, &private_key)
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
    /// It is no X.509 certificate.
    #[error("the certificate is no X.509 certificate, or a damaged one")]
    Certificate,
    /// It is no private key on P-256 or P-384, or it is encrypted.
    #[error("the private key is not an ECDSA key on P-256 or P-384 without a passphrase")]
    PrivateKey,
    /// What the key signs, the certificate does not verify.
    #[error("the private key is not the certificate's")]
    Mismatch,
    /// Its dates lie in the future.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// Its dates lie in the past.
    #[error("the certificate has expired")]
    Expired,
}

/// Whether a certificate (X.509, DER) is valid at a time, since 1970.
///
/// # Errors
///
/// It cannot be read, or its dates are not around that time.
pub fn check_dates(certificate: &[u8], unix_time: Duration) -> Result<(), InvalidCertificate> {
    let parsed = x509_cert::Certificate::from_der(certificate)
        .map_err(|_| InvalidCertificate::Certificate)?;
    let validity = parsed.tbs_certificate().validity();
    if unix_time < validity.not_before.to_unix_duration() {
        return Err(InvalidCertificate::NotYetValid);
    }
    if unix_time > validity.not_after.to_unix_duration() {
        return Err(InvalidCertificate::Expired);
    }
    Ok(())
}

/// Signs something as in a handshake and verifies it.
fn check_pair(certificate: &[u8], private_key: &[u8]) -> Result<(), InvalidCertificate> {
    let provider = default_provider();
    let mut key = provider
        .key_provider
        .load_private_key(private_key)
        .map_err(|_| InvalidCertificate::PrivateKey)?;
    let (hash, algorithm) = (key.hash_algorithm(), key.algorithm());
    let (text, mut signature) = (b"whether they belong together", Buf::new());
    key.sign(text, hash, &mut signature)
        .map_err(|_| InvalidCertificate::PrivateKey)?;
    provider
        .signature_verification
        .verify_signature(certificate, text, &signature, hash, algorithm)
        .map_err(|_| InvalidCertificate::Mismatch)
}

/// The contents of the first block with one of these labels (RFC 7468); files may have others in front and behind.
fn block(text: &str, labels: &[&str]) -> Option<Vec<u8>> {
    let first = labels.iter().filter_map(|label| {
        let begin = text.find(&format!("-----BEGIN {label}-----"))?;
        let (_, rest) = text.split_at_checked(begin)?;
        let end = format!("-----END {label}-----");
        let len = rest.find(&end)? + end.len();
        Some((begin, rest.get(..len)?))
    });
    let (_, block) = first.min_by_key(|(begin, _)| *begin)?;
    pem::decode_vec(block.as_bytes()).ok().map(|(_, der)| der)
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
        let other = Certificate::generate().unwrap();
        let refused = Certificate::from_der(certificate, other.private_key_der());
        assert_eq!(refused.err(), Some(InvalidCertificate::Mismatch));
    }

    fn armored(label: &str, der: &[u8]) -> String {
        pem::encode_string(label, pem::LineEnding::LF, der).unwrap()
    }

    #[test]
    fn files_for_web_servers_are_read_while_their_dates_are_right() {
        let generated = Certificate::generate().unwrap();
        let (der, key) = (generated.certificate_der(), generated.private_key_der());
        let parsed = x509_cert::Certificate::from_der(der).unwrap();
        let validity = parsed.tbs_certificate().validity();
        let (begin, end) = (
            validity.not_before.to_unix_duration(),
            validity.not_after.to_unix_duration(),
        );
        let chain = armored("CERTIFICATE", der) + &armored("CERTIFICATE", b"its issuer");
        // As `openssl ecparam -genkey` writes it.
        let key = armored("EC PARAMETERS", &[6, 0]) + &armored("PRIVATE KEY", key);
        let read = Certificate::from_pem(&chain, &key, begin).unwrap();
        assert_eq!(read.fingerprint_sha256(), generated.fingerprint_sha256());
        let second = Duration::from_secs(1);
        for (certificate, key, time, reason) in [
            (
                &chain,
                &key,
                begin - second,
                InvalidCertificate::NotYetValid,
            ),
            (&chain, &key, end + second, InvalidCertificate::Expired),
            (&key, &key, begin, InvalidCertificate::Certificate),
            (&chain, &chain, begin, InvalidCertificate::PrivateKey),
            (
                &chain[9..].to_owned(),
                &key,
                begin,
                InvalidCertificate::Certificate,
            ),
        ] {
            let refused = Certificate::from_pem(certificate, key, time);
            assert_eq!(refused.err(), Some(reason));
        }
    }
}
