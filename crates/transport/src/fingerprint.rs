//! The hash of a peer's certificate, as its session description names it (RFC 8122 §5).

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayVec;
use aws_lc_rs::digest;

/// One `a=fingerprint`: a hash function and what it gives for the certificate.
///
/// Parses and prints as in SDP: `sha-256 AB:CD:…`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    hash: HashFunction,
    digest: ArrayVec<u8, { HashFunction::MAX_LEN }>,
}

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    pub fn of(hash: HashFunction, certificate: &[u8]) -> Self {
        let digest = digest::digest(hash.algorithm(), certificate);
        Self {
            hash,
            digest: digest.as_ref().iter().copied().collect(),
        }
    }

    /// Whether this is the fingerprint of a certificate in DER.
    pub fn matches(&self, certificate: &[u8]) -> bool {
        *self == Self::of(self.hash, certificate)
    }

    /// The hash function.
    pub fn hash_function(&self) -> HashFunction {
        self.hash
    }

    /// Pairs of capital hexadecimal digits with colons between them.
    pub fn value(&self) -> String {
        let mut text = String::with_capacity(self.digest.len() * 3);
        for byte in &self.digest {
            let separator = if text.is_empty() { "" } else { ":" };
            text.push_str(separator);
            text.push_str(&format!("{byte:02X}"));
        }
        text
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    /// Takes `<hash function> <digest>`; the case of either does not matter.
    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let (name, value) = text
            .trim()
            .split_once(char::is_whitespace)
            .ok_or(InvalidFingerprint::Malformed)?;
        let hash = HashFunction::from_name(name).ok_or(InvalidFingerprint::UnknownHashFunction)?;
        let mut digest = ArrayVec::new();
        for pair in value.trim().split(':') {
            let is_pair = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            let byte = is_pair.then(|| u8::from_str_radix(pair, 16).ok()).flatten();
            let byte = byte.ok_or(InvalidFingerprint::Malformed)?;
            digest
                .try_push(byte)
                .map_err(|_| InvalidFingerprint::Malformed)?;
        }
        if digest.len() != hash.len() {
            return Err(InvalidFingerprint::Malformed);
        }
        Ok(Self { hash, digest })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.hash.name(), self.value())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The hash functions that prove something today. SHA-1 and older ones are not accepted: an offer that has nothing
/// else is refused (RFC 8122 §5 lets the others be ignored).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashFunction {
    /// SHA-256, the one that everybody uses.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashFunction {
    const MAX_LEN: usize = 64;

    /// The name in the registry of RFC 8122.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|hash| hash.name().eq_ignore_ascii_case(name))
    }

    const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => Self::MAX_LEN,
        }
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// Why a fingerprint cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFingerprint {
    /// Not a name and pairs of hexadecimal digits, or not as many as the hash function gives.
    #[error("the fingerprint is malformed")]
    Malformed,
    /// The hash function is unknown or no longer safe; another `a=fingerprint` may do.
    #[error("the fingerprint's hash function is not supported")]
    UnknownHashFunction,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e66_fingerprints_print_as_they_parse_in_any_case() {
        for hash in [
            HashFunction::Sha256,
            HashFunction::Sha384,
            HashFunction::Sha512,
        ] {
            let fingerprint = Fingerprint::of(hash, b"certificate");
            let text = fingerprint.to_string();
            assert_eq!(text.parse(), Ok(fingerprint.clone()));
            assert_eq!(text.to_lowercase().parse(), Ok(fingerprint.clone()));
            assert_eq!(text.to_uppercase().parse(), Ok(fingerprint.clone()));
            assert!(fingerprint.matches(b"certificate"));
            assert!(!fingerprint.matches(b"another"));
        }
    }

    #[test]
    fn fips_180_sha_256_of_abc() {
        let fingerprint = Fingerprint::of(HashFunction::Sha256, b"abc");
        assert!(
            fingerprint
                .value()
                .starts_with("BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23")
        );
    }

    #[test]
    fn broken_fingerprints_are_refused() {
        let whole = Fingerprint::of(HashFunction::Sha256, b"").value();
        for text in [
            "",
            "sha-256",
            "sha-256 ",
            "sha-256 AB:CD",
            "sha-256 A:B",
            "sha-256 +1:-2",
        ] {
            assert_eq!(
                text.parse::<Fingerprint>(),
                Err(InvalidFingerprint::Malformed),
                "{text}"
            );
        }
        for text in [
            format!("sha-256 {whole}:00"),
            format!("sha-512 {whole}"),
            format!("sha-256 {}", &whole[1..]),
        ] {
            assert_eq!(
                text.parse::<Fingerprint>(),
                Err(InvalidFingerprint::Malformed),
                "{text}"
            );
        }
        let text = format!("sha-1 {}", &whole[..59]);
        assert_eq!(
            text.parse::<Fingerprint>(),
            Err(InvalidFingerprint::UnknownHashFunction)
        );
    }
}
