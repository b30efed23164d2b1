//! The whole: workers, their queues and threads, seen from the application.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{JoinHandle, park_timeout};
use std::time::Duration;

use xrtc_sfu::{Command, Event, OwnerKey, PeerId, SfuConfig, StreamName, WorkerId};
use xrtc_turn::PortSet;

use crate::certificate::{DtlsSource, PemCertificate};
use crate::clock::Clock;
use crate::counters::Counters;
use crate::driver::DriverParts;
use crate::kept::{KeptPeer, KeptPeers};
use crate::queue::{Doorbell, Everyone, ServerEnds, Shared, connect};
use crate::seat::{seats, sfu_config, steering};
use crate::tcp::{Acceptor, AcceptorHandle, Connections, Doors, handover};
use crate::turn::{OwnMedia, TurnThread};
use crate::{
    ReplaceError, SendError, ServerConfig, SocketCounters, StartError, TurnInfo, entropy, thread,
};

/// Running workers. Dropping it shuts them down.
pub struct Server {
    workers: Vec<WorkerInfo>,
    /// Nobody after the shutdown.
    everyone: Everyone,
    /// By the worker's number, also after the shutdown.
    counters: Vec<Arc<Counters>>,
    acceptor_counters: Arc<Counters>,
    dtls: Arc<DtlsSource>,
    doorbell: Option<Arc<Doorbell>>,
    /// Where TCP connections are taken.
    acceptor: Option<AcceptorHandle>,
    tcp_candidates: Vec<SocketAddr>,
    turn: Option<TurnThread>,
    links: Vec<Link>,
    /// How many numbers of peers have been given.
    peers: u64,
    kept: KeptPeers,
    closed: bool,
    /// What the workers told during the shutdown.
    farewell: VecDeque<(WorkerId, WorkerEvent)>,
}

/// What a worker tells the application.
#[derive(Debug)]
pub enum WorkerEvent {
    /// From its state machine.
    Sfu(Event),
    /// It met a bug and has started again; its peers, streams and requests are over, each with its own event before
    /// this one.
    Failed {
        /// The panic's message and place.
        message: String,
    },
}

/// Where a worker can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerInfo {
    /// The addresses it is bound to: one for each family.
    pub bound: Vec<SocketAddr>,
    /// The addresses that its descriptions offer, best first.
    pub candidates: Vec<SocketAddr>,
}

/// The application's side of one worker.
struct Link {
    ends: ServerEnds,
    thread: Option<JoinHandle<()>>,
    /// Peers that were opened on it.
    opened: u64,
}

impl Server {
    /// Binds the sockets and starts the workers. `doorbell` is called from any worker's thread when there is
    /// something to [`drain`](Self::drain) and was nothing before.
    pub fn start(
        config: ServerConfig,
        doorbell: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let clock = Clock::start();
        let own_ports = Arc::new(PortSet::default());
        let seats = seats(&config, &own_ports)?;
        let given = config.certificate.as_ref();
        let dtls = Arc::new(DtlsSource::new(given, config.dtls_version, clock)?);
        let owner_key = OwnerKey::new(&entropy::seed()?);
        let first = seats.first().map(|seat| seat.info.bound.clone());
        let doors = Doors::open(&config, &first.unwrap_or_default())?;
        let template = SfuConfig {
            tcp_candidates: doors.candidates.clone(),
            ..sfu_config(&config, dtls.current(), owner_key, clock.wall())
        };
        let share = config.shares_port();
        let ends = connect(seats.len(), config.limits.relay_queue, share);
        let doorbell = Arc::new(Doorbell::new(doorbell));
        let mut server = Self {
            workers: seats.iter().map(|seat| seat.info.clone()).collect(),
            everyone: seats.iter().map(|seat| Arc::clone(&seat.shared)).collect(),
            counters: seats
                .iter()
                .map(|seat| Arc::clone(&seat.shared.counters))
                .collect(),
            acceptor_counters: Arc::new(Counters::default()),
            dtls: Arc::clone(&dtls),
            doorbell: None,
            acceptor: None,
            tcp_candidates: doors.candidates.clone(),
            turn: None,
            links: Vec::with_capacity(seats.len()),
            peers: 0,
            kept: KeptPeers::default(),
            closed: false,
            farewell: VecDeque::new(),
        };
        // Before the workers, which have something to tell once they have begun.
        server.turn = start_turn(&config, (&server.workers, own_ports), clock)?;
        let mut handovers = Vec::with_capacity(seats.len());
        for (worker, (seat, (application, own))) in (0..).zip(seats.into_iter().zip(ends)) {
            let (sender, handed) = handover();
            handovers.push(sender);
            let sfu = SfuConfig {
                worker: WorkerId(worker),
                candidates: seat.info.candidates,
                ..template.clone()
            };
            let parts = DriverParts {
                worker: WorkerId(worker),
                clock,
                poll: seat.poll,
                sockets: seat.sockets,
                own: seat.own,
                tcp: Connections::new(
                    doors.are_open.then_some(handed),
                    Arc::clone(&seat.shared.counters),
                ),
                ends: own,
                steering: share.then(|| steering(&sfu)).transpose()?,
                everyone: Arc::clone(&server.everyone),
                doorbell: Arc::clone(&doorbell),
            };
            // On an error the workers so far are shut down by the drop of `server`.
            let thread = thread::spawn(parts, (sfu, Arc::clone(&dtls)), entropy::seed()?)
                .map_err(|source| StartError::Worker { worker, source })?;
            server.links.push(Link {
                ends: application,
                thread: Some(thread),
                opened: 0,
            });
        }
        if doors.are_open {
            let counters = Arc::clone(&server.acceptor_counters);
            let workers = (handovers, Arc::clone(&server.everyone));
            let key = Arc::clone(&template.owner_key);
            let acceptor = Acceptor::start((clock, key), doors.listeners, workers, counters);
            server.acceptor = Some(acceptor.map_err(StartError::Acceptor)?);
        }
        server.doorbell = Some(doorbell);
        Ok(server)
    }

    /// The workers, by their number.
    pub fn workers(&self) -> &[WorkerInfo] {
        &self.workers
    }

    /// Where TCP connections are taken: one address for each family; none where they are not.
    pub fn tcp_bound(&self) -> &[SocketAddr] {
        self.acceptor
            .as_ref()
            .map_or(&[], |acceptor| &acceptor.bound)
    }

    /// The addresses that descriptions offer for TCP connections, best first.
    pub fn tcp_candidates(&self) -> &[SocketAddr] {
        &self.tcp_candidates
    }

    /// Where the TURN server can be reached, if there is one.
    pub fn turn(&self) -> Option<&TurnInfo> {
        self.turn.as_ref().map(|turn| &turn.info)
    }

    /// What the TURN server did and what it holds, by stable camelCase name; nothing without one.
    pub fn turn_figures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.turn.iter().flat_map(TurnThread::figures)
    }

    /// The number for a new peer that publishes `stream`: at the stream's home.
    pub fn new_publisher(&mut self, stream: &StreamName) -> PeerId {
        let home = self.home_of(stream);
        self.new_peer(home)
    }

    /// The number for a new peer that views a stream: on the worker with the fewest peers.
    pub fn new_viewer(&mut self) -> PeerId {
        let peers = |(link, shared): (&Link, &Arc<Shared>)| {
            link.opened
                .saturating_sub(shared.peers_over.load(Ordering::Relaxed))
        };
        let counts = self.links.iter().zip(self.everyone.iter()).map(peers);
        let fewest = (0..).zip(counts).min_by_key(|(_, peers)| *peers);
        self.new_peer(WorkerId(fewest.map_or(0, |(worker, _)| worker)))
    }

    /// The worker that a peer is on: its number says so.
    pub fn worker_of(&self, peer: PeerId) -> WorkerId {
        let workers = self.links.len().max(1) as u64;
        WorkerId((peer.0 % workers) as u16)
    }

    /// The worker that owns a stream.
    pub fn home_of(&self, stream: &StreamName) -> WorkerId {
        WorkerId(stream.home(self.links.len()) as u16)
    }

    /// Peers that are opened from now on get this certificate; those that are there keep theirs.
    ///
    /// # Errors
    ///
    /// The certificate cannot be used, and nothing has changed. Or a worker is busy; call again.
    pub fn replace_dtls_certificate(&mut self, pem: &PemCertificate) -> Result<(), ReplaceError> {
        let dtls = self.dtls.replace(pem)?;
        for worker in 0..self.links.len() as u16 {
            let dtls = Arc::clone(&dtls);
            self.send(WorkerId(worker), Command::SetDtls { dtls })?;
        }
        Ok(())
    }

    /// Clients of TURN over TLS that connect from now on are shown this certificate; those that are there stay.
    ///
    /// # Errors
    ///
    /// There is no TURN over TLS, or the certificate cannot be used. Nothing has changed.
    pub fn replace_turn_certificate(&self, pem: &PemCertificate) -> Result<(), ReplaceError> {
        let turn = self.turn.as_ref().filter(|_| !self.closed);
        turn.ok_or(ReplaceError::NoTurnTls)?
            .replace_certificate(pem)
    }

    /// Hands `command` to `worker`.
    pub fn send(&mut self, worker: WorkerId, command: Command) -> Result<(), SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        let index = usize::from(worker.0);
        let (Some(link), Some(shared)) = (self.links.get_mut(index), self.everyone.get(index))
        else {
            return Err(SendError::UnknownWorker);
        };
        let opens = matches!(command, Command::Push { .. } | Command::Pull { .. });
        link.ends
            .commands
            .push(command)
            .map_err(|_| SendError::Busy)?;
        link.opened += u64::from(opens);
        shared.alarm.wake();
        Ok(())
    }

    /// Keeps what the application would be told of a peer's states and descriptions until [`release`](Self::release):
    /// for one that it opens with `offer` and holds nothing of.
    pub fn keep(&mut self, peer: PeerId, offer: &str) {
        self.kept.keep(peer, offer);
    }

    /// What is known of a peer that is kept, as of the last [`drain`](Self::drain).
    pub fn kept(&self, peer: PeerId) -> Option<KeptPeer> {
        self.kept.get(peer)
    }

    /// The name of its ICE session alone.
    pub fn kept_ice_session(&self, peer: PeerId) -> Option<&str> {
        self.kept.ice_session(peer)
    }

    /// Keeps a peer no longer: from now on its states are told. To be called for every peer that was kept, at its end
    /// at the latest.
    pub fn release(&mut self, peer: PeerId) {
        self.kept.release(peer);
    }

    /// Takes a TCP connection that came to a port of the application's and begins with `first`, the bytes that were read of
    /// it. `false`: no connections are taken, or too many are waiting.
    pub fn take_connection(&self, stream: TcpStream, first: Vec<u8>) -> bool {
        let acceptor = self.acceptor.as_ref();
        acceptor.is_some_and(|acceptor| acceptor.pass(stream, first))
    }

    /// Takes what the workers have told since the last call, in order for each worker. Never more than was there
    /// when it began; for the rest the doorbell rings again.
    pub fn drain(&mut self, mut take: impl FnMut(WorkerId, WorkerEvent)) {
        if let Some(doorbell) = &self.doorbell {
            doorbell.answer();
        }
        let mut kept = std::mem::take(&mut self.kept);
        let mut tell = |worker, event| {
            let is_told = match &event {
                WorkerEvent::Sfu(event) => kept.note(event),
                WorkerEvent::Failed { .. } => true,
            };
            if is_told {
                take(worker, event);
            }
        };
        for (worker, event) in self.farewell.drain(..) {
            tell(worker, event);
        }
        self.take_events(tell);
        self.kept = kept;
    }

    fn take_events(&mut self, mut take: impl FnMut(WorkerId, WorkerEvent)) {
        for (worker, (link, shared)) in (0..).zip(self.links.iter_mut().zip(self.everyone.iter())) {
            let events = &mut link.ends.events;
            for _ in 0..events.slots() {
                let Ok(event) = events.pop() else { break };
                take(WorkerId(worker), event);
            }
            if shared.starved.load(Ordering::SeqCst) {
                shared.alarm.wake();
            }
        }
    }

    /// The socket and queue figures of every worker.
    pub fn counters(&self) -> impl Iterator<Item = SocketCounters> {
        self.counters.iter().map(|counters| counters.snapshot())
    }

    /// The figures of the thread that takes TCP connections: those that do not concern it are 0.
    pub fn acceptor_counters(&self) -> SocketCounters {
        self.acceptor_counters.snapshot()
    }

    /// What the server holds beside its state machines, by stable camelCase name: `workers` (threads), `sockets`,
    /// `detours` between workers that share a port, `relayedAddresses` that peers have at TURN servers, and the slots in use of the queues between application and
    /// workers; `kept` peers. Of the TURN server `turnAllocations` and `turnConnections`; its sockets are among the
    /// `sockets`.
    pub fn held(&self) -> [(&'static str, u64); 9] {
        let of_turn = |name| self.turn.as_ref().map_or(0, |turn| turn.held(name));
        let (mut workers, mut sockets, mut commands) = (0, 0, 0);
        let (mut detours, mut relayed) = (0, 0);
        let mut events = self.farewell.len();
        let workers_of = self.workers.iter().zip(&self.counters);
        for (link, (info, counters)) in self.links.iter().zip(workers_of) {
            if link.thread.is_some() {
                workers += 1;
                sockets += info.bound.len() as u64 + counters.own_sockets.get();
                relayed += counters.relayed_addresses.get();
                sockets += counters.tcp_connections.get();
                detours += counters.detours.get();
                commands += link.ends.commands.buffer().capacity() - link.ends.commands.slots();
            }
            events += link.ends.events.slots();
        }
        if self.acceptor.is_some() {
            sockets += self.tcp_bound().len() as u64 + self.acceptor_counters.tcp_waiting.get();
        }
        [
            ("workers", workers),
            ("sockets", sockets + of_turn("sockets")),
            ("detours", detours),
            ("relayedAddresses", relayed),
            ("commandSlots", commands as u64),
            ("toldSlots", events as u64),
            ("kept", self.kept.len() as u64),
            ("turnAllocations", of_turn("allocations")),
            ("turnConnections", of_turn("connections")),
        ]
    }

    /// Ends everything: peers are told, sockets closed, threads joined. Takes 200 ms at most, and a worker that
    /// hangs is left alone after two seconds. What is left to [`drain`](Self::drain) can be drained afterwards.
    /// Further calls do nothing.
    pub fn shutdown(&mut self) {
        self.closed = true;
        if let Some(acceptor) = &self.acceptor {
            acceptor.stop();
        }
        if let Some(turn) = &mut self.turn {
            turn.shutdown();
        }
        for shared in self.everyone.iter() {
            shared.stop.store(true, Ordering::Release);
            shared.alarm.wake();
        }
        for _ in 0..JOIN_CHECKS {
            // The workers may have more to tell than fits in their rings.
            let mut told = std::mem::take(&mut self.farewell);
            self.take_events(|worker, event| told.push_back((worker, event)));
            self.farewell = told;
            for link in &mut self.links {
                if link.thread.as_ref().is_some_and(JoinHandle::is_finished) {
                    // A worker's panics are contained; there is nothing to learn from the end of its thread.
                    let _ = link.thread.take().map(JoinHandle::join);
                }
            }
            self.acceptor.take_if(AcceptorHandle::is_over);
            if self.links.iter().all(|link| link.thread.is_none()) && self.acceptor.is_none() {
                break;
            }
            park_timeout(JOIN_CHECK);
        }
        // What was told between the last look and the end of the threads.
        let mut told = std::mem::take(&mut self.farewell);
        self.take_events(|worker, event| told.push_back((worker, event)));
        self.farewell = told;
        if self.links.iter().all(|link| link.thread.is_none()) {
            // The alarms and whatever the doorbell holds are released now, not with the last handle.
            self.everyone = Arc::new([]);
            self.doorbell = None;
        }
    }

    /// Makes a worker panic in its next turn.
    #[cfg(test)]
    pub(crate) fn meet_a_bug(&self, worker: WorkerId) {
        if let Some(shared) = self.everyone.get(usize::from(worker.0)) {
            shared.bug.store(true, Ordering::Release);
            shared.alarm.wake();
        }
    }

    fn new_peer(&mut self, worker: WorkerId) -> PeerId {
        self.peers += 1;
        PeerId(self.peers * self.links.len() as u64 + u64::from(worker.0))
    }
}

/// Starts the TURN server, if one is wanted.
fn start_turn(
    config: &ServerConfig,
    (workers, own_ports): (&[WorkerInfo], Arc<PortSet>),
    clock: Clock,
) -> Result<Option<TurnThread>, StartError> {
    let Some(settings) = &config.turn else {
        return Ok(None);
    };
    let own = OwnMedia::of(workers, own_ports);
    TurnThread::start(settings, config, own, clock).map(Some)
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// How often the end of the threads is looked for, and how many times.
const JOIN_CHECK: Duration = Duration::from_millis(1);
const JOIN_CHECKS: usize = 2_000;

#[cfg(test)]
mod tests;
