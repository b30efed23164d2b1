//! Packets that another implementation sealed.

use xrtc_rtp::Ssrc;
use xrtc_srtp::{KeyingMaterial, Plain, Profile, contexts};

use crate::hex;

/// Both sides with the master key and salt of RFC 3711 B.3.
fn material() -> KeyingMaterial {
    let key = "E1F97A0D3E018BE0D64FA32C06DE4139";
    let salt = "0EC675AD498AFEEBB6960B3AABE6";
    let exported = hex(&[key, key, salt, salt].concat());
    KeyingMaterial::new(Profile::Aes128CmSha1_80, &exported).unwrap()
}

/// From libsrtp's self-test (`srtp_validate`), which starts from the keys of RFC 3711 B.3.
#[test]
fn f72_libsrtp_reference_packet_aes_cm_128_hmac_sha1_80() {
    let plain = hex("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    let sealed = hex(
        "800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402
                      b78d6acc 99ea179b 8dbb",
    );
    let (mut opener, mut sealer) = contexts(&material(), true);
    let mut out = vec![0; sealed.len()];
    let parts = Plain {
        ssrc: Ssrc(0xcafe_babe),
        index: 0x1234,
        repeat: false,
        header: &plain[..12],
        prefix: &plain[12..14],
        payload: &plain[14..],
    };
    assert_eq!(sealer.seal_rtp(parts, &mut out), Ok(sealed.len()));
    assert_eq!(out, sealed);
    assert_eq!(opener.open_rtp(&mut out), Ok(plain.len()));
    assert_eq!(out[..plain.len()], plain);
}

/// From the same self-test; its first SRTCP index is 1.
#[test]
fn f72_libsrtp_reference_packet_srtcp() {
    let plain = hex("81c8000b cafebabe abababab abababab abababab abababab");
    let sealed = hex(
        "81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001
                      993e08cd 54d6c123 0798",
    );
    let (mut opener, mut sealer) = contexts(&material(), false);
    let mut out = vec![0; sealed.len()];
    sealer.seal_rtcp(&plain, &mut out).unwrap();
    assert_eq!(sealer.seal_rtcp(&plain, &mut out), Ok(sealed.len()));
    assert_eq!(out, sealed);
    assert_eq!(opener.open_rtcp(&mut out), Ok(plain.len()));
    assert_eq!(out[..plain.len()], plain);
}
