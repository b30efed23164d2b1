//! Runs a target on mutations of its corpus, which grows by whatever reaches something new.

use std::collections::HashSet;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use crate::coverage::Reached;
use crate::mutate::{Form, Random, mutate};
use crate::watch::Watch;
use crate::{Target, corpus, growth};

/// How a run went that found no failure.
#[derive(Debug, Default)]
pub struct Report {
    /// Inputs that were tried.
    pub runs: u64,
    /// The length of the longest.
    pub longest: usize,
    /// Inputs that reached something new.
    pub found: usize,
    /// Blocks of code that were reached; 0 where the build does not count them.
    pub blocks: usize,
}

/// An input that made the target panic, made as short as it still does.
#[derive(Debug)]
pub struct Failed(pub Vec<u8>);

/// Tries the corpus and then mutations of it for so long, beginning with what earlier runs have found.
///
/// # Errors
///
/// The first input that fails.
pub fn run_for(target: &Target, duration: Duration, seed: u64) -> Result<Report, Failed> {
    #[expect(clippy::disallowed_methods, reason = "it runs for a time")]
    let begin = Instant::now();
    let mut run = Run::new(target, corpus::found(target))?;
    if target.form == Form::Text
        && let Some(input) = growth::grows_too_fast(target, &run.corpus)
    {
        return Err(Failed(input));
    }
    let mut random = Random::new(seed);
    while begin.elapsed() < duration {
        run.once(&mut random)?;
    }
    corpus::keep(target, &run.corpus[run.seeds..]);
    Ok(run.report())
}

/// Tries the seeds, every input that once failed, and so many mutations: the same ones each time.
///
/// # Errors
///
/// The first input that fails.
pub fn run_times(target: &Target, times: u64, seed: u64) -> Result<Report, Failed> {
    let mut run = Run::new(target, Vec::new())?;
    let mut random = Random::new(seed);
    for _ in 0..times {
        run.once(&mut random)?;
    }
    Ok(run.report())
}

struct Run<'a> {
    target: &'a Target,
    corpus: Vec<Vec<u8>>,
    seeds: usize,
    reached: Reached,
    known: HashSet<String>,
    watch: Watch,
    report: Report,
}

impl<'a> Run<'a> {
    fn new(target: &'a Target, found: Vec<Vec<u8>>) -> Result<Self, Failed> {
        let mut run = Self {
            target,
            corpus: corpus::seeds(target),
            seeds: 0,
            reached: Reached::default(),
            known: HashSet::new(),
            watch: Watch::new(target),
            report: Report::default(),
        };
        run.seeds = run.corpus.len();
        for input in run.corpus.clone() {
            run.try_input(&input)?;
        }
        for input in found {
            if run.try_input(&input)? {
                run.corpus.push(input);
            }
        }
        Ok(run)
    }

    fn once(&mut self, random: &mut Random) -> Result<(), Failed> {
        let mut input = random.pick(&self.corpus).clone();
        mutate(self.target.form, random, &mut input, &self.corpus);
        self.report.runs += 1;
        self.report.longest = self.report.longest.max(input.len());
        if self.try_input(&input)? && self.corpus.len() < MAX_CORPUS {
            self.report.found += 1;
            self.corpus.push(input);
        }
        Ok(())
    }

    /// Whether it reached something new.
    fn try_input(&mut self, input: &[u8]) -> Result<bool, Failed> {
        self.watch.begin(input);
        Reached::begin();
        let outcome = outcome(self.target, input);
        self.watch.end();
        match outcome {
            None => Err(Failed(shrink(self.target, input.to_vec()))),
            Some(_) if Reached::is_counted() => Ok(self.reached.add()),
            Some(word) => Ok(self.known.insert(word)),
        }
    }

    fn report(self) -> Report {
        Report {
            blocks: self.reached.blocks(),
            ..self.report
        }
    }
}

/// A word for what came out; `None` if the target panicked.
fn outcome(target: &Target, input: &[u8]) -> Option<String> {
    catch_unwind(|| (target.run)(input)).ok()
}

/// Takes out whatever the failure does not need: halves, then quarters, and so on down to bytes.
fn shrink(target: &Target, mut input: Vec<u8>) -> Vec<u8> {
    let mut tries = 2_000;
    let mut step = input.len().div_ceil(2);
    while step > 0 && tries > 0 {
        let mut at = 0;
        while at < input.len() && tries > 0 {
            let mut shorter = input.clone();
            shorter.drain(at..(at + step).min(shorter.len()));
            tries -= 1;
            if outcome(target, &shorter).is_none() {
                input = shorter;
            } else {
                at += step;
            }
        }
        step /= 2;
    }
    input
}

/// More would be inputs of one behaviour.
const MAX_CORPUS: usize = 8192;
