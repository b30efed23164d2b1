//! What workers say to each other, and the queues towards them. Opaque to the driver: it moves messages, in order,
//! and nothing else.

use std::collections::VecDeque;
use std::sync::Arc;

use xrtc_forward::{LayerId, RelayItem, TrackId};
use xrtc_rtp::Time;
use xrtc_sdp::LiveTrack;

use crate::limits::RELAY_RETRY;
use crate::streams::StreamRef;
use crate::{Ended, Path, StreamName};

/// A message from one worker to another. `Send`, cheap to move, never copied by the driver.
#[derive(Debug)]
pub struct RelayMessage(pub(crate) Message);

/// A mirror on the worker that made it.
pub(crate) type MirrorKey = StreamRef;

#[derive(Debug)]
pub(crate) enum Message {
    /// The sender has (re)started and knows nothing: forget what it held, tell it about your streams.
    Hello,
    /// To all: a stream that has its home at the sender can be watched, with these tracks.
    StreamUp {
        stream: StreamName,
        live: Arc<[LiveTrack]>,
    },
    /// To all: nobody publishes it for now. Its viewers wait.
    StreamWaiting { stream: StreamName },
    /// To all: the stream is over, and so are its viewers.
    StreamDown {
        stream: StreamName,
        reason: Ended,
        detail: String,
    },
    /// To the home: the sender has viewers of this stream and wants its packets.
    Join {
        stream: StreamName,
        mirror: MirrorKey,
    },
    /// To the home: not any more.
    Leave {
        stream: StreamName,
        mirror: MirrorKey,
    },
    /// To the home: they need a key frame.
    KeyFrame {
        stream: StreamName,
        track: TrackId,
        layer: LayerId,
    },
    /// To the receiver of a peer's datagrams: what comes on this path is nobody's here any more.
    DetourEnd { path: Path },
    /// To a mirror: a packet, or what belongs to one.
    Media {
        mirror: MirrorKey,
        home: StreamRef,
        item: RelayItem,
    },
}

/// The messages that wait for one other worker.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Everything that must arrive, in order.
    control: VecDeque<Message>,
    /// Its queue was full: when to try again.
    blocked_until: Option<Time>,
}

impl Outbox {
    /// Keeps a message that must arrive. `false`: there are too many already.
    pub(crate) fn push(&mut self, message: Message, limit: usize) -> bool {
        let has_room = self.control.len() < limit;
        if has_room {
            self.control.push_back(message);
        }
        has_room
    }

    /// Takes back a message that found the queue full; it stays the first.
    pub(crate) fn push_back_first(&mut self, message: Message, now: Time) {
        self.control.push_front(message);
        self.blocked_until = Some(now + RELAY_RETRY);
    }

    /// Nothing is tried for a millisecond.
    pub(crate) fn block(&mut self, now: Time) {
        self.blocked_until = Some(now + RELAY_RETRY);
    }

    pub(crate) fn is_blocked(&self, now: Time) -> bool {
        self.blocked_until.is_some_and(|until| now < until)
    }

    /// The next message, unless the worker's queue was full just now.
    pub(crate) fn pop(&mut self, now: Time) -> Option<Message> {
        if self.is_blocked(now) {
            return None;
        }
        self.control.pop_front()
    }

    /// When to try again.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.blocked_until.filter(|_| !self.control.is_empty())
    }

    /// Whether packets would overtake what waits.
    pub(crate) fn holds_up(&self, now: Time) -> bool {
        !self.control.is_empty() || self.is_blocked(now)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn len(&self) -> usize {
        self.control.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_message_stays_the_first_and_is_tried_again_a_millisecond_later() {
        let mut outbox = Outbox::default();
        let stream = StreamName::parse("a").unwrap();
        assert!(outbox.push(Message::Hello, 2));
        assert!(outbox.push(Message::StreamWaiting { stream }, 2));
        assert!(!outbox.push(Message::Hello, 2));
        let first = outbox.pop(Time::ZERO).unwrap();
        outbox.push_back_first(first, Time::ZERO);
        assert!(outbox.pop(Time::ZERO).is_none());
        assert_eq!(outbox.deadline(), Some(Time::ZERO + RELAY_RETRY));
        assert!(matches!(
            outbox.pop(Time::from_millis(1)),
            Some(Message::Hello)
        ));
        assert!(matches!(
            outbox.pop(Time::from_millis(1)),
            Some(Message::StreamWaiting { .. })
        ));
        assert_eq!((outbox.len(), outbox.deadline()), (0, None));
    }
}
