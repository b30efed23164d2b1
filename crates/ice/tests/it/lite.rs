//! A lite agent and handmade checks.

mod checks;
mod path;
mod restart;
mod tcp;

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_ice::stun::{
    Attribute, AttributeType, Builder, Class, IntegrityKey, Message, TransactionId,
};
use xrtc_ice::{Agent, AgentConfig, Credentials, Event, Path};
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
        let path = Path::udp("192.0.2.1:8189".parse().unwrap(), remote.parse().unwrap());
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
