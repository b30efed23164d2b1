//! A received packet, stored once and shared by every worker that forwards it.

use crate::{LayerId, TrackId};

/// A received packet, stored once and shared by every worker that forwards it.
#[derive(Debug, Default)]
pub struct Packet {
    pub(crate) publisher: u32,
    pub(crate) track: u8,
    pub(crate) layer: u8,
    pub(crate) keyframe: bool,
}

impl Packet {
    /// Counts the publishers of the stream.
    pub const fn publisher(&self) -> u32 {
        self.publisher
    }

    /// The publisher's track.
    pub const fn track(&self) -> TrackId {
        TrackId(self.track)
    }

    /// The layer of the track.
    pub const fn layer(&self) -> LayerId {
        LayerId(self.layer)
    }

    /// Whether a decoder can start here.
    pub const fn starts_key_frame(&self) -> bool {
        self.keyframe
    }
}
