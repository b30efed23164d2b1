//! VP9: descriptors after RFC 9628 §4.2 and frames out of libvpx (642x362, real-time).

use proptest::prelude::*;
use xrtc_rtp::vp9::{Descriptor, rewrite};
use xrtc_rtp::{Codec, PayloadInfo, PictureId, inspect};

use crate::bits::{Bits, hex};

const KEY_FRAME: &str = "8249834200281016960638241c184a1000a847d8ff67df06";
const DELTA_FRAME: &str = "860040929c4850010009807f91e47d461ab318ebe898c569";
/// Profile 1, 4:4:4.
const KEY_FRAME_444: &str = "a249834200050202d2c0c70483830942001547d8ff67df06";
/// Profile 1, RGB.
const KEY_FRAME_RGB: &str = "a2498342e0281016960638241c184a1000b847d8fd6771e3";

fn look_at(digits: &str) -> PayloadInfo {
    inspect(Codec::Vp9, &hex(digits), None)
}

#[test]
fn f78_the_frame_header_has_the_size_of_a_key_frame() {
    for frame in [KEY_FRAME, KEY_FRAME_444, KEY_FRAME_RGB] {
        // Picture id, B and E; not predicted.
        let expected = PayloadInfo {
            keyframe: true,
            frame_start: true,
            resolution: Some((642, 362)),
            ..PayloadInfo::default()
        };
        assert_eq!(look_at(&format!("8c 9234 {frame}")), expected, "{frame}");
    }
}

#[test]
fn ten_bits_and_profile_3_have_their_size_where_they_have_it() {
    let frame = |profile_bits: Bits| {
        // frame_marker, profile; then a shown key frame with its sync code.
        let bits = profile_bits
            .put(1, 0)
            .put(1, 0)
            .put(2, 0b10)
            .put(24, 0x49_8342);
        // ten_or_twelve_bit, color_space 1, color_range.
        bits.put(1, 0).put(3, 1).put(1, 0)
    };
    let profile_2 = frame(Bits::new().put(2, 2).put(2, 0b01));
    let profile_2 = profile_2.put(16, 1_919).put(16, 1_079).bytes();
    // Profile 3 has a reserved bit behind its number, and subsampling behind the range.
    let profile_3 = frame(Bits::new().put(2, 2).put(2, 0b11).put(1, 0)).put(3, 0);
    let profile_3 = profile_3.put(16, 1_919).put(16, 1_079).bytes();
    for frame in [profile_2, profile_3] {
        let payload = [vec![0x08], frame].concat();
        assert_eq!(
            inspect(Codec::Vp9, &payload, None).resolution,
            Some((1_920, 1_080))
        );
    }
}

#[test]
fn f78_a_predicted_frame_is_no_key_frame() {
    let info = look_at(&format!("cc 9234 {DELTA_FRAME}"));
    assert_eq!(
        info,
        PayloadInfo {
            frame_start: true,
            ..PayloadInfo::default()
        }
    );
}

#[test]
fn f78_an_intra_only_frame_is_no_key_frame() {
    // Not predicted, as the descriptor says, but the frame header knows of other references: frame_type 1.
    assert!(!look_at("8c 9234 86").keyframe);
    // And a frame that shows an old one again.
    assert!(!look_at("8c 9234 88").keyframe);
}

#[test]
fn an_unreadable_frame_header_leaves_the_word_to_the_descriptor() {
    assert!(look_at("8c 9234 00ff00").keyframe);
    assert!(look_at("8c 9234").keyframe);
    assert_eq!(look_at("8c 9234 00ff00").resolution, None);
}

#[test]
fn later_packets_and_higher_layers_begin_no_key_frame() {
    // Without B.
    assert!(!look_at(&format!("84 9234 {KEY_FRAME}")).keyframe);
    // The second spatial layer of the same picture, which is not predicted from another picture either.
    let info = look_at(&format!("ac 9234 13 07 {DELTA_FRAME}"));
    assert_eq!(
        (info.keyframe, info.spatial_id, info.frame_start),
        (false, 1, true)
    );
}

#[test]
fn layers_are_in_their_byte() {
    // Non-flexible: TID 2, U, SID 1, D, and TL0PICIDX.
    let descriptor = Descriptor::parse(&hex("ac 9234 53 07 00")).unwrap();
    assert_eq!(descriptor.picture_id, Some(PictureId::Long(0x1234)));
    assert_eq!(descriptor.tl0_pic_idx, Some(7));
    assert_eq!(
        (descriptor.temporal_id(), descriptor.spatial_id()),
        (Some(2), Some(1))
    );
    assert!(descriptor.is_switching_up_point());
    assert!(descriptor.is_inter_layer_dependent());
    assert!(descriptor.is_frame_end());
    assert_eq!(descriptor.header_len(), 5);
    let info = look_at("ac 9234 53 07 00");
    assert_eq!((info.temporal_id, info.spatial_id), (2, 1));
}

#[test]
fn the_flexible_mode_has_references_in_place_of_tl0picidx() {
    // I, P, L, F, B: a short picture id, TID 1, two references of which the first says that more follow.
    let descriptor = Descriptor::parse(&hex("f8 12 20 03 04 aa")).unwrap();
    assert_eq!(descriptor.picture_id, Some(PictureId::Short(0x12)));
    assert_eq!(descriptor.tl0_pic_idx, None);
    assert_eq!(descriptor.temporal_id(), Some(1));
    assert_eq!(descriptor.header_len(), 5);
    // There are three at most, whatever the third says.
    let descriptor = Descriptor::parse(&hex("58 03 05 07 aa")).unwrap();
    assert_eq!(descriptor.header_len(), 4);
}

#[test]
fn the_scalability_structure_has_the_size_of_the_highest_layer() {
    // Three spatial layers with sizes, and a picture group of two with one reference in the second.
    let structure = "58 0140 00b4 0280 0168 0500 02d0 02 00 24 01";
    let info = look_at(&format!("ae 9234 00 07 {structure} {KEY_FRAME}"));
    assert!(info.keyframe);
    assert_eq!(info.resolution, Some((1_280, 720)));
    let payload = hex(&format!("ae 9234 00 07 {structure}"));
    assert_eq!(
        Descriptor::parse(&payload).unwrap().header_len(),
        payload.len()
    );
    // A structure without sizes leaves them to the frame header.
    assert_eq!(
        look_at(&format!("ae 9234 00 07 00 {KEY_FRAME}")).resolution,
        Some((642, 362))
    );
}

#[test]
fn a_descriptor_cut_short_is_none() {
    for digits in [
        "",
        "80",
        "80 80",
        "20 00",
        "50 03",
        "02",
        "02 10",
        "02 08 01 04",
    ] {
        assert_eq!(Descriptor::parse(&hex(digits)), None, "{digits}");
    }
}

#[test]
fn numbers_are_rewritten_in_their_width() {
    let mut out = [0; 8];
    assert_eq!(
        rewrite(&hex("ac 9234 53 07 00"), 0x7abc, 0x99, &mut out),
        Some((5, 5))
    );
    assert_eq!(out[..5], hex("ac fabc 53 99"));
    // Flexible: only the picture id, the rest of the descriptor is not touched.
    assert_eq!(
        rewrite(&hex("f8 12 20 03 04 aa"), 0x7abc, 0x99, &mut out),
        Some((2, 2))
    );
    assert_eq!(out[..2], hex("f8 3c"));
    assert_eq!(rewrite(&hex("08 aa"), 1, 2, &mut out), None);
    assert_eq!(rewrite(&hex("ac 9234 53 07 00"), 1, 2, &mut [0; 4]), None);
}

proptest! {
    #[test]
    fn rewriting_changes_the_numbers_and_nothing_else(
        payload in prop::collection::vec(any::<u8>(), 0..24),
        picture_id: u16,
        tl0_pic_idx: u8,
    ) {
        let mut out = [0; 8];
        if let Some((len, replaced)) = rewrite(&payload, picture_id, tl0_pic_idx, &mut out) {
            let rewritten = [&out[..len], &payload[replaced..]].concat();
            let before = Descriptor::parse(&payload).unwrap();
            let after = Descriptor::parse(&rewritten).unwrap();
            let mut expected = before;
            expected.picture_id = before.picture_id.map(|id| id.with_value(picture_id));
            expected.tl0_pic_idx = before.tl0_pic_idx.map(|_| tl0_pic_idx);
            prop_assert_eq!(after, expected);
            prop_assert_eq!(rewritten.len(), payload.len());
        }
    }
}
