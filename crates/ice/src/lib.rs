//! The STUN codec and the ICE agent: who may use which network path, and whether they still want to.
//!
//! The agent is a state machine without sockets and clocks. Its driver hands it every STUN datagram that belongs to
//! it, calls [`Agent::handle_timeout`] when [`Agent::poll_timeout`] is due, and after either drains
//! [`Agent::poll_transmit`] and [`Agent::poll_event`]. Bad input is a counter ([`Discard`]), never an error.
//!
//! Covered: RFC 8489 (Binding, short-term credentials), RFC 8445 (lite, and full with host candidates, regular
//! nomination and role conflicts), RFC 8838 (trickle of remote candidates), RFC 8839 (candidate and credential
//! grammar), RFC 7675 (consent), and the nomination attribute of draft-thatcher-ice-renomination.
//! Left out: gathering, TURN, RFC 4571 framing, long-term credentials, several components.

#![forbid(unsafe_code)]

mod agent;
mod candidate;
mod credentials;
mod discard;
mod limits;
mod path;
pub mod stun;

pub use agent::{Agent, AgentConfig, Event, Mode, Role, Transmit};
pub use candidate::{
    Candidate, CandidateAddress, CandidateKind, InvalidCandidate, TcpType, TransportProtocol,
};
pub use credentials::{Credentials, InvalidCredentials};
pub use discard::{Counters, Discard};
pub use path::Path;
pub use stun::peek_username;
