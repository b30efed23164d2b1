//! A browser in a struct, for tests: real session descriptions, ICE, DTLS and SRTP around synthetic media.
//!
//! A [`Browser`] publishes or views. What it sends is VP8 or H.264 in which every byte can be checked, and Opus
//! likewise; what it receives it puts together again. It loses patience as libwebrtc does: lost packets are asked for
//! at once and then every round trip, key frames when nothing can be shown. It reads no clock and opens no socket.

#![forbid(unsafe_code)]

mod assembly;
mod browser;
mod codec;
mod description;
mod encoding;
mod frame;
mod incoming;
mod nack;
mod publisher;
mod viewer;

pub use assembly::{Assembly, ReceivedFrame};
pub use browser::{Browser, Side, Unusable};
pub use codec::{Picture, PictureCounters, Unpacked, pack, unpack};
pub use frame::FramePart;
pub use incoming::Incoming;
pub use nack::{Cause, Nacker, Received};
pub use publisher::{FeedbackCounts, LayerConfig, PublishConfig, Publisher, SentFrame};
pub use viewer::{ViewConfig, Viewer};
