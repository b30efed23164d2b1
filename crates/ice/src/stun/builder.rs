//! Writes a STUN message into the caller's buffer.

use std::net::{IpAddr, SocketAddr};

use super::attribute::{AttributeType, COOKIE_HIGH, masked};
use super::fingerprint;
use super::integrity::IntegrityKey;
use super::message::{Class, HEADER_LEN, INTEGRITY_LEN, MAGIC_COOKIE, Method, TransactionId};

/// A message in the making. Attributes are written in the order of the calls; MESSAGE-INTEGRITY and
/// FINGERPRINT come last, in this order. A buffer that is too short shows at [`Builder::finish`] only.
#[derive(Debug)]
pub struct Builder<'a> {
    out: &'a mut [u8],
    len: usize,
    overflow: bool,
}

impl<'a> Builder<'a> {
    /// Begins a Binding message in `out`.
    pub fn new(out: &'a mut [u8], class: Class, id: TransactionId) -> Self {
        Self::of(out, Method::BINDING, class, id)
    }

    /// Begins a message of any method in `out`.
    pub fn of(out: &'a mut [u8], method: Method, class: Class, id: TransactionId) -> Self {
        let mut builder = Self {
            out,
            len: 0,
            overflow: false,
        };
        builder.push(&method.message_type(class).to_be_bytes());
        builder.push(&[0, 0]);
        builder.push(&MAGIC_COOKIE);
        builder.push(&id.0);
        builder
    }

    /// `<ufrag of the one asked>:<ufrag of the one who asks>`.
    pub fn username(mut self, theirs: &str, ours: &str) -> Self {
        self.header(AttributeType::USERNAME, theirs.len() + 1 + ours.len());
        self.push(theirs.as_bytes());
        self.push(b":");
        self.push(ours.as_bytes());
        self.pad();
        self
    }

    /// Where the request came from (RFC 8489 §14.2).
    pub fn xor_mapped_address(self, address: SocketAddr) -> Self {
        self.xor_address(AttributeType::XOR_MAPPED_ADDRESS, address)
    }

    /// An attribute that holds an address in that form.
    pub fn xor_address(self, kind: AttributeType, address: SocketAddr) -> Self {
        let mut mask = [0; 16];
        match self.out.get(4..HEADER_LEN) {
            Some(bytes) => mask.copy_from_slice(bytes),
            None => return self,
        }
        let [port_high, port_low] = (address.port() ^ COOKIE_HIGH).to_be_bytes();
        let mut value = [
            0, 1, port_high, port_low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        let [_, family, _, _, ip @ ..] = &mut value;
        let len = match address.ip() {
            IpAddr::V4(v4) => {
                let octets = masked(v4.octets(), &mask);
                ip.iter_mut().zip(octets).for_each(|(to, from)| *to = from);
                8
            }
            IpAddr::V6(v6) => {
                *family = 2;
                *ip = masked(v6.octets(), &mask);
                20
            }
        };
        self.attribute(kind, value.get(..len).unwrap_or_default())
    }

    /// Why the request failed, without the text for people: it would only make the answer longer.
    pub fn error_code(self, code: u16) -> Self {
        let (class, number) = ((code / 100) as u8, (code % 100) as u8);
        self.attribute(AttributeType::ERROR_CODE, &[0, 0, class, number])
    }

    /// The types behind a 420 (RFC 8489 §14.13).
    pub fn unknown_attributes(mut self, types: &[AttributeType]) -> Self {
        self.header(AttributeType::UNKNOWN_ATTRIBUTES, types.len() * 2);
        types
            .iter()
            .for_each(|kind| self.push(&kind.0.to_be_bytes()));
        self.pad();
        self
    }

    /// The priority of the peer-reflexive candidate that the check may reveal.
    pub fn priority(self, priority: u32) -> Self {
        self.attribute(AttributeType::PRIORITY, &priority.to_be_bytes())
    }

    /// Nominates.
    pub fn use_candidate(self) -> Self {
        self.attribute(AttributeType::USE_CANDIDATE, &[])
    }

    /// Our role is controlled.
    pub fn ice_controlled(self, tie_breaker: u64) -> Self {
        self.attribute(AttributeType::ICE_CONTROLLED, &tie_breaker.to_be_bytes())
    }

    /// Our role is controlling.
    pub fn ice_controlling(self, tie_breaker: u64) -> Self {
        self.attribute(AttributeType::ICE_CONTROLLING, &tie_breaker.to_be_bytes())
    }

    /// The number of a nomination.
    pub fn nomination(self, number: u32) -> Self {
        self.attribute(AttributeType::NOMINATION, &number.to_be_bytes())
    }

    /// Any attribute.
    pub fn attribute(mut self, kind: AttributeType, value: &[u8]) -> Self {
        self.header(kind, value.len());
        self.push(value);
        self.pad();
        self
    }

    /// MESSAGE-INTEGRITY over all before it.
    pub fn integrity(mut self, key: &IntegrityKey) -> Self {
        self.set_length(4 + INTEGRITY_LEN);
        let signed = self
            .out
            .get(..self.len)
            .and_then(|bytes| bytes.split_at_checked(HEADER_LEN));
        match signed.map(|(header, attributes)| key.sign(header, attributes)) {
            Some(tag) => self.attribute(AttributeType::MESSAGE_INTEGRITY, &tag),
            None => self,
        }
    }

    /// FINGERPRINT over all before it.
    pub fn fingerprint(mut self) -> Self {
        self.set_length(8);
        let crc = fingerprint::of(self.out.get(..self.len).unwrap_or_default());
        self.attribute(AttributeType::FINGERPRINT, &crc.to_be_bytes())
    }

    /// The length of the message, or `None` if `out` was too short for it.
    pub fn finish(mut self) -> Option<usize> {
        self.set_length(0);
        (!self.overflow).then_some(self.len)
    }

    fn header(&mut self, kind: AttributeType, len: usize) {
        self.push(&kind.0.to_be_bytes());
        match u16::try_from(len) {
            Ok(len) => self.push(&len.to_be_bytes()),
            Err(_) => self.overflow = true,
        }
    }

    fn pad(&mut self) {
        let zeros = self.len.next_multiple_of(4) - self.len;
        self.push([0; 3].get(..zeros).unwrap_or_default());
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        match self.out.get_mut(self.len..end) {
            Some(room) if !self.overflow => {
                room.copy_from_slice(bytes);
                self.len = end;
            }
            _ => self.overflow = true,
        }
    }

    /// Announces the attributes so far and `more` bytes.
    fn set_length(&mut self, more: usize) {
        match (
            u16::try_from((self.len + more).saturating_sub(HEADER_LEN)),
            self.out.get_mut(2..4),
        ) {
            (Ok(length), Some(field)) => field.copy_from_slice(&length.to_be_bytes()),
            _ => self.overflow = true,
        }
    }
}
