//! What the application asks of a worker: plain data, because it crosses from JavaScript.

use std::sync::Arc;

use xrtc_forward::LayerWish;
use xrtc_transport::DtlsSettings;

use crate::{Ice, StreamName};

/// A peer, by the number that the application gave it: unique over all workers and never used again.
///
/// JavaScript holds it as a number, so it stays below 2^53.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

/// A command, by the number that the application gave it; its reply carries the same number. Below 2^53.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// A command to one worker. Each one with a [`RequestId`] is answered by exactly one event with that number:
/// the one named in its text, or [`Event::Refused`](crate::Event::Refused), which leaves everything as it was.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Opens a peer that publishes a stream. Must go to the stream's [home](StreamName::home).
    /// Answered by `Answer` (an offer was given) or `Offer`.
    Push {
        /// The command.
        request: RequestId,
        /// The new peer.
        peer: PeerId,
        /// What it publishes.
        stream: StreamName,
        /// How.
        options: PushOptions,
    },
    /// Opens a peer that views a stream; any worker may take it. Answered by `Answer` or `Offer`.
    Pull {
        /// The command.
        request: RequestId,
        /// The new peer.
        peer: PeerId,
        /// What it views.
        stream: StreamName,
        /// How.
        options: PullOptions,
    },
    /// The remote peer's answer to our offer. Answered by `Accepted`.
    SetAnswer {
        /// The command.
        request: RequestId,
        /// Whose answer.
        peer: PeerId,
        /// The session description.
        sdp: String,
    },
    /// A later offer of the remote peer. Answered by `Answer`, which takes effect with `Commit`; until then another
    /// offer takes its place, and `RollBack` drops it.
    SetOffer {
        /// The command.
        request: RequestId,
        /// Whose offer.
        peer: PeerId,
        /// The session description.
        sdp: String,
    },
    /// Offers again, once the first negotiation is over. Answered by `Offer`; `SetAnswer` ends it, `RollBack` drops it.
    OfferAgain {
        /// The command.
        request: RequestId,
        /// To whom.
        peer: PeerId,
        /// What a viewer shall get; nothing changes for publishers.
        media: Media,
        /// Under new ICE credentials.
        restart_ice: bool,
    },
    /// The answer to a later offer holds. Answered by `Accepted`.
    Commit {
        /// The command.
        request: RequestId,
        /// Whose.
        peer: PeerId,
    },
    /// A later offer, of either side, is dropped: all is as before it. Answered by `Accepted`.
    RollBack {
        /// The command.
        request: RequestId,
        /// Whose.
        peer: PeerId,
    },
    /// An `application/trickle-ice-sdpfrag` (RFC 8840 §9). The same credentials: candidates, answered by
    /// `Accepted`. Other credentials: an ICE restart, answered by `Restarted`.
    Trickle {
        /// The command.
        request: RequestId,
        /// Whose fragment.
        peer: PeerId,
        /// The text of the fragment.
        fragment: String,
    },
    /// Which simulcast layer a viewer's pictures are to be of, from now on. Answered by `Accepted`; refused before
    /// the viewer is connected.
    SetLayer {
        /// The command.
        request: RequestId,
        /// Whose pictures.
        peer: PeerId,
        /// The wish; none leaves the choice to the worker.
        wish: LayerWish,
    },
    /// Ends a peer at once: DTLS close_notify, everything released. Answered by `PeerClosed` alone; a peer that is
    /// not there any more is no error and has no reply.
    ClosePeer {
        /// Which peer.
        peer: PeerId,
        /// Why, in the application's words, as `PeerClosed` will repeat it; may be empty.
        reason: String,
    },
    /// Ends a stream with its publisher and all its viewers on all workers. Goes to the stream's home; a stream that
    /// is not there is no error.
    CloseStream {
        /// Which stream.
        stream: StreamName,
        /// Why, in the application's words; may be empty.
        reason: String,
    },
    /// Asks for the figures of one peer. Answered by `Stats`.
    GetStats {
        /// The command.
        request: RequestId,
        /// Whose figures.
        peer: PeerId,
    },
    /// Asks for this worker's counters of discarded packets. Answered by `Counters`.
    GetCounters {
        /// The command.
        request: RequestId,
    },
    /// Asks for the record of everything that this worker holds. Answered by `Held`.
    GetHeld {
        /// The command.
        request: RequestId,
    },
    /// Peers that are opened from now on use this certificate; those that are there keep theirs. Not answered.
    SetDtls {
        /// What the new peers' transports share.
        dtls: Arc<DtlsSettings>,
    },
    /// Ends all peers and streams. Answered by `ShutDown` after the last farewell was handed out; new peers are
    /// refused from now on.
    Shutdown {
        /// The command.
        request: RequestId,
    },
}

/// How a peer publishes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushOptions {
    /// The remote peer's offer; without one the worker offers.
    pub offer: Option<String>,
    /// Who publishes (a token's subject, a uid): the same identity replaces its own publisher at once.
    pub identity: Option<String>,
    /// Whether a publisher that is live is replaced whoever it is. Default `false`: it is refused (`streamInUse`),
    /// unless the identities are equal or the current one has been silent for over two seconds.
    pub replace: bool,
    /// What to offer (only without an offer).
    pub media: Media,
    /// Which part of ICE we do. Default: lite.
    pub ice: Ice,
}

/// How a peer views.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullOptions {
    /// The remote peer's offer; without one the worker offers.
    pub offer: Option<String>,
    /// What to offer (only without an offer).
    pub media: Media,
    /// Which part of ICE we do. Default: lite.
    pub ice: Ice,
}

/// Which kinds of media an offer of ours has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// An audio section. Default `true`.
    pub audio: bool,
    /// A video section. Default `true`.
    pub video: bool,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            audio: true,
            video: true,
        }
    }
}

impl Command {
    /// The number to answer under, if the command has one.
    pub const fn request(&self) -> Option<RequestId> {
        match self {
            Self::Push { request, .. }
            | Self::Pull { request, .. }
            | Self::SetAnswer { request, .. }
            | Self::SetOffer { request, .. }
            | Self::OfferAgain { request, .. }
            | Self::Commit { request, .. }
            | Self::RollBack { request, .. }
            | Self::Trickle { request, .. }
            | Self::SetLayer { request, .. }
            | Self::GetStats { request, .. }
            | Self::GetCounters { request }
            | Self::GetHeld { request }
            | Self::Shutdown { request } => Some(*request),
            Self::SetDtls { .. } | Self::ClosePeer { .. } | Self::CloseStream { .. } => None,
        }
    }
}
