//! The stream through its public API, with packets built by hand.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking, in what they share too"
)]

mod allocations;
mod demux;
mod downstream;
mod extensions;
mod feedback;
mod joining;
mod layers;
mod limits;
mod mirror;
mod networks;
mod properties;
mod reports;
mod rig;
mod swap;
mod trains;
mod upstream;
mod wrap;
