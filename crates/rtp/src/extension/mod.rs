//! RTP header extensions (RFC 8285): the elements of a packet, the kinds we know, and their values.

mod elements;
mod kind;
mod map;
pub mod value;

pub use elements::Extensions;
pub(crate) use elements::{ONE_BYTE_PROFILE, TWO_BYTE_PROFILE};
pub use kind::ExtensionKind;
pub use map::ExtensionMap;
