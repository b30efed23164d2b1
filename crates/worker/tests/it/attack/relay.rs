//! The TURN server as a weapon: against those whose address is forged, and against the network it stands in.

use std::collections::HashMap;
use std::net::SocketAddr;

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use md5::{Digest, Md5};
use xrtc_ice::stun::{
    Attribute, AttributeType, Builder, Class, IntegrityKey, Message, Method, TransactionId,
};
use xrtc_worker::{ServerConfig, TurnLimits, TurnSettings};

use super::arena::{Arena, Stranger};
use crate::outside::{PATIENCE, loopback};

/// Bytes per second for the strangers of a prefix: all of them are on the loopback.
const BUDGET: u32 = 4_096;

fn arena() -> (Arena, SocketAddr) {
    let arena = Arena::with(ServerConfig {
        workers: 2,
        turn: Some(TurnSettings {
            port: 0,
            secret: b"north".to_vec(),
            limits: TurnLimits {
                unauthenticated_bytes_per_second: BUDGET,
                ..TurnLimits::default()
            },
            ..TurnSettings::default()
        }),
        ..loopback()
    });
    let target = arena.scene.app.server.turn().unwrap().bound[0];
    (arena, target)
}

fn figures(arena: &Arena) -> HashMap<&'static str, u64> {
    arena.scene.app.server.turn_figures().collect()
}

/// The figures as soon as they fulfil `condition`.
fn figures_when(
    arena: &Arena,
    condition: impl Fn(&HashMap<&'static str, u64>) -> bool,
) -> HashMap<&'static str, u64> {
    let deadline = arena.scene.browsers.now() + PATIENCE;
    loop {
        let figures = figures(arena);
        if condition(&figures) {
            return figures;
        }
        assert!(
            arena.scene.browsers.now() < deadline,
            "in vain: {figures:?}"
        );
        std::thread::yield_now();
    }
}

#[test]
fn a_flood_without_credentials_is_answered_within_the_budget_and_four_times_its_bytes() {
    let (mut arena, target) = arena();
    let mut rng = fastrand::Rng::with_seed(5);
    let mut strangers: Vec<_> = (0..16).map(|_| Stranger::new()).collect();
    let begin = arena.scene.browsers.now();
    arena.under_fire(60, 5_000, |_, due| {
        for _ in 0..due {
            let mut out = [0; 64];
            let methods = [Method::BINDING, Method::ALLOCATE, Method::REFRESH];
            let method = methods[rng.usize(..methods.len())];
            let id = TransactionId::random(&mut rng);
            let request = Builder::of(&mut out, method, Class::Request, id);
            let len = request.finish().unwrap();
            let stranger = rng.usize(..strangers.len());
            strangers[stranger].send(&out[..len], target);
        }
    });
    let seconds = arena.scene.browsers.now().since(begin).as_secs() + 1;
    let received: usize = strangers.iter().map(|one| one.received).sum();
    let sent: usize = strangers.iter().map(|one| one.sent).sum();
    assert!(
        received > 0 && received <= 4 * sent,
        "{received} bytes for {sent}"
    );
    let most = u64::from(BUDGET) * (4 + seconds);
    assert!(received as u64 <= most, "{received} bytes in {seconds} s");
    let figures = figures(&arena);
    assert!(figures["overBudget"] > 0);
    assert_eq!((figures["allocations"], figures["restarts"]), (0, 0));
    arena.assert_undisturbed();
}

#[test]
fn no_client_reaches_the_network_of_the_server_by_it() {
    let (mut arena, target) = arena();
    let mut client = Insider::new(target);
    assert_eq!(client.allocate(), None);
    let media = arena.targets()[0];
    let other = SocketAddr::new(media.ip(), media.port() ^ 1);
    let privates = [
        "10.0.0.1:80",
        "169.254.169.254:80",
        "192.168.0.1:80",
        "0.0.0.0:80",
        "224.0.0.1:80",
    ];
    let mut refused = 0;
    arena.under_fire(30, 400, |_, due| {
        for _ in 0..due {
            let peer: SocketAddr = privates[refused % privates.len()].parse().unwrap();
            assert_eq!(client.permit(peer), Some(403), "{peer}");
            assert_eq!(client.bind(0x4000, peer), Some(403), "{peer}");
            client.send(peer);
            refused += 1;
        }
    });
    // The address of its media is reached, but no other port there.
    assert_eq!(client.permit(media), None);
    assert_eq!(client.bind(0x4001, media), None);
    assert_eq!(client.bind(0x4002, other), Some(403));
    let before = figures(&arena)["datagramsToPeers"];
    client.send(other);
    client.send(media);
    assert_eq!(
        client.permit("8.8.8.8:53".parse().unwrap()),
        None,
        "all before is done"
    );
    // An answer may be here before what it tells of is counted.
    let figures = figures_when(&arena, |figures| figures["datagramsToPeers"] > before);
    assert_eq!(figures["datagramsToPeers"], before + 1);
    assert!(figures["peersRefused"] as usize > 2 * refused);
    arena.assert_undisturbed();
}

/// A client with credentials that tries what it may not.
struct Insider {
    socket: std::net::UdpSocket,
    key: IntegrityKey,
    nonce: Vec<u8>,
    transactions: u32,
}

const NAME: &str = "99999999999:eve";

impl Insider {
    #[expect(clippy::disallowed_methods, reason = "a client's socket")]
    fn new(target: SocketAddr) -> Self {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(target).unwrap();
        socket
            .set_read_timeout(Some(std::time::Duration::from_secs(10)))
            .unwrap();
        let tag = sign(
            &Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"north"),
            NAME.as_bytes(),
        );
        let password = base64(tag.as_ref());
        let key = IntegrityKey::from_bytes(&Md5::digest(format!("{NAME}:xrtc:{password}")));
        Self {
            socket,
            key,
            nonce: Vec::new(),
            transactions: 0,
        }
    }

    /// The code of an error, or nothing.
    fn ask(&mut self, method: Method, fill: impl Fn(Builder<'_>) -> Builder<'_>) -> Option<u16> {
        self.transactions += 1;
        let mut id = [0; 12];
        id[..4].copy_from_slice(&self.transactions.to_be_bytes());
        let mut out = [0; 512];
        let request = fill(Builder::of(
            &mut out,
            method,
            Class::Request,
            TransactionId(id),
        ));
        let request = request
            .attribute(AttributeType::USERNAME, NAME.as_bytes())
            .attribute(AttributeType::REALM, b"xrtc")
            .attribute(AttributeType::NONCE, &self.nonce);
        let len = request.integrity(&self.key).finish().unwrap();
        self.socket.send(&out[..len]).unwrap();
        let mut reply = [0; 1_500];
        loop {
            let len = self.socket.recv(&mut reply).unwrap();
            let Ok(message) = Message::parse_any(&reply[..len]) else {
                continue;
            };
            if message.transaction_id() != TransactionId(id) {
                continue;
            }
            if let Some(nonce) = message.find(|attribute| match attribute {
                Attribute::Other(AttributeType::NONCE, value) => Some(value),
                _ => None,
            }) {
                self.nonce = nonce.to_vec();
            }
            return message.find(|attribute| match attribute {
                Attribute::ErrorCode(code, _) => Some(code),
                _ => None,
            });
        }
    }

    fn allocate(&mut self) -> Option<u16> {
        assert_eq!(self.try_allocate(), Some(438), "the nonce is another's");
        self.try_allocate()
    }

    fn try_allocate(&mut self) -> Option<u16> {
        self.ask(Method::ALLOCATE, |request| {
            request.attribute(AttributeType::REQUESTED_TRANSPORT, &[17, 0, 0, 0])
        })
    }

    fn permit(&mut self, peer: SocketAddr) -> Option<u16> {
        self.ask(Method::CREATE_PERMISSION, |request| {
            request.xor_address(AttributeType::XOR_PEER_ADDRESS, peer)
        })
    }

    fn bind(&mut self, number: u16, peer: SocketAddr) -> Option<u16> {
        let [high, low] = number.to_be_bytes();
        self.ask(Method::CHANNEL_BIND, |request| {
            request
                .attribute(AttributeType::CHANNEL_NUMBER, &[high, low, 0, 0])
                .xor_address(AttributeType::XOR_PEER_ADDRESS, peer)
        })
    }

    fn send(&self, peer: SocketAddr) {
        let mut out = [0; 128];
        let id = TransactionId([9; 12]);
        let len = Builder::of(&mut out, Method::SEND, Class::Indication, id)
            .xor_address(AttributeType::XOR_PEER_ADDRESS, peer)
            .attribute(AttributeType::DATA, b"GET / HTTP/1.1")
            .finish();
        self.socket.send(&out[..len.unwrap()]).unwrap();
    }
}

/// Of 20 bytes.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = 0_u32;
    let mut text = String::new();
    for (index, byte) in bytes.iter().chain(&[0]).enumerate() {
        bits = bits << 8 | u32::from(*byte);
        if index % 3 == 2 {
            let digit = |shift: u32| char::from(DIGITS[(bits >> shift) as usize & 63]);
            text.extend([18, 12, 6, 0].map(digit));
        }
    }
    text.truncate(27);
    text + "="
}
