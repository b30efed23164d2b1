//! Bytes that no honest peer sends: refused, counted, and without any effect.

use proptest::prelude::*;
use xrtc_rtp::Ssrc;
use xrtc_srtp::{Discard, Profile};

use crate::pair::{any_profile, open, open_report, pair, plain, report, seal, seal_report};

const SSRC: Ssrc = Ssrc(0xfeed);

/// Any byte, any bit: refused, and the packet itself still opens afterwards.
#[test]
fn a_tampered_packet_is_refused_and_changes_nothing() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        let first = seal(&mut sealer, SSRC, 40_000, false).unwrap();
        open(&mut opener, &first).unwrap();
        let packet = seal(&mut sealer, SSRC, 40_030, false).unwrap();
        for byte in 0..packet.len() {
            for bit in 0..8 {
                let mut tampered = packet.clone();
                tampered[byte] ^= 1 << bit;
                let refused = open(&mut opener, &tampered).unwrap_err();
                let expected: &[Discard] = match byte {
                    // The version, the counts of CSRCs and the extension decide what the header is.
                    0 => &[Discard::NotAuthentic, Discard::Malformed],
                    // The sequence number may become one that was seen, or lies behind the window.
                    2 | 3 => &[Discard::NotAuthentic, Discard::Replayed, Discard::TooOld],
                    _ => &[Discard::NotAuthentic],
                };
                assert!(
                    expected.contains(&refused),
                    "byte {byte} bit {bit}: {refused:?}"
                );
            }
        }
        assert_eq!(open(&mut opener, &packet), Ok(plain(SSRC, 40_030)));
        assert_eq!(open(&mut opener, &packet), Err(Discard::Replayed));
    }
}

#[test]
fn a_tampered_report_is_refused_and_changes_nothing() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        let plain = report(SSRC, b"some more bytes, not a multiple of four");
        let packet = seal_report(&mut sealer, &plain);
        for byte in 0..packet.len() {
            for bit in 0..8 {
                let mut tampered = packet.clone();
                tampered[byte] ^= 1 << bit;
                let refused = open_report(&mut opener, &tampered).unwrap_err();
                let expected: &[Discard] = match byte {
                    0 => &[Discard::NotAuthentic, Discard::Malformed],
                    _ => &[Discard::NotAuthentic],
                };
                assert!(
                    expected.contains(&refused),
                    "byte {byte} bit {bit}: {refused:?}"
                );
            }
        }
        assert_eq!(open_report(&mut opener, &packet), Ok(plain));
    }
}

#[test]
fn a_truncated_packet_is_refused() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        let packet = seal(&mut sealer, SSRC, 7, false).unwrap();
        let report = seal_report(&mut sealer, &report(SSRC, &[]));
        for len in 0..packet.len() {
            assert!(open(&mut opener, &packet[..len]).is_err());
        }
        for len in 0..report.len() {
            assert!(open_report(&mut opener, &report[..len]).is_err());
        }
    }
}

/// A first packet that is not authentic must not leave an SSRC behind, whose roll-over counter would then be wrong.
#[test]
fn f72_a_forged_first_packet_does_not_create_an_ssrc() {
    let (mut sealer, mut opener) = pair(Profile::AeadAes128Gcm);
    let mut forged = seal(&mut sealer, SSRC, 60_000, false).unwrap();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(open(&mut opener, &forged), Err(Discard::NotAuthentic));
    let packet = seal(&mut sealer, SSRC, 100, true).unwrap();
    assert_eq!(open(&mut opener, &packet), Ok(plain(SSRC, 100)));
}

#[test]
fn our_own_packets_sent_back_are_refused() {
    for profile in Profile::ALL {
        let (mut sealer, _) = pair(profile);
        let packet = seal(&mut sealer, SSRC, 7, false).unwrap();
        let exported: Vec<u8> = (0..profile.keying_material_len())
            .map(|byte| byte as u8 ^ 0x5a)
            .collect();
        let material = xrtc_srtp::KeyingMaterial::new(profile, &exported).unwrap();
        let (mut opener, _) = xrtc_srtp::contexts(&material, true);
        assert_eq!(open(&mut opener, &packet), Err(Discard::NotAuthentic));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused(profile in any_profile(), packet in prop::collection::vec(any::<u8>(), 0..200)) {
        let (mut sealer, mut opener) = pair(profile);
        prop_assert!(open(&mut opener, &packet).is_err());
        prop_assert!(open_report(&mut opener, &packet).is_err());
        // The sealer only reads what the forwarding wrote, but must not panic either.
        let mut out = [0; 300];
        let _ = sealer.seal_rtcp(&packet, &mut out);
    }

    #[test]
    fn arbitrary_bytes_behind_a_valid_header_are_refused(
        profile in any_profile(),
        first in 0x80u8..0xc0,
        packet in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let (_, mut opener) = pair(profile);
        let packet = [&[first][..], &packet].concat();
        prop_assert!(open(&mut opener, &packet).is_err());
        prop_assert!(open_report(&mut opener, &packet).is_err());
    }
}
