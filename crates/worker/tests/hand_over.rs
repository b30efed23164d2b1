//! Every order in which threads can hand something to a worker that is about to sleep, by a model checker: nothing is
//! left lying while it sleeps, and what is handed over as a reference is released once.
//!
//! The rings themselves are `rtrb`'s; here they are what they promise: what was written before the push is seen after
//! the pop.

/// What `slumber.rs` finds under this name in the crate is the standard library's.
mod sync {
    pub(crate) use loom::sync::atomic;
}

#[path = "../src/slumber.rs"]
mod slumber;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex, Notify};
use loom::thread;

use slumber::Slumber;

/// A worker as the others see it.
struct Worker {
    slumber: Slumber,
    /// Its poller's waker: rings add up to one.
    waker: Notify,
    /// A ring's end for each that writes to it: how many items it has pushed.
    pushed: [AtomicUsize; WRITERS],
    /// System calls that woke it.
    rung: AtomicUsize,
}

const WRITERS: usize = 2;

impl Worker {
    fn new() -> Self {
        Self {
            slumber: Slumber::default(),
            waker: Notify::new(),
            pushed: [AtomicUsize::new(0), AtomicUsize::new(0)],
            rung: AtomicUsize::new(0),
        }
    }

    fn push(&self, writer: usize) {
        self.pushed[writer].fetch_add(1, Ordering::Release);
        if self.slumber.must_be_woken() {
            self.rung.fetch_add(1, Ordering::Relaxed);
            self.waker.notify();
        }
    }

    fn there(&self) -> usize {
        let counts = self.pushed.iter();
        counts.map(|count| count.load(Ordering::Acquire)).sum()
    }

    /// Takes what there is and sleeps until it has had `all` (a sleep without end would be found as a deadlock). Says how
    /// often it lay down.
    fn run(&self, all: usize) -> usize {
        let (mut taken, mut lain_down) = (self.there(), 0);
        while taken < all {
            self.slumber.lie_down();
            lain_down += 1;
            if self.there() == taken {
                self.waker.wait();
            }
            self.slumber.get_up();
            taken = self.there();
        }
        lain_down
    }
}

/// All orders with up to so many switches at other points than a thread's own waiting: two are enough for a lost wake-up.
fn model(scene: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(scene);
}

fn writers(worker: &Arc<Worker>) -> Vec<thread::JoinHandle<()>> {
    (0..WRITERS)
        .map(|writer| {
            let worker = Arc::clone(worker);
            thread::spawn(move || worker.push(writer))
        })
        .collect()
}

#[test]
fn nothing_is_left_lying_while_the_worker_sleeps() {
    model(|| {
        let worker = Arc::new(Worker::new());
        let writers = writers(&worker);
        worker.run(WRITERS);
        for writer in writers {
            writer.join().unwrap();
        }
    });
}

#[test]
fn a_worker_is_woken_once_for_each_time_that_it_lies_down() {
    model(|| {
        let worker = Arc::new(Worker::new());
        let writers = writers(&worker);
        let lain_down = worker.run(WRITERS);
        for writer in writers {
            writer.join().unwrap();
        }
        assert!(worker.rung.load(Ordering::Relaxed) <= lain_down);
    });
}

/// A packet that crosses to another worker: the home keeps its own reference in the cache and may forget it at any time.
#[test]
fn a_packet_that_both_workers_have_is_released_once_and_by_the_last() {
    model(|| {
        let released = Arc::new(AtomicUsize::new(0));
        let packet = Arc::new(Packet {
            bytes: 7,
            released: Arc::clone(&released),
        });
        let ring = Arc::new(Mutex::new(Vec::new()));
        let worker = Arc::new(Worker::new());
        let mirror = {
            let (ring, worker) = (Arc::clone(&ring), Arc::clone(&worker));
            thread::spawn(move || {
                worker.run(1);
                let packet: Arc<Packet> = ring.lock().unwrap().pop().unwrap();
                assert_eq!(packet.bytes, 7);
                assert_eq!(packet.released.load(Ordering::Relaxed), 0);
            })
        };
        ring.lock().unwrap().push(Arc::clone(&packet));
        worker.push(0);
        drop(packet);
        mirror.join().unwrap();
        assert_eq!(released.load(Ordering::Relaxed), 1);
    });
}

struct Packet {
    bytes: u8,
    released: Arc<AtomicUsize>,
}

impl Drop for Packet {
    fn drop(&mut self) {
        self.released.fetch_add(1, Ordering::Relaxed);
    }
}
