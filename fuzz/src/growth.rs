//! Whether the time that a text takes grows faster than the text.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::{MAX_BYTES, Target};

/// Lines of real inputs again and again: four times the text may take about four times as long, sixteen times would be
/// quadratic. The quickest of five runs on each size counts. Gives the input that took too long.
pub fn grows_too_fast(target: &Target, corpus: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut kinds = HashSet::new();
    for text in corpus {
        let first_section = text
            .windows(3)
            .position(|window| window == b"\nm=")
            .map_or(0, |at| at + 1);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let kind = line
                .split(|byte| !byte.is_ascii_alphabetic() && !b"=-".contains(byte))
                .next();
            if !kinds.insert(kind.unwrap_or_default()) {
                continue;
            }
            for head in [&text[..], &text[..first_section]] {
                let full = |bytes: usize| {
                    let times = bytes.saturating_sub(head.len()) / line.len();
                    [head, &line.repeat(times)].concat()
                };
                let (small, large) = (full(MAX_BYTES / 4), full(MAX_BYTES));
                let (quick, slow) = (quickest(target, &small), quickest(target, &large));
                if slow > 10 * quick.max(Duration::from_micros(200)) {
                    eprintln!(
                        "{slow:?} for {} bytes, {quick:?} for {}",
                        large.len(),
                        small.len()
                    );
                    return Some(large);
                }
            }
        }
    }
    None
}

#[expect(clippy::disallowed_methods, reason = "it is about real time")]
fn quickest(target: &Target, input: &[u8]) -> Duration {
    let time = || {
        let begin = Instant::now();
        std::hint::black_box((target.run)(std::hint::black_box(input)));
        begin.elapsed()
    };
    (0..5).map(|_| time()).min().unwrap_or_default()
}
