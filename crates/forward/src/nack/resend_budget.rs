//! How much a viewer may have resent.

/// What one viewer may have resent: a share of what it was sent, so that a viewer whose link carries less than
/// the stream is not sent ever more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResendBudget {
    bytes: u32,
    /// It loses so much that its link must be full: the media alone is too much for it.
    is_crowded: bool,
    /// The last report said so.
    seems_crowded: bool,
}

impl ResendBudget {
    /// So much was sent for the first time.
    pub(crate) fn sent(&mut self, bytes: usize) {
        let share = if self.is_crowded {
            bytes / CROWDED_SHARE
        } else {
            bytes
        };
        let share = u32::try_from(share).unwrap_or(MOST_BYTES);
        self.bytes = self.bytes.saturating_add(share).min(MOST_BYTES);
    }

    /// The viewer reported what it lost lately, in 256ths. One report may be of a few packets that were only late.
    pub(crate) fn note_loss(&mut self, fraction_lost: u8) {
        let seemed = std::mem::replace(&mut self.seems_crowded, fraction_lost >= CROWDED);
        self.is_crowded = seemed && self.seems_crowded;
        if self.is_crowded {
            self.bytes = self.bytes.min(MOST_BYTES_CROWDED);
        }
    }

    /// Whether so much may be resent; if so it is taken off.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let left = u32::try_from(bytes)
            .ok()
            .and_then(|bytes| self.bytes.checked_sub(bytes));
        if let Some(left) = left {
            self.bytes = left;
        }
        left.is_some()
    }
}

impl Default for ResendBudget {
    fn default() -> Self {
        Self {
            bytes: MOST_BYTES,
            is_crowded: false,
            seems_crowded: false,
        }
    }
}

/// A third lost: no more than a fifth is left to chance on links that are still of use. Then resends only take room from
/// the media that follows; up to there they may be as much as the media, because receivers ask at once for whatever is
/// overtaken, lost or not.
const CROWDED: u8 = 85;
const CROWDED_SHARE: usize = 8;
/// What a burst of losses may take at once.
const MOST_BYTES: u32 = 256 * 1024;
const MOST_BYTES_CROWDED: u32 = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_a_share_of_what_was_sent() {
        let mut budget = ResendBudget::default();
        assert!(budget.take(256 * 1024));
        assert!(!budget.take(1_000));
        budget.sent(999);
        assert!(!budget.take(1_000));
        budget.sent(1);
        assert!(budget.take(1_000));
    }

    #[test]
    fn who_loses_a_third_gets_little_resent() {
        let mut budget = ResendBudget::default();
        budget.note_loss(85);
        budget.note_loss(85);
        assert!(budget.take(16 * 1024));
        assert!(!budget.take(1));
        budget.sent(8_000);
        assert!(budget.take(1_000));
        assert!(!budget.take(1));
        budget.note_loss(84);
        budget.sent(8_000);
        assert!(budget.take(8_000));
    }
}
