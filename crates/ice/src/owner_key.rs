//! Credentials that tell whose they are: several workers behind one port need no table to find out.

use std::fmt;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};

use crate::credentials::{Credentials, ice_chars, ice_value};
use crate::stun::{IntegrityKey, Message, peek_username};

/// The key under which all agents of a server get their credentials.
///
/// A ufrag begins with the number of its owner, and its password is a keyed hash of it. So whoever holds the key can
/// tell from a check alone whose it is and whether it is authentic, without asking the owner and without a table that
/// threads would have to share. To everybody else the passwords are random.
pub struct OwnerKey(Key);

impl OwnerKey {
    /// How many owners there can be: one for each character that a ufrag may begin with.
    pub const OWNERS: u8 = 64;

    /// The key made of `secret`, which must come from the operating system outside of simulations.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Key::new(HMAC_SHA256, secret))
    }

    /// New credentials for an agent of `owner`: a ufrag with 48 random bits, and its password of 144 bits (RFC 8445
    /// §5.3 asks for at least 24 and 128). `fill` writes random bytes over its argument.
    pub fn credentials(&self, owner: u8, fill: impl FnOnce(&mut [u8])) -> Credentials {
        let mut random = [0; 6];
        fill(&mut random);
        // The owner's six bits are the last ones of three bytes, and so the last character of four.
        let ufrag: String = ice_chars(&[0, 0, owner % Self::OWNERS])
            .skip(3)
            .chain(ice_chars(&random))
            .collect();
        let pwd = self.password(&ufrag);
        Credentials::issued(ufrag, pwd)
    }

    /// Who issued a ufrag, if it was one of us. Not authenticated.
    pub fn owner_of(ufrag: &str) -> Option<u8> {
        let (first, rest) = ufrag.as_bytes().split_first()?;
        ice_value(*first).filter(|_| rest.len() == UFRAG_LEN - 1)
    }

    /// Whose agent a connectivity check is for. `None`: it is no authentic one.
    pub fn authenticate(&self, datagram: &[u8]) -> Option<u8> {
        let ufrag = peek_username(datagram)?;
        let owner = Self::owner_of(ufrag)?;
        let message = Message::parse(datagram).ok()?;
        let key = IntegrityKey::new(&self.password(ufrag));
        message.verify(&key).is_ok().then_some(owner)
    }

    fn password(&self, ufrag: &str) -> String {
        let hash = sign(&self.0, ufrag.as_bytes());
        let bytes = hash.as_ref().get(..PWD_BYTES).unwrap_or_default();
        ice_chars(bytes).collect()
    }
}

impl fmt::Debug for OwnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnerKey")
    }
}

/// The owner and 48 random bits.
const UFRAG_LEN: usize = 9;
/// 24 characters.
const PWD_BYTES: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stun::{Builder, Class, TransactionId};

    fn check(ufrag: &str, pwd: &str) -> Vec<u8> {
        let mut out = [0; 256];
        let len = Builder::new(&mut out, Class::Request, TransactionId::default())
            .username(ufrag, "them")
            .integrity(&IntegrityKey::new(pwd))
            .fingerprint()
            .finish();
        out[..len.unwrap()].to_vec()
    }

    #[test]
    fn a_check_tells_whose_it_is_and_only_the_key_can_say_so() {
        let mut rng = fastrand::Rng::with_seed(1);
        let (key, other) = (OwnerKey::new(&[1; 32]), OwnerKey::new(&[2; 32]));
        for owner in 0..OwnerKey::OWNERS {
            let credentials = key.credentials(owner, |bytes| rng.fill(bytes));
            let (ufrag, pwd) = (credentials.ufrag(), credentials.pwd());
            assert_eq!((ufrag.len(), pwd.len()), (9, 24));
            assert_eq!(Credentials::new(ufrag, pwd).as_ref(), Ok(&credentials));
            assert_eq!(OwnerKey::owner_of(ufrag), Some(owner));
            assert_eq!(key.authenticate(&check(ufrag, pwd)), Some(owner));
            assert_eq!(other.authenticate(&check(ufrag, pwd)), None);
            assert_eq!(
                key.authenticate(&check(ufrag, "not-the-password-at-all")),
                None
            );
        }
    }

    #[test]
    fn what_was_changed_on_the_way_is_not_authentic() {
        let key = OwnerKey::new(&[1; 32]);
        let credentials = key.credentials(5, |bytes| bytes.fill(9));
        let good = check(credentials.ufrag(), credentials.pwd());
        // What follows MESSAGE-INTEGRITY is only FINGERPRINT, which proves nothing.
        for index in 0..good.len() - 8 {
            let mut bad = good.clone();
            bad[index] ^= 1;
            assert_eq!(key.authenticate(&bad), None, "byte {index}");
            assert_eq!(key.authenticate(&good[..index]), None);
        }
    }

    #[test]
    fn strangers_ufrags_have_no_owner() {
        for ufrag in ["", "A", "short", "-23456789", "0123456789"] {
            assert_eq!(OwnerKey::owner_of(ufrag), None, "{ufrag}");
        }
    }
}
