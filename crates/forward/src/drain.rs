//! Who gets what is fresh, and in which order: viewer by viewer, the first one rotating.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::Packet;
use crate::outflow::Written;

/// Packets that were stored and are still to be forwarded.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    fresh: VecDeque<Fresh>,
    /// The arrival number of the first of them.
    base: u64,
    /// Viewers with resends, or with packets of the cache to come, by slot.
    dirty: VecDeque<u32>,
    /// All viewers, by slot; an empty place was one's that left during a round.
    order: Vec<Option<u32>>,
    /// Where the next round begins.
    first: usize,
    round: Option<Round>,
    /// Whose turn it is, until it has everything.
    turn: Option<Turn>,
}

/// A packet that was just stored.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) packet: Arc<Packet>,
    /// Where decoders can start since it came.
    pub(crate) starts: Option<u64>,
}

/// One pass over all viewers.
#[derive(Clone, Copy, Debug)]
struct Round {
    /// It concerns packets below this arrival number.
    end: u64,
    viewers: usize,
    visited: usize,
}

/// The viewer whose turn it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) slot: u32,
    /// Its next fresh packet.
    pub(crate) cursor: u64,
    /// One past its last one.
    pub(crate) end: u64,
    /// It stands at the front of the queue of dirty ones.
    pub(crate) is_dirty: bool,
}

/// A packet written out, and where its payload is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) written: Written,
    pub(crate) place: Place,
}

/// Where a packet is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// Among the fresh, by arrival number.
    Fresh(u64),
    /// In a cache.
    Cache { track: u8, layer: u8, sequence: u64 },
}

impl Step {
    pub(crate) const fn of_cache(written: Written, packet: &Packet) -> Self {
        let place = Place::Cache {
            track: packet.origin.track(),
            layer: packet.origin.layer(),
            sequence: packet.sequence,
        };
        Self { written, place }
    }
}

impl Drain {
    /// The arrival number of the next packet.
    pub(crate) fn next_arrival(&self) -> u64 {
        self.base + self.fresh.len() as u64
    }

    /// Packets from this arrival on were not sent to everybody yet.
    pub(crate) const fn base(&self) -> u64 {
        self.base
    }

    pub(crate) fn push(&mut self, fresh: Fresh) {
        if self.order.is_empty() {
            // Nobody is there to get it; it counts as drained.
            self.base += 1;
        } else {
            self.fresh.push_back(fresh);
        }
    }

    pub(crate) fn fresh(&self, arrival: u64) -> Option<&Fresh> {
        self.fresh
            .get(usize::try_from(arrival.checked_sub(self.base)?).ok()?)
    }

    pub(crate) fn add_viewer(&mut self, slot: u32) {
        self.order.push(Some(slot));
    }

    pub(crate) fn remove_viewer(&mut self, slot: u32) {
        if let Some(place) = self.order.iter_mut().find(|place| **place == Some(slot)) {
            *place = None;
        }
        if self.round.is_none() {
            self.order.retain(Option::is_some);
            self.settle_without_viewers();
        }
        self.dirty.retain(|&dirty| dirty != slot);
        if self.turn.is_some_and(|turn| turn.slot == slot) {
            self.turn = None;
        }
    }

    pub(crate) fn mark_dirty(&mut self, slot: u32) {
        self.dirty.push_back(slot);
    }

    /// The viewer whose turn it is, if there is anything to do.
    #[inline]
    pub(crate) fn turn(&mut self) -> Option<Turn> {
        if self.turn.is_none() {
            self.turn = self.find_turn();
        }
        self.turn
    }

    fn find_turn(&mut self) -> Option<Turn> {
        loop {
            let Some(round) = &mut self.round else {
                if self.fresh.is_empty() {
                    let slot = *self.dirty.front()?;
                    let (cursor, end) = (self.base, self.base);
                    return Some(Turn {
                        slot,
                        cursor,
                        end,
                        is_dirty: true,
                    });
                }
                self.begin_round();
                continue;
            };
            let end = round.end;
            if round.visited == round.viewers {
                self.end_round(end);
                continue;
            }
            let position = (self.first + round.visited) % round.viewers;
            round.visited += 1;
            if let Some(slot) = self.order.get(position).copied().flatten() {
                return Some(Turn {
                    slot,
                    cursor: self.base,
                    end,
                    is_dirty: false,
                });
            }
        }
    }

    /// The present viewer got the fresh packets before `cursor`, or does not want them.
    pub(crate) const fn advance(&mut self, cursor: u64) {
        if let Some(turn) = &mut self.turn {
            turn.cursor = cursor;
        }
    }

    /// The present viewer has everything.
    pub(crate) fn next_viewer(&mut self) {
        if self.turn.take().is_some_and(|turn| turn.is_dirty) {
            self.dirty.pop_front();
        }
    }

    fn begin_round(&mut self) {
        let viewers = self.order.len();
        self.first = if viewers == 0 {
            0
        } else {
            (self.first + 1) % viewers
        };
        self.round = Some(Round {
            end: self.next_arrival(),
            viewers,
            visited: 0,
        });
    }

    fn end_round(&mut self, end: u64) {
        let done = usize::try_from(end - self.base)
            .unwrap_or(usize::MAX)
            .min(self.fresh.len());
        self.fresh.drain(..done);
        self.base = end;
        self.round = None;
        if self.order.contains(&None) {
            self.order.retain(Option::is_some);
            self.settle_without_viewers();
        }
    }

    fn settle_without_viewers(&mut self) {
        if self.order.is_empty() {
            self.base = self.next_arrival();
            self.fresh.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(drain: &mut Drain, count: usize) {
        for _ in 0..count {
            drain.push(Fresh {
                packet: Arc::default(),
                starts: None,
            });
        }
    }

    /// Gives every viewer everything; returns (slot, packets) in order.
    fn run(drain: &mut Drain) -> Vec<(u32, u64)> {
        let mut turns = Vec::new();
        while let Some(turn) = drain.turn() {
            turns.push((turn.slot, turn.end - turn.cursor));
            drain.next_viewer();
        }
        turns
    }

    #[test]
    fn every_viewer_has_its_turn_and_the_first_one_rotates() {
        let mut drain = Drain::default();
        (0..3).for_each(|slot| drain.add_viewer(slot));
        push(&mut drain, 2);
        assert_eq!(run(&mut drain), [(1, 2), (2, 2), (0, 2)]);
        push(&mut drain, 1);
        assert_eq!(run(&mut drain), [(2, 1), (0, 1), (1, 1)]);
        assert_eq!(drain.base(), 3);
    }

    #[test]
    fn what_comes_during_a_round_is_for_the_next_one() {
        let mut drain = Drain::default();
        (0..2).for_each(|slot| drain.add_viewer(slot));
        push(&mut drain, 1);
        assert_eq!(drain.turn().map(|turn| turn.slot), Some(1));
        drain.next_viewer();
        push(&mut drain, 1);
        assert_eq!(run(&mut drain), [(0, 1), (0, 1), (1, 1)]);
    }

    #[test]
    fn a_viewer_that_leaves_during_a_round_takes_nobodys_turn() {
        let mut drain = Drain::default();
        (0..3).for_each(|slot| drain.add_viewer(slot));
        push(&mut drain, 1);
        assert_eq!(drain.turn().map(|turn| turn.slot), Some(1));
        drain.next_viewer();
        drain.remove_viewer(1);
        drain.remove_viewer(2);
        assert_eq!(run(&mut drain), [(0, 1)]);
        drain.remove_viewer(0);
        push(&mut drain, 5);
        assert_eq!(run(&mut drain), []);
        assert_eq!(drain.base(), 6);
    }

    #[test]
    fn viewers_with_resends_have_a_turn_without_fresh_packets() {
        let mut drain = Drain::default();
        (0..3).for_each(|slot| drain.add_viewer(slot));
        drain.mark_dirty(2);
        assert_eq!(run(&mut drain), [(2, 0)]);
    }
}
