//! Against OpenSSL's command line, over real sockets on the loopback. Without `openssl` these fail: `npm test` installs
//! it where it may.
#![expect(
    clippy::disallowed_methods,
    reason = "another program can only be met with real sockets and real time"
)]

use std::fs::{self, File};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use xrtc_ice::{Agent, AgentConfig, Candidate, Role};
use xrtc_rtp::{Ssrc, Time};
use xrtc_srtp::{KeyingMaterial, Plain, contexts};
use xrtc_transport::{
    DtlsRole, DtlsVersion, Ended, Path, Profile, Received, RemoteDtls, Transport, TransportConfig,
    TransportState,
};

use crate::media::{REPORT, rtp};
use crate::network::{Side, certificate, credentials, remote_dtls, settings};

/// `openssl s_client` or `s_server`, with its output in a file.
struct OpenSsl {
    child: Child,
    output: PathBuf,
}

impl OpenSsl {
    /// Its certificate is the one of [`Side::Client`].
    fn start(name: &str, arguments: &[&str]) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let output = folder.join(format!("openssl-{name}.txt"));
        let (certificate_file, key_file) = (
            folder.join(format!("{name}-certificate.der")),
            folder.join(format!("{name}-key.der")),
        );
        fs::write(
            &certificate_file,
            certificate(Side::Client).certificate_der(),
        )
        .unwrap();
        fs::write(&key_file, certificate(Side::Client).private_key_der()).unwrap();
        let child = Command::new("openssl")
            .args(arguments)
            .arg("-dtls1_2")
            .args(["-certform", "DER", "-keyform", "DER", "-cert"])
            .arg(&certificate_file)
            .arg("-key")
            .arg(&key_file)
            .stdin(Stdio::piped())
            .stdout(File::create(&output).unwrap())
            .stderr(Stdio::null())
            .spawn();
        let missing =
            |error| format!("openssl does not start ({error}); Debian: apt-get install openssl");
        let child = child.map_err(missing).unwrap();
        Self { child, output }
    }

    /// The rest of the line of its output that starts so.
    fn says(&self, start: &str) -> Option<String> {
        let output = fs::read_to_string(&self.output).unwrap();
        output.lines().find_map(|line| {
            line.trim()
                .strip_prefix(start)
                .map(|rest| rest.trim().to_owned())
        })
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Our server's transport, the sockets between, and an agent that does the ICE which OpenSSL has not.
struct Meeting {
    socket: UdpSocket,
    transport: Transport,
    checks: Agent,
    path: Option<Path>,
    start: Instant,
    received: Vec<Vec<u8>>,
}

impl Meeting {
    fn new(role: DtlsRole) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        let dtls_client = match role {
            DtlsRole::Client => Side::Server,
            DtlsRole::Server => Side::Client,
        };
        let remote_dtls = RemoteDtls {
            role,
            ..remote_dtls(Side::Server, dtls_client)
        };
        let config = TransportConfig {
            ice: AgentConfig::lite(credentials(Side::Server)),
            remote_ice: Some(credentials(Side::Client)),
            remote_dtls: Some(remote_dtls),
            dtls: settings(Side::Server, DtlsVersion::V12),
        };
        let now = Time::from_millis(1);
        let agent = AgentConfig::full(Role::Controlling, credentials(Side::Client));
        let mut checks = Agent::new(agent, 3, now);
        checks.set_remote(credentials(Side::Server));
        let transport = Transport::new(config, 2, now);
        Self {
            socket,
            transport,
            checks,
            path: None,
            start: Instant::now(),
            received: Vec::new(),
        }
    }

    fn port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    fn now(&self) -> Time {
        Time::from_millis(1) + self.start.elapsed()
    }

    /// Tells ICE where OpenSSL is.
    fn meet(&mut self, remote: SocketAddr) {
        if self.path.is_none() {
            let local = self.socket.local_addr().unwrap();
            self.path = Some(Path::udp(local, remote));
            self.checks
                .add_local_candidate(&Candidate::host(remote, 65_535));
            self.checks
                .add_remote_candidate(&Candidate::host(local, 65_535));
        }
    }

    fn step(&mut self) {
        let mut datagram = [0; 2048];
        if let Ok((len, remote)) = self.socket.recv_from(&mut datagram) {
            self.meet(remote);
            self.exchange();
            self.deliver(&mut datagram[..len]);
        }
        self.exchange();
    }

    fn deliver(&mut self, datagram: &mut [u8]) {
        let (now, path) = (self.now(), self.path.unwrap());
        match self.transport.handle_datagram(now, path, datagram) {
            Received::Nothing => {}
            Received::Rtp(packet) | Received::Rtcp(packet) => self.received.push(packet.to_vec()),
        }
    }

    /// Timers, checks and what both have to send.
    fn exchange(&mut self) {
        let Some(path) = self.path else { return };
        let mirrored = Path::udp(path.remote, path.local);
        let mut out = [0; 1500];
        let now = self.now();
        self.transport.handle_timeout(now);
        self.checks.handle_timeout(now);
        while let Some(transmit) = self.checks.poll_transmit(now, &mut out) {
            self.deliver(&mut out[..transmit.len]);
        }
        while let Some(transmit) = self.transport.poll_transmit(now, &mut out) {
            let datagram = &out[..transmit.len];
            if datagram[0] < 4 {
                self.checks.handle_datagram(now, mirrored, datagram);
            } else {
                self.socket.send_to(datagram, path.remote).unwrap();
            }
        }
    }

    fn run_until(&mut self, done: impl Fn(&Self) -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !done(self) {
            if Instant::now() > deadline {
                return false;
            }
            self.step();
        }
        true
    }

    /// Seals with the keys that OpenSSL exported, opens here, and the other way around.
    fn check_keys(&mut self, openssl: &OpenSsl, profile: Profile, openssl_is_client: bool) {
        let exported = |_: &Self| openssl.says("Keying material:").is_some();
        assert!(self.run_until(exported));
        let text = openssl.says("Keying material:").unwrap();
        let pairs = (0..text.len()).step_by(2);
        let exported: Vec<u8> = pairs
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect();
        let material = KeyingMaterial::new(profile, &exported).unwrap();
        let (mut opener, mut sealer) = contexts(&material, openssl_is_client);
        let mut out = vec![0; 1500];
        let packet = rtp(9);
        let plain = Plain {
            ssrc: Ssrc(7),
            index: 9,
            repeat: false,
            header: &packet[..12],
            prefix: &[],
            payload: &packet[12..],
        };
        let len = sealer.seal_rtp(plain, &mut out).unwrap();
        self.deliver(&mut out[..len]);
        assert_eq!(self.received.pop(), Some(packet));
        let len = self.transport.seal_rtcp(&REPORT, &mut out).unwrap();
        assert_eq!(opener.open_rtcp(&mut out[..len]), Ok(REPORT.len()));
    }
}

const EXPORT: [&str; 3] = ["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen"];

/// With a client that prefers AES-CM, as browsers do, we choose by our own order.
#[test]
fn openssl_as_the_client_gets_our_best_profile_and_the_same_keys() {
    for (offered, profile) in [
        (
            "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM",
            Profile::AeadAes256Gcm,
        ),
        (
            "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM",
            Profile::AeadAes128Gcm,
        ),
        ("SRTP_AES128_CM_SHA1_80", Profile::Aes128CmSha1_80),
    ] {
        let mut meeting = Meeting::new(DtlsRole::Server);
        let address = format!("127.0.0.1:{}", meeting.port());
        let len = profile.keying_material_len().to_string();
        let [label, value, length] = EXPORT;
        let arguments = [
            "s_client",
            "-connect",
            &address,
            "-use_srtp",
            offered,
            label,
            value,
            length,
            &len,
        ];
        let openssl = OpenSsl::start(profile.name(), &arguments);
        let connected = |meeting: &Meeting| meeting.transport.state() == TransportState::Connected;
        assert!(
            meeting.run_until(connected),
            "{offered}: {:?}",
            meeting.transport
        );
        assert_eq!(meeting.transport.profile(), Some(profile));
        meeting.check_keys(&openssl, profile, true);
        let now = meeting.now();
        meeting.transport.close(now);
        meeting.exchange();
        assert!(meeting.run_until(|_| openssl.says("closed").is_some()));
    }
}

/// An FFmpeg is the server of its handshake.
#[test]
fn openssl_as_the_server_connects_with_the_same_keys() {
    for (profile, offered) in [
        (Profile::AeadAes256Gcm, "SRTP_AEAD_AES_256_GCM"),
        (Profile::AeadAes128Gcm, "SRTP_AEAD_AES_128_GCM"),
        (Profile::Aes128CmSha1_80, "SRTP_AES128_CM_SHA1_80"),
    ] {
        let mut meeting = Meeting::new(DtlsRole::Client);
        let len = profile.keying_material_len().to_string();
        let [label, value, length] = EXPORT;
        let arguments = [
            "s_server",
            "-accept",
            "127.0.0.1:0",
            "-Verify",
            "1",
            "-use_srtp",
            offered,
            label,
            value,
            length,
            &len,
        ];
        let name = format!("server-{}", profile.name());
        let openssl = OpenSsl::start(&name, &arguments);
        assert!(meeting.run_until(|_| openssl.says("ACCEPT 127.0.0.1:").is_some()));
        let port = openssl.says("ACCEPT 127.0.0.1:").unwrap().parse().unwrap();
        meeting.meet(SocketAddr::from(([127, 0, 0, 1], port)));
        let connected = |meeting: &Meeting| meeting.transport.state() == TransportState::Connected;
        assert!(
            meeting.run_until(connected),
            "{offered}: {:?}",
            meeting.transport
        );
        assert_eq!(meeting.transport.profile(), Some(profile));
        meeting.check_keys(&openssl, profile, false);
    }
}

#[test]
fn openssl_without_srtp_ends_with_a_reason() {
    let mut meeting = Meeting::new(DtlsRole::Server);
    let address = format!("127.0.0.1:{}", meeting.port());
    let _openssl = OpenSsl::start("no-srtp", &["s_client", "-connect", &address]);
    let ended = TransportState::Ended(Ended::NoSrtpProfile);
    let done = |meeting: &Meeting| meeting.transport.state() == ended;
    assert!(meeting.run_until(done), "{:?}", meeting.transport.state());
}

#[test]
fn openssl_in_small_datagrams_connects() {
    let mut meeting = Meeting::new(DtlsRole::Server);
    let address = format!("127.0.0.1:{}", meeting.port());
    let profile = "SRTP_AEAD_AES_128_GCM";
    let arguments = [
        "s_client",
        "-connect",
        &address,
        "-use_srtp",
        profile,
        "-mtu",
        "256",
    ];
    let _openssl = OpenSsl::start("small", &arguments);
    let connected = |meeting: &Meeting| meeting.transport.state() == TransportState::Connected;
    assert!(meeting.run_until(connected), "{:?}", meeting.transport);
}

#[test]
fn openssl_with_another_certificate_ends_with_a_reason() {
    let mut meeting = Meeting::new(DtlsRole::Server);
    let stranger = RemoteDtls {
        role: DtlsRole::Server,
        fingerprints: remote_dtls(Side::Client, Side::Client).fingerprints,
    };
    meeting.transport = Transport::new(
        TransportConfig {
            ice: AgentConfig::lite(credentials(Side::Server)),
            remote_ice: None,
            remote_dtls: Some(stranger),
            dtls: settings(Side::Server, DtlsVersion::V12),
        },
        2,
        Time::from_millis(1),
    );
    let address = format!("127.0.0.1:{}", meeting.port());
    let arguments = [
        "s_client",
        "-connect",
        &address,
        "-use_srtp",
        "SRTP_AEAD_AES_128_GCM",
    ];
    let _openssl = OpenSsl::start("stranger", &arguments);
    let ended = TransportState::Ended(Ended::FingerprintMismatch);
    let done = |meeting: &Meeting| meeting.transport.state() == ended;
    assert!(meeting.run_until(done), "{:?}", meeting.transport.state());
}
