//! Answering viewers that ask for lost packets.

use std::time::Duration;

use xrtc_rtp::Time;

/// Remembers what was resent lately, so that a packet asked for again before the answer can have arrived is
/// not sent twice. Its memory is made when the first request comes.
#[derive(Debug, Default)]
pub(crate) struct NackResponder {
    recent: Vec<Recent>,
}

#[derive(Clone, Copy, Debug)]
struct Recent {
    index: Option<u64>,
    resent: Time,
}

impl NackResponder {
    /// Whether the packet is to be resent; if so it counts as resent now.
    pub(crate) fn admit(&mut self, now: Time, index: u64, rtt: Option<Duration>) -> Resend {
        if self.recent.is_empty() {
            self.recent.resize(
                REMEMBERED,
                Recent {
                    index: None,
                    resent: Time::ZERO,
                },
            );
        }
        let position = index as usize % REMEMBERED;
        let Some(recent) = self.recent.get_mut(position) else {
            return Resend::No;
        };
        // A little less than the round trip: viewers repeat requests after exactly that.
        let quiet = rtt.unwrap_or(UNKNOWN_RTT).min(LONGEST_RTT) * 4 / 5;
        let is_known = recent.index == Some(index);
        if is_known && now.since(recent.resent) < quiet {
            return Resend::No;
        }
        *recent = Recent {
            index: Some(index),
            resent: now,
        };
        if is_known {
            Resend::Again
        } else {
            Resend::First
        }
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resend {
    /// It came too soon after the last one for this packet.
    No,
    /// The packet is resent for the first time.
    First,
    /// The packet was resent before, and seems to have got lost again.
    Again,
}

/// What one viewer may have resent: a share of what it was sent, so that a viewer whose link carries less than
/// the stream is not sent ever more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResendBudget {
    bytes: u32,
}

impl ResendBudget {
    /// So much was sent for the first time.
    pub(crate) fn sent(&mut self, bytes: usize) {
        let share = u32::try_from(bytes / SHARE).unwrap_or(MOST_BYTES);
        self.bytes = self.bytes.saturating_add(share).min(MOST_BYTES);
    }

    /// Whether so much may be resent; if so it is taken off.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let left = u32::try_from(bytes)
            .ok()
            .and_then(|bytes| self.bytes.checked_sub(bytes));
        if let Some(left) = left {
            self.bytes = left;
        }
        left.is_some()
    }
}

impl Default for ResendBudget {
    fn default() -> Self {
        Self { bytes: MOST_BYTES }
    }
}

/// A second of a large stream: requests concern the last few round trips.
const REMEMBERED: usize = 256;
/// Before the first report a resend is repeated only if asked for by a second request some time later.
const UNKNOWN_RTT: Duration = Duration::from_millis(20);
const LONGEST_RTT: Duration = Duration::from_millis(500);
/// Half of what is sent: at 20 % loss a quarter is needed.
const SHARE: usize = 2;
/// What a burst of losses may take at once.
const MOST_BYTES: u32 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_resent_once_a_round_trip() {
        let mut responder = NackResponder::default();
        let rtt = Some(Duration::from_millis(50));
        let at = Time::from_millis;
        assert_eq!(responder.admit(at(100), 7, rtt), Resend::First);
        assert_eq!(responder.admit(at(110), 7, rtt), Resend::No);
        assert_eq!(responder.admit(at(139), 7, rtt), Resend::No);
        assert_eq!(responder.admit(at(140), 7, rtt), Resend::Again);
        assert_eq!(responder.admit(at(140), 8, rtt), Resend::First);
    }

    #[test]
    fn the_budget_is_a_share_of_what_was_sent() {
        let mut budget = ResendBudget::default();
        assert!(budget.take(256 * 1024));
        assert!(!budget.take(1_000));
        budget.sent(1_998);
        assert!(!budget.take(1_000));
        budget.sent(2);
        assert!(budget.take(1_000));
    }
}
