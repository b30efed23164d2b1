//! Every limit of this crate.

use std::time::Duration;

/// DTLS datagrams kept until the peer's fingerprint and path are known.
pub(crate) const MAX_EARLY_DATAGRAMS: usize = 8;

/// Bytes of those datagrams together.
pub(crate) const MAX_EARLY_BYTES: usize = 16 * 1024;

/// The largest DTLS datagram we make, so that it passes any path that WebRTC works on.
pub(crate) const DTLS_MTU: usize = 1200;

/// Datagrams that one handshake may keep waiting for missing ones.
pub(crate) const MAX_DTLS_RECEIVE_QUEUE: usize = 40;

/// Records that one flight may have.
pub(crate) const MAX_DTLS_TRANSMIT_QUEUE: usize = 20;

/// Bytes that a peer may send before its handshake is complete, repetitions included.
pub(crate) const MAX_HANDSHAKE_BYTES: usize = 128 * 1024;

/// How long a handshake may take from its first datagram.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a flight is sent again; with doubling intervals the time above is over first.
pub(crate) const FLIGHT_RETRIES: usize = 8;

/// Fingerprints that a peer may name; more are ignored.
pub(crate) const MAX_FINGERPRINTS: usize = 8;

/// DTLS datagrams that may wait for the driver to fetch them. A flight has four at most.
pub(crate) const MAX_OUTGOING_DATAGRAMS: usize = 16;

/// Handshake messages of which pieces are missing, at one time. A flight has five at most.
pub(crate) const MAX_PARTIAL_MESSAGES: usize = 6;

/// Bytes of such a message: what fits a record (RFC 6347 §4.1.1) with its own header.
pub(crate) const MAX_PARTIAL_MESSAGE: usize = 16 * 1024 - 12;
