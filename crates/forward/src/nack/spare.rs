//! How many copies may be sent beyond one for each request.

/// The spare copies of one viewer.
///
/// A packet needs 1 / (1 − p) resends on average where the share p of them gets lost. Of a spare copy p is needed
/// anyway, because the other one gets lost; the rest is too much. So that this is never more than a fiftieth of what is
/// needed, (1 − p) / 52 of a copy is earned with every answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpareCopies {
    /// Of a copy.
    parts: u16,
    /// Lately: answers, and those of them that repeat one that got lost.
    answers: u16,
    repeated: u16,
}

impl SpareCopies {
    /// A request is answered.
    pub(crate) const fn earn(&mut self, is_repeated: bool) {
        if self.answers == MEMORY {
            self.answers /= 2;
            self.repeated /= 2;
        }
        self.answers += 1;
        self.repeated += is_repeated as u16;
        if self.parts < MOST * PARTS {
            self.parts += 1;
        }
    }

    /// Whether there is one.
    pub(crate) const fn is_enough(&self) -> bool {
        self.parts >= self.price()
    }

    /// Takes one, if there is one.
    pub(crate) const fn spend(&mut self) -> bool {
        let is_enough = self.is_enough();
        if is_enough {
            self.parts -= self.price();
        }
        is_enough
    }

    const fn price(&self) -> u16 {
        // Before there is much to go by, all answers count as needed.
        let answers = if self.answers < MEMORY / 4 {
            MEMORY / 4
        } else {
            self.answers
        };
        PARTS - PARTS * self.repeated / answers
    }
}

impl Default for SpareCopies {
    fn default() -> Self {
        Self {
            parts: PARTS,
            answers: 0,
            repeated: 0,
        }
    }
}

/// A little less than a fiftieth, because an answer now and then is one too many although nobody knew.
const PARTS: u16 = 52;
/// What can be saved up.
const MOST: u16 = 8;
const MEMORY: u16 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_a_fiftieth_of_what_is_needed() {
        for loss in [0.05, 0.1, 0.2, 0.5] {
            let mut rng = fastrand::Rng::with_seed(1);
            let mut spare = SpareCopies::default();
            let (mut needed, mut sent) = (0.0, 0.0);
            for _ in 0..20_000 {
                needed += 1.0 / (1.0 - loss);
                let mut is_repeated = false;
                loop {
                    spare.earn(is_repeated);
                    let copies = if spare.spend() { 2 } else { 1 };
                    sent += f64::from(copies);
                    if (0..copies).any(|_| rng.f64() >= loss) {
                        break;
                    }
                    is_repeated = true;
                }
            }
            let ratio: f64 = sent / needed;
            assert!((1.01..1.025).contains(&ratio), "{ratio} at {loss}");
        }
    }

    #[test]
    fn no_more_than_eight_are_saved_up() {
        let mut spare = SpareCopies::default();
        (0..10_000).for_each(|_| spare.earn(false));
        assert_eq!((0..20).filter(|_| spare.spend()).count(), 8);
    }
}
