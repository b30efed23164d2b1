//! STUN and TURN as state machines. The server: who may have an allocation, which peers it may reach, and what goes where.
//! The client: [`TurnClient`], one allocation at another's server.
//!
//! The server owns no sockets. Its driver hands it what clients send with [`TurnServer::handle_datagram`] and what peers send to a
//! relayed address with [`TurnServer::handle_relayed`], does what either returns, and calls
//! [`TurnServer::handle_timeout`] when [`TurnServer::poll_timeout`] is due; then, and after
//! [`TurnServer::handle_closed`], it closes the sockets that [`TurnServer::poll_released`] names. On connections it
//! finds the messages with [`frame`]. Bad input is a counter or an error response.
//!
//! Nothing is held for anybody without credentials: nonces are signed instead of remembered, and the bytes that go to
//! senders without credentials are counted by prefix in a table of fixed size.
//!
//! Why it is own code: `turn-server-proto` remembers a nonce for every address without credentials, cannot forget a user,
//! searches lists for each packet and has no limits; `turn-server` relays between its own clients only; the one of
//! webrtc-rs is bound to Tokio. STUN's codec was here already.
//!
//! Covered: RFC 8489 (Binding, long-term credentials with MESSAGE-INTEGRITY), RFC 8656 (UDP allocations of either family,
//! permissions, channels, Send and Data), draft-uberti-behave-turn-rest-00 (user names that end by themselves).
//! Left out: TCP allocations (RFC 6062), reserving the port after an even one (508), DONT-FRAGMENT (420), ICMP, mobility,
//! USERHASH and MESSAGE-INTEGRITY-SHA256, which a client may not use with a server that does not offer them. The client
//! speaks UDP and follows no 300 (Try Alternate), which would send our credentials' proof wherever a stranger says.

#![forbid(unsafe_code)]

// `far_end.rs` speaks of this crate as fuzzing does.
#[cfg(test)]
extern crate self as xrtc_turn;

mod allocation;
mod auth;
mod bucket;
mod budget;
mod client;
mod counters;
#[cfg(test)]
mod far_end;
mod framing;
mod limits;
mod message;
mod peers;
mod server;
mod subnet;

pub use client::{
    Received, Route, TurnClient, TurnClientConfig, TurnClientCounters, TurnEvent, TurnFailure,
};
pub use counters::TurnCounters;
pub use framing::{Frame, frame, padding};
pub use limits::{MAX_FRAME, TurnLimits};
pub use peers::{PeerPolicy, PortSet};
pub use server::{AllocationId, Client, InvalidRealm, Opening, Output, TurnConfig, TurnServer};
pub use subnet::{InvalidSubnet, Subnet};
