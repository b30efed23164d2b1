//! What passes between threads: rings with one writer and one reader, and how a sleeper learns of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rtrb::{Consumer, Producer, RingBuffer};
use xrtc_sfu::{Command, RelayMessage};

use crate::WorkerEvent;
use crate::counters::Counters;
use crate::detour::{DetourReceiver, DetourSender, detour};
use crate::slumber::Slumber;

/// What others may touch of a worker while it runs. Everything else is its own.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) alarm: Alarm,
    pub(crate) counters: Arc<Counters>,
    /// The worker is to shut down.
    pub(crate) stop: AtomicBool,
    /// Events wait in the worker because their ring is full: who makes room wakes it.
    pub(crate) starved: AtomicBool,
    /// Peers that were opened on this worker and are over.
    pub(crate) peers_over: AtomicU64,
    /// A test wants the worker to panic.
    #[cfg(test)]
    pub(crate) bug: AtomicBool,
}

impl Shared {
    pub(crate) fn new(alarm: Alarm, counters: Arc<Counters>) -> Self {
        Self {
            alarm,
            counters,
            stop: AtomicBool::new(false),
            starved: AtomicBool::new(false),
            peers_over: AtomicU64::new(0),
            #[cfg(test)]
            bug: AtomicBool::new(false),
        }
    }

    #[cfg(test)]
    pub(crate) fn meet_the_bug_of_a_test(&self) {
        if self.bug.swap(false, Ordering::AcqRel) {
            panic!("a bug that a test asked for");
        }
    }
}

/// Wakes a worker, but only out of its sleep: a system call for each message would cost more than the message.
#[derive(Debug)]
pub(crate) struct Alarm {
    slumber: Slumber,
    waker: mio::Waker,
}

impl Alarm {
    pub(crate) fn new(waker: mio::Waker) -> Self {
        Self {
            slumber: Slumber::default(),
            waker,
        }
    }

    /// To be called after something was put where the worker looks before it sleeps.
    pub(crate) fn wake(&self) {
        if self.slumber.must_be_woken() {
            // It can only fail when the worker's poller is gone, and the worker with it.
            let _ = self.waker.wake();
        }
    }

    /// The worker is about to sleep: it must look at everything once more after this call, and then sleep or
    /// [get up](Self::get_up).
    pub(crate) fn lie_down(&self) {
        self.slumber.lie_down();
    }

    pub(crate) fn get_up(&self) {
        self.slumber.get_up();
    }
}

/// Tells the application that there is something to drain: once, until it drains.
pub(crate) struct Doorbell {
    rung: AtomicBool,
    ring: Box<dyn Fn() + Send + Sync>,
}

impl Doorbell {
    pub(crate) fn new(ring: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            rung: AtomicBool::new(false),
            ring: Box::new(ring),
        }
    }

    /// To be called after an event was put in its ring.
    pub(crate) fn ring(&self) {
        // If the bell has been rung, then `answer` is yet to come, and its swap reads ours and sees the event.
        if !self.rung.swap(true, Ordering::AcqRel) {
            (self.ring)();
        }
    }

    /// To be called before the rings are drained: what is put there from now on rings again.
    pub(crate) fn answer(&self) {
        self.rung.swap(false, Ordering::AcqRel);
    }
}

/// Wakes the workers whose bits are set: there are at most 64.
pub(crate) fn wake(everyone: &Everyone, told: u64) {
    for (number, other) in everyone.iter().enumerate() {
        if told & (1 << (number & 63)) != 0 {
            other.alarm.wake();
        }
    }
}

/// A worker's ends of its queues.
pub(crate) struct WorkerEnds {
    pub(crate) commands: Consumer<Command>,
    pub(crate) events: Producer<WorkerEvent>,
    /// From the other workers, by their number; none from itself.
    pub(crate) relays_in: Vec<Option<Consumer<RelayMessage>>>,
    /// To the other workers, by their number; none to itself.
    pub(crate) relays_out: Vec<Option<Producer<RelayMessage>>>,
    /// What the other workers receive for it, by their number; none where each has a port of its own.
    pub(crate) detours_in: Vec<Option<DetourReceiver>>,
    /// What it receives for the other workers.
    pub(crate) detours_out: Vec<Option<DetourSender>>,
}

/// The application's ends of one worker's queues.
pub(crate) struct ServerEnds {
    pub(crate) commands: Producer<Command>,
    pub(crate) events: Consumer<WorkerEvent>,
}

/// The queues of `workers` workers: two with the application each, and one in each direction between any two; two
/// where they share a port.
pub(crate) fn connect(
    workers: usize,
    relay_slots: usize,
    share_port: bool,
) -> Vec<(ServerEnds, WorkerEnds)> {
    let mut ends: Vec<_> = (0..workers).map(|_| with_application(workers)).collect();
    // Slots are touched only when they are used, but a ring goes round and will have used them all some day.
    let slots = relay_slots
        .min(RELAY_SLOTS_OF_A_WORKER / workers.max(1))
        .max(1);
    let detour_bytes = (DETOUR_BYTES_OF_A_WORKER / workers.max(1)).max(LEAST_DETOUR_BYTES);
    for from in 0..workers {
        for to in (0..workers).filter(|to| *to != from) {
            let (producer, consumer) = RingBuffer::new(slots);
            let (detour_sender, detour_receiver) = share_port.then(|| detour(detour_bytes)).unzip();
            if let Some((_, sender)) = ends.get_mut(from) {
                sender.relays_out[to] = Some(producer);
                sender.detours_out[to] = detour_sender;
            }
            if let Some((_, receiver)) = ends.get_mut(to) {
                receiver.relays_in[from] = Some(consumer);
                receiver.detours_in[from] = detour_receiver;
            }
        }
    }
    ends
}

fn with_application(workers: usize) -> (ServerEnds, WorkerEnds) {
    let (command_sender, commands) = RingBuffer::new(COMMAND_SLOTS);
    let (events, event_receiver) = RingBuffer::new(EVENT_SLOTS);
    let worker = WorkerEnds {
        commands,
        events,
        relays_in: (0..workers).map(|_| None).collect(),
        relays_out: (0..workers).map(|_| None).collect(),
        detours_in: (0..workers).map(|_| None).collect(),
        detours_out: (0..workers).map(|_| None).collect(),
    };
    (
        ServerEnds {
            commands: command_sender,
            events: event_receiver,
        },
        worker,
    )
}

/// The alarms of all workers, by their number.
pub(crate) type Everyone = Arc<[Arc<Shared>]>;

/// Commands that wait for one worker before the application is told that it is busy.
const COMMAND_SLOTS: usize = 4_096;
/// Events that wait for the application before they wait in the state machine.
const EVENT_SLOTS: usize = 4_096;
/// Messages that can wait in all rings towards one worker.
const RELAY_SLOTS_OF_A_WORKER: usize = 65_536;
/// Bytes of datagrams that can wait in all detours towards one worker: as much as its receive buffer takes.
const DETOUR_BYTES_OF_A_WORKER: usize = 4 << 20;
/// The key frame of one publisher.
const LEAST_DETOUR_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_doorbell_rings_once_until_it_is_answered() {
        let rings = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&rings);
        let bell = Doorbell::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        bell.ring();
        bell.ring();
        assert_eq!(rings.load(Ordering::Relaxed), 1);
        bell.answer();
        bell.ring();
        assert_eq!(rings.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn only_a_sleeper_is_woken() {
        let mut poll = mio::Poll::new().unwrap();
        let alarm = Alarm::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap());
        let mut events = mio::Events::with_capacity(4);
        alarm.wake();
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(events.is_empty());
        alarm.lie_down();
        alarm.wake();
        alarm.wake();
        poll.poll(&mut events, None).unwrap();
        assert_eq!(events.iter().count(), 1);
    }

    #[test]
    fn every_worker_has_a_ring_to_every_other_and_none_to_itself() {
        let ends = connect(3, 8, true);
        for (worker, (_, ends)) in ends.iter().enumerate() {
            for other in 0..3 {
                assert_eq!(ends.relays_in[other].is_some(), other != worker);
                assert_eq!(ends.relays_out[other].is_some(), other != worker);
                assert_eq!(ends.detours_in[other].is_some(), other != worker);
                assert_eq!(ends.detours_out[other].is_some(), other != worker);
            }
        }
    }
}
