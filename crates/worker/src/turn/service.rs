//! The loop of the TURN server's thread: what comes by any socket, and what is due.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::{Events, Interest, Poll, Registry, Token};
use slab::Slab;
use xrtc_rtp::Time;
use xrtc_sfu::{Batch, Class, Path, PeerId, Tag};
use xrtc_turn::{AllocationId, Client, Frame, Output, TurnServer, frame};

use super::connection::{Connection, Reading};
use super::figures::{Figures, OwnFigures};
use super::listen::{Acceptor, Listeners};
use super::relays::Relays;
use crate::clock::Clock;
use crate::udp::{Cursor, Outgoing, ReceiveBuffer, SendBuffer, Socket};

/// Everything that the thread has.
pub(super) struct Service {
    pub(super) clock: Clock,
    poll: Poll,
    events: Events,
    listeners: Vec<Socket>,
    acceptors: Vec<Acceptor>,
    /// What may have something to receive or to accept, each once; by the poller's names.
    ready: VecDeque<usize>,
    received: ReceiveBuffer,
    scratch: Box<[u8]>,
    desk: Desk,
    buffer: SendBuffer,
    figures: Arc<Figures>,
    stop: Arc<AtomicBool>,
    swept: Time,
    bounds: Bounds,
}

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) connections: usize,
    pub(super) connections_per_address: usize,
}

/// What a message passes through, from wherever it came.
struct Desk {
    server: TurnServer,
    relays: Relays,
    connections: Slab<Connection>,
    /// How many connections each address has.
    addresses: HashMap<IpAddr, usize>,
    /// What goes to clients by UDP.
    batch: Batch,
    registry: Registry,
    own: OwnFigures,
}

/// What a service is made of.
pub(super) struct Parts {
    pub(super) clock: Clock,
    pub(super) poll: Poll,
    pub(super) listeners: Listeners,
    pub(super) relays: Relays,
    pub(super) figures: Arc<Figures>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) bounds: Bounds,
}

impl Parts {
    /// Lets the poller watch the listeners.
    pub(super) fn watch(&mut self) -> io::Result<Registry> {
        let registry = self.poll.registry();
        for (number, socket) in self.listeners.udp.iter_mut().enumerate() {
            registry.register(socket.source(), Token(number), Interest::READABLE)?;
        }
        for (number, acceptor) in self.listeners.tcp.iter_mut().enumerate() {
            let token = Token(ACCEPT_TOKENS + number);
            registry.register(&mut acceptor.listener, token, Interest::READABLE)?;
        }
        registry.try_clone()
    }
}

impl Service {
    /// To be called on the service's thread: the buffers stay there.
    pub(super) fn new(parts: Parts, registry: Registry, server: TurnServer) -> Self {
        let desk = Desk {
            server,
            relays: parts.relays,
            connections: Slab::new(),
            addresses: HashMap::new(),
            batch: Batch::with_capacity(SLAB_BYTES),
            registry,
            own: OwnFigures::default(),
        };
        Self {
            clock: parts.clock,
            poll: parts.poll,
            events: Events::with_capacity(256),
            listeners: parts.listeners.udp,
            acceptors: parts.listeners.tcp,
            ready: VecDeque::new(),
            received: ReceiveBuffer::new(),
            scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
            desk,
            buffer: SendBuffer::new(),
            figures: parts.figures,
            stop: parts.stop,
            swept: Time::ZERO,
            bounds: parts.bounds,
        }
    }

    /// Serves until it is told to stop.
    pub(super) fn run(&mut self) {
        self.publish();
        while !self.stop.load(Ordering::Acquire) {
            self.sleep();
            for _ in 0..self.ready.len() {
                let Some(token) = self.ready.pop_front() else {
                    break;
                };
                if self.serve(token) {
                    self.ready.push_back(token);
                }
                self.send();
            }
            let now = self.clock.now();
            if now.since(self.swept) >= SWEEP {
                self.swept = now;
                self.desk.sweep(now);
                self.send();
            }
            self.publish();
        }
    }

    /// A bug was met: all allocations and connections are lost, and `server` takes over.
    pub(super) fn recover(&mut self, server: TurnServer) {
        self.desk.server = server;
        self.desk.relays.clear();
        self.desk.connections.clear();
        self.desk.addresses.clear();
        self.desk.batch.clear();
        self.desk.own.restarts += 1;
        self.ready.clear();
        self.ready.extend(0..self.listeners.len());
        let accepting = ACCEPT_TOKENS..ACCEPT_TOKENS + self.acceptors.len();
        self.ready.extend(accepting);
    }

    fn sleep(&mut self) {
        let timeout = if self.ready.is_empty() {
            SWEEP
        } else {
            Duration::ZERO
        };
        // Interrupted: it is looked again at once.
        let _ = self.poll.poll(&mut self.events, Some(timeout));
        for event in &self.events {
            let Token(token) = event.token();
            if token >= CONNECTION_TOKENS {
                let index = token - CONNECTION_TOKENS;
                if event.is_writable() {
                    self.desk.flush(index);
                }
                let connection = self.desk.connections.get_mut(index);
                if connection.is_none_or(|one| std::mem::replace(&mut one.is_ready, true)) {
                    continue;
                }
            } else if token == ALARM_TOKEN || self.ready.contains(&token) {
                continue;
            }
            self.ready.push_back(token);
        }
    }

    /// Takes one batch from a socket. `true`: there may be more.
    fn serve(&mut self, token: usize) -> bool {
        let now = self.clock.now();
        if token >= CONNECTION_TOKENS {
            return self
                .desk
                .read(now, token - CONNECTION_TOKENS, &mut self.scratch);
        }
        if token >= RELAY_TOKENS {
            let index = token - RELAY_TOKENS;
            let more = self.desk.relays.receive(index, &mut self.received);
            let desk = &mut self.desk;
            self.received.for_each(|path, datagram| {
                desk.relayed(now, AllocationId(index), path.remote, datagram);
            });
            return more;
        }
        if token >= ACCEPT_TOKENS {
            let acceptor = self.acceptors.get(token - ACCEPT_TOKENS);
            return acceptor.is_some_and(|acceptor| self.desk.accept(now, acceptor, self.bounds));
        }
        let Some(socket) = self.listeners.get_mut(token) else {
            return false;
        };
        let more = socket.receive(&mut self.received);
        let desk = &mut self.desk;
        self.received.for_each(|path, datagram| {
            desk.message(now, Client { path, link: token }, datagram);
        });
        desk.close_released();
        more
    }

    /// Sends what goes to clients by UDP; what a socket does not take is dropped.
    fn send(&mut self) {
        let batch = &self.desk.batch;
        if batch.is_empty() {
            return;
        }
        let now = self.clock.now();
        for socket in &mut self.listeners {
            let mut cursor = Cursor::default();
            let out = Outgoing { batch, now };
            socket.send(&out, &mut cursor, &mut self.buffer);
            let dropped = &mut self.desk.own.send_dropped;
            socket.drop_rest(batch, cursor, |_| true, |_, left| *dropped += left as u64);
        }
        self.desk.batch.clear();
    }

    fn publish(&mut self) {
        let own = &mut self.desk.own;
        own.connections = self.desk.connections.len() as u64;
        let sockets = self.listeners.len() + self.acceptors.len() + self.desk.relays.count();
        own.sockets = sockets as u64 + own.connections;
        self.figures.publish(&self.desk.server.counters(), own);
    }
}

impl Desk {
    /// A message of a client.
    fn message(&mut self, now: Time, client: Client, message: &[u8]) {
        let mut out = [0; REPLY_BYTES];
        let output = self.server.handle_datagram(now, client, message, &mut out);
        if output.is_some() && client.link >= CONNECTION_TOKENS {
            self.acknowledge(client);
        }
        match output {
            None => {}
            Some(Output::Reply { len }) => self.reply(client, out.get(..len)),
            Some(Output::ToPeer {
                allocation,
                peer,
                data,
            }) => {
                let data = message.get(data).unwrap_or_default();
                self.relays.send(allocation, peer, data);
            }
            Some(Output::Open(opening)) => {
                let opened = self.relays.open(opening.is_ipv6(), opening.wants_even());
                let (socket, relayed) = opened.unzip();
                let (id, len) = self.server.opened(now, *opening, relayed, &mut out);
                if let (Some(id), Some(socket)) = (id, socket) {
                    self.relays.insert(id, socket, &self.registry);
                }
                self.reply(client, len.and_then(|len| out.get(..len)));
            }
        }
    }

    /// A message on this connection meant something.
    fn acknowledge(&mut self, client: Client) {
        let connection = self.connections.get_mut(client.link - CONNECTION_TOKENS);
        if let Some(connection) = connection {
            connection.is_known = true;
        }
    }

    fn reply(&mut self, client: Client, message: Option<&[u8]>) {
        let message = message.unwrap_or_default();
        if client.link >= CONNECTION_TOKENS {
            return self.push(client, message);
        }
        let space = self
            .batch
            .space()
            .and_then(|space| space.get_mut(..message.len()));
        if let Some(space) = space {
            space.copy_from_slice(message);
            self.batch.commit(client.path, tag(client), message.len());
        } else {
            self.own.send_dropped += 1;
        }
    }

    /// A datagram of a peer.
    fn relayed(&mut self, now: Time, id: AllocationId, peer: SocketAddr, datagram: &[u8]) {
        let Some(space) = self.batch.space() else {
            self.own.send_dropped += 1;
            return;
        };
        let peer = self.relays.outside(id, peer);
        let Some((client, len)) = self.server.handle_relayed(now, (id, peer), datagram, space)
        else {
            return;
        };
        if client.link < CONNECTION_TOKENS {
            self.batch.commit(client.path, tag(client), len);
            return;
        }
        let index = client.link - CONNECTION_TOKENS;
        let message = space.get(..len).unwrap_or_default();
        let taken = self.connections.get_mut(index).map(|one| one.push(message));
        self.own.send_dropped += u64::from(taken == Some(false));
        self.flush(index);
    }

    fn push(&mut self, client: Client, message: &[u8]) {
        let index = client.link - CONNECTION_TOKENS;
        let taken = self.connections.get_mut(index).map(|one| one.push(message));
        self.own.send_dropped += u64::from(taken == Some(false));
        self.flush(index);
    }

    fn flush(&mut self, index: usize) {
        if self
            .connections
            .get_mut(index)
            .is_some_and(|one| !one.flush())
        {
            self.close(index);
        }
    }

    /// Accepts one connection. `true`: there may be more.
    fn accept(&mut self, now: Time, acceptor: &Acceptor, bounds: Bounds) -> bool {
        let (stream, remote) = match acceptor.listener.accept() {
            Ok(accepted) => accepted,
            // One that is gone already says nothing about the next; without descriptors there is nothing to accept by.
            Err(error) => return error.kind() == io::ErrorKind::ConnectionAborted,
        };
        let local = stream.local_addr().unwrap_or(acceptor.local);
        let of_address = self.addresses.get(&remote.ip()).copied().unwrap_or(0);
        let full = self.connections.len() >= bounds.connections
            || of_address >= bounds.connections_per_address;
        let tls = acceptor.tls.as_ref().map(|tls| tls.accept());
        let Ok(tls) = tls.transpose() else {
            return true;
        };
        if full {
            self.own.connections_refused += 1;
            return true;
        }
        // A message is not to wait for the next one.
        let _ = stream.set_nodelay(true);
        let entry = self.connections.vacant_entry();
        let link = CONNECTION_TOKENS + entry.key();
        let path = Path::tcp(local, remote);
        let connection = Connection::new(stream, tls, Client { path, link }, now);
        let connection = entry.insert(connection);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let watched = self
            .registry
            .register(&mut connection.stream, Token(link), interest);
        *self.addresses.entry(remote.ip()).or_insert(0) += 1;
        if watched.is_err() {
            self.close(link - CONNECTION_TOKENS);
        }
        true
    }

    /// Reads once from a connection and does what came. `true`: there may be more.
    fn read(&mut self, now: Time, index: usize, scratch: &mut [u8]) -> bool {
        let Some(connection) = self.connections.get_mut(index) else {
            return false;
        };
        let reading = connection.read(scratch);
        connection.is_ready = reading == Reading::More;
        let client = connection.client;
        let mut input = std::mem::take(&mut connection.input);
        let mut done = 0;
        let over = loop {
            match frame(input.get(done..).unwrap_or_default()) {
                Frame::Whole { len, taken } => {
                    let message = input.get(done..done + len).unwrap_or_default();
                    self.message(now, client, message);
                    done += taken;
                }
                Frame::Incomplete => break false,
                Frame::Broken => {
                    self.own.connections_broken += 1;
                    break true;
                }
            }
        };
        input.drain(..done);
        if let Some(connection) = self.connections.get_mut(index) {
            connection.input = input;
        }
        if over || reading == Reading::Over {
            self.close(index);
        } else {
            // What TLS has to say itself.
            self.flush(index);
        }
        self.close_released();
        reading == Reading::More && self.connections.contains(index)
    }

    /// Closes a connection, and its allocation.
    fn close(&mut self, index: usize) {
        let Some(mut connection) = self.connections.try_remove(index) else {
            return;
        };
        connection.end();
        let _ = self.registry.deregister(&mut connection.stream);
        let ip = connection.client.path.remote.ip();
        if let Some(count) = self.addresses.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&ip);
            }
        }
        self.server.handle_closed(connection.client);
        self.close_released();
    }

    /// Closes the sockets of allocations that are over. Their clients may begin anew on their connections, within the
    /// time that a new connection has.
    fn close_released(&mut self) {
        while let Some((id, _)) = self.server.poll_released() {
            self.relays.remove(id, &self.registry);
        }
    }

    /// Ends what is over, and connections that nobody uses.
    fn sweep(&mut self, now: Time) {
        self.server.handle_timeout(now);
        self.close_released();
        let mut idle = Vec::new();
        for (index, connection) in &mut self.connections {
            if self.server.has_allocation(&connection.client) {
                connection.used = now;
            } else if now.since(connection.used) >= connection.patience() {
                idle.push(index);
            }
        }
        for index in idle {
            self.own.connections_broken += 1;
            self.close(index);
        }
    }
}

/// Datagrams to one client may go together.
const fn tag(client: Client) -> Tag {
    Tag {
        peer: PeerId(client.link as u64),
        class: Class::Control,
    }
}

/// The poller's names: the listeners have the first numbers.
pub(super) const ALARM_TOKEN: usize = usize::MAX;
const ACCEPT_TOKENS: usize = 16;
pub(super) const RELAY_TOKENS: usize = 1 << 20;
const CONNECTION_TOKENS: usize = 1 << 28;
/// The longest answer has an error, a realm and a nonce, or two addresses.
const REPLY_BYTES: usize = 256;
/// What one receive batch brings, with headers.
const SLAB_BYTES: usize = 2 << 20;
const SCRATCH_BYTES: usize = 16_384;
/// How often it is looked for what is over.
const SWEEP: Duration = Duration::from_secs(1);
