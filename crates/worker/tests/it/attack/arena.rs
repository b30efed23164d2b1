//! A running stream that must not notice the attack, and what attackers have.

use std::net::{SocketAddr, UdpSocket};

use xrtc_ice::stun::{Builder, Class, IntegrityKey, TransactionId};
use xrtc_rtp::MediaKind;
use xrtc_sfu::{Command, Ended, Event, Held, PeerId, WorkerId};
use xrtc_testkit::Browser;
use xrtc_worker::{ServerConfig, WorkerEvent};

use crate::outside::loopback;
use crate::scene::{Scene, pictures};

/// One publisher and four viewers on two workers.
pub(crate) struct Arena {
    pub(crate) scene: Scene,
    pub(crate) publisher: usize,
    pub(crate) viewers: Vec<(usize, PeerId)>,
    held: Vec<Held>,
    resident: usize,
}

impl Arena {
    pub(crate) fn start() -> Self {
        Self::with(ServerConfig {
            workers: 2,
            ..loopback()
        })
    }

    pub(crate) fn with(config: ServerConfig) -> Self {
        let mut scene = Scene::new(config);
        let (publisher, _) = scene.publish("lobby");
        scene.browsers.run_until("the publisher connects", |ends| {
            ends[publisher].1.connected_at().is_some()
        });
        let viewers: Vec<_> = (10..14).map(|seed| scene.view("lobby", seed)).collect();
        scene.browsers.run_until("a picture everywhere", |ends| {
            viewers
                .iter()
                .all(|(viewer, _)| pictures(&ends[*viewer].1) > 0)
        });
        let mut arena = Self {
            scene,
            publisher,
            viewers,
            held: Vec::new(),
            resident: 0,
        };
        arena.remember();
        arena
    }

    /// What is held now is what must be held after the attack.
    pub(crate) fn remember(&mut self) {
        self.held = self.held();
        self.resident = resident_bytes();
    }

    /// A browser says goodbye, and the server has heard it.
    pub(crate) fn leave(&mut self, number: usize, left: PeerId) {
        let now = self.scene.browsers.now();
        self.scene.browsers.get(number).close(now);
        self.scene.browsers.serve(number);
        self.scene.app.wait(|_, event| match event {
            WorkerEvent::Sfu(Event::PeerClosed { peer, reason, .. }) if *peer == left => {
                assert_eq!(*reason, Ended::PeerClosed);
                Some(())
            }
            _ => None,
        });
    }

    /// Where the server listens.
    pub(crate) fn targets(&self) -> Vec<SocketAddr> {
        let workers = self.scene.app.server.workers();
        let mut targets: Vec<_> = workers.iter().map(|worker| worker.bound[0]).collect();
        targets.dedup();
        targets
    }

    /// Lets every viewer see `wanted` more pictures (times [`scale`]), while `shoot` is told each time how many shots
    /// are due at this rate.
    pub(crate) fn under_fire(
        &mut self,
        wanted: usize,
        shots_a_second: u64,
        mut shoot: impl FnMut(&mut Self, u64),
    ) {
        let begin = self.scene.browsers.now();
        let mut shot = 0;
        let seen = |arena: &mut Self| {
            let counts = arena.viewers.clone().into_iter();
            let counts = counts.map(|(viewer, _)| pictures(arena.scene.browsers.get(viewer)));
            counts.min().unwrap_or_default()
        };
        let goal = seen(self) + wanted * scale();
        while seen(self) < goal {
            let elapsed = self.scene.browsers.now().since(begin);
            let due = elapsed.as_millis() as u64 * shots_a_second / 1_000;
            // What a slow machine has missed is not made up for in one go.
            shoot(self, (due - shot).min(shots_a_second / 50 + 1));
            shot = due;
            self.scene.browsers.turn();
            assert!(
                elapsed.as_secs() < 20 * (1 + wanted as u64 * scale() as u64 / 30),
                "the stream has stopped"
            );
        }
    }

    /// Nobody has lost a picture or the connection, and the server holds what it held.
    pub(crate) fn assert_undisturbed(&mut self) {
        let viewers = self.viewers.clone();
        for (viewer, _) in &viewers {
            assert_shown_in_full(self.scene.browsers.get(*viewer));
        }
        let publisher = self.scene.browsers.get(self.publisher);
        assert_eq!(publisher.ended(), None, "the publisher is still there");
        self.scene.app.drain();
        for event in self.scene.app.told() {
            let over = matches!(
                event,
                WorkerEvent::Sfu(Event::PeerClosed { .. }) | WorkerEvent::Failed { .. }
            );
            assert!(!over, "{event:?}");
        }
        let steady = |held: Held| {
            [
                ("peers", held.peers),
                ("transports", held.transports),
                ("addresses", held.addresses),
                ("streams", held.streams),
                ("subscriptions", held.subscriptions),
                ("pendingOffers", held.pending_offers),
            ]
        };
        let (before, now) = (self.held.clone(), self.held());
        for (before, now) in before.into_iter().zip(now) {
            assert_eq!(steady(now), steady(before));
        }
        // Beside other tests, which share the process, its memory tells nothing: `npm run attack` runs one after the other.
        let grown = resident_bytes().saturating_sub(self.resident);
        assert!(
            !runs_alone() || grown < MOST_GROWTH,
            "{grown} bytes more than before"
        );
    }

    fn held(&mut self) -> Vec<Held> {
        let workers = self.scene.app.server.workers().len() as u16;
        (0..workers)
            .map(|worker| {
                let app = &mut self.scene.app;
                let wanted = app.request();
                let command = Command::GetHeld { request: wanted };
                app.server.send(WorkerId(worker), command).unwrap();
                app.wait(|_, event| match event {
                    WorkerEvent::Sfu(Event::Held { request, held }) if *request == wanted => {
                        Some(*held)
                    }
                    _ => None,
                })
            })
            .collect()
    }
}

/// A viewer that misses nothing: every picture since its first, none broken.
pub(crate) fn assert_shown_in_full(viewer: &Browser) {
    assert_eq!(viewer.ended(), None, "the viewer is still there");
    let seen = viewer.viewer().unwrap();
    let video = seen.source(MediaKind::Video).unwrap();
    let numbers: Vec<_> = video.video.frames().iter().map(|one| one.frame).collect();
    let gap = numbers.windows(2).find(|pair| pair[1] != pair[0] + 1);
    assert_eq!(gap, None, "a gap");
    assert_eq!((video.video.broken, seen.unknown_packets), (0, 0));
}

/// An attacker's socket, which counts what it sends and what comes back.
pub(crate) struct Stranger {
    socket: UdpSocket,
    pub(crate) sent: usize,
    pub(crate) received: usize,
}

impl Stranger {
    #[expect(clippy::disallowed_methods, reason = "a stranger's socket")]
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        Self {
            socket,
            sent: 0,
            received: 0,
        }
    }

    pub(crate) fn send(&mut self, datagram: &[u8], to: SocketAddr) {
        // A full socket drops it, as the network would.
        if let Ok(len) = self.socket.send_to(datagram, to) {
            self.sent += len;
        }
        let mut buffer = [0; 2048];
        while let Ok((len, _)) = self.socket.recv_from(&mut buffer) {
            self.received += len;
        }
    }
}

/// A check for this session from somebody who knows neither password.
pub(crate) fn forged_check(ufrag: &str, rng: &mut fastrand::Rng) -> Vec<u8> {
    let key = IntegrityKey::new(&format!("{:032x}", rng.u128(..)));
    let mut out = [0; 256];
    let len = Builder::new(&mut out, Class::Request, TransactionId::random(rng))
        .username(ufrag, "attacker")
        .priority(1)
        .use_candidate()
        .ice_controlling(rng.u64(..))
        .integrity(&key)
        .fingerprint()
        .finish();
    out[..len.unwrap()].to_vec()
}

/// A check for this session without MESSAGE-INTEGRITY.
pub(crate) fn unsigned_check(ufrag: &str, rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut out = [0; 256];
    let len = Builder::new(&mut out, Class::Request, TransactionId::random(rng))
        .username(ufrag, "attacker")
        .priority(1)
        .finish();
    out[..len.unwrap()].to_vec()
}

/// A description's `a=ice-ufrag`.
pub(crate) fn ufrag_of(sdp: &str) -> &str {
    sdp.lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"))
        .unwrap()
}

/// How many times the usual moment an attack lasts.
pub(crate) fn scale() -> usize {
    std::env::var("XRTC_ATTACK").map_or(1, |times| times.parse().unwrap())
}

/// Whether no other test runs in this process meanwhile.
fn runs_alone() -> bool {
    std::env::var_os("XRTC_ATTACK").is_some()
}

/// The resident memory of this process, browsers included; 0 where nobody tells.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split_whitespace().nth(1);
    pages.map_or(0, |pages| pages.parse::<usize>().unwrap() * 4_096)
}

/// Browsers in structs remember every picture; a server that an attacker could make grow would grow by far more.
const MOST_GROWTH: usize = 48 << 20;
