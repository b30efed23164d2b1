//! The pairs of one generation, and which of them is checked next (RFC 8445 §6.1.2, §6.1.4).

use std::collections::VecDeque;
use std::time::Duration;

use xrtc_rtp::Time;

use super::config::Role;
use super::pair::{Pair, PairState, Priorities};
use crate::limits::MAX_PAIRS;
use crate::stun::TransactionId;
use crate::{Discard, Path};

/// The pairs, best first, and the queue of those that are to be checked before their turn.
#[derive(Debug, Default)]
pub(super) struct Checklist {
    pairs: Vec<Pair>,
    triggered: VecDeque<Path>,
    /// When the next check may leave (Ta apart).
    next_at: Time,
    /// After a nomination only triggered checks are sent (RFC 8445 §8.1.2).
    is_complete: bool,
}

impl Checklist {
    /// Adds a pair, unless it is there. A full list gives up its worst pair that has not been checked.
    pub(super) fn add(&mut self, pair: Pair, role: Role) -> Result<(), Discard> {
        if self.find(pair.path).is_some() {
            return Ok(());
        }
        let priority = pair.priorities.combined(role);
        if self.pairs.len() >= MAX_PAIRS {
            let is_idle = |pair: &Pair| {
                matches!(
                    pair.state,
                    PairState::Frozen | PairState::Waiting | PairState::Failed
                )
            };
            let worst = self
                .pairs
                .iter()
                .rposition(is_idle)
                .ok_or(Discard::TooManyCandidates)?;
            let is_better = self
                .pairs
                .get(worst)
                .is_some_and(|worst| worst.priorities.combined(role) < priority);
            if !is_better {
                return Err(Discard::TooManyCandidates);
            }
            let removed = self.pairs.remove(worst);
            self.triggered.retain(|path| *path != removed.path);
        }
        let index = self
            .pairs
            .partition_point(|other| other.priorities.combined(role) >= priority);
        self.pairs.insert(index, pair);
        self.thaw_new(index);
        Ok(())
    }

    /// RFC 8445 §6.1.2.6 and RFC 8838 §12: of the pairs with one foundation the first is checked, the others follow
    /// once it has succeeded.
    fn thaw_new(&mut self, index: usize) {
        let Some(new) = self.pairs.get(index) else {
            return;
        };
        let foundation = new.foundation;
        let mut others = (self.pairs.iter().enumerate())
            .filter(|(other, pair)| *other != index && pair.foundation == foundation)
            .map(|(_, pair)| pair.state)
            .peekable();
        let thaws = others.peek().is_none() || others.any(|state| state == PairState::Succeeded);
        if let (true, Some(new)) = (thaws, self.pairs.get_mut(index)) {
            new.state = PairState::Waiting;
        }
    }

    /// A role switch changes the order (RFC 8445 §7.2.5.1).
    pub(super) fn sort(&mut self, role: Role) {
        self.pairs
            .sort_by_key(|pair| std::cmp::Reverse(pair.priorities.combined(role)));
    }

    /// The remote candidate was learnt from a check and is now signalled: takes over its priority.
    pub(super) fn set_remote_priority(
        &mut self,
        remote: std::net::SocketAddr,
        priority: u32,
        role: Role,
    ) {
        for pair in self
            .pairs
            .iter_mut()
            .filter(|pair| pair.path.remote == remote)
        {
            pair.priorities = Priorities {
                remote: priority,
                ..pair.priorities
            };
        }
        self.sort(role);
    }

    /// Forgets a pair.
    pub(super) fn remove(&mut self, path: Path) {
        self.pairs.retain(|pair| pair.path != path);
        self.triggered.retain(|other| *other != path);
    }

    pub(super) fn find(&self, path: Path) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.path == path)
    }

    pub(super) fn find_mut(&mut self, path: Path) -> Option<&mut Pair> {
        self.pairs.iter_mut().find(|pair| pair.path == path)
    }

    /// The pair that waits for this response.
    pub(super) fn find_check_mut(&mut self, id: TransactionId) -> Option<&mut Pair> {
        self.pairs
            .iter_mut()
            .find(|pair| pair.check.is_some_and(|check| check.id == id))
    }

    /// All pairs, best first.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Pair> {
        self.pairs.iter()
    }

    /// The peer has checked this pair (RFC 8445 §7.3.1.4).
    pub(super) fn trigger(&mut self, now: Time, path: Path) {
        let Some(pair) = self.find_mut(path) else {
            return;
        };
        match (pair.state, &mut pair.check) {
            (PairState::Succeeded, None) => {}
            (_, Some(check)) => check.hurry(now),
            (_, None) => self.enqueue(path),
        }
    }

    /// Puts a pair before the ordinary ones; one that has succeeded stays so.
    pub(super) fn enqueue(&mut self, path: Path) {
        let Some(pair) = self.find_mut(path) else {
            return;
        };
        if pair.state != PairState::Succeeded {
            pair.state = PairState::Waiting;
        }
        if !self.triggered.contains(&path) {
            self.triggered.push_back(path);
        }
    }

    /// RFC 8445 §7.2.5.3.3: what shares a foundation with success is checked too.
    pub(super) fn thaw(&mut self, foundation: u64) {
        let frozen =
            |pair: &&mut Pair| pair.state == PairState::Frozen && pair.foundation == foundation;
        self.pairs
            .iter_mut()
            .filter(frozen)
            .for_each(|pair| pair.state = PairState::Waiting);
    }

    /// The pair has been nominated: the others are not checked any more, but for those that the peer checks.
    pub(super) fn complete(&mut self) {
        self.is_complete = true;
        let open = |pair: &&mut Pair| pair.is_pending() && !pair.is_nominated_by_peer;
        for pair in self.pairs.iter_mut().filter(open) {
            pair.state = PairState::Frozen;
            pair.check = None;
        }
        self.triggered.clear();
    }

    /// Takes the next pair whose check has to be sent again.
    pub(super) fn next_resend(&mut self, now: Time) -> Option<&mut Pair> {
        let is_due = |pair: &&mut Pair| {
            pair.check
                .is_some_and(|check| check.is_due(now) && !check.is_exhausted())
        };
        self.pairs.iter_mut().find(is_due)
    }

    /// Takes the next pair to begin a check on, if the pace allows one (RFC 8445 §6.1.4.2).
    pub(super) fn next_check(&mut self, now: Time) -> Option<&mut Pair> {
        if now < self.next_at {
            return None;
        }
        let path = self.next_path()?;
        self.triggered.retain(|other| *other != path);
        self.next_at = now + PACE;
        self.find_mut(path)
    }

    fn next_path(&self) -> Option<Path> {
        if let Some(path) = self.triggered.front() {
            return Some(*path);
        }
        if self.is_complete {
            return None;
        }
        // RFC 8445 §6.1.4.2 lets a frozen pair wait until no check with its foundation is open, which takes 40 s if the
        // first is blocked. With one component there are few such pairs, and they are paced too: so they go when
        // nothing else waits, as RFC 5245 §5.8 had it.
        let first = |state| self.pairs.iter().find(move |pair| pair.state == state);
        first(PairState::Waiting)
            .or_else(|| first(PairState::Frozen))
            .map(|pair| pair.path)
    }

    /// Fails the pairs whose checks were never answered, and returns one that was being nominated.
    pub(super) fn give_up(&mut self, now: Time) -> Option<Path> {
        let mut nominating = None;
        for pair in &mut self.pairs {
            let Some(check) = pair
                .check
                .filter(|check| check.is_due(now) && check.is_exhausted())
            else {
                continue;
            };
            pair.check = None;
            pair.state = PairState::Failed;
            if check.use_candidate {
                nominating = Some(pair.path);
            }
        }
        nominating
    }

    /// How many pairs share the pace: they stretch the retransmission timeout (RFC 8445 §14.3).
    pub(super) fn stretched(&self, timeout: Duration) -> Duration {
        if self.is_complete {
            return timeout;
        }
        let open = u32::try_from(self.pairs.iter().filter(|pair| pair.is_pending()).count())
            .unwrap_or(u32::MAX);
        timeout.max(PACE * open)
    }

    /// When there is something to send again, to begin, or to give up.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        let checks = self
            .pairs
            .iter()
            .filter_map(|pair| pair.check)
            .map(|check| check.due())
            .min();
        let begin = self.next_path().map(|_| self.next_at);
        checks.into_iter().chain(begin).min()
    }
}

/// Ta: between two new checks (RFC 8445 §14.2).
const PACE: Duration = Duration::from_millis(50);
