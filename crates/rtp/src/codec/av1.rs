//! The payload format of AV1 (AOM, "RTP Payload Format For AV1", v1.0).

use super::{PayloadInfo, dependency};
use crate::bits::BitReader;
use crate::bytes::Reader;

pub(super) fn inspect(payload: &[u8], dependency_descriptor: Option<&[u8]>) -> PayloadInfo {
    let mut info = inspect_units(payload);
    let Some(descriptor) =
        dependency_descriptor.and_then(|data| dependency::Descriptor::parse(data, None))
    else {
        return info;
    };
    // The descriptor knows better where frames start, and stays readable when the payload is encrypted.
    info.frame_start = descriptor.start_of_frame;
    info.keyframe = descriptor.start_of_frame && descriptor.structure.is_some();
    if let Some(structure) = &descriptor.structure {
        if let Some(layer) = structure.layer(descriptor.template_id) {
            info.spatial_id = layer.spatial_id;
            info.temporal_id = layer.temporal_id;
        }
        info.resolution = structure.resolutions().last().copied().or(info.resolution);
    }
    info
}

fn inspect_units(payload: &[u8]) -> PayloadInfo {
    let mut info = PayloadInfo::default();
    let Some(elements) = Elements::new(payload) else {
        return info;
    };
    let mut new_sequence = elements.new_sequence;
    let mut frame = None;
    for element in elements {
        let Some(unit) = Unit::parse(element) else {
            continue;
        };
        match unit.kind {
            SEQUENCE_HEADER => {
                new_sequence = true;
                info.resolution = read_sequence_header(unit.body).or(info.resolution);
            }
            FRAME_HEADER | FRAME if frame.is_none() => frame = Some(unit),
            _ => {}
        }
    }
    if let Some(frame) = &frame {
        (info.temporal_id, info.spatial_id) = (frame.temporal_id, frame.spatial_id);
    }
    info.frame_start = new_sequence || frame.is_some();
    // A sequence header may be repeated before any frame (AV1 §7.5).
    info.keyframe = new_sequence && frame.is_none_or(|frame| frame.may_be_key_frame());
    info
}

/// The OBU elements that begin in a packet: all but a first one that continues the packet before (§4.3 and
/// §4.4 of the payload format).
///
/// ```text
///  0 1 2 3 4 5 6 7
/// +-+-+-+-+-+-+-+-+
/// |Z|Y| W |N|-|-|-|
/// +-+-+-+-+-+-+-+-+
/// ```
struct Elements<'a> {
    /// The N bit: a coded video sequence begins.
    new_sequence: bool,
    continues: bool,
    /// Elements left, of W; `None` if every element has a length.
    left: Option<u8>,
    reader: Reader<'a>,
}

impl<'a> Elements<'a> {
    fn new(payload: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let head = reader.u8()?;
        Some(Self {
            new_sequence: head & 0x08 != 0,
            continues: head & 0x80 != 0,
            left: Some(head >> 4 & 3).filter(|&count| count != 0),
            reader,
        })
    }

    fn next_element(&mut self) -> Option<&'a [u8]> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
            // With a count, the last element has no length: it is the rest.
            if *left == 0 {
                return self.reader.take(self.reader.rest().len());
            }
        }
        let len = read_leb128(&mut self.reader)?;
        self.reader.take(len)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if std::mem::take(&mut self.continues) {
            self.next_element()?;
        }
        self.next_element()
    }
}

/// An open bitstream unit (AV1 §5.3).
struct Unit<'a> {
    kind: u8,
    temporal_id: u8,
    spatial_id: u8,
    body: &'a [u8],
}

impl<'a> Unit<'a> {
    fn parse(element: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(element);
        let header = reader.u8()?;
        let extension = if header & 0x04 != 0 { reader.u8()? } else { 0 };
        if header & 0x02 != 0 {
            // RTP leaves the size out, but need not; a fragment may have less than it.
            read_leb128(&mut reader)?;
        }
        Some(Self {
            kind: header >> 3 & 0x0f,
            temporal_id: extension >> 5,
            spatial_id: extension >> 3 & 3,
            body: reader.rest(),
        })
    }

    /// Whether a frame header, as far as it is here, has neither show_existing_frame nor another frame_type
    /// than that of key frames (AV1 §5.9.2).
    fn may_be_key_frame(&self) -> bool {
        self.body.first().is_none_or(|first| first >> 5 == 0)
    }
}

/// A number in groups of seven bits, the lowest first (AV1 §4.10.5).
fn read_leb128(reader: &mut Reader<'_>) -> Option<usize> {
    let mut value: u64 = 0;
    for group in 0..8 {
        let byte = reader.u8()?;
        value |= u64::from(byte & 0x7f) << (7 * group);
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}

/// The largest width and height of a sequence (AV1 §5.5.1).
fn read_sequence_header(body: &[u8]) -> Option<(u16, u16)> {
    let reader = &mut BitReader::new(body);
    // seq_profile, still_picture.
    reader.skip(4)?;
    let reduced_still_picture_header = reader.flag()?;
    if reduced_still_picture_header {
        // seq_level_idx.
        reader.skip(5)?;
    } else {
        skip_operating_points(reader)?;
    }
    let width_bits = reader.bits(4)? + 1;
    let height_bits = reader.bits(4)? + 1;
    let width = reader.u16(width_bits)?.checked_add(1)?;
    let height = reader.u16(height_bits)?.checked_add(1)?;
    Some((width, height))
}

/// The timing and the operating points of a sequence header (AV1 §5.5.1 to §5.5.5).
fn skip_operating_points(reader: &mut BitReader<'_>) -> Option<()> {
    let mut decoder_model_bits = None;
    let timing_info_present = reader.flag()?;
    if timing_info_present {
        // num_units_in_display_tick, time_scale.
        reader.skip(64)?;
        let equal_picture_interval = reader.flag()?;
        if equal_picture_interval {
            // num_ticks_per_picture_minus_1 is uvlc(), which is ue(v) as far as it is of use.
            reader.unsigned()?;
        }
        let decoder_model_info_present = reader.flag()?;
        if decoder_model_info_present {
            decoder_model_bits = Some(reader.bits(5)? + 1);
            // num_units_in_decoding_tick and the lengths of two other fields.
            reader.skip(32 + 5 + 5)?;
        }
    }
    let initial_display_delay_present = reader.flag()?;
    for _ in 0..=reader.bits(5)? {
        // operating_point_idc.
        reader.skip(12)?;
        let seq_level_idx = reader.bits(5)?;
        if seq_level_idx > 7 {
            // seq_tier.
            reader.skip(1)?;
        }
        if let Some(bits) = decoder_model_bits
            && reader.flag()?
        {
            // Two buffer delays, low_delay_mode_flag.
            reader.skip(2 * bits + 1)?;
        }
        if initial_display_delay_present && reader.flag()? {
            reader.skip(4)?;
        }
    }
    Some(())
}

// OBU types (AV1 §6.2.2).
const SEQUENCE_HEADER: u8 = 1;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;
