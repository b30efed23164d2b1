//! What is to be sent, and how far the sending has come.

use crate::Path;

/// Datagrams of equal size to one address, side by side in a slab; the last one may be shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Train {
    pub(crate) path: Path,
    /// Where it starts in the slab.
    pub(crate) start: usize,
    /// Its bytes, all datagrams together.
    pub(crate) len: usize,
    /// The size of a datagram; `len` where there is only one.
    pub(crate) segment: usize,
}

/// A position between two datagrams of a batch of trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The train.
    pub(super) train: usize,
    /// Bytes of it that are done.
    pub(super) offset: usize,
    /// The train goes one datagram at a time, and the error that the kernel gave for it as a whole.
    pub(super) split: Option<i32>,
}

impl Cursor {
    /// The position behind all of `trains`.
    pub(super) const fn after_all(trains: &[Train]) -> Self {
        Self { train: trains.len(), offset: 0, split: None }
    }

    pub(super) const fn next_train(self) -> Self {
        Self { train: self.train + 1, offset: 0, split: None }
    }

    /// The position after `len` more bytes of `train`, which this position is in.
    pub(super) const fn after(self, train: &Train, len: usize) -> Self {
        let offset = self.offset + len;
        if offset >= train.len { self.next_train() } else { Self { offset, ..self } }
    }

    /// Datagrams of `trains` that lie behind this position.
    pub(crate) fn remaining<'a>(self, trains: &'a [Train], mut counts: impl FnMut(&Train) -> bool) -> usize {
        let left = |(index, train): (usize, &'a Train)| {
            let done = if index == self.train { self.offset } else { 0 };
            if counts(train) { train.len.saturating_sub(done).div_ceil(train.segment.max(1)) } else { 0 }
        };
        trains.iter().enumerate().skip(self.train).map(left).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAIN: Train = Train { path: Path::UNSPECIFIED, start: 0, len: 250, segment: 100 };

    #[test]
    fn a_cursor_moves_by_datagrams_and_counts_what_is_left() {
        let trains = [TRAIN, TRAIN];
        let all = |_: &Train| true;
        let start = Cursor::default();
        assert_eq!(start.remaining(&trains, all), 6);
        let second = start.after(&TRAIN, 100);
        assert_eq!((second.offset, second.remaining(&trains, all)), (100, 5));
        let next = second.after(&TRAIN, 150);
        assert_eq!((next, next.remaining(&trains, all)), (start.next_train(), 3));
        assert_eq!(start.remaining(&trains, |_| false), 0);
        assert_eq!(Cursor::after_all(&trains).remaining(&trains, all), 0);
    }
}
