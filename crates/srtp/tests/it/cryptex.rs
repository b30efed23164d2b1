//! Encrypted CSRCs and header extensions: the examples of RFC 9335, and what must not pass.

use proptest::prelude::*;
use xrtc_rtp::Ssrc;
use xrtc_srtp::{Discard, KeyingMaterial, Opener, Plain, Profile, Sealer, contexts};

use crate::hex;
use crate::pair::{any_profile, pair};

const SSRC: Ssrc = Ssrc(0xcafe_babe);

fn examples(profile: Profile, key: &str, salt: &str, packets: [(&str, &str); 6]) {
    let exported = hex(&[key, key, salt, salt].concat());
    let material = KeyingMaterial::new(profile, &exported).unwrap();
    let (opener, sealer) = contexts(&material, true);
    let (mut opener, mut sealer) = (opener.with_cryptex(), sealer.with_cryptex());
    for (plain, sealed) in packets {
        let (plain, sealed) = (hex(plain), hex(sealed));
        // The payload of all examples has 16 bytes; it may come in two pieces.
        let header = plain.len() - 16;
        let pieces = Plain {
            ssrc: SSRC,
            index: u64::from(u16::from_be_bytes([plain[2], plain[3]])),
            repeat: false,
            header: &plain[..header],
            prefix: &plain[header..header + 5],
            payload: &plain[header + 5..],
        };
        let mut out = vec![0; sealed.len()];
        assert_eq!(sealer.seal_rtp(pieces, &mut out), Ok(sealed.len()));
        assert_eq!(out, sealed);
        assert_eq!(opener.open_rtp(&mut out), Ok(plain.len()));
        assert_eq!(out[..plain.len()], plain);
    }
}

#[test]
fn f73_rfc_9335_a1_aes_ctr() {
    examples(
        Profile::Aes128CmSha1_80,
        "e1f97a0d3e018be0d64fa32c06de4139",
        "0ec675ad498afeebb6960b3aabe6",
        [
            (
                "900f1235 decafbad cafebabe bede0001 51000200 abababab abababab abababab abababab",
                "900f1235 decafbad cafebabe c0de0001 eb923652 51c3e036 f8de27e9 c27ee3e0 b4651d9f
                 bc4218a7 0244522f 34a5",
            ),
            (
                "900f1236 decafbad cafebabe 10000001 05020002 abababab abababab abababab abababab",
                "900f1236 decafbad cafebabe c2de0001 4ed9cc4e 6a712b30 96c5ca77 339d4204 ce0d7739
                 6cab6958 5fbce381 94a5",
            ),
            (
                "920f1238 decafbad cafebabe 0001e240 0000b26e bede0001 51000200 abababab abababab
                 abababab abababab",
                "920f1238 decafbad cafebabe 8bb6e12b 5cff16dd c0de0001 92838c8c 09e58393 e1de3a9a
                 74734d67 45671338 c3acf11d a2df8423 bee0",
            ),
            (
                "920f1239 decafbad cafebabe 0001e240 0000b26e 10000001 05020002 abababab abababab
                 abababab abababab",
                "920f1239 decafbad cafebabe f70e513e b90b9b25 c2de0001 bbed4848 faa64466 5f3d7f34
                 125914e9 f4d0ae92 3c6f479b 95a0f7b5 3133",
            ),
            (
                "920f123a decafbad cafebabe 0001e240 0000b26e bede0000 abababab abababab abababab
                 abababab",
                "920f123a decafbad cafebabe 7130b6ab fe2ab0e3 c0de0000 e3d9f64b 25c9e74c b4cf8e43
                 fb92e378 1c2c0cea b6b3a499 a14c",
            ),
            (
                "920f123b decafbad cafebabe 0001e240 0000b26e 10000000 abababab abababab abababab
                 abababab",
                "920f123b decafbad cafebabe cbf24c12 4330e1c8 c2de0000 599dd45b c9d687b6 03e8b59d
                 771fd38e 88b170e0 cd31e125 eabe",
            ),
        ],
    );
}

#[test]
fn f73_rfc_9335_a2_aes_gcm() {
    examples(
        Profile::AeadAes128Gcm,
        "000102030405060708090a0b0c0d0e0f",
        "a0a1a2a3a4a5a6a7a8a9aaab",
        [
            (
                "900f1235 decafbad cafebabe bede0001 51000200 abababab abababab abababab abababab",
                "900f1235 decafbad cafebabe c0de0001 39972dc9 572c4d99 e8fc355d e743fb2e 94f9d8ff
                 54e72f41 93bbc5c7 4ffab0fa 9fa0fbeb",
            ),
            (
                "900f1236 decafbad cafebabe 10000001 05020002 abababab abababab abababab abababab",
                "900f1236 decafbad cafebabe c2de0001 bb75a4c5 45cd1f41 3bdb7daa 2b1e3263 de313667
                 c9632490 81b35a65 f5cb6c88 b394235f",
            ),
            (
                "920f1238 decafbad cafebabe 0001e240 0000b26e bede0001 51000200 abababab abababab
                 abababab abababab",
                "920f1238 decafbad cafebabe 63bbccc4 a7f695c4 c0de0001 8ad7c71f ac70a80c 92866b4c
                 6ba98546 ef913586 e95ffaaf fe956885 bb0647a8 bc094ac8",
            ),
            (
                "920f1239 decafbad cafebabe 0001e240 0000b26e 10000001 05020002 abababab abababab
                 abababab abababab",
                "920f1239 decafbad cafebabe 3680524f 8d312b00 c2de0001 c78d1200 38422bc1 11a7187a
                 18246f98 0c059cc6 bc9df8b6 26394eca 344e4b05 d80fea83",
            ),
            (
                "920f123a decafbad cafebabe 0001e240 0000b26e bede0000 abababab abababab abababab
                 abababab",
                "920f123a decafbad cafebabe 15b6bb43 37906fff c0de0000 b7b96453 7a2b03ab 7ba5389c
                 e9331712 6b5d974d f30c6884 dcb651c5 e120c1da",
            ),
            (
                "920f123b decafbad cafebabe 0001e240 0000b26e 10000000 abababab abababab abababab
                 abababab",
                "920f123b decafbad cafebabe dcb38c9e 48bf95f4 c2de0000 61ee432c f9203170 76613258
                 d3ce4236 c06ac429 681ad084 13512dc9 8b5207d8",
            ),
        ],
    );
}

/// A header with as many CSRCs, and with an extension of so many words if there is one.
fn header(sequence_number: u16, csrcs: u8, extension: Option<(u16, u8)>) -> Vec<u8> {
    let mut header = vec![0x80 | csrcs, 96];
    header.extend(sequence_number.to_be_bytes());
    header.extend([1, 2, 3, 4]);
    header.extend(SSRC.0.to_be_bytes());
    header.extend((0..csrcs).flat_map(|csrc| [csrc, 0xcc, 0xcc, csrc]));
    if let Some((word, words)) = extension {
        header[0] |= 0x10;
        header.extend(word.to_be_bytes());
        header.extend([0, words]);
        header.extend((0..words).flat_map(|word| [0x10, word, 0, 0]));
    }
    header
}

fn seal(sealer: &mut Sealer, header: &[u8], payload: &[u8]) -> Result<Vec<u8>, Discard> {
    let plain = Plain {
        ssrc: SSRC,
        index: u64::from(u16::from_be_bytes([header[2], header[3]])),
        repeat: false,
        header,
        prefix: &[],
        payload,
    };
    let mut out = vec![0; 1500];
    let len = sealer.seal_rtp(plain, &mut out)?;
    out.truncate(len);
    Ok(out)
}

fn cryptex_pair(profile: Profile) -> (Sealer, Opener) {
    let (sealer, opener) = pair(profile);
    (sealer.with_cryptex(), opener.with_cryptex())
}

proptest! {
    #[test]
    fn what_is_hidden_is_opened_again(
        profile in any_profile(),
        csrcs in 0u8..16,
        extension in prop::option::of((prop::sample::select(vec![0xBEDE_u16, 0x1000]), 0u8..40)),
        payload in prop::collection::vec(any::<u8>(), 0..200),
        flipped in any::<prop::sample::Index>(),
    ) {
        let header = header(7, csrcs, extension);
        let (mut sealer, mut opener) = cryptex_pair(profile);
        let sealed = seal(&mut sealer, &header, &payload).unwrap();
        // Nothing of CSRCs and extensions can be read.
        if csrcs > 0 {
            prop_assert_ne!(&sealed[12..12 + 4 * usize::from(csrcs)], &header[12..12 + 4 * usize::from(csrcs)]);
        }
        let mut broken = sealed.clone();
        // The first byte's version, the sequence number and the SSRC lead elsewhere.
        let place = 12 + flipped.index(sealed.len() - 12);
        broken[place] ^= 0x40;
        prop_assert!(opener.open_rtp(&mut broken).is_err());
        let mut opened = sealed.clone();
        let len = opener.open_rtp(&mut opened).unwrap();
        let mut expected = header.clone();
        if csrcs > 0 && extension.is_none() {
            expected[0] |= 0x10;
            expected.extend([0xBE, 0xDE, 0, 0]);
        }
        expected.extend(&payload);
        prop_assert_eq!(&opened[..len], &expected[..]);
    }

    #[test]
    fn arbitrary_packets_never_panic(
        profile in any_profile(),
        first in any::<u8>(),
        word in prop::sample::select(vec![0xC0DE_u16, 0xC2DE]),
        rest in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut packet = header(7, first & 0x0f, Some((word, first >> 5)));
        packet.extend(rest);
        let (_, mut opener) = cryptex_pair(profile);
        for cut in 0..packet.len() {
            prop_assert!(opener.open_rtp(&mut packet.clone()[..cut]).is_err());
        }
    }
}

#[test]
fn f73_cryptex_is_refused_if_it_was_not_negotiated() {
    for profile in Profile::ALL {
        let (mut sealer, _) = cryptex_pair(profile);
        let (_, mut opener) = pair(profile);
        let header = header(7, 0, Some((0xBEDE, 1)));
        let mut sealed = seal(&mut sealer, &header, b"payload").unwrap();
        assert_eq!(opener.open_rtp(&mut sealed), Err(Discard::Cryptex));
    }
}

#[test]
fn where_nothing_is_to_hide_the_packet_is_as_usual() {
    for profile in Profile::ALL {
        let (mut usual, _) = pair(profile);
        let (mut sealer, mut opener) = cryptex_pair(profile);
        let header = header(7, 0, None);
        let mut sealed = seal(&mut sealer, &header, b"payload").unwrap();
        assert_eq!(Ok(&sealed), seal(&mut usual, &header, b"payload").as_ref());
        assert_eq!(opener.open_rtp(&mut sealed), Ok(header.len() + 7));
    }
}

#[test]
fn a_peer_may_send_extensions_in_the_clear() {
    for profile in Profile::ALL {
        let (mut sealer, _) = pair(profile);
        let (_, mut opener) = cryptex_pair(profile);
        let header = header(7, 2, Some((0xBEDE, 1)));
        let mut sealed = seal(&mut sealer, &header, b"payload").unwrap();
        assert_eq!(opener.open_rtp(&mut sealed), Ok(header.len() + 7));
    }
}

#[test]
fn an_extension_of_another_form_cannot_be_sealed() {
    let (mut sealer, _) = cryptex_pair(Profile::AeadAes128Gcm);
    for word in [0x1003, 0x4711, 0xC0DE] {
        let header = header(7, 0, Some((word, 1)));
        assert_eq!(
            seal(&mut sealer, &header, b"payload"),
            Err(Discard::Cryptex)
        );
    }
}
