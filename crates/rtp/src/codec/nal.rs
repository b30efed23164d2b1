//! What H.264 and H.265 share: aggregates of NAL units, pictures made of them, cropping.

use super::PayloadInfo;
use crate::bits::BitReader;
use crate::bytes::Reader;

/// The units of an aggregation packet, each behind its size in 16 bits (RFC 6184 §5.7.1, RFC 7798 §4.4.2).
pub(super) fn aggregated(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(bytes);
    std::iter::from_fn(move || {
        let size = reader.u16()?;
        reader.take(size.into())
    })
}

/// What the units of one packet say about its picture.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Picture {
    begins: bool,
    parameters: bool,
    key_slice: bool,
    other_slice: bool,
    resolution: Option<(u16, u16)>,
}

impl Picture {
    /// A unit that stands before the slices of a picture.
    pub(super) const fn begin(&mut self) {
        self.begins = true;
    }

    /// A set of parameters that makes a decoder ready to start.
    pub(super) const fn parameters(&mut self) {
        self.begins = true;
        self.parameters = true;
    }

    pub(super) fn sequence_parameters(&mut self, resolution: Option<(u16, u16)>) {
        self.parameters();
        self.resolution = resolution.or(self.resolution);
    }

    /// A slice: the first one of its picture or not, of a picture where decoding may start or not.
    pub(super) const fn slice(&mut self, first: bool, key: bool) {
        self.begins |= first;
        self.key_slice |= first && key;
        self.other_slice |= !key;
    }

    /// Some encoders repeat the parameters before every picture: with a picture of another kind behind them
    /// in the packet they do not begin a key frame.
    pub(super) const fn info(self, temporal_id: u8) -> PayloadInfo {
        PayloadInfo {
            keyframe: self.key_slice || self.parameters && !self.other_slice,
            frame_start: self.begins,
            temporal_id,
            spatial_id: 0,
            resolution: self.resolution,
        }
    }
}

/// How much of a picture is not shown, in units that depend on the chroma format.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crop {
    left: u32,
    right: u32,
    top: u32,
    bottom: u32,
}

impl Crop {
    /// What remains of `width` pixels; `None` if that is nothing or cannot be.
    pub(super) fn width(self, width: u32, unit: u32) -> Option<u16> {
        Self::remaining(width, self.left.checked_add(self.right)?, unit)
    }

    /// What remains of `height` pixels; `None` if that is nothing or cannot be.
    pub(super) fn height(self, height: u32, unit: u32) -> Option<u16> {
        Self::remaining(height, self.top.checked_add(self.bottom)?, unit)
    }

    fn remaining(size: u32, crop: u32, unit: u32) -> Option<u16> {
        let size = size.checked_sub(crop.checked_mul(unit)?)?;
        u16::try_from(size).ok().filter(|&size| size > 0)
    }
}

/// Reads the flag and the four offsets that both codecs have.
pub(super) fn read_crop(reader: &mut BitReader<'_>) -> Option<Crop> {
    if !reader.flag()? {
        return Some(Crop::default());
    }
    Some(Crop {
        left: reader.unsigned()?,
        right: reader.unsigned()?,
        top: reader.unsigned()?,
        bottom: reader.unsigned()?,
    })
}
