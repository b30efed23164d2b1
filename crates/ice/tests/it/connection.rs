//! A full agent whose peer reaches it by a TCP connection alone.

use std::time::Duration;

use xrtc_ice::{Agent, AgentConfig, Candidate, Discard, Event, Path, Role};
use xrtc_rtp::Time;

use crate::network::{credentials, left_address, right_address};

/// The peer, which takes the connection for a path like any other, and the agent that was connected to.
struct Pair {
    peer: Agent,
    agent: Agent,
    now: Time,
    /// The connection as the agent names it; `None`: there is none.
    connection: Option<Path>,
    closed: Vec<Path>,
    /// The agent's requests on it.
    requests: usize,
    /// Responses do not reach the agent.
    drops_responses: bool,
    events: Vec<Event>,
}

fn connection(port: u16) -> Path {
    Path::tcp(right_address(), (left_address().ip(), port).into())
}

impl Pair {
    fn new() -> Self {
        let (left, right) = (credentials(1), credentials(2));
        let mut peer = Agent::new(
            AgentConfig::full(Role::Controlling, left.clone()),
            1,
            Time::ZERO,
        );
        let mut agent = Agent::new(
            AgentConfig::full(Role::Controlled, right.clone()),
            2,
            Time::ZERO,
        );
        let (near, far) = (
            Candidate::host(left_address(), 65_535),
            Candidate::host(right_address(), 65_535),
        );
        peer.add_local_candidate(&near);
        peer.add_remote_candidate(&far);
        peer.set_remote(right);
        agent.add_local_candidate(&far);
        agent.add_remote_candidate(&near);
        // What a browser says of its side of a connection: nobody can be reached there.
        let active = "candidate:1 1 tcp 1518149375 10.0.0.1 9 typ host tcptype active";
        agent.add_remote_candidate(&active.parse().unwrap());
        agent.set_remote(left);
        Self {
            peer,
            agent,
            now: Time::ZERO,
            connection: Some(connection(5_000)),
            closed: Vec::new(),
            requests: 0,
            drops_responses: false,
            events: Vec::new(),
        }
    }

    fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.now += Duration::from_millis(10);
            self.peer.handle_timeout(self.now);
            self.agent.handle_timeout(self.now);
            self.exchange();
        }
    }

    fn exchange(&mut self) {
        let mut out = [0; 1_200];
        let seen = Path::udp(left_address(), right_address());
        let mut is_quiet = false;
        while !is_quiet {
            is_quiet = true;
            while let Some(sent) = self.peer.poll_transmit(self.now, &mut out) {
                is_quiet = false;
                let is_response = out[0] == 1;
                if let Some(path) = self
                    .connection
                    .filter(|_| !(is_response && self.drops_responses))
                {
                    self.agent.handle_datagram(self.now, path, &out[..sent.len]);
                }
            }
            while let Some(sent) = self.agent.poll_transmit(self.now, &mut out) {
                is_quiet = false;
                if Some(sent.path) == self.connection {
                    self.requests += usize::from(out[0] == 0);
                    self.peer.handle_datagram(self.now, seen, &out[..sent.len]);
                } else {
                    assert!(
                        !self.closed.contains(&sent.path),
                        "{} is no more",
                        sent.path
                    );
                }
            }
        }
        self.events
            .extend(std::iter::from_fn(|| self.agent.poll_event()));
    }

    fn close(&mut self, path: Path) {
        self.connection.take_if(|current| *current == path);
        self.closed.push(path);
        self.agent.close_path(self.now, path);
        self.exchange();
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn d62_a_full_agent_checks_back_on_the_connection_and_keeps_it_for_a_minute() {
    let mut pair = Pair::new();
    pair.run(60 * SECOND);
    assert_eq!(pair.agent.selected(), Some(connection(5_000)));
    assert_eq!(pair.events, [Event::Selected(connection(5_000))]);
    // The peer's active candidate.
    assert_eq!(pair.agent.counters().get(Discard::UnusableCandidate), 1);
    assert_eq!(pair.agent.counters().total(), 1);
}

#[test]
fn d62_a_check_on_a_connection_is_sent_once() {
    let mut pair = Pair::new();
    pair.drops_responses = true;
    pair.run(10 * SECOND);
    // The peer nominates at once, and each of its checks asks for one of ours; none is repeated by a timer.
    let soon = pair.requests;
    assert!((1..=2).contains(&soon), "{soon} requests");
}

#[test]
fn d62_a_full_agent_waits_for_another_connection_until_consent_has_run_out() {
    let mut pair = Pair::new();
    pair.run(10 * SECOND);
    pair.close(connection(5_000));
    assert_eq!(pair.agent.selected(), None);
    pair.events.clear();
    pair.run(5 * SECOND);
    assert_eq!(pair.events, []);
    pair.connection = Some(connection(5_001));
    pair.run(10 * SECOND);
    assert_eq!(pair.agent.selected(), Some(connection(5_001)));
    assert_eq!(pair.events, [Event::Selected(connection(5_001))]);
    pair.close(connection(5_001));
    pair.run(29 * SECOND);
    assert_eq!(pair.events.len(), 1);
    pair.run(SECOND);
    assert_eq!(pair.events[1..], [Event::ConnectTimeout]);
}

#[test]
fn d62_media_takes_a_working_path_over_udp_when_the_connection_is_over() {
    let mut pair = Pair::new();
    pair.run(SECOND);
    let udp = Path::udp(right_address(), left_address());
    // The peer's checks come over UDP too from now on; its answers to ours do not matter for a nomination.
    pair.connection = Some(udp);
    pair.run(10 * SECOND);
    pair.events.clear();
    pair.close(connection(5_000));
    assert_eq!(pair.agent.selected(), Some(udp));
}
