//! Integration tests of offer and answer, through the crate's public API only.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "in tests a failure may end the run, and a changed answer is shown"
)]

mod description;
mod fragment;
mod golden;
mod key;
mod malformed;
mod property;
mod pull;
mod push;
mod push_media;
mod server_offer;
mod support;
mod tolerance;
