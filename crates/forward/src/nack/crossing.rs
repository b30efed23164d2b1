//! Requests that cross the answer to the one before.

use std::time::Duration;

/// Whether a repeated request crossed the answer to the one before.
///
/// Viewers repeat requests after the round trip as they measured it, on a timer. When that strikes just then, the answer is
/// at their door, and the request says nothing about its fate: it is worth no more than a spare copy. The later it comes,
/// the more likely the answer got lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    None,
    /// Few answers take so long.
    Slight,
    /// Most answers are there about now.
    Strong,
    /// No answer is there so soon.
    Certain,
}

impl Doubt {
    /// Of a request that comes `since` after an answer; `shortest` is the shortest of the last round trips.
    pub(crate) fn of(since: Duration, shortest: Option<Duration>) -> Self {
        let known = shortest.unwrap_or(UNKNOWN_RTT);
        if since < known * 4 / 5 {
            Self::Certain
        } else if shortest.is_none() || since >= known + LATE {
            Self::None
        } else if since >= known + LATE / 2 {
            Self::Slight
        } else {
            Self::Strong
        }
    }
}

/// Before the first report a resend is repeated only if asked for by a second request some time later.
pub(crate) const UNKNOWN_RTT: Duration = Duration::from_millis(20);
/// A process takes packets from its socket, looks at its timer and sends up to a millisecond late each, even if it has
/// nothing else to do: timers of operating systems and runtimes have such a grain.
const LATE: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_a_request_the_less_it_is_doubted() {
        let shortest = Some(Duration::from_millis(50));
        let of = |micros| Doubt::of(Duration::from_micros(micros), shortest);
        assert_eq!(of(39_999), Doubt::Certain);
        assert_eq!(of(40_000), Doubt::Strong);
        assert_eq!(of(50_999), Doubt::Strong);
        assert_eq!(of(51_000), Doubt::Slight);
        assert_eq!(of(51_999), Doubt::Slight);
        assert_eq!(of(52_000), Doubt::None);
    }

    #[test]
    fn before_the_round_trip_is_known_only_what_comes_at_once_is_doubted() {
        let of = |micros| Doubt::of(Duration::from_micros(micros), None);
        assert_eq!(of(15_999), Doubt::Certain);
        assert_eq!(of(16_000), Doubt::None);
    }
}
