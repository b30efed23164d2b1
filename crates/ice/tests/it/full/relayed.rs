//! Checks that leave from a relayed address.

use std::time::Duration;

use xrtc_ice::stun::{Attribute, Class};
use xrtc_ice::{Agent, AgentConfig, Candidate, Path, Role};
use xrtc_rtp::Time;

use super::{Client, attributes};
use crate::network::{credentials, left_address, right_address};

fn relayed_address() -> std::net::SocketAddr {
    "203.0.113.1:50000".parse().unwrap()
}

fn relayed() -> Path {
    Path::relayed(relayed_address(), right_address())
}

/// A client with a host candidate (if it has one) and one on a TURN server.
fn client(has_host: bool) -> Client {
    let remote = credentials(2);
    let config = AgentConfig::full(Role::Controlling, credentials(1));
    let mut agent = Agent::new(config, 5, Time::ZERO);
    agent.set_remote(remote.clone());
    agent.add_local_candidate(&Candidate::relayed(relayed_address(), 65535));
    if has_host {
        agent.add_local_candidate(&Candidate::host(left_address(), 65535));
    }
    agent.add_remote_candidate(&Candidate::host(right_address(), 65535));
    let now = Time::ZERO;
    Client { agent, remote, now }
}

/// Answers every request on a path that `is_open`, for so long.
fn serve(client: &mut Client, duration: Duration, is_open: impl Fn(Path) -> bool) {
    let end = client.now + duration;
    while client.now < end {
        client.advance(Duration::from_millis(10));
        let mut out = [0; 1200];
        while let Some(sent) = client.agent.poll_transmit(client.now, &mut out) {
            let request = out[..sent.len].to_vec();
            if is_open(sent.path) {
                client.answer(sent.path, &request, Class::Success, |builder| builder);
            }
        }
    }
}

#[test]
fn a_check_from_a_relayed_address_goes_on_a_relayed_path() {
    let mut asking = client(false);
    let (path, request) = asking.request();
    assert_eq!(path, relayed());
    // RFC 8445 §7.1.1: as if the peer learnt of us by it.
    let priority = Attribute::Priority((110 << 24) | (65535 << 8) | 255);
    assert_eq!(attributes(&request)[1], priority);
    asking.answer(path, &request, Class::Success, |builder| builder);
    assert_eq!(asking.agent.selected(), Some(relayed()));
    // What comes past the TURN server is no answer (RFC 8445 §7.2.5.2.1).
    let mut asking = client(false);
    let (_, request) = asking.request();
    let past = Path::udp(relayed_address(), right_address());
    asking.answer(past, &request, Class::Success, |builder| builder);
    assert_eq!(asking.agent.selected(), None);
}

#[test]
fn a_direct_path_is_checked_first_and_chosen_where_there_is_one() {
    let mut both = client(true);
    assert_eq!(both.request().0, Client::path());
    assert_eq!(both.request().0, relayed());
    let mut both = client(true);
    serve(&mut both, Duration::from_secs(5), |_| true);
    assert_eq!(both.agent.selected(), Some(Client::path()));
}

#[test]
fn a_relayed_path_is_chosen_where_there_is_no_other() {
    let mut client = client(true);
    serve(&mut client, Duration::from_secs(5), |path| {
        path == relayed()
    });
    assert_eq!(client.agent.selected(), Some(relayed()));
    assert!(!client.agent.is_validated(Client::path()));
}

#[test]
fn a_relayed_candidate_comes_last_and_tells_nothing_of_us() {
    let candidate = Candidate::relayed(relayed_address(), 65535);
    let text = candidate.to_string();
    assert_eq!(
        text.split_once(' ').unwrap().1,
        "1 udp 16777215 203.0.113.1 50000 typ relay raddr 0.0.0.0 rport 0"
    );
    assert_eq!(text.parse(), Ok(candidate));
}
