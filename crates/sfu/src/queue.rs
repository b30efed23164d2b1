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
    /// The number of this stream's viewers changed.
    Viewers(StreamRef),
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct EventQueue(VecDeque<Queued>);

impl EventQueue {
    pub(crate) fn push(&mut self, event: Event) {
        self.0.push_back(Queued::Event(event));
    }

    /// Promises an event; the owner's flag says whether it is in the queue already.
    pub(crate) fn promise(&mut self, promise: Queued, queued: &mut bool) {
        if !std::mem::replace(queued, true) {
            self.0.push_back(promise);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Queued> {
        self.0.pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
