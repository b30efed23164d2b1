//! The crate through its public face.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

mod closing;
mod connecting;
mod early;
mod foreign;
mod fragments;
mod garbage;
mod hello;
mod keys;
mod media;
mod network;
mod rtc_dtls;
mod strangers;
