//! Datagrams on a TCP connection (RFC 4571 §2): each behind its length in two bytes, most significant first.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------------------------------+-------------------------------+
//! |            LENGTH             |  STUN, DTLS, SRTP or SRTCP ...|
//! +-------------------------------+-------------------------------+
//! ```

use crate::limits::MAX_FRAME;

/// Cuts what comes on one connection into frames.
///
/// Whole frames are handed out where they lie; only one whose end has not come is copied and kept.
#[derive(Debug, Default)]
pub struct Deframer {
    /// The beginning of a frame with its prefix; shorter than the frame.
    partial: Vec<u8>,
}

/// A frame is announced that is longer than any datagram: the other side speaks something else, and what follows has no
/// beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {len} bytes")]
pub struct FrameTooLong {
    /// The announced length.
    pub len: usize,
}

impl Deframer {
    /// Takes `bytes` as they came, and hands every frame that they complete to `take`, in order. Frames without a byte
    /// are nothing. After an error the connection is to be closed.
    pub fn push(
        &mut self,
        mut bytes: &mut [u8],
        mut take: impl FnMut(&mut [u8]),
    ) -> Result<(), FrameTooLong> {
        while !self.partial.is_empty() {
            let missing = match announced(&self.partial)? {
                Some(len) => PREFIX + len - self.partial.len(),
                None => PREFIX - self.partial.len(),
            };
            let (head, rest) = bytes.split_at_mut(missing.min(bytes.len()));
            self.partial.extend_from_slice(head);
            let complete = announced(&self.partial)?.map(|len| PREFIX + len);
            bytes = rest;
            if complete == Some(self.partial.len()) {
                let frame = self.partial.get_mut(PREFIX..).unwrap_or_default();
                if !frame.is_empty() {
                    take(frame);
                }
                self.partial.clear();
            } else if bytes.is_empty() {
                return Ok(());
            }
        }
        while let Some(len) = announced(bytes)? {
            if bytes.len() < PREFIX + len {
                break;
            }
            let (frame, rest) = bytes.split_at_mut(PREFIX + len);
            bytes = rest;
            if len > 0 {
                take(frame.get_mut(PREFIX..).unwrap_or_default());
            }
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    /// How many bytes of an unfinished frame are kept, its prefix included.
    pub fn pending(&self) -> usize {
        self.partial.len()
    }
}

/// What goes before a datagram of `len` bytes on the connection. `None`: it is longer than a frame may be.
pub fn prefix(len: usize) -> Option<[u8; PREFIX]> {
    let announced = u16::try_from(len).ok().filter(|_| len <= MAX_FRAME)?;
    Some(announced.to_be_bytes())
}

/// The length that the frame at the beginning of `bytes` announces, if that much has come.
pub fn announced(bytes: &[u8]) -> Result<Option<usize>, FrameTooLong> {
    let Some((prefix, _)) = bytes.split_first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    let len = usize::from(u16::from_be_bytes(*prefix));
    if len > MAX_FRAME {
        return Err(FrameTooLong { len });
    }
    Ok(Some(len))
}

/// Bytes before each frame.
pub const PREFIX: usize = 2;
