//! Peers whose certificate has an RSA key, as GStreamer's has.
//!
//! `dimpl` 0.9 as a server asks for ECDSA only, and a peer that has nothing else then shows no certificate at all. Where
//! we are the server of a DTLS 1.2 handshake, this file puts that right from the outside: [`ask_for_rsa`] replaces the
//! CertificateRequest on its way out by one that names both kinds, [`provider`] makes `dimpl` hash and verify the
//! handshake as the peer sees it, and checks RSA signatures. Both sides of the trick are pure functions of the message,
//! so that nothing has to be remembered between them.
//!
//! ```text
//! struct {
//!     ClientCertificateType certificate_types<1..2^8-1>;
//!     SignatureAndHashAlgorithm supported_signature_algorithms<2^16-1>;
//!     DistinguishedName certificate_authorities<0..2^16-1>;
//! } CertificateRequest;                                          RFC 5246 §7.4.4
//! ```

use std::borrow::Cow;

use aws_lc_rs::digest::{Context, SHA256, SHA384};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, UnparsedPublicKey,
};
use dimpl::crypto::{
    Buf, CryptoProvider, HashAlgorithm, HashContext, HashProvider, SignatureAlgorithm,
    SignatureVerifier, aws_lc_rs as default,
};
use dimpl::{CryptoError, CryptoOperation};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::records::{Messages, Records, plain_handshake, push_record};
use crate::signing;

/// The body of our CertificateRequest: RSA and ECDSA certificates, and with either SHA-256 and SHA-384. RSA comes last,
/// so that a peer with both takes ECDSA. No authorities: certificates are their own (RFC 8827 §6.5).
const REQUEST: [u8; 15] = [
    2, ECDSA_SIGN, RSA_SIGN, // certificate types
    0, 8, 4, 3, 5, 3, 4, 1, 5, 1, // signature algorithms
    0, 0, // authorities
];
const RSA_SIGN: u8 = 1;
const ECDSA_SIGN: u8 = 64;

/// What [`ask_for_rsa`] may add to a datagram.
pub(crate) const GROWTH: usize = REQUEST.len();

/// A datagram of the server's with our CertificateRequest in the place of `dimpl`'s. If that came in fragments, the
/// first is replaced by the whole message, the others are left out.
pub(crate) fn ask_for_rsa(datagram: &[u8]) -> Cow<'_, [u8]> {
    let is_request = |message: &[u8]| message.first() == Some(&CERTIFICATE_REQUEST);
    let has_request = Records(datagram)
        .filter_map(plain_handshake)
        .any(|record| Messages(record.messages).any(is_request));
    if !has_request {
        return Cow::Borrowed(datagram);
    }
    let mut out = Vec::with_capacity(datagram.len() + GROWTH);
    for record in Records(datagram) {
        let Some(handshake) = plain_handshake(record) else {
            out.extend_from_slice(record);
            continue;
        };
        let mut messages = Vec::with_capacity(handshake.messages.len() + GROWTH);
        for message in Messages(handshake.messages) {
            match Header::parse(message) {
                Some(header) if is_request(message) && header.offset == 0 => {
                    messages.extend(header.of_request());
                    messages.extend(REQUEST);
                }
                Some(_) if is_request(message) => {}
                _ => messages.extend_from_slice(message),
            }
        }
        if !messages.is_empty() {
            push_record(&mut out, handshake.header, &messages);
        }
    }
    Cow::Owned(out)
}

/// Our provider with [`REQUEST`] in the transcript and with RSA signatures. For servers only: as a client we
/// hash what the server has sent.
pub(crate) fn provider() -> CryptoProvider {
    CryptoProvider {
        hash_provider: &TranscriptHashes,
        signature_verification: &Signatures,
        ..signing::provider()
    }
}

/// A transcript of DTLS 1.2 as the peer has it: before the request, the request, and after it. `None` if there is no
/// request in it, or if it is something else.
fn as_sent(transcript: &[u8]) -> Option<(&[u8], Header, &[u8])> {
    let mut before = 0;
    let mut rest = transcript;
    loop {
        let header = Header::parse(rest)?;
        // DTLS 1.3 leaves the fields of fragments out (RFC 9147 §5.2), so that its transcripts end here.
        if header.offset != 0 || header.fragment_len != header.len {
            return None;
        }
        let (_, after) = rest.split_at_checked(HEADER + header.len)?;
        if header.kind == CERTIFICATE_REQUEST {
            return Some((transcript.get(..before)?, header, after));
        }
        before += HEADER + header.len;
        rest = after;
    }
}

/// What stands before every message or fragment (RFC 6347 §4.2.2).
#[derive(Clone, Copy, Debug)]
struct Header {
    kind: u8,
    len: usize,
    sequence: [u8; 2],
    offset: usize,
    fragment_len: usize,
}

impl Header {
    fn parse(message: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEADER] = message.first_chunk()?;
        let number = |at: usize| {
            let [high, middle, low] = [bytes[at], bytes[at + 1], bytes[at + 2]];
            u32::from_be_bytes([0, high, middle, low]) as usize
        };
        Some(Self {
            kind: bytes[0],
            len: number(1),
            sequence: [bytes[4], bytes[5]],
            offset: number(6),
            fragment_len: number(9),
        })
    }

    /// The header of [`REQUEST`] in the place of this message.
    fn of_request(self) -> [u8; HEADER] {
        let [high, low] = self.sequence;
        let len = REQUEST.len() as u8;
        [
            CERTIFICATE_REQUEST,
            0,
            0,
            len,
            high,
            low,
            0,
            0,
            0,
            0,
            0,
            len,
        ]
    }
}

#[derive(Debug)]
struct TranscriptHashes;

impl HashProvider for TranscriptHashes {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        match algorithm {
            HashAlgorithm::SHA256 => Box::new(TranscriptHash(Context::new(&SHA256))),
            HashAlgorithm::SHA384 => Box::new(TranscriptHash(Context::new(&SHA384))),
            // As `dimpl` has it: no suite of its asks for another.
            _ => default::default_provider()
                .hash_provider
                .create_hash(algorithm),
        }
    }
}

struct TranscriptHash(Context);

impl HashContext for TranscriptHash {
    fn update(&mut self, data: &[u8]) {
        if let Some((before, header, after)) = as_sent(data) {
            for part in [before, &header.of_request(), &REQUEST, after] {
                self.0.update(part);
            }
        } else {
            self.0.update(data);
        }
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        out.clear();
        out.extend_from_slice(self.0.clone().finish().as_ref());
    }
}

impl std::fmt::Debug for TranscriptHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TranscriptHash").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Signatures;

impl SignatureVerifier for Signatures {
    fn verify_signature(
        &self,
        cert_der: &[u8],
        data: &[u8],
        signature: &[u8],
        hash_alg: HashAlgorithm,
        sig_alg: SignatureAlgorithm,
    ) -> Result<(), CryptoError> {
        let sent = as_sent(data).map(|(before, header, after)| {
            [before, &header.of_request(), &REQUEST, after].concat()
        });
        let data = sent.as_deref().unwrap_or(data);
        if sig_alg == SignatureAlgorithm::RSA {
            return verify_rsa(cert_der, data, signature, hash_alg);
        }
        default::default_provider()
            .signature_verification
            .verify_signature(cert_der, data, signature, hash_alg, sig_alg)
    }
}

/// RSASSA-PKCS1-v1_5 with 2,048 to 8,192 bits (RFC 5246 §4.7).
fn verify_rsa(
    certificate: &[u8],
    data: &[u8],
    signature: &[u8],
    hash: HashAlgorithm,
) -> Result<(), CryptoError> {
    let certificate =
        Certificate::from_der(certificate).map_err(|_| CryptoError::CertificateParseFailed)?;
    let key = certificate.tbs_certificate().subject_public_key_info();
    let key = key
        .subject_public_key
        .as_bytes()
        .ok_or(CryptoError::InvalidSubjectPublicKey)?;
    let parameters = match hash {
        HashAlgorithm::SHA256 => &RSA_PKCS1_2048_8192_SHA256,
        HashAlgorithm::SHA384 => &RSA_PKCS1_2048_8192_SHA384,
        _ => {
            return Err(CryptoError::UnsupportedSignatureAlgorithm(
                SignatureAlgorithm::RSA,
            ));
        }
    };
    // A key of another kind is no RSA public key to the library, and so refused here too.
    UnparsedPublicKey::new(parameters, key)
        .verify(data, signature)
        .map_err(|_| CryptoError::OperationFailed(CryptoOperation::VerifySignature))
}

/// Bytes of a message's header.
const HEADER: usize = 12;

/// The message type (RFC 5246 §7.4).
const CERTIFICATE_REQUEST: u8 = 13;

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of `kind` with the fields of a fragment.
    fn message(kind: u8, sequence: u8, len: u8, offset: u8, body: &[u8]) -> Vec<u8> {
        let fragment = body.len() as u8;
        let header = [kind, 0, 0, len, 0, sequence, 0, 0, offset, 0, 0, fragment];
        [&header, body].concat()
    }

    fn record(messages: &[u8]) -> Vec<u8> {
        let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 5, 0];
        record.push(messages.len() as u8);
        record.extend(messages);
        record
    }

    const ECDSA_ONLY: [u8; 10] = [1, 64, 0, 4, 4, 3, 5, 3, 0, 0];

    #[test]
    fn the_request_on_the_wire_is_the_one_in_the_transcript() {
        let hello = message(2, 1, 5, 0, &[7; 5]);
        let theirs = message(13, 4, 10, 0, &ECDSA_ONLY);
        let done = message(14, 5, 0, 0, &[]);
        let ours = message(13, 4, 15, 0, &REQUEST);
        let sent = [&hello[..], &ours, &done].concat();
        let datagrams = [
            // A record for each message, or one for all.
            (
                [record(&hello), record(&theirs), record(&done)].concat(),
                [record(&hello), record(&ours), record(&done)].concat(),
            ),
            (
                record(&[&hello[..], &theirs, &done].concat()),
                record(&sent),
            ),
        ];
        for (datagram, expected) in datagrams {
            assert_eq!(ask_for_rsa(&datagram), expected);
        }
        let transcript = [&hello[..], &theirs, &done].concat();
        let (before, header, after) = as_sent(&transcript).unwrap();
        assert_eq!(
            [before, &header.of_request(), &REQUEST, after].concat(),
            sent
        );
    }

    #[test]
    fn a_request_in_fragments_is_sent_in_one() {
        let first = record(&message(13, 4, 10, 0, &ECDSA_ONLY[..3]));
        let second = message(13, 4, 10, 3, &ECDSA_ONLY[3..]);
        let done = message(14, 5, 0, 0, &[]);
        assert_eq!(
            ask_for_rsa(&first),
            record(&message(13, 4, 15, 0, &REQUEST))
        );
        assert_eq!(ask_for_rsa(&record(&second)), vec![]);
        assert_eq!(
            ask_for_rsa(&record(&[&second[..], &done].concat())),
            record(&done)
        );
    }

    #[test]
    fn anything_else_is_left_alone() {
        let encrypted = [
            &[22, 0xfe, 0xfd, 0, 1][..],
            &record(&message(13, 4, 10, 0, &ECDSA_ONLY))[5..],
        ]
        .concat();
        for datagram in [encrypted, vec![], vec![13; 40], record(&[13; 3])] {
            assert_eq!(as_sent(&datagram).map(|(before, ..)| before.len()), None);
            assert!(
                matches!(ask_for_rsa(&datagram), Cow::Borrowed(same) if same == datagram)
                    || datagram[0] == 22
            );
        }
        // DTLS 1.3: a type and a length before every body.
        let transcript = [
            &[1, 0, 0, 60, 0xfe, 0xfd][..],
            &[9; 58],
            &[13, 0, 0, 10],
            &ECDSA_ONLY,
        ]
        .concat();
        assert!(as_sent(&transcript).is_none());
    }
}
