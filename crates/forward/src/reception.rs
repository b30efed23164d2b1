//! Reception of one SSRC: extended numbers, losses and jitter (RFC 3550 appendix A).

use std::time::Duration;

use xrtc_rtp::rtcp::ReportBlock;
use xrtc_rtp::{NtpTime, SequenceUnwrapper, Ssrc, Time};

/// What receiver reports say of one SSRC.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reception {
    unwrapper: SequenceUnwrapper,
    /// The first extended sequence number.
    base: u64,
    received: u64,
    /// What came before the numbering last started anew.
    lost_before: i64,
    /// At the last report.
    expected_then: u64,
    received_then: u64,
    /// In ticks of the media's clock, times 16 (RFC 3550 appendix A.8).
    jitter: u32,
    transit: Option<u32>,
    /// The number that would confirm a jump.
    doubtful: Option<u16>,
    sender_report: Option<(NtpTime, Time)>,
}

/// Where a packet stands in its numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// Near the others.
    Next(u64),
    /// After a gap that nothing can fill, or in a numbering that started anew.
    Restart(u64),
    /// Far off; the next packet tells whether it is a stray.
    Doubtful,
}

impl Reception {
    /// Takes in a packet's sequence number (RFC 3550 appendix A.1).
    pub(crate) fn receive(&mut self, sequence_number: u16) -> Sequence {
        let Some(highest) = self.unwrapper.highest() else {
            return Sequence::Restart(self.start(sequence_number));
        };
        let extended = self.unwrapper.peek(sequence_number);
        let ahead = extended.saturating_sub(highest);
        let behind = highest.saturating_sub(extended);
        if ahead > MAX_DROPOUT || behind > MAX_DROPOUT {
            if self.doubtful == Some(sequence_number) {
                self.lost_before = self.lost();
                return Sequence::Restart(self.start(sequence_number));
            }
            self.doubtful = Some(sequence_number.wrapping_add(1));
            return Sequence::Doubtful;
        }
        self.doubtful = None;
        self.unwrapper.unwrap(sequence_number);
        self.received += 1;
        self.base = self.base.min(extended);
        if ahead > crate::Limits::MAX_MISSING as u64 {
            Sequence::Restart(extended)
        } else {
            Sequence::Next(extended)
        }
    }

    /// Takes in when a packet was sent, by its timestamp, and when it came (RFC 3550 §6.4.1).
    pub(crate) fn note_transit(&mut self, now: Time, timestamp: u32, clock_rate: u32) {
        let ticks = u128::from(now.as_nanos()) * u128::from(clock_rate) / 1_000_000_000;
        let transit = (ticks as u32).wrapping_sub(timestamp);
        if let Some(last) = self.transit.replace(transit) {
            let change = (transit.wrapping_sub(last) as i32).unsigned_abs();
            // A jump of the timestamps is no jitter.
            if change < clock_rate.saturating_mul(10) {
                let smoothed = self.jitter.saturating_add(8) >> 4;
                self.jitter = self.jitter.saturating_add(change).saturating_sub(smoothed);
            }
        }
    }

    /// A sender report of this SSRC arrived.
    pub(crate) const fn note_sender_report(&mut self, now: Time, ntp: NtpTime) {
        self.sender_report = Some((ntp, now));
    }

    /// The extended number of a sequence number that is not this SSRC's own packet's, such as RTX carries.
    pub(crate) fn extend(&self, sequence_number: u16) -> Option<u64> {
        self.unwrapper
            .highest()
            .map(|_| self.unwrapper.peek(sequence_number))
    }

    /// Packets lost since the beginning; negative if duplicates outnumber losses.
    pub(crate) const fn lost(&self) -> i64 {
        self.lost_before + self.expected() as i64 - self.received as i64
    }

    /// Interarrival jitter.
    pub(crate) fn jitter(&self, clock_rate: u32) -> Duration {
        Duration::from_secs(1) * (self.jitter >> 4) / clock_rate.max(1)
    }

    /// What a receiver report says of this SSRC now; `None` if no packet came since the last one.
    pub(crate) fn report(&mut self, now: Time, ssrc: Ssrc) -> Option<ReportBlock> {
        let highest = self.unwrapper.highest()?;
        let expected = self.expected();
        if self.received == self.received_then && expected == self.expected_then {
            return None;
        }
        let expected_since = expected.saturating_sub(self.expected_then);
        let received_since = self.received.saturating_sub(self.received_then);
        (self.expected_then, self.received_then) = (expected, self.received);
        let lost_since = expected_since.saturating_sub(received_since);
        let fraction = (lost_since << 8)
            .checked_div(expected_since)
            .unwrap_or(0)
            .min(255);
        let (ntp, delay) = match self.sender_report {
            Some((ntp, at)) => (ntp.middle(), in_65536ths(now.since(at))),
            None => (0, 0),
        };
        Some(ReportBlock {
            ssrc,
            fraction_lost: fraction as u8,
            cumulative_lost: i32::try_from(self.lost()).unwrap_or(i32::MAX),
            // The unwrapper starts in its second cycle.
            extended_highest_sequence_number: highest.wrapping_sub(1 << 16) as u32,
            jitter: self.jitter >> 4,
            last_sender_report: ntp,
            delay_since_last_sender_report: delay,
        })
    }

    fn start(&mut self, sequence_number: u16) -> u64 {
        self.unwrapper = SequenceUnwrapper::new();
        let extended = self.unwrapper.unwrap(sequence_number);
        self.base = extended;
        self.received = 1;
        (self.expected_then, self.received_then) = (0, 0);
        (self.transit, self.doubtful) = (None, None);
        extended
    }

    const fn expected(&self) -> u64 {
        match self.unwrapper.highest() {
            Some(highest) => highest - self.base + 1,
            None => 0,
        }
    }
}

/// A duration in units of 1/65,536 seconds (RFC 3550 §4).
pub(crate) fn in_65536ths(duration: Duration) -> u32 {
    u32::try_from((duration.as_nanos() << 16) / 1_000_000_000).unwrap_or(u32::MAX)
}

/// RFC 3550 appendix A.1, in both directions: retransmissions without RTX come late.
const MAX_DROPOUT: u64 = 3_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_and_duplicates_are_counted_over_the_wrap() {
        let mut reception = Reception::default();
        for number in [65_533, 65_534, 1, 2, 2, 0] {
            reception.receive(number);
        }
        assert_eq!(reception.lost(), 0, "one lost, one duplicate");
        let report = reception.report(Time::ZERO, Ssrc(1)).unwrap();
        assert_eq!(report.extended_highest_sequence_number, 0x1_0002);
        assert_eq!(report.fraction_lost, 0);
    }

    #[test]
    fn the_fraction_is_of_the_time_since_the_last_report() {
        let mut reception = Reception::default();
        for number in (0..100).filter(|n| n % 4 != 3) {
            reception.receive(number);
        }
        // 74 of 99: the last number is not missed yet.
        assert_eq!(
            reception.report(Time::ZERO, Ssrc(1)).unwrap().fraction_lost,
            62
        );
        assert_eq!(reception.report(Time::ZERO, Ssrc(1)), None);
        (99..200).for_each(|number| {
            reception.receive(number);
        });
        let report = reception.report(Time::ZERO, Ssrc(1)).unwrap();
        assert_eq!((report.fraction_lost, report.cumulative_lost), (0, 24));
    }

    #[test]
    fn a_stray_is_doubted_and_a_new_numbering_is_believed() {
        let mut reception = Reception::default();
        reception.receive(1_000);
        assert_eq!(reception.receive(30_000), Sequence::Doubtful);
        assert_eq!(reception.receive(1_001), Sequence::Next(0x1_0000 + 1_001));
        assert_eq!(
            reception.receive(30_001),
            Sequence::Doubtful,
            "forgotten in between"
        );
        assert_eq!(
            reception.receive(30_002),
            Sequence::Restart(0x1_0000 + 30_002)
        );
        assert_eq!(reception.receive(30_003), Sequence::Next(0x1_0000 + 30_003));
    }

    #[test]
    fn a_gap_that_cannot_be_filled_is_a_restart_with_the_same_numbers() {
        let mut reception = Reception::default();
        reception.receive(1_000);
        assert_eq!(
            reception.receive(1_600),
            Sequence::Restart(0x1_0000 + 1_600)
        );
        assert_eq!(reception.lost(), 599);
    }

    #[test]
    fn jitter_is_the_smoothed_change_of_transit() {
        let mut reception = Reception::default();
        for n in 0..1_000_u64 {
            let late = if n % 2 == 0 { 0 } else { 8 };
            let now = Time::from_millis(20 * n + late);
            reception.note_transit(now, 960 * n as u32, 48_000);
        }
        let jitter = reception.jitter(48_000).as_micros();
        assert!((7_500..8_500).contains(&jitter), "{jitter}");
    }

    #[test]
    fn reports_carry_the_sender_reports_time() {
        let mut reception = Reception::default();
        reception.receive(1);
        reception.note_sender_report(Time::from_millis(1_000), NtpTime(0x1234_5678_9abc_def0));
        let report = reception.report(Time::from_millis(1_500), Ssrc(1)).unwrap();
        assert_eq!(report.last_sender_report, 0x5678_9abc);
        assert_eq!(report.delay_since_last_sender_report, 1 << 15);
    }
}
