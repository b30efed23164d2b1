//! What an offer and an answer agreed on.

use xrtc_rtp::{Codec, ExtensionMap, MediaKind, Mid, PayloadType, Rid, Ssrc};

use crate::agreement::Agreement;
use crate::description::Direction;
use crate::format::{Feedback, Fmtp};
use crate::key::FormatKey;
use crate::local::LocalTrack;
use crate::transport::{DtlsRole, RemoteTransport};

/// The outcome of a negotiation: what a transport and its tracks are set up from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The accepted sections, in the order of the offer. Only after a later offer there may be none.
    pub tracks: Vec<NegotiatedTrack>,
    /// The mid of the section that carries the transport (RFC 9143 §7.3.1).
    pub tagged: Mid,
    /// The peer's end of the transport.
    pub remote: RemoteTransport,
    /// The DTLS role that this side takes.
    pub dtls_role: DtlsRole,
    /// What later descriptions of the session begin with.
    pub agreement: Agreement,
}

impl Negotiated {
    /// The track of [`Self::tagged`].
    pub fn tagged_track(&self) -> Option<&NegotiatedTrack> {
        self.tracks.iter().find(|track| track.mid == self.tagged)
    }
}

/// One accepted section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiatedTrack {
    /// Its mid. A lone section without one gets its number.
    pub mid: Mid,
    /// Audio or video.
    pub kind: MediaKind,
    /// This side's direction: receive-only from publishers, send-only to viewers.
    pub direction: Direction,
    /// What may be sent in it, in order of preference; at least one. For viewers, what they can decode of the live
    /// track comes first, and the best of it foremost.
    pub codecs: Vec<NegotiatedCodec>,
    /// The header extensions in use, with the offerer's ids.
    pub extensions: ExtensionMap,
    /// The encodings that a publisher sends in simulcast, in its order; empty without simulcast.
    pub rids: Vec<Rid>,
    /// The sources that the peer declared, retransmission and FEC apart. Never complete: OBS declares one of three.
    pub sources: Vec<DeclaredSource>,
    /// The peer's canonical name, if it told it.
    pub cname: Option<String>,
    /// Whether one- and two-byte header extensions may be mixed in a stream (`a=extmap-allow-mixed`, RFC 8285 §6).
    /// Without it a stream has either form throughout.
    pub mixed_extensions: bool,
    /// Whether RTCP may be of reduced size (`a=rtcp-rsize`, RFC 5506 §4).
    pub reduced_size: bool,
    /// Our own track in it, for viewers.
    pub local: Option<LocalTrack>,
}

impl NegotiatedTrack {
    /// The codec to send a stream of this format with: the exact one, else the closest that decodes it.
    pub fn codec_for(&self, live: FormatKey) -> Option<&NegotiatedCodec> {
        let candidates = self
            .codecs
            .iter()
            .filter_map(|codec| Some((live.distance(codec.key)?, codec)));
        candidates
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, codec)| codec)
    }

    /// The codec behind a payload type, and whether that is its retransmission format.
    pub fn codec_of(&self, payload_type: PayloadType) -> Option<(&NegotiatedCodec, bool)> {
        self.codecs.iter().find_map(|codec| {
            if codec.payload_type == payload_type {
                Some((codec, false))
            } else {
                (codec.rtx == Some(payload_type)).then_some((codec, true))
            }
        })
    }
}

/// One accepted payload type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiatedCodec {
    /// The codec.
    pub codec: Codec,
    /// Its number, by the offer.
    pub payload_type: PayloadType,
    /// Ticks per second of its RTP timestamp.
    pub clock_rate: u32,
    /// Channels, as `a=rtpmap` gave them.
    pub channels: Option<u8>,
    /// The peer's `a=fmtp`.
    pub fmtp: Fmtp,
    /// What a decoder must know of it.
    pub key: FormatKey,
    /// The number of its retransmission format (RFC 4588), if there is one.
    pub rtx: Option<PayloadType>,
    /// The feedback that both sides may use for it.
    pub feedback: Feedback,
}

/// A source that the peer declared by `a=ssrc` or `a=ssrc-group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclaredSource {
    /// The source of the media.
    pub ssrc: Ssrc,
    /// The source of its retransmissions (`FID`).
    pub rtx: Option<Ssrc>,
}
