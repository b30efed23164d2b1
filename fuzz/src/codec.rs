//! Payload descriptors and dependency descriptors: no bytes make a reader panic or run on, what is read stays within its
//! range, and numbers that are rewritten change nothing else.

use std::fmt::Write;

use xrtc_rtp::dependency::Descriptor;
use xrtc_rtp::{Codec, inspect, rtx, vp8, vp9};

use crate::input::Input;

/// One packet of each codec with all its parts, and a dependency descriptor with a structure.
pub fn seeds() -> Vec<Vec<u8>> {
    const PAYLOADS: [(usize, &[u8]); 6] = [
        (VP8, b"\x90\xf0\x92\x34\x56\xbf\x90\x34\x00\x9d\x01\x2a\x82\x02\x6a\x01\x02\x07\x08\x85"),
        (VP9, b"\xae\x92\x34\x00\x07\x58\x01\x40\x00\xb4\x02\x80\x01\x68\x05\x00\x02\xd0\x02\x00\x24\x01\x82\x49\x83\x42\x00"),
        (H264, b"\x78\x00\x18\x67\x42\xc0\x1f\xd9\x00\x50\x05\xba\x10\x00\x00\x03\x00\x10\x00\x00\x03\x03\xc8\xf1\x83\x24\x80\x00\x05\x68\xcb\x83\xcb\x20"),
        (H265, b"\x60\x01\x00\x2b\x42\x01\x01\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x5d\xa0\x02\x80\x80\x2d\x16\x59\x59\xa4\x93\x2b\x9a"),
        (AV1, b"\x28\x0c\x08\x00\x00\x00\x0c\xc5\x03\x69\x12\xbe\x40\x10\x30\x10\x00\x85\xa0\x04\x10\x20"),
        (AV1, b"\x10\x0a\x0b\x00\x00\x00\x2c\xd5\x9f\x3f\xdd\xaf\x99\x01\x01"),
    ];
    const DESCRIPTOR: &[u8] = b"\x80\x00\x01\x80\x03\x1e\xaa\xaf\x04\x15\x24\x3a\x14\xa0\x42\x04\x00\x00\x4f\xc5\x9e\x02\x7f\x01\x3f";
    let seed = |(codec, payload): &(usize, &[u8])| {
        let descriptor = [&[DESCRIPTOR.len() as u8], DESCRIPTOR].concat();
        [&[*codec as u8][..], &descriptor, payload].concat()
    };
    PAYLOADS.iter().map(seed).collect()
}

/// The codec, a dependency descriptor with its length, and the payload.
pub fn run(input: &[u8]) -> String {
    let mut input = Input::new(input);
    let codec = input.pick(&Codec::ALL);
    let descriptor = input.block();
    let payload = input.rest();
    let mut word = format!("{codec:?}");
    for descriptor in [None, Some(descriptor)] {
        let info = inspect(codec, payload, descriptor);
        assert!(info.temporal_id <= 7 && info.spatial_id <= 7);
        let known = info.resolution.is_some();
        let _ = write!(
            word,
            " {} {} {} {}",
            info.keyframe, info.frame_start, info.temporal_id, known
        );
    }
    let _ = rtx::split(payload);
    rewrite(payload);
    read_dependency(descriptor, &mut word);
    word
}

/// The numbers become ours, and the rest of the descriptor stays what it was.
fn rewrite(payload: &[u8]) {
    let mut out = [0; 8];
    if let Some(before) = vp8::Descriptor::parse(payload)
        && let Some((written, replaced)) = vp8::rewrite(payload, 0x1234, 0x56, &mut out)
    {
        let rewritten = [&out[..written], &payload[replaced..]].concat();
        let after = vp8::Descriptor::parse(&rewritten).expect("a descriptor stays one");
        assert_eq!(after.header_len(), before.header_len());
        assert_eq!(after.temporal_id(), before.temporal_id());
        assert_eq!(after.is_frame_start(), before.is_frame_start());
    }
    if let Some(before) = vp9::Descriptor::parse(payload)
        && let Some((written, replaced)) = vp9::rewrite(payload, 0x1234, 0x56, &mut out)
    {
        let rewritten = [&out[..written], &payload[replaced..]].concat();
        let after = vp9::Descriptor::parse(&rewritten).expect("a descriptor stays one");
        assert_eq!(after.header_len(), before.header_len());
        assert_eq!(after.spatial_id(), before.spatial_id());
    }
}

fn read_dependency(data: &[u8], word: &mut String) {
    let Some(parsed) = Descriptor::parse(data, None) else {
        return;
    };
    let _ = write!(
        word,
        " {} {}",
        parsed.start_of_frame,
        parsed.structure.is_some()
    );
    let Some(structure) = &parsed.structure else {
        return;
    };
    assert!((1..=4).contains(&structure.spatial_layers()));
    assert!((1..=32).contains(&structure.decode_targets()));
    assert!(structure.resolutions().len() <= 4);
    for template in 0..=u8::MAX {
        if let Some(layer) = structure.layer(template) {
            assert!(layer.spatial_id < structure.spatial_layers() && layer.temporal_id <= 7);
        }
    }
    // Another packet of the stream, which has no structure of its own.
    let again = Descriptor::parse(data, Some(structure)).expect("it was read without it");
    assert_eq!(again.structure.as_ref(), Some(structure));
    let _ = write!(word, " {}", structure.spatial_layers());
}

// Places in `Codec::ALL`.
const VP8: usize = 5;
const VP9: usize = 6;
const H264: usize = 7;
const H265: usize = 8;
const AV1: usize = 9;
