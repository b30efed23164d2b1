//! Repeat checks allocate nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use xrtc_rtp::Time;

use crate::lite::Server;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(
    unsafe_code,
    reason = "the trait of allocators is unsafe; both calls go on to the system's"
)]
// SAFETY: the caller's promises are passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[test]
fn a_repeat_check_allocates_nothing() {
    let mut server = Server::new();
    let request = server.request("198.51.100.1:40000");
    let bytes = server.bytes(&request);
    let mut out = [0; 1200];
    let mut take = |server: &mut Server| {
        server
            .agent
            .handle_datagram(Time::ZERO, request.path(), &bytes);
        assert!(server.agent.poll_transmit(Time::ZERO, &mut out).is_some());
        while server.agent.poll_event().is_some() {}
    };
    take(&mut server);
    let before = COUNT.with(Cell::get);
    (0..100).for_each(|_| take(&mut server));
    assert_eq!(COUNT.with(Cell::get) - before, 0);
}
