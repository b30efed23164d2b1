//! What a full agent does with the peer's checks and with the responses to its own (RFC 8445 §7.2.5, §7.3.1, §8.1).

use std::time::Duration;

use xrtc_rtp::Time;

use super::config::Role;
use super::event::Events;
use super::full::Full;
use super::pair::{PairState, Transaction};
use super::reply::ReplyKind;
use super::request::Check;
use crate::stun::{Attribute, Class, Message, TransactionId};
use crate::{Discard, Path};

impl Full {
    /// Takes an authenticated check and says what to answer.
    pub(super) fn handle_check(
        &mut self,
        now: Time,
        path: Path,
        check: &Check,
        events: &mut Events,
    ) -> Result<ReplyKind, Discard> {
        if self.resolve_roles(check) == RoleConflict::TheyYield {
            return Ok(ReplyKind::RoleConflict);
        }
        if let Some(selected) = self
            .selected
            .as_mut()
            .filter(|selected| selected.consent.path == path)
        {
            selected.consent.refresh(now);
        }
        // The old generation keeps its path alive but finds no new ones.
        if check.generation != self.generation {
            return Ok(ReplyKind::Success);
        }
        self.learn(path, check.priority)?;
        if let Some(pair) = self.checklist.find_mut(path) {
            pair.is_checked_by_peer = true;
        }
        if check.use_candidate && self.role == Role::Controlled {
            self.follow(now, path, check.nomination, events);
        }
        self.checklist.trigger(now, path);
        Ok(ReplyKind::Success)
    }

    /// RFC 8445 §7.3.1.1.
    fn resolve_roles(&mut self, check: &Check) -> RoleConflict {
        let Some((their_role, their_tie_breaker)) = check.role else {
            return RoleConflict::None;
        };
        let they_yield = match (self.role, their_role) {
            (Role::Controlling, Role::Controlling) => self.tie_breaker >= their_tie_breaker,
            (Role::Controlled, Role::Controlled) => self.tie_breaker < their_tie_breaker,
            _ => return RoleConflict::None,
        };
        if they_yield {
            return RoleConflict::TheyYield;
        }
        self.switch_role();
        RoleConflict::None
    }

    fn switch_role(&mut self) {
        self.role = match self.role {
            Role::Controlling => Role::Controlled,
            Role::Controlled => Role::Controlling,
        };
        self.nominating = None;
        self.checklist.sort(self.role);
    }

    /// The peer nominates `path` (RFC 8445 §7.3.1.5). The newest nomination wins, also over a nominated path: that is
    /// how a peer moves to another network without a restart.
    fn follow(&mut self, now: Time, path: Path, number: Option<u32>, events: &mut Events) {
        if number.is_some_and(|number| number < self.nomination) {
            return;
        }
        self.nomination = number.unwrap_or(self.nomination);
        let Some(pair) = self.checklist.find_mut(path) else {
            return;
        };
        if pair.state == PairState::Succeeded {
            self.select(now, path, true, events);
        } else {
            pair.is_nominated_by_peer = true;
        }
    }

    /// Takes a response. Nothing changes before its integrity is verified.
    pub(super) fn handle_response(
        &mut self,
        now: Time,
        path: Path,
        message: &Message<'_>,
        events: &mut Events,
    ) -> Result<(), Discard> {
        let id = message.transaction_id();
        if let Some(selected) = &self.selected
            && selected.consent.is_open(id)
        {
            let remote = self
                .remote_of(selected.consent.generation)
                .ok_or(Discard::UnmatchedResponse)?;
            message.verify(&remote.key)?;
            if selected.consent.path != path {
                return Err(Discard::AsymmetricResponse);
            }
            return self.handle_consent(now, id, message, events);
        }
        let pair = self
            .checklist
            .find_check_mut(id)
            .ok_or(Discard::UnmatchedResponse)?;
        let remote = self.remote.as_ref().ok_or(Discard::UnmatchedResponse)?;
        message.verify(&remote.key)?;
        let Some(check) = pair.check.take() else {
            return Err(Discard::UnmatchedResponse);
        };
        let pair_path = pair.path;
        if pair_path != path {
            pair.state = PairState::Failed;
            self.check_failed(pair_path);
            return Err(Discard::AsymmetricResponse);
        }
        match error_code(message) {
            None => self.check_succeeded(now, path, check, events),
            Some(ROLE_CONFLICT) => self.yield_role(path, check.role),
            // RFC 8445 §7.2.5.2.4.
            Some(_) => {
                pair.state = PairState::Failed;
                self.check_failed(path);
            }
        }
        self.nominate(now);
        Ok(())
    }

    fn handle_consent(
        &mut self,
        now: Time,
        id: TransactionId,
        message: &Message<'_>,
        events: &mut Events,
    ) -> Result<(), Discard> {
        let Some(selected) = &mut self.selected else {
            return Err(Discard::UnmatchedResponse);
        };
        let Some(open) = selected.consent.take(id) else {
            return Err(Discard::UnmatchedResponse);
        };
        match error_code(message) {
            None => {
                selected.consent.refresh(now);
                let (path, rtt) = (selected.consent.path, now.since(open.sent));
                self.rtt.sample(rtt);
                if let Some(pair) = self.checklist.find_mut(path) {
                    pair.measure(rtt);
                }
            }
            Some(ROLE_CONFLICT) => {
                let path = selected.consent.path;
                self.yield_role(path, open.role);
            }
            // RFC 7675 §5.2: the peer revokes its consent.
            Some(FORBIDDEN) => self.lose_consent(now, events),
            Some(_) => {}
        }
        Ok(())
    }

    /// RFC 8445 §7.2.5.1: a 487 to a check sent in `role` makes us take the other one, and check again.
    fn yield_role(&mut self, path: Path, role: Role) {
        if role == self.role {
            self.switch_role();
        }
        self.checklist.enqueue(path);
    }

    /// RFC 8445 §7.2.5.3. A response without XOR-MAPPED-ADDRESS (FFmpeg's) is as good as one with it: it would only
    /// tell how our base looks from there, and the pair is checked from the base either way.
    fn check_succeeded(&mut self, now: Time, path: Path, check: Transaction, events: &mut Events) {
        let elapsed = now.since(check.first_sent);
        if check.is_single() {
            self.rtt.sample(elapsed);
        } else {
            self.rtt.at_most(elapsed);
        }
        let Some(pair) = self.checklist.find_mut(path) else {
            return;
        };
        pair.state = PairState::Succeeded;
        pair.answered = Some(now);
        if check.is_single() {
            pair.measure(elapsed);
        }
        let foundation = pair.foundation;
        let is_nominated = match self.role {
            Role::Controlling => check.use_candidate,
            Role::Controlled => std::mem::take(&mut pair.is_nominated_by_peer),
        };
        self.checklist.thaw(foundation);
        if let Some(selected) = self
            .selected
            .as_mut()
            .filter(|selected| selected.consent.path == path)
        {
            selected.consent.refresh(now);
        }
        if is_nominated || self.selected.is_none() {
            self.select(now, path, is_nominated, events);
        } else {
            self.consider(now, path);
        }
    }

    fn check_failed(&mut self, path: Path) {
        if self.nominating == Some(path) {
            self.nominating = None;
        }
    }

    /// Regular nomination (RFC 8445 §8.1.1): the best pair that works, as soon as no better one may still come, or
    /// after [`PATIENCE`].
    pub(super) fn nominate(&mut self, now: Time) {
        let is_settled = self.settled_generation() == Some(self.generation);
        if self.role == Role::Controlled || is_settled || self.nominating.is_some() {
            self.nominate_at = None;
            return;
        }
        let better = self
            .checklist
            .iter()
            .take_while(|pair| pair.state != PairState::Succeeded);
        let is_open = better.into_iter().any(|pair| pair.is_pending());
        let best = self
            .checklist
            .iter()
            .find(|pair| pair.state == PairState::Succeeded)
            .map(|pair| pair.path);
        let Some(best) = best else {
            self.nominate_at = None;
            return;
        };
        let nominate_at = *self.nominate_at.get_or_insert(now + PATIENCE);
        if !is_open || nominate_at <= now {
            self.nominate_at = None;
            self.nominating = Some(best);
            self.checklist.enqueue(best);
        }
    }
}

/// The outcome of comparing roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RoleConflict {
    /// There is none, or we have given way.
    None,
    /// The peer must give way.
    TheyYield,
}

/// The code of an error response; one without a readable code counts as 500.
fn error_code(message: &Message<'_>) -> Option<u16> {
    if message.class() != Class::Error {
        return None;
    }
    let code = message.find(|attribute| match attribute {
        Attribute::ErrorCode(code, _) => Some(code),
        _ => None,
    });
    Some(code.unwrap_or(500))
}

const ROLE_CONFLICT: u16 = 487;
const FORBIDDEN: u16 = 403;
/// How long a working pair waits for a better one. One round trip to anywhere, and little beside a DTLS handshake,
/// which goes on meanwhile.
const PATIENCE: Duration = Duration::from_millis(300);
