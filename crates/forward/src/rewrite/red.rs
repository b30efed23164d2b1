//! Redundant audio (RFC 2198): what is inside has payload types of its own.

/// What becomes of packets of redundant audio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Red {
    /// They are none.
    #[default]
    None,
    /// The viewer reads them; what is inside has this payload type with it.
    Inner(u8),
    /// The viewer does not: it gets the primary encoding alone.
    Strip,
}

impl Red {
    /// Writes other headers in front of the blocks. Returns how much was written and how much of the payload
    /// is replaced or left out.
    ///
    /// ```text
    ///  0                   1                   2                   3
    ///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    /// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    /// |1|  block PT   |      timestamp offset     |    block length   |
    /// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    /// |0|  block PT   |  the last header, of the primary encoding
    /// +-+-+-+-+-+-+-+-+
    /// ```
    pub(crate) fn rewrite(self, payload: &[u8], out: &mut [u8]) -> (u8, u16) {
        match self {
            Self::None => (0, 0),
            Self::Inner(payload_type) => {
                let Some(headers) = Headers::read(payload) else {
                    return (0, 0);
                };
                let places = payload.get(..headers.len).zip(out.get_mut(..headers.len));
                // More blocks than anybody sends stay as they are.
                let Some((from, to)) = places else {
                    return (0, 0);
                };
                to.copy_from_slice(from);
                for first in to.iter_mut().step_by(HEADER_LEN) {
                    *first = *first & FOLLOWED | payload_type & !FOLLOWED;
                }
                (headers.len as u8, headers.len as u16)
            }
            Self::Strip => {
                let skipped = Headers::read(payload).map(|headers| headers.len + headers.redundant);
                let skipped = skipped.unwrap_or(payload.len()).min(payload.len());
                (0, u16::try_from(skipped).unwrap_or(u16::MAX))
            }
        }
    }
}

struct Headers {
    /// Their own length.
    len: usize,
    /// The length of the redundant blocks behind them.
    redundant: usize,
}

impl Headers {
    fn read(payload: &[u8]) -> Option<Self> {
        let mut headers = Self {
            len: 0,
            redundant: 0,
        };
        let mut rest = payload;
        loop {
            let (&first, _) = rest.split_first()?;
            if first & FOLLOWED == 0 {
                headers.len += 1;
                return Some(headers);
            }
            let (header, tail) = rest.split_first_chunk::<HEADER_LEN>()?;
            headers.len += HEADER_LEN;
            headers.redundant += usize::from(u16::from_be_bytes([header[2] & 0x03, header[3]]));
            rest = tail;
        }
    }
}

const HEADER_LEN: usize = 4;
/// The bit that says that another header follows.
const FOLLOWED: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    /// One redundant block of three bytes, then the primary.
    const PAYLOAD: [u8; 10] = [0x80 | 111, 0x0f, 0x00, 0x03, 111, 1, 2, 3, 8, 9];

    #[test]
    fn blocks_get_the_viewers_payload_type() {
        let mut out = [0; 16];
        assert_eq!(Red::Inner(63).rewrite(&PAYLOAD, &mut out), (5, 5));
        assert_eq!(out[..5], [0x80 | 63, 0x0f, 0x00, 0x03, 63]);
        assert_eq!(Red::Inner(63).rewrite(&[111, 5], &mut out), (1, 1));
        assert_eq!(out[0], 63);
    }

    #[test]
    fn the_primary_encoding_is_found_behind_the_others() {
        assert_eq!(Red::Strip.rewrite(&PAYLOAD, &mut []), (0, 8));
        assert_eq!(Red::Strip.rewrite(&[111, 5], &mut []), (0, 1));
    }

    #[test]
    fn broken_headers_yield_nothing() {
        let mut out = [0; 16];
        for broken in [
            &[][..],
            &[0x80],
            &[0x80, 0, 0],
            &[0x80, 0, 0, 9],
            &[0xff; 9],
        ] {
            assert_eq!(Red::Inner(1).rewrite(broken, &mut out), (0, 0));
            let (_, skipped) = Red::Strip.rewrite(broken, &mut out);
            assert_eq!(usize::from(skipped), broken.len());
        }
        let many = [0x80; 400];
        assert_eq!(Red::Inner(1).rewrite(&many, &mut out), (0, 0));
    }
}
