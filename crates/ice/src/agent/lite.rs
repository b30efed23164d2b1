//! The lite half of ICE: answers checks, and lets the peer choose the path (RFC 8445 §2.5, §7.3).
//!
//! A lite agent cannot tell a real source address from a forged one: whoever holds the password can point the media
//! at a stranger until consent runs out. That is the price of lite (RFC 8445 §19.5.1); DTLS limits it to peers that
//! have completed a handshake. Whoever has only overheard a check cannot: one that was seen before is not taken from
//! another address.

use std::time::Duration;

use xrtc_rtp::Time;

use super::config::{Event, Role};
use super::event::Events;
use super::reply::ReplyKind;
use super::request::Check;
use super::seen::SeenChecks;
use crate::limits::MAX_PATHS;
use crate::{Discard, Path};

/// What a lite agent knows of its peer.
#[derive(Debug)]
pub(super) struct Lite {
    consent_timeout: Duration,
    connect_timeout: Duration,
    /// When the peer is given up; `None` once it is.
    deadline: Option<Time>,
    /// Those with an authenticated check in the last `consent_timeout`, in no order.
    paths: Vec<CheckedPath>,
    seen: SeenChecks,
    selected: Option<Selected>,
    /// A path was selected since the beginning, or since the restart after an end.
    was_selected: bool,
}

/// A path on which an authenticated check has come.
#[derive(Clone, Copy, Debug)]
struct CheckedPath {
    path: Path,
    last_check: Time,
}

#[derive(Clone, Copy, Debug)]
struct Selected {
    path: Path,
    /// The newest generation that chose it.
    generation: u32,
    /// The number of the nomination that chose it (draft-thatcher-ice-renomination §4); 0 without one.
    nomination: u32,
    nominated: bool,
}

impl Lite {
    pub(super) fn new(consent_timeout: Duration, connect_timeout: Duration, now: Time) -> Self {
        let deadline = Some(now + connect_timeout);
        Self {
            consent_timeout,
            connect_timeout,
            deadline,
            paths: Vec::new(),
            seen: SeenChecks::default(),
            selected: None,
            was_selected: false,
        }
    }

    /// Takes an authenticated check and says what to answer.
    pub(super) fn handle_check(
        &mut self,
        now: Time,
        path: Path,
        check: &Check,
        events: &mut Events,
    ) -> Result<ReplyKind, Discard> {
        // A sender repeats a check (RFC 8489 §6.2.1) on the path where it came first.
        if self.seen.note(check.id) && !self.paths().any(|known| known == path) {
            return Err(Discard::ReplayedCheck);
        }
        // RFC 8445 §6.1.1: against a lite agent the full one controls, so the lite one never gives way.
        if matches!(check.role, Some((Role::Controlled, _))) {
            return Ok(ReplyKind::RoleConflict);
        }
        self.deadline = Some(now + self.consent_timeout);
        self.remember(now, path);
        self.consider(now, path, check, events);
        Ok(ReplyKind::Success)
    }

    pub(super) fn handle_timeout(&mut self, now: Time, events: &mut Events) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        self.deadline = None;
        self.paths.clear();
        self.selected = None;
        events.push(if std::mem::take(&mut self.was_selected) {
            Event::ConsentExpired
        } else {
            Event::ConnectTimeout
        });
    }

    /// The connection of `path` is over. If it was the selected one, media takes the path that was checked last, or waits
    /// for another until consent has run out.
    pub(super) fn close_path(&mut self, path: Path, events: &mut Events) {
        self.paths.retain(|known| known.path != path);
        let Some(selected) = self
            .selected
            .as_mut()
            .filter(|selected| selected.path == path)
        else {
            return;
        };
        let newest = self.paths.iter().max_by_key(|known| known.last_check);
        match newest.map(|known| known.path) {
            Some(next) => {
                selected.path = next;
                events.push(Event::Selected(next));
            }
            None => self.selected = None,
        }
    }

    /// A new generation begins; the selected path stays. After the end it gives the peer another chance.
    pub(super) fn restart(&mut self, now: Time) {
        if self.is_ended() {
            self.deadline = Some(now + self.connect_timeout);
        }
    }

    pub(super) const fn poll_timeout(&self) -> Option<Time> {
        self.deadline
    }

    pub(super) const fn is_ended(&self) -> bool {
        self.deadline.is_none()
    }

    pub(super) fn selected(&self) -> Option<Path> {
        self.selected.map(|selected| selected.path)
    }

    pub(super) fn generation_in_use(&self) -> Option<u32> {
        self.selected.map(|selected| selected.generation)
    }

    /// The generation that has nominated, if it has.
    pub(super) fn settled_generation(&self) -> Option<u32> {
        self.selected
            .filter(|selected| selected.nominated)
            .map(|selected| selected.generation)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = Path> + '_ {
        self.paths.iter().map(|known| known.path)
    }

    /// Notes a sign of life on `path`, and forgets paths that consent has left.
    fn remember(&mut self, now: Time, path: Path) {
        let consent_timeout = self.consent_timeout;
        if let Some(known) = self.paths.iter_mut().find(|known| known.path == path) {
            known.last_check = now;
        } else {
            if self.paths.len() >= MAX_PATHS {
                self.evict();
            }
            // Most peers have one path for their whole life.
            self.paths.reserve_exact(1);
            self.paths.push(CheckedPath {
                path,
                last_check: now,
            });
        }
        self.paths
            .retain(|known| now.since(known.last_check) < consent_timeout);
    }

    /// Makes room by forgetting the path that has been silent longest, but never the selected one.
    fn evict(&mut self) {
        let selected = self.selected();
        let oldest = (self.paths.iter().enumerate())
            .filter(|(_, known)| Some(known.path) != selected)
            .min_by_key(|(_, known)| known.last_check)
            .map(|(index, _)| index);
        if let Some(index) = oldest {
            self.paths.swap_remove(index);
        }
    }

    /// Decides whether this check moves the media.
    fn consider(&mut self, now: Time, path: Path, check: &Check, events: &mut Events) {
        let moves = match &self.selected {
            // Whoever checks first gets the media, nominated or not: it saves a round trip, and some never nominate.
            None => true,
            // The old generation keeps its path alive but chooses no more.
            Some(selected) if check.generation < selected.generation => return,
            Some(selected) if check.use_candidate => {
                let is_older = check
                    .nomination
                    .is_some_and(|number| number < selected.nomination);
                check.generation > selected.generation || !is_older
            }
            Some(selected) => selected.path == path || self.is_silent(now, selected.path),
        };
        if !moves {
            return;
        }
        let before = self
            .selected
            .filter(|selected| selected.generation == check.generation);
        let before_number = before.map(|selected| selected.nomination);
        let moved = self.selected() != Some(path);
        self.was_selected = true;
        self.selected = Some(Selected {
            path,
            generation: check.generation,
            nomination: check.nomination.or(before_number).unwrap_or_default(),
            nominated: check.use_candidate || before.is_some_and(|selected| selected.nominated),
        });
        if moved {
            events.push(Event::Selected(path));
        }
    }

    fn is_silent(&self, now: Time, path: Path) -> bool {
        let last_check = self
            .paths
            .iter()
            .find(|known| known.path == path)
            .map(|known| known.last_check);
        last_check.is_none_or(|last_check| now.since(last_check) >= SILENCE)
    }
}

/// After this long without a check, the selected path gives way to one that is being checked, nominated or not. Longer
/// than the longest pause between consent checks (6 s, RFC 7675 §5.1) and one that was lost.
const SILENCE: Duration = Duration::from_secs(13);
