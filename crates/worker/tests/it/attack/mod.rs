//! Attacks on a running server through real sockets: strangers, peers that lie, and races against those who join.
//!
//! `cargo test` runs each for a moment. `XRTC_ATTACK=60` makes that sixty times as long; `npm run attack` does so with
//! a release build. Nothing here leaves the loopback.

mod arena;
mod connections;
mod handshakes;
mod insiders;
mod joins;
mod relay;
mod strangers;
