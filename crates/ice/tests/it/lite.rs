//! A lite agent and handmade checks.

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_ice::stun::{
    Attribute, AttributeType, Builder, Class, IntegrityKey, Message, TransactionId,
};
use xrtc_ice::{Agent, AgentConfig, Credentials, Discard, Event, Path};
use xrtc_rtp::Time;

use crate::network::credentials;

/// A lite agent, and a peer that knows its credentials.
pub(crate) struct Server {
    pub(crate) agent: Agent,
    local: Credentials,
    now: Time,
    requests: u64,
}

/// What a check carries beside USERNAME, MESSAGE-INTEGRITY and FINGERPRINT, and where it comes from.
#[derive(Clone)]
pub(crate) struct Request {
    path: Path,
    password: Option<String>,
    username: Option<(String, String)>,
    use_candidate: bool,
    nomination: Option<u32>,
    role: Option<(bool, u64)>,
    extra: Vec<(u16, Vec<u8>)>,
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Nothing,
    Success(SocketAddr),
    Error(u16),
}

impl Server {
    pub(crate) fn new() -> Self {
        let local = credentials(1);
        let agent = Agent::new(AgentConfig::lite(local.clone()), 7, Time::ZERO);
        Self {
            agent,
            local,
            now: Time::ZERO,
            requests: 0,
        }
    }

    /// A check from `remote` as a browser sends it, without USE-CANDIDATE.
    pub(crate) fn request(&self, remote: &str) -> Request {
        let path = Path {
            local: "192.0.2.1:8189".parse().unwrap(),
            remote: remote.parse().unwrap(),
        };
        Request {
            path,
            password: Some(self.local.pwd().to_owned()),
            username: Some((self.local.ufrag().to_owned(), "peer".to_owned())),
            use_candidate: false,
            nomination: None,
            role: Some((true, 42)),
            extra: Vec::new(),
        }
    }

    pub(crate) fn bytes(&mut self, request: &Request) -> Vec<u8> {
        self.requests += 1;
        let mut id = [0; 12];
        id[4..].copy_from_slice(&self.requests.to_be_bytes());
        let mut out = [0; 1500];
        let mut builder = Builder::new(&mut out, Class::Request, TransactionId(id));
        if let Some((ours, theirs)) = &request.username {
            builder = builder.username(ours, theirs);
        }
        if let Some((is_controlling, tie_breaker)) = request.role {
            builder = builder.priority(1_853_824_767);
            builder = match is_controlling {
                true => builder.ice_controlling(tie_breaker),
                false => builder.ice_controlled(tie_breaker),
            };
        }
        if request.use_candidate {
            builder = builder.use_candidate();
        }
        if let Some(number) = request.nomination {
            builder = builder.nomination(number);
        }
        for (kind, value) in &request.extra {
            builder = builder.attribute(AttributeType(*kind), value);
        }
        if let Some(password) = &request.password {
            builder = builder.integrity(&IntegrityKey::new(password));
        }
        let len = builder.fingerprint().finish().unwrap();
        out[..len].to_vec()
    }

    /// Sends the check and gives the raw answer.
    fn exchange(&mut self, request: &Request) -> (usize, Option<Vec<u8>>) {
        let bytes = self.bytes(request);
        self.agent.handle_datagram(self.now, request.path, &bytes);
        let mut out = [0; 1200];
        let answer = self
            .agent
            .poll_transmit(self.now, &mut out)
            .map(|transmit| {
                assert_eq!(
                    transmit.path, request.path,
                    "answers go back on the same five-tuple"
                );
                out[..transmit.len].to_vec()
            });
        assert_eq!(self.agent.poll_transmit(self.now, &mut out), None);
        (bytes.len(), answer)
    }

    fn check(&mut self, request: &Request) -> Answer {
        let (_, answer) = self.exchange(request);
        let Some(answer) = answer else {
            return Answer::Nothing;
        };
        let message = Message::parse(&answer).unwrap();
        if message.has_integrity() {
            // Responses are signed with the password of the one who was asked.
            let password = request.password.as_deref().unwrap();
            assert_eq!(message.verify(&IntegrityKey::new(password)), Ok(()));
        }
        match message.class() {
            Class::Success => Answer::Success(
                message
                    .find(|attribute| match attribute {
                        Attribute::XorMappedAddress(address) => Some(address),
                        _ => None,
                    })
                    .unwrap(),
            ),
            Class::Error => Answer::Error(
                message
                    .find(|attribute| match attribute {
                        Attribute::ErrorCode(code, _) => Some(code),
                        _ => None,
                    })
                    .unwrap(),
            ),
            class => panic!("{class:?}"),
        }
    }

    fn advance(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.agent.handle_timeout(self.now);
    }

    fn restart(&mut self, seed: u64) -> Credentials {
        self.agent.restart(self.now, credentials(seed));
        std::mem::replace(&mut self.local, credentials(seed))
    }

    fn selected(&self) -> Option<String> {
        self.agent.selected().map(|path| path.remote.to_string())
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.agent.poll_event()).collect()
    }
}

impl Request {
    pub(crate) fn path(&self) -> Path {
        self.path
    }

    fn nominating(self) -> Self {
        Self {
            use_candidate: true,
            ..self
        }
    }

    fn numbered(self, number: u32) -> Self {
        Self {
            use_candidate: true,
            nomination: Some(number),
            ..self
        }
    }
}

const HOME: &str = "198.51.100.1:40000";
const MOBILE: &str = "203.0.113.9:50000";

#[test]
fn the_first_authenticated_check_is_answered_and_selects() {
    let mut server = Server::new();
    let request = server.request(HOME);
    assert!(!server.agent.is_validated(request.path));
    assert_eq!(
        server.check(&request),
        Answer::Success(HOME.parse().unwrap())
    );
    assert_eq!(server.events(), [Event::Selected(request.path)]);
    assert!(server.agent.is_validated(request.path));
    // Repeats change nothing.
    assert_eq!(
        server.check(&request),
        Answer::Success(HOME.parse().unwrap())
    );
    assert_eq!(server.events(), []);
    assert_eq!(server.agent.counters().total(), 0);
}

#[test]
fn ipv6_peers_get_their_address_back() {
    let mut server = Server::new();
    let remote = "[2001:db8::9]:40000";
    let request = Request {
        path: Path {
            local: "[2001:db8::1]:8189".parse().unwrap(),
            remote: remote.parse().unwrap(),
        },
        ..server.request(HOME)
    };
    assert_eq!(
        server.check(&request),
        Answer::Success(remote.parse().unwrap())
    );
}

#[test]
fn ffmpeg_without_priority_and_role_is_accepted() {
    let mut server = Server::new();
    let request = Request {
        role: None,
        ..server.request(HOME).nominating()
    };
    assert_eq!(
        server.check(&request),
        Answer::Success(HOME.parse().unwrap())
    );
    assert_eq!(server.selected().as_deref(), Some(HOME));
}

#[test]
fn wrong_integrity_gets_401_and_changes_nothing() {
    let mut server = Server::new();
    let request = Request {
        password: Some("x".repeat(24)),
        ..server.request(HOME).nominating()
    };
    let (asked, answer) = server.exchange(&request);
    let answer = answer.unwrap();
    assert!(answer.len() <= asked);
    let message = Message::parse(&answer).unwrap();
    assert!(!message.has_integrity(), "RFC 8489 §9.1.3: not signed");
    assert_eq!(
        message.attributes().next(),
        Some(Ok(Attribute::ErrorCode(401, "")))
    );
    assert_eq!(
        (server.events(), server.agent.is_validated(request.path)),
        (vec![], false)
    );
    assert_eq!(server.agent.counters().get(Discard::WrongIntegrity), 1);
}

#[test]
fn missing_integrity_gets_400() {
    let mut server = Server::new();
    let request = Request {
        password: None,
        ..server.request(HOME)
    };
    let (asked, answer) = server.exchange(&request);
    assert!(answer.as_ref().unwrap().len() <= asked);
    assert_eq!(server.check(&request), Answer::Error(400));
    let nameless = Request {
        username: None,
        ..server.request(HOME)
    };
    let (_, answer) = server.exchange(&nameless);
    let answer = answer.unwrap();
    let message = Message::parse(&answer).unwrap();
    assert_eq!(
        message.attributes().next(),
        Some(Ok(Attribute::ErrorCode(400, "")))
    );
    assert_eq!(server.agent.counters().get(Discard::MissingIntegrity), 3);
}

#[test]
fn an_error_longer_than_its_request_is_not_sent() {
    let mut server = Server::new();
    let request = Request {
        password: None,
        username: None,
        role: None,
        ..server.request(HOME)
    };
    let (asked, answer) = server.exchange(&request);
    assert_eq!((asked, answer), (28, None));
    assert_eq!(server.agent.counters().get(Discard::WouldAmplify), 1);
}

#[test]
fn a_username_of_others_gets_nothing() {
    let mut server = Server::new();
    let request = Request {
        username: Some(("stranger".into(), "peer".into())),
        ..server.request(HOME)
    };
    assert_eq!(server.check(&request), Answer::Nothing);
    assert_eq!(server.agent.counters().get(Discard::UnknownUsername), 1);
    // A prefix of ours is not ours, nor is ours in the wrong place.
    let ours = server.local.ufrag().to_owned();
    let request = Request {
        username: Some((ours[..4].to_owned(), ours)),
        ..server.request(HOME)
    };
    assert_eq!(server.check(&request), Answer::Nothing);
}

#[test]
fn unknown_required_attributes_get_a_signed_420_with_their_types() {
    let mut server = Server::new();
    let request = Request {
        extra: vec![(0x0042, vec![1, 2, 3]), (0x7fff, vec![])],
        ..server.request(HOME)
    };
    let (_, answer) = server.exchange(&request);
    let answer = answer.unwrap();
    let message = Message::parse(&answer).unwrap();
    assert_eq!(
        message.verify(&IntegrityKey::new(server.local.pwd())),
        Ok(())
    );
    let attributes: Vec<_> = message.attributes().map(Result::unwrap).collect();
    let types = [0x00, 0x42, 0x7f, 0xff];
    assert_eq!(
        attributes,
        [
            Attribute::ErrorCode(420, ""),
            Attribute::UnknownAttributes(&types)
        ]
    );
    assert_eq!(
        (
            server.selected(),
            server.agent.counters().get(Discard::UnknownAttribute)
        ),
        (None, 1)
    );
}

#[test]
fn unknown_optional_attributes_are_ignored() {
    let mut server = Server::new();
    // GOOG-NETWORK-INFO, GOOG-LAST-ICE-CHECK-RECEIVED, GOOG-MISC-INFO, GOOG-DELTA, and DTLS in STUN as large as it
    // comes.
    let extra = vec![
        (0xc057, vec![0, 1, 0, 50]),
        (0xc05a, vec![1; 12]),
        (0xc05b, vec![0; 3]),
        (0xc05c, vec![2; 4]),
        (0xc060, vec![]),
        (0xc070, vec![22; 1180]),
        (0xc071, vec![3; 16]),
    ];
    let request = Request {
        extra,
        ..server.request(HOME)
    };
    assert_eq!(
        server.check(&request),
        Answer::Success(HOME.parse().unwrap())
    );
}

#[test]
fn a_peer_that_says_it_is_controlled_gets_487() {
    let mut server = Server::new();
    let request = Request {
        role: Some((false, u64::MAX)),
        ..server.request(HOME)
    };
    assert_eq!(server.check(&request), Answer::Error(487));
    assert_eq!(server.selected(), None);
}

#[test]
fn indications_and_responses_are_not_answered() {
    let mut server = Server::new();
    let request = server.request(HOME);
    let mut indication = server.bytes(&Request {
        password: None,
        ..request.clone()
    });
    indication[1] = 0x11;
    let len = indication.len();
    indication.truncate(len - 8);
    let length = u16::try_from(len - 8 - 20).unwrap();
    indication[2..4].copy_from_slice(&length.to_be_bytes());
    server
        .agent
        .handle_datagram(server.now, request.path, &indication);
    let mut response = server.bytes(&request);
    response[0] = 0x01;
    let len = response.len();
    response.truncate(len - 8);
    response[2..4].copy_from_slice(&u16::try_from(len - 28).unwrap().to_be_bytes());
    server
        .agent
        .handle_datagram(server.now, request.path, &response);
    assert_eq!(server.agent.poll_transmit(server.now, &mut [0; 1200]), None);
    assert_eq!(server.agent.counters().get(Discard::UnmatchedResponse), 1);
    assert_eq!(server.agent.counters().total(), 1);
}

#[test]
fn use_candidate_moves_the_path_without_a_restart() {
    let mut server = Server::new();
    let home = server.request(HOME).nominating();
    server.check(&home);
    server.events();
    let mobile = server.request(MOBILE);
    assert_eq!(
        server.check(&mobile),
        Answer::Success(MOBILE.parse().unwrap())
    );
    assert_eq!(
        server.events(),
        [],
        "a check alone moves nothing while the selected path lives"
    );
    server.check(&mobile.nominating());
    assert_eq!(server.selected().as_deref(), Some(MOBILE));
    // And back.
    server.check(&home);
    assert_eq!(server.selected().as_deref(), Some(HOME));
}

#[test]
fn an_older_numbered_nomination_moves_nothing() {
    let mut server = Server::new();
    let (home, mobile) = (server.request(HOME), server.request(MOBILE));
    server.check(&home.clone().numbered(5));
    server.check(&mobile.clone().numbered(4));
    assert_eq!(server.selected().as_deref(), Some(HOME));
    server.check(&mobile.numbered(6));
    assert_eq!(server.selected().as_deref(), Some(MOBILE));
    server.check(&home.numbered(5));
    assert_eq!(server.selected().as_deref(), Some(MOBILE));
}

#[test]
fn a_silent_path_gives_way_to_a_checked_one_without_nomination() {
    let mut server = Server::new();
    let home = server.request(HOME);
    server.check(&home);
    let mobile = server.request(MOBILE);
    for _ in 0..12 {
        server.advance(1);
        server.check(&mobile);
        assert_eq!(server.selected().as_deref(), Some(HOME));
    }
    server.advance(1);
    server.check(&mobile);
    assert_eq!(server.selected().as_deref(), Some(MOBILE));
}

#[test]
fn at_most_eight_paths_are_kept_and_the_selected_one_always() {
    let mut server = Server::new();
    server.check(&server.request(HOME).nominating());
    let paths: Vec<_> = (1..=20)
        .map(|port| server.request(&format!("203.0.113.9:{port}")))
        .collect();
    for request in &paths {
        server.now += Duration::from_millis(1);
        server.check(request);
    }
    assert_eq!(server.agent.validated().count(), 8);
    assert!(server.agent.is_validated(server.request(HOME).path));
    assert!(server.agent.is_validated(paths[19].path));
    assert!(
        !server.agent.is_validated(paths[0].path),
        "the longest silent one went first"
    );
}

#[test]
fn a_path_without_checks_for_the_consent_time_is_forgotten() {
    let mut server = Server::new();
    let (home, mobile) = (server.request(HOME).nominating(), server.request(MOBILE));
    server.check(&mobile);
    for _ in 0..6 {
        server.check(&home);
        server.advance(5);
    }
    assert!(server.agent.is_validated(mobile.path));
    server.check(&home);
    assert!(!server.agent.is_validated(mobile.path));
}

#[test]
fn consent_expires_exactly_30_s_after_the_last_check() {
    let mut server = Server::new();
    let request = server.request(HOME);
    server.check(&request);
    server.advance(20);
    server.check(&request);
    server.events();
    let expiry = server.now + Duration::from_secs(30);
    assert_eq!(server.agent.poll_timeout(), Some(expiry));
    server
        .agent
        .handle_timeout(expiry - Duration::from_nanos(1));
    assert_eq!(server.events(), []);
    server.agent.handle_timeout(expiry);
    assert_eq!(server.events(), [Event::ConsentExpired]);
    assert_eq!(
        (server.agent.selected(), server.agent.poll_timeout()),
        (None, None)
    );
    assert!(!server.agent.is_validated(request.path));
    // It is over: later checks are not answered.
    server.now = expiry;
    assert_eq!(server.check(&request), Answer::Nothing);
    assert_eq!(server.agent.counters().get(Discard::Expired), 1);
}

#[test]
fn unauthenticated_requests_do_not_prolong_consent() {
    let mut server = Server::new();
    server.check(&server.request(HOME));
    let expiry = server.agent.poll_timeout();
    server.advance(10);
    let forged = Request {
        password: Some("x".repeat(24)),
        ..server.request(HOME)
    };
    server.check(&forged);
    assert_eq!(server.agent.poll_timeout(), expiry);
}

#[test]
fn the_consent_time_is_the_configured_one() {
    let local = credentials(1);
    let config = AgentConfig {
        consent_timeout: Duration::from_secs(7),
        connect_timeout: Duration::from_secs(3),
        ..AgentConfig::lite(local.clone())
    };
    let mut server = Server {
        agent: Agent::new(config, 0, Time::ZERO),
        local,
        ..Server::new()
    };
    assert_eq!(server.agent.poll_timeout(), Some(Time::from_millis(3000)));
    server.check(&server.request(HOME));
    assert_eq!(server.agent.poll_timeout(), Some(Time::from_millis(7000)));
}

#[test]
fn without_any_check_the_connect_timeout_ends_it() {
    let mut server = Server::new();
    server.advance(29);
    assert_eq!(server.events(), []);
    server.advance(1);
    assert_eq!(server.events(), [Event::ConnectTimeout]);
    server.advance(100);
    assert_eq!(server.events(), []);
}

#[test]
fn a_restart_keeps_the_old_path_until_the_new_generation_nominates() {
    let mut server = Server::new();
    let old = server.request(HOME).nominating();
    server.check(&old);
    server.events();
    let old_credentials = server.restart(2);
    assert_eq!(server.agent.local(), &credentials(2));
    assert_eq!(server.selected().as_deref(), Some(HOME));
    assert!(
        server.agent.accepts_ufrag(old_credentials.ufrag())
            && server.agent.accepts_ufrag(server.local.ufrag())
    );

    // Both generations are answered; the new one's mere checks move nothing yet.
    let new = server.request(MOBILE);
    assert_eq!(server.check(&old), Answer::Success(HOME.parse().unwrap()));
    assert_eq!(server.check(&new), Answer::Success(MOBILE.parse().unwrap()));
    assert_eq!(server.events(), []);

    server.check(&new.clone().nominating());
    assert_eq!(server.events(), [Event::Selected(new.path)]);
    assert!(!server.agent.accepts_ufrag(old_credentials.ufrag()));
    assert_eq!(server.check(&old), Answer::Nothing);
}

#[test]
fn a_restart_on_the_same_path_changes_generation_without_an_event() {
    let mut server = Server::new();
    server.check(&server.request(HOME).nominating());
    server.events();
    let old = server.restart(2);
    server.check(&server.request(HOME).nominating());
    assert_eq!(server.events(), []);
    assert!(!server.agent.accepts_ufrag(old.ufrag()));
}

#[test]
fn the_old_generation_nominates_nothing_any_more() {
    let mut server = Server::new();
    let old_home = server.request(HOME).nominating();
    server.check(&old_home);
    let old_mobile = server.request(MOBILE).nominating();
    server.restart(2);
    // The new generation has checked the selected path, so it owns it.
    server.check(&server.request(HOME));
    server.check(&old_mobile);
    assert_eq!(server.selected().as_deref(), Some(HOME));
}

#[test]
fn a_second_restart_before_the_first_has_selected_keeps_the_path_in_use() {
    let mut server = Server::new();
    let first = server.request(HOME).nominating();
    server.check(&first);
    let first_credentials = server.restart(2);
    let second_credentials = server.restart(3);
    assert!(server.agent.accepts_ufrag(first_credentials.ufrag()));
    assert!(!server.agent.accepts_ufrag(second_credentials.ufrag()));
    assert_eq!(server.check(&first), Answer::Success(HOME.parse().unwrap()));
}

#[test]
fn a_restart_after_the_end_begins_anew() {
    let mut server = Server::new();
    server.check(&server.request(HOME));
    server.advance(30);
    assert_eq!(server.events(), [Event::ConsentExpired]);
    server.restart(2);
    assert_eq!(
        server.agent.poll_timeout(),
        Some(server.now + Duration::from_secs(30))
    );
    let request = server.request(HOME);
    assert_eq!(
        server.check(&request),
        Answer::Success(HOME.parse().unwrap())
    );
    assert_eq!(server.events(), [Event::Selected(request.path)]);
}

#[test]
fn replies_that_nobody_fetches_are_limited() {
    let mut server = Server::new();
    let request = server.request(HOME);
    for _ in 0..20 {
        let bytes = server.bytes(&request);
        server
            .agent
            .handle_datagram(server.now, request.path, &bytes);
    }
    assert_eq!(server.agent.counters().get(Discard::TooManyReplies), 4);
    let mut out = [0; 1200];
    let replies = std::iter::from_fn(|| server.agent.poll_transmit(Time::ZERO, &mut out)).count();
    assert_eq!(replies, 16);
}

#[test]
fn a_lite_agent_is_small() {
    assert!(size_of::<Agent>() <= 600, "{} bytes", size_of::<Agent>());
}
