//! What a worker tells the application: plain data, because it crosses to JavaScript.

use crate::{CandidateError, Ended, Held, PeerId, Refused, RequestId, StatsRecord, StreamName};

/// A past fact on one worker, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer to an offer that came with `Push` or `Pull`.
    Answer {
        /// The command.
        request: RequestId,
        /// The new peer.
        peer: PeerId,
        /// Our session description.
        sdp: String,
        /// Names the ICE session: another one after each restart (for an entity tag, RFC 9725 §4.3.1).
        ice_session: String,
    },
    /// Our offer, for a `Push` or `Pull` without one.
    Offer {
        /// The command.
        request: RequestId,
        /// The new peer.
        peer: PeerId,
        /// Our session description.
        sdp: String,
        /// Names the ICE session.
        ice_session: String,
    },
    /// An answer or candidates were taken.
    Accepted {
        /// The command.
        request: RequestId,
        /// Whose.
        peer: PeerId,
    },
    /// ICE restarted.
    Restarted {
        /// The command.
        request: RequestId,
        /// Whose ICE.
        peer: PeerId,
        /// Our `application/trickle-ice-sdpfrag` with the new credentials and all candidates (RFC 9725 §4.3.3).
        fragment: String,
        /// Names the new ICE session.
        ice_session: String,
    },
    /// A command was not done.
    Refused {
        /// The command.
        request: RequestId,
        /// Why.
        refused: Refused,
    },
    /// A peer's states, after one of them changed.
    PeerState {
        /// Whose.
        peer: PeerId,
        /// All of them, as the browser names them.
        connection: ConnectionState,
        /// The ICE transport's.
        ice: IceState,
        /// The DTLS transport's.
        dtls: DtlsState,
    },
    /// A server gave a peer with full ICE no candidate, or has taken it away.
    CandidateError {
        /// Whose.
        peer: PeerId,
        /// Which server, and why.
        error: CandidateError,
    },
    /// A peer is over and everything it held is released. The last event about it.
    PeerClosed {
        /// Which.
        peer: PeerId,
        /// Why.
        reason: Ended,
        /// More about it: the application's words for `closed` and `streamClosed`, the cause for `dtlsFailed`;
        /// mostly empty.
        detail: String,
    },
    /// A stream came into being (home worker only, as are all events of streams).
    StreamAdded {
        /// Which.
        stream: StreamName,
    },
    /// A stream's publisher, state or tracks changed; says all of it.
    StreamChanged {
        /// Which.
        stream: StreamName,
        /// What it is now.
        state: StreamState,
        /// Who publishes it; nobody while it waits.
        publisher: Option<PeerId>,
        /// What the publisher sends.
        tracks: Vec<TrackInfo>,
    },
    /// A stream is over. The last event about it.
    StreamRemoved {
        /// Which.
        stream: StreamName,
        /// Why.
        reason: Ended,
    },
    /// The figures of one peer.
    Stats {
        /// The command.
        request: RequestId,
        /// Whose.
        peer: PeerId,
        /// One record per object, as in an `RTCStatsReport`.
        records: Vec<StatsRecord>,
    },
    /// This worker's counters, by stable camelCase name; they only grow.
    Counters {
        /// The command.
        request: RequestId,
        /// Name and value.
        counters: Vec<(String, u64)>,
    },
    /// Everything that this worker holds.
    Held {
        /// The command.
        request: RequestId,
        /// How many of each.
        held: Held,
    },
    /// Everything is closed and every farewell was handed out. The last event of this worker.
    ShutDown {
        /// The command.
        request: RequestId,
    },
}

/// `RTCPeerConnectionState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Nothing has arrived yet.
    New,
    /// ICE or DTLS is under way.
    Connecting,
    /// Media can flow.
    Connected,
    /// No authenticated check for a while (5 s); may come back.
    Disconnected,
    /// ICE or DTLS failed.
    Failed,
    /// Over.
    Closed,
}

/// `RTCIceTransportState`, as a lite agent sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceState {
    /// No authenticated check yet.
    New,
    /// Checks arrive, no pair is selected.
    Checking,
    /// A pair is selected.
    Connected,
    /// No authenticated check for a while (5 s).
    Disconnected,
    /// Consent expired.
    Failed,
    /// Over.
    Closed,
}

/// `RTCDtlsTransportState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsState {
    /// No handshake yet.
    New,
    /// The handshake is under way.
    Connecting,
    /// The keys are there and the fingerprint fits.
    Connected,
    /// The handshake failed.
    Failed,
    /// Over.
    Closed,
}

/// What a stream does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// A publisher is there, but none of its packets yet.
    Connecting,
    /// Packets have come.
    Live,
    /// The publisher is gone and its grace runs.
    Waiting,
}

/// One track of a stream's publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackInfo {
    /// The publisher's `a=mid`.
    pub mid: String,
    /// `audio` or `video`.
    pub kind: &'static str,
    /// The codec it sends, by its SDP encoding name (`VP8`, `H264`, `opus`…); the preferred one until a packet came.
    pub codec: String,
    /// Whether packets have come.
    pub live: bool,
    /// Its simulcast layers, in the publisher's order; a single one without a rid where there is no simulcast.
    pub layers: Vec<LayerInfo>,
}

/// One simulcast encoding of a track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerInfo {
    /// The `a=rid`; empty without simulcast.
    pub rid: String,
    /// Whether packets came lately.
    pub live: bool,
    /// Pixels across; 0 while unknown.
    pub width: u16,
    /// Pixels down; 0 while unknown.
    pub height: u16,
}

macro_rules! names {
    ($type:ident { $($variant:ident => $name:literal),* $(,)? }) => {
        impl $type {
            /// The stable name, as a browser spells it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

names!(ConnectionState {
    New => "new",
    Connecting => "connecting",
    Connected => "connected",
    Disconnected => "disconnected",
    Failed => "failed",
    Closed => "closed",
});
names!(IceState {
    New => "new",
    Checking => "checking",
    Connected => "connected",
    Disconnected => "disconnected",
    Failed => "failed",
    Closed => "closed",
});
names!(DtlsState {
    New => "new",
    Connecting => "connecting",
    Connected => "connected",
    Failed => "failed",
    Closed => "closed",
});
names!(StreamState {
    Connecting => "connecting",
    Live => "live",
    Waiting => "waiting",
});
