//! H.264: packets after RFC 6184 §5 around parameter sets out of x264.

use xrtc_rtp::{Codec, PayloadInfo, inspect};

use crate::bits::{Bits, hex};
use crate::expected::{KEY, NOTHING, START, sized};

/// Baseline, 1280x720.
const SPS: &str = "6742c01fd9005005ba10000003001000000303c8f1832480";
const PPS: &str = "68cb83cb20";
const SEI: &str = "0605ffff58dc45e9";
const AUD: &str = "09f0";
const IDR: &str = "65888404af262800";
/// The second slice of an IDR picture: first_mb_in_slice is not zero.
const IDR_SECOND: &str = "6500398888404af2";
const SLICE: &str = "41 9a2e4d";
const SLICE_SECOND: &str = "41 00399a2e";

const KEY_HD: PayloadInfo = PayloadInfo {
    resolution: Some((1_280, 720)),
    ..KEY
};

fn look_at(digits: &str) -> PayloadInfo {
    inspect(Codec::H264, &hex(digits), None)
}

/// A STAP-A packet of these units.
fn aggregate(units: &[&str]) -> PayloadInfo {
    look_at(&format!("78 {}", sized(units)))
}

/// The size in a sequence parameter set, without its header, built by hand.
fn size_of(sps: Vec<u8>) -> Option<(u16, u16)> {
    inspect(Codec::H264, &[vec![0x67], sps].concat(), None).resolution
}

#[test]
fn f78_single_units_of_section_5_6() {
    assert_eq!(look_at(SPS), KEY_HD);
    assert_eq!(look_at(IDR), KEY);
    for begin in [PPS, SEI, AUD, SLICE] {
        assert_eq!(look_at(begin), START, "{begin}");
    }
    for rest in [IDR_SECOND, SLICE_SECOND, "0c ff", "65", ""] {
        assert_eq!(look_at(rest), NOTHING, "{rest}");
    }
}

#[test]
fn f78_stap_a_of_section_5_7_1_is_a_key_frame_with_parameters_or_idr() {
    assert_eq!(aggregate(&[SPS, PPS]), KEY_HD);
    assert_eq!(aggregate(&[SPS, PPS, IDR]), KEY_HD);
    assert_eq!(aggregate(&[AUD, SPS, PPS, SEI, IDR]), KEY_HD);
    assert_eq!(aggregate(&[AUD, IDR]), KEY);
    assert_eq!(aggregate(&[AUD, SLICE]), START);
    assert_eq!(aggregate(&[SLICE_SECOND, SLICE_SECOND]), NOTHING);
    assert_eq!(aggregate(&[IDR_SECOND]), NOTHING);
}

#[test]
fn f78_parameters_repeated_before_every_picture_make_no_key_frame() {
    let info = aggregate(&[AUD, SPS, PPS, SLICE]);
    assert_eq!(
        info,
        PayloadInfo {
            keyframe: false,
            ..KEY_HD
        }
    );
}

#[test]
fn a_broken_stap_a_is_read_as_far_as_it_goes() {
    assert_eq!(look_at("78 0005 68cb83cb20 00ff 65"), START);
    assert_eq!(look_at("78 0000 0005 68cb83cb20"), START);
    assert_eq!(look_at("78 00"), NOTHING);
}

#[test]
fn f78_fu_a_of_section_5_8_counts_at_its_start() {
    // The indicator takes F and NRI of the unit, the header S, E and its type.
    assert_eq!(look_at("7c 85 888404af"), KEY);
    assert_eq!(look_at("7c 05 888404af"), NOTHING);
    assert_eq!(look_at("7c 45 888404af"), NOTHING);
    assert_eq!(look_at("7c 85 00398888"), NOTHING);
    assert_eq!(look_at("5c 81 9a2e4d"), START);
    assert_eq!(look_at(&format!("7c 87 {}", &SPS[2..])), KEY_HD);
    assert_eq!(look_at("7c"), NOTHING);
    assert_eq!(look_at("7c 85"), NOTHING);
}

#[test]
fn sizes_of_x264() {
    let table = [
        // High, 1080 lines of 1088.
        (
            "67640028acb200f0044fcb08000003000800000301e478c19240",
            (1_920, 1_080),
        ),
        // Main, cropped at both sides.
        ("674d401ed900a02fea6840000003004000000f23c58b92", (638, 358)),
        // High 4:2:2 and High 4:4:4 Predictive: the units of cropping differ.
        (
            "677a001ebcb201485fc44f08000003000800000301e478b17240",
            (642, 362),
        ),
        (
            "67f4001e919640290bf8f9e10000030001000003003c8f162e48",
            (642, 362),
        ),
        // Interlaced (tff) and progressive in the interlaced syntax: map units of two macroblocks.
        (
            "6764001face402d093f508000003000800000301e4f8b17240",
            (720, 572),
        ),
        (
            "674d401fd900b4247d42000003000200000300791e306490",
            (720, 572),
        ),
        ("6764000dacb202833f3c20000003002000000791e28549", (320, 180)),
    ];
    for (sps, size) in table {
        assert_eq!(look_at(sps).resolution, Some(size), "{sps}");
    }
}

/// The fields up to level_idc and seq_parameter_set_id.
fn profile(profile_idc: u64) -> Bits {
    Bits::new().put(8, profile_idc).put(8, 0).put(8, 31).ue(0)
}

/// From max_num_ref_frames to frame_cropping_flag: 320x192 in progressive frames, not cropped.
fn rest(bits: Bits) -> Vec<u8> {
    bits.ue(1)
        .put(1, 0)
        .ue(19)
        .ue(11)
        .put(1, 1)
        .put(1, 1)
        .put(1, 0)
        .put(1, 0)
        .trailing()
}

#[test]
fn scaling_lists_are_passed_over() {
    // chroma_format_idc, bit depths, bypass, then eight lists: absent, "use the default" (the first delta makes
    // zero), one of all its 16 deltas, and one of 64 that ends early.
    let bits = profile(100).ue(1).ue(0).ue(0).put(1, 0).put(1, 1);
    let bits = bits
        .put(1, 0)
        .put(1, 1)
        .se(-8)
        .put(1, 1)
        .repeat(16, |bits| bits.se(1))
        .put(3, 0);
    let bits = bits.put(1, 1).se(8).se(-16).put(1, 0);
    assert_eq!(size_of(rest(bits.ue(0).ue(0).ue(0))), Some((320, 192)));
    // 4:4:4 has twelve lists, and a flag for separate planes.
    let bits = profile(244)
        .ue(3)
        .put(1, 1)
        .ue(0)
        .ue(0)
        .put(1, 0)
        .put(1, 1)
        .put(8, 0);
    assert_eq!(size_of(rest(bits.ue(0).ue(0).ue(0))), Some((320, 192)));
    let bits = profile(244)
        .ue(3)
        .put(1, 0)
        .ue(0)
        .ue(0)
        .put(1, 0)
        .put(1, 1)
        .put(12, 0);
    assert_eq!(size_of(rest(bits.ue(0).ue(0).ue(0))), Some((320, 192)));
}

#[test]
fn all_three_types_of_picture_order_are_passed_over() {
    let base = || profile(66).ue(0);
    assert_eq!(size_of(rest(base().ue(0).ue(4))), Some((320, 192)));
    let cycle = base().ue(1).put(1, 1).se(-3).se(2).ue(2).se(4).se(-4);
    assert_eq!(size_of(rest(cycle)), Some((320, 192)));
    assert_eq!(size_of(rest(base().ue(2))), Some((320, 192)));
    // A cycle of more than 255 is not possible.
    assert_eq!(
        size_of(rest(base().ue(1).put(1, 1).se(0).se(0).ue(256))),
        None
    );
}

#[test]
fn impossible_sizes_are_none() {
    let sized = |width: u32, height: u32| {
        let bits = profile(66).ue(0).ue(2).ue(1).put(1, 0).ue(width).ue(height);
        bits.put(1, 1).put(1, 1)
    };
    assert_eq!(
        size_of(sized(19, 11).put(1, 0).trailing()),
        Some((320, 192))
    );
    // Larger than 16 bits, larger than 32, and cropped to nothing or less.
    assert_eq!(size_of(sized(4_096, 11).put(1, 0).trailing()), None);
    assert_eq!(size_of(sized(u32::MAX - 1, 11).put(1, 0).trailing()), None);
    assert_eq!(
        size_of(sized(19, 11).put(1, 1).ue(160).ue(0).ue(0).ue(0).trailing()),
        None
    );
    assert_eq!(
        size_of(
            sized(19, 11)
                .put(1, 1)
                .ue(100)
                .ue(100)
                .ue(0)
                .ue(0)
                .trailing()
        ),
        None
    );
    let huge = u32::MAX - 1;
    assert_eq!(
        size_of(
            sized(19, 11)
                .put(1, 1)
                .ue(huge)
                .ue(huge)
                .ue(0)
                .ue(0)
                .trailing()
        ),
        None
    );
}

#[test]
fn a_parameter_set_cut_short_is_a_key_frame_without_a_size() {
    let sps = hex(SPS);
    for len in 1..9 {
        assert_eq!(inspect(Codec::H264, &sps[..len], None), KEY, "{len}");
    }
}
