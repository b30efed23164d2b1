//! SRTP and SRTCP: keys, sealing, opening, replay windows, roll-over counters. No sockets, no clock.
//!
//! [`contexts`] turns what the DTLS exporter gave ([`KeyingMaterial`]) into an [`Opener`] for what the peer sends
//! and a [`Sealer`] for what we send. Both allocate when they first meet an SSRC and never again.
//!
//! Covered: RFC 3711 (AES-CM with HMAC-SHA1 in 80 and 32 bits, key derivation rate 0, no MKI), RFC 7714 (AES-GCM with 128 and 256
//! bits), RFC 9335 (Cryptex, where both sides want it), the exporter's layout of RFC 5764 §4.2. Left out on purpose: MKI,
//! re-keying, header extensions that are encrypted one by one (RFC 6904) and the NULL profiles.

#![deny(unsafe_op_in_unsafe_fn)]

mod aws_lc;
mod cipher;
mod discard;
mod gcm;
mod header;
mod keying;
mod limits;
mod opener;
mod profile;
mod sealer;
mod table;
mod window;

pub use discard::{Counters, Discard};
pub use keying::{KeyingMaterial, contexts};
pub use limits::{MAX_RTCP_INDEX, MAX_RTP_INDEX, MAX_SSRCS, REPLAY_WINDOW};
pub use opener::Opener;
pub use profile::Profile;
pub use sealer::{Plain, Sealer};
