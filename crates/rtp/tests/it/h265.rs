//! H.265: packets after RFC 7798 §4.4 around parameter sets out of x265.

use xrtc_rtp::{Codec, PayloadInfo, inspect};

use crate::bits::hex;
use crate::expected::{KEY, NOTHING, START, sized};

const VPS: &str = "40010c01ffff01600000030090000003000003005d959809";
/// Main, 1280x720.
const SPS: &str =
    "42010101600000030090000003000003005da00280802d165959a4932b9a020000030002000003003c10";
const PPS: &str = "4401c172b46240";
const SEI: &str = "4e0105ffffffffff";
const AUD: &str = "460150";
/// IDR_N_LP, as x265 writes it, and its second slice segment.
const IDR: &str = "2801af084619f616";
const IDR_SECOND: &str = "28012f084619f616";
/// TRAIL_R of temporal sub-layers 0 and 2.
const SLICE: &str = "0201d00913";
const SLICE_T2: &str = "0203d00913";
const SLICE_SECOND: &str = "0201500913";

const KEY_HD: PayloadInfo = PayloadInfo {
    resolution: Some((1_280, 720)),
    ..KEY
};

fn look_at(digits: &str) -> PayloadInfo {
    inspect(Codec::H265, &hex(digits), None)
}

fn aggregate(units: &[&str]) -> PayloadInfo {
    look_at(&format!("6001 {}", sized(units)))
}

#[test]
fn single_units_of_section_4_4_1() {
    assert_eq!(look_at(VPS), KEY);
    assert_eq!(look_at(SPS), KEY_HD);
    assert_eq!(look_at(IDR), KEY);
    for begin in [PPS, SEI, AUD, SLICE] {
        assert_eq!(look_at(begin), START, "{begin}");
    }
    for rest in [IDR_SECOND, SLICE_SECOND, "2801", "28", "", "50018000"] {
        assert_eq!(look_at(rest), NOTHING, "{rest}");
    }
}

#[test]
fn f78_every_random_access_point_is_a_key_frame() {
    // BLA (16 to 18), IDR (19, 20), CRA (21) and what is reserved beside them.
    for unit_type in 0..32_u8 {
        let info = inspect(Codec::H265, &[unit_type << 1, 1, 0xaf], None);
        assert_eq!(info.keyframe, (16..=23).contains(&unit_type), "{unit_type}");
        assert!(info.frame_start);
    }
}

#[test]
fn the_temporal_layer_is_in_the_header() {
    assert_eq!(
        look_at(SLICE_T2),
        PayloadInfo {
            temporal_id: 2,
            ..START
        }
    );
    // Zero, which the specification forbids.
    assert_eq!(look_at("0200d00913").temporal_id, 0);
}

#[test]
fn f78_aggregation_packets_of_section_4_4_2() {
    assert_eq!(aggregate(&[VPS, SPS, PPS]), KEY_HD);
    assert_eq!(aggregate(&[AUD, VPS, SPS, PPS, SEI, IDR]), KEY_HD);
    assert_eq!(aggregate(&[AUD, SLICE]), START);
    assert_eq!(
        aggregate(&[VPS, SPS, PPS, SLICE]),
        PayloadInfo {
            keyframe: false,
            ..KEY_HD
        }
    );
    assert_eq!(look_at("6001 0007 4401c172b46240 00ff 28"), START);
}

#[test]
fn f78_fragmentation_units_of_section_4_4_3_count_at_their_start() {
    assert_eq!(look_at("6201 94 af084619"), KEY);
    assert_eq!(look_at("6201 14 af084619"), NOTHING);
    assert_eq!(look_at("6201 54 af084619"), NOTHING);
    assert_eq!(
        look_at("6203 81 d00913"),
        PayloadInfo {
            temporal_id: 2,
            ..START
        }
    );
    assert_eq!(look_at(&format!("6201 a1 {}", &SPS[4..])), KEY_HD);
    assert_eq!(look_at("6201"), NOTHING);
}

#[test]
fn sizes_of_x265() {
    let table = [
        (
            "420101016000000300900000030000030078a003c08010e596566924cae68080000003008000000f04",
            (1_920, 1_080),
        ),
        (
            "42010101600000030090000003000003003fa005020169d565959a4932b9a020000003002000000303c1",
            (638, 358),
        ),
        // Main 4:4:4 and Main 4:2:2 10, whose units of cropping differ.
        (
            "4201010408000003009e0800000300003f9000a2402e39e7cb2b349265734040000003004000000782",
            (642, 362),
        ),
        (
            "4201010408000003009d0800000300003fb005120171c93e5959a4932b9a020000030002000003003c10",
            (642, 362),
        ),
        // Three temporal sub-layers, whose flags are filled up to eight.
        (
            "42010401600000030090000003000003003f0000a005020169659594aca565924cae68080000030008\
             00000300f040",
            (640, 360),
        ),
    ];
    for (sps, size) in table {
        assert_eq!(look_at(sps).resolution, Some(size), "{sps}");
    }
}

#[test]
fn sub_layers_may_bring_profiles_and_levels() {
    use crate::bits::Bits;

    // sps_max_sub_layers_minus1 of 2; the first sub-layer has both, the second only a level.
    let bits = Bits::new()
        .put(4, 0)
        .put(3, 2)
        .put(1, 1)
        .repeat(12, |bits| bits.put(8, 0x5a));
    let bits = bits.put(2, 0b11).put(2, 0b01).put(12, 0);
    let bits = bits.repeat(12, |bits| bits.put(8, 0xa5)).put(8, 0xff);
    // Id 0, 4:2:0, 640x360 without a window.
    let body = bits.ue(0).ue(1).ue(640).ue(360).put(1, 0).trailing();
    let info = inspect(Codec::H265, &[vec![0x42, 0x01], body].concat(), None);
    assert_eq!(info.resolution, Some((640, 360)));
}

#[test]
fn a_parameter_set_cut_short_is_a_key_frame_without_a_size() {
    let sps = hex(SPS);
    for len in 2..20 {
        assert_eq!(inspect(Codec::H265, &sps[..len], None), KEY, "{len}");
    }
}
