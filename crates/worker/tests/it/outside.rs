//! The world around a server in tests: the application, and browsers with real sockets.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use xrtc_rtp::Time;
use xrtc_sfu::{Command, Event, PeerId, PullOptions, PushOptions, RequestId, StreamName, WorkerId};
use xrtc_testkit::Browser;
use xrtc_worker::{Server, ServerConfig, WorkerEvent};

use crate::wire::{Connection, Wire};

/// A server and the application that runs it.
pub(crate) struct App {
    pub(crate) server: Server,
    bell: Receiver<()>,
    told: VecDeque<(WorkerId, WorkerEvent)>,
    requests: u64,
}

impl App {
    /// A server with `workers` workers on the loopback.
    pub(crate) fn start(workers: u16) -> Self {
        Self::with(ServerConfig {
            workers,
            ..loopback()
        })
    }

    pub(crate) fn with(config: ServerConfig) -> Self {
        let (ring, bell) = channel();
        let server = Server::start(config, move || ring.send(()).unwrap_or_default()).unwrap();
        Self {
            server,
            bell,
            told: VecDeque::new(),
            requests: 0,
        }
    }

    pub(crate) fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    /// Publishes with this offer, or with an offer of the server; gives the peer and the server's description.
    pub(crate) fn push(&mut self, stream: &str, offer: Option<String>) -> (PeerId, String) {
        let options = PushOptions {
            offer,
            ..PushOptions::default()
        };
        self.push_with(stream, options)
    }

    pub(crate) fn push_with(&mut self, stream: &str, options: PushOptions) -> (PeerId, String) {
        let stream = StreamName::parse(stream).unwrap();
        let request = self.request();
        let peer = self.server.new_publisher(&stream);
        let worker = self.server.worker_of(peer);
        self.server
            .send(
                worker,
                Command::Push {
                    request,
                    peer,
                    stream,
                    options,
                },
            )
            .unwrap();
        self.description(request)
    }

    /// Views with this offer; gives the peer and the server's answer.
    pub(crate) fn pull(&mut self, stream: &str, offer: String) -> (PeerId, String) {
        let stream = StreamName::parse(stream).unwrap();
        let request = self.request();
        let peer = self.server.new_viewer();
        let options = PullOptions {
            offer: Some(offer),
            ..PullOptions::default()
        };
        let worker = self.server.worker_of(peer);
        self.server
            .send(
                worker,
                Command::Pull {
                    request,
                    peer,
                    stream,
                    options,
                },
            )
            .unwrap();
        self.description(request)
    }

    fn description(&mut self, wanted: RequestId) -> (PeerId, String) {
        self.wait(|_, event| match event {
            WorkerEvent::Sfu(
                Event::Answer {
                    request, peer, sdp, ..
                }
                | Event::Offer {
                    request, peer, sdp, ..
                },
            ) if *request == wanted => Some((*peer, sdp.clone())),
            WorkerEvent::Sfu(Event::Refused { request, refused }) if *request == wanted => {
                panic!("refused: {refused}")
            }
            _ => None,
        })
    }

    /// The first event, told already or yet to come, that `pick` takes. It and those before it are forgotten.
    pub(crate) fn wait<T>(
        &mut self,
        mut pick: impl FnMut(WorkerId, &WorkerEvent) -> Option<T>,
    ) -> T {
        loop {
            while let Some((worker, event)) = self.told.pop_front() {
                if let Some(picked) = pick(worker, &event) {
                    return picked;
                }
            }
            self.bell
                .recv_timeout(PATIENCE)
                .expect("the doorbell rings");
            self.drain();
        }
    }

    pub(crate) fn drain(&mut self) {
        self.server
            .drain(|worker, event| self.told.push_back((worker, event)));
    }

    pub(crate) fn told(&mut self) -> impl Iterator<Item = WorkerEvent> {
        self.told.drain(..).map(|(_, event)| event)
    }

    /// This worker's counters by their names, those of its sockets included.
    fn counters_of(&mut self, worker: WorkerId) -> Vec<(String, u64)> {
        // Before the state machine's, which then knows of all that these tell of.
        let socket = self.server.counters().nth(worker.0.into()).unwrap();
        let wanted = self.request();
        self.server
            .send(worker, Command::GetCounters { request: wanted })
            .unwrap();
        let mut counters = self.wait(|_, event| match event {
            WorkerEvent::Sfu(Event::Counters { request, counters }) if *request == wanted => {
                Some(counters.clone())
            }
            _ => None,
        });
        counters.extend(socket.named().map(|(name, count)| (name.to_owned(), count)));
        counters
    }

    /// This worker's counters as soon as they fulfil `condition`.
    #[expect(clippy::disallowed_methods, reason = "a test gives up in real time")]
    pub(crate) fn counters_when(
        &mut self,
        worker: WorkerId,
        condition: impl Fn(&dyn Fn(&str) -> u64) -> bool,
    ) -> Box<dyn Fn(&str) -> u64> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let counters = self.counters_of(worker);
            let count = move |wanted: &str| {
                let found = counters.iter().find(|(name, _)| name == wanted);
                found.unwrap_or_else(|| panic!("no counter {wanted}")).1
            };
            if condition(&count) {
                return Box::new(count);
            }
            assert!(Instant::now() < deadline, "in vain");
        }
    }

    /// The address of a worker on the IPv4 loopback.
    pub(crate) fn address(&self, worker: usize) -> SocketAddr {
        self.server.workers()[worker].bound[0]
    }
}

/// The defaults on free ports of the IPv4 loopback.
pub(crate) fn loopback() -> ServerConfig {
    ServerConfig {
        ipv4: Some(Ipv4Addr::LOCALHOST),
        ipv6: None,
        ..ServerConfig::default()
    }
}

/// Browsers, each with a socket of its own, in real time.
pub(crate) struct Browsers {
    origin: Instant,
    poll: Poll,
    events: Events,
    ends: Vec<(Wire, Browser)>,
    /// Whose datagrams are kept, and the last of them.
    recorded: Option<(usize, VecDeque<Vec<u8>>)>,
    /// Whose handshakes stay here.
    withheld: Vec<usize>,
}

impl Browsers {
    #[expect(clippy::disallowed_methods, reason = "browsers in real time")]
    pub(crate) fn new() -> Self {
        Self {
            origin: Instant::now(),
            poll: Poll::new().unwrap(),
            events: Events::with_capacity(16),
            ends: Vec::new(),
            recorded: None,
            withheld: Vec::new(),
        }
    }

    pub(crate) const fn origin(&self) -> Instant {
        self.origin
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a browser has a clock of its own"
    )]
    pub(crate) fn now(&self) -> Time {
        Time::ZERO + self.origin.elapsed()
    }

    /// Opens a socket for the browser that `make` makes; gives its number.
    pub(crate) fn add(&mut self, make: impl FnOnce(SocketAddr, Time) -> Browser) -> usize {
        let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let number = Token(self.ends.len());
        self.poll
            .registry()
            .register(&mut socket, number, Interest::READABLE)
            .unwrap();
        self.join(Wire::Udp(socket), make)
    }

    /// As [`Self::add`], for a browser whose network lets nothing but a connection to `server` through.
    pub(crate) fn add_over_tcp(
        &mut self,
        server: SocketAddr,
        make: impl FnOnce(SocketAddr, Time) -> Browser,
    ) -> usize {
        let number = Token(self.ends.len());
        let connection = Connection::open(server, self.poll.registry(), number);
        self.join(Wire::Tcp(connection), make)
    }

    fn join(&mut self, wire: Wire, make: impl FnOnce(SocketAddr, Time) -> Browser) -> usize {
        let browser = make(wire.local(), self.now());
        self.ends.push((wire, browser));
        self.ends.len() - 1
    }

    /// How many there are; the next one gets this number.
    pub(crate) const fn count(&self) -> usize {
        self.ends.len()
    }

    /// Those with this number and later ones are gone with all that they remember.
    pub(crate) fn dismiss(&mut self, from: usize) {
        self.ends.truncate(from);
    }

    /// The connection of a browser without UDP.
    pub(crate) fn connection(&mut self, number: usize) -> &mut Connection {
        match &mut self.ends[number].0 {
            Wire::Tcp(connection) => connection,
            Wire::Udp(_) => panic!("it has a socket"),
        }
    }

    /// The browser gets another connection in place of the one it has.
    pub(crate) fn reconnect(&mut self, number: usize, server: SocketAddr) {
        let connection = Connection::open(server, self.poll.registry(), Token(number));
        self.ends[number].0 = Wire::Tcp(connection);
    }

    pub(crate) fn get(&mut self, number: usize) -> &mut Browser {
        &mut self.ends[number].1
    }

    /// Lets all browsers live until `done`.
    pub(crate) fn run_until(
        &mut self,
        what: &str,
        mut done: impl FnMut(&[(Wire, Browser)]) -> bool,
    ) {
        let deadline = self.now() + PATIENCE;
        while !done(&self.ends) {
            assert!(self.now() < deadline, "in vain: {what}");
            self.turn();
        }
    }

    /// Waits for something to do, a tick at most, and lets all browsers do it.
    pub(crate) fn turn(&mut self) {
        let due = self
            .ends
            .iter()
            .filter_map(|(_, browser)| browser.poll_timeout())
            .min();
        let timeout = due.map_or(TICK, |due| due.since(self.now())).min(TICK);
        self.poll.poll(&mut self.events, Some(timeout)).unwrap();
        for number in 0..self.ends.len() {
            self.serve(number);
        }
    }

    /// Keeps the last datagrams of this browser from now on; gives those kept so far.
    pub(crate) fn record(&mut self, number: usize) -> Vec<Vec<u8>> {
        let before = self.recorded.replace((number, VecDeque::new()));
        before
            .map(|(_, datagrams)| datagrams.into())
            .unwrap_or_default()
    }

    /// From now on nothing of this browser's DTLS leaves.
    pub(crate) fn withhold_dtls(&mut self, number: usize) {
        self.withheld.push(number);
    }

    /// Sends something else from a browser's address.
    pub(crate) fn send_raw(&self, number: usize, datagram: &[u8], to: SocketAddr) {
        match &self.ends[number].0 {
            Wire::Udp(socket) => socket.send_to(datagram, to).unwrap(),
            Wire::Tcp(_) => panic!("it has no socket"),
        };
    }

    /// Takes and sends what a browser has.
    pub(crate) fn serve(&mut self, number: usize) {
        let now = self.now();
        let (wire, browser) = &mut self.ends[number];
        wire.receive(|remote, datagram| {
            let path = xrtc_sfu::Path::udp(browser.address(), remote);
            browser.handle_datagram(now, path, datagram);
        });
        browser.handle_timeout(now);
        let mut buffer = [0; 2048];
        while let Some(transmit) = browser.poll_transmit(now, &mut buffer) {
            let datagram = &buffer[..transmit.len];
            // RFC 9147 §4: 20 to 63 is DTLS.
            if matches!(datagram[0], 20..=63) && self.withheld.contains(&number) {
                continue;
            }
            wire.send(datagram, transmit.path.remote);
            if let Some((recorded, datagrams)) = &mut self.recorded
                && *recorded == number
            {
                datagrams.truncate(RECORDED - 1);
                datagrams.push_front(datagram.to_vec());
            }
        }
    }
}

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How many datagrams of a browser are kept.
const RECORDED: usize = 256;
const TICK: Duration = Duration::from_millis(10);
