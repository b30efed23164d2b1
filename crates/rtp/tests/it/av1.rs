//! AV1: packets after AOM's "RTP Payload Format For AV1" §4, a sequence out of SVT-AV1, and dependency
//! descriptors after its appendix A.

use xrtc_rtp::dependency::{Descriptor, Layer, Structure};
use xrtc_rtp::{Codec, PayloadInfo, inspect};

use crate::bits::{Bits, hex};
use crate::expected::{KEY, NOTHING, START};

/// A sequence header of 642x362 and a key frame, without size fields, as RTP has them.
const SEQUENCE: &str = "08 0000000cc5036912be4010";
const KEY_FRAME: &str = "30 100085a0041020";
const DELTA_FRAME: &str = "30 3002000000002246";

const KEY_SIZED: PayloadInfo = PayloadInfo {
    resolution: Some((642, 362)),
    ..KEY
};

fn look_at(digits: &str) -> PayloadInfo {
    inspect(Codec::Av1, &hex(digits), None)
}

/// Each element with its length before it, as it is without a count.
fn sized(units: &[&str]) -> String {
    units
        .iter()
        .map(|unit| format!("{:02x} {unit}", hex(unit).len()))
        .collect()
}

#[test]
fn f78_a_new_coded_video_sequence_is_a_key_frame() {
    // N, and no count of elements.
    assert_eq!(
        look_at(&format!("08 {}", sized(&[SEQUENCE, KEY_FRAME]))),
        KEY_SIZED
    );
    // W of 2: the last element has no length.
    assert_eq!(
        look_at(&format!("28 {} {KEY_FRAME}", sized(&[SEQUENCE]))),
        KEY_SIZED
    );
    // W of 1: nothing has a length. The frame comes in the next packet.
    assert_eq!(look_at(&format!("18 {SEQUENCE}")), KEY_SIZED);
    // Of a sequence header that goes on in the next packet, the N bit and what is here count.
    assert_eq!(look_at("58 08 0000"), KEY);
}

#[test]
fn a_sequence_header_without_the_n_bit_counts_too() {
    assert_eq!(
        look_at(&format!("20 {} {KEY_FRAME}", sized(&[SEQUENCE]))),
        KEY_SIZED
    );
}

#[test]
fn a_sequence_header_repeated_before_another_frame_does_not() {
    let info = look_at(&format!("20 {} {DELTA_FRAME}", sized(&[SEQUENCE])));
    assert_eq!(
        info,
        PayloadInfo {
            keyframe: false,
            ..KEY_SIZED
        }
    );
    // show_existing_frame.
    assert!(!look_at(&format!("20 {} 18 80", sized(&[SEQUENCE]))).keyframe);
}

#[test]
fn f78_frames_without_a_sequence_header_are_no_key_frames() {
    assert_eq!(look_at(&format!("10 {DELTA_FRAME}")), START);
    assert_eq!(look_at(&format!("10 {KEY_FRAME}")), START);
}

#[test]
fn an_element_that_continues_the_packet_before_is_passed_over() {
    // Z and Y: all of it is the middle of one unit, whatever its bytes look like.
    assert_eq!(look_at(&format!("d0 {SEQUENCE}")), NOTHING);
    // Z, then a frame of its own.
    assert_eq!(look_at(&format!("a0 02 ffff {DELTA_FRAME}")), START);
    assert_eq!(
        look_at(&format!("80 {}", sized(&["ffff", DELTA_FRAME]))),
        START
    );
}

#[test]
fn layers_are_in_the_extension_of_the_unit() {
    // A frame with an extension: temporal layer 2, spatial layer 1.
    let info = look_at("10 34 48 3002");
    assert_eq!((info.temporal_id, info.spatial_id), (2, 1));
}

#[test]
fn size_fields_inside_units_are_passed_over() {
    // obu_has_size_field, as a sender may leave it.
    assert_eq!(look_at("18 0a0b 0000000cc5036912be4010"), KEY_SIZED);
}

#[test]
fn lengths_that_lie_end_the_packet() {
    assert_eq!(look_at("00 7f 08 0000"), NOTHING);
    assert_eq!(look_at("00 ffffffffffffffffff"), NOTHING);
    assert_eq!(look_at("00"), NOTHING);
    assert_eq!(look_at("08"), KEY);
    assert_eq!(look_at(""), NOTHING);
    // An empty unit is no unit.
    assert_eq!(look_at("20 00"), NOTHING);
}

#[test]
fn sequence_headers_with_timing_and_operating_points() {
    // Not a still picture; timing, equal intervals, a decoder model with delays of five bits.
    let bits = Bits::new().put(3, 0).put(1, 0).put(1, 0).put(1, 1);
    let bits = bits.put(32, 1).put(32, 30).put(1, 1).ue(0).put(1, 1);
    let bits = bits.put(5, 4).put(32, 1).put(5, 9).put(5, 9);
    // An initial display delay and two operating points: one of a high level with a tier and everything, one
    // of a low level with nothing.
    let bits = bits.put(1, 1).put(5, 1);
    let bits = bits
        .put(12, 0x103)
        .put(5, 9)
        .put(1, 0)
        .put(1, 1)
        .put(11, 0x7ff)
        .put(1, 1)
        .put(4, 7);
    let bits = bits.put(12, 0x101).put(5, 5).put(1, 0).put(1, 0);
    let body = bits
        .put(4, 11)
        .put(4, 10)
        .put(12, 1_919)
        .put(11, 1_079)
        .bytes();
    let payload = [vec![0x18, 0x08], body].concat();
    assert_eq!(
        inspect(Codec::Av1, &payload, None).resolution,
        Some((1_920, 1_080))
    );
}

#[test]
fn the_reduced_header_of_still_pictures() {
    let bits = Bits::new().put(3, 0).put(1, 1).put(1, 1).put(5, 8);
    let body = bits
        .put(4, 15)
        .put(4, 15)
        .put(16, 0x7fff)
        .put(16, 0x3fff)
        .bytes();
    let payload = [vec![0x18, 0x08], body].concat();
    assert_eq!(
        inspect(Codec::Av1, &payload, None).resolution,
        Some((0x8000, 0x4000))
    );
    // A width of 65,536 is one more than we can say.
    let bits = Bits::new().put(3, 0).put(1, 1).put(1, 1).put(5, 8);
    let body = bits
        .put(4, 15)
        .put(4, 15)
        .put(16, 0xffff)
        .put(16, 0x3fff)
        .bytes();
    assert_eq!(
        inspect(Codec::Av1, &[vec![0x18, 0x08], body].concat(), None).resolution,
        None
    );
}

/// The mandatory fields: start, end, template and frame number.
fn mandatory(start: bool, end: bool, template: u64, frame: u64) -> Bits {
    Bits::new()
        .put(1, start.into())
        .put(1, end.into())
        .put(6, template)
        .put(16, frame)
}

/// The structure of the appendix's example L2T2 with two decode targets more than it needs: four templates on
/// two spatial and two temporal layers, two chains, and resolutions.
fn extended_with_structure(bits: Bits) -> Bits {
    // The structure is here; active decode targets; no custom dependencies.
    let bits = bits.put(1, 1).put(1, 1).put(3, 0);
    // template_id_offset of 60, so that ids wrap; four decode targets.
    let bits = bits.put(6, 60).put(5, 3);
    // Six templates: S0T0 twice, S0T1, S1T0 twice, S1T1.
    let bits = bits
        .put(2, 0)
        .put(2, 1)
        .put(2, 2)
        .put(2, 0)
        .put(2, 1)
        .put(2, 3);
    // Decode target indications, and frame differences: none, one, two.
    let bits = bits.repeat(6 * 4, |bits| bits.put(2, 2));
    let bits = bits
        .put(1, 0)
        .put(5, 0b1_0011)
        .put(1, 0)
        .put(5, 0b1_0000)
        .put(5, 0b1_1111)
        .put(1, 0);
    let bits = bits.put(3, 0);
    // Two chains of at most four, in ns(5); which protects which, in ns(2); their differences.
    let bits = bits
        .put(2, 2)
        .put(4, 0b0011)
        .repeat(6 * 2, |bits| bits.put(4, 5));
    // Resolutions of two spatial layers.
    let bits = bits
        .put(1, 1)
        .put(16, 639)
        .put(16, 359)
        .put(16, 1_279)
        .put(16, 719);
    // Active decode targets, of four.
    bits.put(4, 0b0111)
}

pub(crate) fn with_structure() -> Vec<u8> {
    extended_with_structure(mandatory(true, false, 60, 0x1234)).bytes()
}

fn structure() -> Structure {
    Descriptor::parse(&with_structure(), None)
        .unwrap()
        .structure
        .unwrap()
}

#[test]
fn the_mandatory_fields_are_three_bytes() {
    let descriptor = Descriptor::parse(&hex("c5 1234"), None).unwrap();
    assert!(descriptor.start_of_frame && descriptor.end_of_frame);
    assert_eq!(
        (descriptor.template_id, descriptor.frame_number),
        (5, 0x1234)
    );
    assert_eq!(
        (descriptor.structure, descriptor.active_decode_targets),
        (None, None)
    );
    assert_eq!(Descriptor::parse(&hex("c5 12"), None), None);
}

#[test]
fn the_structure_has_layers_and_sizes() {
    let descriptor = Descriptor::parse(&with_structure(), None).unwrap();
    assert!(descriptor.start_of_frame && !descriptor.end_of_frame);
    assert_eq!(descriptor.active_decode_targets, Some(0b0111));
    let structure = descriptor.structure.unwrap();
    assert_eq!(
        (structure.spatial_layers(), structure.decode_targets()),
        (2, 4)
    );
    assert_eq!(structure.resolutions(), [(640, 360), (1_280, 720)]);
    let layers = [60, 61, 62, 63, 0, 1].map(|id| structure.layer(id).unwrap());
    let expected = [(0, 0), (0, 0), (0, 1), (1, 0), (1, 0), (1, 1)];
    let expected = expected.map(|(spatial_id, temporal_id)| Layer {
        spatial_id,
        temporal_id,
    });
    assert_eq!(layers, expected);
    assert_eq!(structure.layer(2), None);
    assert_eq!(structure.layer(59), None);
}

#[test]
fn active_decode_targets_need_the_structure_before() {
    let data = mandatory(true, true, 61, 7)
        .put(1, 0)
        .put(1, 1)
        .put(3, 0)
        .put(4, 0b0001)
        .bytes();
    assert_eq!(
        Descriptor::parse(&data, None)
            .unwrap()
            .active_decode_targets,
        None
    );
    let descriptor = Descriptor::parse(&data, Some(&structure())).unwrap();
    assert_eq!(descriptor.active_decode_targets, Some(0b0001));
}

#[test]
fn impossible_structures_are_none() {
    let structure = || {
        mandatory(true, true, 0, 0)
            .put(1, 1)
            .put(1, 0)
            .put(3, 0)
            .put(6, 0)
            .put(5, 0)
    };
    let spatial = structure()
        .repeat(4, |bits| bits.put(2, 2))
        .put(64, 0)
        .bytes();
    assert_eq!(
        Descriptor::parse(&spatial, None),
        None,
        "five spatial layers"
    );
    let temporal = structure()
        .repeat(8, |bits| bits.put(2, 1))
        .put(64, 0)
        .bytes();
    assert_eq!(
        Descriptor::parse(&temporal, None),
        None,
        "nine temporal layers"
    );
    let templates = structure()
        .repeat(65, |bits| bits.put(2, 0))
        .put(64, 0)
        .bytes();
    assert_eq!(Descriptor::parse(&templates, None), None, "65 templates");
    let data = with_structure();
    for len in 4..data.len() {
        assert_eq!(Descriptor::parse(&data[..len], None), None, "cut to {len}");
    }
}

#[test]
fn f78_the_descriptor_decides_where_it_is() {
    // What the payload says does not matter: it may be encrypted.
    let info = inspect(Codec::Av1, &hex("10 ffff"), Some(&with_structure()));
    let expected = PayloadInfo {
        resolution: Some((1_280, 720)),
        ..KEY
    };
    assert_eq!(info, expected);
    // A later packet of the frame, and a packet of another.
    let payload = hex(&format!("28 {} {KEY_FRAME}", sized(&[SEQUENCE])));
    let info = inspect(Codec::Av1, &payload, Some(&hex("05 1234")));
    assert_eq!((info.keyframe, info.frame_start), (false, false));
    let info = inspect(Codec::Av1, &payload, Some(&hex("85 1234")));
    assert_eq!((info.keyframe, info.frame_start), (false, true));
    // A structure names the layer of its frame: template 63 is S1T0.
    let data = extended_with_structure(mandatory(true, true, 63, 1)).bytes();
    let info = inspect(Codec::Av1, &hex("10 ffff"), Some(&data));
    assert_eq!((info.spatial_id, info.temporal_id), (1, 0));
}

#[test]
fn an_unreadable_descriptor_leaves_the_word_to_the_payload() {
    let payload = hex(&format!("28 {} {KEY_FRAME}", sized(&[SEQUENCE])));
    assert_eq!(inspect(Codec::Av1, &payload, Some(&hex("85"))), KEY_SIZED);
}
