//! Whether the time that a text takes grows faster than the text.

use std::collections::HashSet;
use std::time::Duration;

use crate::cpu_time::cpu_time;
use crate::{MAX_BYTES, Target};

/// The time is that of this thread alone: on a loaded machine it waits for its turn for long, and that says nothing.
/// Lines of real inputs again and again: four times the text may take about four times as long, sixteen times would be
/// quadratic. The quickest of five runs on each size counts. Gives the input that took too long.
pub fn grows_too_fast(target: &Target, corpus: &[Vec<u8>]) -> Option<Vec<u8>> {
    grows(corpus, |input| quickest(target, input))
}

fn grows(corpus: &[Vec<u8>], time: impl Fn(&[u8]) -> Duration) -> Option<Vec<u8>> {
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
                let (quick, slow) = (time(&small), time(&large));
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

fn quickest(target: &Target, input: &[u8]) -> Duration {
    let time = || {
        let begin = cpu_time();
        std::hint::black_box((target.run)(std::hint::black_box(input)));
        cpu_time().saturating_sub(begin)
    };
    (0..5).map(|_| time()).min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Form;

    /// A target that takes `run` for each input.
    fn target(run: fn(&[u8]) -> String) -> Target {
        Target {
            name: "growth",
            form: Form::Text,
            seeds: Vec::new,
            run,
        }
    }

    const TEXT: &[u8] = b"v=0\n";

    #[test]
    fn work_that_grows_with_the_square_of_the_text_is_noticed() {
        let square = |input: &[u8]| Duration::from_nanos((input.len() as u64).pow(2));
        let found = grows(&[TEXT.to_vec()], square);
        assert!(found.is_some_and(|input| input.len() > MAX_BYTES - TEXT.len()));
    }

    #[test]
    fn work_that_grows_with_the_text_is_not() {
        let line = |input: &[u8]| Duration::from_micros(input.len() as u64);
        assert_eq!(grows(&[TEXT.to_vec()], line), None);
    }

    #[cfg(unix)]
    #[test]
    fn time_that_the_thread_only_waits_is_not_its_own() {
        let elsewhere = target(|input| {
            let steps = (input.len() as u64).pow(2) / 256;
            let square =
                move || (0..steps).fold(1_u64, |sum, step| std::hint::black_box(sum ^ step));
            let thread = std::thread::spawn(square);
            thread.join().unwrap_or_default().to_string()
        });
        assert_eq!(grows_too_fast(&elsewhere, &[TEXT.to_vec()]), None);
    }
}
