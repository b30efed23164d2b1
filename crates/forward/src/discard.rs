//! Why a packet was dropped.

/// Why a packet or a request from a peer was dropped.
///
/// C-like, so that it counts with an array indexed by `discard as usize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(usize)]
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

impl Discard {
    /// Every variant, in the order of its number.
    pub const ALL: [Self; Self::COUNT] = [
        Self::RtpMalformed,
        Self::RtcpMalformed,
        Self::RtpTooLong,
        Self::NoPublisher,
        Self::UnknownPayloadType,
        Self::UnknownTrack,
        Self::UnknownLayer,
        Self::TooManySources,
        Self::Duplicate,
        Self::TooOld,
        Self::SequenceJump,
        Self::RtxPadding,
        Self::RtxUnexpected,
        Self::NackNotAgreed,
        Self::NackUnknown,
        Self::NackRepeated,
        Self::NackOverBudget,
        Self::KeyFrameOverBudget,
        Self::RtcpUnknownSource,
        Self::NoViewer,
        Self::RelayFull,
        Self::RelayStale,
        Self::ViewersBehind,
        Self::EventsFull,
    ];

    /// How many variants there are.
    pub const COUNT: usize = 24;

    /// The name under which it is counted in statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RtpMalformed => "rtpMalformed",
            Self::RtcpMalformed => "rtcpMalformed",
            Self::RtpTooLong => "rtpTooLong",
            Self::NoPublisher => "noPublisher",
            Self::UnknownPayloadType => "unknownPayloadType",
            Self::UnknownTrack => "unknownTrack",
            Self::UnknownLayer => "unknownLayer",
            Self::TooManySources => "tooManySources",
            Self::Duplicate => "duplicate",
            Self::TooOld => "tooOld",
            Self::SequenceJump => "sequenceJump",
            Self::RtxPadding => "rtxPadding",
            Self::RtxUnexpected => "rtxUnexpected",
            Self::NackNotAgreed => "nackNotAgreed",
            Self::NackUnknown => "nackUnknown",
            Self::NackRepeated => "nackRepeated",
            Self::NackOverBudget => "nackOverBudget",
            Self::KeyFrameOverBudget => "keyFrameOverBudget",
            Self::RtcpUnknownSource => "rtcpUnknownSource",
            Self::NoViewer => "noViewer",
            Self::RelayFull => "relayFull",
            Self::RelayStale => "relayStale",
            Self::ViewersBehind => "viewersBehind",
            Self::EventsFull => "eventsFull",
        }
    }
}

/// How often each [`Discard`] happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscardCounts([u64; Discard::COUNT]);

impl DiscardCounts {
    /// Counts one.
    pub fn count(&mut self, discard: Discard) {
        if let Some(counter) = self.0.get_mut(discard as usize) {
            *counter += 1;
        }
    }

    /// How often `discard` happened.
    pub fn of(&self, discard: Discard) -> u64 {
        self.0.get(discard as usize).copied().unwrap_or(0)
    }

    /// Every reason with its count, those with zero included.
    pub fn iter(&self) -> impl Iterator<Item = (Discard, u64)> + use<> {
        Discard::ALL.into_iter().zip(self.0)
    }
}

impl Default for DiscardCounts {
    fn default() -> Self {
        Self([0; Discard::COUNT])
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
