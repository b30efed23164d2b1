//! The crate through its public API.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking, in what they share too"
)]

mod allocations;
mod candidates;
mod connection;
mod framing;
mod full;
mod gathering;
mod lite;
mod malformed;
mod network;
mod sessions;
mod stun;
mod vectors;
