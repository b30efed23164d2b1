//! Codecs: their names, and what a forwarder must know of their payloads.

mod av1;
pub mod dependency;
mod h264;
mod h265;
mod nal;
mod picture_id;
pub mod vp8;
pub mod vp9;

pub use picture_id::PictureId;

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

impl MediaKind {
    /// The word of SDP's m-line and of the browser's `kind`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// A codec that can be forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Opus (RFC 7587).
    Opus,
    /// Redundant audio around another codec (RFC 2198).
    Red,
    /// G.711 µ-law (RFC 3551 §4.5.14).
    Pcmu,
    /// G.711 A-law (RFC 3551 §4.5.14).
    Pcma,
    /// G.722 (RFC 3551 §4.5.2).
    G722,
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628).
    Vp9,
    /// H.264 (RFC 6184).
    H264,
    /// H.265 (RFC 7798).
    H265,
    /// AV1 (AOM's "RTP Payload Format For AV1").
    Av1,
}

impl Codec {
    /// Every codec.
    pub const ALL: [Self; 10] = [
        Self::Opus,
        Self::Red,
        Self::Pcmu,
        Self::Pcma,
        Self::G722,
        Self::Vp8,
        Self::Vp9,
        Self::H264,
        Self::H265,
        Self::Av1,
    ];

    /// Audio or video.
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Opus | Self::Red | Self::Pcmu | Self::Pcma | Self::G722 => MediaKind::Audio,
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::H265 | Self::Av1 => MediaKind::Video,
        }
    }

    /// The encoding name of `a=rtpmap`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Red => "red",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H264",
            Self::H265 => "H265",
            Self::Av1 => "AV1",
        }
    }

    /// The codec with this encoding name, in whatever case (RFC 4855 §3).
    ///
    /// Video may be wrapped in `red` too: the caller looks at the m-line's kind.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|codec| codec.name().eq_ignore_ascii_case(name))
    }
}

/// What a forwarder must know of one packet's payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayloadInfo {
    /// Whether a decoder can start with this packet: it begins a key frame.
    ///
    /// For H.264 and H.265 several packets of one frame may say so (parameter sets, then the picture): the
    /// first one is where to start. Never set for audio, where every packet is a start.
    pub keyframe: bool,
    /// Whether a frame begins in this packet, as far as the payload shows it.
    pub frame_start: bool,
    /// The temporal layer, from 0; 0 if the payload does not say.
    pub temporal_id: u8,
    /// The spatial layer inside this stream, from 0; 0 if the payload does not say.
    pub spatial_id: u8,
    /// Width and height of the picture, of the highest spatial layer, where the payload holds them: in key
    /// frames.
    pub resolution: Option<(u16, u16)>,
}

/// Looks into a payload. It never fails: what cannot be read has the default.
///
/// `dependency_descriptor` is the data of that header extension, for AV1, if the packet has it.
pub fn inspect(codec: Codec, payload: &[u8], dependency_descriptor: Option<&[u8]>) -> PayloadInfo {
    match codec {
        Codec::Vp8 => vp8::inspect(payload),
        Codec::Vp9 => vp9::inspect(payload),
        Codec::H264 => h264::inspect(payload),
        Codec::H265 => h265::inspect(payload),
        Codec::Av1 => av1::inspect(payload, dependency_descriptor),
        Codec::Opus | Codec::Red | Codec::Pcmu | Codec::Pcma | Codec::G722 => PayloadInfo {
            frame_start: !payload.is_empty(),
            ..PayloadInfo::default()
        },
    }
}
