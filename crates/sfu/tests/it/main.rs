//! One worker's state machine through its public face.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod allocations;
mod commands;
mod malformed;
mod rig;
#[path = "../sim/world/mod.rs"]
#[expect(dead_code, reason = "the sessions of tests/sim use the rest")]
mod world;
