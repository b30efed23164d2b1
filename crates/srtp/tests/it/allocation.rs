//! After an SSRC's first packet nothing allocates, and a peer's state is small.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use xrtc_rtp::Ssrc;
use xrtc_srtp::{Opener, Plain, Profile, Sealer};

use crate::pair::{header, pair, report};

/// Counts the allocations of the thread that asks.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator is")]
// SAFETY: everything is left to the system's allocator; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

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
        let count = allocations(|| exchange(&mut sealer, &mut opener, 1..200));
        // What `exchange` needs for its header and report.
        let own = allocations(|| exchange(&mut sealer, &mut opener, 200..200));
        assert_eq!(count, own);
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
