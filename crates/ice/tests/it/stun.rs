//! The codec beyond the vectors.

use xrtc_ice::stun::{
    Attribute, AttributeType, Builder, Class, HEADER_LEN, IntegrityKey, Message, TransactionId,
};
use xrtc_ice::{Discard, peek_username};

const ID: TransactionId = TransactionId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);

fn check() -> Vec<u8> {
    let mut out = [0; 200];
    let len = Builder::new(&mut out, Class::Request, ID)
        .username("serverufrag", "peer")
        .priority(1)
        .integrity(&IntegrityKey::new("a password of 22 chars"))
        .fingerprint()
        .finish()
        .unwrap();
    out[..len].to_vec()
}

/// A message of `class` with these attributes as raw bytes.
fn raw(attributes: &[u8]) -> Vec<u8> {
    let mut out = [0; HEADER_LEN];
    Builder::new(&mut out, Class::Request, ID).finish().unwrap();
    let mut message = [&out, attributes].concat();
    message[2..4].copy_from_slice(&u16::try_from(attributes.len()).unwrap().to_be_bytes());
    message
}

#[test]
fn a_datagram_that_is_not_exactly_one_message_is_not_stun() {
    let check = check();
    assert!(Message::parse(&check).is_ok());
    for len in 0..check.len() {
        assert_eq!(
            Message::parse(&check[..len]).err(),
            Some(Discard::NotStun),
            "{len} bytes"
        );
    }
    let longer = [&check[..], &[0; 4]].concat();
    assert_eq!(Message::parse(&longer).err(), Some(Discard::NotStun));
    let mut wrong_cookie = check.clone();
    wrong_cookie[4] ^= 1;
    assert_eq!(Message::parse(&wrong_cookie).err(), Some(Discard::NotStun));
    let mut high_bits = check;
    high_bits[0] |= 0x80;
    assert_eq!(Message::parse(&high_bits).err(), Some(Discard::NotStun));
}

#[test]
fn other_methods_than_binding_are_refused() {
    let mut allocate = raw(&[]);
    allocate[1] = 3;
    assert_eq!(
        Message::parse(&allocate).err(),
        Some(Discard::UnknownMethod)
    );
}

#[test]
fn attributes_that_run_over_the_end_are_malformed() {
    for attributes in [
        // A value of 8 bytes in 4.
        &[0, 6, 0, 8, 1, 2, 3, 4][..],
        &[0, 6, 0xff, 0xff],
        // Padding that is not there would need a length that is no multiple of 4, which the header check stops, so
        // only lengths can lie: 1 byte of value, no bytes left.
        &[0, 6, 0, 1],
        // MESSAGE-INTEGRITY and FINGERPRINT with other lengths than theirs.
        &[0, 8, 0, 4, 1, 2, 3, 4],
        &[0x80, 0x28, 0, 0],
    ] {
        assert_eq!(
            Message::parse(&raw(attributes)).err(),
            Some(Discard::MalformedAttribute),
            "{attributes:?}"
        );
    }
}

#[test]
fn a_message_of_many_empty_attributes_is_refused() {
    let many = [0xc0, 0x00, 0, 0].repeat(65);
    assert_eq!(
        Message::parse(&raw(&many)).err(),
        Some(Discard::MalformedAttribute)
    );
    assert!(Message::parse(&raw(&many[..64 * 4])).is_ok());
}

#[test]
fn known_attributes_with_impossible_values_are_errors_where_they_are_read() {
    for attributes in [
        &[0, 0x24, 0, 2, 0, 0, 0, 0][..],
        &[0, 0x20, 0, 4, 0, 1, 0, 0],
        &[0, 0x20, 0, 8, 0, 3, 0, 0, 0, 0, 0, 0],
        &[0x80, 0x29, 0, 4, 0, 0, 0, 0],
        // 299 and 700 are no error codes.
        &[0, 9, 0, 4, 0, 0, 2, 99],
        &[0, 9, 0, 4, 0, 0, 7, 0],
        // USERNAME that is no UTF-8.
        &[0, 6, 0, 1, 0xff, 0, 0, 0],
    ] {
        let message = raw(attributes);
        let message = Message::parse(&message).unwrap();
        assert_eq!(
            message.attributes().next(),
            Some(Err(Discard::MalformedAttribute)),
            "{attributes:?}"
        );
    }
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let key = IntegrityKey::new("a password of 22 chars");
    let check = check();
    // All but the type of FINGERPRINT: another attribute after MESSAGE-INTEGRITY is ignored.
    let kind = check.len() - 8..check.len() - 6;
    for bit in (0..check.len() * 8).filter(|bit| !kind.contains(&(bit / 8))) {
        let mut flipped = check.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let accepted = Message::parse(&flipped).and_then(|message| message.verify(&key));
        assert!(accepted.is_err(), "bit {bit}");
    }
}

#[test]
fn what_follows_message_integrity_is_not_seen() {
    let key = IntegrityKey::new("a password of 22 chars");
    let mut out = [0; 200];
    let len = Builder::new(&mut out, Class::Request, ID)
        .username("abcd", "efgh")
        .integrity(&key)
        .use_candidate()
        .fingerprint()
        .finish()
        .unwrap();
    let message = Message::parse(&out[..len]).unwrap();
    assert_eq!(message.verify(&key), Ok(()));
    assert_eq!(
        message.attributes().collect::<Vec<_>>(),
        [Ok(Attribute::Username("abcd:efgh"))]
    );
}

#[test]
fn fingerprint_must_be_last() {
    let mut out = [0; 200];
    let len = Builder::new(&mut out, Class::Request, ID)
        .fingerprint()
        .use_candidate()
        .finish()
        .unwrap();
    assert_eq!(
        Message::parse(&out[..len]).err(),
        Some(Discard::WrongFingerprint)
    );
}

#[test]
fn error_codes_and_unknown_attributes_round_trip() {
    let mut out = [0; 200];
    let unknown = [
        AttributeType(0x7fff),
        AttributeType(0x0042),
        AttributeType(0x0043),
    ];
    let len = Builder::new(&mut out, Class::Error, ID)
        .error_code(420)
        .unknown_attributes(&unknown)
        .finish()
        .unwrap();
    let message = Message::parse(&out[..len]).unwrap();
    let attributes: Vec<_> = message.attributes().map(Result::unwrap).collect();
    let types = [0x7f, 0xff, 0x00, 0x42, 0x00, 0x43];
    assert_eq!(
        attributes,
        [
            Attribute::ErrorCode(420, ""),
            Attribute::UnknownAttributes(&types)
        ]
    );
}

#[test]
fn a_buffer_that_is_too_short_gives_none_and_no_panic() {
    let key = IntegrityKey::new("a password of 22 chars");
    let mut out = [0; 200];
    let mut build = |room: usize| {
        Builder::new(&mut out[..room], Class::Success, ID)
            .username("abcd", "efgh")
            .xor_mapped_address("[::1]:1".parse().unwrap())
            .error_code(400)
            .integrity(&key)
            .fingerprint()
            .finish()
    };
    let len = build(200).unwrap();
    assert!((0..len).all(|room| build(room).is_none()));
    assert_eq!(build(len), Some(len));
}

#[test]
fn peek_username_gives_the_part_of_the_one_who_is_asked() {
    assert_eq!(peek_username(&check()), Some("serverufrag"));
}

#[test]
fn peek_username_ignores_everything_but_requests_with_two_names() {
    let mut success = check();
    success[0] = 1;
    assert_eq!(peek_username(&success), None);
    assert_eq!(peek_username(&raw(&[])), None);
    assert_eq!(
        peek_username(&raw(&[0, 6, 0, 4, b'a', b'b', b'c', b'd'])),
        None
    );
    assert_eq!(
        peek_username(&raw(&[0, 6, 0, 4, b'a', b':', 0xff, b'd'])),
        None
    );
    assert_eq!(
        peek_username(&raw(&[0, 6, 0, 4, b'a', b':', b'c', b'd'])),
        Some("a")
    );
    assert_eq!(peek_username(&check()[..30]), None);
    assert_eq!(peek_username(&[]), None);
}
