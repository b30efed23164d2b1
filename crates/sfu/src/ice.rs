//! Which part of ICE this side of a peer does, and from where.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use xrtc_ice::{AgentConfig, Candidate, Credentials, Mode, Path, Protocol, Role};

use crate::addresses::OwnKey;

/// Which part of ICE this side of a peer does (RFC 8445 §2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ice {
    /// It answers checks on the worker's own sockets, which every remote peer can reach.
    #[default]
    Lite,
    /// It sends checks too, from sockets that only this peer has: two peers behind one remote address and port (as
    /// another server's are) could not be told apart on shared ones. The driver fills the addresses in.
    Full(Box<OwnAddresses>),
}

/// Where a peer with sockets of its own is. Without bases and relayed addresses a command is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnAddresses {
    /// What the driver asks for addresses, from whoever opens the peer; the driver fills in the rest.
    pub gather: Gather,
    /// The addresses that checks leave from, best first, exactly as they will stand in [`Path::local`].
    pub bases: Vec<SocketAddr>,
    /// Addresses on TURN servers, best first, which checks leave from too: on paths of [`Protocol::Relayed`].
    pub relayed: Vec<RelayedAddress>,
    /// What our description offers, best first: the addresses of translators too.
    pub candidates: Vec<Candidate>,
    /// TURN servers that gave none.
    pub errors: Vec<CandidateError>,
}

/// Whom to ask for addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gather {
    /// STUN servers.
    pub stun: Vec<SocketAddr>,
    /// TURN servers.
    pub turn: Vec<TurnAccess>,
    /// Whether the peer is to be reached by relayed addresses only, so that it does not learn others of ours
    /// (`iceTransportPolicy: 'relay'`).
    pub relay_only: bool,
    /// How long they may take at most; who opens the peer goes on with what there is then. Default: as long as the driver
    /// waits anyway.
    pub patience: Option<Duration>,
}

/// A TURN server, and who we are to it.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnAccess {
    /// Where it takes UDP.
    pub address: SocketAddr,
    /// As the application has named it.
    pub url: Arc<str>,
    /// Who we are.
    pub username: String,
    /// The password to that.
    pub credential: String,
}

// The credential is nobody's business.
impl fmt::Debug for TurnAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnAccess")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// An address on a TURN server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayedAddress {
    /// What peers send to.
    pub address: SocketAddr,
    /// The server's URL, as the application has named it.
    pub url: Arc<str>,
}

/// A server that gave no candidate (`RTCPeerConnectionIceErrorEvent`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateError {
    /// The server's URL, as the application has named it.
    pub url: Arc<str>,
    /// The code of its answer; 701 where there was none.
    pub code: u16,
    /// What it means.
    pub text: String,
}

impl Ice {
    /// Full ICE with what there is to gather.
    pub fn full(own: OwnAddresses) -> Self {
        Self::Full(Box::new(own))
    }

    /// Whether this side sends no checks.
    pub const fn is_lite(&self) -> bool {
        matches!(self, Self::Lite)
    }

    fn own(&self) -> Option<&OwnAddresses> {
        match self {
            Self::Lite => None,
            Self::Full(own) => Some(own),
        }
    }

    /// Where checks leave from; nothing for a lite one.
    pub(crate) fn local_candidates(&self) -> Vec<Candidate> {
        let Some(own) = self.own() else {
            return Vec::new();
        };
        let relayed = own.relayed.iter().zip((0..=u16::MAX).rev());
        let relayed =
            relayed.map(|(relayed, preference)| Candidate::relayed(relayed.address, preference));
        host_candidates(&own.bases).chain(relayed).collect()
    }

    /// What this peer alone has.
    pub(crate) fn own_keys(&self) -> impl Iterator<Item = OwnKey> + '_ {
        let own = self.own();
        let bases = own.into_iter().flat_map(|own| &own.bases);
        let relayed = own.into_iter().flat_map(|own| &own.relayed);
        let sockets = bases.map(|base| OwnKey::socket(*base));
        sockets.chain(relayed.map(|relayed| OwnKey::Relayed(relayed.address)))
    }

    /// What a TURN server was to give and did not.
    pub(crate) fn errors(&self) -> &[CandidateError] {
        self.own().map_or(&[], |own| &own.errors)
    }

    /// Whether it may use relayed addresses only.
    pub(crate) fn is_relay_only(&self) -> bool {
        self.own().is_some_and(|own| own.gather.relay_only)
    }

    /// The server by way of which datagrams on `path` go.
    pub(crate) fn relay_url(&self, path: &Path) -> Option<&str> {
        let relayed = self.own().into_iter().flat_map(|own| &own.relayed);
        let mut relayed = relayed.filter(|_| path.protocol == Protocol::Relayed);
        Some(&*relayed.find(|one| one.address == path.local)?.url)
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
