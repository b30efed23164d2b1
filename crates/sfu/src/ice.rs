//! Which part of ICE this side of a peer does, and from where.

use std::net::SocketAddr;

use xrtc_ice::{AgentConfig, Candidate, Credentials, Mode, Role};

/// Which part of ICE this side of a peer does (RFC 8445 §2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ice {
    /// It answers checks on the worker's own sockets, which every remote peer can reach.
    #[default]
    Lite,
    /// It sends checks too, from sockets that only this peer has: two peers behind one remote address and port (as
    /// another server's are) could not be told apart on shared ones. The driver fills the addresses in.
    Full(OwnAddresses),
}

/// Where a peer with sockets of its own is. Without bases a command is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnAddresses {
    /// The addresses that checks leave from, best first, exactly as they will stand in [`Path::local`](crate::Path).
    pub bases: Vec<SocketAddr>,
    /// What our description offers, best first: the addresses of translators too.
    pub candidates: Vec<Candidate>,
}

impl Ice {
    /// Whether this side sends no checks.
    pub const fn is_lite(&self) -> bool {
        matches!(self, Self::Lite)
    }

    /// The addresses of its own; none for a lite one.
    pub(crate) fn bases(&self) -> &[SocketAddr] {
        match self {
            Self::Lite => &[],
            Self::Full(own) => &own.bases,
        }
    }

    pub(crate) const fn agent(&self, role: Role, local: Credentials) -> AgentConfig {
        AgentConfig::with_mode(
            match self {
                Self::Lite => Mode::Lite,
                Self::Full(_) => Mode::Full(role),
            },
            local,
        )
    }
}

/// The host candidates of these addresses, the first with the highest priority.
pub(crate) fn host_candidates(addresses: &[SocketAddr]) -> impl Iterator<Item = Candidate> + '_ {
    let preferences = (0..=u16::MAX).rev();
    addresses
        .iter()
        .zip(preferences)
        .map(|(address, preference)| Candidate::host(*address, preference))
}

/// The TCP candidates of these addresses, the first with the highest priority.
pub(crate) fn passive_candidates(addresses: &[SocketAddr]) -> impl Iterator<Item = Candidate> + '_ {
    let preferences = (0..=u16::MAX >> 3).rev();
    addresses
        .iter()
        .zip(preferences)
        .map(|(address, preference)| Candidate::tcp_passive(*address, preference))
}
