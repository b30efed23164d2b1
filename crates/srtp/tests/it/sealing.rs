//! What leaves: never two different packets under one index.

use proptest::prelude::*;
use xrtc_rtp::Ssrc;
use xrtc_srtp::{Discard, Plain, Profile, REPLAY_WINDOW};

use crate::pair::{any_profile, header, open, pair, seal};

const SSRC: Ssrc = Ssrc(7);

#[test]
fn an_index_is_sealed_once() {
    for profile in Profile::ALL {
        let (mut sealer, _) = pair(profile);
        seal(&mut sealer, SSRC, 5000, false).unwrap();
        assert_eq!(
            seal(&mut sealer, SSRC, 5000, false),
            Err(Discard::IndexReused)
        );
        seal(&mut sealer, SSRC, 4999, false).unwrap();
        assert_eq!(
            seal(&mut sealer, SSRC, 4999, false),
            Err(Discard::IndexReused)
        );
        // Too far back to know.
        assert_eq!(
            seal(&mut sealer, SSRC, 5000 - REPLAY_WINDOW, false),
            Err(Discard::IndexReused)
        );
        assert!(seal(&mut sealer, SSRC, 5001 - REPLAY_WINDOW, false).is_ok());
        // Another SSRC has indexes of its own.
        assert!(seal(&mut sealer, Ssrc(8), 5000, false).is_ok());
    }
}

#[test]
fn a_repeat_is_the_same_packet_bit_for_bit() {
    for profile in Profile::ALL {
        let (mut sealer, _) = pair(profile);
        let original = seal(&mut sealer, SSRC, 65_535, false).unwrap();
        seal(&mut sealer, SSRC, 65_536, false).unwrap();
        assert_eq!(seal(&mut sealer, SSRC, 65_535, true), Ok(original));
    }
}

#[test]
fn a_repeat_of_what_never_left_counts_as_its_first() {
    let (mut sealer, _) = pair(Profile::AeadAes128Gcm);
    seal(&mut sealer, SSRC, 10, false).unwrap();
    seal(&mut sealer, SSRC, 9, true).unwrap();
    assert_eq!(seal(&mut sealer, SSRC, 9, false), Err(Discard::IndexReused));
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "a repeat of index 3 differs")]
fn a_repeat_that_differs_is_a_bug() {
    let (mut sealer, _) = pair(Profile::AeadAes128Gcm);
    let header = header(SSRC, 3, &[]);
    let mut out = [0; 100];
    for payload in [b"one", b"two"] {
        let plain = Plain {
            ssrc: SSRC,
            index: 3,
            repeat: true,
            header: &header,
            prefix: &[],
            payload,
        };
        sealer.seal_rtp(plain, &mut out).unwrap();
    }
}

#[test]
fn a_header_that_disagrees_with_its_index_is_refused() {
    let (mut sealer, _) = pair(Profile::AeadAes128Gcm);
    let right = header(SSRC, 3, &[]);
    let longer = [&right[..], &[0; 4]].concat();
    for (ssrc, index, header) in [(Ssrc(8), 3, &right), (SSRC, 4, &right), (SSRC, 3, &longer)] {
        let plain = Plain {
            ssrc,
            index,
            repeat: false,
            header,
            prefix: &[],
            payload: b"payload",
        };
        assert_eq!(
            sealer.seal_rtp(plain, &mut [0; 100]),
            Err(Discard::HeaderMismatch)
        );
    }
}

#[test]
fn a_buffer_too_small_spends_nothing() {
    for profile in Profile::ALL {
        let (mut sealer, _) = pair(profile);
        let header = header(SSRC, 3, &[]);
        let plain = Plain {
            ssrc: SSRC,
            index: 3,
            repeat: false,
            header: &header,
            prefix: b"p",
            payload: b"ayload",
        };
        let needed = header.len() + 7 + profile.rtp_overhead();
        let mut out = vec![0; needed];
        for room in 0..needed {
            let sealed = sealer.seal_rtp(plain, &mut out[..room]);
            assert_eq!(sealed, Err(Discard::BufferTooSmall));
        }
        assert_eq!(sealer.seal_rtp(plain, &mut out), Ok(needed));
    }
}

proptest! {
    /// However the payload is cut into prefix and rest, the packet is the same, and the opener reads it.
    #[test]
    fn the_pieces_of_a_payload_make_no_difference(
        profile in any_profile(),
        payload in prop::collection::vec(any::<u8>(), 0..1300),
        extension in prop::collection::vec(any::<u8>(), 0..40),
        cut in any::<prop::sample::Index>(),
        index in 0u64..65_536,
    ) {
        let header = header(SSRC, index as u16, &extension);
        let (prefix, rest) = payload.split_at(cut.index(payload.len() + 1));
        let mut sealed = [vec![0; 1500], vec![0; 1500]];
        let whole = Plain { ssrc: SSRC, index, repeat: false, header: &header, prefix: &[], payload: &payload };
        let pieces = Plain { prefix, payload: rest, ..whole };
        for (plain, out) in [whole, pieces].into_iter().zip(&mut sealed) {
            let (mut sealer, mut opener) = pair(profile);
            let len = sealer.seal_rtp(plain, out).unwrap();
            out.truncate(len);
            prop_assert_eq!(open(&mut opener, out), Ok([&header[..], &payload].concat()));
        }
        prop_assert_eq!(&sealed[0], &sealed[1]);
    }
}
