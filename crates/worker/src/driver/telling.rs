//! When the application is told of what happened, and how.

use std::sync::atomic::Ordering;
use std::time::Duration;

use xrtc_rtp::Time;
use xrtc_sfu::{Event, Sfu};

use super::{Driver, SHUTDOWN, Stopping};
use crate::WorkerEvent;

impl Driver {
    /// Each ring of the doorbell wakes the JavaScript thread: what nobody waits for goes with the next that presses, or
    /// after a while.
    pub(super) fn is_time_to_tell(&mut self, now: Time, sfu: &Sfu) -> bool {
        if !self.own_events.is_empty() || sfu.has_pressing_event() {
            return true;
        }
        sfu.has_event() && *self.tell_by.get_or_insert(now + LONGEST_NEWS_DELAY) <= now
    }

    pub(super) fn tell_application(&mut self, now: Time, sfu: &mut Sfu) {
        let mut told = false;
        while !self.ends.events.is_full() {
            let Some(event) = self
                .own_events
                .pop_front()
                .or_else(|| sfu.poll_event().map(WorkerEvent::Sfu))
            else {
                self.finish_telling(told);
                return;
            };
            if let WorkerEvent::Sfu(event) = &event {
                self.ledger.note_event(event);
                self.own.note_event(now, event);
                if matches!(event, Event::ShutDown { request: SHUTDOWN }) {
                    self.stopping = Stopping::Done;
                }
            }
            told |= self.ends.events.push(event).is_ok();
        }
        // Nothing is lost: it waits in the state machine, and whoever drains the ring wakes this worker.
        self.shared.counters.event_ring_full.add(1);
        self.shared.starved.store(true, Ordering::SeqCst);
        self.finish_telling(true);
    }

    fn finish_telling(&self, told: bool) {
        if told {
            self.shared
                .peers_over
                .store(self.ledger.peers_over(), Ordering::Relaxed);
            self.doorbell.ring();
        }
    }
}

/// How long the application may be left without news that it does not wait for.
const LONGEST_NEWS_DELAY: Duration = Duration::from_millis(20);
