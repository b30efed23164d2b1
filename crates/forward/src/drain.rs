//! Who gets what is fresh, and in which order: viewer by viewer, round and round until everybody has everything.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::outflow::Written;
use crate::{Limits, Packet};

/// Packets that were stored and are still to be forwarded.
///
/// A viewer whose turn it is gets all that is there by then, also what came after its neighbours had their turns:
/// so the more there is to do, the more packets leave together. Whoever was served too early for a packet has
/// another turn. The order is a ring, and each burst begins elsewhere in it.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    fresh: VecDeque<Fresh>,
    /// The arrival number of the first of them.
    base: u64,
    /// Viewers with resends, or with packets of the cache to come, by slot.
    dirty: VecDeque<u32>,
    /// All viewers, by slot.
    ring: Vec<u32>,
    /// Whose turn is next.
    position: usize,
    /// Where the last burst began, as a fraction of the ring.
    phase: u32,
    /// So many viewers from there on do not have everything.
    behind: usize,
    /// So many viewers from there on have not had their turn since `lap_end` was the newest.
    lap: usize,
    /// What all will have when this lap is over.
    lap_end: u64,
    /// Whose turn it is, until it has everything.
    turn: Option<Turn>,
    /// Sound that waits until the end of this turn.
    deferred: VecDeque<u64>,
}

/// A packet that was just stored.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) packet: Arc<Packet>,
    /// Where decoders can start since it came.
    pub(crate) starts: Option<u64>,
    /// Sound: its packets are small, and ride at the end of a train of video.
    pub(crate) is_audio: bool,
    /// One byte of padding makes it as long as its neighbours behind it: they fit into one train.
    pub(crate) is_padded: bool,
}

/// The viewer whose turn it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) slot: u32,
    /// It is for packets below this arrival number.
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

    /// Packets before this arrival number are no longer here.
    pub(crate) const fn base(&self) -> u64 {
        self.base
    }

    /// Adds a packet. `false`: so many wait that the oldest is gone, though not everybody has it.
    pub(crate) fn push(&mut self, fresh: Fresh) -> bool {
        if self.ring.is_empty() {
            // Nobody is there to get it; it counts as drained.
            self.base += 1;
            return true;
        }
        if self.behind == 0 {
            self.begin();
        }
        let room = self.fresh.len() < Limits::MAX_FRESH;
        if !room {
            self.fresh.pop_front();
            self.base += 1;
        }
        self.pad_before(&fresh.packet);
        self.fresh.push_back(fresh);
        self.behind = self.ring.len();
        room
    }

    pub(crate) fn fresh(&self, arrival: u64) -> Option<&Fresh> {
        self.fresh
            .get(usize::try_from(arrival.checked_sub(self.base)?).ok()?)
    }

    /// libwebrtc cuts a frame into packets of about the same size, the last ones a byte longer
    /// (`rtp_format.cc`, `SplitAboutEqually`). Those before get that byte as padding.
    fn pad_before(&mut self, packet: &Packet) {
        let mut next = packet;
        for before in self.fresh.iter_mut().rev().take(MOST_NEIGHBOURS) {
            let is_neighbour = before.packet.origin == packet.origin
                && before.packet.timestamp == packet.timestamp
                && before.packet.sequence + 1 == next.sequence;
            if is_neighbour && before.packet.payload().len() + 1 == packet.payload().len() {
                before.is_padded = true;
                next = &before.packet;
            } else if !before.is_audio {
                break;
            }
        }
    }

    /// Puts off the sound of this turn to its end, where it rides with the video. `false`: it is to go now.
    pub(crate) fn defer(&mut self, arrival: u64) -> bool {
        let is_last = self.turn.is_none_or(|turn| arrival + 1 == turn.end);
        let defers = !(is_last && self.deferred.is_empty())
            && self.fresh(arrival).is_some_and(|fresh| fresh.is_audio);
        if defers {
            self.deferred.push_back(arrival);
        }
        defers
    }

    /// What was put off to the end of this turn.
    pub(crate) fn next_deferred(&mut self) -> Option<u64> {
        self.deferred.pop_front()
    }

    /// A viewer that wants nothing of what is here.
    pub(crate) fn add_viewer(&mut self, slot: u32) {
        // Where those stand that have just been served.
        self.ring.insert(self.position, slot);
        self.position += 1;
        self.wrap();
    }

    pub(crate) fn remove_viewer(&mut self, slot: u32) {
        if let Some(place) = self.ring.iter().position(|&other| other == slot) {
            let len = self.ring.len();
            let ahead = (place + len - self.position) % len;
            self.behind -= usize::from(ahead < self.behind);
            self.lap -= usize::from(ahead < self.lap);
            self.ring.remove(place);
            self.position -= usize::from(place < self.position);
            self.wrap();
        }
        self.dirty.retain(|&dirty| dirty != slot);
        if self.turn.is_some_and(|turn| turn.slot == slot) {
            self.turn = None;
            self.deferred.clear();
        }
        self.settle();
    }

    pub(crate) fn mark_dirty(&mut self, slot: u32) {
        self.dirty.push_back(slot);
    }

    pub(crate) const fn has_turn(&self) -> bool {
        self.turn.is_some()
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
        let end = self.next_arrival();
        if self.behind == 0 {
            let slot = *self.dirty.front()?;
            return Some(Turn {
                slot,
                end,
                is_dirty: true,
            });
        }
        if self.lap == 0 {
            self.forget(self.lap_end);
            self.lap = self.ring.len();
            self.lap_end = end;
        }
        let slot = *self.ring.get(self.position)?;
        self.position += 1;
        self.wrap();
        self.behind -= 1;
        self.lap -= 1;
        Some(Turn {
            slot,
            end,
            is_dirty: false,
        })
    }

    /// The slot of the viewer that has its turn `ahead` turns after the present one.
    pub(crate) fn upcoming(&self, ahead: usize) -> Option<u32> {
        let place = self.position + ahead - 1;
        let wrapped = place.checked_sub(self.ring.len()).unwrap_or(place);
        self.ring.get(wrapped).copied()
    }

    /// The present viewer has everything.
    pub(crate) fn next_viewer(&mut self) {
        if self.turn.take().is_some_and(|turn| turn.is_dirty) {
            self.dirty.pop_front();
        }
        self.settle();
    }

    /// Nobody waits: the first of the next burst is somebody else. In steps of the golden ratio, so that over a few
    /// bursts everybody was early and late equally often.
    fn begin(&mut self) {
        self.phase = self.phase.wrapping_add(GOLDEN);
        self.position = ((u64::from(self.phase) * self.ring.len() as u64) >> u32::BITS) as usize;
        (self.lap, self.lap_end) = (0, self.base);
    }

    const fn wrap(&mut self) {
        if self.position >= self.ring.len() {
            self.position = 0;
        }
    }

    /// Once everybody has everything, nothing is kept.
    fn settle(&mut self) {
        if self.behind == 0 && self.turn.is_none() {
            self.forget(self.next_arrival());
        }
    }

    fn forget(&mut self, before: u64) {
        let done = before.saturating_sub(self.base);
        let done =
            usize::try_from(done).map_or(self.fresh.len(), |done| done.min(self.fresh.len()));
        self.fresh.drain(..done);
        self.base += done as u64;
    }
}

/// Packets in front of one that are looked at for their sizes: a train with some sound between.
const MOST_NEIGHBOURS: usize = 12;
/// 2^32 divided by the golden ratio.
const GOLDEN: u32 = 0x9e37_79b9;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn push(drain: &mut Drain, count: usize) {
        for _ in 0..count {
            drain.push(Fresh {
                packet: Arc::default(),
                starts: None,
                is_audio: false,
                is_padded: false,
            });
        }
    }

    /// What each viewer has, by slot, and a check that nothing is forgotten before it is served.
    #[derive(Default)]
    struct Viewers(BTreeMap<u32, u64>);

    impl Viewers {
        fn join(&mut self, drain: &mut Drain, slot: u32) {
            drain.add_viewer(slot);
            self.0.insert(slot, drain.next_arrival());
        }

        fn leave(&mut self, drain: &mut Drain, slot: u32) {
            drain.remove_viewer(slot);
            self.0.remove(&slot);
        }

        /// One turn: the slot and how many packets it brought.
        fn turn(&mut self, drain: &mut Drain) -> Option<(u32, u64)> {
            let turn = drain.turn()?;
            let has = self.0.get_mut(&turn.slot).unwrap();
            for arrival in *has..turn.end {
                assert!(drain.fresh(arrival).is_some(), "{arrival} was forgotten");
            }
            let brought = turn.end - *has;
            *has = turn.end;
            drain.next_viewer();
            Some((turn.slot, brought))
        }

        fn run(&mut self, drain: &mut Drain) -> Vec<(u32, u64)> {
            std::iter::from_fn(|| self.turn(drain)).collect()
        }
    }

    fn three() -> (Drain, Viewers) {
        let (mut drain, mut viewers) = (Drain::default(), Viewers::default());
        (0..3).for_each(|slot| viewers.join(&mut drain, slot));
        (drain, viewers)
    }

    #[test]
    fn every_viewer_has_its_turn_and_all_are_first_equally_often() {
        for count in [1, 2, 3, 10, 305, 1_000] {
            let (mut drain, mut viewers) = (Drain::default(), Viewers::default());
            (0..count).for_each(|slot| viewers.join(&mut drain, slot));
            let mut places = vec![0; count as usize];
            let bursts = 1_800;
            for _ in 0..bursts {
                push(&mut drain, 2);
                let turns = viewers.run(&mut drain);
                assert_eq!(turns.len(), count as usize);
                for (place, (slot, brought)) in turns.into_iter().enumerate() {
                    assert_eq!(brought, 2);
                    places[slot as usize] += place;
                }
            }
            let mean = (count - 1) as f64 / 2.0;
            for place in places {
                let own = place as f64 / f64::from(bursts);
                assert!((own - mean).abs() <= 0.05 * mean + 0.01, "{own} of {mean}");
            }
        }
    }

    #[test]
    fn who_is_served_later_gets_what_came_meanwhile_at_once() {
        let (mut drain, mut viewers) = three();
        push(&mut drain, 1);
        let (first, brought) = viewers.turn(&mut drain).unwrap();
        assert_eq!(brought, 1);
        push(&mut drain, 2);
        let turns = viewers.run(&mut drain);
        assert_eq!(
            turns.iter().map(|turn| turn.1).collect::<Vec<_>>(),
            [3, 3, 2]
        );
        assert_eq!(turns[2].0, first);
        assert_eq!((drain.base(), drain.fresh.len()), (3, 0));
    }

    #[test]
    fn what_is_pushed_without_viewers_is_forgotten() {
        let mut drain = Drain::default();
        push(&mut drain, 5);
        assert!(drain.turn().is_none());
        assert_eq!((drain.base(), drain.next_arrival()), (5, 5));
    }

    #[test]
    fn viewers_with_resends_have_a_turn_without_fresh_packets() {
        let (mut drain, mut viewers) = three();
        drain.mark_dirty(2);
        assert_eq!(viewers.run(&mut drain), [(2, 0)]);
    }

    #[test]
    fn too_many_packets_push_out_the_oldest() {
        let (mut drain, mut viewers) = three();
        push(&mut drain, Limits::MAX_FRESH);
        let one_more = Fresh {
            packet: Arc::default(),
            starts: None,
            is_audio: false,
            is_padded: false,
        };
        assert!(!drain.push(one_more));
        assert_eq!(drain.base(), 1);
        assert_eq!(
            drain.turn().map(|turn| turn.end),
            Some(Limits::MAX_FRESH as u64 + 1)
        );
        viewers.0.values_mut().for_each(|has| *has = drain.base());
        assert_eq!(viewers.run(&mut drain).len(), 3);
        assert_eq!(drain.fresh.len(), 0);
    }

    proptest! {
        /// Packets, turns, joins and departures in any order: everybody gets everything that came after it joined,
        /// once and in order, nothing is kept longer than two laps, and when nobody waits nothing is kept at all.
        #[test]
        fn everybody_gets_everything_once(steps in proptest::collection::vec(0_u8..10, 0..400)) {
            let (mut drain, mut viewers) = (Drain::default(), Viewers::default());
            let mut next = 0;
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    0 => {
                        viewers.join(&mut drain, next);
                        next += 1;
                    }
                    1 => {
                        let slots: Vec<u32> = viewers.0.keys().copied().collect();
                        if let Some(&slot) = slots.get(number % slots.len().max(1)) {
                            viewers.leave(&mut drain, slot);
                        }
                    }
                    2 => {
                        // The slot of a viewer in the middle of its turn.
                        if let Some(turn) = drain.turn() {
                            viewers.leave(&mut drain, turn.slot);
                        }
                    }
                    3..=5 => push(&mut drain, usize::from(step) - 2),
                    _ => {
                        viewers.turn(&mut drain);
                    }
                }
                let oldest = viewers.0.values().min().copied();
                prop_assert!(drain.base() <= oldest.unwrap_or(u64::MAX));
            }
            viewers.run(&mut drain);
            for has in viewers.0.values() {
                prop_assert_eq!(*has, drain.next_arrival());
            }
            prop_assert_eq!(drain.fresh.len(), 0);
        }
    }
}
