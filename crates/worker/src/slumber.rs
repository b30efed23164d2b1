//! Whether a worker sleeps, so that others wake it out of its sleep and at no other time.
//!
//! `tests/hand_over.rs` goes through every order in which the threads can take these steps.

use super::sync::atomic::{AtomicBool, Ordering, fence};

/// One sleeper, and whoever puts something where it looks before it sleeps.
#[derive(Debug, Default)]
pub(crate) struct Slumber {
    asleep: AtomicBool,
}

impl Slumber {
    /// To be called after something was put where the sleeper looks. `true`: it must be woken, by this caller alone.
    pub(crate) fn must_be_woken(&self) -> bool {
        // Pairs with the fence of `lie_down`: either we see it asleep, or it sees what was put there.
        fence(Ordering::SeqCst);
        self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::AcqRel)
    }

    /// It is about to sleep: it must look at everything once more after this call, and then sleep or
    /// [get up](Self::get_up).
    pub(crate) fn lie_down(&self) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    pub(crate) fn get_up(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }
}
