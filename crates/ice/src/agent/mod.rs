//! The agent: one peer's paths, checks and consent.

mod alternatives;
mod checklist;
mod config;
mod consent;
mod ends;
mod event;
mod full;
mod generation;
mod inbound;
mod lite;
mod outbound;
mod pair;
mod reply;
mod request;
mod rtt;
mod seen;

use std::time::Duration;

use xrtc_rtp::Time;

use self::event::Events;
use self::full::Full;
use self::generation::Generations;
use self::lite::Lite;
use self::reply::{Replies, Reply, ReplyKind};
use self::request::Check;
use crate::stun::{Class, Message};
use crate::{Candidate, CandidateKind, Counters, Credentials, Discard, Path};

pub use self::config::{AgentConfig, Event, Mode, Role, Transmit};

/// One peer's ICE state, lite or full.
///
/// After [`Event::ConsentExpired`] and [`Event::ConnectTimeout`] it answers nothing and has no path until
/// [`Agent::restart`].
#[derive(Debug)]
pub struct Agent {
    generations: Generations,
    replies: Replies,
    events: Events,
    counters: Counters,
    half: Half,
}

/// What only one of the modes needs.
#[derive(Debug)]
enum Half {
    Lite(Lite),
    Full(Box<Full>),
}

impl Agent {
    /// An agent that waits for its first check (or, if full, for remote credentials and candidates).
    ///
    /// `seed` drives transaction ids, the tie-breaker and the jitter of consent checks of a full agent.
    pub fn new(config: AgentConfig, seed: u64, now: Time) -> Self {
        let AgentConfig {
            mode,
            local,
            consent_timeout,
            connect_timeout,
        } = config;
        let half = match mode {
            Mode::Lite => Half::Lite(Lite::new(consent_timeout, connect_timeout, now)),
            Mode::Full(role) => Half::Full(Box::new(Full::new(
                role,
                (consent_timeout, connect_timeout),
                seed,
                now,
            ))),
        };
        Self {
            generations: Generations::new(local),
            replies: Replies::default(),
            events: Events::default(),
            counters: Counters::default(),
            half,
        }
    }

    /// Our credentials of the newest generation.
    pub fn local(&self) -> &Credentials {
        &self.generations.current.credentials
    }

    /// Whether checks under this local ufrag are accepted: the newest generation's, and until that has a nominated
    /// path also that of the path in use.
    pub fn accepts_ufrag(&self, ufrag: &str) -> bool {
        self.generations.by_ufrag(ufrag).is_some()
    }

    /// Whether this agent sends no checks.
    pub const fn is_lite(&self) -> bool {
        matches!(self.half, Half::Lite(_))
    }

    /// Our role at the moment; a lite agent is always controlled.
    pub fn role(&self) -> Role {
        match &self.half {
            Half::Lite(_) => Role::Controlled,
            Half::Full(full) => full.role,
        }
    }

    /// Takes the peer's credentials for the newest generation. A lite agent does not need them.
    pub fn set_remote(&mut self, remote: Credentials) {
        if let Half::Full(full) = &mut self.half {
            full.set_remote(remote);
        }
    }

    /// Adds a local transport address to send checks from. A lite agent needs none.
    pub fn add_local_candidate(&mut self, candidate: &Candidate) {
        if let Half::Full(full) = &mut self.half {
            full.add_local(candidate)
                .unwrap_or_else(|reason| self.counters.count(reason));
        }
    }

    /// Adds a candidate of the peer's newest generation. What cannot be used is dropped quietly; a lite agent drops
    /// all.
    pub fn add_remote_candidate(&mut self, candidate: &Candidate) {
        if let Half::Full(full) = &mut self.half {
            full.add_remote(candidate)
                .unwrap_or_else(|reason| self.counters.count(reason));
        }
    }

    /// Begins a new generation with new local credentials (RFC 8445 §9). The selected path, its credentials and its
    /// consent stay until the new generation has nominated. Remote credentials and candidates are to be given anew,
    /// local candidates are kept.
    pub fn restart(&mut self, now: Time, local: Credentials) {
        let in_use = match &self.half {
            Half::Lite(lite) => lite.generation_in_use(),
            Half::Full(full) => full.generation_in_use(),
        };
        self.generations.restart(local, in_use);
        match &mut self.half {
            Half::Lite(lite) => lite.restart(now),
            Half::Full(full) => full.restart(now, self.generations.current.number),
        }
    }

    /// Takes one datagram that looks like STUN (RFC 7983: first byte 0 to 3).
    pub fn handle_datagram(&mut self, now: Time, path: Path, datagram: &[u8]) {
        if let Err(reason) = self.take_datagram(now, path, datagram) {
            self.counters.count(reason);
        }
        self.settle();
    }

    fn take_datagram(&mut self, now: Time, path: Path, datagram: &[u8]) -> Result<(), Discard> {
        if self.is_ended() {
            return Err(Discard::Expired);
        }
        let message = Message::parse(datagram)?;
        match (message.class(), &mut self.half) {
            (Class::Request, _) => self.take_request(now, path, &message, datagram.len()),
            // A keepalive (RFC 8445 §11).
            (Class::Indication, _) => Ok(()),
            (Class::Success | Class::Error, Half::Lite(_)) => Err(Discard::UnmatchedResponse),
            (Class::Success | Class::Error, Half::Full(full)) => {
                full.handle_response(now, path, &message, &mut self.events)
            }
        }
    }

    fn take_request(
        &mut self,
        now: Time,
        path: Path,
        message: &Message<'_>,
        len: usize,
    ) -> Result<(), Discard> {
        let transaction = message.transaction_id();
        match Check::authenticate(message, &self.generations) {
            Ok(check) => {
                let kind = self.take_check(now, path, &check)?;
                let generation = check.generation;
                self.replies.push(
                    Reply {
                        path,
                        transaction,
                        generation,
                        kind,
                    },
                    len,
                )
            }
            Err(refusal) => {
                if let Some((generation, kind)) = refusal.reply {
                    let reply = Reply {
                        path,
                        transaction,
                        generation,
                        kind,
                    };
                    self.replies
                        .push(reply, len)
                        .unwrap_or_else(|reason| self.counters.count(reason));
                }
                Err(refusal.reason)
            }
        }
    }

    fn take_check(&mut self, now: Time, path: Path, check: &Check) -> Result<ReplyKind, Discard> {
        match &mut self.half {
            Half::Lite(lite) => lite.handle_check(now, path, check, &mut self.events),
            Half::Full(full) => full.handle_check(now, path, check, &mut self.events),
        }
    }

    /// The connection of a path over TCP is over, and the path with it: at once and not when its consent has run out. Media
    /// takes another that works ([`Event::Selected`]); without one [`Agent::selected`] is `None` until there is one, or
    /// until consent has run out.
    pub fn close_path(&mut self, now: Time, path: Path) {
        self.events.forget(path);
        match &mut self.half {
            Half::Lite(lite) => lite.close_path(path, &mut self.events),
            Half::Full(full) => full.close_path(now, path, &mut self.events),
        }
        self.settle();
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Time) {
        match &mut self.half {
            Half::Lite(lite) => lite.handle_timeout(now, &mut self.events),
            Half::Full(full) => full.handle_timeout(now, &mut self.events),
        }
        self.settle();
    }

    /// Writes the next datagram to send into `out`, which should hold 1200 bytes (the longest has 620). Call until it is
    /// `None`. What does not fit is dropped.
    pub fn poll_transmit(&mut self, now: Time, out: &mut [u8]) -> Option<Transmit> {
        if let Some(reply) = self.replies.write_next(&self.generations, out) {
            return Some(reply);
        }
        match &mut self.half {
            Half::Lite(_) => None,
            Half::Full(full) => full.poll_transmit(now, &self.generations, out),
        }
    }

    /// The next thing that happened. Call until it is `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// When [`Agent::handle_timeout`] and [`Agent::poll_transmit`] are due next.
    pub fn poll_timeout(&self) -> Option<Time> {
        match &self.half {
            Half::Lite(lite) => lite.poll_timeout(),
            Half::Full(full) => full.poll_timeout(),
        }
    }

    /// The path media takes, if any.
    pub fn selected(&self) -> Option<Path> {
        match &self.half {
            Half::Lite(lite) => lite.selected(),
            Half::Full(full) => full.selected(),
        }
    }

    /// Whether an authenticated check has arrived on `path`, or one of ours was answered on it, and has not been
    /// forgotten since.
    pub fn is_validated(&self, path: Path) -> bool {
        match &self.half {
            Half::Lite(lite) => lite.paths().any(|known| known == path),
            Half::Full(full) => full.paths().any(|known| known == path),
        }
    }

    /// All validated paths, at most 8 for a lite agent.
    pub fn validated(&self) -> impl Iterator<Item = Path> + '_ {
        let (lite, full) = match &self.half {
            Half::Lite(lite) => (Some(lite.paths()), None),
            Half::Full(full) => (None, Some(full.paths())),
        };
        lite.into_iter().flatten().chain(full.into_iter().flatten())
    }

    /// How the peer's end of a path was learnt: as its candidate was signalled, or peer-reflexive from a check. A lite
    /// agent needs no candidates and keeps none: to it all are peer-reflexive.
    pub fn remote_kind(&self, path: Path) -> CandidateKind {
        match &self.half {
            Half::Lite(_) => CandidateKind::PeerReflexive,
            Half::Full(full) => full.remote_kind(path),
        }
    }

    /// The smoothed round trip time of our checks; always `None` for a lite agent, which sends none.
    pub fn rtt(&self) -> Option<Duration> {
        match &self.half {
            Half::Lite(_) => None,
            Half::Full(full) => full.rtt.smoothed(),
        }
    }

    /// What was dropped so far, by reason.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn is_ended(&self) -> bool {
        match &self.half {
            Half::Lite(lite) => lite.is_ended(),
            Half::Full(full) => full.is_ended(),
        }
    }

    /// Lets go of what the last input has made useless.
    fn settle(&mut self) {
        if self.is_ended() {
            // RFC 7675 §5.1: without consent nothing is sent.
            self.replies.clear();
        }
        let settled = match &self.half {
            Half::Lite(lite) => lite.settled_generation(),
            Half::Full(full) => full.settled_generation(),
        };
        self.generations.retire(settled);
    }
}
