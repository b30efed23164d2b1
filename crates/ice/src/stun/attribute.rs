//! Attributes: type, length, value, padding to four bytes (RFC 8489 §14).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::message::{HEADER_LEN, MAGIC_COOKIE};
use crate::Discard;
use crate::limits::{MAX_ATTRIBUTES, MAX_USERNAME};

/// One attribute, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute<'a> {
    /// `<ufrag of the one asked>:<ufrag of the one who asks>`.
    Username(&'a str),
    /// What the request's source address looked like.
    XorMappedAddress(SocketAddr),
    /// Why a request failed: 300 to 699, and a text for people.
    ErrorCode(u16, &'a str),
    /// The types behind a 420, big-endian pairs of bytes.
    UnknownAttributes(&'a [u8]),
    /// The priority of the peer-reflexive candidate that this check may reveal (RFC 8445 §7.1.1).
    Priority(u32),
    /// Nominates the pair (RFC 8445 §7.1.2).
    UseCandidate,
    /// The sender is controlled; its tie-breaker (RFC 8445 §7.1.3).
    IceControlled(u64),
    /// The sender is controlling; its tie-breaker.
    IceControlling(u64),
    /// The number of a nomination: later ones are greater (draft-thatcher-ice-renomination §4).
    Nomination(u32),
    /// Anything else.
    Other(AttributeType, &'a [u8]),
}

/// The number of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AttributeType(pub u16);

impl AttributeType {
    /// Both ufrags.
    pub const USERNAME: Self = Self(0x0006);
    /// HMAC-SHA1 over what comes before.
    pub const MESSAGE_INTEGRITY: Self = Self(0x0008);
    /// Why a request failed.
    pub const ERROR_CODE: Self = Self(0x0009);
    /// Types behind a 420.
    pub const UNKNOWN_ATTRIBUTES: Self = Self(0x000a);
    /// A channel's number (RFC 8656 §18.1).
    pub const CHANNEL_NUMBER: Self = Self(0x000c);
    /// How long an allocation is to live, in seconds (RFC 8656 §18.2).
    pub const LIFETIME: Self = Self(0x000d);
    /// The peer that data is for or from (RFC 8656 §18.3).
    pub const XOR_PEER_ADDRESS: Self = Self(0x0012);
    /// The data (RFC 8656 §18.4).
    pub const DATA: Self = Self(0x0013);
    /// Whose names and passwords are meant (RFC 8489 §14.9).
    pub const REALM: Self = Self(0x0014);
    /// What the server wants to see again (RFC 8489 §14.10).
    pub const NONCE: Self = Self(0x0015);
    /// The address that peers send to (RFC 8656 §18.5).
    pub const XOR_RELAYED_ADDRESS: Self = Self(0x0016);
    /// The family of the relayed address (RFC 8656 §18.6).
    pub const REQUESTED_ADDRESS_FAMILY: Self = Self(0x0017);
    /// Wants an even port (RFC 8656 §18.7).
    pub const EVEN_PORT: Self = Self(0x0018);
    /// The transport of the relayed address (RFC 8656 §18.8).
    pub const REQUESTED_TRANSPORT: Self = Self(0x0019);
    /// HMAC-SHA256 over what comes before; known, so that its presence is no error, but not used by ICE.
    pub const MESSAGE_INTEGRITY_SHA256: Self = Self(0x001c);
    /// The mapped address, obscured.
    pub const XOR_MAPPED_ADDRESS: Self = Self(0x0020);
    /// Wants the port that an earlier EVEN-PORT has reserved (RFC 8656 §18.10).
    pub const RESERVATION_TOKEN: Self = Self(0x0022);
    /// ICE priority.
    pub const PRIORITY: Self = Self(0x0024);
    /// ICE nomination.
    pub const USE_CANDIDATE: Self = Self(0x0025);
    /// Wants a relayed address of a second family too (RFC 8656 §18.11).
    pub const ADDITIONAL_ADDRESS_FAMILY: Self = Self(0x8000);
    /// Which of two families could not be had (RFC 8656 §18.12).
    pub const ADDRESS_ERROR_CODE: Self = Self(0x8001);
    /// CRC-32 over what comes before.
    pub const FINGERPRINT: Self = Self(0x8028);
    /// ICE role and tie-breaker.
    pub const ICE_CONTROLLED: Self = Self(0x8029);
    /// ICE role and tie-breaker.
    pub const ICE_CONTROLLING: Self = Self(0x802a);
    /// Numbered nominations, as libwebrtc writes them (`GOOG-NOMINATION`, `api/transport/stun.h`).
    pub const NOMINATION: Self = Self(0xc001);

    /// Whether a receiver that does not know it must refuse a request (RFC 8489 §14).
    pub const fn is_comprehension_required(self) -> bool {
        self.0 < 0x8000
    }
}

/// The attributes of a message, in order. An item is an error where a known attribute has an impossible value.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    raw: RawAttributes<'a>,
    header: &'a [u8; HEADER_LEN],
}

impl<'a> Attributes<'a> {
    pub(super) fn new(body: &'a [u8], header: &'a [u8; HEADER_LEN]) -> Self {
        Self {
            raw: RawAttributes::new(body),
            header,
        }
    }

    fn decode(&self, raw: &RawAttribute<'a>) -> Option<Attribute<'a>> {
        let value = raw.value;
        Some(match raw.kind {
            AttributeType::USERNAME if value.len() <= MAX_USERNAME => {
                Attribute::Username(text(value)?)
            }
            AttributeType::USERNAME => return None,
            AttributeType::XOR_MAPPED_ADDRESS => {
                Attribute::XorMappedAddress(unmask(self.header, value)?)
            }
            AttributeType::ERROR_CODE => {
                let ([_, _, class, number], reason) = value.split_first_chunk()?;
                let (class, number) = (u16::from(class & 7), u16::from(*number));
                // RFC 8489 §14.8.
                if !(3..=6).contains(&class) || number > 99 {
                    return None;
                }
                Attribute::ErrorCode(class * 100 + number, text(reason)?)
            }
            AttributeType::UNKNOWN_ATTRIBUTES => Attribute::UnknownAttributes(value),
            AttributeType::PRIORITY => {
                Attribute::Priority(u32::from_be_bytes(value.try_into().ok()?))
            }
            AttributeType::USE_CANDIDATE => Attribute::UseCandidate,
            AttributeType::ICE_CONTROLLED => {
                Attribute::IceControlled(u64::from_be_bytes(value.try_into().ok()?))
            }
            AttributeType::ICE_CONTROLLING => {
                Attribute::IceControlling(u64::from_be_bytes(value.try_into().ok()?))
            }
            AttributeType::NOMINATION => {
                Attribute::Nomination(u32::from_be_bytes(value.try_into().ok()?))
            }
            kind => Attribute::Other(kind, value),
        })
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Discard>;

    fn next(&mut self) -> Option<Self::Item> {
        let raw = self.raw.next()?;
        Some(raw.and_then(|raw| self.decode(&raw).ok_or(Discard::MalformedAttribute)))
    }
}

/// Attributes as they lie in the message. After an error it ends.
#[derive(Clone, Debug)]
pub(super) struct RawAttributes<'a> {
    body: &'a [u8],
    offset: usize,
    left: usize,
}

/// Type and value of an attribute, and the offsets of its first byte and of the one after its padding.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawAttribute<'a> {
    pub(super) kind: AttributeType,
    pub(super) value: &'a [u8],
    pub(super) offset: usize,
    pub(super) end: usize,
}

impl<'a> RawAttributes<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            offset: 0,
            left: MAX_ATTRIBUTES,
        }
    }

    fn take(&mut self) -> Option<RawAttribute<'a>> {
        let offset = self.offset;
        let ([t0, t1, l0, l1], rest) = self.body.get(offset..)?.split_first_chunk()?;
        let len = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = rest.get(..len)?;
        let end = offset + 4 + len.next_multiple_of(4);
        if end > self.body.len() || self.left == 0 {
            return None;
        }
        self.left -= 1;
        self.offset = end;
        Some(RawAttribute {
            kind: AttributeType(u16::from_be_bytes([*t0, *t1])),
            value,
            offset,
            end,
        })
    }
}

impl<'a> Iterator for RawAttributes<'a> {
    type Item = Result<RawAttribute<'a>, Discard>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.body.len() {
            return None;
        }
        let raw = self.take();
        if raw.is_none() {
            self.offset = self.body.len();
        }
        Some(raw.ok_or(Discard::MalformedAttribute))
    }
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

/// Undoes the exclusive or of an address (RFC 8489 §14.2).
pub(super) fn unmask(header: &[u8; HEADER_LEN], value: &[u8]) -> Option<SocketAddr> {
    let ([_, family, port @ ..], address) = value.split_first_chunk::<4>()?;
    let mask = header.get(4..)?;
    let port = u16::from_be_bytes(*port) ^ COOKIE_HIGH;
    let ip = match family {
        1 => IpAddr::V4(Ipv4Addr::from(masked::<4>(address.try_into().ok()?, mask))),
        2 => IpAddr::V6(Ipv6Addr::from(masked::<16>(address.try_into().ok()?, mask))),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// `address` exclusive-or the magic cookie and the transaction id.
pub(super) fn masked<const N: usize>(mut address: [u8; N], mask: &[u8]) -> [u8; N] {
    address
        .iter_mut()
        .zip(mask)
        .for_each(|(byte, mask)| *byte ^= mask);
    address
}

/// The high half of the magic cookie, which masks ports.
pub(super) const COOKIE_HIGH: u16 = u16::from_be_bytes([MAGIC_COOKIE[0], MAGIC_COOKIE[1]]);
