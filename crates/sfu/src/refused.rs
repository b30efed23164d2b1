//! Why a command was not done.

use xrtc_rtp::{MediaKind, Mid, Rid};

use crate::{CandidateError, InvalidStreamName, Limit};

/// Why a command was not done; nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The text is no stream name.
    #[error(transparent)]
    InvalidStreamName(#[from] InvalidStreamName),
    /// No such peer, or it is over.
    #[error("there is no such peer")]
    UnknownPeer,
    /// The number belongs to a peer that is there.
    #[error("the peer is there already")]
    PeerExists,
    /// Nobody publishes this stream.
    #[error("nobody publishes this stream")]
    UnknownStream,
    /// The stream's publisher has not said yet what it sends; worth another try in a second.
    #[error("the stream is not live yet")]
    StreamNotLive,
    /// Somebody else publishes this stream.
    #[error("somebody else publishes this stream")]
    StreamInUse,
    /// The command does not fit the peer's state.
    #[error("not in state {state}")]
    InvalidState {
        /// The state the peer is in, as in `signalingState`.
        state: &'static str,
    },
    /// The offer or the answer cannot be read.
    #[error("invalid description{}: {reason}", at(*line))]
    InvalidDescription {
        /// The line, from 1; 0 where the whole text is meant.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The description can be read but asks for what is not supported.
    #[error("unsupported description: {reason}")]
    UnsupportedDescription {
        /// The m-section that is meant, where it is a single one.
        mid: Option<Mid>,
        /// What is not supported.
        reason: String,
    },
    /// Both sides have no codec in common.
    #[error("no common {kind} codec: the stream has {live}, the peer can {offered}", kind = .kind.name(), live = .live.join(", "), offered = .offered.join(", "))]
    NoCommonCodec {
        /// Of which m-section.
        kind: MediaKind,
        /// What the stream has (or the server can take).
        live: Vec<String>,
        /// What the peer can do.
        offered: Vec<String>,
    },
    /// The trickle fragment cannot be read.
    #[error("invalid fragment{}: {reason}", at(*line))]
    InvalidFragment {
        /// The line, from 1; 0 where the whole text is meant.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// No layer of the stream has that name.
    #[error("the stream has no layer {rid}")]
    UnknownLayer {
        /// The name.
        rid: Rid,
    },
    /// The command went to a worker that is not the stream's home.
    #[error("not this stream's worker")]
    WrongWorker,
    /// A limit is reached.
    #[error("limit reached: {limit} ({maximum})")]
    LimitReached {
        /// Which one.
        limit: Limit,
        /// Its value.
        maximum: usize,
    },
    /// There is no socket for a peer that needs its own: the system gave none.
    #[error("no socket for full ICE")]
    NoSocket,
    /// The peer is to be reached by a TURN server only, and none gave an address.
    #[error("no relayed address from {}: {}", .0.url, .0.text)]
    NoRelay(CandidateError),
    /// The worker is shutting down.
    #[error("the server is closed")]
    ServerClosed,
    /// The worker met a bug before it could reply; told by the driver.
    #[error("internal error")]
    InternalError,
}

/// Whose fault a refusal is; decides the class of the error and the status of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The application's: a wrong argument or a wrong moment.
    Caller,
    /// The remote peer's: its description cannot be used.
    Peer,
    /// Nobody's: the stream is not there, or not free.
    Stream,
    /// The server has no room.
    Resource,
}

impl Fault {
    /// The stable camelCase name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Peer => "peer",
            Self::Stream => "stream",
            Self::Resource => "resource",
        }
    }
}

impl Refused {
    /// The stable camelCase code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidStreamName(_) => "invalidStreamName",
            Self::UnknownPeer => "unknownPeer",
            Self::PeerExists => "peerExists",
            Self::UnknownStream => "unknownStream",
            Self::StreamNotLive => "streamNotLive",
            Self::StreamInUse => "streamInUse",
            Self::InvalidState { .. } => "invalidState",
            Self::InvalidDescription { .. } => "invalidDescription",
            Self::UnsupportedDescription { .. } => "unsupportedDescription",
            Self::NoCommonCodec { .. } => "noCommonCodec",
            Self::InvalidFragment { .. } => "invalidFragment",
            Self::UnknownLayer { .. } => "unknownLayer",
            Self::WrongWorker => "wrongWorker",
            Self::LimitReached { .. } => "limitReached",
            Self::NoSocket => "noSocket",
            Self::NoRelay(_) => "noRelay",
            Self::ServerClosed => "serverClosed",
            Self::InternalError => "internalError",
        }
    }

    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::InvalidStreamName(_)
            | Self::UnknownPeer
            | Self::PeerExists
            | Self::InvalidState { .. }
            | Self::UnknownLayer { .. }
            | Self::WrongWorker => Fault::Caller,
            Self::InvalidDescription { .. }
            | Self::UnsupportedDescription { .. }
            | Self::NoCommonCodec { .. }
            | Self::InvalidFragment { .. } => Fault::Peer,
            Self::UnknownStream | Self::StreamNotLive | Self::StreamInUse => Fault::Stream,
            Self::LimitReached { .. }
            | Self::NoSocket
            | Self::NoRelay(_)
            | Self::ServerClosed
            | Self::InternalError => Fault::Resource,
        }
    }

    /// The data beside code and message, flat, under stable camelCase names.
    pub fn data(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::UnknownLayer { rid } => vec![("rid", rid.to_string())],
            Self::InvalidState { state } => vec![("state", (*state).to_owned())],
            Self::InvalidDescription { line, reason } | Self::InvalidFragment { line, reason } => {
                vec![("line", line.to_string()), ("reason", reason.clone())]
            }
            Self::UnsupportedDescription { mid, reason } => {
                let mid = mid.map(|mid| ("mid", mid.to_string()));
                mid.into_iter()
                    .chain([("reason", reason.clone())])
                    .collect()
            }
            Self::NoCommonCodec {
                kind,
                live,
                offered,
            } => {
                vec![
                    ("kind", kind.name().to_owned()),
                    ("live", live.join(",")),
                    ("offered", offered.join(",")),
                ]
            }
            Self::LimitReached { limit, maximum } => {
                vec![
                    ("limit", limit.name().to_owned()),
                    ("maximum", maximum.to_string()),
                ]
            }
            Self::NoRelay(CandidateError { url, code, text }) => vec![
                ("url", url.to_string()),
                ("errorCode", code.to_string()),
                ("errorText", text.clone()),
            ],
            _ => Vec::new(),
        }
    }
}

/// `, line 3`; nothing where the whole text is meant.
fn at(line: usize) -> String {
    if line == 0 {
        String::new()
    } else {
        format!(", line {line}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_and_the_section_are_named_where_there_is_one() {
        let invalid = |line| Refused::InvalidFragment {
            line,
            reason: "no m-section".to_owned(),
        };
        assert_eq!(
            invalid(3).to_string(),
            "invalid fragment, line 3: no m-section"
        );
        assert_eq!(invalid(0).to_string(), "invalid fragment: no m-section");
        let unsupported = Refused::UnsupportedDescription {
            mid: Mid::new("1"),
            reason: "inactive".to_owned(),
        };
        assert_eq!(
            unsupported.data(),
            [("mid", "1".to_owned()), ("reason", "inactive".to_owned())]
        );
    }

    #[test]
    fn a_missing_codec_names_both_lists() {
        let refused = Refused::NoCommonCodec {
            kind: MediaKind::Video,
            live: vec!["AV1".to_owned()],
            offered: vec!["VP8".into(), "H264".into()],
        };
        assert_eq!(
            refused.to_string(),
            "no common video codec: the stream has AV1, the peer can VP8, H264"
        );
        assert_eq!(
            refused.data(),
            [
                ("kind", "video".to_owned()),
                ("live", "AV1".to_owned()),
                ("offered", "VP8,H264".to_owned())
            ]
        );
        assert_eq!(
            (refused.code(), refused.fault()),
            ("noCommonCodec", Fault::Peer)
        );
    }
}
