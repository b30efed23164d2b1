//! Against libsrtp, packet by packet: the same bytes when sealed, the same verdict when opened. Without the library
//! these fail: `npm test` installs it where it may.

mod library;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use xrtc_rtp::Ssrc;
use xrtc_srtp::{Discard, KeyingMaterial, Opener, Plain, Profile, Sealer, contexts};

use crate::pair::{open, open_report, report, seal_report};
use library::{Direction, Rtcp, Session};

const SSRC: Ssrc = Ssrc(0xcafe_babe);
const PACKETS: u64 = 100_000;

/// Both implementations under the same keys.
struct Both {
    sealer: Sealer,
    opener: Opener,
    their_sealer: Session,
    their_opener: Session,
}

impl Both {
    fn new(profile: Profile) -> Self {
        let (key, salt) = keys(profile);
        let exported = [&key[..], &key, &salt, &salt].concat();
        let material = KeyingMaterial::new(profile, &exported).unwrap();
        let (opener, sealer) = contexts(&material, true);
        let master = [key, salt].concat();
        let session = |direction| Session::new(profile, &master, direction, Rtcp::Encrypted);
        Self {
            sealer,
            opener,
            their_sealer: session(Direction::Outbound),
            their_opener: session(Direction::Inbound),
        }
    }

    /// Sealed by both, which must agree.
    fn seal(&mut self, index: u64, header: &[u8], payload: &[u8]) -> Vec<u8> {
        let plain = Plain {
            ssrc: SSRC,
            index,
            repeat: false,
            header,
            prefix: &payload[..payload.len() / 3],
            payload: &payload[payload.len() / 3..],
        };
        let mut out = vec![0; header.len() + payload.len() + Profile::MAX_RTP_OVERHEAD];
        let len = self.sealer.seal_rtp(plain, &mut out).unwrap();
        out.truncate(len);
        let theirs = self.their_sealer.seal_rtp(&[header, payload].concat());
        assert_eq!(out, theirs, "index {index}");
        out
    }

    /// Opened by both, which must agree.
    fn open(&mut self, packet: &[u8]) -> Result<Vec<u8>, Discard> {
        let opened = open(&mut self.opener, packet);
        assert_eq!(opened, self.their_opener.open_rtp(packet));
        opened
    }
}

fn keys(profile: Profile) -> (Vec<u8>, Vec<u8>) {
    let count = |from: u8, len: usize| (0..len as u8).map(|byte| byte ^ from).collect();
    (
        count(0x5a, profile.key_len()),
        count(0xa5, profile.salt_len()),
    )
}

fn header(rng: &mut fastrand::Rng, index: u64) -> Vec<u8> {
    let csrcs = if rng.u8(..) < 10 { rng.u8(1..4) } else { 0 };
    let mut header = vec![0x80 | csrcs, 96 | (rng.u8(..) & 0x80)];
    header.extend((index as u16).to_be_bytes());
    header.extend(rng.u32(..).to_be_bytes());
    header.extend(SSRC.0.to_be_bytes());
    header.extend((0..csrcs).flat_map(|_| [rng.u8(..); 4]));
    if rng.bool() {
        header[0] |= 0x10;
        header.extend([0xbe, 0xde, 0, 2, 0x10, rng.u8(..), 0x31, 1, 2, 0, 0, 0]);
    }
    header
}

/// What becomes of a packet: when it arrives, counted in packets sent. The network is at its worst around a wrap.
fn arrivals(rng: &mut fastrand::Rng, index: u64, sent: u64) -> Vec<u64> {
    let distance = (index as u16).min((index as u16).wrapping_neg());
    let (loss, late) = if distance < 300 { (20, 40) } else { (5, 10) };
    let mut arrivals = Vec::new();
    let copies = 1 + u8::from(rng.u8(..100) < 3);
    for _ in 0..copies {
        if rng.u8(..100) >= loss {
            let delay = match rng.u8(..100) {
                // Behind the replay window.
                0 => rng.u64(900..1_200),
                chance if chance < late => rng.u64(1..120),
                _ => 0,
            };
            arrivals.push(sent + delay);
        }
    }
    arrivals
}

#[derive(Default, Debug)]
struct Verdicts {
    opened: u64,
    replayed: u64,
    too_old: u64,
    not_authentic: u64,
}

fn differ_never(profile: Profile, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut both = Both::new(profile);
    let mut verdicts = Verdicts::default();
    let mut flying = BinaryHeap::new();
    let mut index = rng.u64(2_000..20_000);
    for sent in 0..PACKETS {
        let header = header(&mut rng, index);
        let payload: Vec<u8> = (0..rng.usize(0..90)).map(|_| rng.u8(..)).collect();
        let mut packet = both.seal(index, &header, &payload);
        // The first one arrives, since it tells the receiver where the count begins.
        let times = if sent == 0 {
            vec![0]
        } else {
            arrivals(&mut rng, index, sent)
        };
        if sent > 0 && rng.u8(..100) == 0 {
            let place = rng.usize(header.len()..packet.len());
            packet[place] ^= 1 << rng.u8(..8);
        }
        let arriving = times.into_iter();
        flying.extend(arriving.map(|time| Reverse((time, index, packet.clone()))));
        while flying.peek().is_some_and(|Reverse(next)| next.0 <= sent) {
            let Some(Reverse((_, _, packet))) = flying.pop() else {
                break;
            };
            match both.open(&packet) {
                Ok(_) => verdicts.opened += 1,
                Err(Discard::Replayed) => verdicts.replayed += 1,
                Err(Discard::TooOld) => verdicts.too_old += 1,
                Err(other) => {
                    assert_eq!(other, Discard::NotAuthentic);
                    verdicts.not_authentic += 1;
                }
            }
        }
        index += rng.u64(1..6);
    }
    // About four wraps, and all that can happen has happened often.
    assert!(index > 4 * 65_536, "{index}");
    assert!(verdicts.opened > PACKETS * 4 / 5, "{verdicts:?}");
    let Verdicts {
        replayed,
        too_old,
        not_authentic,
        ..
    } = verdicts;
    assert!(
        replayed.min(not_authentic) > 500 && too_old > 50,
        "{verdicts:?}"
    );
}

#[test]
fn f73_aead_aes_256_gcm_is_libsrtps_over_100_000_packets() {
    differ_never(Profile::AeadAes256Gcm, 1);
}

#[test]
fn f73_aead_aes_128_gcm_is_libsrtps_over_100_000_packets() {
    differ_never(Profile::AeadAes128Gcm, 2);
}

#[test]
fn f73_aes_cm_sha1_80_is_libsrtps_over_100_000_packets() {
    differ_never(Profile::Aes128CmSha1_80, 3);
}

#[test]
fn f73_aes_cm_sha1_32_is_libsrtps_over_100_000_packets() {
    differ_never(Profile::Aes128CmSha1_32, 4);
}

#[test]
fn f73_srtcp_is_libsrtps() {
    for profile in Profile::ALL {
        let mut rng = fastrand::Rng::with_seed(5);
        let mut both = Both::new(profile);
        // libsrtp's first index is 1.
        seal_report(&mut both.sealer, &report(SSRC, &[]));
        let mut recent: Vec<Vec<u8>> = Vec::new();
        for count in 0..3_000_usize {
            let rest: Vec<u8> = (0..4 * rng.usize(0..20)).map(|_| rng.u8(..)).collect();
            let plain = report(SSRC, &rest);
            let sealed = seal_report(&mut both.sealer, &plain);
            assert_eq!(sealed, both.their_sealer.seal_rtcp(&plain), "{count}");
            recent.push(sealed);
            // Any of the last ones, some again, some behind the window, some broken.
            let place = recent.len() - 1 - rng.usize(0..recent.len().min(170));
            let mut arriving = recent[place].clone();
            if rng.u8(..100) < 5 {
                let place = rng.usize(8..arriving.len());
                arriving[place] ^= 1;
            }
            let opened = open_report(&mut both.opener, &arriving);
            let theirs = both.their_opener.open_rtcp(&arriving);
            assert_eq!(
                opened.is_ok(),
                theirs.is_ok(),
                "{count}: {opened:?} {theirs:?}"
            );
            if let (Ok(ours), Ok(theirs)) = (opened, theirs) {
                assert_eq!(ours, theirs);
            }
        }
    }
}

#[test]
fn f72_libsrtps_reports_with_a_clear_e_bit_are_opened() {
    for profile in Profile::ALL {
        let both = Both::new(profile);
        let (key, salt) = keys(profile);
        let master = [key, salt].concat();
        let mut theirs = Session::new(profile, &master, Direction::Outbound, Rtcp::TagOnly);
        let mut opener = both.opener;
        for count in 0..10 {
            let plain = report(SSRC, &[count; 24]);
            let sealed = theirs.seal_rtcp(&plain);
            assert_eq!(sealed[..plain.len()], plain, "not encrypted");
            let mut broken = sealed.clone();
            broken[9] ^= 1;
            assert_eq!(
                open_report(&mut opener, &broken),
                Err(Discard::NotAuthentic)
            );
            assert_eq!(open_report(&mut opener, &sealed), Ok(plain));
        }
    }
}
