//! What is written is what is read.

use proptest::prelude::*;
use xrtc_rtp::{
    ExtensionKind, ExtensionMap, HeaderFields, PayloadType, RtpPacket, Ssrc, write_header,
};

use crate::bits::hex;

const FIELDS: HeaderFields = HeaderFields {
    marker: true,
    payload_type: PayloadType(96),
    sequence_number: 0x1234,
    timestamp: 12_345_678,
    ssrc: Ssrc(0xdead_beef),
};

fn write(elements: &[(u8, &[u8])]) -> Option<Vec<u8>> {
    let mut out = [0xee; 700];
    let len = write_header(&mut out, &FIELDS, elements.iter().copied())?;
    Some(out[..len].to_vec())
}

#[test]
fn without_elements_there_is_no_extension() {
    assert_eq!(write(&[]), Some(hex("80 e0 1234 00bc614e deadbeef")));
}

#[test]
fn small_elements_take_the_one_byte_form() {
    let written = write(&[(1, b"a"), (14, b"0123456789abcdef")]).unwrap();
    let expected =
        "90 e0 1234 00bc614e deadbeef bede0005 1061 ef30313233343536373839616263646566 00";
    assert_eq!(written, hex(expected));
}

#[test]
fn one_large_element_takes_all_to_the_two_byte_form() {
    let expected = "90 e0 1234 00bc614e deadbeef 10000002 010161 0f0162 0000";
    assert_eq!(write(&[(1, b"a"), (15, b"b")]), Some(hex(expected)));
    let empty = "90 e0 1234 00bc614e deadbeef 10000001 0100 0000";
    assert_eq!(write(&[(1, b"")]), Some(hex(empty)));
    let long = write(&[(1, &[7; 17])]).unwrap();
    assert_eq!(long[12..18], hex("1000 0005 0111")[..]);
}

#[test]
fn elements_that_no_form_can_hold_are_refused() {
    assert_eq!(write(&[(0, b"a")]), None);
    assert_eq!(write(&[(1, &[0; 256])]), None);
    assert!(write(&[(1, &[0; 255])]).is_some());
}

#[test]
fn too_little_room_is_refused_at_every_length() {
    let elements = [(1, &b"abc"[..]), (2, &b"d"[..])];
    let len = write(&elements).unwrap().len();
    for room in 0..len {
        assert_eq!(
            write_header(&mut vec![0; room], &FIELDS, elements.into_iter()),
            None
        );
    }
    assert_eq!(
        write_header(&mut vec![0; len], &FIELDS, elements.into_iter()),
        Some(len)
    );
}

#[test]
fn a_map_may_be_collected_from_negotiated_ids() {
    let map: ExtensionMap = [
        (ExtensionKind::Mid, 4),
        (ExtensionKind::TransportCc, 3),
        (ExtensionKind::Rid, 4),
    ]
    .into_iter()
    .collect();
    let entries: Vec<_> = map.iter().collect();
    assert_eq!(
        entries,
        [(ExtensionKind::Mid, 4), (ExtensionKind::TransportCc, 3)]
    );
}

fn elements() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let small = (1..15_u8, prop::collection::vec(any::<u8>(), 1..=16));
    let large = (1..=255_u8, prop::collection::vec(any::<u8>(), 0..=255));
    prop_oneof![
        prop::collection::vec(small, 0..12),
        prop::collection::vec(large, 0..6),
    ]
}

proptest! {
    #[test]
    fn print_and_parse_agree(
        marker: bool,
        payload_type in 0..128_u8,
        sequence_number: u16,
        timestamp: u32,
        ssrc: u32,
        elements in elements(),
        payload in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let fields = HeaderFields {
            marker,
            payload_type: PayloadType(payload_type),
            sequence_number,
            timestamp,
            ssrc: Ssrc(ssrc),
        };
        let mut out = vec![0xee; 2_000];
        let borrowed = elements.iter().map(|(id, data)| (*id, &data[..]));
        let len = write_header(&mut out, &fields, borrowed.clone()).unwrap();
        out.truncate(len);
        out.extend(&payload);
        let packet = RtpPacket::parse(&out).unwrap();
        let read = HeaderFields {
            marker: packet.marker(),
            payload_type: packet.payload_type(),
            sequence_number: packet.sequence_number(),
            timestamp: packet.timestamp(),
            ssrc: packet.ssrc(),
        };
        prop_assert_eq!(read, fields);
        prop_assert_eq!(packet.header_len(), len);
        prop_assert_eq!(packet.payload(), &payload[..]);
        prop_assert!(packet.extensions().eq(borrowed));
    }
}
