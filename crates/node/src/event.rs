//! Events on their way to JavaScript.

use std::collections::HashMap;

use napi_derive::napi;
use xrtc_sfu::{Event, LayerInfo, PeerId, RequestId, TrackInfo, WorkerId};
use xrtc_worker::WorkerEvent;

use crate::stats::{BindingStats, counts};

/// A past fact on one worker. Facts of one worker come in order.
#[napi(
    object_from_js = false,
    discriminant = "type",
    discriminant_case = "camelCase"
)]
pub enum BindingEvent {
    /// The answer to an offer that came with `push` or `pull`.
    Answer {
        request: i64,
        peer: i64,
        sdp: String,
        ice_session: String,
    },
    /// Our offer, for a `push` or `pull` without one.
    Offer {
        request: i64,
        peer: i64,
        sdp: String,
        ice_session: String,
    },
    /// An answer or candidates were taken.
    Accepted { request: i64, peer: i64 },
    /// ICE restarted.
    Restarted {
        request: i64,
        peer: i64,
        fragment: String,
        ice_session: String,
    },
    /// A command was not done.
    Refused {
        request: i64,
        code: &'static str,
        fault: &'static str,
        message: String,
        data: HashMap<&'static str, String>,
    },
    /// A peer's states, after one of them changed.
    PeerState {
        peer: i64,
        connection: &'static str,
        ice: &'static str,
        dtls: &'static str,
    },
    /// A server gave a peer no candidate, or has taken it away.
    CandidateError {
        peer: i64,
        url: String,
        error_code: u16,
        error_text: String,
    },
    /// A peer is over; the last event about it.
    PeerClosed {
        peer: i64,
        reason: &'static str,
        detail: String,
    },
    /// A stream came into being.
    StreamAdded { stream: String },
    /// A stream's publisher, state or tracks changed.
    StreamChanged {
        stream: String,
        state: &'static str,
        publisher: Option<i64>,
        tracks: Vec<BindingTrack>,
    },
    /// A stream is over; the last event about it.
    StreamRemoved {
        stream: String,
        reason: &'static str,
    },
    /// The figures of one peer.
    Stats {
        request: i64,
        peer: i64,
        records: Vec<BindingStats>,
    },
    /// A worker's counters.
    Counters {
        request: i64,
        counters: HashMap<String, f64>,
    },
    /// What a worker's state machine holds.
    Held {
        request: i64,
        held: HashMap<String, f64>,
    },
    /// A worker met a bug and has started again. What it had is over, with its own events before this one.
    WorkerFailed { worker: u16, message: String },
}

/// One track of a stream's publisher.
#[napi(object, object_from_js = false)]
pub struct BindingTrack {
    /// The publisher's mid.
    pub mid: String,
    /// `audio` or `video`.
    pub kind: &'static str,
    /// The codec's SDP encoding name.
    pub codec: String,
    /// Whether packets have come.
    pub live: bool,
    /// Its simulcast layers; one without a rid where there is no simulcast.
    pub layers: Vec<BindingLayer>,
}

/// One simulcast encoding of a track.
#[napi(object, object_from_js = false)]
pub struct BindingLayer {
    /// Empty without simulcast.
    pub rid: String,
    /// Whether packets came lately.
    pub live: bool,
    /// Pixels across; 0 while unknown.
    pub width: u16,
    /// Pixels down; 0 while unknown.
    pub height: u16,
}

impl BindingEvent {
    /// What JavaScript is told of `event`; nothing, if it is for the binding alone.
    pub(crate) fn new(worker: WorkerId, event: WorkerEvent) -> Option<Self> {
        match event {
            WorkerEvent::Sfu(event) => sfu(event),
            WorkerEvent::Failed { message } => Some(Self::WorkerFailed {
                worker: worker.0,
                message,
            }),
        }
    }
}

/// Replies to commands.
fn sfu(event: Event) -> Option<BindingEvent> {
    Some(match event {
        Event::Answer {
            request,
            peer,
            sdp,
            ice_session,
        } => BindingEvent::Answer {
            request: number(request),
            peer: id(peer),
            sdp,
            ice_session,
        },
        Event::Offer {
            request,
            peer,
            sdp,
            ice_session,
        } => BindingEvent::Offer {
            request: number(request),
            peer: id(peer),
            sdp,
            ice_session,
        },
        Event::Accepted { request, peer } => BindingEvent::Accepted {
            request: number(request),
            peer: id(peer),
        },
        Event::Restarted {
            request,
            peer,
            fragment,
            ice_session,
        } => BindingEvent::Restarted {
            request: number(request),
            peer: id(peer),
            fragment,
            ice_session,
        },
        Event::Refused { request, refused } => BindingEvent::Refused {
            request: number(request),
            code: refused.code(),
            fault: refused.fault().name(),
            message: refused.to_string(),
            data: refused.data().into_iter().collect(),
        },
        Event::Stats {
            request,
            peer,
            records,
        } => BindingEvent::Stats {
            request: number(request),
            peer: id(peer),
            records: records.into_iter().map(BindingStats::from).collect(),
        },
        Event::Counters { request, counters } => BindingEvent::Counters {
            request: number(request),
            counters: counts(counters),
        },
        Event::Held { request, held } => BindingEvent::Held {
            request: number(request),
            held: counts(held.fields()),
        },
        fact => return self::fact(fact),
    })
}

/// What happened by itself.
fn fact(event: Event) -> Option<BindingEvent> {
    Some(match event {
        Event::PeerState {
            peer,
            connection,
            ice,
            dtls,
        } => BindingEvent::PeerState {
            peer: id(peer),
            connection: connection.name(),
            ice: ice.name(),
            dtls: dtls.name(),
        },
        Event::CandidateError { peer, error } => BindingEvent::CandidateError {
            peer: id(peer),
            url: error.url.to_string(),
            error_code: error.code,
            error_text: error.text,
        },
        Event::PeerClosed {
            peer,
            reason,
            detail,
        } => BindingEvent::PeerClosed {
            peer: id(peer),
            reason: reason.name(),
            detail,
        },
        Event::StreamAdded { stream } => BindingEvent::StreamAdded {
            stream: stream.to_string(),
        },
        Event::StreamChanged {
            stream,
            state,
            publisher,
            tracks,
        } => BindingEvent::StreamChanged {
            stream: stream.to_string(),
            state: state.name(),
            publisher: publisher.map(id),
            tracks: tracks.into_iter().map(BindingTrack::from).collect(),
        },
        Event::StreamRemoved { stream, reason } => BindingEvent::StreamRemoved {
            stream: stream.to_string(),
            reason: reason.name(),
        },
        // JavaScript counts the peers that it was told of, and shutting down is one call here, which has returned by now.
        _ => return None,
    })
}

impl From<TrackInfo> for BindingTrack {
    fn from(track: TrackInfo) -> Self {
        Self {
            mid: track.mid,
            kind: track.kind,
            codec: track.codec,
            live: track.live,
            layers: track.layers.into_iter().map(BindingLayer::from).collect(),
        }
    }
}

impl From<LayerInfo> for BindingLayer {
    fn from(layer: LayerInfo) -> Self {
        Self {
            rid: layer.rid,
            live: layer.live,
            width: layer.width,
            height: layer.height,
        }
    }
}

/// Below 2^53 by the contract of [`PeerId`], and so the same number in JavaScript.
const fn id(peer: PeerId) -> i64 {
    peer.0.cast_signed()
}

/// Came from JavaScript as a number.
const fn number(request: RequestId) -> i64 {
    request.0.cast_signed()
}
