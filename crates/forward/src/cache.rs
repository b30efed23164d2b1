//! The packet cache: the received packets of one layer, by extended sequence number.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use xrtc_prefetch::prefetch;
use xrtc_rtp::Time;

use crate::{Discard, Packet};

/// The received packets of one layer, stored once and shared by all its subscriptions.
///
/// A ring indexed by the low bits of the extended sequence number, which grows with the need up to its limit
/// and forgets by number, bytes and age. What it forgets is used again once nobody else holds it, so that a
/// steady stream allocates nothing.
#[derive(Debug)]
pub(crate) struct PacketCache {
    bounds: CacheBounds,
    slots: Vec<Option<Slot>>,
    /// All packets lie in `lowest..end`; unless there is none, the lowest is there.
    lowest: u64,
    end: u64,
    /// Nothing below it is taken (again).
    floor: u64,
    len: usize,
    bytes: usize,
    spare: VecDeque<Arc<Packet>>,
}

/// The bounds of one cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheBounds {
    /// A power of two.
    pub(crate) packets: usize,
    pub(crate) bytes: usize,
    pub(crate) age: Duration,
    /// Buffers kept to be used again: none on a mirror, whose packets are its home's.
    pub(crate) spares: usize,
}

/// A packet in its place.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) packet: Arc<Packet>,
    /// Its number in the order in which this worker saw the stream's packets.
    pub(crate) arrival: u64,
    /// As the packet says. Here too, because an old packet is in no cache of the processor any more, and these two are
    /// looked at with every new one.
    sequence: u64,
    received: Time,
}

impl PacketCache {
    pub(crate) fn new(bounds: CacheBounds) -> Self {
        let packets = bounds.packets.max(FEWEST_SLOTS).next_power_of_two();
        Self {
            bounds: CacheBounds { packets, ..bounds },
            slots: Vec::new(),
            lowest: 0,
            end: 0,
            floor: 0,
            len: 0,
            bytes: 0,
            spare: VecDeque::new(),
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn spare(&self) -> usize {
        self.spare.len()
    }

    /// One past the highest sequence number.
    pub(crate) const fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn get(&self, sequence: u64) -> Option<&Slot> {
        let slot = self.slots.get(self.position(sequence))?.as_ref()?;
        (slot.sequence == sequence).then_some(slot)
    }

    /// Loads, step by step, what storing the next packet needs: its slot and the list of spare buffers, then the first
    /// spare buffer and what is forgotten for it, then the bytes of the buffer.
    pub(crate) fn prefetch(&self, step: usize) {
        let oldest = || self.slots.get(self.position(self.lowest));
        match step {
            0 => {
                if let Some(slot) = self.slots.get(self.position(self.end)) {
                    prefetch(slot);
                }
                if let Some(slot) = oldest() {
                    prefetch(slot);
                }
                if let Some(spare) = self.spare.front() {
                    prefetch(spare);
                }
            }
            1 => {
                if let Some(Some(slot)) = oldest() {
                    prefetch(&*slot.packet);
                }
                if let Some(spare) = self.spare.front() {
                    prefetch(&**spare);
                }
            }
            _ => {
                if let Some(spare) = self.spare.front() {
                    spare.prefetch();
                }
            }
        }
    }

    /// Whether a packet with this number is welcome.
    pub(crate) fn check(&self, sequence: u64) -> Result<(), Discard> {
        if sequence < self.floor || sequence + (self.bounds.packets as u64) < self.end {
            return Err(Discard::TooOld);
        }
        if self.get(sequence).is_some() {
            Err(Discard::Duplicate)
        } else {
            Ok(())
        }
    }

    /// A buffer for a packet that nobody else holds: a forgotten one, or a new one.
    pub(crate) fn buffer(&mut self) -> Arc<Packet> {
        for _ in 0..self.spare.len().min(SPARES_TRIED) {
            let Some(mut packet) = self.spare.pop_front() else {
                break;
            };
            if Arc::get_mut(&mut packet).is_some() {
                return packet;
            }
            self.spare.push_back(packet);
        }
        Arc::default()
    }

    /// A buffer that was not needed after all.
    pub(crate) fn give_back(&mut self, packet: Arc<Packet>) {
        if self.spare.len() < self.bounds.spares {
            self.spare.push_back(packet);
        }
    }

    /// Stores a packet that passed [`Self::check`], and forgets what is over the bounds.
    pub(crate) fn insert(&mut self, packet: Arc<Packet>, arrival: u64, now: Time) {
        let sequence = packet.sequence;
        if self.len == 0 {
            (self.lowest, self.end) = (sequence, sequence);
        }
        let end = self.end.max(sequence + 1);
        self.make_room(sequence, end);
        self.lowest = if self.len == 0 {
            sequence
        } else {
            self.lowest.min(sequence)
        };
        self.end = end;
        self.bytes += packet.memory();
        self.len += 1;
        let position = self.position(sequence);
        if let Some(slot) = self.slots.get_mut(position) {
            debug_assert!(slot.is_none(), "checked before");
            let received = packet.received;
            *slot = Some(Slot {
                packet,
                arrival,
                sequence,
                received,
            });
        }
        self.forget_old(now);
    }

    /// Forgets everything; the next packet may have any number.
    pub(crate) fn clear(&mut self) {
        while self.len > 0 {
            self.forget_lowest();
        }
        (self.lowest, self.end, self.floor) = (0, 0, 0);
    }

    fn position(&self, sequence: u64) -> usize {
        (sequence as usize) & self.slots.len().wrapping_sub(1)
    }

    /// Grows the ring or forgets the oldest, so that `sequence` and all below `end` fit.
    fn make_room(&mut self, sequence: u64, end: u64) {
        let span = |lowest: u64| end - lowest.min(sequence);
        while self.len > 0 && span(self.lowest) > self.bounds.packets as u64 {
            self.forget_lowest();
        }
        let needed = if self.len == 0 { 1 } else { span(self.lowest) };
        let needed = usize::try_from(needed).unwrap_or(self.bounds.packets);
        if needed > self.slots.len() {
            let len = needed
                .next_power_of_two()
                .clamp(FEWEST_SLOTS, self.bounds.packets);
            let mut slots: Vec<Option<Slot>> = std::iter::repeat_with(|| None).take(len).collect();
            for slot in self.slots.drain(..).flatten() {
                let position = (slot.sequence as usize) & (len - 1);
                if let Some(place) = slots.get_mut(position) {
                    *place = Some(slot);
                }
            }
            self.slots = slots;
        }
    }

    fn forget_old(&mut self, now: Time) {
        let oldest = now - self.bounds.age;
        while self.len > 1 && (self.bytes > self.bounds.bytes || self.lowest_is_before(oldest)) {
            self.forget_lowest();
        }
    }

    fn lowest_is_before(&self, time: Time) -> bool {
        self.get(self.lowest)
            .is_some_and(|slot| slot.received < time)
    }

    fn forget_lowest(&mut self) {
        let position = self.position(self.lowest);
        if let Some(slot) = self.slots.get_mut(position).and_then(Option::take) {
            self.bytes -= slot.packet.memory();
            self.len -= 1;
            self.give_back(slot.packet);
            self.floor = self.lowest + 1;
        }
        // A gap behind a forgotten packet may be younger and still close.
        self.lowest += 1;
        while self.len > 0 && self.get(self.lowest).is_none() {
            self.lowest += 1;
        }
    }
}

const FEWEST_SLOTS: usize = 32;
const SPARES_TRIED: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(packets: usize) -> PacketCache {
        PacketCache::new(CacheBounds {
            packets,
            bytes: 1 << 20,
            age: Duration::from_secs(1),
            spares: 16,
        })
    }

    fn packet(sequence: u64, received: Time) -> Arc<Packet> {
        Arc::new(Packet::bare(sequence, 0, false, received))
    }

    fn put(cache: &mut PacketCache, sequence: u64, now: Time) -> Result<(), Discard> {
        cache.check(sequence)?;
        cache.insert(packet(sequence, now), 0, now);
        Ok(())
    }

    fn numbers(cache: &PacketCache, range: std::ops::Range<u64>) -> Vec<u64> {
        range
            .filter(|&sequence| cache.get(sequence).is_some())
            .collect()
    }

    #[test]
    fn a_packet_from_before_the_first_one_is_kept() {
        let mut cache = cache(64);
        assert_eq!(put(&mut cache, 100, Time::ZERO), Ok(()));
        assert_eq!(put(&mut cache, 98, Time::ZERO), Ok(()));
        assert_eq!(put(&mut cache, 98, Time::ZERO), Err(Discard::Duplicate));
        assert_eq!(numbers(&cache, 90..110), [98, 100]);
    }

    #[test]
    fn the_oldest_are_forgotten_by_number_and_do_not_come_back() {
        let mut cache = cache(32);
        for sequence in 100..140 {
            assert_eq!(put(&mut cache, sequence, Time::ZERO), Ok(()));
        }
        assert_eq!(numbers(&cache, 0..200), (108..140).collect::<Vec<_>>());
        assert_eq!(put(&mut cache, 107, Time::ZERO), Err(Discard::TooOld));
        assert_eq!(cache.len(), 32);
    }

    #[test]
    fn the_oldest_are_forgotten_by_age() {
        let mut cache = cache(64);
        for n in 0..10 {
            put(&mut cache, 100 + n, Time::from_millis(200 * n)).unwrap();
        }
        assert_eq!(numbers(&cache, 0..200), (104..110).collect::<Vec<_>>());
    }

    #[test]
    fn a_young_gap_closes_though_the_packet_before_it_was_forgotten() {
        let mut cache = cache(64);
        put(&mut cache, 100, Time::ZERO).unwrap();
        put(&mut cache, 103, Time::from_millis(1_200)).unwrap();
        assert_eq!(numbers(&cache, 0..200), [103]);
        assert_eq!(put(&mut cache, 102, Time::from_millis(1_250)), Ok(()));
        assert_eq!(
            put(&mut cache, 100, Time::from_millis(1_250)),
            Err(Discard::TooOld)
        );
    }

    #[test]
    fn a_gap_wider_than_the_ring_forgets_everything_before_it() {
        let mut cache = cache(32);
        put(&mut cache, 100, Time::ZERO).unwrap();
        put(&mut cache, 1_000_000, Time::ZERO).unwrap();
        assert_eq!(cache.len(), 1);
        assert!(cache.get(1_000_000).is_some());
        assert_eq!(put(&mut cache, 999_990, Time::ZERO), Ok(()));
    }

    #[test]
    fn a_forgotten_buffer_is_used_again_only_when_nobody_holds_it() {
        let mut cache = cache(32);
        put(&mut cache, 1, Time::ZERO).unwrap();
        let held = Arc::clone(&cache.get(1).unwrap().packet);
        put(&mut cache, 1_000, Time::ZERO).unwrap();
        let other = cache.buffer();
        assert!(!Arc::ptr_eq(&held, &other));
        let address = Arc::as_ptr(&held);
        drop(held);
        assert_eq!(Arc::as_ptr(&cache.buffer()), address);
    }

    #[test]
    fn memory_is_bounded_by_bytes() {
        let bounds = CacheBounds {
            packets: 64,
            bytes: 2_000,
            age: Duration::from_secs(1),
            spares: 16,
        };
        let mut cache = PacketCache::new(bounds);
        for n in 0..60 {
            put(&mut cache, n, Time::ZERO).unwrap();
        }
        assert!(cache.len() < 20 && cache.len() > 2, "{}", cache.len());
    }
}
