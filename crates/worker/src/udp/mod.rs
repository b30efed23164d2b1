//! UDP sockets in batches: many datagrams in, many trains of datagrams out, few system calls.
//!
//! Linux uses `recvmmsg` with `UDP_GRO` and `sendmmsg` with `UDP_SEGMENT` ([`linux`]); everything else, and the
//! tests everywhere, the portable backend of one system call a datagram ([`portable`]).

#[cfg(target_os = "linux")]
mod address;
mod buffer;
#[cfg(target_os = "linux")]
mod control;
mod cursor;
#[cfg(target_os = "linux")]
mod linux;
mod portable;
mod route;
mod socket;

pub(crate) use buffer::ReceiveBuffer;
pub(crate) use cursor::Cursor;
#[cfg(target_os = "linux")]
pub(crate) use linux::set_option;
pub use socket::Backend;
pub(crate) use socket::{Outgoing, SendBuffer, Sent, Share, Socket};

#[cfg(test)]
mod tests;
