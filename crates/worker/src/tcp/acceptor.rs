//! The thread that takes connections and finds out whose they are.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use rtrb::Producer;
use xrtc_rtp::Time;
use xrtc_sfu::{OwnerKey, Path};

use super::Handed;
use super::waiting::{Admission, Newcomer, Verdict, Waiting};
use crate::clock::Clock;
use crate::counters::Counters;
use crate::panic::{contain, silence_this_thread};
use crate::queue::Everyone;

/// What the thread owns.
pub(crate) struct Acceptor {
    clock: Clock,
    poll: Poll,
    listeners: Vec<TcpListener>,
    waiting: Waiting,
    key: Arc<OwnerKey>,
    /// To the workers, by their number.
    out: Vec<Producer<Handed>>,
    everyone: Everyone,
    counters: Arc<Counters>,
    /// Connections that somebody else has taken: begun with these bytes.
    passed: Receiver<(TcpStream, Vec<u8>)>,
    stop: Arc<AtomicBool>,
}

/// The application's side of it.
#[derive(Debug)]
pub(crate) struct AcceptorHandle {
    pub(crate) bound: Vec<SocketAddr>,
    passed: SyncSender<(TcpStream, Vec<u8>)>,
    stop: Arc<AtomicBool>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

impl Acceptor {
    /// Starts the thread. `out` are the queues to the workers, by their number.
    pub(crate) fn start(
        (clock, key): (Clock, Arc<OwnerKey>),
        mut listeners: Vec<TcpListener>,
        (out, everyone): (Vec<Producer<Handed>>, Everyone),
        counters: Arc<Counters>,
    ) -> io::Result<AcceptorHandle> {
        let poll = Poll::new()?;
        let mut bound = Vec::with_capacity(listeners.len());
        for (number, listener) in listeners.iter_mut().enumerate() {
            poll.registry()
                .register(listener, Token(number), Interest::READABLE)?;
            bound.push(listener.local_addr()?);
        }
        let waker = Arc::new(Waker::new(poll.registry(), ALARM)?);
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, passed) = sync_channel(PASSED_SLOTS);
        let mut acceptor = Self {
            clock,
            poll,
            listeners,
            waiting: Waiting::default(),
            key,
            out,
            everyone,
            counters,
            passed,
            stop: Arc::clone(&stop),
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the worker is where threads are started"
        )]
        let thread = Builder::new()
            .name("xrtc-acceptor".to_owned())
            .spawn(move || {
                silence_this_thread();
                // A bug here costs those that were about to connect.
                while contain(|| acceptor.run()).is_err() {
                    acceptor.counters.restarts.add(1);
                    acceptor.waiting.clear();
                }
            })?;
        Ok(AcceptorHandle {
            bound,
            passed: sender,
            stop,
            waker,
            thread: Some(thread),
        })
    }

    fn run(&mut self) {
        let mut events = Events::with_capacity(64);
        while !self.stop.load(Ordering::Acquire) {
            let now = self.clock.now();
            let timeout = self.waiting.poll_timeout().map(|at| at.since(now));
            if self.poll.poll(&mut events, timeout).is_err() {
                continue;
            }
            let now = self.clock.now();
            for event in &events {
                match event.token() {
                    ALARM => self.take_passed(now),
                    Token(number) if number < FIRST_CONNECTION => self.accept(now, number),
                    Token(number) => self.read(number - FIRST_CONNECTION),
                }
            }
            while let Some(newcomer) = self.waiting.pop_expired(now) {
                self.refuse(newcomer);
            }
            self.counters.tcp_waiting.set(self.waiting.len() as u64);
        }
    }

    fn accept(&mut self, now: Time, number: usize) {
        loop {
            let Some(listener) = self.listeners.get(number) else {
                return;
            };
            match listener.accept() {
                Ok((stream, _)) => self.take(now, stream, Vec::new()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The one that would have been taken is gone; those behind it are not.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Out of file descriptors, mostly. The next connection tries again.
                Err(_) => {
                    self.counters.tcp_refused.add(1);
                    return;
                }
            }
        }
    }

    fn take_passed(&mut self, now: Time) {
        while let Ok((stream, first)) = self.passed.try_recv() {
            if stream.set_nonblocking(true).is_ok() {
                self.take(now, mio::net::TcpStream::from_std(stream), first);
            } else {
                self.counters.tcp_refused.add(1);
            }
        }
    }

    fn take(&mut self, now: Time, stream: mio::net::TcpStream, first: Vec<u8>) {
        self.counters.tcp_accepted.add(1);
        let addresses = stream.local_addr().and_then(|local| {
            let remote = stream.peer_addr()?;
            Ok(Path::tcp(canonical(local), canonical(remote)))
        });
        let Ok(path) = addresses else {
            self.counters.tcp_refused.add(1);
            return;
        };
        match self.waiting.add(now, stream, path) {
            Admission::Refused => self.counters.tcp_refused.add(1),
            Admission::Taken { key, evicted } => {
                if let Some(evicted) = evicted {
                    self.refuse(evicted);
                }
                let Some(newcomer) = self.waiting.get_mut(key) else {
                    return;
                };
                newcomer.first = first;
                let token = Token(FIRST_CONNECTION + key);
                let registry = self.poll.registry();
                let registered = registry.register(&mut newcomer.stream, token, Interest::READABLE);
                if registered.is_err() {
                    self.waiting.remove(key);
                    self.counters.tcp_refused.add(1);
                    return;
                }
                self.read(key);
            }
        }
    }

    fn read(&mut self, key: usize) {
        let Some(newcomer) = self.waiting.get_mut(key) else {
            return;
        };
        let verdict = newcomer.read(&self.key);
        if verdict == Verdict::Wait {
            return;
        }
        let Some(newcomer) = self.waiting.remove(key) else {
            return;
        };
        match verdict {
            Verdict::Owner(owner) => self.hand_over(owner, newcomer),
            Verdict::Wait | Verdict::Refuse => self.refuse(newcomer),
        }
    }

    fn hand_over(&mut self, owner: u8, newcomer: Newcomer) {
        let Newcomer {
            mut stream,
            path,
            first,
            ..
        } = newcomer;
        let owner = usize::from(owner);
        let (Some(out), Some(shared)) = (self.out.get_mut(owner), self.everyone.get(owner)) else {
            self.counters.tcp_refused.add(1);
            return;
        };
        // It goes to another poller.
        if self.poll.registry().deregister(&mut stream).is_err() {
            self.counters.tcp_refused.add(1);
            return;
        }
        let handed = Handed {
            stream: stream.into(),
            path,
            first,
        };
        if out.push(handed).is_err() {
            self.counters.tcp_refused.add(1);
        }
        shared.alarm.wake();
    }

    /// Closes a connection without a word.
    fn refuse(&self, _: Newcomer) {
        self.counters.tcp_refused.add(1);
    }
}

impl AcceptorHandle {
    /// Takes a connection that came to somebody else's port and begins with `first`. `false`: too many are waiting.
    pub(crate) fn pass(&self, stream: TcpStream, first: Vec<u8>) -> bool {
        let taken = self.passed.try_send((stream, first)).is_ok();
        // It can only fail when the thread is gone, and its poller with it.
        let _ = self.waker.wake();
        taken
    }

    /// Asks the thread to end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.waker.wake();
    }

    /// Whether the thread has ended.
    pub(crate) fn is_over(&mut self) -> bool {
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            let _ = self.thread.take().map(JoinHandle::join);
        }
        self.thread.is_none()
    }
}

/// An IPv4 address as such, also if a socket for both families has it.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

const ALARM: Token = Token(usize::MAX);
/// The poller's names for connections begin here; below are the listeners.
const FIRST_CONNECTION: usize = 16;
/// Connections that others may have passed on and that have not been taken.
const PASSED_SLOTS: usize = 256;
