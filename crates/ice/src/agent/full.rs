//! The full half of ICE: sends checks, nominates or follows, and asks for consent (RFC 8445, RFC 8838, RFC 7675).
//!
//! What arrives is handled in `inbound.rs`, what leaves is written in `outbound.rs`; here are the state and the clock.

use std::time::Duration;

use xrtc_rtp::Time;

use super::checklist::Checklist;
use super::config::{Event, Role};
use super::consent::Consent;
use super::ends::{LocalCandidate, RemoteCandidate, can_reach, new_pair};
use super::event::Events;
use super::pair::{Pair, PairState, Priorities};
use super::rtt::RoundTrip;
use crate::candidate::{Candidate, CandidateKind, hash};
use crate::limits::{MAX_LOCAL_CANDIDATES, MAX_REMOTE_CANDIDATES};
use crate::stun::IntegrityKey;
use crate::{Credentials, Discard, Path, Protocol};

/// A full agent's view of its peer.
#[derive(Debug)]
pub(super) struct Full {
    consent_timeout: Duration,
    connect_timeout: Duration,
    pub(super) rng: fastrand::Rng,
    pub(super) role: Role,
    pub(super) tie_breaker: u64,
    /// The newest generation's number, as in `Generations`.
    pub(super) generation: u32,
    /// The peer's credentials of the newest generation, once known.
    pub(super) remote: Option<Remote>,
    /// Those that the selected path still uses after a restart.
    pub(super) previous_remote: Option<Remote>,
    locals: Vec<LocalCandidate>,
    remotes: Vec<RemoteCandidate>,
    pub(super) checklist: Checklist,
    pub(super) selected: Option<Selected>,
    /// The pair that we are nominating.
    pub(super) nominating: Option<Path>,
    /// When we stop waiting for better pairs than those that have succeeded.
    pub(super) nominate_at: Option<Time>,
    /// When the pairs beside the selected one are looked at next.
    pub(super) look_at: Option<Time>,
    /// The number of the peer's last nomination.
    pub(super) nomination: u32,
    pub(super) rtt: RoundTrip,
    /// When the first path must have been found.
    connect_deadline: Option<Time>,
    is_ended: bool,
}

/// The peer's credentials of one generation.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) credentials: Credentials,
    pub(super) key: IntegrityKey,
}

/// The path media takes.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) consent: Consent,
    /// Otherwise it is merely the first that worked.
    pub(super) is_nominated: bool,
}

impl Full {
    pub(super) fn new(role: Role, timeouts: (Duration, Duration), seed: u64, now: Time) -> Self {
        let (consent_timeout, connect_timeout) = timeouts;
        let mut rng = fastrand::Rng::with_seed(seed);
        Self {
            consent_timeout,
            connect_timeout,
            role,
            tie_breaker: rng.u64(..),
            rng,
            generation: 0,
            remote: None,
            previous_remote: None,
            locals: Vec::new(),
            remotes: Vec::new(),
            checklist: Checklist::default(),
            selected: None,
            nominating: None,
            nominate_at: None,
            look_at: None,
            nomination: 0,
            rtt: RoundTrip::default(),
            connect_deadline: Some(now + connect_timeout),
            is_ended: false,
        }
    }

    pub(super) fn set_remote(&mut self, credentials: Credentials) {
        let key = IntegrityKey::new(credentials.pwd());
        self.remote = Some(Remote { credentials, key });
    }

    /// Adds a base to check from. Reflexive candidates are checked from their base anyway (RFC 8445 §6.1.2.4).
    pub(super) fn add_local(&mut self, candidate: &Candidate) -> Result<(), Discard> {
        match (candidate.kind, candidate.base()) {
            (CandidateKind::Host | CandidateKind::Relayed, Some(base)) => {
                self.add_base(LocalCandidate {
                    base,
                    is_relayed: candidate.kind == CandidateKind::Relayed,
                    priority: candidate.priority,
                    foundation: hash(candidate.foundation.bytes()),
                })
            }
            _ => Ok(()),
        }
    }

    fn add_base(&mut self, local: LocalCandidate) -> Result<(), Discard> {
        if self.locals.iter().any(|known| known.is(&local)) {
            return Ok(());
        }
        if self.locals.len() >= MAX_LOCAL_CANDIDATES {
            return Err(Discard::TooManyCandidates);
        }
        self.locals.push(local);
        let remotes = self
            .remotes
            .iter()
            .map(|remote| (local, *remote))
            .collect::<Vec<_>>();
        remotes
            .into_iter()
            .try_for_each(|(local, remote)| self.pair_up(local, remote))
    }

    pub(super) fn add_remote(&mut self, candidate: &Candidate) -> Result<(), Discard> {
        let address = candidate.udp_address().ok_or(Discard::UnusableCandidate)?;
        let foundation = hash(candidate.foundation.bytes());
        self.add_address(RemoteCandidate {
            address,
            kind: candidate.kind,
            priority: candidate.priority,
            foundation,
        })
    }

    fn add_address(&mut self, remote: RemoteCandidate) -> Result<(), Discard> {
        if let Some(known) = self
            .remotes
            .iter_mut()
            .find(|known| known.address == remote.address)
        {
            // Learnt from a check before it was signalled.
            known.priority = remote.priority;
            known.kind = remote.kind;
            self.checklist
                .set_remote_priority(remote.address, remote.priority, self.role);
            return Ok(());
        }
        if self.remotes.len() >= MAX_REMOTE_CANDIDATES {
            return Err(Discard::TooManyCandidates);
        }
        self.remotes.push(remote);
        let locals = self.locals.clone();
        locals
            .into_iter()
            .try_for_each(|local| self.pair_up(local, remote))
    }

    /// Makes sure that there is a pair for a path that the peer has checked (RFC 8445 §7.3.1.3, §7.3.1.4). `priority`
    /// is the check's.
    pub(super) fn learn(&mut self, path: Path, priority: Option<u32>) -> Result<(), Discard> {
        if self.checklist.find(path).is_some() {
            return Ok(());
        }
        if !path.is_datagrams() {
            return self.learn_connection(path, priority);
        }
        let lowest = CandidateKind::PeerReflexive.priority(0);
        self.add_base(LocalCandidate {
            base: path.local,
            is_relayed: path.protocol == Protocol::Relayed,
            priority: lowest,
            foundation: hash([0]),
        })?;
        if !self
            .remotes
            .iter()
            .any(|remote| remote.address == path.remote)
        {
            // RFC 8445 §7.3.1.3: a foundation that no other candidate has.
            let foundation = self.rng.u32(..);
            if self.remotes.len() >= MAX_REMOTE_CANDIDATES {
                return Err(Discard::TooManyCandidates);
            }
            let priority = priority.unwrap_or(lowest);
            self.remotes.push(RemoteCandidate {
                address: path.remote,
                kind: CandidateKind::PeerReflexive,
                priority,
                foundation,
            });
        }
        // Also if both were known, but their pair had to give way to better ones or did not look as if it could work.
        let local = self
            .locals
            .iter()
            .find(|local| local.carries(path))
            .copied();
        let remote = self
            .remotes
            .iter()
            .find(|remote| remote.address == path.remote)
            .copied();
        match (local, remote) {
            (Some(local), Some(remote)) => self.checklist.add(new_pair(local, remote), self.role),
            _ => Err(Discard::TooManyCandidates),
        }
    }

    /// The peer has connected to us (RFC 6544 §7.2): its address pairs up with nothing but this connection.
    fn learn_connection(&mut self, path: Path, priority: Option<u32>) -> Result<(), Discard> {
        let priorities = Priorities {
            local: TCP_CHECK_PRIORITY,
            remote: priority.unwrap_or(TCP_CHECK_PRIORITY),
        };
        let foundation = self.rng.u64(..);
        self.checklist
            .add(Pair::new(path, priorities, foundation), self.role)
    }

    /// How the peer's end of a path was learnt.
    pub(super) fn remote_kind(&self, path: Path) -> CandidateKind {
        let mut remotes = self.remotes.iter();
        remotes
            .find(|remote| path.is_datagrams() && remote.address == path.remote)
            .map_or(CandidateKind::PeerReflexive, |remote| remote.kind)
    }

    /// The peer's credentials of a generation.
    pub(super) fn remote_of(&self, generation: u32) -> Option<&Remote> {
        if generation == self.generation {
            self.remote.as_ref()
        } else {
            self.previous_remote.as_ref()
        }
    }

    /// What a check on `path` says of its priority: that of a peer-reflexive candidate with the base's local preference
    /// (RFC 8445 §7.1.1, §5.1.2.1).
    pub(super) fn check_priority(&self, path: Path) -> u32 {
        if !path.is_datagrams() {
            return TCP_CHECK_PRIORITY;
        }
        let local = self.locals.iter().find(|local| local.carries(path));
        let preference = local.map_or(0, |local| (local.priority >> 8) as u16);
        CandidateKind::PeerReflexive.priority(preference)
    }

    fn pair_up(&mut self, local: LocalCandidate, remote: RemoteCandidate) -> Result<(), Discard> {
        if !can_reach(local.base, remote.address) {
            return Ok(());
        }
        self.checklist.add(new_pair(local, remote), self.role)
    }

    /// A new generation: new pairs and new credentials, on the old path until they have found theirs.
    pub(super) fn restart(&mut self, now: Time, generation: u32) {
        if self.generation_in_use() == Some(self.generation) {
            self.previous_remote = self.remote.take();
        }
        self.generation = generation;
        self.remote = None;
        self.remotes.clear();
        self.checklist = Checklist::default();
        self.nominating = None;
        self.nominate_at = None;
        self.look_at = None;
        self.nomination = 0;
        if self.selected.is_none() {
            self.previous_remote = None;
            self.connect_deadline = Some(now + self.connect_timeout);
            self.is_ended = false;
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Time, events: &mut Events) {
        if self.is_ended {
            return;
        }
        if self
            .checklist
            .give_up(now)
            .is_some_and(|path| self.nominating == Some(path))
        {
            self.nominating = None;
        }
        self.nominate(now);
        self.resolve_doubt(now);
        self.look_at_others(now);
        let is_over =
            |selected: &Selected| selected.consent.expires_at(self.consent_timeout) <= now;
        if self.selected.as_ref().is_some_and(is_over) {
            self.lose_consent(now, events);
        }
        if self
            .connect_deadline
            .is_some_and(|deadline| deadline <= now)
        {
            self.end(Event::ConnectTimeout, events);
        }
    }

    /// A consent check is sent once and 5 s apart (RFC 7675 §5.1), so at 20 % loss all in 30 s are lost now and then.
    /// When one seems lost, an ordinary check with its retransmissions (RFC 8489 §6.2.1) follows, and shows consent too.
    fn resolve_doubt(&mut self, now: Time) {
        let Some(selected) = &mut self.selected else {
            return;
        };
        if selected.consent.take_doubt(now) && selected.consent.generation == self.generation {
            // Also if one is on its way already: a new one begins with short timeouts.
            let path = selected.consent.path;
            self.checklist.enqueue(path);
        }
    }

    /// The selected path has no consent any more: takes another that was answered lately, or ends.
    pub(super) fn lose_consent(&mut self, now: Time, events: &mut Events) {
        let lost = self.selected.take().map(|selected| selected.consent.path);
        if let Some(pair) = lost.and_then(|path| self.checklist.find_mut(path)) {
            pair.state = PairState::Failed;
        }
        if self.take_other(now, events) {
            self.nominate(now);
        } else {
            self.end(Event::ConsentExpired, events);
        }
    }

    /// Selects the best pair that was answered within the time of consent. `false`: there is none.
    fn take_other(&mut self, now: Time, events: &mut Events) -> bool {
        let succeeded = self
            .checklist
            .iter()
            .filter(|pair| pair.state == PairState::Succeeded);
        let next = succeeded
            .filter_map(|pair| pair.answered.map(|answered| (pair.path, answered)))
            .find(|(_, answered)| now.since(*answered) < self.consent_timeout);
        let Some((path, answered)) = next else {
            return false;
        };
        self.select(now, path, false, events);
        if let Some(selected) = &mut self.selected {
            selected.consent.backdate(answered);
        }
        true
    }

    /// The connection of `path` is over. If it was the selected one, media takes another that was answered lately, or
    /// waits for one until consent has run out.
    pub(super) fn close_path(&mut self, now: Time, path: Path, events: &mut Events) {
        self.checklist.remove(path);
        if self.nominating == Some(path) {
            self.nominating = None;
        }
        let is_selected = |selected: &mut Selected| selected.consent.path == path;
        let Some(lost) = self.selected.take_if(is_selected) else {
            return;
        };
        if !self.take_other(now, events) {
            self.connect_deadline = Some(lost.consent.expires_at(self.consent_timeout));
        }
        self.nominate(now);
    }

    fn end(&mut self, event: Event, events: &mut Events) {
        self.is_ended = true;
        self.connect_deadline = None;
        self.selected = None;
        self.checklist = Checklist::default();
        events.push(event);
    }

    /// Media takes `path` of the newest generation from now on; it has just been answered or checked.
    pub(super) fn select(
        &mut self,
        now: Time,
        path: Path,
        is_nominated: bool,
        events: &mut Events,
    ) {
        self.connect_deadline = None;
        if is_nominated {
            self.nominating = None;
            self.nominate_at = None;
            self.checklist.complete();
            self.previous_remote = None;
        }
        let before = self.selected.take();
        let moved = before
            .as_ref()
            .is_none_or(|before| before.consent.path != path);
        let consent = match before {
            Some(Selected { mut consent, .. })
                if !moved && consent.generation == self.generation =>
            {
                consent.refresh(now);
                consent
            }
            _ => {
                let terms = (self.consent_timeout, &mut self.rng);
                Consent::new(path, self.generation, now, terms)
            }
        };
        self.selected = Some(Selected {
            consent,
            is_nominated,
        });
        if moved {
            events.push(Event::Selected(path));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        if self.is_ended {
            return None;
        }
        let checks = self
            .remote
            .as_ref()
            .and_then(|_| self.checklist.poll_timeout());
        let consent = self.selected.as_ref().map(|selected| {
            selected
                .consent
                .poll_timeout()
                .min(selected.consent.expires_at(self.consent_timeout))
        });
        let (nominate, look) = (self.nominate_at, self.look_at);
        [checks, consent, nominate, look, self.connect_deadline]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) const fn is_ended(&self) -> bool {
        self.is_ended
    }

    pub(super) fn selected(&self) -> Option<Path> {
        self.selected.as_ref().map(|selected| selected.consent.path)
    }

    pub(super) fn generation_in_use(&self) -> Option<u32> {
        self.selected
            .as_ref()
            .map(|selected| selected.consent.generation)
    }

    /// The generation that has a nominated path, if it has.
    pub(super) fn settled_generation(&self) -> Option<u32> {
        self.selected
            .as_ref()
            .filter(|selected| selected.is_nominated)
            .map(|selected| selected.consent.generation)
    }

    /// The selected path, and those on which either side's check has arrived.
    pub(super) fn paths(&self) -> impl Iterator<Item = Path> + '_ {
        let selected = self.selected();
        let valid = (self.checklist.iter())
            .filter(|pair| pair.state == PairState::Succeeded || pair.is_checked_by_peer)
            .map(|pair| pair.path)
            .filter(move |path| Some(*path) != selected);
        selected.into_iter().chain(valid)
    }
}

/// Of a peer-reflexive candidate over TCP: after everything that UDP has (RFC 6544 §4.2).
const TCP_CHECK_PRIORITY: u32 = 80 << 24 | (256 - 1);
