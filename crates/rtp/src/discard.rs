//! Why a packet was dropped.

/// Why bytes from the network are not an RTP or RTCP packet.
///
/// C-like, so that a caller can count with an array indexed by `discard as usize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(usize)]
pub enum Discard {
    /// Shorter than the fixed RTP header.
    RtpTooShort,
    /// An RTP version other than 2.
    RtpVersion,
    /// The CSRC list or the header extension does not fit in the datagram.
    RtpTruncated,
    /// Padding announced, but of length zero or longer than the payload.
    RtpPadding,
    /// Bytes left over that are shorter than an RTCP header.
    RtcpTooShort,
    /// An RTCP version other than 2.
    RtcpVersion,
    /// An RTCP packet announces more bytes than there are.
    RtcpTruncated,
    /// Padding announced, but of length zero or longer than the packet.
    RtcpPadding,
    /// The contents of an RTCP packet contradict its length or its counts.
    RtcpMalformed,
}

impl Discard {
    /// Every variant, in the order of its number.
    pub const ALL: [Self; Self::COUNT] = [
        Self::RtpTooShort,
        Self::RtpVersion,
        Self::RtpTruncated,
        Self::RtpPadding,
        Self::RtcpTooShort,
        Self::RtcpVersion,
        Self::RtcpTruncated,
        Self::RtcpPadding,
        Self::RtcpMalformed,
    ];

    /// How many variants there are.
    pub const COUNT: usize = 9;

    /// The name under which it is counted in statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RtpTooShort => "rtpTooShort",
            Self::RtpVersion => "rtpVersion",
            Self::RtpTruncated => "rtpTruncated",
            Self::RtpPadding => "rtpPadding",
            Self::RtcpTooShort => "rtcpTooShort",
            Self::RtcpVersion => "rtcpVersion",
            Self::RtcpTruncated => "rtcpTruncated",
            Self::RtcpPadding => "rtcpPadding",
            Self::RtcpMalformed => "rtcpMalformed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_the_variants_by_number() {
        for (number, discard) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(discard as usize, number);
        }
    }
}
