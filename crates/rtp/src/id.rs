//! Newtypes for the numbers and names that travel on the wire.

use std::fmt;

/// A synchronisation source (RFC 3550 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ssrc(pub u32);

/// An RTP payload type, 0 to 127 (RFC 3550 §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadType(pub u8);

/// Bits per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bitrate(pub u64);

/// The identification of an m-section, `a=mid` (RFC 9143 §15.2). Held inline.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Mid(Token);

/// The identification of a simulcast encoding, `a=rid` (RFC 8851). Held inline.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rid(Token);

/// Up to 32 bytes of a token, without an allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Token {
    len: u8,
    bytes: [u8; Self::MAX],
}

impl Token {
    const MAX: usize = 32;

    fn new(text: &[u8]) -> Option<Self> {
        if text.is_empty() || text.len() > Self::MAX || !text.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut bytes = [0; Self::MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self {
            len: u8::try_from(text.len()).ok()?,
            bytes,
        })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

macro_rules! token_newtype {
    ($name:ident) => {
        impl $name {
            /// Takes 1 to 32 visible ASCII characters; anything else is `None`.
            pub fn new(text: &str) -> Option<Self> {
                Self::from_bytes(text.as_bytes())
            }

            /// As [`Self::new`], from the bytes of a header extension.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                Token::new(bytes).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The text's bytes.
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }
    };
}

token_newtype!(Mid);
token_newtype!(Rid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_hold_1_to_32_visible_characters() {
        assert_eq!(
            Mid::new("audio-0").map(|mid| mid.to_string()),
            Some("audio-0".to_owned())
        );
        assert_eq!(Mid::new(""), None);
        assert_eq!(Mid::new("a b"), None);
        assert_eq!(Rid::new(&"r".repeat(33)), None);
        assert!(Rid::new(&"r".repeat(32)).is_some());
    }
}
