//! MESSAGE-INTEGRITY with short-term credentials (RFC 8489 §9.1, §14.5).

use std::fmt;

use aws_lc_rs::constant_time;
use aws_lc_rs::hmac::{Context, HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key};

use super::message::INTEGRITY_LEN;

/// An HMAC-SHA1 key made from an ICE password.
///
/// The padded blocks are hashed for each message again: that state would be 1.2 KB for every peer, and a peer has one
/// check in 2.5 s.
#[derive(Clone)]
pub struct IntegrityKey(Box<[u8]>);

impl IntegrityKey {
    /// The key for `password`. ICE passwords are ASCII, which SASLprep leaves alone (RFC 8489 §9.1.1).
    pub fn new(password: &str) -> Self {
        Self::from_bytes(password.as_bytes())
    }

    /// A key that is not a password: the hash of a long-term credential (RFC 8489 §9.2.2).
    pub fn from_bytes(key: &[u8]) -> Self {
        Self(key.into())
    }

    /// The HMAC over `header` and `attributes`.
    pub(super) fn sign(&self, header: &[u8], attributes: &[u8]) -> [u8; INTEGRITY_LEN] {
        let mut context = Context::with_key(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0));
        context.update(header);
        context.update(attributes);
        let mut tag = [0; INTEGRITY_LEN];
        tag.iter_mut()
            .zip(context.sign().as_ref())
            .for_each(|(to, from)| *to = *from);
        tag
    }

    pub(super) fn verify(
        &self,
        header: &[u8],
        attributes: &[u8],
        tag: &[u8; INTEGRITY_LEN],
    ) -> bool {
        constant_time::verify_slices_are_equal(&self.sign(header, attributes), tag).is_ok()
    }
}

impl fmt::Debug for IntegrityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntegrityKey")
    }
}
