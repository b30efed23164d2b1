//! Counts what is allocated: by Rust through the global allocator, by the crypto library through its own hooks.

#![expect(
    unsafe_code,
    reason = "allocators are unsafe traits and C functions; all calls go on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};

/// Allocations and growths of one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// By Rust code.
    pub(crate) rust: u64,
    /// By the crypto library, which is C.
    pub(crate) crypto: u64,
}

impl Count {
    /// What this thread has allocated so far.
    pub(crate) fn now() -> Self {
        Self {
            rust: RUST.with(Cell::get),
            crypto: CRYPTO.with(Cell::get),
        }
    }

    /// What came after `before`.
    pub(crate) const fn since(self, before: Self) -> Self {
        Self {
            rust: self.rust - before.rust,
            crypto: self.crypto - before.crypto,
        }
    }

    pub(crate) const fn add(&mut self, other: Self) {
        self.rust += other.rust;
        self.crypto += other.crypto;
    }
}

/// Makes the crypto library count. Before it has allocated anything, or it refuses.
pub(crate) fn watch_crypto() -> Result<(), &'static str> {
    // SAFETY: the three functions pass everything on to one allocator, the system's, and live as long as the program.
    let watched = unsafe {
        aws_lc_sys::CRYPTO_set_mem_functions(
            Some(crypto_malloc),
            Some(crypto_realloc),
            Some(crypto_free),
        )
    };
    if watched == 1 {
        Ok(())
    } else {
        Err("the crypto library has allocated before")
    }
}

thread_local! {
    static RUST: Cell<u64> = const { Cell::new(0) };
    static CRYPTO: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting.
pub(crate) struct Counting;

// SAFETY: the caller's promises are passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        RUST.with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        RUST.with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        RUST.with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

extern "C" fn crypto_malloc(size: usize, _file: *const c_char, _line: c_int) -> *mut c_void {
    CRYPTO.with(|count| count.set(count.get() + 1));
    // SAFETY: any size will do.
    unsafe { libc::malloc(size) }
}

unsafe extern "C" fn crypto_realloc(
    pointer: *mut c_void,
    size: usize,
    _file: *const c_char,
    _line: c_int,
) -> *mut c_void {
    CRYPTO.with(|count| count.set(count.get() + 1));
    // SAFETY: the library gives what `crypto_malloc` or this function gave it, or null.
    unsafe { libc::realloc(pointer, size) }
}

unsafe extern "C" fn crypto_free(pointer: *mut c_void, _file: *const c_char, _line: c_int) {
    // SAFETY: as for `crypto_realloc`.
    unsafe { libc::free(pointer) }
}
