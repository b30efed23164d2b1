//! One worker's loop: what it owns besides its state machine, and what it does in a turn.

mod telling;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use xrtc_rtp::Time;
use xrtc_sfu::{Command, Foresight, RequestId, Sfu, Steering, WorkerId};

use crate::WorkerEvent;
use crate::clock::Clock;
use crate::egress::Egress;
use crate::front::Front;
use crate::ledger::Ledger;
use crate::moderation::{IS_PRECISE, Moderation, wait};
use crate::own_sockets::OwnSockets;
use crate::queue::{Doorbell, Everyone, Shared, WorkerEnds, wake};
use crate::tcp::Connections;
use crate::udp::{ReceiveBuffer, Socket};

/// What a worker owns: sockets, queues, buffers. It outlives the state machine, which may meet a bug: closing the
/// sockets would change the addresses of everybody's peers.
pub(crate) struct Driver {
    clock: Clock,
    poll: Poll,
    readiness: Events,
    sockets: Vec<Socket>,
    /// Those of peers that have their own.
    own: OwnSockets,
    tcp: Connections,
    /// By the socket's number: whether there may be something to receive.
    readable: Vec<bool>,
    /// Whether the poller also tells when a socket is writable.
    wants_writable: bool,
    ends: WorkerEnds,
    /// None where this worker's peers send to it alone.
    front: Option<Front>,
    everyone: Everyone,
    shared: Arc<Shared>,
    doorbell: Arc<Doorbell>,
    ledger: Ledger,
    /// Events of the driver itself; they go before those of the state machine.
    own_events: VecDeque<WorkerEvent>,
    /// When the application is told at the latest of what does not press.
    tell_by: Option<Time>,
    /// Commands that were taken from the ring in this turn.
    commands: VecDeque<Command>,
    received: ReceiveBuffer,
    egress: Egress,
    moderation: Moderation,
    foresight: Foresight,
    stopping: Stopping,
}

/// What a driver is made of: everything that can fail is there before the thread starts.
pub(crate) struct DriverParts {
    pub(crate) worker: WorkerId,
    pub(crate) clock: Clock,
    pub(crate) poll: Poll,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) own: OwnSockets,
    pub(crate) tcp: Connections,
    pub(crate) ends: WorkerEnds,
    /// Where the workers share a port.
    pub(crate) steering: Option<Steering>,
    pub(crate) everyone: Everyone,
    pub(crate) doorbell: Arc<Doorbell>,
}

/// How far the worker is in its shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopping {
    No,
    /// The state machine is saying its farewells.
    Farewell,
    /// The last event is out.
    Done,
}

impl Driver {
    /// To be called on the worker's thread: the buffers stay there.
    pub(crate) fn new(mut parts: DriverParts) -> Option<Self> {
        let ends = &mut parts.ends;
        let front = parts.steering.take().map(|steering| {
            let (out, inward) = (&mut ends.detours_out, &mut ends.detours_in);
            Front::new(steering, std::mem::take(out), std::mem::take(inward))
        });
        let shared = Arc::clone(parts.everyone.get(usize::from(parts.worker.0))?);
        Some(Self {
            clock: parts.clock,
            poll: parts.poll,
            readiness: Events::with_capacity(8),
            readable: vec![true; parts.sockets.len()],
            sockets: parts.sockets,
            own: parts.own,
            tcp: parts.tcp,
            wants_writable: false,
            ends: parts.ends,
            front,
            everyone: parts.everyone,
            shared,
            doorbell: parts.doorbell,
            ledger: Ledger::default(),
            own_events: VecDeque::new(),
            tell_by: None,
            commands: VecDeque::with_capacity(COMMANDS_A_TURN),
            received: ReceiveBuffer::new(),
            egress: Egress::new(),
            moderation: Moderation::default(),
            foresight: Foresight::default(),
            stopping: Stopping::No,
        })
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Takes turns until the shutdown is done.
    pub(crate) fn run(&mut self, sfu: &mut Sfu) {
        loop {
            self.turn(sfu);
            if self.stopping == Stopping::Done && !self.egress.is_blocked() {
                return;
            }
            self.sleep(sfu);
        }
    }

    /// The state machine met a bug: ends everything that it owes, and is ready for another one.
    pub(crate) fn recover(&mut self, message: String) {
        self.egress.reset();
        let now = self.clock.now();
        self.own.clear(now);
        self.tcp.clear();
        // Commands that were taken but not executed are in the ledger, and refused with the others.
        self.commands.clear();
        // The ledger notes an event when it leaves, so that it repeats what an earlier bug has left here.
        self.own_events
            .retain(|event| matches!(event, WorkerEvent::Failed { .. }));
        self.own_events
            .extend(self.ledger.ends().into_iter().map(WorkerEvent::Sfu));
        self.own_events.push_back(WorkerEvent::Failed { message });
        self.shared.counters.restarts.add(1);
        self.readable.fill(true);
        if self.stopping == Stopping::Farewell {
            self.stopping = Stopping::No;
        }
    }

    /// One turn: bounded work from every side, so that none starves the others.
    fn turn(&mut self, sfu: &mut Sfu) {
        self.shared.counters.turns.add(1);
        let now = self.clock.now();
        self.moderation.begin(now);
        self.take_commands();
        // What another worker said before the application sent a command is known when the command is executed.
        self.take_relays(now, sfu);
        self.execute(now, sfu);
        // Nothing is sent after the stop, so that what was sent before it is done first.
        if self.is_told_to_stop() && self.ends.commands.is_empty() {
            self.stopping = Stopping::Farewell;
            while let Some(command) = self.own.release_now(now, None) {
                sfu.handle_command(now, command);
            }
            sfu.handle_command(now, Command::Shutdown { request: SHUTDOWN });
        }
        #[cfg(test)]
        self.shared.meet_the_bug_of_a_test();
        self.settle(now, sfu);
        for _ in 0..BATCHES_A_TURN {
            let received = self.receive(sfu);
            if !self.take_detoured(sfu) && !received {
                break;
            }
        }
        let now = self.clock.now();
        if sfu.poll_timeout().is_some_and(|at| at <= now) {
            sfu.handle_timeout(now);
        }
        self.settle(now, sfu);
    }

    /// Executes the commands that were taken, and those that have waited for the addresses of their peer's sockets.
    fn execute(&mut self, now: Time, sfu: &mut Sfu) {
        while let Some(command) = self.commands.pop_front() {
            if let Command::ClosePeer { peer, .. } = &command
                && let Some(opening) = self.own.release_now(now, Some(*peer))
            {
                sfu.handle_command(now, opening);
            }
            let ready = self.own.furnish(now, self.poll.registry(), command);
            if let Some(command) = ready {
                sfu.handle_command(now, command);
            }
        }
        self.own.ask(now);
        while let Some(command) = self.own.release(now) {
            sfu.handle_command(now, command);
        }
    }

    fn take_commands(&mut self) {
        while self.commands.len() < COMMANDS_A_TURN {
            let Ok(command) = self.ends.commands.pop() else {
                break;
            };
            self.ledger.note_command(&command);
            self.commands.push_back(command);
        }
    }

    fn take_relays(&mut self, now: Time, sfu: &mut Sfu) {
        // Before a command everything that was said earlier; else no more than a turn's share.
        let share = if self.commands.is_empty() {
            RELAYS_A_TURN
        } else {
            usize::MAX
        };
        for (from, ring) in (0..).zip(&mut self.ends.relays_in) {
            let Some(ring) = ring else { continue };
            // What is there now, and not what is being added meanwhile.
            for _ in 0..ring.slots().min(share) {
                let Ok(message) = ring.pop() else { break };
                sfu.handle_relay(now, WorkerId(from), message);
            }
        }
        while let Some(end) = sfu.poll_detour_end() {
            if let Some(front) = &mut self.front {
                front.end(end, &self.shared.counters);
            }
        }
    }

    /// Receives one batch from each socket that may have one, and passes it on. `false`: there was none.
    fn receive(&mut self, sfu: &mut Sfu) -> bool {
        let mut any = false;
        for index in 0..self.sockets.len() {
            let (Some(socket), Some(readable)) =
                (self.sockets.get_mut(index), self.readable.get_mut(index))
            else {
                break;
            };
            if !*readable {
                continue;
            }
            any = true;
            *readable = socket.receive(&mut self.received);
            let now = self.clock.now();
            if let Some(front) = &mut self.front {
                front.pass_on(&self.received, &self.everyone, &self.shared.counters);
            }
            // One alone is handled as soon as it is looked at.
            if self.received.size().0 > 1 {
                self.received
                    .look(|path, datagram| sfu.foresee(&mut self.foresight, &path, datagram));
                sfu.prefetch(&mut self.foresight);
            }
            let (front, mut place) = (self.front.as_ref(), 0);
            self.received.for_each(|path, datagram| {
                if !front.is_some_and(|front| front.has_passed(place)) {
                    sfu.handle_datagram(now, path, datagram);
                }
                place += 1;
            });
            self.moderation.receive(place);
            // After each batch, so that a viewer's packets of it leave together and none waits for the next one.
            self.settle(now, sfu);
        }
        for _ in 0..self.own.ready() {
            any = true;
            self.own.receive(&mut self.received);
            let now = self.clock.now();
            self.received.for_each(|path, datagram| {
                if let Some((path, part)) = self.own.sort(now, path, datagram)
                    && let Some(datagram) = datagram.get_mut(part)
                {
                    sfu.handle_datagram(now, path, datagram);
                }
            });
            self.settle(now, sfu);
        }
        if self.tcp.has_work() {
            let now = self.clock.now();
            if self.tcp.receive(now, self.poll.registry(), sfu) {
                any = true;
                self.settle(now, sfu);
            }
        }
        any
    }

    /// Takes one batch of what each other worker has received for this one. `false`: there was none.
    fn take_detoured(&mut self, sfu: &mut Sfu) -> bool {
        let workers = self.front.as_ref().map_or(0, Front::workers);
        let mut any = false;
        for via in 0..workers {
            let now = self.clock.now();
            if let Some(front) = &mut self.front
                && front.take(now, via, sfu)
            {
                any = true;
                self.settle(now, sfu);
            }
        }
        any
    }

    /// Hands out what the state machine has to say: first to the other workers, because the application may act on
    /// an event at once, and then they must know.
    fn settle(&mut self, now: Time, sfu: &mut Sfu) {
        self.pass_relays(now, sfu);
        let sockets = (self.sockets.as_mut_slice(), &mut self.own);
        self.egress.transmit(now, sfu, sockets, &mut self.tcp);
        if !self.egress.has_more() && !self.egress.is_blocked() {
            self.tcp.release(now, sfu);
        }
        let news = std::iter::from_fn(|| self.own.poll_event());
        self.own_events.extend(news.map(WorkerEvent::Sfu));
        if self.is_time_to_tell(now, sfu) {
            self.tell_by = None;
            self.tell_application(now, sfu);
        }
    }

    fn pass_relays(&mut self, now: Time, sfu: &mut Sfu) {
        let mut told: u64 = 0;
        while let Some((to, message)) = sfu.poll_relay(now) {
            let Some(Some(ring)) = self.ends.relays_out.get_mut(usize::from(to.0)) else {
                continue;
            };
            match ring.push(message) {
                Ok(()) => told |= 1 << (to.0 & 63),
                Err(rtrb::PushError::Full(message)) => sfu.relay_refused(now, to, message),
            }
        }
        wake(&self.everyone, told);
    }

    /// Sleeps until a socket is ready, a message comes, or it is time.
    fn sleep(&mut self, sfu: &Sfu) {
        self.update_interest();
        let now = self.clock.now();
        let gathered = IS_PRECISE && self.gather(now, sfu);
        if gathered && self.tcp.is_empty() && self.own.is_empty() {
            return;
        }
        self.shared.alarm.lie_down();
        let timeout = if gathered {
            Duration::ZERO
        } else {
            self.patience(now, sfu)
        };
        // An interrupted sleep is a short one.
        let slept = self.poll.poll(&mut self.readiness, Some(timeout));
        self.shared.alarm.get_up();
        if slept.is_err() {
            return;
        }
        for event in &self.readiness {
            let Token(number) = event.token();
            if event.token() != ALARM && number >= Connections::FIRST_TOKEN {
                self.tcp.note_ready(event.token());
                continue;
            }
            if !event.is_readable() && !event.is_error() {
                continue;
            }
            match self.readable.get_mut(event.token().0) {
                Some(readable) => *readable = true,
                None => self.own.note_ready(event.token()),
            }
        }
    }

    /// Lets datagrams gather where that saves wake-ups. `false`: it does not.
    fn gather(&mut self, now: Time, sfu: &Sfu) -> bool {
        let pause = self.moderation.pause(now);
        let Some(pause) = pause.filter(|_| !self.egress.is_blocked()) else {
            return false;
        };
        // Whoever has a message sees that this worker is up, and will look soon.
        wait(pause.min(self.patience(now, sfu)));
        self.shared.counters.pauses.add(1);
        self.readable.fill(true);
        true
    }

    fn is_told_to_stop(&self) -> bool {
        self.stopping == Stopping::No && self.shared.stop.load(Ordering::Acquire)
    }

    /// How long this worker may sleep.
    fn patience(&self, now: Time, sfu: &Sfu) -> Duration {
        let more_to_receive =
            self.readable.contains(&true) || self.own.ready() > 0 || self.tcp.is_ready();
        let has_room = !self.ends.events.is_full();
        if more_to_receive
            || self.egress.has_more()
            || self.is_told_to_stop()
            || !self.ends.commands.is_empty()
            || self.front.as_ref().is_some_and(|front| !front.is_empty())
            || self
                .ends
                .relays_in
                .iter()
                .flatten()
                .any(|ring| !ring.is_empty())
            || (has_room && self.shared.starved.swap(false, Ordering::SeqCst))
        {
            return Duration::ZERO;
        }
        let times = [
            sfu.poll_timeout(),
            self.egress.poll_timeout(),
            self.own.poll_timeout(),
            self.tcp.poll_timeout(),
            self.tell_by,
        ];
        let next = times.into_iter().flatten().min();
        next.map_or(LONGEST_SLEEP, |next| next.since(now))
            .min(LONGEST_SLEEP)
    }

    /// Asks to be told of writable sockets only while one is blocked: each sent datagram would be told otherwise.
    fn update_interest(&mut self) {
        if self.wants_writable == self.egress.is_blocked() {
            return;
        }
        self.wants_writable = !self.wants_writable;
        let interest = if self.wants_writable {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        for (number, socket) in self.sockets.iter_mut().enumerate() {
            // A failure leaves the timeout of the blocked slab, which is short.
            let _ = self
                .poll
                .registry()
                .reregister(socket.source(), Token(number), interest);
        }
        self.own.watch(self.poll.registry(), interest);
    }
}

/// The poller's name for the alarm; the sockets are named by their numbers.
pub(crate) const ALARM: Token = Token(usize::MAX);
/// The driver's own request: beyond all numbers that the application may use.
pub(crate) const SHUTDOWN: RequestId = RequestId(1 << 53);
/// Commands executed in one turn: a description takes up to 0.2 ms, and media waits meanwhile.
const COMMANDS_A_TURN: usize = 16;
/// Messages of each other worker taken in one turn.
const RELAYS_A_TURN: usize = 256;
/// Receive batches of each socket in one turn.
const BATCHES_A_TURN: usize = 4;
/// Nothing depends on it: a net under a wake-up that a bug may lose.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
