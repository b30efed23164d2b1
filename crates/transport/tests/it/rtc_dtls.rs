//! Against `rtc-dtls`, the DTLS of the `rtc` crates, in virtual time.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::crypto_provider::{RTCCryptoProvider, default_provider};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use xrtc_ice::{Agent, AgentConfig, Candidate, Role};
use xrtc_netem::{Link, LinkConfig};
use xrtc_rtp::Time;
use xrtc_transport::{
    DtlsRole, DtlsVersion, Fingerprint, HashFunction, Profile, Received, RemoteDtls, Transport,
    TransportConfig, TransportState,
};

use crate::keys::ExportedKeys;
use crate::media::rtp;
use crate::network::{Side, certificate, credentials, epoch, is_dtls, settings};

const GOOD: LinkConfig = LinkConfig {
    loss: 0.0,
    burst: None,
    duplication: 0.0,
    delay: Duration::from_millis(10),
    jitter: Duration::ZERO,
    overtaking: false,
    reordering: 0.0,
    reordering_delay: Duration::ZERO,
    rate: None,
    queue: Duration::ZERO,
};

const LIMIT: Duration = Duration::from_secs(25);

fn provider() -> Arc<dyn RTCCryptoProvider> {
    default_provider().unwrap()
}

fn identity() -> &'static Certificate {
    static IDENTITY: LazyLock<Certificate> =
        LazyLock::new(|| Certificate::generate_self_signed([], provider().crypto()).unwrap());
    &IDENTITY
}

/// How the library takes part.
#[derive(Clone, Copy, Debug)]
struct Peer {
    role: DtlsRole,
    /// The only one that it knows.
    profile: Profile,
    /// What it waits before it repeats a flight.
    interval: Duration,
}

impl Peer {
    /// It accepts our certificate and no other.
    fn handshake(self) -> Arc<HandshakeConfig> {
        let config = ConfigBuilder::default()
            .with_crypto_provider(provider())
            .with_certificates(vec![identity().clone()])
            .with_srtp_protection_profiles(vec![self.profile.code().into()])
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            .with_flight_interval(self.interval)
            .with_insecure_skip_verify(true)
            .with_verify_peer_certificate(Some(Arc::new(|chain, _| {
                assert_eq!(chain, [certificate(Side::Server).certificate_der()]);
                Ok(())
            })));
        Arc::new(config.build(self.role == DtlsRole::Client, None).unwrap())
    }
}

/// What our side is told of the library's.
fn ours(peer_role: DtlsRole) -> TransportConfig {
    let remote = RemoteDtls {
        role: match peer_role {
            DtlsRole::Client => DtlsRole::Server,
            DtlsRole::Server => DtlsRole::Client,
        },
        fingerprints: vec![Fingerprint::of(
            HashFunction::Sha256,
            &identity().certificate[0],
        )],
        cryptex: false,
    };
    TransportConfig {
        ice: AgentConfig::lite(credentials(Side::Server)),
        remote_ice: Some(credentials(Side::Client)),
        remote_dtls: Some(remote),
        dtls: settings(Side::Server, DtlsVersion::V12),
    }
}

fn instant(now: Time) -> Instant {
    epoch() + now.since(Time::ZERO)
}

/// Our transport with ICE lite; the library, which has no ICE, with a full agent of ours beside it.
struct Meeting {
    now: Time,
    transport: Transport,
    checks: Agent,
    peer: Endpoint,
    /// What it begins with, if it is a client and has not begun.
    client: Option<Arc<HandshakeConfig>>,
    events: Vec<EndpointEvent>,
    errors: Vec<String>,
    to_us: Link<Vec<u8>>,
    to_peer: Link<Vec<u8>>,
}

impl Meeting {
    fn new(peer: Peer, link: LinkConfig, seed: u64) -> Self {
        let now = Time::from_millis(5);
        let (here, there) = (Side::Server.path(), Side::Client.path());
        let agent = AgentConfig::full(Role::Controlling, credentials(Side::Client));
        let mut checks = Agent::new(agent, seed, now);
        checks.set_remote(credentials(Side::Server));
        checks.add_local_candidate(&Candidate::host(there.local, 65_535));
        checks.add_remote_candidate(&Candidate::host(here.local, 65_535));
        let is_server = peer.role == DtlsRole::Server;
        Self {
            now,
            transport: Transport::new(ours(peer.role), seed, now),
            checks,
            peer: Endpoint::new(
                there.local,
                Default::default(),
                is_server.then(|| peer.handshake()),
            ),
            client: (!is_server).then(|| peer.handshake()),
            events: vec![],
            errors: vec![],
            to_us: Link::new(link, seed),
            to_peer: Link::new(link, seed ^ 0xf0),
        }
    }

    /// Lets time pass until the condition holds; whether it did within [`LIMIT`].
    fn run_until(&mut self, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + LIMIT;
        self.exchange();
        while !done(self) {
            let due = [
                self.to_us.poll_timeout(),
                self.to_peer.poll_timeout(),
                self.transport.poll_timeout(),
                self.checks.poll_timeout(),
                self.peer_timeout(),
            ];
            let Some(next) = due.into_iter().flatten().min().filter(|next| *next <= end) else {
                return false;
            };
            self.now = self.now.max(next);
            self.handle_timeouts();
            self.deliver();
            self.exchange();
        }
        true
    }

    fn handle_timeouts(&mut self) {
        let (now, server) = (self.now, Side::Client.path().remote);
        self.transport.handle_timeout(now);
        self.checks.handle_timeout(now);
        if self.peer_timeout().is_some()
            && let Err(error) = self.peer.handle_timeout(server, instant(now))
        {
            self.errors.push(error.to_string());
        }
    }

    fn deliver(&mut self) {
        let now = self.now;
        while let Some(mut datagram) = self.to_us.poll_deliver(now) {
            let path = Side::Server.path();
            self.transport.handle_datagram(now, path, &mut datagram);
        }
        while let Some(datagram) = self.to_peer.poll_deliver(now) {
            let path = Side::Client.path();
            if !is_dtls(&datagram) {
                self.checks.handle_datagram(now, path, &datagram);
                continue;
            }
            let read = self
                .peer
                .read(instant(now), path.remote, None, datagram[..].into());
            match read {
                Ok(events) => self.events.extend(events),
                Err(error) => self.errors.push(error.to_string()),
            }
        }
    }

    /// Puts on the links what all have to send. A client begins on a path that it has selected.
    fn exchange(&mut self) {
        let (now, mut out) = (self.now, [0; 1500]);
        if self.checks.selected().is_some()
            && let Some(config) = self.client.take()
        {
            let server = Side::Client.path().remote;
            self.peer
                .connect(instant(now), server, config, None)
                .unwrap();
        }
        while let Some(transmit) = self.checks.poll_transmit(now, &mut out) {
            self.to_us
                .send(now, transmit.len, out[..transmit.len].to_vec());
        }
        while let Some(transmit) = self.peer.poll_transmit() {
            let datagram = transmit.message.to_vec();
            self.to_us.send(now, datagram.len(), datagram);
        }
        while let Some(transmit) = self.transport.poll_transmit(now, &mut out) {
            self.to_peer
                .send(now, transmit.len, out[..transmit.len].to_vec());
        }
    }

    fn peer_timeout(&self) -> Option<Time> {
        let due = self.peer.poll_timeout(&Side::Client.path().remote);
        due.map(|instant| Time::ZERO + (instant - epoch()))
    }

    /// The library has what it answers with its certificate, or the beginning of it.
    fn has_chosen_a_cipher(&self) -> bool {
        let state = self.peer.get_connection_state(Side::Client.path().remote);
        state.is_some_and(|state| state.cipher_suite().is_some())
    }

    fn is_connected(&self) -> bool {
        let is_complete = |event: &EndpointEvent| matches!(event, EndpointEvent::HandshakeComplete);
        self.transport.state() == TransportState::Connected && self.events.iter().any(is_complete)
    }

    /// Both have chosen the profile, and what one seals with its keys the other opens.
    fn check_keys(&mut self, profile: Profile, peer_is_client: bool) {
        let state = self
            .peer
            .get_connection_state(Side::Client.path().remote)
            .unwrap();
        assert_eq!(state.srtp_protection_profile() as u16, profile.code());
        assert_eq!(self.transport.profile(), Some(profile));
        let len = profile.keying_material_len();
        let exported = state
            .export_keying_material("EXTRACTOR-dtls_srtp", &[], len)
            .unwrap();
        let mut keys = ExportedKeys::new(exported.as_ref(), profile, peer_is_client);
        let mut packet = keys.seal(&rtp(9));
        let path = Side::Server.path();
        let received = self.transport.handle_datagram(self.now, path, &mut packet);
        let opened = match received {
            Received::Rtp(packet) => Some(packet.to_vec()),
            Received::Rtcp(_) | Received::Nothing => None,
        };
        assert_eq!(opened, Some(rtp(9)));
        keys.assert_opens_a_report_of(&mut self.transport);
    }
}

const ROLES: [DtlsRole; 2] = [DtlsRole::Client, DtlsRole::Server];

/// Repeats flights earlier than we do.
fn eager(role: DtlsRole) -> Peer {
    Peer {
        role,
        profile: Profile::AeadAes128Gcm,
        interval: Duration::from_millis(50),
    }
}

fn meet(peer: Peer, link: LinkConfig, seed: u64) -> Meeting {
    let mut meeting = Meeting::new(peer, link, seed);
    assert!(
        meeting.run_until(Meeting::is_connected),
        "{peer:?} with seed {seed}: {:?}, {:?}",
        meeting.errors,
        meeting.transport
    );
    meeting.check_keys(peer.profile, peer.role == DtlsRole::Client);
    meeting
}

#[test]
fn e65_e68_rtc_dtls_connects_as_both_with_the_same_keys() {
    for role in ROLES {
        for profile in [
            Profile::Aes128CmSha1_80,
            Profile::AeadAes128Gcm,
            Profile::AeadAes256Gcm,
        ] {
            let peer = Peer {
                profile,
                ..eager(role)
            };
            meet(peer, GOOD, 1);
        }
    }
}

#[test]
fn e65_rtc_dtls_connects_as_both_at_5_percent_loss() {
    for role in ROLES {
        for seed in 1..=40 {
            meet(eager(role), LinkConfig { loss: 0.05, ..GOOD }, seed);
        }
    }
}

#[test]
fn e65_rtc_dtls_connects_as_both_at_20_percent_loss_unless_it_gives_up() {
    for role in ROLES {
        let mut connected = 0;
        for seed in 1..=40 {
            let link = LinkConfig { loss: 0.2, ..GOOD };
            let mut meeting = Meeting::new(eager(role), link, seed);
            if meeting.run_until(Meeting::is_connected) {
                meeting.check_keys(Profile::AeadAes128Gcm, role == DtlsRole::Client);
                connected += 1;
            } else {
                // After seven repetitions, or as in the last test here.
                assert_eq!(meeting.peer_timeout(), None, "{role:?} with seed {seed}");
            }
        }
        assert!(connected >= 32, "{role:?}: {connected} of 40");
    }
}

#[test]
fn e65_rtc_dtls_connects_as_both_at_500_ms() {
    for role in ROLES {
        for seed in 1..=4 {
            let link = LinkConfig {
                delay: Duration::from_millis(250),
                ..GOOD
            };
            let peer = Peer {
                interval: Duration::from_secs(1),
                ..eager(role)
            };
            meet(peer, link, seed);
        }
    }
}

#[test]
fn rtc_dtls_hears_our_goodbye() {
    for role in ROLES {
        let mut meeting = meet(eager(role), GOOD, 1);
        meeting.transport.close(meeting.now);
        let is_goodbye = |event: &EndpointEvent| matches!(event, EndpointEvent::PeerClosed);
        assert!(meeting.run_until(|meeting| meeting.events.iter().any(is_goodbye)));
    }
}

/// The library's own fault, shown for a client: any message of the handshake ends its timer, also one that it had already,
/// and it answers none of those (RFC 6347 §4.2.4 has it send its flight again). When its certificate is lost and our flight
/// is repeated before its own, nobody says anything new any more.
#[test]
fn rtc_dtls_waits_for_ever_when_we_repeat_a_flight_whose_answer_was_lost() {
    let peer = Peer {
        interval: Duration::from_secs(1),
        ..eager(DtlsRole::Client)
    };
    let mut meeting = Meeting::new(peer, GOOD, 1);
    assert!(meeting.run_until(Meeting::has_chosen_a_cipher));
    meeting.to_us = Link::new(LinkConfig { loss: 1.0, ..GOOD }, 1);
    let repeated = meeting.now + Duration::from_millis(500);
    meeting.run_until(|meeting| meeting.now >= repeated);
    meeting.to_us = Link::new(GOOD, 1);
    assert!(!meeting.run_until(Meeting::is_connected));
    assert_eq!((meeting.peer_timeout(), meeting.errors), (None, vec![]));
}
