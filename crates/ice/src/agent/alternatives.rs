//! The pairs beside the selected one: the controlling agent looks at them now and then, and moves to one that is
//! better by far.
//!
//! RFC 8445 §8.1.1 has a new nomination wait for a restart. WebRTC's agents let the newest one win, as
//! draft-thatcher-ice-renomination describes: it is how they move between networks. A peer that does not follow still
//! receives what takes the new pair, and goes on sending on the old one, which stays valid.

use std::cmp::Ordering;
use std::time::Duration;

use xrtc_rtp::Time;

use super::config::Role;
use super::full::Full;
use super::pair::{Pair, PairState};
use crate::{Path, Protocol};

impl Full {
    /// Checks the pair beside the selected one that has waited longest, when it is time to: first those that had not
    /// had their turn when the nomination came.
    pub(super) fn look_at_others(&mut self, now: Time) {
        let is_settled = self.settled_generation() == Some(self.generation);
        if self.role == Role::Controlled || !is_settled {
            self.look_at = None;
            return;
        }
        if *self.look_at.get_or_insert(now + LOOK_INTERVAL) > now {
            return;
        }
        let is_silent = self.is_silent(now);
        self.look_at = Some(now + if is_silent { HURRY } else { LOOK_INTERVAL });
        let selected = self.selected();
        let others = self.checklist.iter().filter(|pair| {
            pair.state != PairState::Failed && pair.check.is_none() && Some(pair.path) != selected
        });
        let next = others
            .min_by_key(|pair| pair.answered)
            .map(|pair| pair.path);
        if let Some(path) = next {
            self.checklist.enqueue(path);
        }
    }

    /// `path` has just been answered: nominates it if it is better by far than the one in use.
    pub(super) fn consider(&mut self, now: Time, path: Path) {
        let is_settled = self.settled_generation() == Some(self.generation);
        if self.role == Role::Controlled || !is_settled || self.nominating.is_some() {
            return;
        }
        let selected = self.selected().and_then(|used| self.checklist.find(used));
        let other = self.checklist.find(path);
        let (Some(selected), Some(other)) = (selected, other) else {
            return;
        };
        if selected.path != other.path && (self.is_silent(now) || is_far_better(other, selected)) {
            self.nominating = Some(path);
            self.checklist.enqueue(path);
        }
    }

    /// Whether the peer should have shown itself on the selected path long ago.
    fn is_silent(&self, now: Time) -> bool {
        self.selected
            .as_ref()
            .is_some_and(|selected| now.since(selected.consent.last_sign()) >= SILENCE)
    }
}

/// A path of a better kind is better however long it takes: relays and connections cost somebody, and the latter stall at
/// each loss. Within a kind the round trip must be shorter by more than noise.
fn is_far_better(other: &Pair, used: &Pair) -> bool {
    match rank(other.path).cmp(&rank(used.path)) {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => other
            .rtt
            .zip(used.rtt)
            .is_some_and(|(other, used)| other * 2 + NOISE <= used),
    }
}

fn rank(path: Path) -> u8 {
    match path.protocol {
        Protocol::Udp => 2,
        Protocol::Relayed => 1,
        Protocol::Tcp => 0,
    }
}

/// As often as consent is asked for (RFC 7675 §5.1).
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// Between two looks while the selected path is silent.
const HURRY: Duration = Duration::from_secs(1);
/// Longer than consent goes without a sign on a path that loses a fifth: 6 s to the next request, 1 s of doubt, and the
/// first retransmissions of the check that follows.
const SILENCE: Duration = Duration::from_secs(10);
/// What two round trips on one path may differ by on a busy machine.
const NOISE: Duration = Duration::from_millis(10);
