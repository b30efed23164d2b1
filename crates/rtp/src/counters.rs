//! How often things happened that an enum tells apart.

use std::fmt;

use enum_map::{EnumArray, EnumMap};

/// A counter for each variant of `R`. They saturate.
pub struct Counters<R: EnumArray<u32>>(EnumMap<R, u32>);

impl<R: EnumArray<u32>> Counters<R> {
    /// Counts one.
    pub fn count(&mut self, reason: R) {
        let counter = &mut self.0[reason];
        *counter = counter.saturating_add(1);
    }

    /// How often `reason` was met.
    pub fn get(&self, reason: R) -> u32 {
        self.0[reason]
    }

    /// Every reason with its count, those with zero included.
    pub fn iter(&self) -> impl Iterator<Item = (R, u32)> + '_ {
        self.0.iter().map(|(reason, count)| (reason, *count))
    }

    /// The sum over all reasons.
    pub fn total(&self) -> u64 {
        self.0.values().copied().map(u64::from).sum()
    }
}

impl<R: EnumArray<u32>> Default for Counters<R> {
    fn default() -> Self {
        Self(EnumMap::default())
    }
}

impl<R: EnumArray<u32, Array: Copy>> Clone for Counters<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: EnumArray<u32, Array: Copy>> Copy for Counters<R> {}

impl<R: EnumArray<u32>> PartialEq for Counters<R> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<R: EnumArray<u32>> Eq for Counters<R> {}

impl<R: EnumArray<u32> + fmt::Debug> fmt::Debug for Counters<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use enum_map::Enum;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Enum)]
    enum Fruit {
        Apple,
        Pear,
    }

    #[test]
    fn every_variant_has_its_own_counter() {
        let mut counters = Counters::default();
        counters.count(Fruit::Pear);
        counters.count(Fruit::Pear);
        let all: Vec<_> = counters.iter().collect();
        assert_eq!(all, [(Fruit::Apple, 0), (Fruit::Pear, 2)]);
        assert_eq!((counters.get(Fruit::Pear), counters.total()), (2, 2));
    }

    #[test]
    fn a_counter_saturates() {
        let mut counters = Counters(EnumMap::from_array([u32::MAX, u32::MAX - 1]));
        counters.count(Fruit::Apple);
        counters.count(Fruit::Pear);
        assert_eq!(counters.get(Fruit::Apple), u32::MAX);
        assert_eq!(counters.get(Fruit::Pear), u32::MAX);
    }
}
