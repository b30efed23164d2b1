//! Writing RTP headers.

use crate::bytes::Writer;
use crate::extension::{ONE_BYTE_PROFILE, TWO_BYTE_PROFILE};
use crate::{PayloadType, Ssrc};

/// The fields of an RTP header that a forwarder writes; there are no contributing sources and no padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderFields {
    /// The marker bit.
    pub marker: bool,
    /// The payload type; only its low seven bits travel.
    pub payload_type: PayloadType,
    /// The sequence number.
    pub sequence_number: u16,
    /// The timestamp, in ticks of the codec's clock.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: Ssrc,
}

/// Writes an RTP header with the extension elements (id, data) and returns its length.
///
/// The one-byte form is used where every element allows it (ids 1 to 14, 1 to 16 bytes), else the two-byte
/// form (ids 1 to 255, 0 to 255 bytes), which the receiver must have agreed to by `a=extmap-allow-mixed`
/// (RFC 8285 §4.1.2). `None` if `out` has no room or an element fits neither form.
pub fn write_header<'e>(
    out: &mut [u8],
    fields: &HeaderFields,
    extensions: impl Iterator<Item = (u8, &'e [u8])> + Clone,
) -> Option<usize> {
    let mut some = false;
    let mut one_byte = true;
    for (id, data) in extensions.clone() {
        if id == 0 || data.len() > 255 {
            return None;
        }
        some = true;
        one_byte &= id < 15 && matches!(data.len(), 1..=16);
    }
    let [number_high, number_low] = fields.sequence_number.to_be_bytes();
    let [t0, t1, t2, t3] = fields.timestamp.to_be_bytes();
    let [s0, s1, s2, s3] = fields.ssrc.0.to_be_bytes();
    let first = if some { 0x90 } else { 0x80 };
    let second = u8::from(fields.marker) << 7 | fields.payload_type.0 & 0x7f;
    let mut writer = Writer::new(out);
    // One store of known length: this runs once for every packet and viewer.
    writer.array([
        first,
        second,
        number_high,
        number_low,
        t0,
        t1,
        t2,
        t3,
        s0,
        s1,
        s2,
        s3,
    ])?;
    if some {
        writer.u16(if one_byte {
            ONE_BYTE_PROFILE
        } else {
            TWO_BYTE_PROFILE
        })?;
        writer.u16(0)?;
        let start = writer.len();
        for (id, data) in extensions {
            let len = u8::try_from(data.len()).ok()?;
            if one_byte {
                writer.u8(id << 4 | len.checked_sub(1)?)?;
            } else {
                writer.array([id, len])?;
            }
            writer.put(data)?;
        }
        writer.pad_to_word()?;
        let words = u16::try_from((writer.len() - start) / 4).ok()?;
        writer.patch(start - 2, &words.to_be_bytes())?;
    }
    Some(writer.len())
}
