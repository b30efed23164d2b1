//! The header extensions that have a meaning here.

/// A header extension that we know, named by its URI in `a=extmap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ExtensionKind {
    /// The mid of the packet's m-section (RFC 9143 §15).
    Mid,
    /// The rid of the packet's simulcast encoding (RFC 8852 §3.1).
    Rid,
    /// On a retransmission, the rid of what it repairs (RFC 8852 §3.2).
    RepairedRid,
    /// The transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportCc,
    /// When the packet left its sender, 24 bits (libwebrtc).
    AbsSendTime,
    /// The audio level as the client measured it (RFC 6464).
    AudioLevel,
    /// Coordination of video orientation (3GPP TS 26.114 §7.4.5).
    VideoOrientation,
    /// The least and the greatest playout delay (libwebrtc).
    PlayoutDelay,
    /// Camera or screen (libwebrtc).
    VideoContentType,
    /// When a frame passed the stages of its sender (libwebrtc).
    VideoTiming,
    /// Colour space and HDR metadata (libwebrtc).
    ColorSpace,
    /// The dependency descriptor of AV1's payload format, appendix A.
    DependencyDescriptor,
    /// The wall clock at the capture of a frame (libwebrtc).
    AbsCaptureTime,
    /// Which layers a sender sends, with their rates and resolutions (libwebrtc).
    VideoLayersAllocation,
    /// The offset of transmission from the timestamp (RFC 5450).
    TransmissionOffset,
    /// The audio levels of the contributing sources (RFC 6465).
    CsrcAudioLevel,
}

impl ExtensionKind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Mid,
        Self::Rid,
        Self::RepairedRid,
        Self::TransportCc,
        Self::AbsSendTime,
        Self::AudioLevel,
        Self::VideoOrientation,
        Self::PlayoutDelay,
        Self::VideoContentType,
        Self::VideoTiming,
        Self::ColorSpace,
        Self::DependencyDescriptor,
        Self::AbsCaptureTime,
        Self::VideoLayersAllocation,
        Self::TransmissionOffset,
        Self::CsrcAudioLevel,
    ];

    /// How many kinds there are.
    pub const COUNT: usize = 16;

    /// The URI of `a=extmap`.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::TransportCc => {
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            }
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::VideoOrientation => "urn:3gpp:video-orientation",
            Self::PlayoutDelay => "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
            Self::VideoContentType => {
                "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type"
            }
            Self::VideoTiming => "http://www.webrtc.org/experiments/rtp-hdrext/video-timing",
            Self::ColorSpace => "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
            Self::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
            Self::AbsCaptureTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
            Self::VideoLayersAllocation => {
                "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00"
            }
            Self::TransmissionOffset => "urn:ietf:params:rtp-hdrext:toffset",
            Self::CsrcAudioLevel => "urn:ietf:params:rtp-hdrext:csrc-audio-level",
        }
    }

    /// The kind with this URI.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.uri() == uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_uri_and_number() {
        for (number, kind) in ExtensionKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
            assert_eq!(ExtensionKind::from_uri(kind.uri()), Some(kind));
        }
        assert_eq!(ExtensionKind::from_uri("urn:example"), None);
    }
}
