//! The examples of RFC 7714.

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// "Quid pro quo".
const SALT: &str = "517569642070726f2071756f";

fn gcm(profile: Profile, kind: Kind) -> Cipher {
    let key = hex(KEY);
    Cipher::new(&SessionKeys::given(
        profile,
        kind,
        &key[..profile.key_len()],
        &hex(SALT),
    ))
}

/// "Gallia est omnis divisa in partes tres".
const RTP: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
                   69736120 696e2070 61727465 73207472 6573";
const RTP_POSITION: Position = Position {
    ssrc: Ssrc(0x5501_a0b2),
    index: 0xf17b,
};

fn check_rtp(profile: Profile, sealed: &str) {
    let (plain, sealed, cipher) = (hex(RTP), hex(sealed), gcm(profile, Kind::Rtp));
    for cut in 12..plain.len() {
        let mut out = vec![0; sealed.len()];
        let parts = Parts {
            header: &plain[..12],
            prefix: &plain[12..cut],
            payload: &plain[cut..],
        };
        cipher.seal_rtp(RTP_POSITION, parts, &mut out).unwrap();
        assert_eq!(out, sealed);
    }
    let mut packet = sealed;
    assert_eq!(
        cipher.open_rtp(RTP_POSITION, 12, &mut packet),
        Ok(plain.len())
    );
    assert_eq!(packet[..plain.len()], plain);
}

#[test]
fn f72_rfc_7714_16_1_srtp_aead_aes_128_gcm() {
    check_rtp(
        Profile::AeadAes128Gcm,
        "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
         0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
    );
}

#[test]
fn f72_rfc_7714_16_2_srtp_aead_aes_256_gcm() {
    check_rtp(
        Profile::AeadAes256Gcm,
        "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238
         9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
    );
}

/// The packet of the subsections; the one in the introduction of section 17 differs.
const RTCP: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
                    deadbeef deadbeef deadbeef deadbeef deadbeef";
const RTCP_POSITION: Position = Position {
    ssrc: Ssrc(0x4d61_7273),
    index: 0x5d4,
};

fn check_rtcp(profile: Profile, sealed: &str, encrypted: bool) {
    let (plain, sealed, cipher) = (hex(RTCP), hex(sealed), gcm(profile, Kind::Rtcp));
    if encrypted {
        let mut out = vec![0; sealed.len()];
        cipher.seal_rtcp(RTCP_POSITION, &plain, &mut out).unwrap();
        assert_eq!(out, sealed);
    }
    assert_eq!(cipher.stated_rtcp_index(&sealed), Ok((0x5d4, encrypted)));
    let mut packet = sealed.clone();
    let len = cipher.open_rtcp(RTCP_POSITION, encrypted, &mut packet);
    assert_eq!(len, Ok(plain.len()));
    assert_eq!(packet[..plain.len()], plain);
    for byte in 0..sealed.len() {
        let mut packet = sealed.clone();
        packet[byte] ^= 1;
        let (index, encrypted) = cipher.stated_rtcp_index(&packet).unwrap();
        let ssrc = crate::header::rtcp_sender(&packet).unwrap();
        let position = Position {
            ssrc,
            index: u64::from(index),
        };
        let opened = cipher.open_rtcp(position, encrypted, &mut packet);
        assert_eq!(opened, Err(Discard::NotAuthentic), "byte {byte}");
    }
}

#[test]
fn f72_rfc_7714_17_1_srtcp_aead_aes_128_gcm() {
    check_rtcp(
        Profile::AeadAes128Gcm,
        "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
         c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872
         45d9eade 800005d4",
        true,
    );
}

#[test]
fn f72_rfc_7714_17_2_srtcp_aead_aes_256_gcm() {
    check_rtcp(
        Profile::AeadAes256Gcm,
        "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50
         a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c
         b26ac3be 800005d4",
        true,
    );
}

#[test]
fn f72_rfc_7714_17_3_srtcp_aead_aes_128_gcm_tagging_only() {
    check_rtcp(
        Profile::AeadAes128Gcm,
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
         deadbeef deadbeef deadbeef deadbeef deadbeef 841dd968 3dd78ec9 2ae58790
         125f62b3 000005d4",
        false,
    );
}

#[test]
fn f72_rfc_7714_17_4_srtcp_aead_aes_256_gcm_tagging_only() {
    check_rtcp(
        Profile::AeadAes256Gcm,
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
         deadbeef deadbeef deadbeef deadbeef deadbeef 91db4afb feee5a97 8fab4393
         ed2615fe 000005d4",
        false,
    );
}
