//! The arrivals that a sender reads out of our feedback are those that we recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use xrtc_bwe::{ArrivalCounters, ArrivalLog};
use xrtc_rtp::rtcp::{self, Arrival, FeedbackHeader, Packet};
use xrtc_rtp::{Ssrc, Time};

const US: Ssrc = Ssrc(0x1111);
const THEM: Ssrc = Ssrc(0x2222);
const START: Time = Time::from_millis(3_600_000);

/// Takes one feedback packet out of the log and reads it.
fn poll(log: &mut ArrivalLog, now: Time) -> Option<(FeedbackHeader, Vec<Arrival>)> {
    poll_into(log, now, &mut [0; 1200])
}

fn poll_into(
    log: &mut ArrivalLog,
    now: Time,
    out: &mut [u8],
) -> Option<(FeedbackHeader, Vec<Arrival>)> {
    let len = log.poll_feedback(now, US, THEM, out)?;
    let mut packets = rtcp::packets(&out[..len]);
    let Some(Ok(Packet::TransportFeedback(feedback))) = packets.next() else {
        panic!("no transport feedback");
    };
    assert!(packets.next().is_none(), "one packet only");
    Some((feedback.header, feedback.arrivals().collect()))
}

/// The time of an arrival, in ticks of 250 µs of our clock.
fn ticks(time: Time) -> i64 {
    i64::try_from(time.as_nanos() / 250_000).unwrap() & 0xffff_ffff
}

fn received(sequence_number: u16, time: Time) -> Arrival {
    Arrival {
        sequence_number,
        ticks: Some(ticks(time)),
    }
}

fn lost(sequence_number: u16) -> Arrival {
    Arrival {
        sequence_number,
        ticks: None,
    }
}

fn millis(millis: u64) -> Time {
    START + Duration::from_millis(millis)
}

#[test]
fn nothing_recorded_is_nothing_to_report() {
    let mut log = ArrivalLog::new();
    assert_eq!(log.poll_timeout(), None);
    assert_eq!(poll(&mut log, START), None);
}

#[test]
fn feedback_is_due_100_ms_after_the_first_arrival_and_once() {
    let mut log = ArrivalLog::new();
    log.record(millis(0), 10);
    log.record(millis(20), 11);
    assert_eq!(log.poll_timeout(), Some(millis(100)));
    assert_eq!(poll(&mut log, millis(99)), None);
    let (header, arrivals) = poll(&mut log, millis(100)).unwrap();
    assert_eq!(header.sender, US);
    assert_eq!(header.media, THEM);
    assert_eq!(header.base_sequence_number, 10);
    assert_eq!(header.feedback_count, 0);
    // The reference time is the clock in units of 64 ms.
    assert_eq!(u64::from(header.reference_time), START.as_millis() / 64);
    assert_eq!(
        arrivals,
        [received(10, millis(0)), received(11, millis(20))]
    );
    assert_eq!(log.poll_timeout(), None);
    assert_eq!(poll(&mut log, millis(200)), None);
}

#[test]
fn many_packets_make_it_due_after_50_ms() {
    let mut log = ArrivalLog::new();
    for number in 0..32 {
        log.record(millis(0), number);
    }
    assert_eq!(log.poll_timeout(), Some(millis(50)));
}

#[test]
fn a_full_log_is_due_at_once_and_fits_in_one_packet() {
    let mut log = ArrivalLog::new();
    for number in 0..400_u16 {
        // Every arrival is a large delta: one behind the other, and losses between them.
        let wobble = if number % 2 == 0 { 40 } else { 0 };
        log.record(millis(wobble), 2 * number);
    }
    assert_eq!(log.poll_timeout(), Some(millis(0)));
    let (_, arrivals) = poll(&mut log, millis(41)).unwrap();
    assert_eq!(arrivals.len(), 799);
    assert_eq!(log.poll_timeout(), None);
}

#[test]
fn losses_between_two_packets_of_feedback_are_reported() {
    let mut log = ArrivalLog::new();
    log.record(millis(0), 1);
    poll(&mut log, millis(100)).unwrap();
    log.record(millis(110), 4);
    let (header, arrivals) = poll(&mut log, millis(210)).unwrap();
    assert_eq!(header.base_sequence_number, 2);
    assert_eq!(header.feedback_count, 1);
    assert_eq!(arrivals, [lost(2), lost(3), received(4, millis(110))]);
}

#[test]
fn a_late_packet_is_reported_again_with_everything_behind_it() {
    let mut log = ArrivalLog::new();
    log.record(millis(0), 1);
    log.record(millis(1), 3);
    let (_, arrivals) = poll(&mut log, millis(100)).unwrap();
    assert_eq!(arrivals[1], lost(2));
    log.record(millis(110), 2);
    log.record(millis(111), 4);
    let (header, arrivals) = poll(&mut log, millis(210)).unwrap();
    assert_eq!(header.base_sequence_number, 2);
    let expected = [
        received(2, millis(110)),
        received(3, millis(1)),
        received(4, millis(111)),
    ];
    assert_eq!(arrivals, expected);
}

#[test]
fn duplicates_keep_their_first_arrival() {
    let mut log = ArrivalLog::new();
    log.record(millis(0), 1);
    log.record(millis(9), 1);
    let (_, arrivals) = poll(&mut log, millis(100)).unwrap();
    assert_eq!(arrivals, [received(1, millis(0))]);
    log.record(millis(101), 1);
    assert_eq!(log.poll_timeout(), None);
    assert_eq!(log.counters().duplicate, 2);
}

#[test]
fn f79_numbers_wrap_in_the_middle_of_a_packet() {
    let mut log = ArrivalLog::new();
    for (at, number) in [65_534, 65_535, 0, 2].into_iter().enumerate() {
        log.record(millis(at as u64), number);
    }
    let (header, arrivals) = poll(&mut log, millis(100)).unwrap();
    assert_eq!(header.base_sequence_number, 65_534);
    let numbers: Vec<_> = arrivals
        .iter()
        .map(|arrival| arrival.sequence_number)
        .collect();
    assert_eq!(numbers, [65_534, 65_535, 0, 1, 2]);
    assert_eq!(arrivals[3], lost(1));
}

#[test]
fn the_feedback_count_wraps() {
    let mut log = ArrivalLog::new();
    let mut last = 255;
    for number in 0..300 {
        let now = millis(u64::from(number) * 200);
        log.record(now, number);
        let (header, _) = poll(&mut log, now + Duration::from_millis(100)).unwrap();
        assert_eq!(header.feedback_count, u8::wrapping_add(last, 1));
        last = header.feedback_count;
    }
}

#[test]
fn f79_a_pause_longer_than_a_delta_splits_the_report() {
    let mut log = ArrivalLog::new();
    log.record(millis(0), 1);
    // Nobody polled; 16 bits of 250 µs are 8.2 s.
    log.record(millis(10_000), 2);
    let (first, arrivals) = poll(&mut log, millis(10_000)).unwrap();
    assert_eq!(arrivals, [received(1, millis(0))]);
    let (second, arrivals) = poll(&mut log, millis(10_000)).unwrap();
    assert_eq!(arrivals, [received(2, millis(10_000))]);
    assert_eq!(second.feedback_count, first.feedback_count + 1);
    assert_eq!(poll(&mut log, millis(10_000)), None);
}

#[test]
fn what_does_not_fit_goes_into_the_next_packet() {
    let mut log = ArrivalLog::new();
    for number in 0..100 {
        log.record(millis(u64::from(number)), number);
    }
    let mut all = Vec::new();
    while let Some((_, arrivals)) = poll_into(&mut log, millis(100), &mut [0; 64]) {
        all.extend(arrivals);
    }
    let expected: Vec<_> = (0..100)
        .map(|n| received(n, millis(u64::from(n))))
        .collect();
    assert_eq!(all, expected);
}

#[test]
fn f79_a_gap_larger_than_the_memory_is_reported_as_far_as_it_goes() {
    let mut log = ArrivalLog::new();
    log.record(millis(0), 1);
    log.record(millis(1), 5_000);
    let (header, arrivals) = poll(&mut log, millis(100)).unwrap();
    assert_eq!(header.base_sequence_number, 5_000 - 1_023);
    assert_eq!(arrivals.len(), 1_024);
    assert_eq!(arrivals.last(), Some(&received(5_000, millis(1))));
    assert!(
        arrivals[..1_023]
            .iter()
            .all(|arrival| arrival.ticks.is_none())
    );
}

#[test]
fn stragglers_are_ignored_but_a_new_beginning_is_followed() {
    let mut log = ArrivalLog::new();
    log.record(millis(0), 10_000);
    poll(&mut log, millis(100)).unwrap();
    for number in 0..31 {
        log.record(millis(110), number);
    }
    assert_eq!(log.poll_timeout(), None);
    assert_eq!(log.counters().stale, 31);
    log.record(millis(111), 31);
    assert_eq!(log.counters().restarted, 1);
    log.record(millis(112), 32);
    let (header, arrivals) = poll(&mut log, millis(211)).unwrap();
    assert_eq!(header.base_sequence_number, 31);
    assert_eq!(
        arrivals,
        [received(31, millis(111)), received(32, millis(112))]
    );
}

#[test]
fn one_packet_in_order_between_stragglers_is_no_new_beginning() {
    let mut log = ArrivalLog::new();
    log.record(millis(0), 10_000);
    for number in 0..100 {
        log.record(millis(1), number);
        log.record(millis(1), 10_001 + number);
    }
    let expected = ArrivalCounters {
        recorded: 101,
        stale: 100,
        ..ArrivalCounters::default()
    };
    assert_eq!(log.counters(), expected);
}

#[test]
fn f79_reference_times_wrap_after_24_bits() {
    // 2^24 units of 64 ms are 12.4 days.
    let now = Time::from_millis((1 << 24) * 64 + 70);
    let mut log = ArrivalLog::new();
    log.record(now, 1);
    let (header, arrivals) = poll(&mut log, now + Duration::from_millis(100)).unwrap();
    assert_eq!(header.reference_time, 1);
    assert_eq!(arrivals, [received(1, now)]);
}

/// One packet of the property test: how far its number and its time are from those before it.
#[derive(Clone, Copy, Debug)]
struct Step {
    number: i32,
    micros: u64,
    poll: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let number = prop_oneof![8 => Just(1), 2 => 2..30_i32, 2 => -40..=0_i32, 1 => 30..900_i32];
    let micros = prop_oneof![8 => 0..3_000_u64, 1 => 3_000..200_000_u64];
    let step =
        (number, micros, prop::bool::weighted(0.3)).prop_map(|(number, micros, poll)| Step {
            number,
            micros,
            poll,
        });
    prop::collection::vec(step, 1..300)
}

/// What a correct sender knows: the first arrival that it was told for each number.
#[derive(Default)]
struct Sender {
    told: BTreeMap<u16, i64>,
}

impl Sender {
    fn take(&mut self, log: &mut ArrivalLog, now: Time) {
        while let Some((_, arrivals)) = poll(log, now) {
            for arrival in arrivals {
                if let Some(at) = arrival.ticks {
                    let at = at & 0xffff_ffff;
                    let known = *self.told.entry(arrival.sequence_number).or_insert(at);
                    assert_eq!(known, at, "another time for a packet told before");
                }
            }
        }
    }
}

proptest! {
    /// Nothing but what was recorded is told, and all of it that was not left behind by the window.
    #[test]
    fn the_sender_learns_every_arrival(first: u16, origin in 0..1_u64 << 50, steps in steps()) {
        let mut log = ArrivalLog::new();
        let mut sender = Sender::default();
        let mut now = Time::from_nanos(origin);
        let mut number = i32::from(first);
        let mut highest = number;
        let mut recorded = BTreeMap::new();
        let mut must_be_told = BTreeMap::new();
        for step in steps {
            number += step.number;
            now += Duration::from_micros(step.micros);
            // The wire has 16 bits: a longer run would compare different packets.
            prop_assume!((number - i32::from(first)).abs() < 1 << 15);
            let before = log.counters().recorded;
            let sequence_number = number.rem_euclid(1 << 16) as u16;
            log.record(now, sequence_number);
            if log.counters().recorded > before {
                let at = ticks(now);
                prop_assert_eq!(recorded.insert(sequence_number, at), None);
                must_be_told.insert(number, (sequence_number, at));
            }
            highest = highest.max(number);
            if step.poll {
                sender.take(&mut log, now);
            }
            let told = |sequence_number| sender.told.contains_key(&sequence_number);
            must_be_told.retain(|&number, entry| highest - number < 1_024 && !told(entry.0));
        }
        if let Some(due) = log.poll_timeout() {
            sender.take(&mut log, due.max(now));
        }
        prop_assert_eq!(log.poll_timeout(), None);
        for (sequence_number, at) in &sender.told {
            prop_assert_eq!(recorded.get(sequence_number), Some(at));
        }
        for (sequence_number, at) in must_be_told.values() {
            prop_assert_eq!(sender.told.get(sequence_number), Some(at));
        }
    }
}
