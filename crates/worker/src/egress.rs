//! From the state machine's send slab to the sockets, with patience for a socket that takes no more.

use std::time::Duration;

use xrtc_rtp::Time;
use xrtc_sfu::{Batch, Class, Sfu};

use crate::udp::{Cursor, Outgoing, SendBuffer, Sent, Socket};

/// What is on its way out. While a socket takes no more, nothing new is taken from the state machine: what waits
/// there is sent from its caches later, in order, and what waits here is at most one slab.
pub(crate) struct Egress {
    batch: Batch,
    /// How far each socket has come, by its number.
    cursors: [Cursor; MAX_SOCKETS],
    /// Since when a socket has taken no more.
    blocked: Option<Time>,
    buffer: SendBuffer,
}

impl Egress {
    pub(crate) fn new() -> Self {
        Self {
            batch: Batch::with_capacity(SLAB_BYTES),
            cursors: [Cursor::default(); MAX_SOCKETS],
            blocked: None,
            buffer: SendBuffer::new(),
        }
    }

    /// Sends everything that the state machine has, or as much as the sockets take.
    pub(crate) fn transmit(&mut self, now: Time, sfu: &mut Sfu, sockets: &mut [Socket]) {
        loop {
            if !self.flush(now, sfu, sockets) {
                return;
            }
            let more = sfu.poll_transmit(now, &mut self.batch);
            if self.batch.is_empty() {
                return;
            }
            if !more {
                self.flush(now, sfu, sockets);
                return;
            }
        }
    }

    /// Whether a socket must become writable before there is anything to do.
    pub(crate) const fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// When patience with a blocked socket ends.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.blocked.map(|since| since + PATIENCE)
    }

    /// Forgets everything, for a new state machine.
    pub(crate) fn clear(&mut self) {
        self.batch.clear();
        self.cursors = [Cursor::default(); MAX_SOCKETS];
        self.blocked = None;
    }

    /// Sends the rest of the slab. `false`: not all of it.
    fn flush(&mut self, now: Time, sfu: &mut Sfu, sockets: &mut [Socket]) -> bool {
        if self.batch.is_empty() {
            return true;
        }
        let all = self.send(now, sockets);
        match self.blocked {
            _ if all => self.clear(),
            None => self.blocked = Some(now),
            Some(since) if now < since + PATIENCE => {}
            Some(_) => self.give_up(now, sfu, sockets),
        }
        self.batch.is_empty()
    }

    fn send(&mut self, now: Time, sockets: &mut [Socket]) -> bool {
        let out = Outgoing {
            batch: &self.batch,
            now,
        };
        let mut all = true;
        for (socket, cursor) in sockets.iter_mut().zip(&mut self.cursors) {
            all &= socket.send(&out, cursor, &mut self.buffer) == Sent::All;
        }
        all
    }

    /// Drops the video that is left, which is most of it and what a key frame repairs. If even the rest does not go,
    /// everything is dropped.
    fn give_up(&mut self, now: Time, sfu: &mut Sfu, sockets: &mut [Socket]) {
        self.drop_rest(now, sfu, sockets, |class| class == Class::Video);
        for cursor in &mut self.cursors {
            cursor.skip_video(&self.batch);
        }
        if !self.send(now, sockets) {
            self.drop_rest(now, sfu, sockets, |class| class != Class::Video);
        }
        self.clear();
    }

    fn drop_rest(
        &self,
        now: Time,
        sfu: &mut Sfu,
        sockets: &[Socket],
        drops: impl Fn(Class) -> bool,
    ) {
        for (socket, cursor) in sockets.iter().zip(&self.cursors) {
            let mut at = *cursor;
            while let Some((train, left)) = at.rest(&self.batch) {
                if socket.carries(&train.path) && drops(train.tag.class) {
                    socket.count_dropped(left);
                    sfu.transmit_dropped(now, train.tag, left);
                }
                at = at.next_train();
            }
        }
    }
}

/// How long what a socket does not take is kept.
const PATIENCE: Duration = Duration::from_millis(50);
/// Small enough to stay in the cache between sealing and the system call; about 200 full datagrams.
const SLAB_BYTES: usize = 256 * 1024;
/// One for each address family.
pub(crate) const MAX_SOCKETS: usize = 2;
