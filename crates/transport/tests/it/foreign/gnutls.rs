//! GnuTLS's `gnutls-cli` and `gnutls-serv`, which know the profiles of AES-CM only.

use std::net::{SocketAddr, UdpSocket};

use xrtc_transport::{DtlsRole, Profile};

use super::meeting::{Conditions, Meeting};
use super::{Identity, LABEL, Program};

const REMEDY: &str = "Debian: apt-get install gnutls-bin";
const PROFILE: Profile = Profile::Aes128CmSha1_80;

fn start(name: &str, program: &str, arguments: &[&str]) -> Program {
    let identity = Identity::of_client(name);
    let len = PROFILE.keying_material_len();
    let options = [
        "--udp".to_owned(),
        "--x509fmtder".to_owned(),
        format!("--x509certfile={}", identity.certificate),
        format!("--x509keyfile={}", identity.key),
        "--srtp-profiles=SRTP_AES128_CM_HMAC_SHA1_32:SRTP_AES128_CM_HMAC_SHA1_80".to_owned(),
        "--mtu=1200".to_owned(),
        format!("--keymatexport={LABEL}"),
        format!("--keymatexportsize={len}"),
    ];
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    Program::start(name, program, &[&options, arguments].concat(), REMEDY)
}

fn connects(meeting: &mut Meeting) -> bool {
    meeting.run_until(Meeting::is_connected) && meeting.transport.profile() == Some(PROFILE)
}

fn connects_as_both(name: &str, conditions: Conditions) {
    for seed in 1..=2 {
        let mut meeting = Meeting::under(DtlsRole::Server, conditions, seed);
        let address = meeting.address();
        let (_, port) = address.split_once(':').unwrap();
        let name = format!("gnutls-{name}-client-{seed}");
        let arguments = ["--insecure", "--port", port, "127.0.0.1"];
        let gnutls = start(&name, "gnutls-cli", &arguments);
        assert!(connects(&mut meeting), "{:?}", meeting.transport);
        // The server does not tell its keys over UDP.
        assert!(meeting.run_until(|_| gnutls.says("- Key material:").is_some()));
        let exported = gnutls.says("- Key material:").unwrap();
        meeting.check_keys(&exported, PROFILE, true);
    }
    for seed in 1..=2 {
        let mut meeting = Meeting::under(DtlsRole::Client, conditions, seed);
        let name = format!("gnutls-{name}-server-{seed}");
        // It cannot choose a port by itself.
        let free = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let port = free.port().to_string();
        let arguments = ["--require-client-cert", "--nocookie", "--port", &port];
        let gnutls = start(&name, "gnutls-serv", &arguments);
        meeting.meet(SocketAddr::from(([127, 0, 0, 1], free.port())));
        assert!(connects(&mut meeting), "{:?}", meeting.transport);
        drop(gnutls);
    }
}

#[test]
fn e65_e68_gnutls_connects_as_both_with_the_same_keys() {
    connects_as_both("0", Conditions::GOOD);
}

#[test]
fn e65_gnutls_connects_as_both_at_5_percent_loss() {
    connects_as_both("5", Conditions::lossy(5));
}

#[test]
fn e65_gnutls_connects_as_both_at_20_percent_loss() {
    connects_as_both("20", Conditions::lossy(20));
}

#[test]
fn e65_gnutls_connects_as_both_at_500_ms() {
    connects_as_both("500ms", Conditions::FAR);
}
