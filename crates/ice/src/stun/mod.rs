//! The STUN wire format (RFC 8489), as far as ICE and TURN use it.

mod attribute;
mod builder;
mod fingerprint;
mod integrity;
mod message;

pub use attribute::{Attribute, AttributeType, Attributes};
pub use builder::Builder;
pub use integrity::IntegrityKey;
pub use message::{Class, HEADER_LEN, Message, Method, TransactionId, peek_username};
