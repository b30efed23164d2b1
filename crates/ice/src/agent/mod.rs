//! The agent: one peer's paths, checks and consent.

mod config;

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_rtp::Time;

use crate::{Candidate, Counters, Credentials, Path};

pub use config::{AgentConfig, Event, Mode, Role, Transmit};

/// One peer's ICE state, lite or full.
#[derive(Debug)]
pub struct Agent {
    local: Credentials,
    counters: Counters,
}

impl Agent {
    /// An agent that waits for its first check (or, if full, for remote credentials and candidates).
    ///
    /// `seed` drives transaction ids, the tie-breaker and the jitter of consent checks.
    pub fn new(config: AgentConfig, seed: u64, now: Time) -> Self {
        let _ = (seed, now);
        Self {
            local: config.local,
            counters: Counters::default(),
        }
    }

    /// Our credentials of the newest generation.
    pub fn local(&self) -> &Credentials {
        &self.local
    }

    /// Whether checks under this local ufrag are accepted: the newest generation's, and until that has a nominated
    /// path also the one's before it.
    pub fn accepts_ufrag(&self, ufrag: &str) -> bool {
        self.local.ufrag() == ufrag
    }

    /// Our role at the moment; a lite agent is always controlled.
    pub fn role(&self) -> Role {
        Role::Controlled
    }

    /// Takes the peer's credentials for the newest generation. A lite agent does not need them.
    pub fn set_remote(&mut self, remote: Credentials) {
        let _ = remote;
    }

    /// Adds a local transport address to send checks from. A lite agent needs none.
    pub fn add_local_candidate(&mut self, candidate: &Candidate) {
        let _ = candidate;
    }

    /// Adds a candidate of the peer. What cannot be used is dropped quietly; a lite agent drops all.
    pub fn add_remote_candidate(&mut self, candidate: &Candidate) {
        let _ = candidate;
    }

    /// Begins a new generation with new local credentials. The selected path, its credentials and its consent stay
    /// until the new generation has selected.
    pub fn restart(&mut self, now: Time, local: Credentials) {
        let _ = now;
        self.local = local;
    }

    /// Takes one datagram that looks like STUN (RFC 7983).
    pub fn handle_datagram(&mut self, now: Time, path: Path, datagram: &[u8]) {
        let _ = (now, path, datagram);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Time) {
        let _ = now;
    }

    /// Writes the next datagram to send into `out`, which should hold 1200 bytes. Call until it is `None`.
    pub fn poll_transmit(&mut self, now: Time, out: &mut [u8]) -> Option<Transmit> {
        let _ = (now, out);
        None
    }

    /// The next thing that happened. Call until it is `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When [`Agent::handle_timeout`] is due next.
    pub fn poll_timeout(&self) -> Option<Time> {
        None
    }

    /// The path media takes, if any.
    pub fn selected(&self) -> Option<Path> {
        None
    }

    /// Whether an authenticated check has arrived on `path`, or one of ours was answered on it.
    pub fn is_validated(&self, path: Path) -> bool {
        let _ = path;
        false
    }

    /// Whether `remote` is the far end of any validated path.
    pub fn knows_remote(&self, remote: SocketAddr) -> bool {
        let _ = remote;
        false
    }

    /// The smoothed round trip time of our checks; always `None` for a lite agent, which sends none.
    pub fn rtt(&self) -> Option<Duration> {
        None
    }

    /// What was dropped so far, by reason.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}
