//! The media plane of one named stream: plain RTP in from one publisher, plain RTP out to its viewers.
//!
//! It knows no crypto, no sockets, no SDP and no clock: packets come in decrypted and leave as slices to be
//! sealed, time is an argument, and what was agreed on by signaling comes as [`IngestConfig`] and
//! [`ViewerConfig`].
//!
//! Drive rule: after `handle_*` calls, call [`Stream::poll_rtp`], [`Stream::poll_rtcp`],
//! [`Stream::poll_relay`] and [`Stream::poll_event`] until each returns `None`; then wait for input or
//! [`Stream::poll_timeout`], at which [`Stream::handle_timeout`] is due.
//!
//! ```
//! use xrtc_forward::*;
//! use xrtc_rtp::*;
//!
//! let now = Time::from_millis(1_000);
//! let config = StreamConfig { limits: Limits::default(), wall: WallClock::default(), seed: 1, mirror: false };
//! let mut stream = Stream::new(config, now);
//! let opus = Format::any(Codec::Opus);
//! stream.publish(now, IngestConfig {
//!     tracks: vec![IngestTrack {
//!         kind: MediaKind::Audio,
//!         mid: Mid::new("0"),
//!         codecs: vec![IngestCodec {
//!             format: opus,
//!             payload_type: PayloadType(111),
//!             clock_rate: 48_000,
//!             rtx_payload_type: None,
//!             feedback: Feedback::default(),
//!         }],
//!         extensions: ExtensionMap::new(),
//!         ssrcs: vec![],
//!         rids: vec![],
//!     }],
//!     max_bitrate: None,
//!     rtcp_ssrc: Ssrc(1),
//!     cname: "server".into(),
//!     reduced_size: true,
//! })?;
//! let viewer = stream.subscribe(now, ViewerConfig {
//!     tracks: vec![ViewerTrack {
//!         kind: MediaKind::Audio,
//!         mid: None,
//!         codecs: vec![ViewerCodec {
//!             format: opus,
//!             payload_type: PayloadType(96),
//!             rtx_payload_type: None,
//!             nack: false,
//!         }],
//!         extensions: ExtensionMap::new(),
//!         extmap_allow_mixed: false,
//!         ssrc: Ssrc(2),
//!         rtx_ssrc: None,
//!     }],
//!     cname: "stream".into(),
//! })?;
//! stream.handle_rtp(now, &[0x80, 111, 0, 7, 0, 0, 3, 192, 0, 0, 0, 9, b'h', b'i']);
//! let out = stream.poll_rtp(now).unwrap();
//! assert_eq!((out.viewer, out.ssrc, out.payload), (viewer, Ssrc(2), &b"hi"[..]));
//! assert_eq!(out.header[1], 96);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Inside: `ingest` finds out whose packets they are and what is missing; a `track` has `layers`, each with a
//! `cache` where a packet is stored once; the `drain` goes from viewer to viewer, whose `subscription`s choose
//! packets and whose `outflow`s write them under other numbers by `rewrite`.
//!
//! Covered: RFC 3550 (sequence numbers, reports, A/V sync), RFC 4585 and RFC 5104 (NACK, PLI, FIR), RFC 4588
//! (retransmission), RFC 2198 (redundant audio, inner payload types), RFC 5506, RFC 8285 (extensions), RFC 8852
//! (mid, rid, rrid), REMB with a configured rate, transport-wide feedback to the publisher, simulcast, the
//! numbers inside VP8, VP9 and dependency descriptors. Left out so far: choice of layers by bandwidth, pacing,
//! layers inside one stream (SVC), FEC, XR blocks.

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
pub use discard::{Counters, Discard};
pub use event::{LayerId, Outgoing, RtcpTarget, StreamEvent, TrackId, ViewerId};
pub use layers::LayerWish;
pub use limits::Limits;
pub use packet::Packet;
pub use refused::{PublishError, SubscribeError, UnknownRid};
pub use relay::{PublisherDescription, RelayItem, SenderReportItem, TrackDescription};
pub use stats::{Held, InboundStats, OutboundStats, RemoteInboundStats, StreamStats, ViewerStats};
pub use stream::Stream;
