//! Events on their way to the application. What a peer can repeat at will stands in the queue once at most, and is
//! filled in when it is taken: so the queue is bounded by what the worker holds and was commanded.

use std::collections::VecDeque;

use crate::streams::StreamRef;
use crate::{Event, PeerId};

/// An event, or the promise of one.
#[derive(Debug)]
pub(crate) enum Queued {
    Event(Event),
    /// The states of this peer changed.
    PeerState(PeerId),
    /// The publisher, the state or the tracks of this stream changed.
    StreamChanged(StreamRef),
}

impl Queued {
    /// States are news that nobody waits for, and may change again at once.
    fn is_pressing(&self) -> bool {
        !matches!(self, Self::PeerState(_))
    }
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    queue: VecDeque<Queued>,
    pressing: usize,
}

impl EventQueue {
    pub(crate) fn push(&mut self, event: Event) {
        self.put(Queued::Event(event));
    }

    /// Promises an event; the owner's flag says whether it is in the queue already.
    pub(crate) fn promise(&mut self, promise: Queued, queued: &mut bool) {
        if !std::mem::replace(queued, true) {
            self.put(promise);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Queued> {
        let next = self.queue.pop_front()?;
        self.pressing -= usize::from(next.is_pressing());
        Some(next)
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn has_pressing(&self) -> bool {
        self.pressing > 0
    }

    fn put(&mut self, queued: Queued) {
        self.pressing += usize::from(queued.is_pressing());
        self.queue.push_back(queued);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RequestId;

    #[test]
    fn states_do_not_press_and_replies_do_until_they_are_taken() {
        let mut events = EventQueue::default();
        events.promise(Queued::PeerState(PeerId(1)), &mut false);
        assert!(!events.has_pressing());
        let (request, peer) = (RequestId(1), PeerId(1));
        events.push(Event::Accepted { request, peer });
        assert!(events.has_pressing());
        assert!(matches!(events.pop(), Some(Queued::PeerState(_))));
        assert!(events.has_pressing());
        assert!(events.pop().is_some());
        assert!(!events.has_pressing());
    }
}
