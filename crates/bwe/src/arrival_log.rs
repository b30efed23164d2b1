//! When packets arrived, and the feedback about it.

use std::fmt;
use std::time::Duration;

use xrtc_prefetch::prefetch;
use xrtc_rtp::rtcp::{FeedbackHeader, write_transport_feedback};
use xrtc_rtp::{SequenceUnwrapper, Ssrc, Time};

/// The arrivals of one transport's packets, by transport-wide sequence number.
///
/// Feedback is due 100 ms after the first arrival that it reports, with many packets after 50 ms, and at once
/// before it becomes too large. A packet that comes after it was reported missing is reported again in the next
/// feedback, with everything behind it, as libwebrtc does it. The memory is a fixed 8 KiB.
pub struct ArrivalLog {
    unwrapper: SequenceUnwrapper,
    /// By sequence number modulo [`WINDOW`]; the last `WINDOW` numbers are valid.
    arrivals: Box<[Option<Ticks>; WINDOW as usize]>,
    /// The first number of the next feedback; within the window, or just above it.
    next: u64,
    /// Arrivals since the last feedback.
    pending: usize,
    first_pending: Time,
    due: Option<Time>,
    feedback_count: u8,
    /// Packets in a row that were too old to note.
    strays: u32,
    counters: ArrivalCounters,
}

/// What happened to the arrivals of an [`ArrivalLog`]; everything counts up from its creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrivalCounters {
    /// Noted.
    pub recorded: u64,
    /// Ignored, because the number had arrived before.
    pub duplicate: u64,
    /// Ignored, because the number is too far behind the highest.
    pub stale: u64,
    /// How often the sender started its numbers over.
    pub restarted: u64,
}

impl ArrivalLog {
    /// Has seen nothing.
    pub fn new() -> Self {
        Self {
            unwrapper: SequenceUnwrapper::new(),
            arrivals: Box::new([None; WINDOW as usize]),
            next: 0,
            pending: 0,
            first_pending: Time::ZERO,
            due: None,
            feedback_count: 0,
            strays: 0,
            counters: ArrivalCounters::default(),
        }
    }

    /// Notes that the packet with this transport-wide sequence number arrived.
    pub fn record(&mut self, now: Time, sequence_number: u16) {
        let Some(highest) = self.unwrapper.highest() else {
            self.next = self.unwrapper.unwrap(sequence_number);
            return self.note(now, self.next);
        };
        let number = self.unwrapper.peek(sequence_number);
        if number > highest {
            self.unwrapper.unwrap(sequence_number);
            self.advance(highest, number);
        } else if highest - number >= WINDOW {
            self.counters.stale += 1;
            self.strays += 1;
            if self.strays == STRAYS_OF_A_RESTART {
                self.restart(now, sequence_number);
            }
            return;
        } else if self.arrival(number).is_some() {
            self.counters.duplicate += 1;
            return;
        }
        self.note(now, number);
    }

    /// When [`Self::poll_feedback`] has something to write; `None` if there is nothing to report.
    pub const fn poll_timeout(&self) -> Option<Time> {
        self.due
    }

    /// Writes the next feedback packet, if it is due, and returns its length. Call it until it is `None`.
    ///
    /// `sender` is who we are in RTCP, `media` any source of the transport. What does not fit in `out` is left
    /// for the next packet; with less than 400 bytes nothing may fit.
    pub fn poll_feedback(
        &mut self,
        now: Time,
        sender: Ssrc,
        media: Ssrc,
        out: &mut [u8],
    ) -> Option<usize> {
        let highest = self.unwrapper.highest()?;
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        let report = self.plan(highest, out.len())?;
        let header = FeedbackHeader {
            sender,
            media,
            base_sequence_number: self.next as u16,
            reference_time: report.origin.reference_time(),
            feedback_count: self.feedback_count,
        };
        let len = write_transport_feedback(out, &header, self.deltas(&report))?;
        self.feedback_count = self.feedback_count.wrapping_add(1);
        self.next = report.end;
        if report.end > highest {
            self.pending = 0;
            self.due = None;
        }
        Some(len)
    }

    /// Loads what the next [`Self::record`] changes, as far as the log itself has been loaded.
    pub fn prefetch(&self) {
        let next = self.unwrapper.highest().map_or(0, |highest| highest + 1);
        if let Some(slot) = self.arrivals.get((next % WINDOW) as usize) {
            prefetch(slot);
        }
    }

    /// What happened so far.
    pub const fn counters(&self) -> ArrivalCounters {
        self.counters
    }

    /// Moves the window up to `number`, with nothing received above `highest`.
    fn advance(&mut self, highest: u64, number: u64) {
        let oldest = (number + 1).saturating_sub(WINDOW);
        for missing in oldest.max(highest + 1)..=number {
            self.set_arrival(missing, None);
        }
        // What nobody asked for in time is not reported any more.
        self.next = self.next.max(oldest);
    }

    /// Forgets everything, for a sender that goes on with other numbers.
    fn restart(&mut self, now: Time, sequence_number: u16) {
        self.counters.restarted += 1;
        self.unwrapper = SequenceUnwrapper::new();
        self.arrivals.fill(None);
        self.pending = 0;
        self.record(now, sequence_number);
    }

    fn note(&mut self, now: Time, number: u64) {
        self.counters.recorded += 1;
        self.strays = 0;
        self.set_arrival(number, Some(Ticks::new(now)));
        self.next = self.next.min(number);
        self.pending += 1;
        if self.pending == 1 {
            self.first_pending = now;
        }
        self.due = Some(match self.pending {
            FULL.. => now,
            MANY.. => self.first_pending + MIN_INTERVAL,
            _ => self.first_pending + MAX_INTERVAL,
        });
    }

    /// How far the next feedback reaches: until it would be too large for `room`, or a delta for its 16 bits.
    fn plan(&self, highest: u64, room: usize) -> Option<Report> {
        let mut report: Option<Report> = None;
        let mut last = Ticks(0);
        let mut deltas_len = 0;
        for (statuses, number) in (1..).zip(self.next..=highest) {
            let Some(ticks) = self.arrival(number) else {
                continue;
            };
            let origin = report
                .as_ref()
                .map_or_else(|| ticks.origin(), |report| report.origin);
            let since = ticks.since(if report.is_some() { last } else { origin });
            let Ok(delta) = i16::try_from(since) else {
                break;
            };
            deltas_len += if u8::try_from(delta).is_ok() { 1 } else { 2 };
            if FIXED_LEN + max_chunks_len(statuses) + deltas_len > room {
                break;
            }
            report = Some(Report {
                origin,
                end: number + 1,
            });
            last = ticks;
        }
        report
    }

    fn deltas(&self, report: &Report) -> impl Iterator<Item = Option<i16>> + Clone {
        (self.next..report.end).scan(report.origin, |last, number| {
            let delta = self.arrival(number).map(|ticks| {
                let since = ticks.since(*last);
                *last = ticks;
                // `plan` ends a report where a delta does not fit.
                since as i16
            });
            Some(delta)
        })
    }

    fn arrival(&self, number: u64) -> Option<Ticks> {
        self.arrivals
            .get((number % WINDOW) as usize)
            .copied()
            .flatten()
    }

    fn set_arrival(&mut self, number: u64, arrival: Option<Ticks>) {
        if let Some(slot) = self.arrivals.get_mut((number % WINDOW) as usize) {
            *slot = arrival;
        }
    }
}

impl Default for ArrivalLog {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ArrivalLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrivalLog")
            .field("highest", &self.unwrapper.highest())
            .field("next", &self.next)
            .field("pending", &self.pending)
            .field("due", &self.due)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// One feedback packet: from the log's next number to before `end`, with times since `origin`.
#[derive(Clone, Copy, Debug)]
struct Report {
    origin: Ticks,
    end: u64,
}

/// A time in units of 250 µs, which wraps exactly where the reference time of feedback does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks(u32);

impl Ticks {
    const fn new(time: Time) -> Self {
        Self((time.as_nanos() / NANOS_PER_TICK) as u32)
    }

    /// The last multiple of 64 ms.
    const fn origin(self) -> Self {
        Self(self.0 & !0xff)
    }

    /// The time in units of 64 ms.
    const fn reference_time(self) -> u32 {
        self.0 >> 8
    }

    const fn since(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }
}

/// The most that the chunks of so many statuses take: each holds seven, but for the last.
const fn max_chunks_len(statuses: usize) -> usize {
    statuses.div_ceil(7) * 2
}

/// How many numbers back an arrival is remembered: half a second of 24 Mbit/s.
const WINDOW: u64 = 1024;
/// libwebrtc sends feedback every 50 to 250 ms, and every 100 ms by default.
const MAX_INTERVAL: Duration = Duration::from_millis(100);
const MIN_INTERVAL: Duration = Duration::from_millis(50);
/// From so many arrivals on the shorter interval holds; it is 6 Mbit/s of full packets.
const MANY: usize = 32;
/// So many arrivals fit in one packet of 1,200 bytes with large deltas and losses between them.
const FULL: usize = 400;
/// So many numbers in a row far behind the highest are a new beginning, not stragglers.
const STRAYS_OF_A_RESTART: u32 = 32;
const NANOS_PER_TICK: u64 = 250_000;
/// The headers of a feedback packet and the most padding.
const FIXED_LEN: usize = 20 + 3;
