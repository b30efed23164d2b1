//! Whole sessions over a network, in virtual time: real descriptions, ICE, DTLS and SRTP on both sides.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a session that cannot go on has failed"
)]

mod codecs;
mod endings;
mod full_ice;
mod garbage;
mod lives;
mod loss;
mod offers;
mod one_port;
mod publishers;
mod relays;
mod release;
mod simulcast;
mod stats;
mod transports;
mod world;
