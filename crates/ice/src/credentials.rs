//! The user name fragment and password of one ICE generation.

use std::fmt;

use crate::limits::{PWD_LEN, UFRAG_LEN};

/// `a=ice-ufrag` and `a=ice-pwd` of one side and one generation (RFC 8839 §5.4).
///
/// Prints without the password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    ufrag: Box<str>,
    pwd: Box<str>,
}

impl Credentials {
    /// Takes credentials from a session description.
    pub fn new(ufrag: &str, pwd: &str) -> Result<Self, InvalidCredentials> {
        if !UFRAG_LEN.contains(&ufrag.len()) || !ufrag.bytes().all(is_ice_char) {
            return Err(InvalidCredentials::Ufrag);
        }
        if !PWD_LEN.contains(&pwd.len()) || !pwd.bytes().all(is_ice_char) {
            return Err(InvalidCredentials::Pwd);
        }
        Ok(Self {
            ufrag: ufrag.into(),
            pwd: pwd.into(),
        })
    }

    /// New credentials: a ufrag of 8 characters (48 random bits) and a password of 24 (144 bits; RFC 8445 §5.3 asks
    /// for at least 24 and 128).
    ///
    /// `fill` writes random bytes over its argument. The password is what keeps others from moving a session's
    /// path, so outside of simulations these must be the operating system's or the crypto library's.
    pub fn random(fill: impl FnOnce(&mut [u8])) -> Self {
        let mut entropy = [0; 24];
        fill(&mut entropy);
        let mut text = ice_chars(&entropy);
        let ufrag = text.by_ref().take(8).collect();
        Self::issued(ufrag, text.collect())
    }

    /// Credentials whose grammar their maker vouches for.
    pub(crate) fn issued(ufrag: String, pwd: String) -> Self {
        Self {
            ufrag: ufrag.into(),
            pwd: pwd.into(),
        }
    }

    /// The user name fragment.
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// The password.
    pub fn pwd(&self) -> &str {
        &self.pwd
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

/// What is wrong with credentials from a session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCredentials {
    /// The ufrag has fewer than 4 or more than 256 characters, or a forbidden one.
    #[error("ice-ufrag is not 4 to 256 ice characters")]
    Ufrag,
    /// The password has fewer than 22 or more than 256 characters, or a forbidden one.
    #[error("ice-pwd is not 22 to 256 ice characters")]
    Pwd,
}

/// RFC 8839 §5.1 allows letters, digits, `+` and `/`. libwebrtc (`p2p/base/transport_description.cc`, `IsIceChar`)
/// also takes `-`, `#`, `_` and `=`, because software in the field sends them.
pub(crate) fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'#' | b'_' | b'=')
}

/// Bytes as ice characters, four for three of them; what is left of the last three is left out.
pub(crate) fn ice_chars(bytes: &[u8]) -> impl Iterator<Item = char> {
    bytes.chunks_exact(3).flat_map(|group| {
        let bits = group
            .iter()
            .fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| ice_char((bits >> shift) & 0x3f))
    })
}

/// The ice character for the value `bits`, 0 to 63: base64's alphabet is exactly the RFC's.
fn ice_char(bits: u32) -> char {
    ALPHABET.get(bits as usize).copied().map_or('A', char::from)
}

/// The value of an ice character, if we write it.
pub(crate) fn ice_value(character: u8) -> Option<u8> {
    let place = ALPHABET.iter().position(|other| *other == character)?;
    u8::try_from(place).ok()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_credentials_pass_their_own_check_and_differ() {
        let mut rng = fastrand::Rng::with_seed(1);
        let first = Credentials::random(|bytes| rng.fill(bytes));
        let second = Credentials::random(|bytes| rng.fill(bytes));
        assert_ne!(first, second);
        assert_eq!((first.ufrag().len(), first.pwd().len()), (8, 24));
        assert_eq!(Credentials::new(first.ufrag(), first.pwd()), Ok(first));
    }

    #[test]
    fn random_bits_all_reach_the_text() {
        let all = Credentials::random(|bytes| {
            bytes.copy_from_slice(&[
                0, 16, 131, 16, 81, 135, 32, 146, 139, 48, 211, 143, 65, 20, 147, 81, 85, 151, 97,
                150, 155, 113, 215, 159,
            ])
        });
        assert_eq!(all.ufrag(), "ABCDEFGH");
        assert_eq!(all.pwd(), "IJKLMNOPQRSTUVWXYZabcdef");
    }

    #[test]
    fn lengths_and_characters_follow_the_grammar() {
        let pwd = "p".repeat(22);
        assert!(Credentials::new("abcd", &pwd).is_ok());
        assert!(Credentials::new(&"u".repeat(256), &"p".repeat(256)).is_ok());
        assert_eq!(
            Credentials::new("abc", &pwd),
            Err(InvalidCredentials::Ufrag)
        );
        assert_eq!(
            Credentials::new(&"u".repeat(257), &pwd),
            Err(InvalidCredentials::Ufrag)
        );
        assert_eq!(
            Credentials::new("ab:d", &pwd),
            Err(InvalidCredentials::Ufrag)
        );
        assert_eq!(
            Credentials::new("abcd", &"p".repeat(21)),
            Err(InvalidCredentials::Pwd)
        );
        assert_eq!(
            Credentials::new("abcd", &format!("{pwd} ")),
            Err(InvalidCredentials::Pwd)
        );
    }

    #[test]
    fn the_password_is_not_printed() {
        let credentials = Credentials::new("abcd", "secretsecretsecretsecret").unwrap();
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
