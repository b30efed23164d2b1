//! The retransmission payload format (RFC 4588).

/// The length of the original sequence number in front of a retransmitted payload, in bytes.
pub const PREFIX_LEN: usize = 2;

/// Splits the payload of an RTX packet into the original sequence number and the original payload
/// (RFC 4588 §4). `None` for padding-only packets, which carry neither.
pub fn split(payload: &[u8]) -> Option<(u16, &[u8])> {
    let (number, payload) = payload.split_first_chunk::<PREFIX_LEN>()?;
    Some((u16::from_be_bytes(*number), payload))
}

/// What an RTX packet carries in front of the payload of the original packet.
pub const fn prefix(original_sequence_number: u16) -> [u8; PREFIX_LEN] {
    original_sequence_number.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f76_the_original_sequence_number_comes_first() {
        assert_eq!(split(&[0x12, 0x34, 9, 8]), Some((0x1234, &[9, 8][..])));
        assert_eq!(split(&prefix(7)), Some((7, &[][..])));
        assert_eq!(split(&[1]), None);
    }
}
