//! The stream: at most one publisher, any number of viewers.

use std::time::Duration;

use xrtc_rtp::Time;

use crate::{
    Held, IngestConfig, LayerId, Outgoing, RelayItem, RtcpTarget, StreamConfig, StreamEvent,
    StreamStats, TrackId, ViewerConfig, ViewerId, ViewerStats,
};

/// The media plane of one named stream on one worker.
#[derive(Debug)]
pub struct Stream {
    config: StreamConfig,
}

impl Stream {
    /// An empty stream.
    pub fn new(config: StreamConfig, now: Time) -> Self {
        let _ = now;
        Self { config }
    }

    /// Takes a publisher. A present one is over; its viewers continue on the new one, with the same SSRCs and
    /// continuous sequence numbers and timestamps, from its first key frame.
    pub fn publish(&mut self, now: Time, config: IngestConfig) -> Result<(), PublishError> {
        let _ = (now, config);
        Ok(())
    }

    /// The publisher is gone; the viewers stay.
    pub fn unpublish(&mut self, now: Time) {
        let _ = now;
    }

    /// A decrypted RTP packet from the publisher.
    pub fn handle_rtp(&mut self, now: Time, packet: &[u8]) {
        let _ = (now, packet);
    }

    /// A decrypted RTCP datagram from the publisher.
    pub fn handle_rtcp(&mut self, now: Time, datagram: &[u8]) {
        let _ = (now, datagram);
    }

    /// A round trip to the publisher, as the transport measured it: retransmissions are asked for in its step.
    pub fn set_publisher_rtt(&mut self, rtt: Duration) {
        let _ = rtt;
    }

    /// When the publisher's last packet arrived; `None` before the first one or without a publisher.
    pub fn last_packet(&self) -> Option<Time> {
        None
    }

    /// Asks the publisher for a key frame, merged with what was asked for already.
    pub fn request_key_frame(&mut self, now: Time, track: TrackId, layer: LayerId) {
        let _ = (now, track, layer);
    }

    /// Whether [`Self::poll_relay`] yields what mirrors need. Off at first.
    pub fn set_relaying(&mut self, relaying: bool) {
        let _ = relaying;
    }

    /// What a mirror that joins now must be given before the items of [`Self::poll_relay`]: take those first.
    pub fn relay_snapshot(&self) -> Vec<RelayItem> {
        Vec::new()
    }

    /// The next item for every mirror.
    pub fn poll_relay(&mut self) -> Option<RelayItem> {
        None
    }

    /// On a mirror: an item from the stream's home.
    pub fn handle_relay(&mut self, now: Time, item: RelayItem) {
        let _ = (now, item);
    }

    /// Takes a viewer. It is sent sound at once and pictures from the next key frame on, which is asked for.
    pub fn subscribe(
        &mut self,
        now: Time,
        config: ViewerConfig,
    ) -> Result<ViewerId, SubscribeError> {
        let _ = (now, config);
        Err(SubscribeError::TooManyViewers {
            limit: self.config.limits.viewers,
        })
    }

    /// The viewer is gone. Unknown ids are ignored.
    pub fn unsubscribe(&mut self, viewer: ViewerId) {
        let _ = viewer;
    }

    /// A decrypted RTCP datagram from a viewer.
    pub fn handle_viewer_rtcp(&mut self, now: Time, viewer: ViewerId, datagram: &[u8]) {
        let _ = (now, viewer, datagram);
    }

    /// Packets of this viewer were dropped on the way out: it needs a key frame to go on.
    pub fn request_viewer_key_frame(&mut self, now: Time, viewer: ViewerId) {
        let _ = (now, viewer);
    }

    /// The next RTP packet to seal and send: viewer by viewer, each with everything that is new for it; the
    /// first viewer rotates.
    pub fn poll_rtp(&mut self, now: Time) -> Option<Outgoing<'_>> {
        let _ = now;
        None
    }

    /// Writes the next compound RTCP packet into `out`, which should hold 1,200 bytes, and returns its length.
    pub fn poll_rtcp(&mut self, now: Time, out: &mut [u8]) -> Option<(RtcpTarget, usize)> {
        let _ = (now, out);
        None
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<StreamEvent> {
        None
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        None
    }

    /// Does what is due. [`Self::poll_rtcp`] and the others then have something to say.
    pub fn handle_timeout(&mut self, now: Time) {
        let _ = now;
    }

    /// The publisher's side and the totals.
    pub fn stats(&self, now: Time) -> StreamStats {
        let _ = now;
        StreamStats::default()
    }

    /// One viewer's side.
    pub fn viewer_stats(&self, viewer: ViewerId) -> Option<ViewerStats> {
        let _ = viewer;
        None
    }

    /// What the stream holds.
    pub fn held(&self) -> Held {
        Held::default()
    }
}

/// Why a publisher is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// More tracks than [`crate::Limits::MAX_TRACKS`].
    #[error("more than {limit} tracks")]
    TooManyTracks {
        /// The limit.
        limit: usize,
    },
    /// More simulcast layers in a track than [`crate::Limits::MAX_LAYERS`].
    #[error("more than {limit} layers in a track")]
    TooManyLayers {
        /// The limit.
        limit: usize,
    },
    /// A track with no codec, or more than [`crate::Limits::MAX_CODECS`].
    #[error("a track needs 1 to {limit} codecs")]
    CodecCount {
        /// The limit.
        limit: usize,
    },
    /// A mirror takes its publisher from the stream's home.
    #[error("a mirror has no publisher of its own")]
    Mirror,
}

/// Why a viewer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The stream has as many viewers as it may.
    #[error("the stream has {limit} viewers")]
    TooManyViewers {
        /// The limit.
        limit: usize,
    },
    /// More tracks than [`crate::Limits::MAX_TRACKS`].
    #[error("more than {limit} tracks")]
    TooManyTracks {
        /// The limit.
        limit: usize,
    },
    /// More codecs in a track than [`crate::Limits::MAX_CODECS`].
    #[error("more than {limit} codecs in a track")]
    TooManyCodecs {
        /// The limit.
        limit: usize,
    },
}
