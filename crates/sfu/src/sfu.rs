//! The state machine itself.

use std::collections::VecDeque;
use xrtc_rtp::Time;

use crate::{Batch, Command, Event, Path, Refused, RelayMessage, SfuConfig, Tag, WorkerId};

/// One worker's state machine.
#[derive(Debug)]
pub struct Sfu {
    config: SfuConfig,
    events: VecDeque<Event>,
}

impl Sfu {
    /// A worker without peers. All randomness grows from `seed` (but DTLS's own, which the crypto library draws):
    /// outside of simulations it must come from the operating system.
    pub fn new(config: SfuConfig, seed: [u8; 32], now: Time) -> Self {
        let _ = (seed, now);
        Self {
            config,
            events: VecDeque::new(),
        }
    }

    /// Does what the application asks. What it cannot do is told by an event.
    pub fn handle_command(&mut self, now: Time, command: Command) {
        let _ = (now, self.config.worker);
        if let Some(request) = command.request() {
            self.events.push_back(Event::Refused {
                request,
                refused: Refused::ServerClosed,
            });
        }
    }

    /// Takes one received datagram and may write into it (decryption in place). Never fails: what cannot be used is
    /// counted.
    pub fn handle_datagram(&mut self, now: Time, path: Path, datagram: &mut [u8]) {
        let _ = (now, path, datagram);
    }

    /// Takes a message of another worker.
    pub fn handle_relay(&mut self, now: Time, from: WorkerId, message: RelayMessage) {
        let _ = (now, from, message);
    }

    /// To be called when the time of [`Sfu::poll_timeout`] has come; earlier and later calls do no harm.
    pub fn handle_timeout(&mut self, now: Time) {
        let _ = now;
    }

    /// Writes what is to be sent into `batch`. `true`: the batch is full and there is more.
    ///
    /// To be called after every batch of input, until it gives `false`.
    pub fn poll_transmit(&mut self, now: Time, batch: &mut Batch) -> bool {
        let _ = (now, batch);
        false
    }

    /// The driver could not send `datagrams` of this tag and gave them up: a viewer that lost video gets a key frame.
    pub fn transmit_dropped(&mut self, now: Time, tag: Tag, datagrams: usize) {
        let _ = (now, tag, datagrams);
    }

    /// The next message for another worker, until `None`.
    pub fn poll_relay(&mut self, now: Time) -> Option<(WorkerId, RelayMessage)> {
        let _ = now;
        None
    }

    /// Takes a message back because the queue to that worker is full. Control messages are kept and come again from
    /// [`Sfu::poll_relay`] a millisecond later (see [`Sfu::poll_timeout`]); a stream's packets are dropped to its
    /// next key frame, and counted.
    pub fn relay_refused(&mut self, now: Time, to: WorkerId, message: RelayMessage) {
        let _ = (now, to, message);
    }

    /// The next event, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Sfu::handle_timeout`] wants to be called; `None`: never, unless something arrives.
    pub fn poll_timeout(&self) -> Option<Time> {
        None
    }
}
