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

mod cache;
mod compound;
mod config;
mod discard;
mod drain;
mod event;
mod ingest;
mod keyframe;
mod layer;
mod layers;
mod limits;
mod nack;
mod outflow;
mod pacer;
mod packet;
mod rate;
mod reception;
mod refused;
mod relay;
mod report;
mod rewrite;
mod stats;
mod stream;
mod subscription;
mod track;
mod twcc;
mod viewer;

pub use config::{
    DeclaredSsrc, Feedback, Format, IngestCodec, IngestConfig, IngestTrack, StreamConfig,
    ViewerCodec, ViewerConfig, ViewerTrack,
};
pub use discard::{Discard, DiscardCounts};
pub use event::{LayerId, Outgoing, RtcpTarget, StreamEvent, TrackId, ViewerId};
pub use limits::Limits;
pub use packet::Packet;
pub use refused::{PublishError, SubscribeError};
pub use relay::{PublisherDescription, RelayItem, SenderReportItem, TrackDescription};
pub use stats::{Held, InboundStats, OutboundStats, RemoteInboundStats, StreamStats, ViewerStats};
pub use stream::Stream;
