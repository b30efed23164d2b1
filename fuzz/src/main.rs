//! Runs one target on mutations of real inputs for a while: `xrtc-fuzz TARGET SECONDS [SEED]`, or `xrtc-fuzz --list`.
//!
//! It needs no nightly toolchain. In the place of code coverage a target gives a word for what came out; an input with a
//! new word joins the corpus of the run. An input that fails is written to `fuzz/corpus/TARGET-failed` and its seed told.

mod mutate;
mod sdp;

use std::collections::HashSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mutate::{MAX_BYTES, Random, mutate};

struct Target {
    name: &'static str,
    /// Below the project's root: folders with real inputs, and how their names end.
    seeds: &'static [(&'static str, &'static str)],
    run: fn(&[u8]) -> String,
}

const OFFERS: [(&str, &str); 2] = [
    ("crates/sdp/tests/offers", ".sdp"),
    ("crates/sdp/tests/constructed", ".sdp"),
];
const TARGETS: [Target; 3] = [
    Target {
        name: "offer",
        seeds: &OFFERS,
        run: sdp::offer,
    },
    Target {
        name: "answer",
        seeds: &[("crates/sdp/tests/golden", ".answer"), OFFERS[0]],
        run: sdp::answer,
    },
    Target {
        name: "fragment",
        seeds: &[("fuzz/seeds/fragment", ".sdpfrag"), OFFERS[0]],
        run: sdp::fragment,
    },
];
/// More would be lines of one behaviour.
const MAX_CORPUS: usize = 4096;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|argument| argument == "--list")
    {
        TARGETS
            .iter()
            .for_each(|target| println!("{}", target.name));
        return ExitCode::SUCCESS;
    }
    let [name, seconds, seed @ ..] = &arguments[..] else {
        eprintln!("usage: xrtc-fuzz TARGET SECONDS [SEED]");
        return ExitCode::FAILURE;
    };
    let target = TARGETS.iter().find(|target| target.name == name);
    let (Some(target), Ok(seconds)) = (target, seconds.parse()) else {
        eprintln!("no such target, or no number of seconds");
        return ExitCode::FAILURE;
    };
    let seed = seed.first().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    // A failure is told once, by `failed`.
    std::panic::set_hook(Box::new(|info| eprintln!("{info}")));
    run(target, Duration::from_secs(seconds), seed)
}

fn run(target: &Target, duration: Duration, seed: u64) -> ExitCode {
    let mut corpus = seeds(target);
    let mut known = HashSet::new();
    for input in &corpus {
        match outcome(target, input) {
            Some(word) => known.insert(word),
            None => return failed(target, input, seed),
        };
    }
    if let Some(input) = grows_too_fast(target, &corpus) {
        return failed(target, &input, seed);
    }
    let mut random = Random::new(seed);
    let begin = Instant::now();
    let (mut runs, mut longest) = (0u64, 0);
    while begin.elapsed() < duration {
        let mut input = random.pick(&corpus).clone();
        mutate(&mut random, &mut input, &corpus);
        longest = longest.max(input.len());
        let Some(word) = outcome(target, &input) else {
            return failed(target, &input, seed);
        };
        if corpus.len() < MAX_CORPUS && known.insert(word) {
            corpus.push(input);
        }
        runs += 1;
    }
    println!(
        "{}: {runs} inputs of up to {longest} bytes, {} behaviours, seed {seed}: no failure",
        target.name,
        known.len()
    );
    ExitCode::SUCCESS
}

/// What came out; `None` if the target panicked.
fn outcome(target: &Target, input: &[u8]) -> Option<String> {
    catch_unwind(|| (target.run)(input)).ok()
}

/// Lines of real inputs again and again: four times the text may take about four times as long, sixteen times would be
/// quadratic. The quickest of five runs on each size counts.
fn grows_too_fast(target: &Target, corpus: &[Vec<u8>]) -> Option<Vec<u8>> {
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

fn quickest(target: &Target, input: &[u8]) -> Duration {
    let time = || {
        let begin = Instant::now();
        std::hint::black_box((target.run)(std::hint::black_box(input)));
        begin.elapsed()
    };
    (0..5).map(|_| time()).min().unwrap_or_default()
}

fn failed(target: &Target, input: &[u8], seed: u64) -> ExitCode {
    let path = root()
        .join("fuzz/corpus")
        .join(format!("{}-failed", target.name));
    let _ = fs::create_dir_all(root().join("fuzz/corpus"));
    let kept = fs::write(&path, input)
        .map_or_else(|error| error.to_string(), |()| path.display().to_string());
    eprintln!(
        "{} failed with seed {seed} on {} bytes: {kept}",
        target.name,
        input.len()
    );
    ExitCode::FAILURE
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = target
        .seeds
        .iter()
        .flat_map(|(folder, suffix)| {
            let entries =
                fs::read_dir(root().join(folder)).expect("the project's folder is complete");
            entries
                .flatten()
                .map(|entry| entry.path())
                .filter(move |path| path.to_string_lossy().ends_with(suffix))
        })
        .collect();
    paths.sort();
    let seeds: Vec<Vec<u8>> = paths
        .iter()
        .filter_map(|path| fs::read(path).ok())
        .map(without_notes)
        .collect();
    assert!(!seeds.is_empty(), "there are inputs to begin with");
    seeds
}

/// Behind an empty line a reviewed answer tells what was negotiated.
fn without_notes(mut text: Vec<u8>) -> Vec<u8> {
    if let Some(end) = text.windows(2).position(|window| window == b"\n\n") {
        text.truncate(end + 1);
    }
    text
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
