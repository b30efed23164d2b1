//! Messages and channel data on a connection (RFC 8656 §3.1, §12.5).

use crate::limits::MAX_FRAME;

/// What stands at the beginning of a stream's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One message: its length, and how many bytes belong to it with its padding.
    Whole {
        /// Without the padding.
        len: usize,
        /// With it.
        taken: usize,
    },
    /// More has to come.
    Incomplete,
    /// Neither STUN nor channel data, or too long: there is no way to find the next message.
    Broken,
}

/// Finds the message at the beginning of `bytes`.
pub fn frame(bytes: &[u8]) -> Frame {
    let Some([first, _, high, low]) = bytes.first_chunk::<4>().copied() else {
        return Frame::Incomplete;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let (len, taken) = match first >> 6 {
        0 if length % 4 == 0 => (20 + length, 20 + length),
        1 => (4 + length, 4 + length.next_multiple_of(4)),
        _ => return Frame::Broken,
    };
    if taken > MAX_FRAME {
        Frame::Broken
    } else if taken > bytes.len() {
        Frame::Incomplete
    } else {
        Frame::Whole { len, taken }
    }
}

/// How many zeros follow a message of `len` bytes on a connection.
pub const fn padding(len: usize) -> usize {
    len.next_multiple_of(4) - len
}

/// Writes the data of a channel (RFC 8656 §12.4) into `out`; its length, without padding.
pub(crate) fn write_channel_data(number: u16, datagram: &[u8], out: &mut [u8]) -> Option<usize> {
    let len = u16::try_from(datagram.len()).ok()?;
    let (header, rest) = out.split_first_chunk_mut::<4>()?;
    let ([n0, n1], [l0, l1]) = (number.to_be_bytes(), len.to_be_bytes());
    *header = [n0, n1, l0, l1];
    rest.get_mut(..datagram.len())?.copy_from_slice(datagram);
    Some(4 + datagram.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_channel_data_are_told_apart_and_padded() {
        let mut stun = [0; 28];
        stun[3] = 8;
        assert_eq!(frame(&stun), Frame::Whole { len: 28, taken: 28 });
        assert_eq!(frame(&stun[..27]), Frame::Incomplete);
        assert_eq!(frame(&[0x40, 0, 0]), Frame::Incomplete);
        let channel = [0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 0x40];
        assert_eq!(frame(&channel), Frame::Whole { len: 9, taken: 12 });
        assert_eq!(frame(&channel[..11]), Frame::Incomplete);
        assert_eq!(padding(9), 3);
        assert_eq!(padding(12), 0);
        // HTTP, TLS, an odd length, and more than anybody sends.
        for broken in [
            *b"GET ",
            *b"\x80\x03\x01\x00",
            [0, 1, 0, 3],
            [0x40, 0, 0xff, 0xff],
        ] {
            assert_eq!(frame(&broken), Frame::Broken, "{broken:?}");
        }
    }
}
