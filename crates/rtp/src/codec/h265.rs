//! The payload format of H.265 (RFC 7798), without decoding order numbers (SRST, as WebRTC has it).

use super::PayloadInfo;
use super::nal::{self, Picture};
use crate::bits::BitReader;

pub(super) fn inspect(payload: &[u8]) -> PayloadInfo {
    let Some((header, body)) = payload.split_first_chunk::<2>() else {
        return PayloadInfo::default();
    };
    let mut picture = Picture::default();
    match unit_type(header[0]) {
        AGGREGATION => {
            for unit in nal::aggregated(body) {
                if let Some((header, body)) = unit.split_first_chunk::<2>() {
                    look_inside(unit_type(header[0]), body, &mut picture);
                }
            }
        }
        FRAGMENTATION => {
            // Only the first fragment, with the S bit, holds the start of its unit (RFC 7798 §4.4.3).
            if let Some((&header, fragment)) = body.split_first()
                && header & 0x80 != 0
            {
                look_inside(header & 0x3f, fragment, &mut picture);
            }
        }
        unit_type => look_inside(unit_type, body, &mut picture),
    }
    // nuh_temporal_id_plus1; an aggregate has the lowest of its units (RFC 7798 §4.4.2).
    picture.info((header[1] & 0x07).saturating_sub(1))
}

const fn unit_type(first: u8) -> u8 {
    first >> 1 & 0x3f
}

fn look_inside(unit_type: u8, body: &[u8], picture: &mut Picture) {
    match unit_type {
        // first_slice_segment_in_pic_flag is the first bit (H.265 §7.3.6.1).
        0..=LAST_SLICE => {
            let first = body.first().is_some_and(|byte| byte & 0x80 != 0);
            picture.slice(first, RANDOM_ACCESS.contains(&unit_type));
        }
        VIDEO_PARAMETERS => picture.parameters(),
        SEQUENCE_PARAMETERS => picture.sequence_parameters(read_sequence_parameters(body)),
        PICTURE_PARAMETERS | ACCESS_UNIT_DELIMITER | PREFIX_SEI => picture.begin(),
        _ => {}
    }
}

/// Width and height from a sequence parameter set without its NAL unit header (H.265 §7.3.2.2.1).
fn read_sequence_parameters(body: &[u8]) -> Option<(u16, u16)> {
    let reader = &mut BitReader::escaped(body);
    // sps_video_parameter_set_id.
    reader.skip(4)?;
    let max_sub_layers_minus1 = reader.bits(3)?;
    // sps_temporal_id_nesting_flag.
    reader.skip(1)?;
    skip_profile_tier_level(reader, max_sub_layers_minus1)?;
    // sps_seq_parameter_set_id.
    reader.unsigned()?;
    let mut chroma_format_idc = reader.unsigned()?;
    if chroma_format_idc == 3 && reader.flag()? {
        chroma_format_idc = 0;
    }
    let width = reader.unsigned()?;
    let height = reader.unsigned()?;
    // SubWidthC and SubHeightC (H.265 table 6-1).
    let unit_x = if matches!(chroma_format_idc, 1 | 2) {
        2
    } else {
        1
    };
    let unit_y = if chroma_format_idc == 1 { 2 } else { 1 };
    let window = nal::read_crop(reader)?;
    Some((window.width(width, unit_x)?, window.height(height, unit_y)?))
}

/// H.265 §7.3.3.
fn skip_profile_tier_level(reader: &mut BitReader<'_>, sub_layers: u32) -> Option<()> {
    const PROFILE_BITS: u32 = 88;
    const LEVEL_BITS: u32 = 8;
    reader.skip(PROFILE_BITS + LEVEL_BITS)?;
    let mut bits = 0;
    for _ in 0..sub_layers {
        if reader.flag()? {
            bits += PROFILE_BITS;
        }
        if reader.flag()? {
            bits += LEVEL_BITS;
        }
    }
    if sub_layers > 0 {
        // The flags are filled up to those of eight sub-layers.
        reader.skip(2 * (8 - sub_layers))?;
    }
    reader.skip(bits)
}

// NAL unit types (H.265 table 7-1, RFC 7798 §4.4).
const RANDOM_ACCESS: std::ops::RangeInclusive<u8> = 16..=23;
const LAST_SLICE: u8 = 31;
const VIDEO_PARAMETERS: u8 = 32;
const SEQUENCE_PARAMETERS: u8 = 33;
const PICTURE_PARAMETERS: u8 = 34;
const ACCESS_UNIT_DELIMITER: u8 = 35;
const PREFIX_SEI: u8 = 39;
const AGGREGATION: u8 = 48;
const FRAGMENTATION: u8 = 49;
