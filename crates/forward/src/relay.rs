//! What travels from a stream at its home to its mirrors on other workers.

use std::sync::Arc;

use xrtc_rtp::{MediaKind, Mid, NtpTime, Rid, Time};

use crate::{Format, LayerId, Packet, TrackId};

/// One item for every mirror of a stream, in order. Cloning it copies no media.
#[derive(Clone, Debug)]
pub enum RelayItem {
    /// A publisher began; everything of the one before it is over.
    Publisher(Arc<PublisherDescription>),
    /// The publisher left.
    Unpublished,
    /// A packet.
    Packet(Arc<Packet>),
    /// A sender report of the publisher.
    SenderReport(SenderReportItem),
}

/// What a mirror must know of a publisher.
#[derive(Clone, Debug)]
pub struct PublisherDescription {
    /// Counts the publishers of the stream.
    pub publisher: u32,
    /// Its tracks.
    pub tracks: Vec<TrackDescription>,
}

/// What a mirror must know of a track.
#[derive(Clone, Debug)]
pub struct TrackDescription {
    /// Audio or video.
    pub kind: MediaKind,
    /// The publisher's mid.
    pub mid: Option<Mid>,
    /// The formats, with the clock rate of each; packets name them by position.
    pub formats: Vec<(Format, u32)>,
    /// The rids of the layers; empty without simulcast.
    pub rids: Vec<Rid>,
    /// Whether lost packets are asked for at home, so that a gap may still close.
    pub repairs: bool,
}

/// A point where the publisher's clock and a layer's timestamps meet.
#[derive(Clone, Copy, Debug)]
pub struct SenderReportItem {
    /// Counts the publishers of the stream.
    pub publisher: u32,
    /// The track.
    pub track: TrackId,
    /// The layer.
    pub layer: LayerId,
    /// The publisher's wall clock.
    pub ntp: NtpTime,
    /// The layer's timestamp at that instant.
    pub timestamp: u32,
    /// When the report arrived at home.
    pub received: Time,
    /// What moves the publisher's wall clock to ours, in nanoseconds: one number per publisher.
    pub clock_offset: i64,
}
