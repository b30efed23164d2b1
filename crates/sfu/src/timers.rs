//! All timers of a worker in one heap that knows where each of them stands: at most one per owner, so that its size
//! is bounded by what the worker holds and moving a timer leaves nothing behind.

use xrtc_rtp::Time;

/// Whose timer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimerKey {
    /// The peer in this slot.
    Peer(usize),
    /// The stream in this slot.
    Stream(usize),
}

impl TimerKey {
    const fn slot(self) -> usize {
        match self {
            Self::Peer(slot) => slot * 2,
            Self::Stream(slot) => slot * 2 + 1,
        }
    }

    const fn from_slot(slot: usize) -> Self {
        if slot.is_multiple_of(2) {
            Self::Peer(slot / 2)
        } else {
            Self::Stream(slot / 2)
        }
    }
}

/// A binary heap of deadlines, addressable by owner.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: Vec<(Time, usize)>,
    /// Where each owner's timer stands in the heap; [`ABSENT`] where it has none.
    positions: Vec<usize>,
}

impl Timers {
    /// Sets, moves or (with `None`) removes the owner's timer.
    pub(crate) fn set(&mut self, key: TimerKey, at: Option<Time>) {
        let slot = key.slot();
        let position = self.positions.get(slot).copied().unwrap_or(ABSENT);
        match (at, self.heap.get(position).copied()) {
            (Some(at), Some((old, _))) => {
                if at != old {
                    self.put(position, (at, slot));
                    self.settle(position);
                }
            }
            (Some(at), None) => {
                if self.positions.len() <= slot {
                    self.positions.resize(slot + 1, ABSENT);
                }
                self.heap.push((at, slot));
                self.put(self.heap.len() - 1, (at, slot));
                self.settle(self.heap.len() - 1);
            }
            (None, Some(_)) => self.remove(position),
            (None, None) => {}
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.first().map(|(at, _)| *at)
    }

    /// Removes one timer whose time has come and says whose it was.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<TimerKey> {
        let (at, slot) = *self.heap.first()?;
        if at > now {
            return None;
        }
        self.remove(0);
        Some(TimerKey::from_slot(slot))
    }

    /// How many timers are armed.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    fn remove(&mut self, position: usize) {
        let (_, slot) = self.heap.swap_remove(position);
        if let Some(entry) = self.positions.get_mut(slot) {
            *entry = ABSENT;
        }
        if let Some(moved) = self.heap.get(position).copied() {
            self.put(position, moved);
            self.settle(position);
        }
    }

    fn put(&mut self, position: usize, entry: (Time, usize)) {
        if let Some(place) = self.heap.get_mut(position) {
            *place = entry;
        }
        if let Some(place) = self.positions.get_mut(entry.1) {
            *place = position;
        }
    }

    /// Moves the entry at `position` up or down to where it belongs.
    fn settle(&mut self, mut position: usize) {
        let Some(entry) = self.heap.get(position).copied() else {
            return;
        };
        while position > 0 {
            let parent = (position - 1) / 2;
            let Some(above) = self
                .heap
                .get(parent)
                .copied()
                .filter(|above| above.0 > entry.0)
            else {
                break;
            };
            self.put(position, above);
            position = parent;
        }
        while let Some((child, below)) = self
            .smaller_child(position)
            .filter(|(_, below)| below.0 < entry.0)
        {
            self.put(position, below);
            position = child;
        }
        self.put(position, entry);
    }

    fn smaller_child(&self, position: usize) -> Option<(usize, (Time, usize))> {
        let left = position * 2 + 1;
        let first = (left, self.heap.get(left).copied()?);
        let second = self.heap.get(left + 1).map(|entry| (left + 1, *entry));
        Some(
            second
                .filter(|second| second.1.0 < first.1.0)
                .unwrap_or(first),
        )
    }
}

const ABSENT: usize = usize::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn timers_come_due_in_order_and_only_once() {
        let mut timers = Timers::default();
        timers.set(TimerKey::Peer(3), Some(Time::from_millis(30)));
        timers.set(TimerKey::Stream(3), Some(Time::from_millis(10)));
        timers.set(TimerKey::Peer(0), Some(Time::from_millis(20)));
        timers.set(TimerKey::Peer(3), Some(Time::from_millis(5)));
        assert_eq!(timers.next(), Some(Time::from_millis(5)));
        assert_eq!(
            timers.pop_due(Time::from_millis(10)),
            Some(TimerKey::Peer(3))
        );
        assert_eq!(
            timers.pop_due(Time::from_millis(10)),
            Some(TimerKey::Stream(3))
        );
        assert_eq!(timers.pop_due(Time::from_millis(10)), None);
        timers.set(TimerKey::Peer(0), None);
        assert_eq!((timers.len(), timers.next()), (0, None));
    }

    #[test]
    fn the_heap_agrees_with_a_sorted_map_over_random_operations() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut timers = Timers::default();
        let mut model = BTreeMap::new();
        let mut now = 0;
        for _ in 0..20_000 {
            let slot = rng.usize(..40);
            match rng.u8(..4) {
                0 => {
                    timers.set(TimerKey::from_slot(slot), None);
                    model.remove(&slot);
                }
                1 => {
                    now += rng.u64(..20);
                    while let Some(key) = timers.pop_due(Time::from_nanos(now)) {
                        let at = model.remove(&key.slot()).unwrap();
                        assert!(at <= now);
                    }
                    assert!(model.values().all(|at| *at > now));
                }
                _ => {
                    let at = now + rng.u64(..200);
                    timers.set(TimerKey::from_slot(slot), Some(Time::from_nanos(at)));
                    model.insert(slot, at);
                }
            }
            assert_eq!(timers.len(), model.len());
            assert_eq!(
                timers.next().map(Time::as_nanos),
                model.values().min().copied()
            );
        }
    }
}
