//! Congestion control: what a transport knows of the fates of its packets. It sees sequence numbers and times,
//! never media.
//!
//! Today that is the receiving side: [`ArrivalLog`] notes when the packets of a peer arrived and writes the
//! transport-wide feedback with which the peer estimates its bandwidth
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01). Estimating the bandwidth towards a viewer is not here
//! yet.
//!
//! ```
//! use std::time::Duration;
//! use xrtc_bwe::ArrivalLog;
//! use xrtc_rtp::{Ssrc, Time, rtcp};
//!
//! let mut log = ArrivalLog::new();
//! let start = Time::from_millis(1_000);
//! log.record(start, 7);
//! log.record(start + Duration::from_millis(5), 9);
//! let due = log.poll_timeout().unwrap();
//! let mut out = [0; 1200];
//! let len = log.poll_feedback(due, Ssrc(1), Ssrc(2), &mut out).unwrap();
//! let Some(Ok(rtcp::Packet::TransportFeedback(feedback))) = rtcp::packets(&out[..len]).next() else {
//!     unreachable!()
//! };
//! let lost: Vec<_> = feedback.arrivals().filter(|arrival| arrival.ticks.is_none()).collect();
//! assert_eq!(lost[0].sequence_number, 8);
//! ```

#![forbid(unsafe_code)]

mod arrival_log;

pub use arrival_log::{ArrivalCounters, ArrivalLog};
