//! Handshake messages that came in pieces, made whole before the engine sees them (RFC 6347 §4.2.3).
//!
//! `dimpl` 0.9 puts pieces of DTLS 1.2 together only if none overlaps another. But a peer that lowers its MTU cuts its
//! retransmissions differently, and what is left of the first attempt then overlaps them. Only plain records are
//! looked into: what follows the key exchange is encrypted, and short.

use std::borrow::Cow;

use crate::limits::{MAX_PARTIAL_MESSAGE, MAX_PARTIAL_MESSAGES};
use crate::records::{Messages, Record, Records, number, plain_handshake, push_record};

/// The messages of which something is missing.
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    /// At most [`MAX_PARTIAL_MESSAGES`].
    partial: Vec<Partial>,
}

impl Reassembly {
    /// The datagram for the engine: as it came if it has no pieces, else with the pieces taken out and what they have
    /// completed put in. It may be empty.
    pub(crate) fn take<'a>(&mut self, datagram: &'a [u8]) -> Cow<'a, [u8]> {
        if !has_pieces(datagram) {
            return Cow::Borrowed(datagram);
        }
        let mut whole = Vec::with_capacity(datagram.len());
        for record in Records(datagram) {
            let Some(Record { header, messages }) = plain_handshake(record) else {
                whole.extend_from_slice(record);
                continue;
            };
            for message in Messages(messages) {
                match Piece::parse(message) {
                    Some(piece) => self.take_piece(header, &piece, &mut whole),
                    None => push_record(&mut whole, header, message),
                }
            }
        }
        Cow::Owned(whole)
    }

    fn take_piece(&mut self, header: &[u8; 11], piece: &Piece<'_>, whole: &mut Vec<u8>) {
        let known = self
            .partial
            .iter()
            .position(|partial| partial.start == *piece.start);
        let place = known.unwrap_or_else(|| {
            // The oldest gives way: it is the one whose flight is most likely over.
            if self.partial.len() >= MAX_PARTIAL_MESSAGES {
                self.partial.remove(0);
            }
            self.partial.push(Partial::new(piece));
            self.partial.len() - 1
        });
        let Some(partial) = self.partial.get_mut(place) else {
            return;
        };
        partial.add(piece);
        if partial.is_whole() {
            let message = self.partial.remove(place).into_message();
            push_record(whole, header, &message);
        }
    }
}

/// A message of which some bytes are here.
#[derive(Debug)]
struct Partial {
    /// Type, length and sequence number: the same in all its pieces.
    start: [u8; 6],
    body: Vec<u8>,
    /// What is here, in order and without touching each other.
    here: Vec<(usize, usize)>,
}

impl Partial {
    fn new(piece: &Piece<'_>) -> Self {
        Self {
            start: *piece.start,
            body: vec![0; piece.len],
            here: Vec::new(),
        }
    }

    /// What came last counts, so that a broken piece is mended by its repetition.
    fn add(&mut self, piece: &Piece<'_>) {
        let (mut from, mut to) = (piece.from, piece.from + piece.body.len());
        let Some(bytes) = self.body.get_mut(from..to) else {
            return;
        };
        bytes.copy_from_slice(piece.body);
        self.here.retain(|&(start, end)| {
            let apart = end < from || to < start;
            if !apart {
                from = from.min(start);
                to = to.max(end);
            }
            apart
        });
        let place = self.here.partition_point(|&(start, _)| start < from);
        self.here.insert(place, (from, to));
    }

    fn is_whole(&self) -> bool {
        self.here == [(0, self.body.len())]
    }

    /// With the header of a message in one piece.
    fn into_message(self) -> Vec<u8> {
        let [_, length @ .., _, _] = self.start;
        [&self.start[..], &[0; 3], &length, &self.body].concat()
    }
}

/// A part of a handshake message.
///
/// ```text
/// type(1) length(3) sequence(2) fragment offset(3) fragment length(3) fragment
/// ```
struct Piece<'a> {
    start: &'a [u8; 6],
    len: usize,
    from: usize,
    body: &'a [u8],
}

impl<'a> Piece<'a> {
    /// `None` for a whole message, and for what is too broken or too long to be put together here.
    fn parse(message: &'a [u8]) -> Option<Self> {
        let (header, body) = message.split_first_chunk::<12>()?;
        let (start, rest) = header.split_first_chunk::<6>()?;
        let (len, from) = (number(&start[1..4]), number(&rest[..3]));
        let is_part = !body.is_empty() && body.len() < len && from + body.len() <= len;
        (is_part && len <= MAX_PARTIAL_MESSAGE).then_some(Self {
            start,
            len,
            from,
            body,
        })
    }
}

fn has_pieces(datagram: &[u8]) -> bool {
    Records(datagram)
        .filter_map(plain_handshake)
        .flat_map(|record| Messages(record.messages))
        .any(|message| Piece::parse(message).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A datagram with one record with one piece of a message whose bytes count up.
    fn piece(sequence: u8, len: usize, from: usize, to: usize) -> Vec<u8> {
        let body: Vec<u8> = (from..to).map(|byte| byte as u8).collect();
        let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, from as u8];
        record.extend(((12 + body.len()) as u16).to_be_bytes());
        record.extend([
            1,
            0,
            (len >> 8) as u8,
            len as u8,
            0,
            sequence,
            0,
            (from >> 8) as u8,
            from as u8,
        ]);
        record.extend([0, (body.len() >> 8) as u8, body.len() as u8]);
        record.extend(body);
        record
    }

    #[test]
    fn whole_messages_and_other_records_pass_as_they_came() {
        let mut reassembly = Reassembly::default();
        let encrypted = [
            &piece(0, 50, 0, 20)[..3],
            &[0, 1],
            &piece(0, 50, 0, 20)[5..],
        ]
        .concat();
        for datagram in [
            piece(0, 50, 0, 50),
            encrypted,
            vec![23; 30],
            vec![0x2f; 30],
            vec![22; 5],
            vec![],
        ] {
            assert!(matches!(reassembly.take(&datagram), Cow::Borrowed(same) if same == datagram));
        }
    }

    #[test]
    fn the_last_piece_brings_the_message() {
        let mut reassembly = Reassembly::default();
        assert!(reassembly.take(&piece(0, 50, 0, 20)).is_empty());
        assert!(reassembly.take(&piece(0, 50, 35, 50)).is_empty());
        // Other messages of the flight wait beside it.
        assert!(reassembly.take(&piece(1, 50, 0, 49)).is_empty());
        let whole = reassembly.take(&piece(0, 50, 15, 40)).into_owned();
        let mut expected = piece(0, 50, 0, 50);
        expected[10] = 15;
        assert_eq!(whole, expected);
        // A repetition starts anew.
        assert!(reassembly.take(&piece(0, 50, 0, 20)).is_empty());
    }

    #[test]
    fn what_stands_beside_a_piece_stays() {
        let mut reassembly = Reassembly::default();
        let other = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0];
        let datagram = [&piece(3, 20, 0, 20)[..], &piece(4, 20, 0, 9), &other].concat();
        let left = [&piece(3, 20, 0, 20)[..], &other].concat();
        assert_eq!(reassembly.take(&datagram), left);
    }

    #[test]
    fn e70_the_number_of_partial_messages_is_limited() {
        let mut reassembly = Reassembly::default();
        for sequence in 0..=MAX_PARTIAL_MESSAGES as u8 {
            assert!(reassembly.take(&piece(sequence, 50, 0, 20)).is_empty());
        }
        // The first has given way.
        assert!(reassembly.take(&piece(0, 50, 20, 50)).is_empty());
        let last = MAX_PARTIAL_MESSAGES as u8;
        assert!(!reassembly.take(&piece(last, 50, 20, 50)).is_empty());
    }

    proptest! {
        #[test]
        fn any_pieces_that_cover_a_message_make_it_whole(
            len in 2usize..250,
            cuts in prop::collection::vec((any::<prop::sample::Index>(), 1usize..60), 1..60),
        ) {
            let mut reassembly = Reassembly::default();
            let mut here = vec![false; len];
            for (from, size) in cuts {
                let from = from.index(len);
                let to = (from + size).min(len);
                if to - from == len {
                    continue;
                }
                here[from..to].fill(true);
                let whole = reassembly.take(&piece(0, len, from, to)).into_owned();
                if here.iter().all(|here| *here) {
                    prop_assert_eq!(&whole[11..], &piece(0, len, 0, len)[11..]);
                    here.fill(false);
                } else {
                    prop_assert!(whole.is_empty());
                }
            }
        }

        #[test]
        fn arbitrary_datagrams_never_panic(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20),
            start in prop::sample::select(vec![vec![], piece(0, 90, 0, 20), piece(1, 90, 20, 50)]),
        ) {
            let mut reassembly = Reassembly::default();
            for mut datagram in datagrams {
                reassembly.take(&[&start[..], &datagram].concat());
                for (to, from) in datagram.iter_mut().zip(&start) {
                    if *to < 200 {
                        *to = *from;
                    }
                }
                reassembly.take(&datagram);
            }
        }
    }
}
