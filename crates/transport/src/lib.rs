//! One peer's secure pipe: ICE, DTLS and SRTP on one network path, told apart by their first byte (RFC 7983).
//!
//! A [`Transport`] is a state machine without sockets and clocks. Its driver hands it every datagram that belongs
//! to it, calls [`Transport::handle_timeout`] when [`Transport::poll_timeout`] is due, and after either drains
//! [`Transport::poll_transmit`] and [`Transport::poll_event`]. Plain RTP and RTCP come out of
//! [`Transport::handle_datagram`] and go in at [`Transport::seal_rtp`] and [`Transport::seal_rtcp`], both without an
//! allocation. Bad input is a counter ([`Discard`]), never an error.
//!
//! What a stranger sends changes nothing: DTLS and media count only on a path that ICE has validated, and keys only
//! once the peer's certificate matched its fingerprint.
//!
//! Covered: RFC 7983 (STUN, DTLS, SRTP), RFC 5763 and RFC 5764 (DTLS-SRTP, both roles), RFC 8122 and RFC 8827 §6.5
//! (fingerprints), RFC 5761 (RTP and RTCP on one path). The handshake itself is `dimpl`'s, the checks are
//! `xrtc-ice`'s, the ciphers `xrtc-srtp`'s. Left out: data channels, TURN channels, RFC 4571 framing.

#![forbid(unsafe_code)]

mod certificate;
mod config;
mod demux;
mod discard;
mod dtls;
mod early;
mod ended;
mod event;
mod fingerprint;
mod limits;
mod reassembly;
mod records;
mod rsa;
mod signing;
mod transport;

pub use certificate::{Certificate, InvalidCertificate, check_dates};
pub use config::{DtlsRole, DtlsSettings, DtlsVersion, RemoteDtls, TransportConfig};
pub use discard::{Counters, Discard};
pub use ended::Ended;
pub use event::{Event, Received, TransportState};
pub use fingerprint::{Fingerprint, HashFunction, InvalidFingerprint};
pub use transport::Transport;
pub use xrtc_ice::{Path, Transmit};
pub use xrtc_srtp::{Plain, Profile};
