//! Which code an input has reached, where the build counts it (`scripts/fuzz.mjs` does, on the stable toolchain: the
//! compiler's `sancov-module` pass puts a counter of eight bits before every block and tells where they are).

use std::sync::Mutex;

/// The counters of each object file: the first, and how many.
static REGIONS: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

/// Called by every object file before `main`.
///
/// # Safety
///
/// The compiler's pass calls it, with the bounds of counters that live as long as the program.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, end: *mut u8) {
    if let Ok(mut regions) = REGIONS.lock() {
        let region = (start as usize, end as usize - start as usize);
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
}

/// What was reached so far, and how often.
#[derive(Default)]
pub struct Reached(Vec<Vec<u8>>);

impl Reached {
    /// Whether the build counts.
    pub fn is_counted() -> bool {
        !regions().is_empty()
    }

    /// Forgets what was counted since.
    pub fn begin() {
        for (start, len) in regions() {
            // SAFETY: the compiler's pass has told these bounds. Nobody has a reference to the counters.
            unsafe { std::ptr::write_bytes(start as *mut u8, 0, len) };
        }
    }

    /// Adds what was counted since [`Reached::begin`]. `true`: a block was reached that never was before, or another
    /// order of magnitude as often.
    pub fn add(&mut self) -> bool {
        let mut is_new = false;
        let regions = regions();
        self.0.resize_with(regions.len(), Vec::new);
        for (known, (start, len)) in self.0.iter_mut().zip(regions) {
            known.resize(len, 0);
            // SAFETY: the compiler's pass has told these bounds. Only instrumented code writes there, and none of it
            // runs as long as this slice is used; this function's own blocks cost a wrong count at most.
            let counters = unsafe { std::slice::from_raw_parts(start as *const u8, len) };
            // Most of the code is never reached by one input.
            for (known, counters) in known.chunks_mut(64).zip(counters.chunks(64)) {
                if counters.iter().fold(0, |all, count| all | count) == 0 {
                    continue;
                }
                for (known, count) in known.iter_mut().zip(counters) {
                    let bit = bucket(*count);
                    is_new |= *known & bit != bit;
                    *known |= bit;
                }
            }
        }
        is_new
    }

    /// How many blocks were reached.
    pub fn blocks(&self) -> usize {
        let known = self.0.iter().flatten();
        known.filter(|bits| **bits != 0).count()
    }
}

/// 0, 1, 2, 3, up to 7, 15, 31, 127 and more times, a bit each but for the first.
const fn bucket(count: u8) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        4..=7 => 8,
        8..=15 => 16,
        16..=31 => 32,
        32..=127 => 64,
        _ => 128,
    }
}

fn regions() -> Vec<(usize, usize)> {
    REGIONS
        .lock()
        .map(|regions| regions.clone())
        .unwrap_or_default()
}
