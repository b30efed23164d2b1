//! Everything a peer can make this crate hold, and how much of it. What is refused is counted in
//! [`Discard`](crate::Discard).

use std::ops::RangeInclusive;

/// Paths with an authenticated check that a lite agent remembers; the longest silent one goes first.
pub(crate) const MAX_PATHS: usize = 8;

/// Checks that a lite agent remembers to know them again: at least five minutes of a browser's (one in 2.5 s).
pub(crate) const MAX_SEEN_CHECKS: usize = 128;

/// Replies that wait for `poll_transmit`. A driver that drains after every datagram never has more than one.
pub(crate) const MAX_REPLIES: usize = 16;

/// Attributes in one message. Browsers send about ten.
pub(crate) const MAX_ATTRIBUTES: usize = 64;

/// Types that a 420 lists; further ones show when the peer has mended these.
pub(crate) const MAX_UNKNOWN_ATTRIBUTES: usize = 8;

/// Longest USERNAME value in bytes (RFC 8489 §14.3: fewer than 509).
pub(crate) const MAX_USERNAME: usize = 508;

/// Shortest and longest ufrag in characters (RFC 8839 §5.4).
pub(crate) const UFRAG_LEN: RangeInclusive<usize> = 4..=256;

/// Shortest and longest password in characters (RFC 8839 §5.4).
pub(crate) const PWD_LEN: RangeInclusive<usize> = 22..=256;

/// Longest text of one candidate attribute in bytes. Browsers' lines have under 200.
pub(crate) const MAX_CANDIDATE_TEXT: usize = 1024;

/// Bytes of one frame on a TCP connection: datagrams of WebRTC keep below a path's MTU.
pub(crate) const MAX_FRAME: usize = 2_048;

/// Transport addresses a full agent checks from.
pub(crate) const MAX_LOCAL_CANDIDATES: usize = 16;

/// Candidates of the peer that a full agent checks, learnt ones included.
pub(crate) const MAX_REMOTE_CANDIDATES: usize = 64;

/// Requests of a gatherer, each to one server from one socket.
pub(crate) const MAX_STUN_QUERIES: usize = 16;

/// Pairs in a full agent's checklist (RFC 8445 §6.1.2.5).
pub(crate) const MAX_PAIRS: usize = 100;
