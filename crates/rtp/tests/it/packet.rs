//! RTP headers, against the figures of RFC 3550 §5.1 and RFC 8285 §4.

use xrtc_rtp::{Discard, PayloadType, RtpPacket, Ssrc, is_rtcp};

use crate::bits::hex;

/// Version 2, no extras, marker, payload type 96, sequence number 0x1234, then timestamp and SSRC.
const PLAIN: &str = "80 e0 1234 00bc614e deadbeef";

fn elements(datagram: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let packet = RtpPacket::parse(datagram).unwrap();
    packet
        .extensions()
        .map(|(id, data)| (id, data.to_vec()))
        .collect()
}

#[test]
fn the_fixed_header_of_rfc_3550() {
    let datagram = hex(&format!("{PLAIN} 0102"));
    let packet = RtpPacket::parse(&datagram).unwrap();
    assert!(packet.marker());
    assert_eq!(packet.payload_type(), PayloadType(96));
    assert_eq!(packet.sequence_number(), 0x1234);
    assert_eq!(packet.timestamp(), 12_345_678);
    assert_eq!(packet.ssrc(), Ssrc(0xdead_beef));
    assert_eq!(packet.header_len(), 12);
    assert_eq!(packet.payload(), [1, 2]);
    assert_eq!(packet.padding_len(), 0);
    assert_eq!(packet.csrcs().count(), 0);
    assert_eq!(packet.extensions().count(), 0);
}

#[test]
fn f74_contributing_sources_come_before_the_extension() {
    let datagram = hex("92 60 0001 00000000 00000001 0000000a 0000000b bede0001 10ff0000 77");
    let packet = RtpPacket::parse(&datagram).unwrap();
    assert!(!packet.marker());
    assert_eq!(packet.csrcs().collect::<Vec<_>>(), [Ssrc(10), Ssrc(11)]);
    assert_eq!(packet.extension(1), Some(&[0xff][..]));
    assert_eq!(packet.header_len(), 28);
    assert_eq!(packet.payload(), [0x77]);
}

#[test]
fn f74_padding_is_cut_off() {
    let datagram = hex("a0 60 0001 00000000 00000001 aabb 000003");
    let packet = RtpPacket::parse(&datagram).unwrap();
    assert_eq!(packet.payload(), [0xaa, 0xbb]);
    assert_eq!(packet.padding_len(), 3);
}

#[test]
fn f74_a_packet_may_be_all_padding_with_extensions() {
    // As Chrome's first packet of a simulcast layer, which probes and names its rid.
    let datagram = hex("b0 61 0001 00000000 00000001 bede0001 a0680000 00000004");
    let packet = RtpPacket::parse(&datagram).unwrap();
    assert_eq!(packet.payload(), []);
    assert_eq!(packet.padding_len(), 4);
    assert_eq!(packet.extension(10), Some(&b"h"[..]));
}

#[test]
fn f74_impossible_headers_are_discarded() {
    let discard = |digits: &str| RtpPacket::parse(&hex(digits)).unwrap_err();
    assert_eq!(discard(""), Discard::RtpTooShort);
    assert_eq!(discard("80 60 0001 00000000 000000"), Discard::RtpTooShort);
    assert_eq!(discard("40 60 0001 00000000 00000001"), Discard::RtpVersion);
    assert_eq!(discard("c0 60 0001 00000000 00000001"), Discard::RtpVersion);
    // One contributing source, two announced.
    assert_eq!(
        discard("82 60 0001 00000000 00000001 00000002"),
        Discard::RtpTruncated
    );
    // No room for the extension's header, or for its announced words.
    assert_eq!(
        discard("90 60 0001 00000000 00000001 bede"),
        Discard::RtpTruncated
    );
    assert_eq!(
        discard("90 60 0001 00000000 00000001 bede0002 00000000"),
        Discard::RtpTruncated
    );
    // Padding of nothing, and of more than there is.
    assert_eq!(
        discard("a0 60 0001 00000000 00000001 aa00"),
        Discard::RtpPadding
    );
    assert_eq!(
        discard("a0 60 0001 00000000 00000001 aa03"),
        Discard::RtpPadding
    );
}

#[test]
fn f74_a_padding_bit_behind_which_nothing_follows_is_no_padding() {
    let datagram = hex("a0 60 0001 00000000 00000001");
    let packet = RtpPacket::parse(&datagram).unwrap();
    assert_eq!((packet.payload(), packet.padding_len()), (&[][..], 0));
}

#[test]
fn f74_the_one_byte_form_of_rfc_8285_section_4_2() {
    // The figure: an element of one byte, one of two, two bytes of padding, one of four.
    let datagram = hex(&format!(
        "9{} bede0003 10aa 21bbcc 0000 33 ddddddd0 00",
        &PLAIN[1..]
    ));
    let expected = [(1, vec![0xaa]), (2, vec![0xbb, 0xcc]), (3, hex("ddddddd0"))];
    assert_eq!(elements(&datagram), expected);
}

#[test]
fn f74_the_two_byte_form_of_rfc_8285_section_4_3() {
    // The figure: an empty element, one of one byte, padding, one of four.
    let datagram = hex(&format!(
        "9{} 10000003 0100 0201bb 00 0304 dddddddd 00",
        &PLAIN[1..]
    ));
    let expected = [(1, vec![]), (2, vec![0xbb]), (3, hex("dddddddd"))];
    assert_eq!(elements(&datagram), expected);
}

#[test]
fn f74_two_byte_elements_may_have_any_appbits_and_large_ids() {
    let datagram = hex(&format!("9{} 100f0001 ff02 aabb", &PLAIN[1..]));
    assert_eq!(elements(&datagram), [(255, vec![0xaa, 0xbb])]);
    // In this form 15 is an id like any other.
    let datagram = hex(&format!("9{} 10000001 0f01 aa00", &PLAIN[1..]));
    assert_eq!(elements(&datagram), [(15, vec![0xaa])]);
}

#[test]
fn f74_id_15_and_id_0_with_a_length_end_the_one_byte_form() {
    let datagram = hex(&format!("9{} bede0002 10aa f0bb 10cc 0000", &PLAIN[1..]));
    assert_eq!(elements(&datagram), [(1, vec![0xaa])]);
    let datagram = hex(&format!("9{} bede0002 10aa 01bb bb20 cc00", &PLAIN[1..]));
    assert_eq!(elements(&datagram), [(1, vec![0xaa])]);
}

#[test]
fn f74_an_element_longer_than_its_extension_ends_it() {
    let datagram = hex(&format!("9{} bede0001 10aa 23bb", &PLAIN[1..]));
    assert_eq!(elements(&datagram), [(1, vec![0xaa])]);
    let datagram = hex(&format!("9{} 10000001 0102 aabb", &PLAIN[1..]));
    assert_eq!(elements(&datagram), [(1, vec![0xaa, 0xbb])]);
    let datagram = hex(&format!("9{} 10000001 0103 aabb", &PLAIN[1..]));
    assert_eq!(elements(&datagram), []);
}

#[test]
fn extensions_of_other_profiles_are_skipped_as_a_whole() {
    let datagram = hex(&format!("9{} abcd0001 10aa0000 77", &PLAIN[1..]));
    assert_eq!(elements(&datagram), []);
    assert_eq!(RtpPacket::parse(&datagram).unwrap().payload(), [0x77]);
}

#[test]
fn the_first_of_two_elements_with_one_id_counts() {
    let datagram = hex(&format!("9{} bede0001 10aa 10bb", &PLAIN[1..]));
    assert_eq!(
        RtpPacket::parse(&datagram).unwrap().extension(1),
        Some(&[0xaa][..])
    );
    assert_eq!(RtpPacket::parse(&datagram).unwrap().extension(2), None);
}

#[test]
fn f74_rtcp_is_told_by_its_packet_type_as_in_rfc_5761_section_4() {
    for second in 0..=255_u8 {
        assert_eq!(
            is_rtcp(&[0x80, second]),
            (192..=223).contains(&second),
            "{second}"
        );
    }
    assert!(!is_rtcp(&[0x80]));
}
