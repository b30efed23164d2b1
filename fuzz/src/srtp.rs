//! SRTP and SRTCP: what was sealed opens once and to the same bytes, whatever strangers send in between; what is not
//! authentic opens never and changes nothing.

use xrtc_rtp::Ssrc;
use xrtc_srtp::{Discard, KeyingMaterial, Opener, Plain, Profile, Sealer, contexts};

use crate::input::Input;

/// For each profile: packets in order, over a wrap, again, changed, of another source, reports, noise.
pub fn seeds() -> Vec<Vec<u8>> {
    let seed = |profile: u8| {
        let mut seed = vec![profile];
        for step in 0..8 {
            seed.extend([PACKET, 0, step, 0x10, 4, 1, 2, 3, 4]);
        }
        seed.extend([
            JUMP, 0xff, 0xf0, PACKET, 1, 20, 0, 3, 7, 8, 9, REPLAY, 0, REPLAY, 3,
        ]);
        seed.extend([
            CHANGED, 0, 5, 1, CHANGED, 2, 0, 0x80, REPORT, 4, 1, 2, 3, 4, REPORT, 0,
        ]);
        seed.extend([
            NOISE, 20, 0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8,
        ]);
        seed
    };
    (0..4).map(seed).collect()
}

/// The profile, then operations.
pub fn run(input: &[u8]) -> String {
    let mut input = Input::new(input);
    let mut pair = Pair::new(input.pick(&Profile::ALL));
    let mut steps = 0;
    while !input.is_empty() && steps < 128 {
        pair.step(&mut input);
        pair.expect_next();
        steps += 1;
    }
    pair.word
}

const PACKET: u8 = 0;
const REPORT: u8 = 1;
const REPLAY: u8 = 2;
const CHANGED: u8 = 3;
const NOISE: u8 = 4;
const JUMP: u8 = 5;

struct Pair {
    sealer: Sealer,
    opener: Opener,
    /// The last index of each source.
    newest: [u64; 4],
    /// What was sealed and opened: the protected packet, and whether it is RTCP.
    sent: Vec<(Vec<u8>, bool)>,
    reports: u32,
    word: String,
}

impl Pair {
    fn new(profile: Profile) -> Self {
        let exported: Vec<u8> = (0..profile.keying_material_len())
            .map(|byte| byte as u8 ^ 0x5a)
            .collect();
        let material = KeyingMaterial::new(profile, &exported).expect("the length that it says");
        let (_, sealer) = contexts(&material, true);
        let (opener, _) = contexts(&material, false);
        Self {
            sealer,
            opener,
            newest: [1; 4],
            sent: Vec::new(),
            reports: 0,
            word: format!("{profile:?}"),
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let outcome = match input.u8() % 6 {
            PACKET => {
                let source = input.below(4);
                // Forward by a few, so that the receiver can follow the roll-over counter.
                self.newest[source] += 1 + u64::from(input.u8());
                let flags = input.u8();
                self.exchange(source, flags, input.block());
                None
            }
            REPORT => {
                self.report(input.block());
                None
            }
            REPLAY => self.old(input).map(|(packet, is_rtcp)| {
                let again = self.open(packet, is_rtcp);
                assert!(again.is_err(), "opened twice");
                again
            }),
            CHANGED => self.old(input).map(|(mut packet, is_rtcp)| {
                let at = usize::from(input.u16()) % packet.len();
                packet[at] ^= input.u8().max(1);
                let changed = self.open(packet, is_rtcp);
                assert!(changed.is_err(), "opened though it was changed");
                changed
            }),
            NOISE => {
                let packet = input.block().to_vec();
                let is_rtcp = xrtc_rtp::is_rtcp(&packet);
                let noise = self.open(packet, is_rtcp);
                assert!(noise.is_err(), "noise opened");
                Some(noise)
            }
            _ => {
                let source = usize::from(input.u8() % 4);
                // To shortly before the next wrap.
                let jump = 0x7000 + u64::from(input.u8());
                self.newest[source] += jump;
                self.exchange(source, 0, b"after a jump");
                None
            }
        };
        if let Some(Err(reason)) = outcome {
            let word = format!("{reason:?}");
            if !self.word.contains(&word) {
                self.word += &word;
            }
        }
    }

    /// A packet that has passed before.
    fn old(&self, input: &mut Input<'_>) -> Option<(Vec<u8>, bool)> {
        let back = usize::from(input.u8());
        let at = self.sent.len().checked_sub(1)?.saturating_sub(back);
        Some(self.sent[at].clone())
    }

    fn exchange(&mut self, source: usize, flags: u8, payload: &[u8]) {
        let (ssrc, index) = (Ssrc(0x100 + source as u32), self.newest[source]);
        let header = header(ssrc, index as u16, flags);
        let plain = Plain {
            ssrc,
            index,
            repeat: false,
            header: &header,
            prefix: &[],
            payload,
        };
        let mut out = vec![0; header.len() + payload.len() + Profile::MAX_RTP_OVERHEAD];
        let len = self
            .sealer
            .seal_rtp(plain, &mut out)
            .expect("a fresh index");
        out.truncate(len);
        let opened = self.open(out.clone(), false).expect("what we sealed opens");
        assert_eq!(opened, [&header, payload].concat());
        self.keep(out, false);
    }

    fn report(&mut self, rest: &[u8]) {
        self.reports += 1;
        let mut plain = vec![0x80, 201, 0, 1, 0, 0, 1, 0];
        plain.extend(rest);
        let mut out = vec![0; plain.len() + Profile::MAX_RTCP_OVERHEAD];
        let len = self
            .sealer
            .seal_rtcp(&plain, &mut out)
            .expect("a fresh index");
        out.truncate(len);
        let opened = self.open(out.clone(), true).expect("what we sealed opens");
        assert_eq!(opened, plain);
        self.keep(out, true);
    }

    fn keep(&mut self, packet: Vec<u8>, is_rtcp: bool) {
        self.sent.push((packet, is_rtcp));
        if self.sent.len() > 64 {
            self.sent.remove(0);
        }
    }

    /// Whatever has come before, the next packet of a known source opens.
    fn expect_next(&mut self) {
        if self.newest[0] > 1 {
            self.newest[0] += 1;
            self.exchange(0, 0, b"next");
        }
    }

    fn open(&mut self, mut packet: Vec<u8>, is_rtcp: bool) -> Result<Vec<u8>, Discard> {
        let len = if is_rtcp {
            self.opener.open_rtcp(&mut packet)?
        } else {
            self.opener.open_rtp(&mut packet)?
        };
        packet.truncate(len);
        Ok(packet)
    }
}

/// With as many CSRCs as the low bits say, and an extension or padding.
fn header(ssrc: Ssrc, number: u16, flags: u8) -> Vec<u8> {
    let csrcs = flags & 0x0f;
    let mut header = vec![0x80 | csrcs, 96];
    header.extend(number.to_be_bytes());
    header.extend([0, 0, 0, 1]);
    header.extend(ssrc.0.to_be_bytes());
    header.extend(vec![7; 4 * usize::from(csrcs)]);
    if flags & 0x10 != 0 {
        header[0] |= 0x10;
        header.extend([0xbe, 0xde, 0, 1, 0x10, flags, 0, 0]);
    }
    header
}
