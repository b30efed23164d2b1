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
        if let Some(train) = batch.train(self.train) {
            *self = self.past_given_up(&train);
        }
    }

    /// The position before the next datagram from here on that was not given up; `train` is the one it is in.
    pub(super) fn past_given_up(self, train: &Train<'_>) -> Self {
        if !self.without_video || train.tag.class != Class::Video {
            self
        } else if train.last == Class::Video {
            self.next_train()
        } else {
            // Its sound is left.
            Self {
                offset: train.last_at(),
                split: None,
                ..self
            }
        }
    }

    /// The train that this position is in, and how many of its datagrams lie behind the position: of its own class,
    /// and of another at its end; `None` after the last train.
    pub(crate) fn rest<'a>(&self, batch: &'a Batch) -> Option<(Train<'a>, [(Class, usize); 2])> {
        let train = batch.train(self.train)?;
        let left = train.bytes.len().saturating_sub(self.offset);
        let left = left.div_ceil(train.segment_size.max(1));
        let other = if train.last == train.tag.class {
            0
        } else {
            left.min(1)
        };
        Some((
            train,
            [(train.tag.class, left - other), (train.last, other)],
        ))
    }
}

#[cfg(test)]
mod tests {
    use xrtc_sfu::{Class, Path, PeerId, Tag};

    use super::*;

    #[test]
    fn a_cursor_moves_by_datagrams_and_counts_what_is_left() {
        let mut batch = Batch::with_capacity(10_000);
        let path = Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
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
        let left = |cursor: Cursor| cursor.rest(&batch).map(|(_, left)| left[0].1);
        let train = batch.train(0).unwrap();
        let start = Cursor::default();
        assert_eq!(left(start), Some(3));
        let second = start.after(&train, 100);
        assert_eq!((second.offset, left(second)), (100, Some(2)));
        assert_eq!(second.after(&train, 150), start.next_train());
        assert_eq!(left(start.next_train()), Some(3));
        assert_eq!(left(start.next_train().next_train()), None);
    }

    #[test]
    fn giving_up_video_leaves_the_sound_that_rides_with_it() {
        let mut batch = Batch::with_capacity(10_000);
        let path = Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        let peer = PeerId(1);
        for (class, len) in [
            (Class::Video, 100),
            (Class::Video, 100),
            (Class::Audio, 50),
            (Class::Video, 100),
            (Class::Audio, 100),
        ] {
            assert!(batch.space().is_some());
            batch.commit(path, Tag { peer, class }, len);
        }
        let mut cursor = Cursor::default();
        let left = |cursor: Cursor| cursor.rest(&batch).map(|(_, left)| left);
        assert_eq!(left(cursor), Some([(Class::Video, 2), (Class::Audio, 1)]));
        cursor.skip_video(&batch);
        assert_eq!((cursor.train, cursor.offset), (0, 200));
        assert_eq!(left(cursor), Some([(Class::Video, 0), (Class::Audio, 1)]));
        let train = batch.train(0).unwrap();
        assert_eq!(cursor.past_given_up(&train), cursor);
        let second = cursor.after(&train, 50);
        assert_eq!(
            second.past_given_up(&batch.train(1).unwrap()),
            second.next_train()
        );
        let third = second.next_train();
        assert_eq!(third.past_given_up(&batch.train(2).unwrap()), third);
        assert_eq!(left(third), Some([(Class::Audio, 1), (Class::Audio, 0)]));
    }
}
