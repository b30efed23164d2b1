//! The connections of one worker's peers.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mio::{Interest, Registry, Token};
use rtrb::Consumer;
use slab::Slab;
use xrtc_rtp::Time;
use xrtc_sfu::{Batch, Class, Path, Sfu, Tag, Train};

use super::Handed;
use super::connection::{Connection, State};
use crate::counters::Counters;

/// The connections of one worker's peers: each has at least one authentic check behind it.
pub(crate) struct Connections {
    handed: Option<Consumer<Handed>>,
    connections: Slab<Connection>,
    /// Where each is; sorted.
    places: Vec<(Place, usize)>,
    /// Those that may be read or written, each once.
    ready: VecDeque<usize>,
    /// Those that are being closed, and until when; in that order.
    closing: VecDeque<(Time, usize)>,
    /// Broken ones, whose peers have not been told.
    broken: Vec<usize>,
    counters: Arc<Counters>,
    /// Room for one read; made with the first connection.
    buffer: Vec<u8>,
}

/// What tells connections apart.
type Place = (SocketAddr, SocketAddr);

impl Connections {
    /// Those that come from `handed`; without it there are none.
    pub(crate) fn new(handed: Option<Consumer<Handed>>, counters: Arc<Counters>) -> Self {
        Self {
            handed,
            connections: Slab::new(),
            places: Vec::new(),
            ready: VecDeque::new(),
            closing: VecDeque::new(),
            broken: Vec::new(),
            counters,
            buffer: Vec::new(),
        }
    }

    /// Whether [`Self::receive`] has something to do at once.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
            || !self.broken.is_empty()
            || self
                .handed
                .as_ref()
                .is_some_and(|handed| !handed.is_empty())
    }

    /// Whether [`Self::receive`] may have something to do: where nobody comes over TCP, a turn costs nothing.
    pub(crate) fn has_work(&self) -> bool {
        self.is_ready() || !self.closing.is_empty()
    }

    /// Whether there is no connection that the poller could tell of.
    pub(crate) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// When [`Self::receive`] is due, whatever comes.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.closing.front().map(|(until, _)| *until)
    }

    /// The poller says that something can be read or written.
    pub(crate) fn note_ready(&mut self, token: Token) {
        let key = token.0.wrapping_sub(Self::FIRST_TOKEN);
        if let Some(connection) = self.connections.get_mut(key)
            && !std::mem::replace(&mut connection.is_ready, true)
        {
            self.ready.push_back(key);
        }
    }

    /// Takes new connections, and what has come on the others. `false`: there was nothing.
    pub(crate) fn receive(&mut self, now: Time, registry: &Registry, sfu: &mut Sfu) -> bool {
        let mut any = false;
        while let Some(handed) = self.handed.as_mut().and_then(|handed| handed.pop().ok()) {
            any = true;
            self.take(now, registry, handed, sfu);
        }
        for _ in 0..self.ready.len() {
            let Some(key) = self.ready.pop_front() else {
                break;
            };
            any = true;
            self.serve(now, key, sfu);
        }
        self.end_closing(now);
        while let Some(key) = self.broken.pop() {
            any = true;
            if let Some(path) = self.remove(key) {
                sfu.handle_path_closed(now, path);
            }
        }
        any
    }

    fn take(&mut self, now: Time, registry: &Registry, handed: Handed, sfu: &mut Sfu) {
        let Handed {
            stream,
            path,
            mut first,
        } = handed;
        let mut connection = Connection::new(mio::net::TcpStream::from_std(stream), path);
        let counters = &self.counters;
        let whole = connection.deframer.push(&mut first, |frame| {
            counters.tcp_frames_received.add(1);
            sfu.handle_datagram(now, path, frame);
        });
        // The check may have been overheard, or its peer is over.
        if whole.is_err() || !sfu.has_path(&path) {
            sfu.handle_path_closed(now, path);
            self.counters.tcp_refused.add(1);
            return;
        }
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token = Token(Self::FIRST_TOKEN + key);
        if registry
            .register(&mut connection.stream, token, interest)
            .is_err()
        {
            sfu.handle_path_closed(now, path);
            return;
        }
        entry.insert(connection);
        self.note_change();
        self.note_ready(Token(Self::FIRST_TOKEN + key));
    }

    /// Writes what waits and reads once: whoever sends much waits for the others' turns.
    fn serve(&mut self, now: Time, key: usize, sfu: &mut Sfu) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        connection.is_ready = false;
        connection.flush();
        self.buffer.resize(READ_BYTES, 0);
        let read = connection.read(&mut self.buffer);
        if let Some(len) = read {
            connection.is_ready = true;
            self.ready.push_back(key);
            self.counters.bytes_received.add(len as u64);
            if connection.state == State::Open {
                let (path, counters) = (connection.path, &self.counters);
                let bytes = self.buffer.get_mut(..len).unwrap_or_default();
                let whole = connection.deframer.push(bytes, |frame| {
                    counters.tcp_frames_received.add(1);
                    sfu.handle_datagram(now, path, frame);
                });
                if whole.is_err() {
                    counters.tcp_frames_too_long.add(1);
                    connection.state = State::Broken;
                }
            }
        }
        if connection.state == State::Broken {
            self.broken.push(key);
        }
    }

    /// Sends what the batch has for connections. What one of them has no room for is dropped, and told.
    pub(crate) fn send(&mut self, now: Time, batch: &Batch, mut dropped: impl FnMut(Tag, usize)) {
        if self.connections.is_empty() {
            return;
        }
        let mut trains = batch
            .trains()
            .filter(|train| !train.path.is_datagrams())
            .peekable();
        while let Some(first) = trains.peek().copied() {
            let path = first.path;
            // A viewer's trains stand side by side.
            let run = std::iter::from_fn(|| trains.next_if(|train| train.path == path));
            let frames = run.flat_map(frames);
            let Some(key) = self.find(&path) else {
                // It has been closed in this turn.
                frames.for_each(drop);
                continue;
            };
            let Some(connection) = self.connections.get_mut(key) else {
                frames.for_each(drop);
                continue;
            };
            let was_broken = connection.state == State::Broken;
            let mut lost = [0; 3];
            let outcome = connection.send(now, frames, |class| lost[class as usize] += 1);
            self.counters.tcp_frames_sent.add(outcome.frames as u64);
            self.counters.bytes_sent.add(outcome.bytes as u64);
            for class in [Class::Video, Class::Audio, Class::Control] {
                let lost = lost[class as usize];
                if lost > 0 {
                    self.counters.tcp_frames_dropped.add(lost as u64);
                    dropped(Tag { class, ..first.tag }, lost);
                }
            }
            if connection.state == State::Broken && !was_broken {
                self.broken.push(key);
            }
        }
    }

    /// Closes what the state machine needs no more. To be called when all that it had to send has been written.
    pub(crate) fn release(&mut self, now: Time, sfu: &mut Sfu) {
        while let Some(path) = sfu.poll_released_path() {
            let Some(key) = self.find(&path) else {
                continue;
            };
            if let Some(connection) = self.connections.get_mut(key) {
                let until = now + LINGER;
                connection.begin_closing(until);
                self.closing.push_back((until, key));
            }
        }
    }

    /// Forgets everything, for a new state machine.
    pub(crate) fn clear(&mut self) {
        self.connections.clear();
        self.ready.clear();
        self.closing.clear();
        self.broken.clear();
        self.note_change();
    }

    fn end_closing(&mut self, now: Time) {
        while let Some((_, key)) = self
            .closing
            .front()
            .copied()
            .filter(|(until, _)| *until <= now)
        {
            self.closing.pop_front();
            // Its place may be another's by now.
            let state = self.connections.get(key).map(|connection| connection.state);
            if matches!(state, Some(State::Closing(until)) if until <= now) {
                self.remove(key);
            }
        }
    }

    fn remove(&mut self, key: usize) -> Option<Path> {
        let connection = self.connections.try_remove(key)?;
        self.ready.retain(|other| *other != key);
        self.note_change();
        Some(connection.path)
    }

    fn find(&self, path: &Path) -> Option<usize> {
        let wanted = (path.remote, path.local);
        let found = self
            .places
            .binary_search_by_key(&wanted, |(place, _)| *place);
        self.places.get(found.ok()?).map(|(_, key)| *key)
    }

    fn note_change(&mut self) {
        self.places.clear();
        let connections = self.connections.iter();
        self.places.extend(connections.map(|(key, connection)| {
            let path = connection.path;
            ((path.remote, path.local), key)
        }));
        self.places.sort_unstable();
        self.counters
            .tcp_connections
            .set(self.connections.len() as u64);
    }

    /// The poller's names for connections begin here.
    pub(crate) const FIRST_TOKEN: usize = 1 << 30;
}

/// The datagrams of a train, and what each carries.
fn frames<'a>(train: Train<'a>) -> impl Iterator<Item = (Class, &'a [u8])> {
    let last = train.len().saturating_sub(1);
    let datagrams = train.datagrams().enumerate();
    datagrams.map(move |(place, datagram)| {
        let class = if place == last {
            train.last
        } else {
            train.tag.class
        };
        (class, datagram)
    })
}

/// What one read takes.
const READ_BYTES: usize = 16 << 10;
/// How long a connection that nobody needs may take for the rest of what it has.
const LINGER: Duration = Duration::from_secs(2);
