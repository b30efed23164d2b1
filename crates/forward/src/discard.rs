//! Why a packet was dropped.

use enum_map::Enum;
use strum::IntoStaticStr;

/// Why a packet or a request from a peer was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
pub enum Discard {
    /// Not an RTP packet.
    RtpMalformed,
    /// Not an RTCP packet; what was readable before it counted.
    RtcpMalformed,
    /// An RTP packet longer than the limit.
    RtpTooLong,
    /// RTP while there is no publisher.
    NoPublisher,
    /// A payload type that was not negotiated for its track.
    UnknownPayloadType,
    /// An SSRC whose track cannot be told by mid, payload type or description.
    UnknownTrack,
    /// An SSRC whose simulcast layer cannot be told yet.
    UnknownLayer,
    /// More SSRCs than the limit.
    TooManySources,
    /// A packet that was already there.
    Duplicate,
    /// A packet older than what the cache covers.
    TooOld,
    /// A sequence number far off, until a second one confirms it (RFC 3550 appendix A.1).
    SequenceJump,
    /// A retransmission that carries nothing: padding for probing.
    RtxPadding,
    /// A retransmission of a stream of which nothing else arrived.
    RtxUnexpected,
    /// A viewer's request for packets of a codec without `nack`.
    NackNotAgreed,
    /// A viewer's request for a packet that is gone or never was.
    NackUnknown,
    /// A viewer's request for a packet that was resent less than a round trip ago.
    NackRepeated,
    /// A viewer's request beyond its budget of resends.
    NackOverBudget,
    /// A viewer's request for a key frame sooner than its budget allows.
    KeyFrameOverBudget,
    /// RTCP about an SSRC that is not the sender's.
    RtcpUnknownSource,
    /// A viewer's RTCP after it left.
    NoViewer,
    /// A packet for mirrors while their queue was full.
    RelayFull,
    /// A packet of a mirror's publisher that is over or unknown.
    RelayStale,
    /// A packet that waited for viewers until too many waited: those that had it not yet do not get it.
    ViewersBehind,
    /// An event while the queue of events was full.
    EventsFull,
}

/// How often each [`Discard`] was met.
pub type Counters = xrtc_rtp::Counters<Discard>;
