//! Sockets that one peer has alone: those of the peers to which we send checks.
//!
//! Another server has one address for all that it does, so two of our peers there could not be told apart on a shared
//! socket. A peer's sockets are opened with its command and closed with it.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;

use mio::{Interest, Registry, Token};
use slab::Slab;
use xrtc_rtp::Time;
use xrtc_sfu::{
    Batch, Candidate, Class, Command, Event, OwnAddresses, Path, PeerId, RequestId, Tag, TurnAccess,
};
use xrtc_turn::PortSet;

use crate::allocations::Allocations;
use crate::counters::Counters;
use crate::entropy;
use crate::gathering::{Gathering, not_asked, own_addresses};
use crate::interface::{InterfaceFilter, local_addresses};
use crate::udp::{Cursor, Outgoing, ReceiveBuffer, SendBuffer, Sent, Share, Socket};
use crate::{Announced, Backend, ServerConfig};

/// The sockets of one worker's peers that have their own.
#[derive(Debug)]
pub(crate) struct OwnSockets {
    /// What to bind, as for the worker's own sockets but on a free port.
    families: Vec<IpAddr>,
    announce: Vec<Announced>,
    interfaces: InterfaceFilter,
    backend: Backend,
    counters: Arc<Counters>,
    /// Where they stand for the TURN server, whose clients may reach them.
    ports: Arc<PortSet>,
    gathering: Gathering,
    /// What they have at TURN servers.
    allocations: Allocations,
    sockets: Slab<OwnSocket>,
    /// Where each is, by family and port; sorted.
    places: Vec<(Place, usize)>,
    /// Those that may have something to receive, each once.
    ready: VecDeque<usize>,
}

#[derive(Debug)]
struct OwnSocket {
    socket: Socket,
    peer: PeerId,
    /// The command that opened it.
    request: RequestId,
    /// How far it has come in the batch.
    cursor: Cursor,
    /// And in what goes by way of TURN servers.
    relayed_cursor: Cursor,
    is_ready: bool,
    /// The batch has something for it.
    is_due: bool,
    /// Its peer is gone, but not yet what it has at TURN servers.
    is_leaving: bool,
}

/// What tells the sockets of a worker apart: the family and the port.
pub(crate) type Place = (bool, u16);

impl OwnSockets {
    pub(crate) fn new(config: &ServerConfig, counters: Arc<Counters>, ports: Arc<PortSet>) -> Self {
        let ipv4 = config.ipv4.map(IpAddr::from);
        Self {
            families: ipv4
                .into_iter()
                .chain(config.ipv6.map(IpAddr::from))
                .collect(),
            announce: config.announce.clone(),
            interfaces: config.interfaces.clone(),
            backend: config.backend,
            allocations: Allocations::new(Arc::clone(&counters)),
            counters,
            ports,
            gathering: Gathering::default(),
            sockets: Slab::new(),
            places: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// Opens the sockets that a command asks for and writes their addresses into it. Where the system gives none the
    /// command stays without, and is refused. `None`: STUN and TURN servers are asked first, and [`Self::release`] gives
    /// it back.
    pub(crate) fn furnish(
        &mut self,
        now: Time,
        registry: &Registry,
        mut command: Command,
    ) -> Option<Command> {
        let (request, peer) = match &command {
            Command::Push { request, peer, .. } | Command::Pull { request, peer, .. } => {
                (*request, *peer)
            }
            _ => return Some(command),
        };
        let Some(addresses) = own_addresses(&mut command) else {
            return Some(command);
        };
        let mut gather = std::mem::take(&mut addresses.gather);
        let turn = std::mem::take(&mut gather.turn);
        let mut opened = self.open(registry, request, peer);
        if gather.relay_only {
            opened.bases.clear();
            opened.candidates.clear();
        }
        *addresses = OwnAddresses { gather, ..opened };
        // Without randomness nobody is asked: a guessed transaction could be answered by a stranger.
        let Some(seed) = seed().filter(|_| self.gathering.has_room()) else {
            let busy = turn.iter().take(MAX_TURN_SERVERS).map(not_asked);
            addresses.errors.extend(busy);
            return Some(command);
        };
        let sockets = self.sockets.iter().filter(|(_, own)| own.peer == peer);
        let locals: Vec<SocketAddr> = sockets.map(|(_, own)| own.socket.local()).collect();
        let open = self.allocate(now, peer, (&locals, &turn));
        let ready = self
            .gathering
            .begin(now, (peer, command), (&locals, seed, open));
        self.ask(now);
        ready
    }

    /// Asks each TURN server from the socket of its family; says how many.
    fn allocate(
        &mut self,
        now: Time,
        peer: PeerId,
        (locals, turn): (&[SocketAddr], &[TurnAccess]),
    ) -> usize {
        let mut open = 0;
        for access in turn.iter().take(MAX_TURN_SERVERS) {
            let mut locals = locals.iter();
            let local = locals.find(|local| local.is_ipv4() == access.address.is_ipv4());
            if let (Some(local), Some(seed)) = (local, seed()) {
                let opened = self.allocations.open(now, peer, (*local, access), seed);
                open += usize::from(opened);
            }
        }
        open
    }

    /// Sends what is due to STUN and TURN servers.
    pub(crate) fn ask(&mut self, now: Time) {
        let (sockets, places) = (&self.sockets, &self.places);
        let send = |local: SocketAddr, datagram: &[u8], server: SocketAddr| {
            let found = places.binary_search_by_key(&place(local), |(place, _)| *place);
            let key = found.ok().and_then(|index| places.get(index));
            if let Some(own) = key.and_then(|(_, key)| sockets.get(*key)) {
                own.socket.send_alone(datagram, server);
            }
        };
        let gathering = &mut self.gathering;
        self.allocations
            .ask(now, send, |peer| gathering.settle(peer));
        if self.sockets.iter().any(|(_, own)| own.is_leaving) {
            self.close_left();
        }
        let mut out = [0; 64];
        while let Some(transmit) = self.gathering.poll_transmit(now, &mut out) {
            let wanted = place(transmit.path.local);
            let mut sockets = self.sockets.iter();
            let own = sockets.find(|(_, own)| place(own.socket.local()) == wanted);
            if let (Some((_, own)), Some(datagram)) = (own, out.get(..transmit.len)) {
                own.socket.send_alone(datagram, transmit.path.remote);
            }
        }
    }

    /// A command that has what it waited for.
    pub(crate) fn release(&mut self, now: Time) -> Option<Command> {
        let released = self.gathering.release(now)?;
        Some(self.hand_over(now, released))
    }

    /// The command that opens this peer (or any), if it waits still; it waits no longer.
    pub(crate) fn release_now(&mut self, now: Time, peer: Option<PeerId>) -> Option<Command> {
        let released = self.gathering.release_now(peer)?;
        Some(self.hand_over(now, released))
    }

    fn hand_over(&mut self, now: Time, (peer, mut command): (PeerId, Command)) -> Command {
        if let Some(addresses) = own_addresses(&mut command) {
            self.allocations.furnish(now, peer, addresses);
        }
        command
    }

    /// What a datagram is for the state machine: on which path it came, and which part of it. Nothing: it was for a
    /// question to a STUN or TURN server.
    pub(crate) fn sort(
        &mut self,
        now: Time,
        path: Path,
        datagram: &[u8],
    ) -> Option<(Path, Range<usize>)> {
        if !self.allocations.is_empty()
            && let Some(unwrapped) = self.allocations.unwrap(now, path, datagram)
        {
            return unwrapped;
        }
        let is_response = self.gathering.handle_datagram(path, datagram);
        (!is_response).then_some((path, 0..datagram.len()))
    }

    /// When [`Self::ask`] or [`Self::release`] has something.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let times = [
            self.gathering.poll_timeout(),
            self.allocations.poll_timeout(),
        ];
        times.into_iter().flatten().min()
    }

    /// What the application has to hear of.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.allocations.poll_event()
    }

    fn open(&mut self, registry: &Registry, request: RequestId, peer: PeerId) -> OwnAddresses {
        let mut addresses = OwnAddresses::default();
        let mut offered = Vec::new();
        let machine = local_addresses(&self.interfaces);
        for ip in self.families.clone() {
            let counters = Arc::clone(&self.counters);
            let bound = Socket::bind(SocketAddr::new(ip, 0), Share::Alone, self.backend, counters);
            // IPv6 may be missing on this machine; a peer without any socket is refused.
            let Ok(mut socket) = bound else { continue };
            let entry = self.sockets.vacant_entry();
            let token = Token(FIRST_TOKEN + entry.key());
            if registry
                .register(socket.source(), token, Interest::READABLE)
                .is_err()
            {
                continue;
            }
            add_addresses((&mut addresses.bases, &mut offered), &socket, &machine);
            entry.insert(OwnSocket {
                socket,
                peer,
                request,
                cursor: Cursor::default(),
                relayed_cursor: Cursor::default(),
                is_ready: false,
                is_due: false,
                is_leaving: false,
            });
        }
        let announced = self.announce.iter().filter(|one| one.port.is_none());
        let announced = announced.filter_map(|one| {
            let mut bases = addresses.bases.iter();
            let base = bases.find(|base| base.is_ipv4() == one.ip.is_ipv4())?;
            Some(SocketAddr::new(one.ip, base.port()))
        });
        let preferences = (0..=u16::MAX).rev();
        addresses.candidates = announced
            .chain(offered)
            .zip(preferences)
            .map(|(address, preference)| Candidate::host(address, preference))
            .collect();
        self.note_change();
        addresses
    }

    /// Closes the sockets of a peer that is over or was refused; those with allocations once these are given back.
    pub(crate) fn note_event(&mut self, now: Time, event: &Event) {
        if self.sockets.is_empty() {
            return;
        }
        let is_gone = |own: &OwnSocket| match event {
            Event::PeerClosed { peer, .. } => own.peer == *peer,
            Event::Refused { request, .. } => own.request == *request,
            _ => false,
        };
        let mut gone = None;
        for (_, own) in self.sockets.iter_mut().filter(|(_, own)| is_gone(own)) {
            own.is_leaving = true;
            gone = Some(own.peer);
        }
        if let Some(gone) = gone {
            self.allocations.leave(now, |peer| peer == gone);
            self.close_left();
            self.ask(now);
        }
    }

    fn close_left(&mut self) {
        let allocations = &self.allocations;
        self.sockets
            .retain(|_, own| !own.is_leaving || allocations.needs(own.socket.local()));
        self.note_change();
    }

    /// Closes all: their peers are gone.
    pub(crate) fn clear(&mut self, now: Time) {
        self.gathering.clear();
        self.allocations.leave(now, |_| true);
        self.ask(now);
        self.allocations.clear();
        self.sockets.clear();
        self.ready.clear();
        self.note_change();
    }

    fn note_change(&mut self) {
        for ((_, port), _) in &self.places {
            self.ports.remove(*port);
        }
        let places = self.sockets.iter();
        self.places = places
            .map(|(key, own)| (place(own.socket.local()), key))
            .collect();
        self.places.sort_unstable();
        for ((_, port), _) in &self.places {
            self.ports.insert(*port);
        }
        self.counters.own_sockets.set(self.sockets.len() as u64);
    }

    /// The poller says that there is something to receive.
    pub(crate) fn note_ready(&mut self, token: Token) {
        let Some(key) = token.0.checked_sub(FIRST_TOKEN) else {
            return;
        };
        if let Some(own) = self.sockets.get_mut(key)
            && !std::mem::replace(&mut own.is_ready, true)
        {
            self.ready.push_back(key);
        }
    }

    /// Whether no peer has a socket of its own.
    pub(crate) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// How many may have something to receive.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Receives one batch from the next of them into the free `buffer`.
    pub(crate) fn receive(&mut self, buffer: &mut ReceiveBuffer) {
        let Some(key) = self.ready.pop_front() else {
            return;
        };
        let Some(own) = self.sockets.get_mut(key) else {
            return;
        };
        own.is_ready = own.socket.receive(buffer);
        if own.is_ready {
            self.ready.push_back(key);
        }
    }

    /// Sends what the batch has for them. `false`: not all of it.
    pub(crate) fn send(&mut self, out: &Outgoing<'_>, buffer: &mut SendBuffer) -> bool {
        if self.places.is_empty() {
            return true;
        }
        if !self.allocations.is_empty() {
            self.allocations.wrap(out);
            // Permissions go before what needs them.
            self.ask(out.now);
        }
        let wrapped = self.allocations.wrapped();
        let trains = out.batch.trains();
        // A pass over the batch for each of hundreds of sockets would cost more than sending it.
        for train in trains.chain(wrapped.into_iter().flat_map(Batch::trains)) {
            let wanted = place(train.path.local);
            let found = self
                .places
                .binary_search_by_key(&wanted, |(place, _)| *place);
            let key = found.ok().and_then(|index| self.places.get(index));
            if let Some(own) = key.and_then(|(_, key)| self.sockets.get_mut(*key)) {
                own.is_due = true;
            }
        }
        let mut all = true;
        for (_, own) in &mut self.sockets {
            if !std::mem::take(&mut own.is_due) {
                continue;
            }
            all &= own.socket.send(out, &mut own.cursor, buffer) == Sent::All;
            if let Some(batch) = wrapped {
                let out = Outgoing { batch, ..*out };
                let cursor = &mut own.relayed_cursor;
                all &= own.socket.send(&out, cursor, buffer) == Sent::All;
            }
        }
        all
    }

    /// The batch is empty again.
    pub(crate) fn rewind(&mut self) {
        for (_, own) in &mut self.sockets {
            own.cursor = Cursor::default();
            own.relayed_cursor = Cursor::default();
        }
        self.allocations.rewind();
    }

    /// Gives up what is left of the classes that `drops` names.
    pub(crate) fn drop_rest(
        &self,
        batch: &Batch,
        drops: impl Fn(Class) -> bool,
        mut dropped: impl FnMut(Tag, usize),
    ) {
        for (_, own) in &self.sockets {
            own.socket
                .drop_rest(batch, own.cursor, &drops, &mut dropped);
            if let Some(wrapped) = self.allocations.wrapped() {
                let cursor = own.relayed_cursor;
                own.socket.drop_rest(wrapped, cursor, &drops, &mut dropped);
            }
        }
    }

    /// Leaves out the video that is left.
    pub(crate) fn skip_video(&mut self, batch: &Batch) {
        for (_, own) in &mut self.sockets {
            own.cursor.skip_video(batch);
            if let Some(wrapped) = self.allocations.wrapped() {
                own.relayed_cursor.skip_video(wrapped);
            }
        }
    }

    /// Tells the poller what to watch for; a failure leaves the timeout of the blocked batch, which is short.
    pub(crate) fn watch(&mut self, registry: &Registry, interest: Interest) {
        for (key, own) in &mut self.sockets {
            let _ = registry.reregister(own.socket.source(), Token(FIRST_TOKEN + key), interest);
        }
    }
}

pub(crate) const fn place(local: SocketAddr) -> Place {
    (local.is_ipv4(), local.port())
}

/// A number that nobody can guess.
fn seed() -> Option<u64> {
    let [a, b, c, d, e, f, g, h, ..] = entropy::seed().ok()?;
    Some(u64::from_ne_bytes([a, b, c, d, e, f, g, h]))
}

/// Where the socket can send from, and which of these addresses others may be told.
fn add_addresses(
    (bases, offered): (&mut Vec<SocketAddr>, &mut Vec<SocketAddr>),
    socket: &Socket,
    machine: &[IpAddr],
) {
    let local = socket.local();
    if !local.ip().is_unspecified() {
        bases.push(local);
        offered.push(local);
        return;
    }
    let family = machine.iter().filter(|ip| ip.is_ipv4() == local.is_ipv4());
    let family = family.map(|ip| SocketAddr::new(*ip, local.port()));
    let family: Vec<SocketAddr> = family.take(MAX_BASES).collect();
    offered.extend(&family);
    if !socket.knows_destinations() {
        // Everything it receives seems to have come to the address that it is bound to.
        return bases.push(local);
    }
    bases.extend(&family);
    let loopback: IpAddr = match local {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let loopback = SocketAddr::new(loopback, local.port());
    if !family.contains(&loopback) {
        bases.push(loopback);
    }
}

/// The poller's names for these sockets begin here.
const FIRST_TOKEN: usize = 1 << 16;
/// Of one peer; further ones are not asked.
const MAX_TURN_SERVERS: usize = 4;
/// Of each family, loopback apart; with it the agent's limit of 16 holds both.
const MAX_BASES: usize = 7;
