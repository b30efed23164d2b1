//! Candidates, as `a=candidate` writes them (RFC 8839 §5.1, RFC 6544 §4.5).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use crate::credentials::is_ice_char;
use crate::limits::{MAX_CANDIDATE_TEXT, UFRAG_LEN};

/// One transport address that a peer may be reached at.
///
/// Parses with or without `a=` and `candidate:` in front, and prints from `candidate:` on. Host names (mDNS too), TCP
/// and unknown transports parse, so that a description keeps them, but [`Candidate::udp_address`] is `None` for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Candidates of one kind, base and server share it: 1 to 32 ice characters.
    pub foundation: Box<str>,
    /// 1 is RTP (and everything else with rtcp-mux), 2 is RTCP; 1 to 256.
    pub component: u16,
    /// What carries the packets.
    pub protocol: TransportProtocol,
    /// Higher is preferred (RFC 8445 §5.1.2).
    pub priority: u32,
    /// The address or host name.
    pub address: CandidateAddress,
    /// The port; 9 for active TCP.
    pub port: u16,
    /// How the address was learnt.
    pub kind: CandidateKind,
    /// The base of a reflexive candidate, the mapped address of a relayed one. Often blanked as `0.0.0.0` and 0.
    pub related: Option<(CandidateAddress, u16)>,
    /// The side of a TCP connection, with [`TransportProtocol::Tcp`] only.
    pub tcp_type: Option<TcpType>,
    /// The generation it belongs to, for trickling across a restart.
    pub ufrag: Option<Box<str>>,
    /// Other extension attributes in order: `generation`, `network-id`, `network-cost`.
    pub extensions: Vec<(Box<str>, Box<str>)>,
}

impl Candidate {
    /// The host candidate for a UDP socket bound to `address`, component 1. `local_preference` orders the candidates
    /// of one host: 65535 for the best (RFC 8445 §5.1.2.1).
    pub fn host(address: SocketAddr, local_preference: u16) -> Self {
        Self {
            foundation: foundation([CandidateKind::Host as u8], address.ip()),
            component: 1,
            protocol: TransportProtocol::Udp,
            priority: CandidateKind::Host.priority(local_preference),
            address: CandidateAddress::Ip(address.ip()),
            port: address.port(),
            kind: CandidateKind::Host,
            related: None,
            tcp_type: None,
            ufrag: None,
            extensions: Vec::new(),
        }
    }

    /// The host candidate for a TCP port that listens at `address` (RFC 6544 §4.2, §4.5), component 1. It goes after all
    /// that UDP has, learnt paths included. `other_preference` orders those of one host: 8191 for the best.
    pub fn tcp_passive(address: SocketAddr, other_preference: u16) -> Self {
        let preference = PASSIVE_DIRECTION << 13 | other_preference.min(MAX_OTHER_PREFERENCE);
        let priority = TCP_TYPE_PREFERENCE << 24 | u32::from(preference) << 8 | (256 - 1);
        let kind = [CandidateKind::Host as u8, b't'];
        Self {
            foundation: foundation(kind, address.ip()),
            protocol: TransportProtocol::Tcp,
            priority,
            tcp_type: Some(TcpType::Passive),
            ..Self::host(address, 0)
        }
    }

    /// A candidate for UDP that a STUN server has told, component 1. What it maps to stays here (RFC 8839 §5.1 wants
    /// `raddr`, and lets it be blank).
    pub fn server_reflexive(mapped: SocketAddr, local_preference: u16) -> Self {
        Self::told(CandidateKind::ServerReflexive, mapped, local_preference)
    }

    /// A candidate on a TURN server, component 1: it is its own base. What the server sees us as stays here.
    pub fn relayed(relayed: SocketAddr, local_preference: u16) -> Self {
        Self::told(CandidateKind::Relayed, relayed, local_preference)
    }

    /// An address that a server has told.
    fn told(kind: CandidateKind, address: SocketAddr, local_preference: u16) -> Self {
        let blank = match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        Self {
            foundation: foundation([kind as u8], address.ip()),
            priority: kind.priority(local_preference),
            kind,
            related: Some((CandidateAddress::Ip(blank), 0)),
            ..Self::host(address, local_preference)
        }
    }

    /// Where to send UDP for it. `None` for what is to be dropped quietly (RFC 9725 §4.3.2): another transport, an
    /// unresolved name, a component other than 1, an unspecified or multicast address, port 0.
    pub fn udp_address(&self) -> Option<SocketAddr> {
        self.base().filter(|base| !base.ip().is_unspecified())
    }

    /// Where checks leave from, if it is one of ours. Other than [`Self::udp_address`] it may be unspecified: not every
    /// system tells which of its addresses a datagram came to.
    pub(crate) fn base(&self) -> Option<SocketAddr> {
        let CandidateAddress::Ip(ip) = self.address else {
            return None;
        };
        let is_udp = self.protocol == TransportProtocol::Udp && self.component == 1;
        let usable = is_udp && !ip.is_multicast() && self.port != 0;
        usable.then(|| SocketAddr::new(ip, self.port))
    }
}

/// An address, or a name that stands for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CandidateAddress {
    /// An address.
    Ip(IpAddr),
    /// A host name: visible ASCII characters, unresolved.
    Name(Box<str>),
}

impl CandidateAddress {
    /// Whether it is a multicast DNS name, as browsers send instead of local addresses (RFC 6762 §3).
    pub fn is_mdns(&self) -> bool {
        match self {
            Self::Ip(_) => false,
            Self::Name(name) => {
                let name = name.as_bytes();
                name.len() > 6
                    && name
                        .get(name.len() - 6..)
                        .is_some_and(|end| end.eq_ignore_ascii_case(b".local"))
            }
        }
    }

    fn parse(text: &str) -> Result<Self, InvalidCandidate> {
        match text.parse() {
            Ok(ip) => Ok(Self::Ip(ip)),
            Err(_) if text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Self::Name(text.into()))
            }
            Err(_) => Err(InvalidCandidate::Address),
        }
    }
}

/// How an address was learnt (RFC 8445 §5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// From an interface.
    Host,
    /// From a STUN server's reply.
    ServerReflexive,
    /// From a check.
    PeerReflexive,
    /// On a TURN server.
    Relayed,
}

impl CandidateKind {
    /// The word after `typ`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relayed => "relay",
        }
    }

    /// The priority of a candidate for component 1, with the recommended type preferences (RFC 8445 §5.1.2.1, §5.1.2.2).
    pub const fn priority(self, local_preference: u16) -> u32 {
        let type_preference = match self {
            Self::Host => 126,
            Self::PeerReflexive => 110,
            Self::ServerReflexive => 100,
            Self::Relayed => 0,
        };
        (type_preference << 24) | ((local_preference as u32) << 8) | (256 - 1)
    }

    fn parse(text: &str) -> Result<Self, InvalidCandidate> {
        match text {
            "host" => Ok(Self::Host),
            "srflx" => Ok(Self::ServerReflexive),
            "prflx" => Ok(Self::PeerReflexive),
            "relay" => Ok(Self::Relayed),
            _ => Err(InvalidCandidate::Kind),
        }
    }
}

/// What carries a candidate's packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportProtocol {
    /// UDP.
    Udp,
    /// TCP with framing (RFC 6544).
    Tcp,
    /// Something newer: a token.
    Other(Box<str>),
}

impl TransportProtocol {
    fn parse(text: &str) -> Result<Self, InvalidCandidate> {
        // RFC 8839 §5.1 writes "UDP", browsers write "udp".
        if text.eq_ignore_ascii_case("udp") {
            Ok(Self::Udp)
        } else if text.eq_ignore_ascii_case("tcp") {
            Ok(Self::Tcp)
        } else if text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self::Other(text.into()))
        } else {
            Err(InvalidCandidate::Protocol)
        }
    }
}

/// Which side of a TCP connection a candidate takes (RFC 6544 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TcpType {
    /// Connects.
    Active,
    /// Listens.
    Passive,
    /// Both at once.
    SimultaneousOpen,
}

impl TcpType {
    /// The word after `tcptype`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::SimultaneousOpen => "so",
        }
    }

    fn parse(text: &str) -> Result<Self, InvalidCandidate> {
        match text {
            "active" => Ok(Self::Active),
            "passive" => Ok(Self::Passive),
            "so" => Ok(Self::SimultaneousOpen),
            _ => Err(InvalidCandidate::Extension),
        }
    }
}

/// The part of a candidate line that does not follow the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCandidate {
    /// Longer than a candidate can sensibly be.
    #[error("candidate text is too long")]
    TooLong,
    /// Fewer than the eight mandatory words.
    #[error("candidate has too few fields")]
    TooShort,
    /// Not 1 to 32 ice characters.
    #[error("invalid foundation")]
    Foundation,
    /// Not 1 to 256.
    #[error("invalid component")]
    Component,
    /// Not a token.
    #[error("invalid transport protocol")]
    Protocol,
    /// Not a 32-bit number.
    #[error("invalid priority")]
    Priority,
    /// Neither an address nor visible ASCII.
    #[error("invalid address")]
    Address,
    /// Not a 16-bit number.
    #[error("invalid port")]
    Port,
    /// No `typ`, or a type that came after RFC 8839.
    #[error("unknown candidate type")]
    Kind,
    /// `raddr` without `rport`, a name without a value, or a known name with an impossible value.
    #[error("invalid extension attribute")]
    Extension,
}

impl FromStr for Candidate {
    type Err = InvalidCandidate;

    fn from_str(text: &str) -> Result<Self, InvalidCandidate> {
        if text.len() > MAX_CANDIDATE_TEXT {
            return Err(InvalidCandidate::TooLong);
        }
        let text = text.strip_prefix("a=").unwrap_or(text);
        let text = text.strip_prefix("candidate:").unwrap_or(text);
        let mut words = text.split_ascii_whitespace();
        let mut word = || words.next().ok_or(InvalidCandidate::TooShort);

        let foundation = word()?;
        if foundation.len() > 32 || !foundation.bytes().all(is_ice_char) {
            return Err(InvalidCandidate::Foundation);
        }
        let component = word()?
            .parse()
            .ok()
            .filter(|id| (1..=256).contains(id))
            .ok_or(InvalidCandidate::Component)?;
        let protocol = TransportProtocol::parse(word()?)?;
        let priority = word()?.parse().map_err(|_| InvalidCandidate::Priority)?;
        let address = CandidateAddress::parse(word()?)?;
        let port = word()?.parse().map_err(|_| InvalidCandidate::Port)?;
        if word()? != "typ" {
            return Err(InvalidCandidate::Kind);
        }
        let kind = CandidateKind::parse(word()?)?;

        let mut candidate = Self {
            foundation: foundation.into(),
            component,
            protocol,
            priority,
            address,
            port,
            kind,
            related: None,
            tcp_type: None,
            ufrag: None,
            extensions: Vec::new(),
        };
        let mut related_address = None;
        while let Some(name) = words.next() {
            let value = words.next().ok_or(InvalidCandidate::Extension)?;
            match (name, related_address.take()) {
                ("raddr", None) => related_address = Some(CandidateAddress::parse(value)?),
                ("rport", Some(address)) => {
                    let port = value.parse().map_err(|_| InvalidCandidate::Extension)?;
                    candidate.related = Some((address, port));
                }
                (_, Some(_)) | ("rport", None) => return Err(InvalidCandidate::Extension),
                (_, None) => candidate.take_extension(name, value)?,
            }
        }
        if related_address.is_some() {
            return Err(InvalidCandidate::Extension);
        }
        Ok(candidate)
    }
}

impl Candidate {
    fn take_extension(&mut self, name: &str, value: &str) -> Result<(), InvalidCandidate> {
        match name {
            "tcptype" => self.tcp_type = Some(TcpType::parse(value)?),
            "ufrag" if UFRAG_LEN.contains(&value.len()) && value.bytes().all(is_ice_char) => {
                self.ufrag = Some(value.into());
            }
            "ufrag" => return Err(InvalidCandidate::Extension),
            _ => self.extensions.push((name.into(), value.into())),
        }
        Ok(())
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            foundation,
            component,
            protocol,
            priority,
            address,
            port,
            kind,
            ..
        } = self;
        write!(
            f,
            "candidate:{foundation} {component} {protocol} {priority} {address} {port} typ {}",
            kind.name()
        )?;
        if let Some((address, port)) = &self.related {
            write!(f, " raddr {address} rport {port}")?;
        }
        if let Some(tcp_type) = self.tcp_type {
            write!(f, " tcptype {}", tcp_type.name())?;
        }
        if let Some(ufrag) = &self.ufrag {
            write!(f, " ufrag {ufrag}")?;
        }
        self.extensions
            .iter()
            .try_for_each(|(name, value)| write!(f, " {name} {value}"))
    }
}

impl fmt::Display for CandidateAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for TransportProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            // Lower case as browsers write it: FFmpeg's reader compares with "udp" as it stands.
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Other(name) => name,
        })
    }
}

/// Equal for equal kind and base, different otherwise (RFC 8445 §5.1.1.3); decimal, as browsers print it.
fn foundation(kind: impl IntoIterator<Item = u8>, base: IpAddr) -> Box<str> {
    let kind = kind.into_iter();
    let hash = match base {
        IpAddr::V4(ip) => hash(kind.chain(ip.octets())),
        IpAddr::V6(ip) => hash(kind.chain(ip.octets())),
    };
    hash.to_string().into()
}

/// Of host candidates over TCP: below 110, which peer-reflexive ones over UDP have (RFC 6544 §4.2 wants UDP first).
const TCP_TYPE_PREFERENCE: u32 = 90;
/// RFC 6544 §4.2.
const PASSIVE_DIRECTION: u16 = 4;
const MAX_OTHER_PREFERENCE: u16 = (1 << 13) - 1;

/// FNV-1a. Any spread will do: a peer has a handful of candidates, and a collision only delays a check.
pub(crate) fn hash(bytes: impl IntoIterator<Item = u8>) -> u32 {
    bytes.into_iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
