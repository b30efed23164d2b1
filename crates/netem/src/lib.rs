//! A network in virtual time for tests: what it does to packets depends on its seed and on nothing else.
//!
//! A [`Link`] is one direction of one path; two of them are a connection. It has no sockets and no clock: the
//! test sends, asks when something arrives, moves its time there and takes it out.
//!
//! ```
//! use std::time::Duration;
//! use xrtc_netem::{Link, LinkConfig};
//! use xrtc_rtp::Time;
//!
//! let config = LinkConfig { delay: Duration::from_millis(20), ..LinkConfig::default() };
//! let mut link = Link::new(config, 1);
//! link.send(Time::ZERO, 5, *b"hello");
//! let arrival = link.poll_timeout().unwrap();
//! assert_eq!(arrival, Time::from_millis(20));
//! assert_eq!(link.poll_deliver(arrival), Some(*b"hello"));
//! ```

#![forbid(unsafe_code)]

mod link;

pub use link::{Burst, Link, LinkConfig, LinkCounters};
