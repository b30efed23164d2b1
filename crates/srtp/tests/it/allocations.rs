//! After an SSRC's first packet nothing allocates, and a peer's state is small.

use allocation_counter::measure;
use xrtc_rtp::Ssrc;
use xrtc_srtp::{Opener, Plain, Profile, Sealer};

use crate::pair::{header, pair, report};

fn exchange(sealer: &mut Sealer, opener: &mut Opener, indexes: std::ops::Range<u64>) {
    let mut header = header(Ssrc(1), 0, &[1; 8]);
    let report = report(Ssrc(1), &[0; 24]);
    let mut out = [0; 1500];
    for index in indexes {
        for ssrc in [1, 2, 3].map(Ssrc) {
            header[2..4].copy_from_slice(&(index as u16).to_be_bytes());
            header[8..12].copy_from_slice(&ssrc.0.to_be_bytes());
            let plain = Plain {
                ssrc,
                index,
                repeat: false,
                header: &header,
                prefix: &[1, 2],
                payload: &[0; 1100],
            };
            let len = sealer.seal_rtp(plain, &mut out).unwrap();
            opener.open_rtp(&mut out[..len]).unwrap();
        }
        let len = sealer.seal_rtcp(&report, &mut out).unwrap();
        opener.open_rtcp(&mut out[..len]).unwrap();
    }
}

#[test]
fn nothing_allocates_after_the_first_packet_of_an_ssrc() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        exchange(&mut sealer, &mut opener, 0..1);
        let count = measure(|| exchange(&mut sealer, &mut opener, 1..200));
        // What `exchange` needs for its header and report.
        let own = measure(|| exchange(&mut sealer, &mut opener, 200..200));
        assert_eq!(count.count_total, own.count_total);
    }
}

#[test]
fn the_contexts_themselves_are_small() {
    assert!(
        size_of::<Sealer>() + size_of::<Opener>() < 700,
        "{} + {}",
        size_of::<Sealer>(),
        size_of::<Opener>()
    );
}
