//! Our transport, a socket, what the network between does, and the ICE that the other program has not.

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use xrtc_ice::{Agent, AgentConfig, Candidate, Role};
use xrtc_rtp::Time;
use xrtc_transport::{
    DtlsRole, DtlsVersion, Fingerprint, HashFunction, Path, Profile, Received, RemoteDtls,
    Transport, TransportConfig, TransportState,
};

use crate::keys::ExportedKeys;
use crate::media::rtp;
use crate::network::{Side, credentials, remote_dtls, settings};

/// What the network does to datagrams of DTLS; checks of ICE are only delayed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions {
    /// Of a hundred datagrams in either direction.
    pub(super) lost: u8,
    pub(super) round_trip: Duration,
}

impl Conditions {
    pub(super) const GOOD: Self = Self {
        lost: 0,
        round_trip: Duration::ZERO,
    };

    pub(super) const fn lossy(lost: u8) -> Self {
        Self {
            lost,
            round_trip: Duration::ZERO,
        }
    }

    pub(super) const FAR: Self = Self {
        lost: 0,
        round_trip: Duration::from_millis(500),
    };
}

/// Where a datagram arrives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Receiver {
    Us,
    Program,
    Checks,
}

pub(super) struct Meeting {
    socket: UdpSocket,
    pub(super) transport: Transport,
    checks: Agent,
    path: Option<Path>,
    start: Instant,
    received: Vec<Vec<u8>>,
    conditions: Conditions,
    rng: fastrand::Rng,
    /// The delay is the same for all, so that the first is always due first.
    flying: VecDeque<Flight>,
}

/// When, where and what.
type Flight = (Instant, Receiver, Vec<u8>);

impl Meeting {
    /// We take this role. The peer's certificate is that of [`Side::Client`].
    pub(super) fn new(role: DtlsRole) -> Self {
        let dtls_client = match role {
            DtlsRole::Client => Side::Server,
            DtlsRole::Server => Side::Client,
        };
        Self::expecting(remote_dtls(Side::Server, dtls_client), Conditions::GOOD, 1)
    }

    pub(super) fn with_certificate(role: DtlsRole, certificate: &[u8]) -> Self {
        let remote = RemoteDtls {
            role,
            fingerprints: vec![Fingerprint::of(HashFunction::Sha256, certificate)],
            cryptex: false,
        };
        Self::expecting(remote, Conditions::GOOD, 1)
    }

    pub(super) fn under(role: DtlsRole, conditions: Conditions, seed: u64) -> Self {
        let mut meeting = Self::new(role);
        meeting.conditions = conditions;
        meeting.rng = fastrand::Rng::with_seed(seed);
        meeting
    }

    pub(super) fn expecting(remote: RemoteDtls, conditions: Conditions, seed: u64) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        let config = TransportConfig {
            ice: AgentConfig::lite(credentials(Side::Server)),
            remote_ice: Some(credentials(Side::Client)),
            remote_dtls: Some(remote),
            dtls: settings(Side::Server, DtlsVersion::V12),
        };
        let now = Time::from_millis(1);
        let agent = AgentConfig::full(Role::Controlling, credentials(Side::Client));
        let mut checks = Agent::new(agent, 3, now);
        checks.set_remote(credentials(Side::Server));
        Self {
            socket,
            transport: Transport::new(config, 2, now),
            checks,
            path: None,
            start: Instant::now(),
            received: Vec::new(),
            conditions,
            rng: fastrand::Rng::with_seed(seed),
            flying: VecDeque::new(),
        }
    }

    pub(super) fn address(&self) -> String {
        self.socket.local_addr().unwrap().to_string()
    }

    pub(super) fn now(&self) -> Time {
        Time::from_millis(1) + self.start.elapsed()
    }

    /// Tells ICE where the program is.
    pub(super) fn meet(&mut self, remote: SocketAddr) {
        if self.path.is_none() {
            let local = self.socket.local_addr().unwrap();
            self.path = Some(Path::udp(local, remote));
            self.checks
                .add_local_candidate(&Candidate::host(remote, 65_535));
            self.checks
                .add_remote_candidate(&Candidate::host(local, 65_535));
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.transport.state() == TransportState::Connected
    }

    /// Whether the condition holds within 25 seconds, which are enough for the worst network here.
    pub(super) fn run_until(&mut self, done: impl Fn(&Self) -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(25);
        while !done(self) {
            if Instant::now() > deadline {
                return false;
            }
            self.step();
        }
        true
    }

    /// Timers, what arrives, and what both have to send.
    pub(super) fn step(&mut self) {
        let mut datagram = [0; 2048];
        if let Ok((len, remote)) = self.socket.recv_from(&mut datagram) {
            self.meet(remote);
            self.launch(Receiver::Us, &datagram[..len]);
        }
        if self.path.is_none() {
            return;
        }
        let now = self.now();
        self.transport.handle_timeout(now);
        self.checks.handle_timeout(now);
        self.exchange();
        let due = Instant::now();
        let is_due = |flying: &VecDeque<Flight>| flying.front().is_some_and(|next| next.0 <= due);
        while is_due(&self.flying)
            && let Some((_, receiver, mut datagram)) = self.flying.pop_front()
        {
            self.arrive(receiver, &mut datagram);
            self.exchange();
        }
    }

    fn arrive(&mut self, receiver: Receiver, datagram: &mut [u8]) {
        let path = self.path.unwrap();
        match receiver {
            Receiver::Us => self.deliver(datagram),
            Receiver::Program => {
                self.socket.send_to(datagram, path.remote).unwrap();
            }
            Receiver::Checks => {
                let mirrored = Path::udp(path.remote, path.local);
                let now = self.now();
                self.checks.handle_datagram(now, mirrored, datagram);
            }
        }
    }

    /// Hands us a datagram, past the network.
    pub(super) fn deliver(&mut self, datagram: &mut [u8]) {
        let (now, path) = (self.now(), self.path.unwrap());
        match self.transport.handle_datagram(now, path, datagram) {
            Received::Nothing => {}
            Received::Rtp(packet) | Received::Rtcp(packet) => self.received.push(packet.to_vec()),
        }
    }

    pub(super) fn exchange(&mut self) {
        let mut out = [0; 1500];
        let now = self.now();
        while let Some(transmit) = self.checks.poll_transmit(now, &mut out) {
            self.launch(Receiver::Us, &out[..transmit.len]);
        }
        while let Some(transmit) = self.transport.poll_transmit(now, &mut out) {
            let receiver = if out[0] < 4 {
                Receiver::Checks
            } else {
                Receiver::Program
            };
            self.launch(receiver, &out[..transmit.len]);
        }
    }

    fn launch(&mut self, receiver: Receiver, datagram: &[u8]) {
        let is_check = datagram.first().is_some_and(|first| *first < 4);
        if is_check || self.rng.u8(..100) >= self.conditions.lost {
            let arrival = Instant::now() + self.conditions.round_trip / 2;
            self.flying
                .push_back((arrival, receiver, datagram.to_vec()));
        }
    }

    /// Seals with the keys that the program exported (in hexadecimal), opens here, and the other way around.
    pub(super) fn check_keys(&mut self, exported: &str, profile: Profile, program_is_client: bool) {
        let pairs = (0..exported.len()).step_by(2);
        let exported: Vec<u8> = pairs
            .map(|at| u8::from_str_radix(&exported[at..at + 2], 16).unwrap())
            .collect();
        assert_eq!(self.transport.profile(), Some(profile));
        let mut keys = ExportedKeys::new(&exported, profile, program_is_client);
        self.deliver(&mut keys.seal(&rtp(9)));
        assert_eq!(self.received.pop(), Some(rtp(9)));
        keys.assert_opens_a_report_of(&mut self.transport);
    }
}
