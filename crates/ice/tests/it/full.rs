//! A full agent and handmade answers.

mod alternatives;
mod nomination;
mod relayed;

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_ice::stun::{Attribute, Builder, Class, IntegrityKey, Message, TransactionId};
use xrtc_ice::{
    Agent, AgentConfig, Candidate, CandidateKind, Credentials, Discard, Event, Path, Role,
};
use xrtc_rtp::Time;

use crate::network::{credentials, left_address, right_address};

/// A full agent with one pair, and what its peer would know.
struct Client {
    agent: Agent,
    remote: Credentials,
    now: Time,
}

impl Client {
    fn new(role: Role) -> Self {
        let remote = credentials(2);
        let mut agent = Agent::new(AgentConfig::full(role, credentials(1)), 5, Time::ZERO);
        agent.set_remote(remote.clone());
        agent.add_local_candidate(&Candidate::host(left_address(), 65535));
        agent.add_remote_candidate(&Candidate::host(right_address(), 65535));
        Self {
            agent,
            remote,
            now: Time::ZERO,
        }
    }

    /// A client whose first check and nomination have been answered.
    fn connected() -> Self {
        let mut client = Self::new(Role::Controlling);
        for _ in 0..2 {
            let (path, request) = client.request();
            client.answer(path, &request, Class::Success, |builder| builder);
            client.advance(Duration::from_millis(50));
        }
        while client.agent.poll_event().is_some() {}
        client
    }

    fn path() -> Path {
        Path::udp(left_address(), right_address())
    }

    /// Waits for the next request.
    fn request(&mut self) -> (Path, Vec<u8>) {
        let mut out = [0; 1200];
        loop {
            if let Some(transmit) = self.agent.poll_transmit(self.now, &mut out) {
                return (transmit.path, out[..transmit.len].to_vec());
            }
            self.now = self.agent.poll_timeout().unwrap();
            self.agent.handle_timeout(self.now);
        }
    }

    fn advance(&mut self, duration: Duration) {
        self.now += duration;
        self.agent.handle_timeout(self.now);
    }

    /// Answers on `path`, signed as the peer would.
    fn answer(
        &mut self,
        path: Path,
        request: &[u8],
        class: Class,
        fill: impl for<'a> FnOnce(Builder<'a>) -> Builder<'a>,
    ) {
        let mut out = [0; 1200];
        let key = IntegrityKey::new(self.remote.pwd());
        let builder = fill(Builder::new(&mut out, class, id_of(request)));
        let len = builder.integrity(&key).fingerprint().finish().unwrap();
        self.agent.handle_datagram(self.now, path, &out[..len]);
    }

    /// The controlled peer checks `path`.
    fn check(&mut self, path: Path) {
        let mut out = [0; 1200];
        let local = credentials(1);
        let len = Builder::new(&mut out, Class::Request, TransactionId([9; 12]))
            .username(local.ufrag(), self.remote.ufrag())
            .priority(1_853_824_767)
            .ice_controlled(7)
            .integrity(&IntegrityKey::new(local.pwd()))
            .fingerprint()
            .finish()
            .unwrap();
        self.agent.handle_datagram(self.now, path, &out[..len]);
    }

    fn event(&mut self) -> Option<Event> {
        self.agent.poll_event()
    }

    fn count(&self, reason: Discard) -> u32 {
        self.agent.counters().get(reason)
    }
}

fn id_of(message: &[u8]) -> TransactionId {
    Message::parse(message).unwrap().transaction_id()
}

fn attributes(message: &[u8]) -> Vec<Attribute<'_>> {
    Message::parse(message)
        .unwrap()
        .attributes()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn a_check_carries_what_rfc8445_section_7_1_asks_for() {
    let mut client = Client::new(Role::Controlling);
    let (path, request) = client.request();
    assert_eq!(path, Client::path());
    let message = Message::parse(&request).unwrap();
    assert_eq!(
        message.verify(&IntegrityKey::new(client.remote.pwd())),
        Ok(())
    );
    let username = format!("{}:{}", client.remote.ufrag(), client.agent.local().ufrag());
    let attributes = attributes(&request);
    assert_eq!(attributes[0], Attribute::Username(&username));
    // Type preference 110, local preference of the base, component 1.
    assert_eq!(
        attributes[1],
        Attribute::Priority((110 << 24) | (65535 << 8) | 255)
    );
    assert!(matches!(attributes[2], Attribute::IceControlling(_)));
    assert_eq!(attributes.len(), 3);
}

#[test]
fn d55_a_response_without_mapped_address_is_enough() {
    // FFmpeg's responses have none.
    let mut client = Client::new(Role::Controlling);
    let (path, request) = client.request();
    client.answer(path, &request, Class::Success, |builder| builder);
    assert_eq!(client.event(), Some(Event::Selected(path)));
    let (_, nomination) = client.request();
    assert!(attributes(&nomination).contains(&Attribute::UseCandidate));
}

#[test]
fn the_far_end_of_a_path_is_what_it_was_signalled_as_or_peer_reflexive() {
    let mut client = Client::new(Role::Controlling);
    assert_eq!(
        client.agent.remote_kind(Client::path()),
        CandidateKind::Host
    );
    let mapped: SocketAddr = "192.0.2.2:8189".parse().unwrap();
    let path = Path::udp(left_address(), mapped);
    client.check(path);
    assert_eq!(client.agent.remote_kind(path), CandidateKind::PeerReflexive);
    // Signalled after its check has come.
    let signalled = Candidate::server_reflexive(mapped, 65535);
    client.agent.add_remote_candidate(&signalled);
    assert_eq!(
        client.agent.remote_kind(path),
        CandidateKind::ServerReflexive
    );
}

#[test]
fn a_response_with_wrong_or_no_integrity_changes_nothing() {
    let mut client = Client::new(Role::Controlling);
    let (path, request) = client.request();
    let remote = std::mem::replace(&mut client.remote, credentials(99));
    client.answer(path, &request, Class::Success, |builder| builder);
    assert_eq!(client.count(Discard::WrongIntegrity), 1);

    let mut out = [0; 200];
    let len = Builder::new(&mut out, Class::Error, id_of(&request))
        .error_code(401)
        .finish()
        .unwrap();
    client.agent.handle_datagram(client.now, path, &out[..len]);
    assert_eq!(client.count(Discard::MissingIntegrity), 1);
    assert_eq!(client.event(), None);

    // The right one still counts.
    client.remote = remote;
    client.answer(path, &request, Class::Success, |builder| builder);
    assert_eq!(client.event(), Some(Event::Selected(path)));
}

#[test]
fn a_response_to_nothing_is_counted() {
    let mut client = Client::new(Role::Controlling);
    let (path, mut request) = client.request();
    request.truncate(20);
    request[2..4].copy_from_slice(&[0, 0]);
    request[19] ^= 1;
    client.answer(path, &request, Class::Success, |builder| builder);
    assert_eq!(
        (client.count(Discard::UnmatchedResponse), client.event()),
        (1, None)
    );
}

#[test]
fn a_response_from_elsewhere_fails_the_pair() {
    let mut client = Client::new(Role::Controlling);
    let (path, request) = client.request();
    let elsewhere = Path {
        remote: "192.0.2.2:8189".parse().unwrap(),
        ..path
    };
    client.answer(elsewhere, &request, Class::Success, |builder| builder);
    assert_eq!(
        (client.count(Discard::AsymmetricResponse), client.event()),
        (1, None)
    );
    assert!(!client.agent.is_validated(path));
}

#[test]
fn d57_a_487_switches_the_role_and_the_check_is_sent_again() {
    for (role, other) in [
        (Role::Controlling, Role::Controlled),
        (Role::Controlled, Role::Controlling),
    ] {
        let mut client = Client::new(role);
        let (path, request) = client.request();
        client.answer(path, &request, Class::Error, |builder| {
            builder.error_code(487)
        });
        assert_eq!(client.agent.role(), other);
        let (_, again) = client.request();
        assert_ne!(id_of(&again), id_of(&request));
        let is_controlling = attributes(&again)
            .iter()
            .any(|attribute| matches!(attribute, Attribute::IceControlling(_)));
        assert_eq!(is_controlling, other == Role::Controlling);
        // A copy of the 487 arrives late and switches nothing.
        client.answer(path, &request, Class::Error, |builder| {
            builder.error_code(487)
        });
        assert_eq!(client.agent.role(), other);
    }
}

#[test]
fn consent_checks_are_4_to_6_s_apart_and_have_fresh_transactions() {
    let mut client = Client::connected();
    let (mut last, mut ids) = (client.now, Vec::new());
    for round in 0..50 {
        let (path, request) = client.request();
        let gap = client.now.since(last);
        // The first interval began with the selection, 100 ms before.
        let early = if round == 0 {
            Duration::from_millis(100)
        } else {
            Duration::ZERO
        };
        assert!(
            gap + early >= Duration::from_secs(4) && gap <= Duration::from_secs(6),
            "{gap:?}"
        );
        last = client.now;
        assert!(!ids.contains(&id_of(&request)));
        ids.push(id_of(&request));
        client.answer(path, &request, Class::Success, |builder| builder);
    }
}

/// Where consent is to end after a second, a healthy path has to be asked more than once in it.
#[test]
fn a_short_consent_is_asked_for_more_often() {
    let second = Duration::from_secs(1);
    let mut config = AgentConfig::full(Role::Controlling, credentials(1));
    config.consent_timeout = second;
    let remote = credentials(2);
    let mut agent = Agent::new(config, 5, Time::ZERO);
    agent.set_remote(remote.clone());
    agent.add_local_candidate(&Candidate::host(left_address(), 65535));
    agent.add_remote_candidate(&Candidate::host(right_address(), 65535));
    let now = Time::ZERO;
    let mut client = Client { agent, remote, now };
    let mut asked = 0;
    while client.now < Time::ZERO + second * 60 {
        let (path, request) = client.request();
        client.answer(path, &request, Class::Success, |builder| builder);
        asked += 1;
    }
    assert_eq!(client.agent.selected(), Some(Client::path()));
    assert!((150..250).contains(&asked), "{asked}");
}

#[test]
fn an_unanswered_consent_check_is_followed_by_an_ordinary_one() {
    let mut client = Client::connected();
    let (_, lost) = client.request();
    let sent = client.now;
    let (path, check) = client.request();
    assert_eq!(
        client.now.since(sent),
        Duration::from_secs(1),
        "twice the retransmission timeout"
    );
    assert_ne!(id_of(&check), id_of(&lost));
    client.advance(Duration::from_millis(20));
    client.answer(path, &check, Class::Success, |builder| builder);
    let expiry = client.now + Duration::from_secs(30);
    // Nothing is answered any more: it ends 30 s after that answer.
    while client.agent.poll_timeout().is_some() {
        let mut out = [0; 1200];
        while client.agent.poll_transmit(client.now, &mut out).is_some() {}
        let Some(next) = client.agent.poll_timeout() else {
            break;
        };
        client.now = next;
        client.agent.handle_timeout(next);
    }
    assert_eq!(
        (client.event(), client.now),
        (Some(Event::ConsentExpired), expiry)
    );
}

#[test]
fn a_late_answer_to_a_consent_check_counts() {
    let mut client = Client::connected();
    let (path, first) = client.request();
    let sent = client.now;
    client.advance(Duration::from_secs(3));
    client.answer(path, &first, Class::Success, |builder| builder);
    assert_eq!(client.count(Discard::UnmatchedResponse), 0);
    assert!(
        client
            .agent
            .rtt()
            .is_some_and(|rtt| rtt > Duration::from_millis(300))
    );
    assert!(client.now > sent);
}

#[test]
fn a_signed_403_revokes_consent() {
    let mut client = Client::connected();
    let (path, request) = client.request();
    client.answer(path, &request, Class::Error, |builder| {
        builder.error_code(403)
    });
    assert_eq!(client.event(), Some(Event::ConsentExpired));
    assert_eq!(
        (client.agent.selected(), client.agent.poll_timeout()),
        (None, None)
    );
}

#[test]
fn when_consent_is_lost_another_working_pair_takes_over() {
    let mut client = Client::new(Role::Controlling);
    let second = "192.0.2.7:8189".parse().unwrap();
    client
        .agent
        .add_remote_candidate(&Candidate::host(second, 1));
    // Both pairs work; the better one is nominated.
    let (better, worse) = (client.request(), client.request());
    for (path, request) in [worse, better] {
        client.answer(path, &request, Class::Success, |builder| builder);
    }
    let (path, nomination) = client.request();
    client.answer(path, &nomination, Class::Success, |builder| builder);
    assert_eq!(client.agent.selected(), Some(Client::path()));
    while client.event().is_some() {}
    let (path, consent) = client.request();
    client.answer(path, &consent, Class::Error, |builder| {
        builder.error_code(403)
    });
    let next = Path::udp(left_address(), second);
    assert_eq!(client.event(), Some(Event::Selected(next)));
    let (path, nomination) = client.request();
    assert_eq!(path, next);
    assert!(attributes(&nomination).contains(&Attribute::UseCandidate));
}

#[test]
fn a_buffer_that_is_too_short_loses_the_check_but_not_the_agent() {
    let mut client = Client::new(Role::Controlling);
    assert_eq!(client.agent.poll_transmit(client.now, &mut [0; 50]), None);
    assert_eq!(
        client.agent.poll_timeout(),
        Some(Time::from_millis(500)),
        "it will be sent again"
    );
    let (path, request) = client.request();
    client.answer(path, &request, Class::Success, |builder| builder);
    assert_eq!(client.event(), Some(Event::Selected(path)));
}

#[test]
fn the_longest_credentials_fit_into_what_poll_transmit_asks_for() {
    let long = |letter: &str| Credentials::new(&letter.repeat(250), &letter.repeat(256)).unwrap();
    let mut agent = Agent::new(
        AgentConfig::full(Role::Controlling, long("a")),
        5,
        Time::ZERO,
    );
    agent.set_remote(long("b"));
    agent.add_local_candidate(&Candidate::host(left_address(), 65535));
    agent.add_remote_candidate(&Candidate::host(right_address(), 65535));
    let sent = agent.poll_transmit(Time::ZERO, &mut [0; 1200]).unwrap();
    assert!(sent.len <= 620, "{}", sent.len);
}
