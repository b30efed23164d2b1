//! Everything a client can make a TURN server hold or send, and a server a client, and how much of it.

use std::time::Duration;

/// Limits of a TURN server. What goes beyond is refused or dropped, and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnLimits {
    /// Allocations in all; further ones are refused with 508. Default 2,000.
    pub allocations: usize,
    /// Allocations of one user name; further ones are refused with 486. Default 32.
    pub allocations_per_user: usize,
    /// Allocations from one client address (IPv6: one /64); further ones are refused with 486. Default 500.
    pub allocations_per_address: usize,
    /// Peer addresses an allocation may have permissions for; further ones are refused with 508. Default 32.
    pub permissions: usize,
    /// Channels of an allocation; further ones are refused with 508. Default 32.
    pub channels: usize,
    /// Bytes per second that an allocation passes in each direction; further ones are dropped. Default 2,500,000
    /// (20 Mbit/s).
    pub bytes_per_second: u32,
    /// The longest that an allocation lives without a refresh. Default an hour.
    pub lifetime: Duration,
    /// Bytes per second that all senders without credentials in one /24 (IPv6: /64) get as answers, and four times as
    /// many at once; further requests are not answered. Default 16,384.
    pub unauthenticated_bytes_per_second: u32,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self {
            allocations: 2_000,
            allocations_per_user: 32,
            allocations_per_address: 500,
            permissions: 32,
            channels: 32,
            bytes_per_second: 2_500_000,
            lifetime: Duration::from_secs(3_600),
            unauthenticated_bytes_per_second: 16_384,
        }
    }
}

/// How long an allocation lives that asks for nothing (RFC 8656 §3.2).
pub(crate) const DEFAULT_LIFETIME: Duration = Duration::from_secs(600);
/// RFC 8656 §9.
pub(crate) const PERMISSION_LIFETIME: Duration = Duration::from_secs(300);
/// RFC 8656 §12.
pub(crate) const CHANNEL_LIFETIME: Duration = Duration::from_secs(600);
/// Longest realm, so that the first answer stays short: it is at most four times as long as the shortest request.
pub(crate) const MAX_REALM: usize = 24;
/// Longest user name (RFC 8489 §14.3).
pub(crate) const MAX_USERNAME: usize = 508;
/// Peers that one CreatePermission may name.
pub(crate) const MAX_PEERS_A_REQUEST: usize = 16;
/// Prefixes whose unauthenticated senders are told apart at a time; those that fall together share their budget.
pub(crate) const BUDGET_SLOTS: usize = 16_384;
/// The longest message or channel frame on a connection.
pub const MAX_FRAME: usize = 8_192;
/// Peers that a client talks to at a time: more than an ICE agent has candidates of one remote peer.
pub(crate) const MAX_CLIENT_PEERS: usize = 64;
/// Bytes of a realm and of a nonce that a client repeats: 127 characters each (RFC 8489 §14.9, §14.10).
pub(crate) const MAX_CHALLENGE: usize = 763;
/// Times that a client asks one thing anew because the server wants to see something else.
pub(crate) const MAX_RENEWALS: u8 = 3;
