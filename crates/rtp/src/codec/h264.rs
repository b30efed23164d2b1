//! The payload format of H.264 (RFC 6184), in the packetization modes 0 and 1.

use super::PayloadInfo;
use super::nal::{self, Picture};
use crate::bits::BitReader;

pub(super) fn inspect(payload: &[u8]) -> PayloadInfo {
    let mut picture = Picture::default();
    match payload {
        [header, aggregate @ ..] if header & TYPE_MASK == STAP_A => {
            for unit in nal::aggregated(aggregate) {
                look_at(unit, &mut picture);
            }
        }
        // Only the first fragment, with the S bit, holds the start of its unit (RFC 6184 §5.8).
        [indicator, header, fragment @ ..] if indicator & TYPE_MASK == FU_A => {
            if header & 0x80 != 0 {
                look_inside(header & TYPE_MASK, fragment, &mut picture);
            }
        }
        _ => look_at(payload, &mut picture),
    }
    picture.info(0)
}

fn look_at(unit: &[u8], picture: &mut Picture) {
    if let Some((header, body)) = unit.split_first() {
        look_inside(header & TYPE_MASK, body, picture);
    }
}

fn look_inside(unit_type: u8, body: &[u8], picture: &mut Picture) {
    match unit_type {
        SLICE | SLICE_IDR => {
            // first_mb_in_slice, the first field, is ue(v): a single 1 bit is 0 (H.264 §7.3.3).
            let first = body.first().is_some_and(|byte| byte & 0x80 != 0);
            picture.slice(first, unit_type == SLICE_IDR);
        }
        SEQUENCE_PARAMETERS => picture.sequence_parameters(read_sequence_parameters(body)),
        // These come before the first slice of a picture only (H.264 §7.4.1.2.3).
        SEI | PICTURE_PARAMETERS | ACCESS_UNIT_DELIMITER => picture.begin(),
        _ => {}
    }
}

/// Width and height from a sequence parameter set without its NAL unit header (H.264 §7.3.2.1.1).
fn read_sequence_parameters(body: &[u8]) -> Option<(u16, u16)> {
    let reader = &mut BitReader::escaped(body);
    let profile_idc = reader.u8(8)?;
    // Constraint flags, level_idc.
    reader.skip(16)?;
    // seq_parameter_set_id.
    reader.unsigned()?;
    let mut chroma_format_idc = 1;
    if HIGH_PROFILES.contains(&profile_idc) {
        chroma_format_idc = read_high_profile(reader)?;
    }
    // log2_max_frame_num_minus4.
    reader.unsigned()?;
    skip_picture_order(reader)?;
    // max_num_ref_frames, gaps_in_frame_num_value_allowed_flag.
    reader.unsigned()?;
    reader.skip(1)?;
    let width_in_macroblocks = reader.unsigned()?.checked_add(1)?;
    let height_in_map_units = reader.unsigned()?.checked_add(1)?;
    let frame_mbs_only = reader.flag()?;
    if !frame_mbs_only {
        // mb_adaptive_frame_field_flag.
        reader.skip(1)?;
    }
    // direct_8x8_inference_flag.
    reader.skip(1)?;
    let fields = if frame_mbs_only { 1 } else { 2 };
    let crop_unit_x = if matches!(chroma_format_idc, 1 | 2) {
        2
    } else {
        1
    };
    let crop_unit_y = if chroma_format_idc == 1 {
        2 * fields
    } else {
        fields
    };
    let crop = nal::read_crop(reader)?;
    let width = width_in_macroblocks.checked_mul(16)?;
    let height = height_in_map_units.checked_mul(16 * fields)?;
    Some((
        crop.width(width, crop_unit_x)?,
        crop.height(height, crop_unit_y)?,
    ))
}

/// What the high profiles have more; returns chroma_format_idc, as 0 if the planes are coded apart.
fn read_high_profile(reader: &mut BitReader<'_>) -> Option<u32> {
    let mut chroma_format_idc = reader.unsigned()?;
    if chroma_format_idc == 3 && reader.flag()? {
        chroma_format_idc = 0;
    }
    // bit_depth_luma_minus8, bit_depth_chroma_minus8, qpprime_y_zero_transform_bypass_flag.
    reader.unsigned()?;
    reader.unsigned()?;
    reader.skip(1)?;
    if reader.flag()? {
        let lists = if chroma_format_idc == 3 { 12 } else { 8 };
        for list in 0..lists {
            if reader.flag()? {
                skip_scaling_list(reader, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(chroma_format_idc)
}

/// H.264 §7.3.2.1.1.1.
fn skip_scaling_list(reader: &mut BitReader<'_>, size: u32) -> Option<()> {
    let mut last_scale = 8;
    for _ in 0..size {
        let delta = reader.signed()?;
        let next_scale = (last_scale + delta.checked_rem(256)?).rem_euclid(256);
        if next_scale == 0 {
            break;
        }
        last_scale = next_scale;
    }
    Some(())
}

/// The fields of picture order count (H.264 §7.3.2.1.1).
fn skip_picture_order(reader: &mut BitReader<'_>) -> Option<()> {
    match reader.unsigned()? {
        // log2_max_pic_order_cnt_lsb_minus4.
        0 => drop(reader.unsigned()?),
        1 => {
            // delta_pic_order_always_zero_flag and two offsets.
            reader.skip(1)?;
            reader.signed()?;
            reader.signed()?;
            let cycle = reader.unsigned()?;
            if cycle > 255 {
                return None;
            }
            for _ in 0..cycle {
                reader.signed()?;
            }
        }
        _ => {}
    }
    Some(())
}

const TYPE_MASK: u8 = 0x1f;

// NAL unit types (H.264 table 7-1, RFC 6184 §5.2).
const SLICE: u8 = 1;
const SLICE_IDR: u8 = 5;
const SEI: u8 = 6;
const SEQUENCE_PARAMETERS: u8 = 7;
const PICTURE_PARAMETERS: u8 = 8;
const ACCESS_UNIT_DELIMITER: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// The profiles whose parameter sets say more about chroma (H.264 §7.3.2.1.1).
const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
