//! The test vectors of RFC 5769, byte for byte.

use std::net::SocketAddr;

use xrtc_ice::stun::{
    Attribute, AttributeType, Builder, Class, IntegrityKey, Message, TransactionId,
};
use xrtc_ice::{Discard, peek_username};

const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const ID: TransactionId = TransactionId([
    0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
]);

const REQUEST: &str = "00010058 2112a442 b7e7a701bc34d686fa87dfae \
    80220010 5354554e207465737420636c69656e74 \
    00240004 6e0001ff \
    80290008 932ff9b151263b36 \
    00060009 6576746a3a68367659202020 \
    00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 \
    80280004 e57a3bcf";
const IPV4_RESPONSE: &str = "0101003c 2112a442 b7e7a701bc34d686fa87dfae \
    8022000b 7465737420766563746f7220 \
    00200008 0001a147e112a643 \
    00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 \
    80280004 c07d4c96";
const IPV6_RESPONSE: &str = "01010048 2112a442 b7e7a701bc34d686fa87dfae \
    8022000b 7465737420766563746f7220 \
    00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9 \
    00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 \
    80280004 c8fb0b4c";
const LONG_TERM_REQUEST: &str = "00010060 2112a442 78ad3433c6ad72c029da412e \
    00060012 e3839ee38388e383aae38383e382afe382b90000 \
    0015001c 662f2f3439396b3935346436 4f4c33346f4c394653547679363473 41 \
    0014000b 6578616d706c652e6f726700 \
    00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666";
/// MD5 of `マトリックス:example.org:TheMatrIX` (RFC 8489 §9.2.2).
const LONG_TERM_KEY: &str = "e8ca7ad59d5eb0518e312911d2dab2a9";

fn attributes<'a>(message: &Message<'a>) -> Vec<Attribute<'a>> {
    message.attributes().collect::<Result<_, _>>().unwrap()
}

fn mapped(message: &Message<'_>) -> Option<SocketAddr> {
    message.find(|attribute| match attribute {
        Attribute::XorMappedAddress(address) => Some(address),
        _ => None,
    })
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn d52_rfc5769_section_2_1_sample_request() {
    let bytes = bytes(REQUEST);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(
        (message.class(), message.transaction_id()),
        (Class::Request, ID)
    );
    assert_eq!(
        attributes(&message),
        [
            Attribute::Other(AttributeType(0x8022), b"STUN test client"),
            Attribute::Priority(0x6e00_01ff),
            Attribute::IceControlled(0x932f_f9b1_5126_3b36),
            Attribute::Username("evtj:h6vY"),
        ]
    );
    assert_eq!(message.verify(&IntegrityKey::new(PASSWORD)), Ok(()));
    assert_eq!(
        message.verify(&IntegrityKey::new("VOkJxbRl1RmTxUk/WvJxBT")),
        Err(Discard::WrongIntegrity)
    );
    assert_eq!(peek_username(&bytes), Some("evtj"));
}

#[test]
fn d52_rfc5769_section_2_2_sample_ipv4_response() {
    let bytes = bytes(IPV4_RESPONSE);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(
        (message.class(), message.transaction_id()),
        (Class::Success, ID)
    );
    assert_eq!(mapped(&message), Some("192.0.2.1:32853".parse().unwrap()));
    assert_eq!(message.verify(&IntegrityKey::new(PASSWORD)), Ok(()));
    assert_eq!(peek_username(&bytes), None);
}

#[test]
fn d52_rfc5769_section_2_3_sample_ipv6_response() {
    let bytes = bytes(IPV6_RESPONSE);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(
        (message.class(), message.transaction_id()),
        (Class::Success, ID)
    );
    assert_eq!(
        mapped(&message),
        Some(
            "[2001:db8:1234:5678:11:2233:4455:6677]:32853"
                .parse()
                .unwrap()
        )
    );
    assert_eq!(message.verify(&IntegrityKey::new(PASSWORD)), Ok(()));
}

#[test]
fn d52_rfc5769_section_2_4_sample_request_with_long_term_authentication() {
    let bytes = bytes(LONG_TERM_REQUEST);
    let message = Message::parse(&bytes).unwrap();
    let key = IntegrityKey::from_bytes(&self::bytes(LONG_TERM_KEY));
    assert_eq!(message.verify(&key), Ok(()));
    assert_eq!(
        message.find(|attribute| match attribute {
            Attribute::Username(username) => Some(username),
            _ => None,
        }),
        Some("マトリックス")
    );
    assert_eq!(peek_username(&bytes), None, "one part only");
}

/// The RFC pads with spaces and we with zeros, which MESSAGE-INTEGRITY and FINGERPRINT cover; all else must be equal.
#[test]
fn d52_rfc5769_sections_2_1_to_2_3_are_written_byte_for_byte_but_for_the_padding() {
    let key = IntegrityKey::new(PASSWORD);
    let mut out = [0; 200];

    let len = Builder::new(&mut out, Class::Request, ID)
        .attribute(AttributeType(0x8022), b"STUN test client")
        .priority(0x6e00_01ff)
        .ice_controlled(0x932f_f9b1_5126_3b36)
        .username("evtj", "h6vY")
        .integrity(&key)
        .fingerprint()
        .finish()
        .unwrap();
    let expected = bytes(REQUEST);
    assert_eq!(len, expected.len());
    assert_eq!(out[..73], expected[..73]);
    assert_eq!(out[76..80], expected[76..80]);

    let mapped = [
        (IPV4_RESPONSE, "192.0.2.1:32853"),
        (
            IPV6_RESPONSE,
            "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
        ),
    ];
    for (hex, address) in mapped {
        let len = Builder::new(&mut out, Class::Success, ID)
            .attribute(AttributeType(0x8022), b"test vector")
            .xor_mapped_address(address.parse().unwrap())
            .integrity(&key)
            .fingerprint()
            .finish()
            .unwrap();
        let expected = bytes(hex);
        assert_eq!(len, expected.len());
        assert_eq!(out[..35], expected[..35]);
        assert_eq!(out[36..len - 28], expected[36..len - 28]);
        assert_eq!(Message::parse(&out[..len]).unwrap().verify(&key), Ok(()));
    }
}
