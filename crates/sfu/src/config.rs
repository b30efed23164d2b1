//! What a worker's state machine is made with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use xrtc_ice::OwnerKey;
use xrtc_rtp::{Bitrate, WallClock};
use xrtc_sdp::Capabilities;
use xrtc_transport::DtlsSettings;

use crate::Limits;
use crate::ice::{host_candidates, passive_candidates};

/// A worker, by its index from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u16);

/// What a worker's state machine is made with. [`SfuConfig::new`] sets the defaults.
#[derive(Clone, Debug)]
pub struct SfuConfig {
    /// Which worker this is.
    pub worker: WorkerId,
    /// How many workers there are, this one included. At least 1.
    pub workers: u16,
    /// The certificate and how to shake hands; one for all workers.
    pub dtls: Arc<DtlsSettings>,
    /// What peers' ICE credentials are made with; one for all workers.
    pub owner_key: Arc<OwnerKey>,
    /// The addresses at which this worker can be reached, best first: host candidates of every description.
    pub candidates: Vec<SocketAddr>,
    /// The addresses at which it takes TCP connections, best first: passive candidates of every description, after those
    /// over UDP. Default: none.
    pub tcp_candidates: Vec<SocketAddr>,
    /// Ties the driver's clock to the wall clock.
    pub wall: WallClock,
    /// What peers can make grow.
    pub limits: Limits,
    /// What is negotiated with publishers and viewers. Default: everything that is forwarded.
    pub capabilities: Capabilities,
    /// A peer without an authenticated check for this long is over (RFC 7675). Default 30 s.
    pub consent_timeout: Duration,
    /// A peer whose description is known and that is not connected after this long is over. Default 30 s.
    pub connect_timeout: Duration,
    /// An offer of ours without an answer for this long is over. Default 30 s.
    pub answer_timeout: Duration,
    /// How long viewers wait for the next publisher. Default 30 s.
    pub publisher_grace: Duration,
    /// A publisher without a packet for this long may be replaced by anybody. Default 2 s.
    pub publisher_silence: Duration,
    /// What publishers are told to stay under (REMB). Default: nothing.
    pub max_ingest_bitrate: Option<Bitrate>,
}

impl SfuConfig {
    /// A lone worker with the defaults. `owner_key` is the secret part: outside of simulations it must come from the
    /// operating system.
    pub fn new(
        dtls: Arc<DtlsSettings>,
        owner_key: Arc<OwnerKey>,
        candidates: Vec<SocketAddr>,
        wall: WallClock,
    ) -> Self {
        Self {
            worker: WorkerId(0),
            workers: 1,
            dtls,
            owner_key,
            candidates,
            tcp_candidates: Vec::new(),
            wall,
            limits: Limits::default(),
            capabilities: Capabilities::default(),
            consent_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(30),
            publisher_grace: Duration::from_secs(30),
            publisher_silence: Duration::from_secs(2),
            max_ingest_bitrate: None,
        }
    }

    /// What is negotiated, the limit on publishers included.
    pub(crate) fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_ingest_bitrate: self.max_ingest_bitrate,
            ..self.capabilities.clone()
        }
    }

    /// `candidate:…` of every address, the first with the highest priority, and those over TCP last.
    pub(crate) fn candidate_lines(&self) -> Vec<String> {
        host_candidates(&self.candidates)
            .map(|candidate| candidate.to_string())
            .chain(self.tcp_candidate_lines())
            .collect()
    }

    /// Those over TCP alone.
    pub(crate) fn tcp_candidate_lines(&self) -> impl Iterator<Item = String> + '_ {
        passive_candidates(&self.tcp_candidates).map(|candidate| candidate.to_string())
    }

    /// The bounds of one stream's media plane.
    pub(crate) fn stream_limits(&self) -> xrtc_forward::Limits {
        xrtc_forward::Limits {
            viewers: self.limits.viewers_per_stream,
            ..xrtc_forward::Limits::default()
        }
    }
}
