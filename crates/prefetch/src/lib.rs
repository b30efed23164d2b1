//! Loading what will be needed soon. A crate of its own, because it is one instruction that takes an address, and those
//! who know what comes next have no `unsafe`.

#![expect(unsafe_code, reason = "the instruction takes an address")]
#![deny(unsafe_op_in_unsafe_fn)]

/// Lets the processor load the cache lines of `value` while other work goes on. Changes nothing but the time that the
/// first access takes; does nothing on processors other than x86-64 and AArch64.
///
/// Nothing of `value` is read: unlike a look at a field, this never waits.
#[inline]
pub fn prefetch<T: ?Sized>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    let end = start.addr() + size_of_val(value);
    let mut line = start.addr() & !(LINE - 1);
    while line < end {
        fetch(start.with_addr(line));
        line += LINE;
    }
}

#[cfg(target_arch = "x86_64")]
fn fetch(line: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: the instruction reads nothing that the program sees and never faults, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) };
}

#[cfg(target_arch = "aarch64")]
fn fetch(line: *const u8) {
    // SAFETY: a hint, which reads nothing that the program sees and never faults, whatever the address.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{}]", in(reg) line, options(nostack, preserves_flags, readonly));
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const fn fetch(_line: *const u8) {}

/// Bytes that come together. Processors with longer lines are asked for some of them twice.
const LINE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_can_be_asked_for_and_stays_as_it_is() {
        let bytes: Vec<u8> = (0..=255).collect();
        prefetch(&());
        prefetch(&bytes[..0]);
        prefetch(&bytes[255..]);
        prefetch(bytes.as_slice());
        prefetch("a text");
        assert!(bytes.iter().copied().eq(0..=255));
    }
}
