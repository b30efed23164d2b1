//! OpenSSL's `s_client` and `s_server`.

use std::net::SocketAddr;

use xrtc_transport::{DtlsRole, Ended, Profile, RemoteDtls, TransportState};

use super::meeting::{Conditions, Meeting};
use super::{Identity, LABEL, PROFILES, Program};
use crate::network::{Side, remote_dtls};

const REMEDY: &str = "Debian: apt-get install openssl";

/// The name in `-use_srtp`, which is not the one of the registry.
fn name(profile: Profile) -> &'static str {
    match profile {
        Profile::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
        Profile::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
        Profile::Aes128CmSha1_80 => "SRTP_AES128_CM_SHA1_80",
        Profile::Aes128CmSha1_32 => "SRTP_AES128_CM_SHA1_32",
    }
}

fn start(name: &str, identity: &Identity, arguments: &[&str]) -> Program {
    let common = [
        "-dtls1_2",
        "-certform",
        "DER",
        "-keyform",
        "DER",
        "-cert",
        &identity.certificate,
        "-key",
        &identity.key,
    ];
    Program::start(name, "openssl", &[arguments, &common].concat(), REMEDY)
}

/// As the client of our server.
fn client(meeting: &Meeting, name: &str, identity: &Identity, arguments: &[&str]) -> Program {
    let address = meeting.address();
    let connect = ["s_client", "-connect", &address];
    start(name, identity, &[&connect, arguments].concat())
}

/// As the server of our client, which it then knows.
fn server(meeting: &mut Meeting, name: &str, identity: &Identity, arguments: &[&str]) -> Program {
    let accept = ["s_server", "-accept", "127.0.0.1:0", "-Verify", "1"];
    let openssl = start(name, identity, &[&accept, arguments].concat());
    assert!(meeting.run_until(|_| openssl.says("ACCEPT 127.0.0.1:").is_some()));
    let port = openssl.says("ACCEPT 127.0.0.1:").unwrap().parse().unwrap();
    meeting.meet(SocketAddr::from(([127, 0, 0, 1], port)));
    openssl
}

/// Connected under the profile, with the keys that OpenSSL has.
fn check(meeting: &mut Meeting, openssl: &Program, profile: Profile, openssl_is_client: bool) {
    assert!(
        meeting.run_until(Meeting::is_connected),
        "{profile:?}: {:?}",
        meeting.transport
    );
    assert!(meeting.run_until(|_| openssl.says("Keying material:").is_some()));
    let exported = openssl.says("Keying material:").unwrap();
    meeting.check_keys(&exported, profile, openssl_is_client);
}

/// With a client that prefers AES-CM, as browsers do, we choose by our own order.
#[test]
fn e67_e68_openssl_as_the_client_gets_our_best_profile_and_the_same_keys() {
    for (offered, profile) in [
        (
            "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM",
            Profile::AeadAes256Gcm,
        ),
        (
            "SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM",
            Profile::AeadAes128Gcm,
        ),
        ("SRTP_AES128_CM_SHA1_80", Profile::Aes128CmSha1_80),
    ] {
        let mut meeting = Meeting::new(DtlsRole::Server);
        let len = profile.keying_material_len().to_string();
        let arguments = [
            "-use_srtp",
            offered,
            "-keymatexport",
            LABEL,
            "-keymatexportlen",
            &len,
        ];
        let name = format!("openssl-{}", profile.name());
        let openssl = client(&meeting, &name, &Identity::of_client(&name), &arguments);
        check(&mut meeting, &openssl, profile, true);
        let now = meeting.now();
        meeting.transport.close(now);
        meeting.exchange();
        assert!(meeting.run_until(|_| openssl.says("closed").is_some()));
    }
}

/// An FFmpeg is the server of its handshake.
#[test]
fn e68_openssl_as_the_server_connects_with_the_same_keys() {
    for profile in PROFILES {
        let mut meeting = Meeting::new(DtlsRole::Client);
        let len = profile.keying_material_len().to_string();
        let arguments = [
            "-use_srtp",
            name(profile),
            "-keymatexport",
            LABEL,
            "-keymatexportlen",
            &len,
        ];
        let name = format!("openssl-server-{}", profile.name());
        let openssl = server(&mut meeting, &name, &Identity::of_client(&name), &arguments);
        check(&mut meeting, &openssl, profile, false);
    }
}

#[test]
fn e67_openssl_without_a_profile_of_ours_ends_with_a_reason() {
    for (name, arguments) in [
        ("openssl-no-srtp", &[][..]),
        // The library that shakes hands does not know it.
        ("openssl-32", &["-use_srtp", "SRTP_AES128_CM_SHA1_32"][..]),
    ] {
        let mut meeting = Meeting::new(DtlsRole::Server);
        let _openssl = client(&meeting, name, &Identity::of_client(name), arguments);
        let ended = TransportState::Ended(Ended::NoSrtpProfile);
        let done = |meeting: &Meeting| meeting.transport.state() == ended;
        assert!(meeting.run_until(done), "{:?}", meeting.transport.state());
    }
}

#[test]
fn openssl_in_small_datagrams_connects() {
    let mut meeting = Meeting::new(DtlsRole::Server);
    let arguments = ["-use_srtp", "SRTP_AEAD_AES_128_GCM", "-mtu", "256"];
    let identity = Identity::of_client("openssl-small");
    let _openssl = client(&meeting, "openssl-small", &identity, &arguments);
    assert!(
        meeting.run_until(Meeting::is_connected),
        "{:?}",
        meeting.transport
    );
}

#[test]
fn e66_openssl_with_another_certificate_ends_with_a_reason() {
    let stranger = RemoteDtls {
        role: DtlsRole::Server,
        ..remote_dtls(Side::Client, Side::Client)
    };
    let mut meeting = Meeting::expecting(stranger, Conditions::GOOD, 1);
    let arguments = ["-use_srtp", "SRTP_AEAD_AES_128_GCM"];
    let identity = Identity::of_client("openssl-stranger");
    let _openssl = client(&meeting, "openssl-stranger", &identity, &arguments);
    let ended = TransportState::Ended(Ended::FingerprintMismatch);
    let done = |meeting: &Meeting| meeting.transport.state() == ended;
    assert!(meeting.run_until(done), "{:?}", meeting.transport.state());
}

/// GStreamer's certificate has an RSA key, and so had OpenSSL's own examples for long.
#[test]
fn a_client_with_an_rsa_certificate_connects() {
    for (kind, datagrams) in [
        ("rsa:2048", "1200"),
        ("rsa:4096", "1200"),
        ("rsa:2048", "300"),
    ] {
        let name = format!("openssl-{}-{datagrams}", kind.replace(':', "-"));
        let identity = Identity::with_key(&name, kind);
        let mut meeting = Meeting::with_certificate(DtlsRole::Server, &identity.der);
        let profile = Profile::AeadAes128Gcm;
        let len = profile.keying_material_len().to_string();
        let arguments = [
            "-use_srtp",
            super::openssl::name(profile),
            "-mtu",
            datagrams,
            "-keymatexport",
            LABEL,
            "-keymatexportlen",
            &len,
        ];
        let openssl = client(&meeting, &name, &identity, &arguments);
        check(&mut meeting, &openssl, profile, true);
    }
}

/// RFC 8827 §6.5 has 2,048 bits as the least.
#[test]
fn a_client_with_a_short_rsa_key_is_refused() {
    let identity = Identity::with_key("openssl-rsa-1024", "rsa:1024");
    let mut meeting = Meeting::with_certificate(DtlsRole::Server, &identity.der);
    let arguments = [
        "-use_srtp",
        "SRTP_AEAD_AES_128_GCM",
        "-cipher",
        "DEFAULT@SECLEVEL=0",
    ];
    let _openssl = client(&meeting, "openssl-rsa-1024", &identity, &arguments);
    let ended = TransportState::Ended(Ended::DtlsFailed { alert: None });
    let done = |meeting: &Meeting| meeting.transport.state() == ended;
    assert!(meeting.run_until(done), "{:?}", meeting.transport.state());
}

fn connects_as_both(name: &str, conditions: Conditions) {
    let profile = Profile::AeadAes128Gcm;
    let len = profile.keying_material_len().to_string();
    let arguments = [
        "-use_srtp",
        super::openssl::name(profile),
        "-keymatexport",
        LABEL,
        "-keymatexportlen",
        &len,
    ];
    for seed in 1..=2 {
        let mut meeting = Meeting::under(DtlsRole::Server, conditions, seed);
        let name = format!("openssl-{name}-client-{seed}");
        let openssl = client(&meeting, &name, &Identity::of_client(&name), &arguments);
        check(&mut meeting, &openssl, profile, true);
    }
    for seed in 1..=2 {
        let mut meeting = Meeting::under(DtlsRole::Client, conditions, seed);
        let name = format!("openssl-{name}-server-{seed}");
        let identity = Identity::of_client(&name);
        let openssl = server(&mut meeting, &name, &identity, &arguments);
        check(&mut meeting, &openssl, profile, false);
    }
}

#[test]
fn e65_openssl_connects_as_both_at_5_percent_loss() {
    connects_as_both("5", Conditions::lossy(5));
}

#[test]
fn e65_openssl_connects_as_both_at_20_percent_loss() {
    connects_as_both("20", Conditions::lossy(20));
}

#[test]
fn e65_openssl_connects_as_both_at_500_ms() {
    connects_as_both("500ms", Conditions::FAR);
}
