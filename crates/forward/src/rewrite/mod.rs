//! What changes in a packet between the publisher and one viewer: numbers, names and extensions.

mod header;
mod picture;
mod red;
mod segment;

pub(crate) use header::{Header, HeaderWriter, is_forwarded};
pub(crate) use picture::{PayloadChange, PictureShift};
pub(crate) use red::Red;
pub(crate) use segment::{Segment, SegmentClock, Segments};
