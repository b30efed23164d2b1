//! Loading what will be needed soon.

#![expect(unsafe_code, reason = "the instruction takes an address")]

/// Lets the processor load the cache lines of `value` while other work goes on. Changes nothing but the time that the
/// first access takes; does nothing on processors other than x86-64.
pub fn prefetch<T: ?Sized>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = std::ptr::from_ref(value).cast::<i8>();
        for offset in (0..size_of_val(value)).step_by(LINE) {
            // SAFETY: the instruction reads nothing and cannot fail; the address lies inside `value` all the same.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(offset)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// Bytes that come together.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;
