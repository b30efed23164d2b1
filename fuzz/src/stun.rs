//! STUN: messages in every state of an agent. What is not authentic moves nothing and gets back at most as many bytes as
//! it had; what is authentic may say anything and stays within the agent's limits.

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_ice::stun::{AttributeType, Builder, Class, IntegrityKey, Message, TransactionId};
use xrtc_ice::{Agent, AgentConfig, Candidate, Credentials, Event, Path, Role, peek_username};
use xrtc_rtp::Time;

use crate::input::Input;

/// The sample messages of RFC 5769, and lists of operations that connect, restart and wait.
pub fn seeds() -> Vec<Vec<u8>> {
    const SAMPLES: [&[u8]; 2] = [
        b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09evtj:h6vY   \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf",
        b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x80\x22\x00\x0btest vector \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\x80\x28\x00\x04\xc0\x7d\x4c\x96",
    ];
    let mut seeds = Vec::new();
    for mode in 0..3 {
        for sample in SAMPLES {
            seeds.push([&[mode, RAW, 0, sample.len() as u8], sample].concat());
        }
        // A check with priority, nomination and role; time; the same again; a restart; a check of the new generation.
        seeds.push(vec![
            mode, CHECK, 0, 3, 0, 0x24, 4, 1, 2, 3, 4, 0, 0x25, 0, 0x80, 0x2a, 8, 1, 2, 3, 4, 5, 6,
            7, 8, TIME, 10, CHECK, 1, 1, 0, 0x25, 0, RESTART, CHECK, 0, 1, 0, 0x25, 0, TIME, 200,
            TIME, 255, ANSWER, 0, 1, 0, 0x20, 8, 0, 1, 1, 2, 3, 4, 5, 6,
        ]);
    }
    seeds
}

/// The mode of the agent, then operations.
pub fn run(input: &[u8]) -> String {
    let mut input = Input::new(input);
    let mut session = Session::new(input.u8());
    let mut steps = 0;
    while !input.is_empty() && steps < 64 {
        session.step(&mut input);
        steps += 1;
    }
    session.word()
}

const RAW: u8 = 0;
const CHECK: u8 = 1;
const ANSWER: u8 = 2;
const TIME: u8 = 3;
const RESTART: u8 = 4;

struct Session {
    agent: Agent,
    now: Time,
    restarts: u32,
    /// The last transaction that the agent began.
    asked: Option<(Path, TransactionId)>,
    selected: usize,
}

impl Session {
    fn new(mode: u8) -> Self {
        let local = local(0);
        let config = match mode % 3 {
            0 => AgentConfig::lite(local),
            1 => AgentConfig::full(Role::Controlling, local),
            _ => AgentConfig::full(Role::Controlled, local),
        };
        let mut agent = Agent::new(config, 7, Time::ZERO);
        agent.add_local_candidate(&Candidate::host(path(0).local, u16::MAX));
        agent.add_remote_candidate(&Candidate::host(path(0).remote, u16::MAX));
        agent.set_remote(remote());
        let mut session = Self {
            agent,
            now: Time::ZERO,
            restarts: 0,
            asked: None,
            selected: 0,
        };
        session.settle(0, false);
        session
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.u8() % 5 {
            RAW => {
                let path = path(input.u8());
                let datagram = input.block();
                read(datagram);
                self.hand_over(path, datagram, false);
            }
            CHECK => {
                let path = path(input.u8());
                let mut out = [0; 1_500];
                let id = TransactionId([input.u8(); 12]);
                let builder = Builder::new(&mut out, Class::Request, id);
                let ours = local(self.restarts);
                let builder = attributes(builder.username(ours.ufrag(), remote().ufrag()), input);
                let key = IntegrityKey::new(ours.pwd());
                let len = builder.integrity(&key).fingerprint().finish();
                self.hand_over(path, &out[..len.unwrap_or(0)], true);
            }
            ANSWER => {
                let Some((path, id)) = self.asked else { return };
                let class = input.pick(&[Class::Success, Class::Error]);
                let mut out = [0; 1_500];
                let builder = attributes(Builder::new(&mut out, class, id), input);
                let key = IntegrityKey::new(remote().pwd());
                let len = builder.integrity(&key).fingerprint().finish();
                self.hand_over(path, &out[..len.unwrap_or(0)], true);
            }
            TIME => {
                let units = u64::from(input.u8());
                self.now += Duration::from_millis(units * units);
                self.agent.handle_timeout(self.now);
                self.settle(usize::MAX, false);
            }
            _ => {
                self.restarts += 1;
                self.agent.restart(self.now, local(self.restarts));
                if input.flag() {
                    self.agent.set_remote(remote());
                    self.agent
                        .add_remote_candidate(&Candidate::host(path(0).remote, u16::MAX));
                }
                self.settle(usize::MAX, false);
            }
        }
    }

    fn hand_over(&mut self, path: Path, datagram: &[u8], is_authentic: bool) {
        let before = (self.agent.selected(), self.agent.is_validated(path));
        self.agent.handle_datagram(self.now, path, datagram);
        if !is_authentic {
            let after = (self.agent.selected(), self.agent.is_validated(path));
            assert_eq!(after, before, "a stranger has moved something");
        }
        self.settle(datagram.len(), !is_authentic);
    }

    /// Takes what the agent has to say. Replies to strangers are no longer than what they sent.
    fn settle(&mut self, received: usize, is_stranger: bool) {
        let mut out = [0; 1_200];
        let (mut replied, mut count) = (0, 0);
        while let Some(transmit) = self.agent.poll_transmit(self.now, &mut out) {
            let message = Message::parse(&out[..transmit.len]).expect("what we send is STUN");
            match message.class() {
                Class::Request => self.asked = Some((transmit.path, message.transaction_id())),
                _ => replied += transmit.len,
            }
            count += 1;
            assert!(count < 1_000, "it never ends");
        }
        if is_stranger {
            assert!(replied <= received, "{replied} bytes for {received}");
        }
        while let Some(event) = self.agent.poll_event() {
            self.selected += usize::from(matches!(event, Event::Selected(_)));
        }
        assert!(self.agent.validated().count() <= 128);
        if let Some(due) = self.agent.poll_timeout() {
            // One call at the time that was asked for makes it later.
            if due <= self.now {
                self.agent.handle_timeout(self.now);
                while self.agent.poll_transmit(self.now, &mut out).is_some() {}
                let next = self.agent.poll_timeout();
                assert!(
                    next.is_none_or(|next| next > self.now),
                    "a timer that stands still"
                );
            }
        }
    }

    fn word(&self) -> String {
        let counters = format!("{:?}", self.agent.counters());
        let counted: String = counters
            .chars()
            .filter(|char| char.is_ascii_digit())
            .take(80)
            .collect();
        format!(
            "{counted} {} {}",
            self.selected.min(4),
            self.agent.validated().count().min(4)
        )
    }
}

/// A number of attributes: type, length, value.
fn attributes<'a>(mut builder: Builder<'a>, input: &mut Input<'_>) -> Builder<'a> {
    for _ in 0..input.below(16) {
        let kind = AttributeType(input.u16());
        builder = builder.attribute(kind, input.block());
    }
    builder
}

/// Reading alone: nothing panics, and attributes end.
fn read(datagram: &[u8]) {
    let _ = peek_username(datagram);
    if let Ok(message) = Message::parse(datagram) {
        assert!(message.attributes().count() <= datagram.len() / 4);
        let _ = message.verify(&IntegrityKey::new("VOkJxbRl1RmTxUk/WvJxBt"));
    }
}

fn local(generation: u32) -> Credentials {
    Credentials::new(&format!("evtj{generation}"), "VOkJxbRl1RmTxUk/WvJxBt")
        .expect("within RFC 8839")
}

fn remote() -> Credentials {
    Credentials::new("h6vY", "a-password-of-somebody-else").expect("within RFC 8839")
}

/// A few paths, so that some are known.
fn path(number: u8) -> Path {
    Path::udp(
        SocketAddr::from(([198, 51, 100, 1], 8_189)),
        SocketAddr::from(([192, 0, 2, 1], 40_000 + u16::from(number % 32))),
    )
}
