//! What a client is told and what it tells.

use std::net::SocketAddr;

/// What a TURN client is made with.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnClientConfig {
    /// Who we are to the server, at most 508 bytes (RFC 8489 §14.3). Used as it is: names beyond ASCII have to be
    /// prepared (RFC 8265) already.
    pub username: String,
    /// The password to it.
    pub password: String,
    /// Which family the relayed address shall have. A server without IPv6 is asked for IPv4 then.
    pub wants_ipv6: bool,
}

// The password is nobody's business.
impl std::fmt::Debug for TurnClientConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TurnClientConfig")
            .field("username", &self.username)
            .field("wants_ipv6", &self.wants_ipv6)
            .finish_non_exhaustive()
    }
}

/// Something the driver of a client should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnEvent {
    /// There is an allocation.
    Allocated {
        /// What peers send to.
        relayed: SocketAddr,
        /// How the server sees our socket: a server-reflexive address.
        mapped: Option<SocketAddr>,
    },
    /// There will be none, or it is lost.
    Failed(TurnFailure),
}

/// Why there is no allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TurnFailure {
    /// The server has not answered (RFC 8489 §6.2.1).
    #[error("no answer")]
    Timeout,
    /// It answered with an error.
    #[error("{code} {}", reason(*code))]
    Refused {
        /// The code of RFC 8489 §14.8 or RFC 8656 §19; 401 for credentials that are not right.
        code: u16,
    },
    /// Its answer has not what it must have.
    #[error("an answer without a usable address or challenge")]
    Malformed,
}

impl TurnFailure {
    /// The error code as `RTCPeerConnectionIceErrorEvent.errorCode` has it: 701 where there is no answer.
    pub const fn code(self) -> u16 {
        match self {
            Self::Refused { code } => code,
            Self::Timeout | Self::Malformed => 701,
        }
    }
}

/// The words that RFC 8489 §14.8 and RFC 8656 §19 have for a code.
const fn reason(code: u16) -> &'static str {
    match code {
        300 => "try alternate: another server is not followed",
        400 => "bad request",
        401 => "unauthenticated: wrong username or credential",
        403 => "forbidden",
        420 => "unknown attribute",
        437 => "allocation mismatch",
        438 => "stale nonce",
        440 => "address family not supported",
        441 => "wrong credentials",
        442 => "unsupported transport protocol",
        486 => "allocation quota reached",
        500 => "server error",
        508 => "insufficient capacity",
        _ => "refused",
    }
}

/// What a client has dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnClientCounters {
    /// Responses without a right MESSAGE-INTEGRITY.
    pub unauthentic: u64,
    /// Data on unknown channels, from peers without a permission, and after the allocation was given back.
    pub data_discarded: u64,
    /// Times that there was no way to a peer.
    pub datagrams_refused: u64,
}
