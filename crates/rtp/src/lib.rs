//! Zero-copy views and in-place writers for RTP, RTCP, header extensions and codec descriptors, and the few
//! words (time, ids) that every layer above shares. Depends on nothing.

#![forbid(unsafe_code)]

mod id;
mod time;

pub use id::{Bitrate, Mid, PayloadType, Rid, Ssrc};
pub use time::{NtpTime, Time, WallClock};
