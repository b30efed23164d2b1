//! Why a packet was dropped.

/// Why bytes from the network are not an RTP or RTCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
