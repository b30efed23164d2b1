//! One remote peer: its transport, its part in a stream, and how far signaling has come.

use std::time::Duration;

use xrtc_forward::{ViewerConfig, ViewerId};
use xrtc_prefetch::prefetch;
use xrtc_rtp::{MediaKind, Ssrc, Time};
use xrtc_sdp::{LocalParams, Negotiated, ServerOffer};
use xrtc_transport::{Ended as TransportEnded, Transport, TransportState};

use crate::kept::Kept;
use crate::streams::StreamKey;
use crate::{ConnectionState, DtlsState, Ended, Ice, IceState, Path, PeerId, StreamName};

/// One remote peer.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) transport: Transport,
    /// Which part of ICE we do, and from where.
    pub(crate) ice: Ice,
    pub(crate) role: Role,
    pub(crate) signaling: Signaling,
    /// What was agreed on, once both descriptions are known.
    pub(crate) agreed: Option<Kept>,
    /// What our descriptions say of us: ids and sources stay for its whole life.
    pub(crate) local: LocalParams,
    /// Its entries in the table of addresses, oldest first.
    pub(crate) paths: Vec<Path>,
    /// Its entries in the table of ufrags, oldest first: the newest generation's and, during a restart, the one's
    /// before it.
    pub(crate) ufrags: Vec<String>,
    /// When the last datagram came that may have been the peer's own.
    pub(crate) heard: Time,
    /// When to look at `heard` again.
    pub(crate) look_at: Time,
    /// Nothing was heard for [`SILENCE`].
    pub(crate) silent: bool,
    pub(crate) states: States,
    /// A change of the states stands in the event queue.
    pub(crate) state_queued: bool,
    /// It stands in the list of peers whose transports have something to send.
    pub(crate) dirty: bool,
    pub(crate) traffic: Traffic,
}

/// Datagrams and bytes on a peer's path, as `transport` and `candidate-pair` statistics count them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) packets_received: u64,
    pub(crate) bytes_received: u64,
    pub(crate) packets_sent: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) path_changes: u64,
}

/// What a peer does.
#[derive(Debug)]
pub(crate) enum Role {
    /// It publishes, or will when it has answered.
    Publisher(Publishing),
    /// It views, or will when it is connected.
    Viewer(Viewer),
}

/// A publisher's part in its stream.
#[derive(Debug)]
pub(crate) struct Publishing {
    pub(crate) name: StreamName,
    /// Who it says it is.
    pub(crate) identity: Option<String>,
    /// It may replace whoever publishes.
    pub(crate) replace: bool,
    /// Its stream; none until offer and answer are both known.
    pub(crate) stream: Option<StreamKey>,
}

/// A viewer's part in its stream.
#[derive(Debug)]
pub(crate) struct Viewer {
    pub(crate) stream: StreamKey,
    /// What was negotiated; taken when the subscription begins.
    pub(crate) config: Option<ViewerConfig>,
    pub(crate) subscription: Option<ViewerId>,
    /// The SSRCs of its audio tracks, to tell their packets from video.
    pub(crate) audio: Option<Ssrc>,
}

impl Viewer {
    pub(crate) fn new(stream: StreamKey) -> Self {
        Self {
            stream,
            config: None,
            subscription: None,
            audio: None,
        }
    }

    pub(crate) fn set_config(&mut self, config: ViewerConfig) {
        self.audio = config
            .tracks
            .iter()
            .find(|track| track.kind == MediaKind::Audio)
            .map(|track| track.ssrc);
        self.config = Some(config);
    }
}

/// How far offer and answer have come.
#[derive(Debug)]
pub(crate) enum Signaling {
    /// Both descriptions are known.
    Stable,
    /// We offered and wait for the answer.
    HaveLocalOffer {
        offer: Box<ServerOffer>,
        /// When the offer expires.
        until: Time,
    },
    /// We answered a later offer, and the application has not taken the answer yet.
    HaveRemoteOffer(Box<Change>),
}

/// What a later offer and its answer change, once both hold.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) negotiated: Negotiated,
    /// What a viewer takes then.
    pub(crate) viewing: Option<ViewerConfig>,
    pub(crate) local: LocalParams,
    /// Both sides have new ICE credentials.
    pub(crate) restarts_ice: bool,
}

impl Signaling {
    /// As `RTCSignalingState` names it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::HaveLocalOffer { .. } => "have-local-offer",
            Self::HaveRemoteOffer(_) => "have-remote-offer",
        }
    }
}

/// The three states that the application sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct States {
    pub(crate) connection: ConnectionState,
    pub(crate) ice: IceState,
    pub(crate) dtls: DtlsState,
}

impl States {
    pub(crate) const NEW: Self = Self {
        connection: ConnectionState::New,
        ice: IceState::New,
        dtls: DtlsState::New,
    };

    /// What a transport that is over leaves behind.
    pub(crate) const fn ended(self, reason: Ended) -> Self {
        let (connection, ice, dtls) = match reason {
            Ended::IceTimeout => (ConnectionState::Failed, IceState::Failed, self.dtls),
            Ended::DtlsFailed | Ended::FingerprintMismatch => {
                (ConnectionState::Failed, self.ice, DtlsState::Failed)
            }
            _ => (ConnectionState::Closed, IceState::Closed, DtlsState::Closed),
        };
        Self {
            connection,
            ice,
            dtls,
        }
    }
}

impl Peer {
    pub(crate) const fn stream(&self) -> Option<StreamKey> {
        match &self.role {
            Role::Publisher(publishing) => publishing.stream,
            Role::Viewer(viewer) => Some(viewer.stream),
        }
    }

    /// The viewer's id in its stream, once it is subscribed.
    pub(crate) const fn subscription(&self) -> Option<ViewerId> {
        match &self.role {
            Role::Viewer(viewer) => viewer.subscription,
            Role::Publisher(_) => None,
        }
    }

    /// What the states are now.
    pub(crate) fn current_states(&self) -> States {
        let (connection, ice, dtls) = match self.transport.state() {
            TransportState::New if self.paths.is_empty() && self.states == States::NEW => {
                (ConnectionState::New, IceState::New, DtlsState::New)
            }
            TransportState::New => (
                ConnectionState::Connecting,
                IceState::Checking,
                DtlsState::New,
            ),
            TransportState::Connecting => (
                ConnectionState::Connecting,
                IceState::Connected,
                DtlsState::Connecting,
            ),
            TransportState::Connected if self.silent || self.transport.path().is_none() => (
                ConnectionState::Disconnected,
                IceState::Disconnected,
                DtlsState::Connected,
            ),
            TransportState::Connected => (
                ConnectionState::Connected,
                IceState::Connected,
                DtlsState::Connected,
            ),
            TransportState::Closed => {
                (ConnectionState::Closed, IceState::Closed, DtlsState::Closed)
            }
            TransportState::Ended(ended) => return self.states.ended(Ended::from(ended)),
        };
        States {
            connection,
            ice,
            dtls,
        }
    }

    /// A datagram of this length was written for it.
    pub(crate) const fn count_sent(&mut self, len: usize) {
        self.traffic.packets_sent += 1;
        self.traffic.bytes_sent += len as u64;
    }

    /// Loads what sending to it needs.
    pub(crate) fn prefetch(&self) {
        prefetch(&self.id);
        prefetch(&self.role);
        prefetch(&self.traffic);
        self.transport.prefetch();
    }

    /// When something is due: the transport's own timer, the look at the silence, the offer's expiry.
    pub(crate) fn deadline(&self) -> Time {
        let own = self
            .transport
            .poll_timeout()
            .unwrap_or(Time::MAX)
            .min(self.look_at);
        match &self.signaling {
            Signaling::HaveLocalOffer { until, .. } => own.min(*until),
            Signaling::Stable | Signaling::HaveRemoteOffer(_) => own,
        }
    }

    /// Looks whether the peer has been heard lately.
    pub(crate) fn look(&mut self, now: Time) {
        if now < self.look_at {
            return;
        }
        self.silent = now >= self.heard + SILENCE;
        self.look_at = if self.silent {
            now + SILENCE
        } else {
            self.heard + SILENCE
        };
    }

    /// The peer was heard.
    pub(crate) const fn hear(&mut self, now: Time) -> bool {
        self.heard = now;
        std::mem::replace(&mut self.silent, false)
    }
}

impl From<TransportEnded> for Ended {
    fn from(ended: TransportEnded) -> Self {
        match ended {
            TransportEnded::IceTimeout => Self::IceTimeout,
            TransportEnded::DtlsTimeout
            | TransportEnded::DtlsFailed { .. }
            | TransportEnded::UnusableCertificate
            | TransportEnded::NoSrtpProfile => Self::DtlsFailed,
            TransportEnded::FingerprintMismatch => Self::FingerprintMismatch,
            TransportEnded::PeerClosed => Self::PeerClosed,
        }
    }
}

/// A peer that is connected sends a check or a report at least every six seconds (Firefox's consent checks come every
/// 4 to 6 s, RFC 7675 §5.1); one that has not for this long is shown as disconnected.
const SILENCE: Duration = Duration::from_secs(10);
