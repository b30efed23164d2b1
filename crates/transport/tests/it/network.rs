//! Two transports and a network between them, in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use xrtc_ice::{AgentConfig, Candidate, Credentials, Mode, Role};
use xrtc_rtp::Time;
use xrtc_transport::{
    Certificate, DtlsRole, DtlsSettings, DtlsVersion, Event, Path, Received, RemoteDtls, Transport,
    TransportConfig, TransportState,
};

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// Full, controlling: a browser.
    Client,
    /// Lite.
    Server,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Client, Self::Server];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// The path as this side sees it.
    pub(crate) fn path(self) -> Path {
        let (client, server) = (address("192.0.2.7:40000"), address("198.51.100.1:8189"));
        match self {
            Self::Client => Path::udp(client, server),
            Self::Server => Path::udp(server, client),
        }
    }
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What happens to each datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) loss: f64,
    pub(crate) copies: f64,
    /// One way, in milliseconds; a wide range reorders.
    pub(crate) delay: (u64, u64),
}

impl Weather {
    pub(crate) const FINE: Self = Self {
        loss: 0.0,
        copies: 0.0,
        delay: (10, 10),
    };
}

/// How the two are set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    pub(crate) weather: Weather,
    /// Who begins the DTLS handshake.
    pub(crate) dtls_client: Side,
    /// Of the client and of the server.
    pub(crate) versions: [DtlsVersion; 2],
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            seed: 1,
            weather: Weather::FINE,
            dtls_client: Side::Client,
            versions: [DtlsVersion::V12; 2],
        }
    }
}

/// One certificate for each side of all tests, since making one takes a while.
pub(crate) fn certificate(side: Side) -> &'static Certificate {
    static BOTH: LazyLock<[Certificate; 2]> =
        LazyLock::new(|| Side::BOTH.map(|_| Certificate::generate().unwrap()));
    &BOTH[side as usize]
}

/// Any instant will do, but the same for all.
#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do as the origin"
)]
pub(crate) fn epoch() -> Instant {
    static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
    *EPOCH
}

pub(crate) fn settings(side: Side, version: DtlsVersion) -> Arc<DtlsSettings> {
    Arc::new(DtlsSettings::new(
        certificate(side).clone(),
        version,
        epoch(),
    ))
}

/// What the other side's description says of `side`.
pub(crate) fn remote_dtls(side: Side, dtls_client: Side) -> RemoteDtls {
    let fingerprint = format!("SHA-256 {}", certificate(side.other()).fingerprint_sha256());
    RemoteDtls {
        role: if side == dtls_client {
            DtlsRole::Client
        } else {
            DtlsRole::Server
        },
        fingerprints: vec![fingerprint.parse().unwrap()],
        cryptex: false,
    }
}

pub(crate) fn credentials(side: Side) -> Credentials {
    match side {
        Side::Client => Credentials::new("clnt", "a-password-of-the-client").unwrap(),
        Side::Server => Credentials::new("srvr", "a-password-of-the-server").unwrap(),
    }
}

/// The config of one side, to be changed by the test.
pub(crate) fn config(side: Side, setup: &Setup) -> TransportConfig {
    let mode = match side {
        Side::Client => Mode::Full(Role::Controlling),
        Side::Server => Mode::Lite,
    };
    let mut ice = AgentConfig::lite(credentials(side));
    ice.mode = mode;
    TransportConfig {
        ice,
        remote_ice: Some(credentials(side.other())),
        remote_dtls: Some(remote_dtls(side, setup.dtls_client)),
        dtls: settings(side, setup.versions[side as usize]),
    }
}

/// Arrival, order of departure, receiver, contents; the earliest first.
type Flight = Reverse<(Time, u64, Side, Vec<u8>)>;

/// What becomes of a datagram on its way: one, several, another.
type Tamper = Box<dyn FnMut(Vec<u8>) -> Vec<Vec<u8>>>;

/// Both transports and what is between them.
pub(crate) struct Network {
    pub(crate) now: Time,
    pub(crate) weather: Weather,
    pub(crate) transports: [Transport; 2],
    pub(crate) events: [Vec<Event>; 2],
    /// Plain media as it arrived, RTCP with `true`.
    pub(crate) received: [Vec<(bool, Vec<u8>)>; 2],
    /// Every datagram that a side has sent, also those that were lost.
    pub(crate) sent: [Vec<Vec<u8>>; 2],
    tamper: Tamper,
    rng: fastrand::Rng,
    flying: BinaryHeap<Flight>,
    launched: u64,
}

impl Network {
    pub(crate) fn new(setup: Setup) -> Self {
        Self::with(setup, |_, _| {})
    }

    /// As [`Self::new`], with a change to the config of each side.
    pub(crate) fn with(setup: Setup, change: impl Fn(Side, &mut TransportConfig)) -> Self {
        let now = Time::from_millis(5);
        let transports = Side::BOTH.map(|side| {
            let mut config = config(side, &setup);
            change(side, &mut config);
            Transport::new(config, setup.seed ^ side as u64, now)
        });
        let mut network = Self {
            now,
            weather: setup.weather,
            transports,
            events: [vec![], vec![]],
            received: [vec![], vec![]],
            sent: [vec![], vec![]],
            tamper: Box::new(|datagram| vec![datagram]),
            rng: fastrand::Rng::with_seed(setup.seed),
            flying: BinaryHeap::new(),
            launched: 0,
        };
        let client = network.transport(Side::Client);
        client.add_local_candidate(&Candidate::host(Side::Client.path().local, 65_535));
        client.add_remote_candidate(&Candidate::host(Side::Server.path().local, 65_535));
        network.fetch();
        network
    }

    /// A connected pair.
    pub(crate) fn connected(setup: Setup) -> Self {
        let mut network = Self::new(setup);
        assert!(
            network.run_until_connected(Duration::from_secs(25)),
            "{:?}",
            network.events
        );
        network
    }

    pub(crate) fn transport(&mut self, side: Side) -> &mut Transport {
        &mut self.transports[side as usize]
    }

    pub(crate) fn state(&self, side: Side) -> TransportState {
        self.transports[side as usize].state()
    }

    pub(crate) fn events(&self, side: Side) -> &[Event] {
        &self.events[side as usize]
    }

    pub(crate) fn run_until_connected(&mut self, limit: Duration) -> bool {
        let end = self.now + limit;
        self.run_until(end, |network| {
            Side::BOTH
                .iter()
                .all(|side| network.state(*side) == TransportState::Connected)
        })
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        self.run_until(end, |_| false);
    }

    /// Lets time pass until the condition holds; whether it did before `end`.
    pub(crate) fn run_until(&mut self, end: Time, done: impl Fn(&Self) -> bool) -> bool {
        let mut spins = 0;
        while !done(self) {
            let arrival = self.flying.peek().map(|Reverse(next)| next.0);
            let timeouts = self.transports.iter().filter_map(Transport::poll_timeout);
            let next = timeouts.chain(arrival).min().filter(|next| *next <= end);
            let Some(next) = next else {
                self.now = end;
                return false;
            };
            spins = if next <= self.now { spins + 1 } else { 0 };
            assert!(
                spins < 1000,
                "no progress at {:?}: {:?}",
                self.now,
                self.sent.each_ref().map(Vec::len)
            );
            self.now = self.now.max(next);
            while let Some(Reverse((_, _, side, datagram))) = self.arrived() {
                self.deliver(side, side.path(), &datagram);
            }
            for side in Side::BOTH {
                let now = self.now;
                if self
                    .transport(side)
                    .poll_timeout()
                    .is_some_and(|due| due <= now)
                {
                    self.transport(side).handle_timeout(now);
                }
            }
            self.fetch();
        }
        true
    }

    fn arrived(&mut self) -> Option<Flight> {
        let Reverse((time, ..)) = self.flying.peek()?;
        (*time <= self.now).then(|| self.flying.pop()).flatten()
    }

    /// Hands a datagram to a side, past the network.
    pub(crate) fn deliver(&mut self, side: Side, path: Path, datagram: &[u8]) {
        let mut datagram = datagram.to_vec();
        let now = self.now;
        match self.transports[side as usize].handle_datagram(now, path, &mut datagram) {
            Received::Nothing => {}
            Received::Rtp(packet) => self.received[side as usize].push((false, packet.to_vec())),
            Received::Rtcp(packet) => self.received[side as usize].push((true, packet.to_vec())),
        }
        self.fetch();
    }

    /// Collects what both have to say.
    pub(crate) fn fetch(&mut self) {
        for side in Side::BOTH {
            let mut out = [0; 1500];
            let now = self.now;
            while let Some(transmit) = self.transport(side).poll_transmit(now, &mut out) {
                assert_eq!(transmit.path, side.path());
                self.launch(side, &out[..transmit.len]);
            }
            while let Some(event) = self.transport(side).poll_event() {
                self.events[side as usize].push(event);
            }
        }
    }

    /// Sends a datagram on its way.
    pub(crate) fn launch(&mut self, from: Side, datagram: &[u8]) {
        self.sent[from as usize].push(datagram.to_vec());
        let mut copies = 0;
        if self.rng.f64() >= self.weather.loss {
            copies += 1;
        }
        if self.rng.f64() < self.weather.copies {
            copies += 1;
        }
        for datagram in (self.tamper)(datagram.to_vec()) {
            for _ in 0..copies {
                let (least, most) = self.weather.delay;
                let arrival = self.now + Duration::from_millis(self.rng.u64(least..=most));
                self.launched += 1;
                let flight = (arrival, self.launched, from.other(), datagram.clone());
                self.flying.push(Reverse(flight));
            }
        }
    }
}

/// Whether a datagram is DTLS.
pub(crate) fn is_dtls(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(20..=63))
}

impl Network {
    /// Changes what is sent from now on.
    pub(crate) fn tamper(&mut self, tamper: impl FnMut(Vec<u8>) -> Vec<Vec<u8>> + 'static) {
        self.tamper = Box::new(tamper);
    }

    /// Drops all that is on its way.
    pub(crate) fn lose_all(&mut self) {
        self.flying.clear();
    }
}
