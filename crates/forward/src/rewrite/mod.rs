//! What changes in a packet between the publisher and one viewer: numbers, names and extensions.

mod header;
mod picture;
mod segment;

pub(crate) use header::{Header, HeaderWriter};
pub(crate) use picture::{PictureShift, rewrite_picture};
pub(crate) use segment::{Segment, SegmentClock, Segments};
