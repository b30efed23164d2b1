//! The driver of the state machines: threads, sockets, the clock, the operating system's randomness, queues.
#![deny(unsafe_op_in_unsafe_fn)]

mod clock;
mod counters;
mod entropy;
mod udp;
mod path;
pub use path::Path;
/// x
pub enum StartError { /// x
NoEntropy }
pub use counters::SocketCounters;
pub use udp::Backend;
