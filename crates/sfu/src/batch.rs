//! The send slab: datagrams side by side, ready to leave in trains.

use crate::{Path, PeerId};

/// Datagrams to send, written one after the other into one slab. Neighbours of equal size on one path are merged
/// into trains that one system call with a segment size (UDP_SEGMENT) can send.
#[derive(Debug)]
pub struct Batch {
    slab: Vec<u8>,
    used: usize,
    trains: Vec<TrainSpan>,
    datagrams: usize,
}

/// Up to [`Batch::MAX_TRAIN`] datagrams on one path: all of `segment_size` bytes but the last, which may be shorter.
/// Sound may ride at the end of video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Train<'a> {
    /// Where it goes.
    pub path: Path,
    /// Whose it is and what it carries.
    pub tag: Tag,
    /// The datagrams, side by side.
    pub bytes: &'a [u8],
    /// The size of each datagram but the last.
    pub segment_size: usize,
    /// What the last datagram carries: what the tag says, or sound behind video.
    pub last: Class,
}

impl<'a> Train<'a> {
    /// Where the last datagram begins.
    pub fn last_at(&self) -> usize {
        self.len().saturating_sub(1) * self.segment_size
    }

    /// The datagrams one by one, where the system cannot send trains.
    pub fn datagrams(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.bytes.chunks(self.segment_size.max(1))
    }

    /// How many datagrams it has.
    pub fn len(&self) -> usize {
        self.bytes.len().div_ceil(self.segment_size.max(1))
    }

    /// Never: a train has at least one datagram.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// What a datagram is, so that a driver that cannot send now knows what to drop first and whom to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Whose datagram.
    pub peer: PeerId,
    /// What it carries.
    pub class: Class,
}

/// What a datagram carries, in the order in which they may be dropped: video first, control last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// RTP of a video track, resends included.
    Video,
    /// RTP of an audio track.
    Audio,
    /// STUN, DTLS and RTCP.
    Control,
}

impl Batch {
    /// The most datagrams in one train.
    pub const MAX_TRAIN: usize = 8;
    /// The largest datagram: [`Batch::space`] gives this much room, or none.
    pub const MAX_DATAGRAM: usize = 1_500;

    /// A batch with a slab of `bytes` (at least one datagram); the only allocation it makes besides its list of
    /// trains, which grows to its size once.
    pub fn with_capacity(bytes: usize) -> Self {
        let bytes = bytes.max(Self::MAX_DATAGRAM);
        Self {
            slab: vec![0; bytes],
            used: 0,
            trains: Vec::with_capacity(bytes / 256),
            datagrams: 0,
        }
    }

    /// Room for one datagram of up to [`Batch::MAX_DATAGRAM`] bytes, or `None` when the batch is full.
    pub fn space(&mut self) -> Option<&mut [u8]> {
        self.slab.get_mut(self.used..self.used + Self::MAX_DATAGRAM)
    }

    /// Takes the first `len` bytes of [`Batch::space`] as one datagram. Nothing is taken for a length of zero or
    /// beyond the room.
    pub fn commit(&mut self, path: Path, tag: Tag, len: usize) {
        if len == 0 || len > Self::MAX_DATAGRAM || self.used + len > self.slab.len() {
            return;
        }
        let start = self.used;
        self.used += len;
        self.datagrams += 1;
        match self.trains.last_mut() {
            Some(train) if train.takes(path, tag, len) => train.grow(tag.class, len),
            _ => self.trains.push(TrainSpan::new(path, tag, start, len)),
        }
    }

    /// The trains in the order in which they were written.
    pub fn trains(&self) -> impl ExactSizeIterator<Item = Train<'_>> {
        self.trains.iter().map(|span| self.view(span))
    }

    /// The train of that number, for sending in several goes.
    pub fn train(&self, index: usize) -> Option<Train<'_>> {
        self.trains.get(index).map(|span| self.view(span))
    }

    fn view(&self, span: &TrainSpan) -> Train<'_> {
        Train {
            path: span.path,
            tag: span.tag,
            bytes: self.slab.get(span.start..span.end).unwrap_or_default(),
            segment_size: span.segment_size,
            last: span.last,
        }
    }

    /// How many datagrams there are.
    pub fn datagrams(&self) -> usize {
        self.datagrams
    }

    /// How many bytes there are.
    pub fn bytes(&self) -> usize {
        self.used
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.datagrams == 0
    }

    /// Forgets everything; keeps the memory.
    pub fn clear(&mut self) {
        self.used = 0;
        self.datagrams = 0;
        self.trains.clear();
    }
}

#[derive(Clone, Copy, Debug)]
struct TrainSpan {
    path: Path,
    tag: Tag,
    start: usize,
    end: usize,
    segment_size: usize,
    datagrams: usize,
    last: Class,
}

impl TrainSpan {
    const fn new(path: Path, tag: Tag, start: usize, len: usize) -> Self {
        Self {
            path,
            tag,
            start,
            end: start + len,
            segment_size: len,
            datagrams: 1,
            last: tag.class,
        }
    }

    /// A shorter datagram ends a train: the kernel cuts at every `segment_size` bytes.
    fn takes(&self, path: Path, tag: Tag, len: usize) -> bool {
        self.tag.peer == tag.peer
            && (self.tag.class == tag.class && len <= self.segment_size
                || self.tag.class == Class::Video
                    && tag.class == Class::Audio
                    && len < self.segment_size)
            && self.path == path
            && self.datagrams < Batch::MAX_TRAIN
            && self.end - self.start == self.segment_size * self.datagrams
    }

    const fn grow(&mut self, class: Class, len: usize) {
        self.last = class;
        self.end += len;
        self.datagrams += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path::udp(([127, 0, 0, 1], 8800).into(), ([127, 0, 0, 1], port).into())
    }

    const VIDEO: Tag = Tag {
        peer: PeerId(1),
        class: Class::Video,
    };
    const AUDIO: Tag = Tag {
        peer: PeerId(1),
        class: Class::Audio,
    };

    fn shapes(sizes: &[(u16, Tag, usize)]) -> Vec<Vec<usize>> {
        let mut batch = Batch::with_capacity(64 * 1024);
        for &(port, tag, len) in sizes {
            batch.space().unwrap()[0] = port as u8;
            batch.commit(path(port), tag, len);
        }
        batch
            .trains()
            .map(|train| train.datagrams().map(<[u8]>::len).collect())
            .collect()
    }

    #[test]
    fn equal_neighbours_become_a_train_that_a_shorter_one_ends() {
        assert_eq!(
            shapes(&[
                (1, VIDEO, 1200),
                (1, VIDEO, 1200),
                (1, VIDEO, 300),
                (1, VIDEO, 300),
                (1, VIDEO, 1200)
            ]),
            [vec![1200, 1200, 300], vec![300], vec![1200]]
        );
    }

    #[test]
    fn another_path_or_class_begins_another_train() {
        assert_eq!(
            shapes(&[
                (1, VIDEO, 100),
                (2, VIDEO, 100),
                (2, AUDIO, 100),
                (2, AUDIO, 100)
            ]),
            [vec![100], vec![100], vec![100, 100]]
        );
    }

    #[test]
    fn sound_rides_at_the_end_of_video_if_it_is_shorter() {
        assert_eq!(
            shapes(&[
                (1, VIDEO, 1200),
                (1, VIDEO, 1200),
                (1, AUDIO, 100),
                (1, VIDEO, 100),
                (1, AUDIO, 100),
                (2, AUDIO, 100),
                (2, VIDEO, 90)
            ]),
            [
                vec![1200, 1200, 100],
                vec![100],
                vec![100],
                vec![100],
                vec![90]
            ]
        );
        let mut batch = Batch::with_capacity(8_000);
        for (tag, len) in [(VIDEO, 1_000), (VIDEO, 1_000), (AUDIO, 90)] {
            assert!(batch.space().is_some());
            batch.commit(path(1), tag, len);
        }
        let train = batch.train(0).unwrap();
        assert_eq!(
            (train.tag, train.last, train.last_at()),
            (VIDEO, Class::Audio, 2_000)
        );
    }

    #[test]
    fn a_train_has_at_most_eight_datagrams() {
        let shapes = shapes(&[(1, VIDEO, 1200); 17]);
        assert_eq!(shapes.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 1]);
    }

    #[test]
    fn a_full_batch_gives_no_space_until_it_is_cleared() {
        let mut batch = Batch::with_capacity(2 * Batch::MAX_DATAGRAM + 10);
        for _ in 0..2 {
            assert_eq!(
                batch.space().map(|space| space.len()),
                Some(Batch::MAX_DATAGRAM)
            );
            batch.commit(path(1), VIDEO, Batch::MAX_DATAGRAM);
        }
        assert!(batch.space().is_none());
        batch.clear();
        assert!(batch.is_empty() && batch.space().is_some());
    }

    #[test]
    fn the_bytes_of_a_train_are_what_was_written() {
        let mut batch = Batch::with_capacity(8_000);
        for byte in 1..=3 {
            batch.space().unwrap()[..4].fill(byte);
            batch.commit(path(1), AUDIO, 4);
        }
        let train = batch.trains().next().unwrap();
        assert_eq!(train.bytes, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
        assert_eq!((train.len(), batch.datagrams(), batch.bytes()), (3, 3, 12));
    }
}
