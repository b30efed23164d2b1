//! One candidate pair and the check on its way (RFC 8445 §6.1.2.6, §7.2).

use std::time::Duration;

use xrtc_rtp::Time;

use super::config::Role;
use crate::Path;
use crate::stun::TransactionId;

/// A local transport address and a remote one.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// The local candidate's base and the remote candidate's address; what identifies the pair.
    pub(super) path: Path,
    pub(super) priorities: Priorities,
    /// Both foundations, hashed. Pairs with the same one are likely to fare the same.
    pub(super) foundation: u64,
    pub(super) state: PairState,
    /// The check that waits for its response; also on a succeeded pair, while it is being nominated.
    pub(super) check: Option<Transaction>,
    /// An authenticated check of the peer has come on it.
    pub(super) is_checked_by_peer: bool,
    /// The peer's USE-CANDIDATE came before our own check had succeeded (RFC 8445 §7.3.1.5).
    pub(super) is_nominated_by_peer: bool,
    /// When our last check on it was answered.
    pub(super) answered: Option<Time>,
    /// The shortest round trip of late: a single long one says more of the machines than of the path.
    pub(super) rtt: Option<Duration>,
}

impl Pair {
    pub(super) fn new(path: Path, priorities: Priorities, foundation: u64) -> Self {
        Self {
            path,
            priorities,
            foundation,
            state: PairState::Frozen,
            check: None,
            is_checked_by_peer: false,
            is_nominated_by_peer: false,
            answered: None,
            rtt: None,
        }
    }

    /// A check that was sent once has taken this long.
    pub(super) fn measure(&mut self, rtt: Duration) {
        let before = self.rtt.map_or(rtt, |before| before + before / 4);
        self.rtt = Some(rtt.min(before));
    }

    /// Whether its outcome is still open.
    pub(super) const fn is_pending(&self) -> bool {
        matches!(
            self.state,
            PairState::Frozen | PairState::Waiting | PairState::InProgress
        )
    }
}

/// RFC 8445 §6.1.2.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PairState {
    /// Checked once a pair with the same foundation has succeeded, or nothing else waits.
    Frozen,
    /// Next in turn.
    Waiting,
    /// A check is on its way.
    InProgress,
    /// A check was answered.
    Succeeded,
    /// A check was not answered, or refused.
    Failed,
}

/// The priorities of both candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Priorities {
    pub(super) local: u32,
    pub(super) remote: u32,
}

impl Priorities {
    /// The pair's priority, which both sides compute alike (RFC 8445 §6.1.2.3).
    pub(super) fn combined(self, role: Role) -> u64 {
        let (controlling, controlled) = match role {
            Role::Controlling => (u64::from(self.local), u64::from(self.remote)),
            Role::Controlled => (u64::from(self.remote), u64::from(self.local)),
        };
        (controlling.min(controlled) << 32)
            + 2 * controlling.max(controlled)
            + u64::from(controlling > controlled)
    }
}

/// A request that waits for its response, with its retransmissions (RFC 8489 §6.2.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Transaction {
    pub(super) id: TransactionId,
    /// Our role when it was sent: what a 487 refers to.
    pub(super) role: Role,
    pub(super) use_candidate: bool,
    pub(super) first_sent: Time,
    timeout: Duration,
    attempts: u32,
    /// When to send again, or after the last attempt to give up.
    due: Time,
    last_sent: Time,
    haste: Haste,
}

impl Transaction {
    /// A request that is sent now.
    pub(super) fn new(
        now: Time,
        id: TransactionId,
        role: Role,
        use_candidate: bool,
        timeout: Duration,
    ) -> Self {
        Self {
            id,
            role,
            use_candidate,
            first_sent: now,
            timeout,
            attempts: 1,
            due: now + timeout,
            last_sent: now,
            haste: Haste::None,
        }
    }

    /// A request on a connection, which loses nothing: it is sent once (RFC 8489 §6.2.2).
    pub(super) fn reliable(now: Time, id: TransactionId, role: Role, use_candidate: bool) -> Self {
        Self {
            attempts: ATTEMPTS,
            ..Self::new(now, id, role, use_candidate, RELIABLE_WAIT)
        }
    }

    /// When to call [`Self::resend`], or if it [is exhausted](Self::is_exhausted), to give up.
    pub(super) const fn due(&self) -> Time {
        self.due
    }

    pub(super) fn is_due(&self, now: Time) -> bool {
        self.due <= now
    }

    pub(super) const fn is_exhausted(&self) -> bool {
        self.attempts >= ATTEMPTS
    }

    /// Whether it was sent only once, so that its response gives a round trip time.
    pub(super) const fn is_single(&self) -> bool {
        self.attempts == 1
    }

    /// Notes another copy, sent now.
    pub(super) fn resend(&mut self, now: Time) {
        self.attempts += 1;
        self.haste = if self.haste == Haste::Asked {
            Haste::Done
        } else {
            Haste::None
        };
        self.last_sent = now;
        self.due = now
            + self.timeout
                * if self.is_exhausted() {
                    LAST_WAIT
                } else {
                    1 << (self.attempts - 1)
                };
    }

    /// The peer's check has just arrived on this pair, so the way may have opened: send again soon.
    ///
    /// RFC 8445 §7.3.1.4 cancels the check and begins another, but still takes the response to the first. Keeping the
    /// same transaction is the same on the wire and cannot lose a late response, however often the peer checks. Not
    /// within [`MIN_GAP`] of the last copy and once between two timeouts, so that a peer's haste does not become ours.
    pub(super) fn hurry(&mut self, now: Time) {
        if self.haste != Haste::None || self.is_exhausted() {
            return;
        }
        self.haste = Haste::Asked;
        self.due = self.due.min(now.max(self.last_sent + MIN_GAP));
        // Begins the back-off anew: what was lost before the way opened says nothing about it.
        self.attempts = self.attempts.min(2);
    }
}

/// Whether the peer's checks have brought a retransmission forward since the last timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Haste {
    None,
    Asked,
    Done,
}

/// Rc of RFC 8489 §6.2.1.
const ATTEMPTS: u32 = 7;
/// Rm of RFC 8489 §6.2.1.
const LAST_WAIT: u32 = 16;
/// Ti of RFC 8489 §6.2.2.
const RELIABLE_WAIT: Duration = Duration::from_millis(39_500);
/// Between two copies of one check.
const MIN_GAP: Duration = Duration::from_millis(50);
