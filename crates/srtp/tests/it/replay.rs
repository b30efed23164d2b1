//! What the network does to packets: loss, reordering, copies, around every wrap.

use std::collections::BTreeSet;

use proptest::prelude::*;
use xrtc_rtp::Ssrc;
use xrtc_srtp::{Discard, MAX_RTP_INDEX, MAX_SSRCS, Profile, REPLAY_WINDOW};

use crate::pair::{any_profile, open, open_report, pair, plain, report, seal, seal_report};

const SSRC: Ssrc = Ssrc(0xcafe);

/// Steps of a walk over indexes: mostly forward, with gaps, copies and late packets.
fn walk() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![6 => 1i64..3, 2 => 3i64..300, 1 => -40i64..=0, 1 => -1500i64..-30];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// Whatever arrives is opened exactly if it is new and within the window, and then as it was sealed.
    #[test]
    fn f72_opened_is_what_was_sealed_around_every_wrap(
        profile in any_profile(),
        start in prop_oneof![0u64..10, 30_000u64..35_000, 65_000u64..65_536],
        steps in walk(),
    ) {
        let (mut sealer, mut opener) = pair(profile);
        let mut index = start;
        let mut newest = None;
        let mut seen = BTreeSet::new();
        // The first packet arrives, since it tells the opener where the count begins.
        for step in std::iter::once(0).chain(steps) {
            index = index.saturating_add_signed(step);
            let packet = seal(&mut sealer, SSRC, index, true).unwrap();
            let opened = open(&mut opener, &packet);
            if newest.is_some_and(|newest| index + REPLAY_WINDOW <= newest) {
                prop_assert_eq!(opened, Err(Discard::TooOld));
            } else if seen.contains(&index) {
                prop_assert_eq!(opened, Err(Discard::Replayed));
            } else {
                prop_assert_eq!(opened, Ok(plain(SSRC, index)));
                seen.insert(index);
                newest = newest.max(Some(index));
            }
        }
    }

    /// Through several roll-overs with a constant step that is not a divisor of 2^16.
    #[test]
    fn f72_the_rollover_counter_is_followed_for_long(profile in any_profile(), step in 9_000u64..32_000) {
        let (mut sealer, mut opener) = pair(profile);
        for index in (0..20).map(|count| count * step) {
            let packet = seal(&mut sealer, SSRC, index, false).unwrap();
            prop_assert_eq!(open(&mut opener, &packet), Ok(plain(SSRC, index)));
        }
    }

    #[test]
    fn f72_reports_are_opened_once(profile in any_profile(), order in Just((0..40usize).collect::<Vec<_>>()).prop_shuffle()) {
        let (mut sealer, mut opener) = pair(profile);
        let plain: Vec<_> = (0..40).map(|count| report(SSRC, &vec![count; usize::from(count)])).collect();
        let sealed: Vec<_> = plain.iter().map(|plain| seal_report(&mut sealer, plain)).collect();
        for place in order {
            prop_assert_eq!(open_report(&mut opener, &sealed[place]), Ok(plain[place].clone()));
            prop_assert_eq!(open_report(&mut opener, &sealed[place]), Err(Discard::Replayed));
        }
    }
}

#[test]
fn ssrcs_do_not_disturb_each_other() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        for index in 65_530..65_550 {
            for ssrc in (1..8).map(Ssrc) {
                let index = index - u64::from(ssrc.0) * 9_000;
                let packet = seal(&mut sealer, ssrc, index, false).unwrap();
                assert_eq!(open(&mut opener, &packet), Ok(plain(ssrc, index)));
            }
        }
    }
}

#[test]
fn f72_a_late_packet_from_before_the_first_is_too_old() {
    let (mut sealer, mut opener) = pair(Profile::AeadAes128Gcm);
    let first = seal(&mut sealer, SSRC, 3, false).unwrap();
    open(&mut opener, &first).unwrap();
    let mut late = first.clone();
    late[2..4].copy_from_slice(&0xffff_u16.to_be_bytes());
    assert_eq!(open(&mut opener, &late), Err(Discard::TooOld));
}

#[test]
fn f72_a_peer_has_a_limit_of_ssrcs() {
    let (mut sealer, mut opener) = pair(Profile::Aes128CmSha1_80);
    let (mut others, _) = pair(Profile::Aes128CmSha1_80);
    for ssrc in (0..MAX_SSRCS as u32).map(Ssrc) {
        let packet = seal(&mut sealer, ssrc, 1, false).unwrap();
        open(&mut opener, &packet).unwrap();
        let packet = seal_report(&mut sealer, &report(ssrc, &[]));
        open_report(&mut opener, &packet).unwrap();
    }
    let beyond = Ssrc(MAX_SSRCS as u32);
    assert_eq!(
        seal(&mut sealer, beyond, 1, false),
        Err(Discard::TooManySsrcs)
    );
    let packet = seal(&mut others, beyond, 1, false).unwrap();
    assert_eq!(open(&mut opener, &packet), Err(Discard::TooManySsrcs));
    let packet = seal_report(&mut sealer, &report(beyond, &[]));
    assert_eq!(
        open_report(&mut opener, &packet),
        Err(Discard::TooManySsrcs)
    );
    let packet = seal(&mut sealer, Ssrc(0), 2, false).unwrap();
    assert_eq!(open(&mut opener, &packet), Ok(plain(Ssrc(0), 2)));
}

#[test]
fn a_key_is_not_used_for_more_than_2_to_the_48_packets() {
    let (mut sealer, _) = pair(Profile::AeadAes256Gcm);
    assert!(seal(&mut sealer, SSRC, MAX_RTP_INDEX, false).is_ok());
    assert_eq!(
        seal(&mut sealer, SSRC, MAX_RTP_INDEX + 1, false),
        Err(Discard::IndexExhausted)
    );
}
