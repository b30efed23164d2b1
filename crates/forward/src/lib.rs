//! The media plane of one named stream: plain RTP in from one publisher, plain RTP out to its viewers.
//!
//! It knows no crypto, no sockets, no SDP and no clock: packets come in decrypted and leave as slices to be
//! sealed, time is an argument, and what was agreed on by signaling comes as [`IngestConfig`] and
//! [`ViewerConfig`].
//!
//! Drive rule: after `handle_*` calls, call [`Stream::poll_rtp`], [`Stream::poll_rtcp`],
//! [`Stream::poll_relay`] and [`Stream::poll_event`] until each returns `None`; then wait for input or
//! [`Stream::poll_timeout`], at which [`Stream::handle_timeout`] is due.

#![forbid(unsafe_code)]

mod config;
mod discard;
mod event;
mod limits;
mod packet;
mod relay;
mod stats;
mod stream;

pub use config::{
    DeclaredSsrc, Feedback, Format, IngestCodec, IngestConfig, IngestTrack, StreamConfig,
    ViewerCodec, ViewerConfig, ViewerTrack,
};
pub use discard::{Discard, DiscardCounts};
pub use event::{LayerId, Outgoing, RtcpTarget, StreamEvent, TrackId, ViewerId};
pub use limits::Limits;
pub use packet::Packet;
pub use relay::{PublisherDescription, RelayItem, SenderReportItem, TrackDescription};
pub use stats::{Held, InboundStats, OutboundStats, RemoteInboundStats, StreamStats, ViewerStats};
pub use stream::{PublishError, Stream, SubscribeError};
