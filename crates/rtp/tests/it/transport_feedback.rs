//! Transport-wide feedback, after the figures of draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.

use proptest::prelude::*;
use xrtc_rtp::rtcp::{
    Arrival, FeedbackHeader, Packet, TransportFeedback, packets, write_transport_feedback,
};
use xrtc_rtp::{Discard, Ssrc};

use crate::bits::hex;

const HEADER: FeedbackHeader = FeedbackHeader {
    sender: Ssrc(0x1111_1111),
    media: Ssrc(0x2222_2222),
    base_sequence_number: 0xfffe,
    reference_time: 3,
    feedback_count: 9,
};
/// Base sequence number, then the status count goes in, then reference time and feedback count.
const SOURCES: &str = "11111111 22222222 fffe";
const TIME: &str = "000003 09";

fn read(datagram: &[u8]) -> Result<TransportFeedback<'_>, Discard> {
    let mut packets = packets(datagram);
    let packet = packets.next().unwrap();
    assert!(packets.next().is_none());
    match packet? {
        Packet::TransportFeedback(feedback) => Ok(feedback),
        other => panic!("{other:?}"),
    }
}

/// The ticks of each arrival since the reference time of [`HEADER`].
fn ticks(feedback: &TransportFeedback<'_>) -> Vec<Option<i64>> {
    let origin = 3 * 256;
    feedback
        .arrivals()
        .map(|arrival| Some(arrival.ticks? - origin))
        .collect()
}

fn written(deltas: &[Option<i16>]) -> Vec<u8> {
    let mut out = [0xee; 1_500];
    let len = write_transport_feedback(&mut out, &HEADER, deltas.iter().copied()).unwrap();
    out[..len].to_vec()
}

#[test]
fn f79_the_run_length_example_of_section_3_1_3() {
    // 221 packets not received.
    let datagram = hex(&format!("8f cd 0005 {SOURCES} 00dd {TIME} 00dd 0000"));
    assert_eq!(ticks(&read(&datagram).unwrap()), [None; 221]);
}

#[test]
fn f79_runs_of_both_kinds_across_the_wrap() {
    // Five packets not received, then two with small deltas.
    let datagram = hex(&format!(
        "8f cd 0006 {SOURCES} 0007 {TIME} 0005 2002 0a14 0000"
    ));
    let feedback = read(&datagram).unwrap();
    assert_eq!(feedback.header, HEADER);
    assert_eq!(feedback.status_count, 7);
    let numbers: Vec<_> = feedback
        .arrivals()
        .map(|arrival| arrival.sequence_number)
        .collect();
    assert_eq!(numbers, [0xfffe, 0xffff, 0, 1, 2, 3, 4]);
    assert_eq!(
        ticks(&feedback),
        [None, None, None, None, None, Some(10), Some(30)]
    );
}

#[test]
fn f79_the_one_bit_example_of_section_3_1_4() {
    // One not received, five received, three not, three received, two not.
    let digits = format!("af cd 0007 {SOURCES} 000e {TIME} 9f1c 0101010101010101 0002");
    let datagram = hex(&digits);
    let received: Vec<_> = ticks(&read(&datagram).unwrap())
        .iter()
        .map(Option::is_some)
        .collect();
    assert_eq!(
        received,
        [0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0].map(|bit| bit == 1)
    );
}

#[test]
fn f79_the_two_bit_vector_has_large_and_negative_deltas() {
    // Symbols 0 1 2 2 and three that are not counted.
    let chunk = format!("{:04x}", 0b11_00_01_10_10_00_00_00);
    let digits = format!("8f cd 0006 {SOURCES} 0004 {TIME} {chunk} ff 0100 fff6 00");
    let datagram = hex(&digits);
    let feedback = read(&datagram).unwrap();
    assert_eq!(ticks(&feedback), [None, Some(255), Some(511), Some(501)]);
}

#[test]
fn symbols_behind_the_status_count_have_no_deltas() {
    // Fourteen symbols, all set; the count says one.
    let datagram = hex(&format!("8f cd 0005 {SOURCES} 0001 {TIME} bfff 07 00"));
    assert_eq!(ticks(&read(&datagram).unwrap()), [Some(7)]);
}

#[test]
fn contradictions_are_malformed() {
    let malformed =
        |digits: &str| assert_eq!(read(&hex(digits)).err(), Some(Discard::RtcpMalformed));
    // No chunk for the one packet; a missing delta; a reserved symbol, in a run and in a vector; an empty run.
    malformed(&format!("8f cd 0004 {SOURCES} 0001 {TIME}"));
    malformed(&format!("8f cd 0005 {SOURCES} 0003 {TIME} 2003 0101"));
    malformed(&format!("8f cd 0005 {SOURCES} 0001 {TIME} 6001 0000"));
    malformed(&format!("8f cd 0005 {SOURCES} 0001 {TIME} f000 0000"));
    malformed(&format!("8f cd 0005 {SOURCES} 0001 {TIME} 0000 0001"));
    malformed("8f cd 0003 11111111 22222222 00000000");
}

#[test]
fn a_report_on_nothing_is_empty() {
    let datagram = hex(&format!("8f cd 0004 {SOURCES} 0000 {TIME}"));
    assert_eq!(read(&datagram).unwrap().arrivals().count(), 0);
}

#[test]
fn the_largest_report_is_bounded_by_its_count() {
    // Nine runs of 8,191 packets that did not arrive cover all of 65,535.
    let datagram = hex(&format!(
        "8f cd 0009 {SOURCES} ffff {TIME} {} 0000",
        "1fff".repeat(9)
    ));
    assert_eq!(read(&datagram).unwrap().arrivals().count(), 65_535);
}

#[test]
fn long_runs_are_written_as_runs() {
    let mut deltas = vec![Some(4); 20];
    deltas.extend([None; 30]);
    let digits = format!(
        "8f cd 000a {SOURCES} 0032 {TIME} 2014 001e {}",
        "04".repeat(20)
    );
    assert_eq!(written(&deltas), hex(&digits));
}

#[test]
fn mixed_arrivals_are_written_as_vectors() {
    // Small ones only: fourteen a chunk, the last one filled up.
    let deltas = [Some(1), None, Some(2)];
    let chunk = format!("{:04x}", 0b1010_1000_0000_0000);
    let digits = format!("8f cd 0005 {SOURCES} 0003 {TIME} {chunk} 0102");
    assert_eq!(written(&deltas), hex(&digits));
    // With a large one: seven a chunk.
    let deltas = [Some(1), None, Some(256)];
    let chunk = format!("{:04x}", 0b11_01_00_10_00_00_00_00);
    let digits = format!("af cd 0006 {SOURCES} 0003 {TIME} {chunk} 01 0100 000003");
    assert_eq!(written(&deltas), hex(&digits));
}

#[test]
fn nothing_and_too_much_cannot_be_written() {
    let mut out = vec![0; 100_000];
    let nothing = std::iter::empty::<Option<i16>>();
    assert_eq!(write_transport_feedback(&mut out, &HEADER, nothing), None);
    let too_much = std::iter::repeat_n(None, 65_536);
    assert_eq!(write_transport_feedback(&mut out, &HEADER, too_much), None);
    let most = std::iter::repeat_n(None, 65_535);
    assert_eq!(write_transport_feedback(&mut out, &HEADER, most), Some(40));
}

fn deltas() -> impl Strategy<Value = Vec<Option<i16>>> {
    let delta = prop_oneof![
        4 => Just(None),
        4 => (0..=255_i16).prop_map(Some),
        1 => any::<i16>().prop_map(Some),
    ];
    let run = (delta, prop_oneof![4 => 1..4_usize, 1 => 4..60_usize]);
    prop::collection::vec(run, 1..60).prop_map(|runs| {
        runs.into_iter()
            .flat_map(|(delta, len)| std::iter::repeat_n(delta, len))
            .collect()
    })
}

proptest! {
    #[test]
    fn print_and_parse_agree(base: u16, reference in 0..1_u32 << 24, count: u8, deltas in deltas()) {
        let header = FeedbackHeader {
            base_sequence_number: base,
            reference_time: reference,
            feedback_count: count,
            ..HEADER
        };
        let mut out = vec![0; 8_000];
        let len = write_transport_feedback(&mut out, &header, deltas.iter().copied()).unwrap();
        // The bound that writers of feedback plan with.
        let sizes = deltas.iter().flatten().map(|delta| if (0..256).contains(delta) { 1 } else { 2 });
        prop_assert!(len <= 20 + 3 + deltas.len().div_ceil(7) * 2 + sizes.sum::<usize>());
        for room in [0, 19, len / 2, len - 1] {
            let written = write_transport_feedback(&mut out[..room], &header, deltas.iter().copied());
            prop_assert_eq!(written, None);
        }
        write_transport_feedback(&mut out, &header, deltas.iter().copied()).unwrap();
        let feedback = read(&out[..len]).unwrap();
        prop_assert_eq!(feedback.header, header);
        prop_assert_eq!(usize::from(feedback.status_count), deltas.len());
        let mut ticks = i64::from(reference) * 256;
        for (number, (arrival, delta)) in (0..).zip(feedback.arrivals().zip(&deltas)) {
            let expected = Arrival {
                sequence_number: base.wrapping_add(number),
                ticks: delta.map(|delta| {
                    ticks += i64::from(delta);
                    ticks
                }),
            };
            prop_assert_eq!(arrival, expected);
        }
        prop_assert_eq!(feedback.arrivals().count(), deltas.len());
    }
}
