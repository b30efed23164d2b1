//! What this server can do, and what a stream is doing.

use xrtc_rtp::{Bitrate, Codec, ExtensionKind, MediaKind};

use crate::description::Section;
use crate::format::{Fmtp, PayloadFormat};
use crate::key::{FormatKey, Profile};

/// What the server takes in and gives out. The default is all that it forwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The codecs that are accepted. Their order is that of the server's own offers; answers keep the offer's order.
    ///
    /// By default Opus, H.264, VP8, VP9 (profiles 0 and 2), H.265 and AV1. RED is left out: a viewer that did not
    /// negotiate it could not be served from such a stream.
    pub codecs: Vec<Codec>,
    /// The header extensions that are read from publishers. By default all that forwarding uses; not
    /// `abs-send-time` and `toffset`, which only a receive-side bandwidth estimate needs, nor `csrc-audio-level`.
    pub ingest_extensions: Vec<ExtensionKind>,
    /// The header extensions that are sent to viewers. Not among them: `transport-cc` and `abs-send-time`, which are
    /// answered only by a server that estimates the viewer's bandwidth, and what means something on one leg only
    /// (`rid`, `repaired-rid`, `video-layers-allocation`).
    pub egress_extensions: Vec<ExtensionKind>,
    /// A limit for publishers. With one, `goog-remb` is answered, for that is what tells them. `None` by default.
    pub max_ingest_bitrate: Option<Bitrate>,
}

impl Default for Capabilities {
    fn default() -> Self {
        use ExtensionKind as E;
        Self {
            codecs: vec![
                Codec::Opus,
                Codec::H264,
                Codec::Vp8,
                Codec::Vp9,
                Codec::H265,
                Codec::Av1,
            ],
            ingest_extensions: vec![
                E::Mid,
                E::Rid,
                E::RepairedRid,
                E::TransportCc,
                E::AudioLevel,
                E::VideoOrientation,
                E::PlayoutDelay,
                E::VideoContentType,
                E::VideoTiming,
                E::ColorSpace,
                E::DependencyDescriptor,
                E::AbsCaptureTime,
                E::VideoLayersAllocation,
            ],
            egress_extensions: vec![
                E::Mid,
                E::AudioLevel,
                E::VideoOrientation,
                E::PlayoutDelay,
                E::VideoContentType,
                E::VideoTiming,
                E::ColorSpace,
                E::DependencyDescriptor,
                E::AbsCaptureTime,
            ],
            max_ingest_bitrate: None,
        }
    }
}

impl Capabilities {
    /// The key of a format that is forwarded; `None` for others.
    pub fn key(&self, format: &PayloadFormat) -> Option<FormatKey> {
        let key = format.key()?;
        // Profiles 1 and 3 are 4:4:4 and the like, which browsers decode, but no camera sends.
        let is_forwarded = !matches!(key.profile, Profile::Vp9 { profile: 1 | 3 });
        (is_forwarded && self.codecs.contains(&key.codec)).then_some(key)
    }

    /// The codecs of one kind, for messages.
    pub(crate) fn names(&self, kind: MediaKind) -> Vec<String> {
        let codecs = self.codecs.iter().filter(|codec| codec.kind() == kind);
        codecs.map(|codec| codec.name().to_owned()).collect()
    }
}

/// The formats of a section, for messages: each once, without retransmission and FEC.
pub(crate) fn format_names(section: &Section) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for format in section
        .formats
        .iter()
        .filter(|format| format.codec().is_some())
    {
        let name = format.describe();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What a stream sends now in one of its tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveTrack {
    /// Audio or video.
    pub kind: MediaKind,
    /// The codec and profile.
    pub key: FormatKey,
    /// The publisher's `a=fmtp` for it.
    pub fmtp: Fmtp,
}

impl LiveTrack {
    /// A track of this codec; `None` if the parameters are none that can be forwarded ([`FormatKey::new`]).
    pub fn new(codec: Codec, fmtp: Fmtp) -> Option<Self> {
        let key = FormatKey::new(codec, &fmtp)?;
        Some(Self {
            kind: codec.kind(),
            key,
            fmtp,
        })
    }
}
