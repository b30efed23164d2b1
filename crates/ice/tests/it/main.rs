//! The crate through its public API.

mod allocations;
mod candidates;
mod lite;
mod malformed;
mod network;
mod sessions;
mod stun;
mod vectors;
