//! Pion's DTLS, in the program that `__test__/foreign` builds.

use std::path::Path;

use xrtc_transport::{DtlsRole, Profile};

use super::meeting::{Conditions, Meeting};
use super::{Identity, Program};

const PROGRAM: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../__test__/foreign/foreign"
);
const REMEDY: &str = "npm test builds it; by hand: go build -C __test__/foreign -o foreign .";

/// It knows this many of AES-CM, AES-128-GCM and AES-256-GCM.
fn start(
    name: &str,
    identity: &Identity,
    profiles: u8,
    profile: Profile,
    arguments: &[&str],
) -> Program {
    let (count, len) = (
        profiles.to_string(),
        profile.keying_material_len().to_string(),
    );
    let options = [
        "dtls",
        "-certificate",
        &identity.certificate,
        "-key",
        &identity.key,
        "-profiles",
        &count,
        "-export",
        &len,
    ];
    Program::start(
        name,
        Path::new(PROGRAM),
        &[&options, arguments].concat(),
        REMEDY,
    )
}

fn check(meeting: &mut Meeting, pion: &Program, profile: Profile, pion_is_client: bool) {
    assert!(
        meeting.run_until(Meeting::is_connected),
        "{:?}",
        meeting.transport
    );
    assert!(meeting.run_until(|_| pion.says("Keying material:").is_some()));
    assert_eq!(pion.says("profile:"), Some(profile.code().to_string()));
    let exported = pion.says("Keying material:").unwrap();
    meeting.check_keys(&exported, profile, pion_is_client);
    let now = meeting.now();
    meeting.transport.close(now);
    meeting.exchange();
}

fn as_client(name: &str, conditions: Conditions, seed: u64, profiles: u8, profile: Profile) {
    let mut meeting = Meeting::under(DtlsRole::Server, conditions, seed);
    let name = format!("pion-{name}-client-{seed}-{profiles}");
    let identity = Identity::of_client(&name);
    let address = meeting.address();
    let pion = start(&name, &identity, profiles, profile, &["-connect", &address]);
    check(&mut meeting, &pion, profile, true);
}

fn as_server(name: &str, conditions: Conditions, seed: u64, profiles: u8, profile: Profile) {
    let mut meeting = Meeting::under(DtlsRole::Client, conditions, seed);
    let name = format!("pion-{name}-server-{seed}-{profiles}");
    let identity = Identity::of_client(&name);
    let pion = start(&name, &identity, profiles, profile, &[]);
    assert!(meeting.run_until(|_| pion.says("listening:").is_some()));
    meeting.meet(pion.says("listening:").unwrap().parse().unwrap());
    check(&mut meeting, &pion, profile, false);
}

/// Both servers choose by their own order, whatever the client prefers.
#[test]
fn e65_e68_pion_connects_as_both_with_the_same_keys() {
    for (profiles, profile) in [
        (1, Profile::Aes128CmSha1_80),
        (2, Profile::AeadAes128Gcm),
        (3, Profile::AeadAes256Gcm),
    ] {
        as_client("0", Conditions::GOOD, 1, profiles, profile);
        as_server("0", Conditions::GOOD, 1, profiles, profile);
    }
}

fn connects_as_both(name: &str, conditions: Conditions) {
    for seed in 1..=2 {
        as_client(name, conditions, seed, 2, Profile::AeadAes128Gcm);
        as_server(name, conditions, seed, 2, Profile::AeadAes128Gcm);
    }
}

#[test]
fn e65_pion_connects_as_both_at_5_percent_loss() {
    connects_as_both("5", Conditions::lossy(5));
}

#[test]
fn e65_pion_connects_as_both_at_20_percent_loss() {
    connects_as_both("20", Conditions::lossy(20));
}

#[test]
fn e65_pion_connects_as_both_at_500_ms() {
    connects_as_both("500ms", Conditions::FAR);
}
