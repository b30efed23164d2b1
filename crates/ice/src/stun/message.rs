//! A view of one STUN message.

use std::fmt;
use std::net::SocketAddr;

use super::attribute::{Attribute, AttributeType, Attributes, RawAttributes, unmask};
use super::fingerprint;
use super::integrity::IntegrityKey;
use crate::Discard;
use crate::limits::MAX_USERNAME;

/// A STUN message whose framing and FINGERPRINT are right. Not authenticated until [`Message::verify`] says so.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |0 0|     STUN Message Type     |         Message Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                   Magic Cookie 0x2112A442                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                  Transaction ID (96 bits)                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy)]
pub struct Message<'a> {
    header: &'a [u8; HEADER_LEN],
    method: Method,
    class: Class,
    /// The attributes before MESSAGE-INTEGRITY, or all but FINGERPRINT if there is none.
    covered: &'a [u8],
    integrity: Option<&'a [u8; INTEGRITY_LEN]>,
}

impl<'a> Message<'a> {
    /// Reads a whole datagram that is to be a Binding message: ICE knows no other.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Discard> {
        let (header, body) = split_header(datagram).ok_or(Discard::NotStun)?;
        if Method::of(message_type(header)) != Method::BINDING {
            return Err(Discard::UnknownMethod);
        }
        Self::read(datagram, header, body)
    }

    /// Reads a whole datagram of any method.
    pub fn parse_any(datagram: &'a [u8]) -> Result<Self, Discard> {
        let (header, body) = split_header(datagram).ok_or(Discard::NotStun)?;
        Self::read(datagram, header, body)
    }

    fn read(
        datagram: &'a [u8],
        header: &'a [u8; HEADER_LEN],
        body: &'a [u8],
    ) -> Result<Self, Discard> {
        let mut covered_len = body.len();
        let mut integrity = None;
        for raw in RawAttributes::new(body) {
            let raw = raw?;
            match raw.kind {
                // RFC 8489 §14.7: FINGERPRINT is the last attribute. It covers everything before it.
                AttributeType::FINGERPRINT => {
                    let before = datagram
                        .get(..HEADER_LEN + raw.offset)
                        .ok_or(Discard::MalformedAttribute)?;
                    let stated: [u8; 4] = raw
                        .value
                        .try_into()
                        .map_err(|_| Discard::MalformedAttribute)?;
                    let is_last = raw.end == body.len();
                    if !is_last || u32::from_be_bytes(stated) != fingerprint::of(before) {
                        return Err(Discard::WrongFingerprint);
                    }
                    if integrity.is_none() {
                        covered_len = raw.offset;
                    }
                }
                // RFC 8489 §14.5: what follows it is ignored, but for FINGERPRINT.
                AttributeType::MESSAGE_INTEGRITY if integrity.is_none() => {
                    integrity = Some(
                        raw.value
                            .try_into()
                            .map_err(|_| Discard::MalformedAttribute)?,
                    );
                    covered_len = raw.offset;
                }
                _ => {}
            }
        }
        let covered = body.get(..covered_len).ok_or(Discard::MalformedAttribute)?;
        let message_type = message_type(header);
        Ok(Self {
            header,
            method: Method::of(message_type),
            class: Class::of(message_type),
            covered,
            integrity,
        })
    }

    /// What it is about.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Request, indication, or which response.
    pub fn class(&self) -> Class {
        self.class
    }

    /// What ties a response to its request.
    pub fn transaction_id(&self) -> TransactionId {
        let mut id = [0; 12];
        if let Some(bytes) = self.header.get(8..) {
            id.copy_from_slice(bytes);
        }
        TransactionId(id)
    }

    /// The attributes that count: those before MESSAGE-INTEGRITY, or all but FINGERPRINT if the message has none.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.covered, self.header)
    }

    /// The first attribute that `pick` takes (RFC 8489 §14: of duplicates only the first counts).
    pub fn find<T>(&self, pick: impl Fn(Attribute<'a>) -> Option<T>) -> Option<T> {
        self.attributes().filter_map(Result::ok).find_map(pick)
    }

    /// Reads the value of an attribute that holds an address as XOR-MAPPED-ADDRESS does (RFC 8489 §14.2).
    pub fn xor_address(&self, value: &[u8]) -> Option<SocketAddr> {
        unmask(self.header, value)
    }

    /// Whether there is a MESSAGE-INTEGRITY to verify.
    pub fn has_integrity(&self) -> bool {
        self.integrity.is_some()
    }

    /// Compares MESSAGE-INTEGRITY with what `key` gives, in constant time (RFC 8489 §14.5).
    pub fn verify(&self, key: &IntegrityKey) -> Result<(), Discard> {
        let integrity = self.integrity.ok_or(Discard::MissingIntegrity)?;
        // The HMAC sees a length that ends after MESSAGE-INTEGRITY.
        let length =
            u16::try_from(self.covered.len() + 4 + INTEGRITY_LEN).map_err(|_| Discard::NotStun)?;
        let mut header = *self.header;
        if let Some(field) = header.get_mut(2..4) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        if key.verify(&header, self.covered, integrity) {
            Ok(())
        } else {
            Err(Discard::WrongIntegrity)
        }
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("method", &self.method)
            .field("class", &self.class)
            .field("transaction_id", &self.transaction_id())
            .field("integrity", &self.integrity.is_some())
            .finish_non_exhaustive()
    }
}

/// The two class bits of a message type (RFC 8489 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// Success response.
    Success,
    /// Error response.
    Error,
}

impl Class {
    const fn of(message_type: u16) -> Self {
        match message_type & 0x0110 {
            0x0000 => Self::Request,
            0x0010 => Self::Indication,
            0x0100 => Self::Success,
            _ => Self::Error,
        }
    }

    const fn bits(self) -> u16 {
        match self {
            Self::Request => 0x0000,
            Self::Indication => 0x0010,
            Self::Success => 0x0100,
            Self::Error => 0x0110,
        }
    }
}

/// What a message is about: 12 bits (RFC 8489 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Method(pub u16);

impl Method {
    /// Which address something comes from (RFC 8489 §2); ICE's checks.
    pub const BINDING: Self = Self(0x001);
    /// Wants a relayed address (RFC 8656 §7).
    pub const ALLOCATE: Self = Self(0x003);
    /// Wants to keep it, or to give it up (RFC 8656 §8).
    pub const REFRESH: Self = Self(0x004);
    /// Data for a peer (RFC 8656 §11.2).
    pub const SEND: Self = Self(0x006);
    /// Data of a peer (RFC 8656 §11.4).
    pub const DATA: Self = Self(0x007);
    /// Lets peers send (RFC 8656 §10).
    pub const CREATE_PERMISSION: Self = Self(0x008);
    /// Gives a peer a channel number (RFC 8656 §12).
    pub const CHANNEL_BIND: Self = Self(0x009);

    const fn of(message_type: u16) -> Self {
        Self(
            (message_type & 0x000f)
                | ((message_type >> 1) & 0x0070)
                | ((message_type >> 2) & 0x0f80),
        )
    }

    /// The type of a message of this method and of `class`.
    pub(super) const fn message_type(self, class: Class) -> u16 {
        let Self(method) = self;
        (method & 0x000f) | ((method & 0x0070) << 1) | ((method & 0x0f80) << 2) | class.bits()
    }
}

/// 96 random bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TransactionId(pub [u8; 12]);

impl TransactionId {
    /// A new one.
    pub fn random(rng: &mut fastrand::Rng) -> Self {
        let mut id = [0; 12];
        rng.fill(&mut id);
        Self(id)
    }
}

/// The local part of a check's USERNAME, unauthenticated: which transport an unknown address wants.
///
/// `None` if the datagram is no Binding request with a USERNAME of two parts. Walks the attributes only as far as the
/// USERNAME, which comes first in practice, and checks nothing else.
pub fn peek_username(datagram: &[u8]) -> Option<&str> {
    let (header, body) = split_header(datagram)?;
    if message_type(header) != Method::BINDING.message_type(Class::Request) {
        return None;
    }
    let username = RawAttributes::new(body)
        .map_while(Result::ok)
        .find(|raw| raw.kind == AttributeType::USERNAME)?;
    if username.value.len() > MAX_USERNAME {
        return None;
    }
    // RFC 8445 §7.2.2: the ufrag of the one who is asked comes first.
    let (ufrag, _) = std::str::from_utf8(username.value).ok()?.split_once(':')?;
    Some(ufrag)
}

/// The header and exactly the bytes that its length field announces.
fn split_header(datagram: &[u8]) -> Option<(&[u8; HEADER_LEN], &[u8])> {
    let (header, body) = datagram.split_first_chunk::<HEADER_LEN>()?;
    let [first, _, length_high, length_low, c0, c1, c2, c3, ..] = *header;
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    let is_stun = first & 0xc0 == 0
        && [c0, c1, c2, c3] == MAGIC_COOKIE
        && length == body.len()
        && length % 4 == 0;
    is_stun.then_some((header, body))
}

fn message_type(header: &[u8; HEADER_LEN]) -> u16 {
    let [high, low, ..] = *header;
    u16::from_be_bytes([high, low])
}

/// Length of the header before the attributes.
pub const HEADER_LEN: usize = 20;
/// Bytes 4 to 7 of every message (RFC 8489 §5).
pub(super) const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// HMAC-SHA1 (RFC 8489 §14.5).
pub(super) const INTEGRITY_LEN: usize = 20;
