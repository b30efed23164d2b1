//! Everything a peer can make this crate hold, and how much of it. What is refused is counted in
//! [`Discard`](crate::Discard).

/// Paths with an authenticated check that a lite agent remembers; the longest silent one goes first.
pub const MAX_PATHS: usize = 8;

/// Replies that wait for `poll_transmit`. A driver that drains after every datagram never has more than one.
pub const MAX_REPLIES: usize = 16;

/// Longest USERNAME value in bytes (RFC 8489 §14.3: fewer than 509).
pub const MAX_USERNAME: usize = 508;

/// Shortest and longest ufrag in characters (RFC 8839 §5.4).
pub const UFRAG_LEN: std::ops::RangeInclusive<usize> = 4..=256;

/// Shortest and longest password in characters (RFC 8839 §5.4).
pub const PWD_LEN: std::ops::RangeInclusive<usize> = 22..=256;

/// Longest text of one candidate attribute in bytes. Browsers' lines have under 200.
pub const MAX_CANDIDATE_TEXT: usize = 1024;
