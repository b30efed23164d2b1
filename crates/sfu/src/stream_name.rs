//! The name of a stream and its one parser: HTTP, API and logs all come through here.

use std::fmt;
use std::sync::Arc;

/// The name of a stream: 1 to 256 bytes of UTF-8 in `/`-separated segments, none of them empty, `.` or `..`,
/// without control characters. Cheap to clone.
///
/// The text is taken as it is: who reads it out of a URL decodes it exactly once before.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(Arc<str>);

impl StreamName {
    /// The longest name, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 256;

    /// Takes a decoded name, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidStreamName> {
        if text.is_empty() {
            return Err(InvalidStreamName::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidStreamName::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidStreamName::ControlCharacter);
        }
        for segment in text.split('/') {
            match segment {
                "" => return Err(InvalidStreamName::EmptySegment),
                "." | ".." => return Err(InvalidStreamName::DotSegment),
                _ => {}
            }
        }
        Ok(Self(Arc::from(text)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The index of the worker that owns this stream among `workers`: the CRC-32 of the name modulo their number.
    /// All publishers of a name go there; viewers may sit on any worker. Zero where there are no workers.
    pub fn home(&self, workers: usize) -> usize {
        (crc32(self.0.as_bytes()) as usize)
            .checked_rem(workers)
            .unwrap_or(0)
    }
}

/// What is wrong with a stream name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidStreamName {
    /// No byte at all.
    #[error("a stream name is not empty")]
    Empty,
    /// More than [`StreamName::MAX_BYTES`].
    #[error("a stream name has at most {} bytes", StreamName::MAX_BYTES)]
    TooLong,
    /// A control character (C0, C1 or DEL).
    #[error("a stream name has no control characters")]
    ControlCharacter,
    /// Two slashes side by side, or one at an end.
    #[error("a stream name has no empty segment")]
    EmptySegment,
    /// A segment that is `.` or `..`.
    #[error("a stream name has no `.` or `..` segment")]
    DotSegment,
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamName({:?})", &*self.0)
    }
}

impl AsRef<str> for StreamName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// CRC-32 as in IEEE 802.3 and zlib, reflected, bit by bit: it runs once per request.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_as_they_are() {
        for name in [
            "lobby",
            "a/b/c",
            "Wohnzimmer über uns",
            "直播/一",
            "a b",
            "...",
            "x.",
            &"x".repeat(256),
        ] {
            assert_eq!(StreamName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn bad_names_are_refused_with_their_cause() {
        use InvalidStreamName::{ControlCharacter, DotSegment, Empty, EmptySegment, TooLong};
        let long = "x".repeat(257);
        let rows = [
            ("", Empty),
            (long.as_str(), TooLong),
            ("a\nb", ControlCharacter),
            ("a\u{7f}", ControlCharacter),
            ("a\u{85}", ControlCharacter),
            ("/a", EmptySegment),
            ("a/", EmptySegment),
            ("a//b", EmptySegment),
            (".", DotSegment),
            ("a/../b", DotSegment),
            ("a/.", DotSegment),
        ];
        for (name, why) in rows {
            assert_eq!(StreamName::parse(name), Err(why), "{name:?}");
        }
    }

    #[test]
    fn home_is_the_crc32_of_the_name_modulo_the_workers() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let name = StreamName::parse("123456789").unwrap();
        assert_eq!(name.home(7), 0xcbf4_3926 % 7);
        assert_eq!(name.home(1), 0);
        assert_eq!(name.home(0), 0);
    }
}
