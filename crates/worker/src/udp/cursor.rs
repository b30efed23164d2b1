//! How far the sending of a batch has come.

use xrtc_sfu::{Batch, Class, Train};

/// A position between two datagrams of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The train.
    pub(super) train: usize,
    /// Bytes of it that are done.
    pub(super) offset: usize,
    /// The train goes one datagram at a time, and the error that the kernel gave for it as a whole.
    pub(super) split: Option<i32>,
    /// The video behind this position was given up.
    without_video: bool,
}

impl Cursor {
    /// The position before the next train.
    pub(crate) const fn next_train(self) -> Self {
        Self {
            train: self.train + 1,
            offset: 0,
            split: None,
            ..self
        }
    }

    /// The position after `len` more bytes of `train`, which this position is in.
    pub(super) const fn after(self, train: &Train<'_>, len: usize) -> Self {
        let offset = self.offset + len;
        if offset >= train.bytes.len() {
            self.next_train()
        } else {
            Self { offset, ..self }
        }
    }

    /// The same position, with its train to be sent one datagram at a time because the kernel answered `error`.
    pub(super) const fn splitting(self, error: i32) -> Self {
        Self {
            split: Some(error),
            ..self
        }
    }

    /// Gives up the video behind this position.
    pub(crate) fn skip_video(&mut self, batch: &Batch) {
        self.without_video = true;
        if batch
            .train(self.train)
            .is_some_and(|train| self.skips(train.tag.class))
        {
            *self = self.next_train();
        }
    }

    /// Whether trains of this class were given up.
    pub(crate) fn skips(&self, class: Class) -> bool {
        self.without_video && class == Class::Video
    }

    /// The train that this position is in and how many of its datagrams lie behind the position; `None` at the end.
    pub(crate) fn rest<'a>(&self, batch: &'a Batch) -> Option<(Train<'a>, usize)> {
        let train = batch.train(self.train)?;
        let left = train.bytes.len().saturating_sub(self.offset);
        Some((train, left.div_ceil(train.segment_size.max(1))))
    }
}

#[cfg(test)]
mod tests {
    use xrtc_sfu::{Class, Path, PeerId, Tag};

    use super::*;

    #[test]
    fn a_cursor_moves_by_datagrams_and_counts_what_is_left() {
        let mut batch = Batch::with_capacity(10_000);
        let path = Path {
            local: ([127, 0, 0, 1], 1).into(),
            remote: ([127, 0, 0, 1], 2).into(),
        };
        for peer in 0..2 {
            for len in [100, 100, 50] {
                assert!(batch.space().is_some());
                batch.commit(
                    path,
                    Tag {
                        peer: PeerId(peer),
                        class: Class::Video,
                    },
                    len,
                );
            }
        }
        let left = |cursor: Cursor| cursor.rest(&batch).map(|(_, left)| left);
        let train = batch.train(0).unwrap();
        let start = Cursor::default();
        assert_eq!(left(start), Some(3));
        let second = start.after(&train, 100);
        assert_eq!((second.offset, left(second)), (100, Some(2)));
        assert_eq!(second.after(&train, 150), start.next_train());
        assert_eq!(left(start.next_train()), Some(3));
        assert_eq!(left(start.next_train().next_train()), None);
    }
}
