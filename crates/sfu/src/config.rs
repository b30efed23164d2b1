//! What a worker's state machine is made with.

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use xrtc_rtp::{Bitrate, WallClock};

use crate::Limits;

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
    /// The addresses at which this worker can be reached, best first: host candidates of every description.
    pub candidates: Vec<SocketAddr>,
    /// Ties the driver's clock to the wall clock.
    pub wall: WallClock,
    /// The driver's `Instant` at `Time::ZERO`: the DTLS library counts in `Instant`.
    pub origin: Instant,
    /// What peers can make grow.
    pub limits: Limits,
    /// A peer without an authenticated check for this long is over (RFC 7675). Default 30 s.
    pub consent_timeout: Duration,
    /// An offer of ours without an answer for this long is over. Default 30 s.
    pub answer_timeout: Duration,
    /// How long viewers wait for the next publisher. Default 30 s.
    pub publisher_grace: Duration,
    /// A publisher without a packet for this long may be replaced by anybody. Default 2 s.
    pub publisher_silence: Duration,
    /// What publishers are told to stay under (REMB), for those that cannot be told otherwise. Default: nothing.
    pub max_ingest_bitrate: Option<Bitrate>,
}

impl SfuConfig {
    /// A lone worker with the defaults.
    pub fn new(candidates: Vec<SocketAddr>, wall: WallClock, origin: Instant) -> Self {
        Self {
            worker: WorkerId(0),
            workers: 1,
            candidates,
            wall,
            origin,
            limits: Limits::default(),
            consent_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(30),
            publisher_grace: Duration::from_secs(30),
            publisher_silence: Duration::from_secs(2),
            max_ingest_bitrate: None,
        }
    }
}
