//! No bytes make a reader panic, run on or write out of bounds.

use proptest::prelude::*;
use xrtc_rtp::dependency::Descriptor;
use xrtc_rtp::rtcp::{Packet, packets};
use xrtc_rtp::{Codec, RtpPacket, inspect, rtx, value, vp8, vp9};

/// Reads everything that a datagram can be asked for.
fn read_all(datagram: &[u8]) {
    if let Ok(packet) = RtpPacket::parse(datagram) {
        let read = packet.header_len() + packet.payload().len() + packet.padding_len();
        assert_eq!(read, datagram.len());
        assert!(packet.csrcs().count() <= 15);
        for (id, data) in packet.extensions() {
            assert_ne!(id, 0);
            let _ = value::audio_level(data);
            let _ = value::transport_sequence_number(data);
            let _ = value::abs_send_time_units(data);
        }
        let _ = format!("{packet:?}");
        let _ = rtx::split(packet.payload());
    }
    for packet in packets(datagram).flatten() {
        match packet {
            Packet::SenderReport(report) => assert!(report.report_blocks().count() <= 31),
            Packet::ReceiverReport(report) => assert!(report.report_blocks().count() <= 31),
            Packet::Sdes(sdes) => {
                let items = sdes
                    .chunks()
                    .map(|chunk| chunk.items().count() + 1)
                    .sum::<usize>();
                assert!(items <= datagram.len());
            }
            Packet::Bye(bye) => assert!(bye.ssrcs().count() <= 31 && bye.reason().len() <= 255),
            Packet::Nack(nack) => {
                assert!(nack.sequence_numbers().count() <= 17 * datagram.len() / 4);
            }
            Packet::Fir(fir) => assert!(fir.entries().count() <= datagram.len() / 8),
            Packet::Remb(remb) => assert!(remb.ssrcs().count() <= 255),
            Packet::TransportFeedback(feedback) => {
                assert_eq!(
                    feedback.arrivals().count(),
                    usize::from(feedback.status_count)
                );
            }
            Packet::Pli(_) | Packet::Other { .. } => {}
        }
    }
}

fn look_at_all(payload: &[u8], descriptor: &[u8]) {
    for codec in Codec::ALL {
        let _ = inspect(codec, payload, None);
        let info = inspect(codec, payload, Some(descriptor));
        assert!(info.temporal_id <= 7 && info.spatial_id <= 7);
    }
    let mut out = [0; 8];
    let _ = vp8::rewrite(payload, 1, 2, &mut out);
    let _ = vp9::rewrite(payload, 1, 2, &mut out);
    if let Some(parsed) = Descriptor::parse(descriptor, None) {
        let again = Descriptor::parse(descriptor, parsed.structure.as_ref());
        assert_eq!(
            again.and_then(|descriptor| descriptor.structure),
            parsed.structure
        );
    }
}

/// The first byte of an RTP or RTCP packet, so that more than a quarter of the cases get behind it.
fn datagrams() -> impl Strategy<Value = Vec<u8>> {
    let head = prop_oneof![
        Just(vec![0x90, 0x60]),
        Just(vec![0xb2, 0x60]),
        (
            prop_oneof![Just(0x80_u8), Just(0xa0)],
            0..32_u8,
            200..=207_u8
        )
            .prop_map(|(version, count, kind)| vec![version | count, kind]),
        prop::collection::vec(any::<u8>(), 0..3),
    ];
    // A length of few words, or the profile of an extension, where it may be.
    let length = prop_oneof![
        (0..12_u8).prop_map(|words| vec![0, words]),
        Just(vec![1, 2])
    ];
    let profile = prop_oneof![
        Just(vec![0xbe, 0xde, 0, 4]),
        Just(vec![0x10, 0, 0, 4]),
        Just(vec![])
    ];
    let bytes = prop_oneof![2 => any::<u8>(), 1 => 0..4_u8, 1 => Just(0xff)];
    let fixed = prop::collection::vec(any::<u8>(), 8);
    (
        head,
        length,
        fixed,
        profile,
        prop::collection::vec(bytes, 0..100),
    )
        .prop_map(|(head, length, fixed, profile, rest)| {
            [head, length, fixed, profile, rest].concat()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_datagrams(datagram in datagrams()) {
        read_all(&datagram);
    }

    #[test]
    fn arbitrary_payloads(
        payload in prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(0xff)], 0..80),
        descriptor in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        look_at_all(&payload, &descriptor);
    }

    /// Real packets with a few bytes of them changed get further into the readers than noise does.
    #[test]
    fn damaged_payloads(
        seed in 0..=SEEDS.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let seed = SEEDS.get(seed).map(|digits| crate::bits::hex(digits));
        let mut payload = seed.unwrap_or_else(crate::av1::with_structure);
        for (at, byte) in damage {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        payload.truncate(cut.index(payload.len()) + 1);
        look_at_all(&payload, &payload);
    }
}

/// One packet of each codec with all its parts.
const SEEDS: [&str; 6] = [
    "90 f0 9234 56 bf 9034009d012a82026a010207088585889984880b02000616",
    "ae 9234 00 07 58 0140 00b4 0280 0168 0500 02d0 02 00 24 01 8249834200281016960638241c184a1000a847",
    "78 0018 6742c01fd9005005ba10000003001000000303c8f1832480 0005 68cb83cb20 0008 65888404af262800",
    "67f4001e919640290bf8f9e10000030001000003003c8f162e48",
    "6001 002b 42010101600000030090000003000003005da00280802d165959a4932b9a020000030002000003003c10",
    "28 0c 080000000cc5036912be4010 30 100085a0041020",
];
