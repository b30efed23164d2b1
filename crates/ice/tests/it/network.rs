//! Two agents, a seeded network between them, and a clock that jumps.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;

use xrtc_ice::{Agent, AgentConfig, Candidate, Credentials, Event, Path, Role};
use xrtc_rtp::Time;

/// Where the left agent's socket is.
pub(crate) fn left_address() -> SocketAddr {
    "10.0.0.1:5000".parse().unwrap()
}

/// Where the right agent's socket is; the server's, if one is lite.
pub(crate) fn right_address() -> SocketAddr {
    "192.0.2.1:8189".parse().unwrap()
}

pub(crate) fn credentials(seed: u64) -> Credentials {
    let mut rng = fastrand::Rng::with_seed(seed);
    Credentials::random(|bytes| rng.fill(bytes))
}

/// One agent and what it has told.
pub(crate) struct Side {
    pub(crate) agent: Agent,
    pub(crate) events: Vec<(Time, Event)>,
    /// Requests and responses that left.
    pub(crate) sent: usize,
}

impl Side {
    pub(crate) fn new(config: AgentConfig, seed: u64) -> Self {
        Self {
            agent: Agent::new(config, seed, Time::ZERO),
            events: Vec::new(),
            sent: 0,
        }
    }

    /// The first event that is not a selection.
    pub(crate) fn end(&self) -> Option<(Time, Event)> {
        self.events
            .iter()
            .copied()
            .find(|(_, event)| !matches!(event, Event::Selected(_)))
    }
}

/// The link between them.
pub(crate) struct Network {
    pub(crate) left: Side,
    pub(crate) right: Side,
    pub(crate) now: Time,
    /// One way.
    pub(crate) delay: Duration,
    /// 0 to 1, each way.
    pub(crate) loss: f64,
    /// What the right side sees in place of [`left_address`], and the only address it can reach there.
    pub(crate) left_public: SocketAddr,
    /// Datagrams on these paths (as their sender names them) never arrive.
    pub(crate) blocked: Vec<Path>,
    /// Requests reach the left side, responses do not.
    pub(crate) drop_responses_to_left: bool,
    rng: fastrand::Rng,
    wire: BinaryHeap<Reverse<Datagram>>,
    sequence: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Datagram {
    arrival: Time,
    sequence: u64,
    to_left: bool,
    local: SocketAddr,
    remote: SocketAddr,
    bytes: Vec<u8>,
}

impl Network {
    pub(crate) fn new(left: AgentConfig, right: AgentConfig, seed: u64) -> Self {
        Self {
            left: Side::new(left, seed * 2 + 1),
            right: Side::new(right, seed * 2 + 2),
            now: Time::ZERO,
            delay: Duration::from_millis(10),
            loss: 0.0,
            left_public: left_address(),
            blocked: Vec::new(),
            drop_responses_to_left: false,
            rng: fastrand::Rng::with_seed(seed),
            wire: BinaryHeap::new(),
            sequence: 0,
        }
    }

    /// A controlling full agent on the left with the candidate of the lite one on the right, which knows nothing.
    pub(crate) fn full_to_lite(seed: u64) -> Self {
        let (full, lite) = (credentials(seed), credentials(seed + 1000));
        let mut network = Self::new(
            AgentConfig::full(Role::Controlling, full),
            AgentConfig::lite(lite.clone()),
            seed,
        );
        let left = &mut network.left.agent;
        left.add_local_candidate(&Candidate::host(left_address(), 65535));
        left.add_remote_candidate(&Candidate::host(right_address(), 65535));
        left.set_remote(lite);
        network
    }

    /// Two full agents that know everything of each other.
    pub(crate) fn full_to_full(left_role: Role, right_role: Role, seed: u64) -> Self {
        let (left, right) = (credentials(seed), credentials(seed + 1000));
        let mut network = Self::new(
            AgentConfig::full(left_role, left.clone()),
            AgentConfig::full(right_role, right.clone()),
            seed,
        );
        let (left_host, right_host) = (
            Candidate::host(left_address(), 65535),
            Candidate::host(right_address(), 65535),
        );
        let agent = &mut network.left.agent;
        agent.add_local_candidate(&left_host);
        agent.add_remote_candidate(&right_host);
        agent.set_remote(right);
        let agent = &mut network.right.agent;
        agent.add_local_candidate(&right_host);
        agent.add_remote_candidate(&left_host);
        agent.set_remote(left);
        network
    }

    /// Runs for a while.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.drain();
        while let Some(next) = self.next_time().filter(|next| *next <= end) {
            assert!(next >= self.now, "time goes back");
            self.now = next;
            self.turn();
        }
        self.now = end;
    }

    /// Runs until `done`, at most for `limit`; says how long it took.
    pub(crate) fn run_until(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&Self) -> bool,
    ) -> Option<Duration> {
        let begin = self.now;
        self.drain();
        while !done(self) {
            let Some(next) = self.next_time().filter(|next| *next <= begin + limit) else {
                self.now = begin + limit;
                return None;
            };
            self.now = next;
            self.turn();
        }
        Some(self.now.since(begin))
    }

    /// The path as the left side names it.
    pub(crate) fn left_path(&self) -> Path {
        Path::udp(left_address(), right_address())
    }

    /// The path as the right side names it.
    pub(crate) fn right_path(&self) -> Path {
        Path::udp(right_address(), self.left_public)
    }

    fn next_time(&self) -> Option<Time> {
        let arrival = self.wire.peek().map(|datagram| datagram.0.arrival);
        [
            arrival,
            self.left.agent.poll_timeout(),
            self.right.agent.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn turn(&mut self) {
        let now = self.now;
        while self
            .wire
            .peek()
            .is_some_and(|datagram| datagram.0.arrival <= now)
        {
            let Some(Reverse(Datagram {
                to_left,
                local,
                remote,
                bytes,
                ..
            })) = self.wire.pop()
            else {
                break;
            };
            let side = if to_left {
                &mut self.left
            } else {
                &mut self.right
            };
            side.agent
                .handle_datagram(now, Path::udp(local, remote), &bytes);
        }
        self.left.agent.handle_timeout(now);
        self.right.agent.handle_timeout(now);
        self.drain();
    }

    fn drain(&mut self) {
        let now = self.now;
        let mut out = [0; 1200];
        for is_left in [true, false] {
            let side = if is_left {
                &mut self.left
            } else {
                &mut self.right
            };
            let mut sent = Vec::new();
            while let Some(transmit) = side.agent.poll_transmit(now, &mut out) {
                sent.push((transmit.path, out[..transmit.len].to_vec()));
                assert!(sent.len() < 100, "the agent never stops sending");
            }
            while let Some(event) = side.agent.poll_event() {
                side.events.push((now, event));
            }
            side.sent += sent.len();
            let next = side.agent.poll_timeout();
            assert!(
                next.is_none_or(|next| next > now),
                "a timeout at {next:?} is still due at {now:?}"
            );
            sent.into_iter()
                .for_each(|(path, bytes)| self.send(is_left, path, bytes));
        }
    }

    fn send(&mut self, from_left: bool, path: Path, bytes: Vec<u8>) {
        let is_response = bytes[0] == 1;
        let is_dropped = self.drop_responses_to_left && !from_left && is_response;
        if is_dropped || self.blocked.contains(&path) || self.rng.f64() < self.loss {
            return;
        }
        // The translator on the left side.
        let (local, remote) = if from_left {
            if path.remote != right_address() {
                return;
            }
            let source = if path.local == left_address() {
                self.left_public
            } else {
                path.local
            };
            (path.remote, source)
        } else if path.local != right_address() {
            return;
        } else if path.remote == self.left_public {
            (left_address(), path.local)
        } else if path.remote == left_address() {
            return;
        } else {
            (path.remote, path.local)
        };
        self.sequence += 1;
        self.wire.push(Reverse(Datagram {
            arrival: self.now + self.delay,
            sequence: self.sequence,
            to_left: !from_left,
            local,
            remote,
            bytes,
        }));
    }
}
