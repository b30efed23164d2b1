//! Which packet indexes of one SSRC were seen: a bitmap that moves with the newest (RFC 3711 §3.3.2).

/// A window over the last `WORDS * 64` indexes. `Default` has seen nothing.
#[derive(Clone, Debug)]
pub(crate) struct Window<const WORDS: usize> {
    /// The newest index seen; meaningless while no bit is set.
    newest: u64,
    /// A ring: the bit of an index is at the index modulo the window's size.
    seen: [u64; WORDS],
}

/// What a window knows of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Fresh,
    Seen,
    /// Behind the window: it may have been seen.
    Behind,
}

impl<const WORDS: usize> Window<WORDS> {
    const SIZE: u64 = WORDS as u64 * 64;

    /// A window that has seen only `index`.
    pub(crate) fn starting_at(index: u64) -> Self {
        let mut window = Self {
            newest: index,
            seen: [0; WORDS],
        };
        window.set(index);
        window
    }

    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    pub(crate) fn standing(&self, index: u64) -> Standing {
        if index > self.newest {
            Standing::Fresh
        } else if self.newest - index >= Self::SIZE {
            Standing::Behind
        } else if self.word(index) & Self::bit(index) == 0 {
            Standing::Fresh
        } else {
            Standing::Seen
        }
    }

    /// Marks `index` as seen, moving the window if it is the newest. One that lies behind is ignored.
    pub(crate) fn mark(&mut self, index: u64) {
        if index > self.newest {
            if index - self.newest >= Self::SIZE {
                self.seen = [0; WORDS];
            } else {
                for skipped in self.newest + 1..index {
                    self.clear(skipped);
                }
            }
            self.newest = index;
        } else if self.newest - index >= Self::SIZE {
            return;
        }
        self.set(index);
    }

    fn set(&mut self, index: u64) {
        if let Some(word) = self.seen.get_mut(Self::place(index)) {
            *word |= Self::bit(index);
        }
    }

    fn clear(&mut self, index: u64) {
        if let Some(word) = self.seen.get_mut(Self::place(index)) {
            *word &= !Self::bit(index);
        }
    }

    fn word(&self, index: u64) -> u64 {
        self.seen
            .get(Self::place(index))
            .copied()
            .unwrap_or_default()
    }

    fn place(index: u64) -> usize {
        (index / 64) as usize % WORDS
    }

    fn bit(index: u64) -> u64 {
        1 << (index % 64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_index_is_fresh_once() {
        let mut window = Window::<2>::starting_at(1000);
        assert_eq!(window.standing(1000), Standing::Seen);
        assert_eq!(window.standing(999), Standing::Fresh);
        window.mark(999);
        assert_eq!(window.standing(999), Standing::Seen);
        assert_eq!(window.standing(1000 - 127), Standing::Fresh);
        assert_eq!(window.standing(1000 - 128), Standing::Behind);
    }

    #[test]
    fn a_jump_past_the_window_forgets_all() {
        let mut window = Window::<2>::starting_at(5);
        window.mark(5 + 128);
        assert_eq!(window.standing(5 + 1), Standing::Fresh);
        assert_eq!(window.standing(5), Standing::Behind);
        window.mark(4);
        assert_eq!(window.newest(), 133);
    }

    proptest! {
        #[test]
        fn window_agrees_with_a_set(steps in prop::collection::vec(0u64..600, 1..300)) {
            let mut seen = std::collections::BTreeSet::from([300]);
            let mut window = Window::<2>::starting_at(300);
            for index in steps {
                let newest = *seen.last().unwrap();
                let expected = if index + 128 <= newest {
                    Standing::Behind
                } else if seen.contains(&index) {
                    Standing::Seen
                } else {
                    Standing::Fresh
                };
                prop_assert_eq!(window.standing(index), expected);
                if expected == Standing::Fresh {
                    window.mark(index);
                    seen.insert(index);
                }
                prop_assert_eq!(window.newest(), *seen.last().unwrap());
            }
        }
    }
}
