//! A client of the server, in a struct.

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use md5::{Digest, Md5};
use xrtc_ice::stun::{Attribute, AttributeType, Builder, IntegrityKey, TransactionId};

use super::super::*;
use crate::far_end;
use crate::message::value;

pub(super) use crate::far_end::address;

pub(super) const OWN: &str = "127.0.0.1:8800";
pub(super) const PEER: &str = "8.8.8.8:9000";

pub(super) fn start(change: impl FnOnce(&mut TurnConfig)) -> TurnServer {
    let mut config = far_end::config();
    config.peers.own = vec![address(OWN)];
    change(&mut config);
    far_end::server(config, 7)
}

pub(super) fn at(seconds: u64) -> Time {
    Time::from_millis(seconds * 1_000)
}

/// A client that does what it is told to, and no more.
pub(super) struct Caller {
    pub(super) client: Client,
    pub(super) username: String,
    pub(super) key: IntegrityKey,
    pub(super) nonce: Vec<u8>,
    transactions: u8,
}

/// A response, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) class: Class,
    pub(super) code: Option<u16>,
    pub(super) relayed: Option<SocketAddr>,
    pub(super) lifetime: Option<u32>,
    pub(super) nonce: Option<Vec<u8>>,
}

impl Caller {
    pub(super) fn new(remote: &str, username: &str, secret: &[u8]) -> Self {
        let tag = sign(
            &Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret),
            username.as_bytes(),
        );
        let password = base64(tag.as_ref());
        let hash = Md5::digest(format!("{username}:xrtc:{password}"));
        Self {
            client: Client {
                path: Path::udp(address("192.0.2.1:3478"), address(remote)),
                link: 0,
            },
            username: username.to_owned(),
            key: IntegrityKey::from_bytes(&hash),
            nonce: Vec::new(),
            transactions: 0,
        }
    }

    pub(super) fn ann() -> Self {
        Self::new("198.51.100.7:4000", "1000600:ann", b"north")
    }

    pub(super) fn bytes(
        &mut self,
        method: Method,
        attributes: &[(AttributeType, &[u8])],
    ) -> Vec<u8> {
        self.transactions += 1;
        let id = TransactionId([self.transactions; 12]);
        let mut out = [0; 1_500];
        let mut builder = Builder::of(&mut out, method, Class::Request, id);
        for (kind, value) in attributes {
            builder = builder.attribute(*kind, value);
        }
        let len = builder
            .attribute(AttributeType::USERNAME, self.username.as_bytes())
            .attribute(AttributeType::REALM, b"xrtc")
            .attribute(AttributeType::NONCE, &self.nonce)
            .integrity(&self.key)
            .finish()
            .unwrap();
        out[..len].to_vec()
    }

    pub(super) fn ask(
        &mut self,
        server: &mut TurnServer,
        now: Time,
        method: Method,
        attributes: &[(AttributeType, &[u8])],
    ) -> Response {
        let request = self.bytes(method, attributes);
        self.hear(server, now, &request)
    }

    pub(super) fn hear(&self, server: &mut TurnServer, now: Time, request: &[u8]) -> Response {
        let mut out = [0; 256];
        let len = match server.handle_datagram(now, self.client, request, &mut out) {
            Some(Output::Reply { len }) => len,
            Some(Output::Open(opening)) => {
                let relayed = address("203.0.113.1:50000");
                server
                    .opened(now, *opening, Some(relayed), &mut out)
                    .1
                    .unwrap()
            }
            other => panic!("{other:?}"),
        };
        let message = Message::parse_any(&out[..len]).unwrap();
        if message.has_integrity() {
            message.verify(&self.key).unwrap();
        }
        Response {
            class: message.class(),
            code: message.find(|attribute| match attribute {
                Attribute::ErrorCode(code, "") => Some(code),
                _ => None,
            }),
            relayed: value(&message, AttributeType::XOR_RELAYED_ADDRESS)
                .and_then(|value| message.xor_address(value)),
            lifetime: value(&message, AttributeType::LIFETIME)
                .map(|value| u32::from_be_bytes(value.try_into().unwrap())),
            nonce: value(&message, AttributeType::NONCE).map(<[u8]>::to_vec),
        }
    }

    /// Gets its nonce.
    pub(super) fn greet(&mut self, server: &mut TurnServer, now: Time) {
        let bare = bare(
            Method::ALLOCATE,
            &[(AttributeType::REQUESTED_TRANSPORT, UDP)],
        );
        let response = self.hear(server, now, &bare);
        assert_eq!(response.code, Some(401));
        self.nonce = response.nonce.unwrap();
    }

    pub(super) fn allocate(&mut self, server: &mut TurnServer, now: Time) -> Response {
        self.greet(server, now);
        let transport = [(AttributeType::REQUESTED_TRANSPORT, UDP)];
        self.ask(server, now, Method::ALLOCATE, &transport)
    }

    pub(super) fn permit(&mut self, server: &mut TurnServer, now: Time, peer: &str) -> Response {
        let peer = xor(address(peer));
        let peers = [(AttributeType::XOR_PEER_ADDRESS, peer.as_slice())];
        self.ask(server, now, Method::CREATE_PERMISSION, &peers)
    }

    pub(super) fn bind(
        &mut self,
        server: &mut TurnServer,
        now: Time,
        number: u16,
        peer: &str,
    ) -> Response {
        let [high, low] = number.to_be_bytes();
        let channel = [high, low, 0, 0];
        let peer = xor(address(peer));
        let attributes = [
            (AttributeType::CHANNEL_NUMBER, channel.as_slice()),
            (AttributeType::XOR_PEER_ADDRESS, &peer),
        ];
        self.ask(server, now, Method::CHANNEL_BIND, &attributes)
    }

    pub(super) fn send(
        &self,
        server: &mut TurnServer,
        now: Time,
        peer: &str,
        data: &[u8],
    ) -> Option<Output> {
        let mut out = [0; 1_500];
        let id = TransactionId([9; 12]);
        let len = Builder::of(&mut out, Method::SEND, Class::Indication, id)
            .xor_address(AttributeType::XOR_PEER_ADDRESS, address(peer))
            .attribute(AttributeType::DATA, data)
            .finish()
            .unwrap();
        let datagram = &out[..len];
        let output = server.handle_datagram(now, self.client, datagram, &mut [0; 256])?;
        let Output::ToPeer { data: range, .. } = &output else {
            panic!("{output:?}");
        };
        assert_eq!(datagram[range.clone()], *data);
        Some(output)
    }
}

pub(super) const UDP: &[u8] = &[17, 0, 0, 0];

pub(super) fn bare(method: Method, attributes: &[(AttributeType, &[u8])]) -> Vec<u8> {
    let mut out = [0; 600];
    let mut builder = Builder::of(&mut out, method, Class::Request, TransactionId([1; 12]));
    for (kind, value) in attributes {
        builder = builder.attribute(*kind, value);
    }
    let len = builder.finish().unwrap();
    out[..len].to_vec()
}

/// IPv4 only: its mask does not depend on the transaction.
pub(super) fn xor(peer: SocketAddr) -> Vec<u8> {
    let mut out = [0; 64];
    let id = TransactionId::default();
    let builder = Builder::of(&mut out, Method::SEND, Class::Indication, id);
    let len = builder
        .xor_address(AttributeType::XOR_PEER_ADDRESS, peer)
        .finish()
        .unwrap();
    out[24..len].to_vec()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let digits = bits.as_bytes().chunks(6).map(|chunk| {
        let digit = chunk
            .iter()
            .fold(0, |sum, bit| sum * 2 + usize::from(bit - b'0'));
        char::from(DIGITS[digit << (6 - chunk.len())])
    });
    let text: String = digits.collect();
    let padded = text.len().next_multiple_of(4);
    format!("{text:=<padded$}")
}
