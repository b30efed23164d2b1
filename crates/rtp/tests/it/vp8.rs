//! VP8: descriptors after RFC 7741 §4.2 and frames out of libvpx (642x362, real-time).

use proptest::prelude::*;
use xrtc_rtp::vp8::{Descriptor, rewrite};
use xrtc_rtp::{Codec, PayloadInfo, PictureId, inspect};

use crate::bits::hex;

const KEY_FRAME: &str = "9034009d012a82026a010207088585889984880b02000616";
const DELTA_FRAME: &str = "1103000f11fc001800186ff40c17fa06060bfd030000fddd";

fn look_at(digits: &str) -> PayloadInfo {
    inspect(Codec::Vp8, &hex(digits), None)
}

#[test]
fn f78_the_first_packet_of_a_key_frame_has_its_size() {
    let info = look_at(&format!("10 {KEY_FRAME}"));
    let expected = PayloadInfo {
        keyframe: true,
        frame_start: true,
        resolution: Some((642, 362)),
        ..PayloadInfo::default()
    };
    assert_eq!(info, expected);
}

#[test]
fn other_packets_of_a_key_frame_begin_nothing() {
    // Without the S bit, or with it in a later partition.
    assert_eq!(look_at(&format!("00 {KEY_FRAME}")), PayloadInfo::default());
    assert_eq!(look_at(&format!("11 {KEY_FRAME}")), PayloadInfo::default());
}

#[test]
fn f78_a_delta_frame_is_no_key_frame() {
    let info = look_at(&format!("10 {DELTA_FRAME}"));
    assert_eq!(
        info,
        PayloadInfo {
            frame_start: true,
            ..PayloadInfo::default()
        }
    );
}

#[test]
fn a_key_frame_cut_short_or_without_start_code_has_no_size() {
    for digits in [
        "10 90",
        "10 9034009d012a82026a",
        "10 9034009d022a82026a010207",
    ] {
        let info = look_at(digits);
        assert!(info.keyframe, "{digits}");
        assert_eq!(info.resolution, None, "{digits}");
    }
    assert_eq!(
        look_at("10"),
        PayloadInfo {
            frame_start: true,
            ..PayloadInfo::default()
        }
    );
}

#[test]
fn the_scale_bits_are_not_part_of_the_size() {
    let info = look_at("10 903400 9d012a 82c2 6a81 00");
    assert_eq!(info.resolution, Some((642, 362)));
}

#[test]
fn all_fields_of_the_descriptor() {
    let payload = hex("b0 f0 9234 56 bf 00");
    let descriptor = Descriptor::parse(&payload).unwrap();
    assert_eq!(descriptor.picture_id, Some(PictureId::Long(0x1234)));
    assert_eq!(descriptor.tl0_pic_idx, Some(0x56));
    assert_eq!(descriptor.temporal_id(), Some(2));
    assert!(descriptor.is_layer_sync());
    assert!(descriptor.is_non_reference());
    assert!(descriptor.is_frame_start());
    assert_eq!(descriptor.header_len(), 6);
}

#[test]
fn fields_are_there_only_with_their_bits() {
    let short = Descriptor::parse(&hex("90 80 34")).unwrap();
    assert_eq!(short.picture_id, Some(PictureId::Short(0x34)));
    assert_eq!((short.tl0_pic_idx, short.temporal_id()), (None, None));
    // K alone brings the last byte, whose layer does not count then.
    let key_index = Descriptor::parse(&hex("90 10 ff")).unwrap();
    assert_eq!(
        (key_index.temporal_id(), key_index.is_layer_sync()),
        (None, false)
    );
    assert_eq!(key_index.header_len(), 3);
    let none = Descriptor::parse(&hex("90 00")).unwrap();
    assert_eq!((none.picture_id, none.header_len()), (None, 2));
}

#[test]
fn a_descriptor_cut_short_is_none() {
    for digits in [
        "",
        "90",
        "90 80",
        "90 80 80",
        "90 40",
        "90 20",
        "90 f0 9234 56",
    ] {
        assert_eq!(Descriptor::parse(&hex(digits)), None, "{digits}");
    }
}

#[test]
fn numbers_are_rewritten_in_their_width() {
    let mut out = [0; 8];
    let long = hex("90 e0 9234 56 40 aa");
    assert_eq!(rewrite(&long, 0x7fff, 0x77, &mut out), Some((5, 5)));
    assert_eq!(out[..5], hex("90 e0 ffff 77"));
    let short = hex("90 c0 12 56 aa");
    assert_eq!(rewrite(&short, 0x7fff, 0x77, &mut out), Some((4, 4)));
    assert_eq!(out[..4], hex("90 c0 7f 77"));
    // A small number in a wide field stays wide.
    assert_eq!(rewrite(&long, 5, 0, &mut out), Some((5, 5)));
    assert_eq!(out[..5], hex("90 e0 8005 00"));
}

#[test]
fn numbers_that_are_not_there_are_not_added() {
    let mut out = [0; 8];
    assert_eq!(rewrite(&hex("90 80 12 aa"), 1, 2, &mut out), Some((3, 3)));
    assert_eq!(out[..3], hex("90 80 01"));
    assert_eq!(rewrite(&hex("90 40 12 aa"), 1, 2, &mut out), Some((3, 3)));
    assert_eq!(out[..3], hex("90 40 02"));
    assert_eq!(rewrite(&hex("90 20 40 aa"), 1, 2, &mut out), None);
    assert_eq!(rewrite(&hex("10 aa"), 1, 2, &mut out), None);
    assert_eq!(rewrite(&hex("90 e0 92"), 1, 2, &mut out), None);
    assert_eq!(
        rewrite(&hex("90 e0 9234 56 40 aa"), 1, 2, &mut [0; 4]),
        None
    );
}

proptest! {
    #[test]
    fn rewriting_changes_the_numbers_and_nothing_else(
        payload in prop::collection::vec(any::<u8>(), 0..12),
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
