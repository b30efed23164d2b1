//! Why a command is refused.

use xrtc_rtp::Rid;

/// Why a publisher is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// More tracks than [`crate::Limits::MAX_TRACKS`].
    #[error("more than {limit} tracks")]
    TooManyTracks {
        /// The limit.
        limit: usize,
    },
    /// More simulcast layers in a track than [`crate::Limits::MAX_LAYERS`].
    #[error("more than {limit} layers in a track")]
    TooManyLayers {
        /// The limit.
        limit: usize,
    },
    /// A track with no codec, or more than [`crate::Limits::MAX_CODECS`].
    #[error("a track needs 1 to {limit} codecs")]
    CodecCount {
        /// The limit.
        limit: usize,
    },
    /// A mirror takes its publisher from the stream's home.
    #[error("a mirror has no publisher of its own")]
    Mirror,
}

/// Why a viewer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The stream has as many viewers as it may.
    #[error("the stream has {limit} viewers")]
    TooManyViewers {
        /// The limit.
        limit: usize,
    },
    /// More tracks than [`crate::Limits::MAX_TRACKS`].
    #[error("more than {limit} tracks")]
    TooManyTracks {
        /// The limit.
        limit: usize,
    },
    /// More codecs in a track than [`crate::Limits::MAX_CODECS`].
    #[error("more than {limit} codecs in a track")]
    TooManyCodecs {
        /// The limit.
        limit: usize,
    },
}

/// No layer of the publisher has that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no layer is named {0}")]
pub struct UnknownRid(pub Rid);
