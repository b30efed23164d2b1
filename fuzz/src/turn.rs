//! TURN: clients with and without credentials, peers, connections and time, in any order. Without credentials nobody gets back
//! more than four times what was sent; no datagram leaves for a private address; nothing is above its limit, and with
//! time everything is over, each allocation told once.

use std::collections::BTreeSet;
use std::time::Duration;

use xrtc_ice::Path;
use xrtc_ice::stun::{
    Attribute, AttributeType, Builder, Class, IntegrityKey, Message, Method, TransactionId,
};
use xrtc_rtp::Time;
use xrtc_turn::{
    AllocationId, Client, Frame, Output, PeerPolicy, TurnConfig, TurnLimits, TurnServer, frame,
};

use crate::far_end::{self, RELAYED, address};
use crate::input::Input;

/// A client that allocates, permits, binds, sends and hears; one that nobody knows; frames of a connection.
pub fn seeds() -> Vec<Vec<u8>> {
    let greet = [REQUEST, 0, ALLOCATE, 1, TRANSPORT];
    let permit = [REQUEST, 0, PERMIT, 1, PEER, 0];
    let bind = [REQUEST, 0, BIND, 2, NUMBER, 1, PEER, 0];
    let session = [
        &greet[..],
        &greet,
        &permit,
        &bind,
        &[SEND, 0, 0, 3, 1, 2, 3, CHANNEL, 0, 1, 3, 1, 2, 3],
        &[HEARD, 0, 0, 3, 1, 2, 3, HEARD, 0, 1, 3, 1, 2, 3, TIME, 10],
        &[REQUEST, 0, REFRESH, 1, LIFE, 0, 0, CLOSED, 0],
    ]
    .concat();
    let private = [&greet[..], &greet, &[REQUEST, 0, PERMIT, 1, PEER, 2]].concat();
    let stranger = [
        &[RAW, 2, 28, 0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42][..],
        &[1; 12],
        &[0, 0x19, 0, 4, 17, 0, 0, 0],
    ]
    .concat();
    vec![session, private, stranger]
}

/// Operations.
pub fn run(input: &[u8]) -> String {
    let mut input = Input::new(input);
    let mut scene = Scene::new();
    let mut steps = 0;
    while !input.is_empty() && steps < 96 {
        scene.step(&mut input);
        scene.check();
        steps += 1;
    }
    scene.end()
}

const RAW: u8 = 0;
const REQUEST: u8 = 1;
const SEND: u8 = 2;
const CHANNEL: u8 = 3;
const HEARD: u8 = 4;
const TIME: u8 = 5;
const CLOSED: u8 = 6;

const METHODS: [Method; 5] = [
    Method::ALLOCATE,
    Method::REFRESH,
    Method::CREATE_PERMISSION,
    Method::CHANNEL_BIND,
    Method::BINDING,
];
const ALLOCATE: u8 = 0;
const REFRESH: u8 = 1;
const PERMIT: u8 = 2;
const BIND: u8 = 3;

const TRANSPORT: u8 = 0;
const PEER: u8 = 1;
const NUMBER: u8 = 2;
const LIFE: u8 = 3;

const CLIENTS: [&str; 3] = [
    "198.51.100.7:4000",
    "198.51.100.8:4000",
    "[2001:db8::7]:4000",
];
/// Unix time long after the clocks of all runs, then a name; and MD5(name ":xrtc:" password), the password being the base64
/// of HMAC-SHA1("north", name).
const USERS: [(&str, [u8; 16]); 2] = [
    (
        "4000000000:a",
        [
            0xf4, 0x3c, 0xf4, 0xdd, 0x36, 0x86, 0xa0, 0xe3, 0xbf, 0x41, 0x10, 0x38, 0x08, 0xfb,
            0x95, 0x7e,
        ],
    ),
    (
        "4000000000:b",
        [
            0x4c, 0xc4, 0x67, 0x9a, 0x9e, 0x50, 0x62, 0x93, 0xf3, 0x1b, 0x18, 0x7d, 0x29, 0x12,
            0x11, 0x38,
        ],
    ),
];
const OWN: &str = "127.0.0.1:8800";
/// Those that may be reached come first.
const REACHABLE: usize = 2;
const PEERS: [&str; 7] = [
    "8.8.8.8:9000",
    OWN,
    "10.0.0.1:80",
    "127.0.0.1:22",
    "[::ffff:127.0.0.1]:22",
    "[64:ff9b::a00:1]:80",
    "169.254.1.1:53",
];
const LIMITS: TurnLimits = TurnLimits {
    allocations: 2,
    allocations_per_user: 2,
    allocations_per_address: 2,
    permissions: 3,
    channels: 3,
    bytes_per_second: 2_000,
    lifetime: Duration::from_secs(900),
    unauthenticated_bytes_per_second: 4_096,
};

struct Scene {
    server: TurnServer,
    now: Time,
    nonces: [Vec<u8>; CLIENTS.len()],
    open: BTreeSet<AllocationId>,
    opened: usize,
    transactions: u64,
}

impl Scene {
    fn new() -> Self {
        let config = TurnConfig {
            families: [true, true],
            peers: PeerPolicy {
                own: vec![address(OWN)],
                ..PeerPolicy::default()
            },
            limits: LIMITS,
            ..far_end::config()
        };
        Self {
            server: far_end::server(config, 7),
            now: Time::ZERO,
            nonces: Default::default(),
            open: BTreeSet::new(),
            opened: 0,
            transactions: 0,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.u8() % 7 {
            RAW => self.raw(input),
            REQUEST => self.request(input),
            SEND => {
                let (client, peer) = (input.below(CLIENTS.len()), input.pick(&PEERS));
                let data = input.block();
                let mut out = [0; 512];
                let indication = Builder::of(
                    &mut out,
                    Method::SEND,
                    Class::Indication,
                    TransactionId([9; 12]),
                )
                .xor_address(AttributeType::XOR_PEER_ADDRESS, address(peer))
                .attribute(AttributeType::DATA, data)
                .finish();
                let len = indication.expect("room for a block");
                self.send(client, &out[..len]);
            }
            CHANNEL => {
                let client = input.below(CLIENTS.len());
                let number = 0x4000 + u16::from(input.u8());
                let data = input.block();
                let len = u16::try_from(data.len()).unwrap_or(u16::MAX);
                let head = [number.to_be_bytes(), len.to_be_bytes()].concat();
                self.send(client, &[&head, data].concat());
            }
            HEARD => {
                let (allocation, peer) = (AllocationId(input.below(3)), input.pick(&PEERS));
                let (data, mut out) = (input.block(), [0; 512]);
                let from = (allocation, address(peer));
                let heard = self.server.handle_relayed(self.now, from, data, &mut out);
                if let Some((client, len)) = heard {
                    assert!(self.open.contains(&allocation));
                    assert!(self.server.has_allocation(&client));
                    assert!(len >= data.len() && len <= data.len() + 64);
                }
            }
            TIME => {
                let seconds = u64::from(input.u8());
                self.wait(Duration::from_millis(seconds * seconds * 20));
            }
            _ => {
                self.server
                    .handle_closed(client(input.below(CLIENTS.len())));
                self.released();
            }
        }
    }

    /// Any bytes, as a datagram and as a stream.
    fn raw(&mut self, input: &mut Input<'_>) {
        let from = client(input.below(CLIENTS.len()));
        let bytes = input.block();
        if let Frame::Whole { len, taken } = frame(bytes) {
            assert!(len <= taken && taken <= bytes.len() && taken > 0);
        }
        let mut out = [0; 256];
        match self.server.handle_datagram(self.now, from, bytes, &mut out) {
            Some(Output::Reply { len }) => assert!(len <= 4 * bytes.len(), "{len} bytes"),
            Some(Output::ToPeer { data, .. }) => assert!(data.end <= bytes.len()),
            Some(Output::Open(_)) => panic!("an allocation without credentials"),
            None => {}
        }
    }

    /// A request with credentials, and the nonce of the last answer.
    fn request(&mut self, input: &mut Input<'_>) {
        let index = input.below(CLIENTS.len());
        let (method, (name, key)) = (input.pick(&METHODS), USERS[index % USERS.len()]);
        let key = IntegrityKey::from_bytes(&key);
        self.transactions += 1;
        let mut id = [0; 12];
        id[..8].copy_from_slice(&self.transactions.to_be_bytes());
        let mut out = [0; 2_048];
        let mut builder = Builder::of(&mut out, method, Class::Request, TransactionId(id));
        for _ in 0..input.below(6) {
            builder = attribute(builder, input);
        }
        let len = builder
            .attribute(AttributeType::USERNAME, name.as_bytes())
            .attribute(AttributeType::REALM, b"xrtc")
            .attribute(AttributeType::NONCE, &self.nonces[index])
            .integrity(&key)
            .finish();
        let Some(len) = len else { return };
        self.ask(index, &out[..len]);
    }

    fn ask(&mut self, index: usize, request: &[u8]) {
        let mut out = [0; 256];
        let output = self
            .server
            .handle_datagram(self.now, client(index), request, &mut out);
        let len = match output {
            Some(Output::Reply { len }) => len,
            Some(Output::Open(opening)) => {
                // Every fourth socket cannot be had.
                let has_socket = self.transactions % 4 != 3;
                let relayed = has_socket.then(|| address(RELAYED));
                let (id, len) = self.server.opened(self.now, *opening, relayed, &mut out);
                assert_eq!(id.is_some(), has_socket);
                if let Some(id) = id {
                    assert!(self.open.insert(id), "{id:?} is given twice");
                    self.opened += 1;
                }
                len.expect("room for the answer")
            }
            Some(Output::ToPeer { .. }) => panic!("a request is passed on"),
            None => return,
        };
        let answer = Message::parse_any(&out[..len]).expect("an answer of the server");
        let nonce = answer.find(|attribute| match attribute {
            Attribute::Other(AttributeType::NONCE, value) => Some(value.to_vec()),
            _ => None,
        });
        if let Some(nonce) = nonce {
            self.nonces[index] = nonce;
        }
    }

    /// What goes to a peer goes to one that may be reached, and is what the client sent.
    fn send(&mut self, index: usize, datagram: &[u8]) {
        let mut out = [0; 256];
        let from = client(index);
        match self
            .server
            .handle_datagram(self.now, from, datagram, &mut out)
        {
            Some(Output::ToPeer {
                allocation,
                peer,
                data,
            }) => {
                assert!(self.open.contains(&allocation));
                assert!(data.start <= data.end && data.end <= datagram.len());
                assert!(
                    PEERS[..REACHABLE].iter().any(|one| address(one) == peer),
                    "{peer}"
                );
            }
            Some(output) => panic!("{output:?}"),
            None => {}
        }
    }

    fn wait(&mut self, duration: Duration) {
        self.now += duration;
        if self
            .server
            .poll_timeout()
            .is_some_and(|due| due <= self.now)
        {
            self.server.handle_timeout(self.now);
            assert!(self.server.poll_timeout().is_none_or(|due| due > self.now));
        }
        self.released();
    }

    fn released(&mut self) {
        while let Some((id, _)) = self.server.poll_released() {
            assert!(self.open.remove(&id), "{id:?} is released twice");
        }
    }

    fn check(&mut self) {
        self.released();
        let counters = self.server.counters();
        assert_eq!(counters.allocations, self.open.len() as u64);
        assert!(counters.allocations <= LIMITS.allocations as u64);
        assert!(counters.permissions <= counters.allocations * LIMITS.permissions as u64);
        assert!(counters.channels <= counters.allocations * LIMITS.channels as u64);
    }

    /// Nobody refreshes anything.
    fn end(mut self) -> String {
        let before = self.server.counters();
        self.wait(LIMITS.lifetime);
        self.wait(Duration::from_secs(2));
        let after = self.server.counters();
        assert!(self.open.is_empty(), "{:?} stay", self.open);
        assert_eq!(
            (after.allocations, after.permissions, after.channels),
            (0, 0, 0)
        );
        assert_eq!(self.server.poll_timeout(), None);
        format!(
            "{} {} {} {} {}",
            self.opened.min(5),
            before.permissions,
            before.channels,
            before.datagrams_to_clients.min(3),
            before.malformed.min(3)
        )
    }
}

fn attribute<'a>(builder: Builder<'a>, input: &mut Input<'_>) -> Builder<'a> {
    match input.u8() % 6 {
        TRANSPORT => builder.attribute(AttributeType::REQUESTED_TRANSPORT, &[17, 0, 0, 0]),
        PEER => builder.xor_address(AttributeType::XOR_PEER_ADDRESS, address(input.pick(&PEERS))),
        NUMBER => builder.attribute(AttributeType::CHANNEL_NUMBER, &[0x40, input.u8(), 0, 0]),
        LIFE => {
            let [high, low] = input.u16().to_be_bytes();
            builder.attribute(AttributeType::LIFETIME, &[0, 0, high, low])
        }
        4 => {
            let family = [1 + input.u8() % 3, 0, 0, 0];
            builder.attribute(AttributeType::REQUESTED_ADDRESS_FAMILY, &family)
        }
        _ => {
            let kind = AttributeType(input.u16());
            builder.attribute(kind, input.block())
        }
    }
}

fn client(index: usize) -> Client {
    let remote = address(CLIENTS[index]);
    let local = if remote.is_ipv4() {
        "192.0.2.1:3478"
    } else {
        "[2001:db8::1]:3478"
    };
    Client {
        path: Path::udp(address(local), remote),
        link: 0,
    }
}
