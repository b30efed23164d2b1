//! The memory for checks that were there before.

use crate::limits::MAX_SEEN_CHECKS;
use crate::stun::TransactionId;

/// The transaction ids of the last authenticated checks.
///
/// A check carries nothing that says when it was made, so that one which was overheard is as good as new. Its sender draws
/// another id for each check (RFC 8489 §5), so that an id which comes again is a repetition.
#[derive(Debug, Default)]
pub(super) struct SeenChecks {
    /// A ring, made with the first check.
    ids: Vec<u32>,
    next: usize,
}

impl SeenChecks {
    /// Notes a check. `true`: its id was seen before.
    pub(super) fn note(&mut self, id: TransactionId) -> bool {
        let id = folded(id);
        if self.ids.contains(&id) {
            return true;
        }
        if self.ids.capacity() == 0 {
            self.ids.reserve_exact(MAX_SEEN_CHECKS);
        }
        match self.ids.get_mut(self.next) {
            Some(oldest) => *oldest = id,
            None => self.ids.push(id),
        }
        self.next = (self.next + 1) % MAX_SEEN_CHECKS;
        false
    }
}

/// 32 of the 96 bits do: every peer has a ring, and one check in 30 million is taken for a repetition by chance, which
/// matters only if it is the first from another address, and until the next.
fn folded(TransactionId(id): TransactionId) -> u32 {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = id;
    let word = u32::from_be_bytes;
    word([a, b, c, d]) ^ word([e, f, g, h]).rotate_left(11) ^ word([i, j, k, l]).rotate_left(22)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_until_as_many_others_have_come_as_are_remembered() {
        let mut seen = SeenChecks::default();
        let id = |number: usize| {
            let mut id = [0; 12];
            id[4..].copy_from_slice(&(number as u64).to_be_bytes());
            TransactionId(id)
        };
        assert!(!seen.note(id(0)));
        for number in 1..MAX_SEEN_CHECKS {
            assert!(!seen.note(id(number)));
            assert!(seen.note(id(0)), "after {number} others");
        }
        assert!(!seen.note(id(MAX_SEEN_CHECKS)));
        assert!(!seen.note(id(0)));
    }
}
