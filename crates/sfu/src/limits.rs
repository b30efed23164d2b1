//! Every limit of a worker in one place: what a peer can make grow stops here, and what was refused is counted.

use std::fmt;
use std::time::Duration;

/// The limits of one worker. All are inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Peers with a transport, pending offers included. Default 10,000.
    pub peers: usize,
    /// Offers of ours whose answer has not come. Default 1,000.
    pub pending_offers: usize,
    /// Streams that have their home on this worker. Default 2,000.
    pub streams: usize,
    /// Viewers of one stream on this worker. Default 10,000.
    pub viewers_per_stream: usize,
    /// Remote addresses remembered for one transport. Default 8.
    pub addresses_per_transport: usize,
    /// Bytes of one session description or fragment. Default 65,536.
    pub description_bytes: usize,
    /// Bytes of an identity or of an application's close reason. Default 256.
    pub text_bytes: usize,
    /// Messages waiting for one other worker, control messages included. Default 8,192.
    pub relay_queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            peers: 10_000,
            pending_offers: 1_000,
            streams: 2_000,
            viewers_per_stream: 10_000,
            addresses_per_transport: 8,
            description_bytes: 65_536,
            text_bytes: 256,
            relay_queue: 8_192,
        }
    }
}

/// Which limit a command ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::peers`].
    Peers,
    /// [`Limits::pending_offers`].
    PendingOffers,
    /// [`Limits::streams`].
    Streams,
    /// [`Limits::viewers_per_stream`].
    ViewersPerStream,
    /// [`Limits::description_bytes`].
    DescriptionBytes,
    /// [`Limits::text_bytes`].
    TextBytes,
}

impl Limit {
    /// The stable camelCase name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Peers => "peers",
            Self::PendingOffers => "pendingOffers",
            Self::Streams => "streams",
            Self::ViewersPerStream => "viewersPerStream",
            Self::DescriptionBytes => "descriptionBytes",
            Self::TextBytes => "textBytes",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How long a full queue to another worker is left alone before it is tried again.
pub(crate) const RELAY_RETRY: Duration = Duration::from_millis(1);
