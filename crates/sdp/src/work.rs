//! Counts the steps of parsing, so that a test can hold it to linear work without a clock.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// One step of a loop over a peer's input. Costs nothing outside this crate's unit tests.
#[cfg(not(test))]
pub(crate) const fn step() {}

#[cfg(test)]
pub(crate) fn step() {
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

/// The steps that `run` takes.
#[cfg(test)]
pub(crate) fn count(run: impl FnOnce()) -> u64 {
    STEPS.with(|steps| steps.set(0));
    run();
    STEPS.with(Cell::get)
}
