//! What is refused, and how.

use xrtc_ice::stun::AttributeType;

use super::super::*;
use super::caller::*;

#[test]
fn another_user_of_the_same_address_cannot_take_over_an_allocation() {
    let mut server = start(|_| {});
    let mut ann = Caller::ann();
    ann.allocate(&mut server, at(1));
    let mut bob = Caller::new("198.51.100.7:4000", "1000600:bob", b"north");
    bob.greet(&mut server, at(1));
    assert_eq!(bob.permit(&mut server, at(1), PEER).code, Some(441));
    let zero = [(AttributeType::LIFETIME, [0; 4].as_slice())];
    assert_eq!(
        bob.ask(&mut server, at(1), Method::REFRESH, &zero).code,
        Some(441)
    );
    assert_eq!(server.counters().allocations, 1);
}

#[test]
fn a_lost_answer_is_given_again_and_a_second_allocation_refused() {
    let mut server = start(|_| {});
    let mut ann = Caller::ann();
    ann.greet(&mut server, at(1));
    let transport = [(AttributeType::REQUESTED_TRANSPORT, UDP)];
    let request = ann.bytes(Method::ALLOCATE, &transport);
    let first = ann.hear(&mut server, at(1), &request);
    assert_eq!(ann.hear(&mut server, at(1), &request), first);
    assert_eq!(server.counters().allocations_made, 1);
    assert_eq!(
        ann.ask(&mut server, at(1), Method::ALLOCATE, &transport)
            .code,
        Some(437)
    );
}

#[test]
fn private_peers_are_refused_and_own_media_is_reached_at_its_port_only() {
    let mut server = start(|_| {});
    let mut ann = Caller::ann();
    let now = at(1);
    ann.allocate(&mut server, now);
    for private in [
        "10.0.0.1:80",
        "169.254.169.254:80",
        "192.168.1.1:80",
        "127.0.0.2:8800",
    ] {
        assert_eq!(
            ann.permit(&mut server, now, private).code,
            Some(403),
            "{private}"
        );
        assert_eq!(
            ann.bind(&mut server, now, 0x4001, private).code,
            Some(403),
            "{private}"
        );
        assert!(ann.send(&mut server, now, private, b"x").is_none());
    }
    assert_eq!(ann.permit(&mut server, now, OWN).class, Class::Success);
    assert!(ann.send(&mut server, now, OWN, b"x").is_some());
    // The permission is for an address, but only one port of it is ours.
    assert!(ann.send(&mut server, now, "127.0.0.1:22", b"x").is_none());
    assert_eq!(
        ann.bind(&mut server, now, 0x4001, "127.0.0.1:22").code,
        Some(403)
    );
    let mut out = [0; 100];
    let id = AllocationId(0);
    assert!(
        server
            .handle_relayed(now, (id, address("127.0.0.1:22")), b"x", &mut out)
            .is_none()
    );
    assert!(
        server
            .handle_relayed(now, (id, address(OWN)), b"x", &mut out)
            .is_some()
    );
    assert_eq!(
        ann.bind(&mut server, now, 0x4001, OWN).class,
        Class::Success
    );
}

#[test]
fn what_goes_beyond_a_limit_is_refused() {
    let mut server = start(|config| {
        config.limits = TurnLimits {
            allocations: 4,
            allocations_per_user: 2,
            allocations_per_address: 3,
            permissions: 2,
            channels: 1,
            ..TurnLimits::default()
        };
    });
    let now = at(1);
    let mut try_as = |remote: &str, name: &str| {
        let mut caller = Caller::new(remote, &format!("1000600:{name}"), b"north");
        let code = caller.allocate(&mut server, now).code;
        (caller, code)
    };
    let (mut ann, code) = try_as("198.51.100.7:1", "ann");
    assert_eq!(code, None);
    assert_eq!(try_as("198.51.100.7:2", "ann").1, None);
    assert_eq!(try_as("198.51.100.8:3", "ann").1, Some(486), "of a user");
    assert_eq!(try_as("198.51.100.7:4", "bob").1, None);
    assert_eq!(
        try_as("198.51.100.7:5", "eve").1,
        Some(486),
        "of an address"
    );
    assert_eq!(try_as("198.51.100.8:6", "eve").1, None);
    assert_eq!(try_as("198.51.100.9:7", "joe").1, Some(508), "of all");

    assert_eq!(
        ann.bind(&mut server, now, 0x4000, "8.8.8.1:1").class,
        Class::Success
    );
    assert_eq!(
        ann.bind(&mut server, now, 0x4001, "8.8.8.1:1").code,
        Some(400),
        "two numbers"
    );
    assert_eq!(
        ann.bind(&mut server, now, 0x4000, "8.8.8.1:2").code,
        Some(400),
        "two peers"
    );
    assert_eq!(
        ann.bind(&mut server, now, 0x4001, "8.8.8.1:2").code,
        Some(508),
        "channels"
    );
    assert_eq!(
        ann.bind(&mut server, now, 0x3fff, "8.8.8.1:2").code,
        Some(400),
        "no channel number"
    );
    assert_eq!(
        ann.permit(&mut server, now, "8.8.8.2:1").class,
        Class::Success
    );
    assert_eq!(
        ann.permit(&mut server, now, "8.8.8.3:1").code,
        Some(508),
        "permissions"
    );
}

#[test]
fn what_goes_beyond_the_rate_is_dropped_in_each_direction_by_itself() {
    let mut server = start(|config| config.limits.bytes_per_second = 1_000);
    let now = at(1);
    let mut ann = Caller::ann();
    ann.allocate(&mut server, now);
    assert_eq!(
        ann.permit(&mut server, now, "8.8.8.2:1").class,
        Class::Success
    );
    let data = [0; 600];
    assert!(ann.send(&mut server, now, "8.8.8.2:1", &data).is_some());
    assert!(
        ann.send(&mut server, now, "8.8.8.2:1", &data).is_none(),
        "rate"
    );
    // The other direction has its own, and the first one has room again after a while.
    let peer = address("8.8.8.2:1");
    let mut out = [0; 700];
    let id = AllocationId(0);
    assert!(
        server
            .handle_relayed(now, (id, peer), &data, &mut out)
            .is_some()
    );
    assert!(
        server
            .handle_relayed(now, (id, peer), &data, &mut out)
            .is_none()
    );
    assert!(ann.send(&mut server, at(2), "8.8.8.2:1", &data).is_some());
    assert_eq!(server.counters().over_rate, 2);
}

#[test]
fn permissions_end_after_five_minutes_and_channels_after_ten() {
    let mut server = start(|config| config.limits.lifetime = Duration::from_secs(3_000));
    let mut ann = Caller::ann();
    ann.allocate(&mut server, at(1));
    assert_eq!(
        ann.bind(&mut server, at(1), 0x4000, PEER).class,
        Class::Success
    );
    assert!(ann.send(&mut server, at(300), PEER, b"x").is_some());
    assert!(ann.send(&mut server, at(301), PEER, b"x").is_none());
    ann.ask(&mut server, at(301), Method::REFRESH, &[]);
    assert_eq!(ann.permit(&mut server, at(400), PEER).class, Class::Success);
    let peer = address(PEER);
    let mut out = [0; 100];
    let channel = b"\x40\x00\x00\x01x";
    let id = AllocationId(0);
    assert!(
        server
            .handle_datagram(at(600), ann.client, channel, &mut out)
            .is_some()
    );
    assert!(
        server
            .handle_datagram(at(601), ann.client, channel, &mut out)
            .is_none()
    );
    server
        .handle_relayed(at(601), (id, peer), b"x", &mut out)
        .unwrap();
    assert_eq!(out[..2], [0x00, 0x17], "a Data indication");
    server.handle_timeout(at(700));
    let counters = server.counters();
    assert_eq!((counters.permissions, counters.channels), (0, 0));
}

#[test]
fn requests_for_what_is_not_offered_say_which() {
    let mut server = start(|_| {});
    let mut ann = Caller::ann();
    let now = at(1);
    ann.greet(&mut server, now);
    let udp = (AttributeType::REQUESTED_TRANSPORT, UDP);
    for (attributes, code) in [
        (vec![], 400),
        (
            vec![(AttributeType::REQUESTED_TRANSPORT, [6, 0, 0, 0].as_slice())],
            442,
        ),
        (
            vec![
                udp,
                (AttributeType::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]),
            ],
            440,
        ),
        (
            vec![
                udp,
                (AttributeType::REQUESTED_ADDRESS_FAMILY, &[3, 0, 0, 0]),
            ],
            440,
        ),
        (vec![udp, (AttributeType::EVEN_PORT, &[0x80])], 508),
        (vec![udp, (AttributeType::RESERVATION_TOKEN, &[1; 8])], 508),
        // DONT-FRAGMENT.
        (vec![udp, (AttributeType(0x001a), &[])], 420),
        (
            vec![
                udp,
                (AttributeType::REQUESTED_ADDRESS_FAMILY, &[1, 0, 0, 0]),
                (AttributeType::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]),
            ],
            400,
        ),
    ] {
        let response = ann.ask(&mut server, now, Method::ALLOCATE, &attributes);
        assert_eq!(response.code, Some(code), "{attributes:?}");
    }
    let both = [
        udp,
        (AttributeType::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]),
    ];
    assert_eq!(
        ann.ask(&mut server, now, Method::ALLOCATE, &both).class,
        Class::Success
    );
    assert_eq!(
        ann.permit(&mut server, now, "[2606:4700::1]:1").code,
        Some(443)
    );
}

#[test]
fn a_connection_that_ends_takes_its_allocation_along() {
    let mut server = start(|_| {});
    let mut ann = Caller::ann();
    ann.allocate(&mut server, at(1));
    assert!(server.has_allocation(&ann.client));
    server.handle_closed(ann.client);
    assert!(!server.has_allocation(&ann.client));
    assert_eq!(server.poll_released(), Some((AllocationId(0), ann.client)));
    server.handle_closed(ann.client);
    assert_eq!(server.poll_released(), None);
}

#[test]
fn a_realm_must_be_short_and_plain() {
    for realm in [
        "",
        "a realm of more than twenty-four",
        "a\"b",
        "a\\b",
        "café",
    ] {
        let config = TurnConfig {
            secret: vec![1],
            realm: realm.to_owned(),
            families: [true, true],
            peers: PeerPolicy::default(),
            limits: TurnLimits::default(),
            wall: WallClock::default(),
        };
        assert_eq!(
            TurnServer::new(config, &[0; 32], Time::ZERO).unwrap_err(),
            InvalidRealm
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_input_makes_it_panic_or_hold_anything(
        datagrams in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..80), 1..20),
        method in 0_u16..0x200,
    ) {
        let mut server = start(|_| {});
        let client = Caller::ann().client;
        let mut out = [0; 256];
        for datagram in datagrams {
            server.handle_datagram(at(1), client, &datagram, &mut out);
            let kinds = [AttributeType::NONCE, AttributeType::REALM, AttributeType::XOR_PEER_ADDRESS];
            let attributes = kinds.map(|kind| (kind, datagram.as_slice()));
            server.handle_datagram(at(1), client, &bare(Method(method), &attributes), &mut out);
            server.handle_relayed(at(1), (AllocationId(method.into()), address(PEER)), &datagram, &mut out);
        }
        proptest::prop_assert_eq!(server.clients.len(), 0);
    }
}
