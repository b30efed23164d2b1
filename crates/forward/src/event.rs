//! What a stream tells and yields.

use xrtc_rtp::{MediaKind, Ssrc};

use crate::Format;

/// Names a viewer of one stream on one worker. Never used again for another viewer of that stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewerId {
    pub(crate) slot: u32,
    pub(crate) serial: u32,
}

impl ViewerId {
    /// A small number that no other present viewer of the stream has: an index for the caller's own table.
    pub const fn slot(self) -> usize {
        self.slot as usize
    }
}

/// The number of a publisher's track, in the order of [`crate::IngestConfig::tracks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u8);

/// The number of a layer within its track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerId(pub u8);

/// One RTP packet to seal and send. It borrows the stream until the next call.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Whom it goes to.
    pub viewer: ViewerId,
    /// Its SSRC, as in the header.
    pub ssrc: Ssrc,
    /// Its extended sequence number, rollover counter and all (RFC 3711 §3.3.1), as in the header's low bits.
    pub index: u64,
    /// The same SSRC and index were sent before, with the same bytes.
    pub repeat: bool,
    /// The RTP header with its extensions.
    pub header: &'a [u8],
    /// The rewritten first bytes of the payload; often empty.
    pub prefix: &'a [u8],
    /// The rest of the payload, as it came from the publisher, and its padding if the header's P bit is set.
    pub payload: &'a [u8],
}

/// Whom a compound RTCP packet goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpTarget {
    /// The publisher.
    Publisher,
    /// This viewer.
    Viewer(ViewerId),
}

/// A past fact about a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamEvent {
    /// The first packet of a track of the present publisher, or the first one of another format.
    TrackLive {
        /// The track.
        track: TrackId,
        /// Audio or video.
        kind: MediaKind,
        /// What is being sent.
        format: Format,
    },
    /// A mirror's viewers need a key frame: to be handed to [`crate::Stream::request_key_frame`] at home.
    KeyFrameNeeded {
        /// The track.
        track: TrackId,
        /// The layer.
        layer: LayerId,
    },
    /// A viewer cannot decode what the publisher sends now.
    Incompatible {
        /// The viewer.
        viewer: ViewerId,
        /// Audio or video.
        kind: MediaKind,
        /// What the publisher sends.
        format: Format,
    },
    /// A viewer gets its first packet of a publisher, or another layer.
    LayerChanged {
        /// The viewer.
        viewer: ViewerId,
        /// The publisher's track.
        track: TrackId,
        /// The layer it gets now.
        layer: LayerId,
    },
    /// The publisher said goodbye for all it sent (RFC 3550 §6.6).
    PublisherBye,
}
