//! The few header fields that SRTP itself needs.

use xrtc_rtp::Ssrc;

use crate::discard::Discard;

/// Where an RTP packet's payload starts and who sent it.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
/// |                           timestamp                           |
/// |                             SSRC                              |
/// |            CSRC (CC times), then if X: profile, length        |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RtpHeader {
    pub(crate) ssrc: Ssrc,
    pub(crate) sequence_number: u16,
    /// Bytes before the payload, CSRCs and extension included.
    pub(crate) len: usize,
    /// CSRCs and extension are encrypted too (RFC 9335).
    pub(crate) cryptex: bool,
}

impl RtpHeader {
    pub(crate) fn parse(packet: &[u8]) -> Result<Self, Discard> {
        let fixed: &[u8; 12] = packet.first_chunk().ok_or(Discard::Malformed)?;
        if fixed[0] >> 6 != 2 {
            return Err(Discard::Malformed);
        }
        let mut len = FIXED_HEADER + 4 * usize::from(fixed[0] & 0x0f);
        let mut cryptex = false;
        if fixed[0] & 0x10 != 0 {
            let extension: &[u8; 4] = packet
                .get(len..)
                .and_then(|rest| rest.first_chunk())
                .ok_or(Discard::Malformed)?;
            let profile = u16::from_be_bytes([extension[0], extension[1]]);
            cryptex = matches!(profile, 0xC0DE | 0xC2DE);
            len += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        }
        if len > packet.len() {
            return Err(Discard::Malformed);
        }
        Ok(Self {
            ssrc: Ssrc(u32::from_be_bytes([
                fixed[8], fixed[9], fixed[10], fixed[11],
            ])),
            sequence_number: u16::from_be_bytes([fixed[2], fixed[3]]),
            len,
            cryptex,
        })
    }
}

/// Bytes of a header without CSRCs and extension (RFC 3550 §5.1).
pub(crate) const FIXED_HEADER: usize = 12;

/// The sender of an RTCP packet: the first SSRC of the compound, which also stays in the clear.
pub(crate) fn rtcp_sender(packet: &[u8]) -> Result<Ssrc, Discard> {
    let fixed: &[u8; RTCP_HEADER] = packet.first_chunk().ok_or(Discard::Malformed)?;
    if fixed[0] >> 6 != 2 {
        return Err(Discard::Malformed);
    }
    Ok(Ssrc(u32::from_be_bytes([
        fixed[4], fixed[5], fixed[6], fixed[7],
    ])))
}

/// Bytes of an RTCP packet that are never encrypted (RFC 3711 §3.4).
pub(crate) const RTCP_HEADER: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csrcs_and_extension_belong_to_the_header() {
        let mut packet = vec![0x92, 0x60, 0x12, 0x34, 0, 0, 0, 0, 0xca, 0xfe, 0xba, 0xbe];
        packet.extend([0; 8]);
        packet.extend([0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0]);
        let header = RtpHeader {
            ssrc: Ssrc(0xcafe_babe),
            sequence_number: 0x1234,
            len: 28,
            cryptex: false,
        };
        assert_eq!(RtpHeader::parse(&packet), Ok(header));
        for cut in 0..packet.len() {
            assert_eq!(RtpHeader::parse(&packet[..cut]), Err(Discard::Malformed));
        }
    }

    #[test]
    fn cryptex_shows_in_the_extension() {
        for (word, cryptex) in [(0xC0DE_u16, true), (0xC2DE, true), (0xBEDE, false)] {
            let [high, low] = word.to_be_bytes();
            let packet = [0x90, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, high, low, 0, 0];
            let header = RtpHeader::parse(&packet).unwrap();
            assert_eq!((header.len, header.cryptex), (16, cryptex));
        }
    }
}
