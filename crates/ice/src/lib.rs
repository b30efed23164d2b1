//! The STUN codec and the ICE agent: who may use which network path, and whether they still want to.
//!
//! The agent is a state machine without sockets and clocks. Its driver hands it every STUN datagram that belongs to
//! it, calls [`Agent::handle_timeout`] when [`Agent::poll_timeout`] is due, and after either drains
//! [`Agent::poll_transmit`] and [`Agent::poll_event`]. Bad input is a counter ([`Discard`]), never an error.
//!
//! ```
//! use xrtc_ice::{Agent, AgentConfig, Candidate, Credentials, Event, Path, Role};
//! use xrtc_rtp::Time;
//!
//! # let mut rng = fastrand::Rng::with_seed(1);
//! // The server is lite; the client knows its credentials and its one candidate from the signalling.
//! let server_address = "192.0.2.1:8189".parse()?;
//! let client_address = "198.51.100.7:40000".parse()?;
//! let secret = Credentials::random(|bytes| rng.fill(bytes)); // from the operating system, outside of tests
//! let now = Time::ZERO;
//! let mut server = Agent::new(AgentConfig::lite(secret.clone()), 1, now);
//! let own = Credentials::random(|bytes| rng.fill(bytes));
//! let mut client = Agent::new(AgentConfig::full(Role::Controlling, own), 2, now);
//! client.add_local_candidate(&Candidate::host(client_address, 65535));
//! client.add_remote_candidate(&Candidate::host(server_address, 65535));
//! client.set_remote(secret);
//!
//! // One round trip over a perfect network: the check, and the answer.
//! let mut out = [0; 1200];
//! let sent = client.poll_transmit(now, &mut out).ok_or("a check is due")?;
//! server.handle_datagram(now, Path::udp(server_address, client_address), &out[..sent.len]);
//! let sent = server.poll_transmit(now, &mut out).ok_or("it is answered")?;
//! client.handle_datagram(now, Path::udp(client_address, server_address), &out[..sent.len]);
//! assert_eq!(client.selected(), Some(Path::udp(client_address, server_address)));
//! assert!(matches!(server.poll_event(), Some(Event::Selected(path)) if path.remote == client_address));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Covered: RFC 8489 (Binding, short-term credentials), RFC 8445 (lite, and full with host candidates, regular
//! nomination, role conflicts, server-reflexive and relayed candidates), RFC 8838 (trickle of remote candidates), RFC 8839 (candidate and credential
//! grammar), RFC 6544 (passive TCP candidates) with RFC 4571 (framing), RFC 7675 (consent), and the nomination attribute of draft-thatcher-ice-renomination.
//! Left out: TURN itself (the driver has the allocations), active TCP candidates, long-term credentials, several components.

#![forbid(unsafe_code)]

mod agent;
mod candidate;
mod credentials;
mod discard;
pub mod framing;
mod gatherer;
mod limits;
mod owner_key;
mod path;
pub mod stun;

pub use agent::{Agent, AgentConfig, Event, Mode, Role, Transmit};
pub use candidate::{
    Candidate, CandidateAddress, CandidateKind, InvalidCandidate, TcpType, TransportProtocol,
};
pub use credentials::{Credentials, InvalidCredentials};
pub use discard::{Counters, Discard};
pub use gatherer::Gatherer;
pub use owner_key::OwnerKey;
pub use path::{Path, Protocol};
pub use stun::peek_username;
