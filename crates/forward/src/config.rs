//! What the signaling agreed on, as the media plane needs it.

use xrtc_rtp::{Bitrate, Codec, ExtensionMap, MediaKind, Mid, PayloadType, Rid, Ssrc, WallClock};

use crate::Limits;

/// How a [`crate::Stream`] is set up.
#[derive(Clone, Copy, Debug)]
pub struct StreamConfig {
    /// The bounds of everything that grows.
    pub limits: Limits,
    /// Our wall clock, for sender reports.
    pub wall: WallClock,
    /// Where the first sequence numbers and the phases of reports come from.
    pub seed: u64,
    /// `false`: the publisher is here. `true`: packets come by [`crate::Stream::handle_relay`] from the worker
    /// where the publisher is.
    pub mirror: bool,
}

/// A payload format that travels unchanged from publisher to viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    /// The codec.
    pub codec: Codec,
    /// What distinguishes incompatible variants of one codec (H.264: profile and packetization mode; VP9 and
    /// AV1: profile; H.265: profile, tier and tx-mode), in any encoding the signaling likes: equal numbers are
    /// compatible, 0 is compatible with all.
    pub profile: u32,
}

impl Format {
    /// The codec without regard to variants.
    pub const fn any(codec: Codec) -> Self {
        Self { codec, profile: 0 }
    }

    /// Whether a decoder for `self` decodes `other`.
    pub fn accepts(self, other: Self) -> bool {
        self.codec == other.codec
            && (self.profile == other.profile || self.profile == 0 || other.profile == 0)
    }
}

/// A publisher's side of the media plane.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// The tracks that come in, at most [`Limits::MAX_TRACKS`].
    pub tracks: Vec<IngestTrack>,
    /// The rate that goog-remb announces to a publisher that negotiated it. `None`: no REMB is sent.
    pub max_bitrate: Option<Bitrate>,
    /// The SSRC of our RTCP packets to the publisher.
    pub rtcp_ssrc: Ssrc,
    /// The CNAME of our RTCP packets to the publisher.
    pub cname: String,
    /// Whether RTCP may travel without a leading report (RFC 5506, `a=rtcp-rsize`).
    pub reduced_size: bool,
}

/// One m-section of the publisher.
#[derive(Clone, Debug)]
pub struct IngestTrack {
    /// Audio or video.
    pub kind: MediaKind,
    /// `a=mid`, where there is one.
    pub mid: Option<Mid>,
    /// The formats it may send, in the order of the description.
    pub codecs: Vec<IngestCodec>,
    /// The publisher's ids of header extensions.
    pub extensions: ExtensionMap,
    /// The SSRCs of `a=ssrc`, in the order of the description. There may be none, or fewer than layers.
    pub ssrcs: Vec<DeclaredSsrc>,
    /// The simulcast encodings in the order of `a=simulcast`; empty without simulcast.
    pub rids: Vec<Rid>,
}

/// A codec as agreed with the publisher.
#[derive(Clone, Copy, Debug)]
pub struct IngestCodec {
    /// The payload format.
    pub format: Format,
    /// The publisher's payload type.
    pub payload_type: PayloadType,
    /// Ticks of the timestamp per second.
    pub clock_rate: u32,
    /// The payload type of retransmissions (RFC 4588).
    pub rtx_payload_type: Option<PayloadType>,
    /// What the publisher understands.
    pub feedback: Feedback,
}

/// The RTCP feedback of one codec (`a=rtcp-fb`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Feedback {
    /// `nack`: lost packets are sent again.
    pub nack: bool,
    /// `nack pli`.
    pub pli: bool,
    /// `ccm fir`.
    pub fir: bool,
    /// `transport-cc`.
    pub transport_cc: bool,
    /// `goog-remb`.
    pub remb: bool,
}

/// An SSRC from the publisher's description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclaredSsrc {
    /// The SSRC of the media.
    pub ssrc: Ssrc,
    /// The SSRC of its retransmissions (`a=ssrc-group:FID`).
    pub rtx: Option<Ssrc>,
}

/// A viewer's side of the media plane.
#[derive(Clone, Debug)]
pub struct ViewerConfig {
    /// The tracks that go out, at most [`Limits::MAX_TRACKS`]. The n-th of a kind carries the publisher's n-th
    /// of that kind.
    pub tracks: Vec<ViewerTrack>,
    /// The CNAME of all its tracks, so that the viewer plays them in step.
    pub cname: String,
}

/// One m-section of a viewer.
#[derive(Clone, Debug)]
pub struct ViewerTrack {
    /// Audio or video.
    pub kind: MediaKind,
    /// The viewer's `a=mid`.
    pub mid: Option<Mid>,
    /// The formats the viewer decodes.
    pub codecs: Vec<ViewerCodec>,
    /// The viewer's ids of header extensions.
    pub extensions: ExtensionMap,
    /// Whether the viewer reads one-byte and two-byte extensions in one stream (`a=extmap-allow-mixed`).
    pub extmap_allow_mixed: bool,
    /// The SSRC we send with.
    pub ssrc: Ssrc,
    /// The SSRC of retransmissions; used with the codecs that have an RTX payload type.
    pub rtx_ssrc: Option<Ssrc>,
}

/// A codec as agreed with a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewerCodec {
    /// The payload format.
    pub format: Format,
    /// The viewer's payload type.
    pub payload_type: PayloadType,
    /// The payload type of retransmissions (RFC 4588). Without one a packet is repeated bit by bit.
    pub rtx_payload_type: Option<PayloadType>,
    /// Whether the viewer may ask for lost packets (`nack`).
    pub nack: bool,
}
