//! Waking for several datagrams at once where each would wake the worker by itself.
//!
//! A wake-up costs as much as everything else that a datagram to one viewer costs. When datagrams come often and each is
//! little work, as with many calls, the worker does not wait for the next one but for a moment, and takes what has come
//! by then. Who is less loaded than that is woken at once, and who has more to do finds several datagrams anyway.

use std::time::Duration;

use xrtc_rtp::Time;

/// Decides after each turn whether the worker waits for the next datagram, or lets some gather.
#[derive(Debug, Default)]
pub(crate) struct Moderation {
    turn: Time,
    /// Datagrams of this turn.
    received: u32,
    /// Since when the following two are counted.
    since: Time,
    datagrams: u32,
    busy: Duration,
    gathers: bool,
}

impl Moderation {
    /// A turn begins.
    pub(crate) const fn begin(&mut self, now: Time) {
        self.turn = now;
        self.received = 0;
    }

    /// The turn has received datagrams.
    pub(crate) fn receive(&mut self, datagrams: usize) {
        let datagrams = u32::try_from(datagrams).unwrap_or(u32::MAX);
        self.received = self.received.saturating_add(datagrams);
    }

    /// The turn is over: how long to let datagrams gather before the next one begins. None: it begins when something comes.
    pub(crate) fn pause(&mut self, now: Time) -> Option<Duration> {
        let took = now.since(self.turn);
        self.busy += took;
        self.datagrams = self.datagrams.saturating_add(self.received);
        let window = now.since(self.since);
        if window >= WINDOW {
            let spacing = if self.gathers { LEAVE } else { ENTER };
            self.gathers =
                window <= spacing * self.datagrams && self.busy <= LITTLE_WORK * self.datagrams;
            self.restart(now);
        }
        let rest = LONGEST.checked_sub(took).filter(|rest| !rest.is_zero());
        rest.filter(|_| self.gathers)
    }

    const fn restart(&mut self, now: Time) {
        self.since = now;
        self.datagrams = 0;
        self.busy = Duration::ZERO;
    }
}

/// Whether this system wakes a thread precisely enough for it.
pub(crate) const IS_PRECISE: bool = cfg!(target_os = "linux");

/// Lets datagrams gather. The system may add what it takes for a sleep's slack, which [`be_precise`] makes small.
#[expect(
    clippy::disallowed_methods,
    reason = "datagrams gather meanwhile, and the wait is bounded"
)]
pub(crate) fn wait(pause: Duration) {
    std::thread::sleep(pause.min(LONGEST));
}

/// Sleeps of the calling thread end when they should, and not up to 50 µs later, which is what Linux allows itself.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the option of the thread has no safe wrapper")]
pub(crate) fn be_precise() {
    // SAFETY: this option takes a number of nanoseconds and touches no memory of ours. A refusal leaves the slack.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, SLACK_NANOS) };
}

#[cfg(not(target_os = "linux"))]
pub(crate) const fn be_precise() {}

/// From the beginning of one turn to that of the next.
const LONGEST: Duration = Duration::from_micros(100);
/// How long the load is watched before it is judged.
const WINDOW: Duration = Duration::from_millis(5);
/// Datagrams that come so close on average begin to be gathered: 20,000 a second.
const ENTER: Duration = Duration::from_micros(50);
/// So far apart they are gathered no longer.
const LEAVE: Duration = Duration::from_micros(100);
/// What a datagram may take to be handled: with more viewers than a few a wake-up is a small part.
const LITTLE_WORK: Duration = Duration::from_micros(10);
#[cfg(target_os = "linux")]
const SLACK_NANOS: libc::c_ulong = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays turns with one datagram each; says how long each had to wait at the end.
    fn play(
        moderation: &mut Moderation,
        from: Time,
        (turns, spacing, work): (u32, Duration, Duration),
    ) -> Vec<Option<Duration>> {
        let turn = |number| {
            let begin = from + spacing * number;
            moderation.begin(begin);
            moderation.receive(1);
            moderation.pause(begin + work)
        };
        (0..turns).map(turn).collect()
    }

    const MICRO: Duration = Duration::from_micros(1);

    /// A load that is worth it, for eight milliseconds.
    fn load(moderation: &mut Moderation) -> (Time, Vec<Option<Duration>>) {
        let waits = play(moderation, Time::ZERO, (266, 30 * MICRO, 5 * MICRO));
        (Time::from_millis(8), waits)
    }

    #[test]
    fn a_worker_with_little_to_do_is_woken_by_each_datagram() {
        let mut moderation = Moderation::default();
        let waits = play(&mut moderation, Time::ZERO, (1_000, 60 * MICRO, 5 * MICRO));
        assert!(waits.iter().all(Option::is_none));
        // Neither does one frame that comes at once make a load.
        let frame = Time::from_millis(100);
        let waits = play(&mut moderation, frame, (50, 20 * MICRO, 5 * MICRO));
        assert!(waits.iter().all(Option::is_none));
    }

    #[test]
    fn datagrams_that_come_often_and_are_little_work_gather_for_less_than_a_tenth_of_a_millisecond()
    {
        let mut moderation = Moderation::default();
        let (end, waits) = load(&mut moderation);
        let first = waits.iter().position(Option::is_some).unwrap();
        assert_eq!(first, 5_000 / 30 + 1);
        assert!(waits[first..].iter().all(|wait| *wait == Some(95 * MICRO)));
        // A turn that took as long as that is followed by the next at once.
        moderation.begin(end);
        moderation.receive(20);
        assert_eq!(moderation.pause(end + 100 * MICRO), None);
    }

    #[test]
    fn who_fans_out_waits_for_nothing() {
        let mut moderation = Moderation::default();
        let waits = play(&mut moderation, Time::ZERO, (1_000, 30 * MICRO, 25 * MICRO));
        assert!(waits.iter().all(Option::is_none));
    }

    #[test]
    fn nobody_waits_any_more_once_nothing_has_come_for_ten_milliseconds() {
        let mut moderation = Moderation::default();
        let (mut now, _) = load(&mut moderation);
        let mut in_vain = Duration::ZERO;
        loop {
            moderation.begin(now);
            let Some(wait) = moderation.pause(now + MICRO) else {
                break;
            };
            in_vain += wait;
            now = now + MICRO + wait;
        }
        assert!(in_vain <= 2 * WINDOW, "{in_vain:?}");
        // And what comes alone then goes at once.
        let waits = play(&mut moderation, now + 10 * MICRO, (1, MICRO, 5 * MICRO));
        assert_eq!(waits, [None]);
    }

    #[test]
    fn fewer_datagrams_end_it_within_ten_milliseconds() {
        let mut moderation = Moderation::default();
        let (later, _) = load(&mut moderation);
        let waits = play(&mut moderation, later, (500, 120 * MICRO, 5 * MICRO));
        let last = waits.iter().rposition(Option::is_some).unwrap();
        assert!(120 * MICRO * last as u32 <= 2 * WINDOW);
    }
}
