//! One direction of a network path.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use xrtc_rtp::{Bitrate, Time};

/// One direction of a network path, which carries packets of any type.
///
/// A packet goes through it in this order: the queue, which may be full; the wire with its rate, which may lose
/// it or double it; the delay with its jitter, which may let others overtake it.
#[derive(Debug)]
pub struct Link<T> {
    config: LinkConfig,
    rng: Rng,
    /// Whether a burst of losses is on.
    bursting: bool,
    /// When the wire has sent all that is queued.
    free_at: Time,
    /// The latest arrival of a packet that was not held back: jitter does not overtake it.
    last_arrival: Time,
    /// By arrival and then by the order of sending.
    under_way: BTreeMap<(Time, u64), T>,
    count: u64,
    counters: LinkCounters,
}

/// What a [`Link`] does to packets; the default is nothing at all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LinkConfig {
    /// The share of packets lost one by one, from 0 to 1.
    pub loss: f64,
    /// Losses in bursts, besides.
    pub burst: Option<Burst>,
    /// The share of packets that arrive twice, from 0 to 1.
    pub duplication: f64,
    /// How long each packet is under way, at least.
    pub delay: Duration,
    /// How much longer it may be, at random.
    pub jitter: Duration,
    /// Whether packets with less jitter overtake those with more. If not, the order is kept.
    pub overtaking: bool,
    /// The share of packets that are held back and overtaken, from 0 to 1.
    pub reordering: f64,
    /// How long they are held back. With zero nothing is reordered.
    pub reordering_delay: Duration,
    /// How much the wire carries; `None`: everything at once.
    pub rate: Option<Bitrate>,
    /// How long the queue in front of the wire may be, in time at its rate; what would wait longer is dropped.
    ///
    /// Without effect when there is no rate. With zero only a packet that finds the wire free gets through.
    pub queue: Duration,
}

/// Bursts of losses in Gilbert's model: a good state without losses of its own and a bad one, left at random.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// The probability, for each packet, that a burst begins.
    pub begin: f64,
    /// The probability, for each packet, that it ends: bursts last 1 / `end` packets on average.
    pub end: f64,
    /// The share of packets lost within a burst, from 0 to 1.
    pub loss: f64,
}

/// What became of the packets of a [`Link`].
///
/// `sent + duplicated` is `delivered + lost + overflowed` and those under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Handed to the link.
    pub sent: u64,
    /// Taken out of it.
    pub delivered: u64,
    /// Lost on the wire.
    pub lost: u64,
    /// Dropped because the queue was full.
    pub overflowed: u64,
    /// Added.
    pub duplicated: u64,
    /// Held back, so that others could overtake them.
    pub reordered: u64,
}

impl<T: Clone> Link<T> {
    /// A link on which nothing is under way.
    pub fn new(config: LinkConfig, seed: u64) -> Self {
        Self {
            config,
            rng: Rng::with_seed(seed),
            bursting: false,
            free_at: Time::ZERO,
            last_arrival: Time::ZERO,
            under_way: BTreeMap::new(),
            count: 0,
            counters: LinkCounters::default(),
        }
    }

    /// Changes what happens to packets that are sent from now on.
    pub const fn reconfigure(&mut self, config: LinkConfig) {
        self.config = config;
    }

    /// Draws from another seed from now on, whatever was drawn before.
    pub fn reseed(&mut self, seed: u64) {
        self.rng = Rng::with_seed(seed);
    }

    /// Puts a packet of `len` bytes, all headers included, on the link.
    pub fn send(&mut self, now: Time, len: usize, packet: T) {
        self.counters.sent += 1;
        let Some(sent_at) = self.pass_wire(now, len) else {
            self.counters.overflowed += 1;
            return;
        };
        if self.draw_loss() {
            self.counters.lost += 1;
            return;
        }
        if self.draw(self.config.duplication) {
            self.counters.duplicated += 1;
            self.put_under_way(sent_at, packet.clone());
        }
        self.put_under_way(sent_at, packet);
    }

    /// When the next packet arrives.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.under_way.first_key_value().map(|entry| entry.0.0)
    }

    /// Takes out the next packet that has arrived at `now`; call it until it is `None`.
    pub fn poll_deliver(&mut self, now: Time) -> Option<T> {
        let first = self
            .under_way
            .first_entry()
            .filter(|entry| entry.key().0 <= now)?;
        self.counters.delivered += 1;
        Some(first.remove())
    }

    /// How many packets are under way.
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// What became of the packets so far.
    pub const fn counters(&self) -> LinkCounters {
        self.counters
    }

    /// When the packet has left the queue and is on the wire with its last bit; `None` if the queue is full.
    fn pass_wire(&mut self, now: Time, len: usize) -> Option<Time> {
        let Some(Bitrate(rate)) = self.config.rate else {
            return Some(now);
        };
        if self.free_at.since(now) > self.config.queue {
            return None;
        }
        let nanos = (len as u64 * 8 * NANOS_PER_SECOND).checked_div(rate)?;
        self.free_at = self.free_at.max(now) + Duration::from_nanos(nanos);
        Some(self.free_at)
    }

    /// Every packet draws the same numbers whatever comes of it, so that a change of one share leaves the
    /// others' choices alone.
    fn draw_loss(&mut self) -> bool {
        let alone = self.draw(self.config.loss);
        let Some(burst) = self.config.burst else {
            return alone;
        };
        let turn = if self.bursting {
            burst.end
        } else {
            burst.begin
        };
        self.bursting ^= self.draw(turn);
        self.draw(burst.loss) && self.bursting || alone
    }

    fn put_under_way(&mut self, sent_at: Time, packet: T) {
        let jitter = self.config.jitter.mul_f64(self.rng.f64());
        let held_back = self.draw(self.config.reordering);
        let alone = sent_at + self.config.delay + jitter;
        let in_order = if self.config.overtaking {
            alone
        } else {
            alone.max(self.last_arrival)
        };
        let arrival = if held_back && !self.config.reordering_delay.is_zero() {
            self.counters.reordered += 1;
            in_order + self.config.reordering_delay
        } else {
            self.last_arrival = in_order.max(self.last_arrival);
            in_order
        };
        self.under_way.insert((arrival, self.count), packet);
        self.count += 1;
    }

    fn draw(&mut self, share: f64) -> bool {
        self.rng.f64() < share
    }
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;
