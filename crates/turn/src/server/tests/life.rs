//! From the first request to the end.

use xrtc_ice::stun::AttributeType;

use super::super::*;
use super::caller::*;
use crate::message::value;

#[test]
fn a_client_gets_an_address_talks_to_a_peer_and_gives_it_back() {
    let mut server = start(|_| {});
    let mut ann = Caller::ann();
    let now = at(1);
    let allocated = ann.allocate(&mut server, now);
    assert_eq!(allocated.class, Class::Success);
    assert_eq!(allocated.relayed, Some(address("203.0.113.1:50000")));
    assert_eq!(allocated.lifetime, Some(600));
    let mut out = [0; 1_500];
    // Nobody may send before the client has named him, nor be sent to.
    let id = AllocationId(0);
    let peer = address(PEER);
    assert!(
        server
            .handle_relayed(now, (id, peer), b"hello", &mut out)
            .is_none()
    );
    assert!(ann.send(&mut server, now, PEER, b"hello").is_none());
    assert_eq!(ann.permit(&mut server, now, PEER).class, Class::Success);
    assert!(ann.send(&mut server, now, PEER, b"hello").is_some());

    let (to, len) = server
        .handle_relayed(now, (id, peer), b"hello", &mut out)
        .unwrap();
    assert_eq!(to, ann.client);
    let message = Message::parse_any(&out[..len]).unwrap();
    assert_eq!(
        (message.class(), message.method()),
        (Class::Indication, Method::DATA)
    );
    assert_eq!(
        value(&message, AttributeType::DATA),
        Some(b"hello".as_slice())
    );
    let from = value(&message, AttributeType::XOR_PEER_ADDRESS).unwrap();
    assert_eq!(message.xor_address(from), Some(peer));

    assert_eq!(
        ann.bind(&mut server, now, 0x4000, PEER).class,
        Class::Success
    );
    let (_, len) = server
        .handle_relayed(now, (id, peer), b"hello", &mut out)
        .unwrap();
    assert_eq!(out[..len], *b"\x40\x00\x00\x05hello");
    let datagram = b"\x40\x00\x00\x05hello\0\0\0";
    let output = server.handle_datagram(now, ann.client, datagram, &mut out);
    assert!(matches!(
        output,
        Some(Output::ToPeer { allocation, peer: to, data }) if allocation == id && to == peer && data == (4..9)
    ));
    let counters = server.counters();
    assert_eq!(
        (
            counters.allocations,
            counters.permissions,
            counters.channels
        ),
        (1, 1, 1)
    );
}

#[test]
fn an_allocation_that_is_given_back_leaves_nothing() {
    let mut server = start(|_| {});
    let mut ann = Caller::ann();
    let (now, id) = (at(1), AllocationId(0));
    ann.allocate(&mut server, now);
    assert_eq!(
        ann.bind(&mut server, now, 0x4000, PEER).class,
        Class::Success
    );
    let mut out = [0; 256];
    let datagram = b"\x40\x00\x00\x05hello";
    assert!(
        server
            .handle_datagram(now, ann.client, datagram, &mut out)
            .is_some()
    );
    let zero = [(AttributeType::LIFETIME, [0; 4].as_slice())];
    let refreshed = ann.ask(&mut server, now, Method::REFRESH, &zero);
    assert_eq!(
        (refreshed.class, refreshed.lifetime),
        (Class::Success, Some(0))
    );
    assert_eq!(server.poll_released(), Some((id, ann.client)));
    assert_eq!(server.poll_released(), None);
    assert_eq!(server.poll_timeout(), None);
    assert!(server.users.is_empty() && server.addresses.is_empty() && server.clients.is_empty());
    let counters = server.counters();
    assert_eq!(
        (
            counters.allocations,
            counters.permissions,
            counters.channels
        ),
        (0, 0, 0)
    );
    assert!(
        server
            .handle_datagram(now, ann.client, datagram, &mut out)
            .is_none()
    );
    let again = ann.ask(&mut server, now, Method::REFRESH, &zero);
    assert_eq!(again.code, Some(437));
}

#[test]
fn before_credentials_the_answer_is_at_most_four_times_as_long_as_the_question() {
    for realm in ["xrtc", "a.realm.of.24.characters"] {
        let mut server = start(|config| config.realm = realm.to_owned());
        let ann = Caller::ann().client;
        let v6 = Client {
            path: Path::udp(address("[2001:db8::1]:3478"), address("[2001:db8::2]:4000")),
            link: 1,
        };
        for client in [ann, v6] {
            for method in 0..0x20 {
                for request in [
                    bare(Method(method), &[]),
                    bare(
                        Method(method),
                        &[(AttributeType::MESSAGE_INTEGRITY, &[1; 20])],
                    ),
                ] {
                    let mut out = [0; 256];
                    let output = server.handle_datagram(at(1), client, &request, &mut out);
                    let Some(Output::Reply { len }) = output else {
                        assert!(output.is_none(), "{output:?}");
                        continue;
                    };
                    assert!(
                        len <= 4 * request.len(),
                        "{method}: {len} for {}",
                        request.len()
                    );
                    let reply = Message::parse_any(&out[..len]).unwrap();
                    // SOFTWARE.
                    assert_eq!(value(&reply, AttributeType(0x8022)), None);
                }
            }
        }
    }
}

#[test]
fn a_flood_without_credentials_gets_no_more_than_the_budget_of_its_prefix() {
    let mut server = start(|_| {});
    let rate = u64::from(TurnLimits::default().unauthenticated_bytes_per_second);
    let request = bare(Method::ALLOCATE, &[]);
    let mut out = [0; 256];
    for millisecond in 0..5_000_u64 {
        for turn in 0..20_u64 {
            let mut client = Caller::ann().client;
            let host = (millisecond * 20 + turn) % 256;
            client.path.remote = address(&format!("198.51.100.{host}:{}", 1_024 + millisecond));
            let now = Time::from_millis(1_000 + millisecond);
            server.handle_datagram(now, client, &request, &mut out);
        }
    }
    let counters = server.counters();
    assert_eq!(counters.unauthenticated_bytes_received, 100_000 * 20);
    assert!(counters.unauthenticated_bytes_sent <= rate * (4 + 5));
    assert!(counters.unauthenticated_bytes_sent > rate * 8);
    assert_eq!(
        counters.unauthenticated_bytes_sent,
        60 * (counters.challenges - counters.over_budget)
    );
    // Others are served meanwhile, and nothing is remembered of anybody.
    let mut eve = Caller::new("203.0.113.9:4000", "1000600:eve", b"north");
    assert_eq!(eve.allocate(&mut server, at(6)).class, Class::Success);
    assert_eq!(server.clients.len(), 1);
}

#[test]
fn credentials_that_are_over_or_made_up_are_refused() {
    let mut server = start(|_| {});
    let now = at(1);
    let port = std::cell::Cell::new(4_000);
    let mut try_with = |username: &str, secret: &[u8]| {
        port.set(port.get() + 1);
        let remote = format!("198.51.100.7:{}", port.get());
        Caller::new(&remote, username, secret)
            .allocate(&mut server, now)
            .code
    };
    assert_eq!(try_with("1000600:ann", b"north"), None);
    assert_eq!(try_with("1000600:ann", b"south"), Some(401));
    assert_eq!(try_with("1000001:ann", b"north"), Some(401));
    assert_eq!(try_with("1000000", b"north"), Some(401));
    assert_eq!(try_with("ann", b"north"), Some(401));
    assert_eq!(server.counters().wrong_credentials, 4);
    assert_eq!(server.counters().allocations, 1);
}

#[test]
fn an_allocation_outlives_the_credentials_that_made_it_as_long_as_it_is_refreshed() {
    let mut server = start(|_| {});
    let mut ann = Caller::ann();
    assert_eq!(ann.allocate(&mut server, at(1)).class, Class::Success);
    // The credentials end at 600 s.
    server.handle_timeout(at(590));
    let refreshed = ann.ask(&mut server, at(590), Method::REFRESH, &[]);
    assert_eq!(
        (refreshed.class, refreshed.lifetime),
        (Class::Success, Some(600))
    );
    let refreshed = ann.ask(&mut server, at(900), Method::REFRESH, &[]);
    assert_eq!(refreshed.class, Class::Success);
    server.handle_timeout(at(1_499));
    assert_eq!(server.counters().allocations, 1);
    server.handle_timeout(at(1_500));
    assert_eq!(server.counters().allocations_expired, 1);
    assert_eq!(server.poll_released(), Some((AllocationId(0), ann.client)));
    assert_eq!(ann.allocate(&mut server, at(1_501)).code, Some(401));
}

#[test]
fn a_nonce_of_an_hour_ago_is_stale_and_the_new_one_is_taken() {
    let mut server = start(|config| config.limits.lifetime = Duration::from_secs(10_000));
    let mut ann = Caller::ann();
    ann.greet(&mut server, at(1));
    let attributes = [
        (AttributeType::REQUESTED_TRANSPORT, UDP),
        (AttributeType::LIFETIME, 9_000_u32.to_be_bytes().as_slice()),
    ]
    .map(|(kind, value): (AttributeType, &[u8])| (kind, value.to_vec()));
    let attributes: Vec<(AttributeType, &[u8])> = attributes
        .iter()
        .map(|(kind, value)| (*kind, value.as_slice()))
        .collect();
    let made = ann.ask(&mut server, at(2), Method::ALLOCATE, &attributes);
    assert_eq!(made.lifetime, Some(9_000));
    let stale = ann.ask(&mut server, at(4_000), Method::REFRESH, &[]);
    assert_eq!(stale.code, Some(438));
    ann.nonce = stale.nonce.unwrap();
    let fresh = ann.ask(&mut server, at(4_000), Method::REFRESH, &[]);
    assert_eq!(fresh.class, Class::Success);
    // A nonce is nobody else's.
    let mut eve = Caller::new("198.51.100.7:4001", "1000600:eve", b"north");
    eve.nonce.clone_from(&ann.nonce);
    let transport = [(AttributeType::REQUESTED_TRANSPORT, UDP)];
    assert_eq!(
        eve.ask(&mut server, at(4_000), Method::ALLOCATE, &transport)
            .code,
        Some(438)
    );
}
