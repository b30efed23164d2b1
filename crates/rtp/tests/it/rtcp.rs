//! RTCP packets, byte by byte after the figures of their RFCs, and their writers.

use proptest::prelude::*;
use xrtc_rtp::rtcp::{
    FirEntry, Packet, ReportBlock, SenderInfo, packets, write_bye, write_fir, write_nack,
    write_pli, write_receiver_report, write_remb, write_sdes_cname, write_sender_report,
};
use xrtc_rtp::{Bitrate, Discard, NtpTime, Ssrc};

use crate::bits::hex;

const US: Ssrc = Ssrc(0x1111_1111);
const THEM: Ssrc = Ssrc(0x2222_2222);

const BLOCK: ReportBlock = ReportBlock {
    ssrc: THEM,
    fraction_lost: 0x40,
    cumulative_lost: -2,
    extended_highest_sequence_number: 0x0001_0203,
    jitter: 7,
    last_sender_report: 0x5678_9abc,
    delay_since_last_sender_report: 0x0001_8000,
};
const BLOCK_HEX: &str = "22222222 40 fffffe 00010203 00000007 56789abc 00018000";

const INFO: SenderInfo = SenderInfo {
    ntp: NtpTime(0x1234_5678_9abc_def0),
    rtp_timestamp: 0x0a0b_0c0d,
    packet_count: 1_000,
    octet_count: 100_000,
};

/// The only packet in `datagram`.
fn only(datagram: &[u8]) -> Packet<'_> {
    let mut packets = packets(datagram);
    let packet = packets.next().unwrap().unwrap();
    assert!(packets.next().is_none());
    packet
}

fn written(write: impl Fn(&mut [u8]) -> Option<usize>) -> Vec<u8> {
    let mut out = [0xee; 1_500];
    let len = write(&mut out).unwrap();
    for room in 0..len {
        assert_eq!(
            write(&mut vec![0; room]),
            None,
            "with room for {room} of {len}"
        );
    }
    out[..len].to_vec()
}

#[test]
fn sender_report_of_rfc_3550_section_6_4_1() {
    let datagram = written(|out| write_sender_report(out, US, &INFO, &[BLOCK]));
    let expected = "81 c8 000c 11111111 123456789abcdef0 0a0b0c0d 000003e8 000186a0";
    assert_eq!(datagram, hex(&format!("{expected} {BLOCK_HEX}")));
    let Packet::SenderReport(report) = only(&datagram) else {
        panic!("not a sender report")
    };
    assert_eq!((report.ssrc, report.info), (US, INFO));
    assert_eq!(report.report_blocks().collect::<Vec<_>>(), [BLOCK]);
}

#[test]
fn receiver_report_of_rfc_3550_section_6_4_2() {
    let datagram = written(|out| write_receiver_report(out, US, &[BLOCK]));
    assert_eq!(datagram, hex(&format!("81 c9 0007 11111111 {BLOCK_HEX}")));
    let Packet::ReceiverReport(report) = only(&datagram) else {
        panic!("not a receiver report")
    };
    assert_eq!(report.ssrc, US);
    assert_eq!(report.report_blocks().collect::<Vec<_>>(), [BLOCK]);
}

#[test]
fn an_empty_receiver_report_is_two_words() {
    assert_eq!(
        written(|out| write_receiver_report(out, US, &[])),
        hex("80 c9 0001 11111111")
    );
}

#[test]
fn reports_hold_31_blocks_and_no_more() {
    let mut out = [0; 1_500];
    assert!(write_receiver_report(&mut out, US, &[BLOCK; 31]).is_some());
    assert_eq!(write_receiver_report(&mut out, US, &[BLOCK; 32]), None);
    assert_eq!(write_sender_report(&mut out, US, &INFO, &[BLOCK; 32]), None);
}

#[test]
fn cumulative_loss_saturates_at_24_bits() {
    for (lost, expected) in [
        (i32::MAX, 0x7f_ffff),
        (i32::MIN, -0x80_0000),
        (-1, -1),
        (5, 5),
    ] {
        let block = ReportBlock {
            cumulative_lost: lost,
            ..BLOCK
        };
        let datagram = written(|out| write_receiver_report(out, US, &[block]));
        let Packet::ReceiverReport(report) = only(&datagram) else {
            panic!("not a report")
        };
        assert_eq!(
            report.report_blocks().next().unwrap().cumulative_lost,
            expected
        );
    }
}

#[test]
fn profile_specific_words_behind_the_blocks_are_skipped() {
    let datagram = hex(&format!("81 c9 0008 11111111 {BLOCK_HEX} 01020304"));
    let Packet::ReceiverReport(report) = only(&datagram) else {
        panic!("not a receiver report")
    };
    assert_eq!(report.report_blocks().collect::<Vec<_>>(), [BLOCK]);
}

#[test]
fn sdes_of_rfc_3550_section_6_5() {
    let datagram = written(|out| write_sdes_cname(out, US, "stream"));
    assert_eq!(
        datagram,
        hex("81 ca 0004 11111111 01 06 73747265616d 00 000000")
    );
    let Packet::Sdes(sdes) = only(&datagram) else {
        panic!("not an SDES")
    };
    let chunks: Vec<_> = sdes
        .chunks()
        .map(|chunk| (chunk.ssrc, chunk.cname()))
        .collect();
    assert_eq!(chunks, [(US, Some(&b"stream"[..]))]);
}

#[test]
fn sdes_items_end_with_a_null_byte_even_at_a_word_boundary() {
    // SSRC, two bytes of head and two of text are two words: the null byte begins a third.
    let datagram = written(|out| write_sdes_cname(out, US, "ab"));
    assert_eq!(datagram, hex("81 ca 0003 11111111 01 02 6162 00000000"));
}

#[test]
fn sdes_with_two_sources_and_other_items() {
    let digits =
        "82 ca 0007 11111111 02 01 6e 01 01 63 00 00 22222222 01 03 787978 000000 00000000";
    let datagram = hex(digits);
    let Packet::Sdes(sdes) = only(&datagram) else {
        panic!("not an SDES")
    };
    let chunks: Vec<_> = sdes
        .chunks()
        .map(|chunk| (chunk.ssrc, chunk.cname()))
        .collect();
    assert_eq!(chunks, [(US, Some(&b"c"[..])), (THEM, Some(&b"xyx"[..]))]);
    let items: Vec<_> = sdes.chunks().next().unwrap().items().collect();
    assert_eq!(items, [(2, &b"n"[..]), (1, &b"c"[..])]);
}

#[test]
fn a_broken_sdes_chunk_ends_the_list() {
    // The item is longer than the packet.
    let datagram = hex("81 ca 0002 11111111 01 09 6162");
    let Packet::Sdes(sdes) = only(&datagram) else {
        panic!("not an SDES")
    };
    assert_eq!(sdes.chunks().count(), 0);
}

#[test]
fn f81_bye_of_rfc_3550_section_6_6() {
    let datagram = written(|out| write_bye(out, &[US, THEM], "bye"));
    assert_eq!(datagram, hex("82 cb 0003 11111111 22222222 03 627965"));
    let Packet::Bye(bye) = only(&datagram) else {
        panic!("not a BYE")
    };
    assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [US, THEM]);
    assert_eq!(bye.reason(), b"bye");
    let silent = written(|out| write_bye(out, &[US], ""));
    assert_eq!(silent, hex("81 cb 0001 11111111"));
    let Packet::Bye(bye) = only(&silent) else {
        panic!("not a BYE")
    };
    assert_eq!(bye.reason(), b"");
}

#[test]
fn nack_of_rfc_4585_section_6_2_1() {
    let datagram = written(|out| write_nack(out, US, THEM, [10, 11, 26, 27, 100]));
    assert_eq!(
        datagram,
        hex("81 cd 0005 11111111 22222222 000a8001 001b0000 00640000")
    );
    let Packet::Nack(nack) = only(&datagram) else {
        panic!("not a NACK")
    };
    assert_eq!((nack.sender, nack.media), (US, THEM));
    assert_eq!(
        nack.sequence_numbers().collect::<Vec<_>>(),
        [10, 11, 26, 27, 100]
    );
}

#[test]
fn nack_masks_wrap_with_the_sequence_numbers() {
    let datagram = written(|out| write_nack(out, US, THEM, [65_534, 65_535, 0, 14]));
    assert_eq!(datagram, hex("81 cd 0003 11111111 22222222 fffe8003"));
    let Packet::Nack(nack) = only(&datagram) else {
        panic!("not a NACK")
    };
    assert_eq!(
        nack.sequence_numbers().collect::<Vec<_>>(),
        [65_534, 65_535, 0, 14]
    );
}

#[test]
fn a_full_mask_is_seventeen_packets() {
    let datagram = hex("81 cd 0003 11111111 22222222 0005ffff");
    let Packet::Nack(nack) = only(&datagram) else {
        panic!("not a NACK")
    };
    assert!(nack.sequence_numbers().eq(5..=21));
    assert_eq!(write_nack(&mut [0; 100], US, THEM, []), None);
}

#[test]
fn pli_of_rfc_4585_section_6_3_1() {
    let datagram = written(|out| write_pli(out, US, THEM));
    assert_eq!(datagram, hex("81 ce 0002 11111111 22222222"));
    assert!(matches!(only(&datagram), Packet::Pli(pli) if pli.sender == US && pli.media == THEM));
}

#[test]
fn fir_of_rfc_5104_section_4_3_1_has_all_its_entries() {
    let entries = [
        FirEntry {
            media: THEM,
            sequence_number: 9,
        },
        FirEntry {
            media: US,
            sequence_number: 255,
        },
    ];
    let datagram = written(|out| write_fir(out, US, &entries));
    let expected = "84 ce 0006 11111111 00000000 22222222 09000000 11111111 ff000000";
    assert_eq!(datagram, hex(expected));
    let Packet::Fir(fir) = only(&datagram) else {
        panic!("not a FIR")
    };
    assert_eq!(fir.sender, US);
    assert_eq!(fir.entries().collect::<Vec<_>>(), entries);
}

#[test]
fn remb_of_the_draft_section_2_2() {
    // 2.5 Mbit/s: a mantissa of 18 bits, 156,250 << 4.
    let datagram = written(|out| write_remb(out, US, Bitrate(2_500_000), &[THEM]));
    assert_eq!(
        datagram,
        hex("8f ce 0005 11111111 00000000 52454d42 01 12625a 22222222")
    );
    let Packet::Remb(remb) = only(&datagram) else {
        panic!("not a REMB")
    };
    assert_eq!((remb.sender, remb.bitrate), (US, Bitrate(2_500_000)));
    assert_eq!(remb.ssrcs().collect::<Vec<_>>(), [THEM]);
}

#[test]
fn remb_rounds_down_to_18_bits_and_saturates_at_64() {
    for rate in [0, 1, 0x3_ffff, 0x4_0000, 0x4_0001, 123_456_789, u64::MAX] {
        let datagram = written(|out| write_remb(out, US, Bitrate(rate), &[]));
        let Packet::Remb(remb) = only(&datagram) else {
            panic!("not a REMB")
        };
        assert!(
            remb.bitrate.0 <= rate && rate - remb.bitrate.0 <= rate >> 17,
            "{rate}"
        );
    }
    let datagram = hex("8f ce 0004 11111111 00000000 52454d42 00 ffffff");
    let Packet::Remb(remb) = only(&datagram) else {
        panic!("not a REMB")
    };
    assert_eq!(remb.bitrate, Bitrate(u64::MAX));
}

#[test]
fn f81_compounds_and_reduced_size_are_read_alike() {
    let mut out = [0; 200];
    let mut len = write_receiver_report(&mut out, US, &[BLOCK]).unwrap();
    len += write_sdes_cname(&mut out[len..], US, "c").unwrap();
    len += write_nack(&mut out[len..], US, THEM, [1]).unwrap();
    len += write_pli(&mut out[len..], US, THEM).unwrap();
    let kinds: Vec<_> = packets(&out[..len]).map(Result::unwrap).collect();
    assert!(matches!(
        kinds[..],
        [
            Packet::ReceiverReport(_),
            Packet::Sdes(_),
            Packet::Nack(_),
            Packet::Pli(_)
        ]
    ));
}

#[test]
fn f81_unknown_packets_are_named_and_passed_over() {
    // APP, XR, TMMBR (transport feedback 3), application feedback that is no REMB, type 223, then a PLI.
    let digits = "80 cc 0002 11111111 6e616d65  80 cf 0001 11111111  83 cd 0002 11111111 22222222 \
                  8f ce 0003 11111111 22222222 41424344  80 df 0000  81 ce 0002 11111111 22222222";
    let datagram = hex(digits);
    let all: Vec<_> = packets(&datagram).map(Result::unwrap).collect();
    let others: Vec<_> = all
        .iter()
        .filter_map(|packet| match packet {
            Packet::Other {
                packet_type,
                count_or_format,
            } => Some((*packet_type, *count_or_format)),
            _ => None,
        })
        .collect();
    assert_eq!(others, [(204, 0), (207, 0), (205, 3), (206, 15), (223, 0)]);
    assert!(matches!(all[5], Packet::Pli(_)));
}

#[test]
fn f81_padding_belongs_to_its_packet() {
    // A PLI with four bytes of padding, and one behind it.
    let datagram = hex("a1 ce 0003 11111111 22222222 00000004 81 ce 0002 11111111 22222222");
    assert_eq!(
        packets(&datagram)
            .filter(|packet| matches!(packet, Ok(Packet::Pli(_))))
            .count(),
        2
    );
}

#[test]
fn broken_frames_end_the_list() {
    let discards = |digits: &str| {
        packets(&hex(digits))
            .map(|packet| packet.err())
            .collect::<Vec<_>>()
    };
    assert_eq!(discards(""), []);
    assert_eq!(discards("80 c9 00"), [Some(Discard::RtcpTooShort)]);
    assert_eq!(discards("40 c9 0000"), [Some(Discard::RtcpVersion)]);
    assert_eq!(
        discards("80 c9 0002 11111111"),
        [Some(Discard::RtcpTruncated)]
    );
    assert_eq!(
        discards("a0 c9 0001 00000000"),
        [Some(Discard::RtcpPadding)]
    );
    assert_eq!(
        discards("a0 c9 0001 00000005"),
        [Some(Discard::RtcpPadding)]
    );
    assert_eq!(discards("a0 c9 0000"), [Some(Discard::RtcpPadding)]);
    assert_eq!(
        discards("81 ce 0002 11111111 22222222 ff"),
        [None, Some(Discard::RtcpTooShort)]
    );
}

#[test]
fn f81_a_malformed_packet_does_not_hide_the_next_one() {
    // A receiver report that counts a block that it does not have, then a PLI.
    let datagram = hex("81 c9 0001 11111111 81 ce 0002 11111111 22222222");
    let all: Vec<_> = packets(&datagram).collect();
    assert!(matches!(
        all[..],
        [Err(Discard::RtcpMalformed), Ok(Packet::Pli(_))]
    ));
}

fn report_block() -> impl Strategy<Value = ReportBlock> {
    let numbers = (any::<u32>(), any::<u8>(), -0x80_0000..=0x7f_ffff_i32);
    (numbers, any::<[u32; 4]>()).prop_map(|((ssrc, fraction_lost, cumulative_lost), words)| {
        ReportBlock {
            ssrc: Ssrc(ssrc),
            fraction_lost,
            cumulative_lost,
            extended_highest_sequence_number: words[0],
            jitter: words[1],
            last_sender_report: words[2],
            delay_since_last_sender_report: words[3],
        }
    })
}

proptest! {
    #[test]
    fn reports_print_and_parse(
        ssrc: u32,
        ntp: u64,
        counts: [u32; 3],
        blocks in prop::collection::vec(report_block(), 0..=31),
    ) {
        let [rtp_timestamp, packet_count, octet_count] = counts;
        let info = SenderInfo { ntp: NtpTime(ntp), rtp_timestamp, packet_count, octet_count };
        let mut out = [0; 1_500];
        let len = write_sender_report(&mut out, Ssrc(ssrc), &info, &blocks).unwrap();
        let Packet::SenderReport(report) = only(&out[..len]) else { panic!("not a sender report") };
        prop_assert_eq!((report.ssrc, report.info), (Ssrc(ssrc), info));
        prop_assert!(report.report_blocks().eq(blocks.iter().copied()));
        let len = write_receiver_report(&mut out, Ssrc(ssrc), &blocks).unwrap();
        let Packet::ReceiverReport(report) = only(&out[..len]) else { panic!("not a report") };
        prop_assert!(report.report_blocks().eq(blocks));
    }

    #[test]
    fn nacks_print_and_parse(first: u16, steps in prop::collection::vec(1..40_u16, 0..200)) {
        let mut missing = vec![first];
        for step in steps {
            missing.push(missing.last().unwrap().wrapping_add(step));
        }
        let mut out = [0; 1_500];
        let len = write_nack(&mut out, US, THEM, missing.iter().copied()).unwrap();
        let Packet::Nack(nack) = only(&out[..len]) else { panic!("not a NACK") };
        prop_assert_eq!(nack.sequence_numbers().collect::<Vec<_>>(), missing);
    }

    #[test]
    fn descriptions_and_goodbyes_print_and_parse(
        ssrcs in prop::collection::vec(any::<u32>().prop_map(Ssrc), 1..=31),
        text in "[ -~]{0,200}",
    ) {
        let mut out = [0; 1_500];
        let len = write_bye(&mut out, &ssrcs, &text).unwrap();
        let Packet::Bye(bye) = only(&out[..len]) else { panic!("not a BYE") };
        prop_assert!(bye.ssrcs().eq(ssrcs.iter().copied()));
        prop_assert_eq!(bye.reason(), text.as_bytes());
        let len = write_sdes_cname(&mut out, ssrcs[0], &text).unwrap();
        let Packet::Sdes(sdes) = only(&out[..len]) else { panic!("not an SDES") };
        let chunk = sdes.chunks().next().unwrap();
        prop_assert_eq!((chunk.ssrc, chunk.cname()), (ssrcs[0], Some(text.as_bytes())));
    }

    #[test]
    fn key_frame_requests_and_estimates_print_and_parse(
        entries in prop::collection::vec((any::<u32>(), any::<u8>()), 0..50),
        mantissa in 0..1_u64 << 18,
        exponent in 0..46_u32,
    ) {
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(media, sequence_number)| FirEntry { media: Ssrc(media), sequence_number })
            .collect();
        let mut out = [0; 1_500];
        let len = write_fir(&mut out, US, &entries).unwrap();
        let Packet::Fir(fir) = only(&out[..len]) else { panic!("not a FIR") };
        prop_assert!(fir.entries().eq(entries.iter().copied()));
        let ssrcs: Vec<_> = entries.iter().map(|entry| entry.media).collect();
        let rate = Bitrate(mantissa << exponent);
        let len = write_remb(&mut out, US, rate, &ssrcs).unwrap();
        let Packet::Remb(remb) = only(&out[..len]) else { panic!("not a REMB") };
        prop_assert_eq!(remb.bitrate, rate);
        prop_assert!(remb.ssrcs().eq(ssrcs));
    }

    #[test]
    fn f81_any_datagram_is_read_to_its_end(datagram in prop::collection::vec(any::<u8>(), 0..200)) {
        // Each packet takes at least four bytes, so that the list is bounded.
        prop_assert!(packets(&datagram).count() <= datagram.len() / 4 + 1);
    }
}
