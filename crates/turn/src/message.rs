//! What both sides read in STUN messages.

use xrtc_ice::stun::{Attribute, AttributeType, IntegrityKey, Message};

use md5::{Digest, Md5};

/// The value of a message's first attribute of this kind.
pub(crate) fn value<'m>(message: &Message<'m>, wanted: AttributeType) -> Option<&'m [u8]> {
    message.find(|attribute| match attribute {
        Attribute::Other(kind, value) if kind == wanted => Some(value),
        _ => None,
    })
}

/// The key of long-term credentials (RFC 8489 §9.2.2).
pub(crate) fn long_term_key(username: &str, realm: &[u8], password: &str) -> IntegrityKey {
    let mut hash = Md5::new();
    hash.update(username.as_bytes());
    hash.update(b":");
    hash.update(realm);
    hash.update(b":");
    hash.update(password.as_bytes());
    IntegrityKey::from_bytes(&hash.finalize())
}
