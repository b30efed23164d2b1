//! A controlling agent moves to a pair that is better by far than the one it nominated.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use xrtc_ice::stun::{Attribute, Class, Message};
use xrtc_ice::{Candidate, Event, Path, Role};
use xrtc_rtp::Time;

use super::{Client, attributes};
use crate::network::{left_address, right_address};

fn second() -> SocketAddr {
    "192.0.2.7:8189".parse().unwrap()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A peer that answers each path in its own time, or never.
struct Peer {
    client: Client,
    answers: VecDeque<(Time, Path, Vec<u8>)>,
    delays: Vec<(Path, Option<Duration>)>,
    /// The paths that were nominated, in their order.
    nominated: Vec<Path>,
}

impl Peer {
    /// With a second address that is worse by priority.
    fn new(delays: [Option<Duration>; 2]) -> Self {
        let mut client = Client::new(Role::Controlling);
        let worse = Candidate::host(second(), 1);
        client.agent.add_remote_candidate(&worse);
        let paths = [right_address(), second()].map(|remote| Path::udp(left_address(), remote));
        Self::with(client, paths.into_iter().zip(delays).collect())
    }

    fn with(client: Client, delays: Vec<(Path, Option<Duration>)>) -> Self {
        Self {
            client,
            answers: VecDeque::new(),
            delays,
            nominated: Vec::new(),
        }
    }

    fn path(&self, place: usize) -> Path {
        self.delays[place].0
    }

    fn run(&mut self, duration: Duration) {
        let end = self.client.now + duration;
        while self.client.now < end {
            self.client.advance(millis(1));
            let now = self.client.now;
            while let Some(place) = self.answers.iter().position(|answer| answer.0 <= now) {
                let (_, path, request) = self.answers.remove(place).unwrap();
                self.client
                    .answer(path, &request, Class::Success, |builder| builder);
            }
            self.take_requests();
        }
    }

    fn take_requests(&mut self) {
        let mut out = [0; 1200];
        let now = self.client.now;
        while let Some(sent) = self.client.agent.poll_transmit(now, &mut out) {
            let request = out[..sent.len].to_vec();
            if Message::parse(&request).unwrap().class() != Class::Request {
                continue;
            }
            if attributes(&request).contains(&Attribute::UseCandidate)
                && self.nominated.last() != Some(&sent.path)
            {
                self.nominated.push(sent.path);
            }
            let delay = self.delays.iter().find(|(path, _)| *path == sent.path);
            if let Some((path, Some(delay))) = delay {
                self.answers.push_back((now + *delay, *path, request));
            }
        }
    }
}

#[test]
fn a_pair_of_half_the_round_trip_is_nominated_and_stays() {
    let mut peer = Peer::new([Some(millis(150)), Some(millis(30))]);
    let (slow, quick) = (peer.path(0), peer.path(1));
    peer.run(millis(1_000));
    assert_eq!(peer.nominated, [slow]);
    peer.run(Duration::from_secs(10));
    assert_eq!(peer.client.agent.selected(), Some(quick));
    peer.run(Duration::from_secs(120));
    assert_eq!(peer.nominated, [slow, quick]);
    assert_eq!(peer.client.agent.selected(), Some(quick));
}

#[test]
fn round_trips_that_differ_little_move_nothing() {
    let mut peer = Peer::new([Some(millis(50)), Some(millis(30))]);
    let first = peer.path(0);
    peer.run(Duration::from_secs(120));
    assert_eq!(peer.nominated, [first]);
    assert_eq!(peer.client.agent.selected(), Some(first));
}

#[test]
fn one_long_round_trip_moves_nothing() {
    let mut peer = Peer::new([Some(millis(20)), Some(millis(20))]);
    let first = peer.path(0);
    peer.run(Duration::from_secs(12));
    // A pause of the peer: one consent check or two take long.
    peer.delays[0].1 = Some(millis(90));
    peer.run(Duration::from_secs(6));
    peer.delays[0].1 = Some(millis(20));
    peer.run(Duration::from_secs(60));
    assert_eq!(peer.nominated, [first]);
}

#[test]
fn a_path_that_falls_silent_is_left_long_before_consent_is_over() {
    let mut peer = Peer::new([Some(millis(20)), Some(millis(20))]);
    let (first, other) = (peer.path(0), peer.path(1));
    peer.run(Duration::from_secs(20));
    assert_eq!(peer.client.agent.selected(), Some(first));
    peer.delays[0].1 = None;
    peer.run(Duration::from_secs(18));
    assert_eq!(peer.client.agent.selected(), Some(other));
    assert_eq!(peer.nominated, [first, other]);
    let mut ended = false;
    while let Some(event) = peer.client.event() {
        ended |= !matches!(event, Event::Selected(_));
    }
    assert!(!ended);
}

#[test]
fn from_a_relay_to_a_direct_pair_however_long_its_round_trip() {
    let mut client = Client::new(Role::Controlling);
    let relay: SocketAddr = "203.0.113.5:50000".parse().unwrap();
    let relayed = Candidate::relayed(relay, 65_535);
    client.agent.add_local_candidate(&relayed);
    let direct = Path::udp(left_address(), right_address());
    let by_relay = Path::relayed(relay, right_address());
    let mut peer = Peer::with(client, vec![(direct, None), (by_relay, Some(millis(20)))]);
    peer.run(Duration::from_secs(2));
    assert_eq!(peer.client.agent.selected(), Some(by_relay));
    // A check of the peer, whose firewall has opened, has ours follow.
    peer.delays[0].1 = Some(millis(80));
    peer.client.check(direct);
    peer.run(Duration::from_secs(2));
    assert_eq!(peer.client.agent.selected(), Some(direct));
    peer.run(Duration::from_secs(60));
    assert_eq!(peer.nominated, [by_relay, direct]);
}
