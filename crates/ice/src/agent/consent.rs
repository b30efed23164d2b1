//! Consent to send on the selected path (RFC 7675), for an agent that sends checks.

use std::time::Duration;

use xrtc_rtp::Time;

use super::config::Role;
use crate::Path;
use crate::stun::TransactionId;

/// The consent checks of one path.
#[derive(Debug)]
pub(super) struct Consent {
    pub(super) path: Path,
    /// The generation that signs them.
    pub(super) generation: u32,
    /// Between two requests, give or take a fifth.
    interval: Duration,
    /// The last answer, or the last authenticated check of the peer.
    last_sign: Time,
    next_at: Time,
    /// When the last request should have been answered.
    doubt_at: Option<Time>,
    /// Requests that may still be answered, oldest overwritten first.
    open: [Option<Open>; OPEN],
    next_slot: usize,
}

impl Consent {
    /// `path` has just shown consent.
    pub(super) fn new(
        path: Path,
        generation: u32,
        now: Time,
        (timeout, rng): (Duration, &mut fastrand::Rng),
    ) -> Self {
        let interval = INTERVAL.min(timeout / 3);
        let next_at = now + spread(interval, rng);
        Self {
            path,
            generation,
            interval,
            last_sign: now,
            next_at,
            doubt_at: None,
            open: [None; OPEN],
            next_slot: 0,
        }
    }

    /// Any authenticated message on the path shows consent. That the peer's own checks count keeps sessions alive
    /// with peers that stop answering ours (Chrome's do under load).
    pub(super) fn refresh(&mut self, now: Time) {
        self.last_sign = now;
        self.doubt_at = None;
    }

    /// The last sign was not now but then; asks again at once.
    pub(super) fn backdate(&mut self, sign: Time) {
        self.next_at = self.last_sign;
        self.last_sign = sign;
    }

    /// When the peer last showed itself.
    pub(super) const fn last_sign(&self) -> Time {
        self.last_sign
    }

    pub(super) fn is_due(&self, now: Time) -> bool {
        self.next_at <= now
    }

    /// Notes a request sent now. RFC 7675 §5.1: each has its own transaction and is sent once, 4 to 6 s apart.
    /// `timeout` is how long the answer may take.
    pub(super) fn sent(&mut self, now: Time, id: TransactionId, role: Role, timeout: Duration) {
        self.doubt_at.get_or_insert(now + timeout * 2);
        if let Some(slot) = self.open.get_mut(self.next_slot) {
            *slot = Some(Open {
                id,
                sent: now,
                role,
            });
        }
        self.next_slot = (self.next_slot + 1) % OPEN;
    }

    /// Plans the next request.
    pub(super) fn schedule(&mut self, now: Time, rng: &mut fastrand::Rng) {
        self.next_at = now + spread(self.interval, rng);
    }

    /// Whether the path should be checked out of turn, because its last request seems lost. Says so once.
    pub(super) fn take_doubt(&mut self, now: Time) -> bool {
        self.doubt_at.take_if(|doubt_at| *doubt_at <= now).is_some()
    }

    /// Whether `id` waits for its response.
    pub(super) fn is_open(&self, id: TransactionId) -> bool {
        self.open.iter().flatten().any(|open| open.id == id)
    }

    /// Takes the request that `id` is the response to.
    pub(super) fn take(&mut self, id: TransactionId) -> Option<Open> {
        self.open
            .iter_mut()
            .find(|slot| slot.is_some_and(|open| open.id == id))?
            .take()
    }

    /// When it ends unless the peer shows itself.
    pub(super) fn expires_at(&self, timeout: Duration) -> Time {
        self.last_sign + timeout
    }

    /// When there is something to do before it ends.
    pub(super) fn poll_timeout(&self) -> Time {
        self.doubt_at
            .map_or(self.next_at, |doubt_at| doubt_at.min(self.next_at))
    }
}

/// A consent check that waits for its response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    id: TransactionId,
    pub(super) sent: Time,
    /// Our role when it was sent.
    pub(super) role: Role,
}

/// Times 0.8 to 1.2, so that many sessions do not beat in time (RFC 7675 §5.1).
fn spread(interval: Duration, rng: &mut fastrand::Rng) -> Duration {
    interval * rng.u32(800..=1_200) / 1_000
}

/// RFC 7675 §5.1. Where consent is to be over sooner than its 30 s it is asked for more often.
const INTERVAL: Duration = Duration::from_secs(5);
/// As many as can be unanswered before consent of 30 s has run out.
const OPEN: usize = 8;
