//! Which protocol a datagram speaks, by its first byte (RFC 7983 §7).

/// What shares a transport's path.
///
/// ```text
///              +----------------+
///              |        [0..3] -+--> STUN
/// datagram --> |      [20..63] -+--> DTLS
///              |    [128..191] -+--> RTP and RTCP
///              +----------------+
/// ```
///
/// ZRTP and TURN channels, which the RFC has between these, are not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Stun,
    Dtls,
    Media,
}

impl Protocol {
    pub(crate) fn of(datagram: &[u8]) -> Option<Self> {
        match datagram.first()? {
            128..=191 => Some(Self::Media),
            0..=3 => Some(Self::Stun),
            20..=63 => Some(Self::Dtls),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f74_rfc_7983_7_first_bytes() {
        for first in 0..=255 {
            let expected = match first {
                0..4 => Some(Protocol::Stun),
                // DTLS 1.2 content types, and 1.3's unified header with 0b001 in front (RFC 9147 §4.1).
                20..64 => Some(Protocol::Dtls),
                128..192 => Some(Protocol::Media),
                _ => None,
            };
            assert_eq!(Protocol::of(&[first]), expected, "{first}");
        }
        assert_eq!(Protocol::of(&[]), None);
    }

    #[test]
    fn e69_records_of_dtls_1_3_are_dtls() {
        // 0b001 and the flags for a connection id, the sequence number's and the length's (RFC 9147 §4).
        for flags in 0..32 {
            assert_eq!(Protocol::of(&[0x20 | flags, 0]), Some(Protocol::Dtls));
        }
    }
}
