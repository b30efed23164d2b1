//! What a server does not grant, and what nobody may make a client believe.

use std::time::Duration;

use proptest::prelude::*;
use xrtc_ice::stun::{AttributeType, Builder, Class, IntegrityKey, Message, Method, TransactionId};
use xrtc_rtp::Time;

use super::super::{Received, TurnClient, TurnClientConfig, TurnEvent, TurnFailure};
use super::scene::*;
use crate::TurnConfig;
use crate::message::{long_term_key, value};

fn failure_of(config: TurnClientConfig, change: impl FnOnce(&mut TurnConfig)) -> TurnFailure {
    let mut scene = Scene::with(config, server(change, 7), (0.0, 1));
    scene.seconds(60);
    assert!(scene.client.is_over() && scene.client.poll_timeout().is_none());
    match scene.events[..] {
        [TurnEvent::Failed(failure)] => failure,
        _ => panic!("{:?}", scene.events),
    }
}

#[test]
fn wrong_credentials_and_a_reached_limit_are_told_by_their_codes() {
    let wrong = TurnClientConfig {
        password: "south".to_owned(),
        ..config()
    };
    let failure = failure_of(wrong, |_| {});
    assert_eq!(failure, TurnFailure::Refused { code: 401 });
    assert_eq!(
        failure.to_string(),
        "401 unauthenticated: wrong username or credential"
    );
    let quota = failure_of(config(), |server| server.limits.allocations_per_user = 0);
    assert_eq!(quota, TurnFailure::Refused { code: 486 });
    let capacity = failure_of(config(), |server| server.limits.allocations = 0);
    assert_eq!(capacity, TurnFailure::Refused { code: 508 });
}

#[test]
fn a_server_without_ipv6_is_asked_for_ipv4() {
    let wants_ipv6 = TurnClientConfig {
        wants_ipv6: true,
        ..config()
    };
    let mut scene = Scene::with(wants_ipv6, server(|_| {}, 7), (0.0, 1));
    scene.seconds(1);
    assert!(
        scene
            .client
            .relayed()
            .is_some_and(|relayed| relayed.is_ipv4())
    );
}

#[test]
fn a_server_that_is_not_there_is_asked_seven_times_as_rfc_8489_has_it() {
    let mut client = TurnClient::new(config(), 1, Time::ZERO);
    let mut asked = Vec::new();
    let mut out = [0; 1_500];
    while let Some(now) = client.poll_timeout() {
        client.handle_timeout(now);
        while client.poll_transmit(now, &mut out).is_some() {
            asked.push(now.as_millis());
        }
        if let Some(event) = client.poll_event() {
            assert_eq!(event, TurnEvent::Failed(TurnFailure::Timeout));
            assert_eq!(now.as_millis(), 39_500);
        }
    }
    assert_eq!(asked, [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert!(client.is_over());
}

#[test]
fn a_peer_that_the_server_refuses_is_not_asked_for_again_at_once() {
    let mut scene = Scene::new(0.0, 1);
    scene.seconds(1);
    scene.send("10.0.0.1:9", b"hello");
    scene.seconds(1);
    let asked = scene.asked.len();
    for _ in 0..10 {
        assert!(scene.send("10.0.0.1:10", b"hello").is_none());
        scene.seconds(10);
    }
    assert_eq!(scene.asked.len(), asked);
    assert_eq!(scene.client.counters().datagrams_refused, 10);
    assert!(scene.at_peer.is_empty());
    assert!(scene.send(PEER, b"hello").is_some(), "others are reached");
}

#[test]
fn peers_have_a_limit() {
    let mut scene = Scene::new(0.0, 1);
    scene.seconds(1);
    let ways = (1..=100).filter(|last| scene.send(&format!("8.8.4.{last}:9"), b"a").is_some());
    assert_eq!(ways.count(), 64);
    scene.seconds(2);
    // The server gives fewer; the others are not reached.
    assert_eq!(scene.server.counters().permissions, 32);
}

/// A request that the client has sent, read.
fn request(client: &mut TurnClient, now: Time) -> (TransactionId, Option<Vec<u8>>) {
    let mut out = [0; 1_500];
    let len = client.poll_transmit(now, &mut out).unwrap();
    let message = Message::parse_any(&out[..len]).unwrap();
    let nonce = value(&message, AttributeType::NONCE).map(<[u8]>::to_vec);
    (message.transaction_id(), nonce)
}

fn error(id: TransactionId, code: u16, nonce: &[u8]) -> Vec<u8> {
    let mut out = [0; 1_500];
    let len = Builder::of(&mut out, Method::ALLOCATE, Class::Error, id)
        .error_code(code)
        .attribute(AttributeType::REALM, b"xrtc")
        .attribute(AttributeType::NONCE, nonce)
        .finish()
        .unwrap();
    out[..len].to_vec()
}

fn success(id: TransactionId, key: Option<&IntegrityKey>) -> Vec<u8> {
    let mut out = [0; 500];
    let builder = Builder::of(&mut out, Method::ALLOCATE, Class::Success, id)
        .xor_address(AttributeType::XOR_RELAYED_ADDRESS, address("6.6.6.6:6"));
    let builder = match key {
        Some(key) => builder.integrity(key),
        None => builder,
    };
    let len = builder.finish().unwrap();
    out[..len].to_vec()
}

#[test]
fn what_is_not_signed_with_the_password_changes_nothing() {
    let (mut client, now) = (TurnClient::new(config(), 1, Time::ZERO), Time::ZERO);
    let (id, nonce) = request(&mut client, now);
    assert_eq!(nonce, None, "the first request shows nothing of us");
    assert_eq!(
        client.handle_datagram(now, &success(id, None)),
        Received::Taken
    );
    let stranger = TransactionId([9; 12]);
    for datagram in [success(stranger, None), error(stranger, 401, b"a")] {
        assert_eq!(client.handle_datagram(now, &datagram), Received::Foreign);
    }
    client.handle_datagram(now, &error(id, 401, b"first"));
    let (id, nonce) = request(&mut client, now);
    assert_eq!(nonce.as_deref(), Some(&b"first"[..]));
    let other = long_term_key("ann", b"xrtc", "south");
    let forged = [
        success(id, None),
        success(id, Some(&other)),
        error(id, 486, b"a"),
    ];
    for datagram in &forged {
        client.handle_datagram(now, datagram);
    }
    assert_eq!(client.counters().unauthentic, 4);
    assert!(client.poll_event().is_none() && client.relayed().is_none());
    assert_eq!(client.failure_so_far(), TurnFailure::Refused { code: 486 });
    let config = config();
    let key = long_term_key(&config.username, b"xrtc", &config.password);
    client.handle_datagram(now, &success(id, Some(&key)));
    assert_eq!(client.relayed(), Some(address("6.6.6.6:6")));
}

#[test]
fn a_server_that_never_likes_a_nonce_is_given_up() {
    let (mut client, now) = (TurnClient::new(config(), 1, Time::ZERO), Time::ZERO);
    let (id, _) = request(&mut client, now);
    client.handle_datagram(now, &error(id, 401, b"0"));
    let mut asked = 0;
    while client.poll_event().is_none() {
        let (id, _) = request(&mut client, now);
        asked += 1;
        client.handle_datagram(now, &error(id, 438, b"1"));
    }
    assert!(asked == 3 && client.is_over());
}

#[test]
fn a_challenge_without_a_nonce_or_with_a_huge_one_is_the_end() {
    for nonce in [&b""[..], &[b'a'; 764]] {
        let (mut client, now) = (TurnClient::new(config(), 1, Time::ZERO), Time::ZERO);
        let (id, _) = request(&mut client, now);
        client.handle_datagram(now, &error(id, 401, nonce));
        let failed = TurnEvent::Failed(TurnFailure::Malformed);
        assert_eq!(client.poll_event(), Some(failed));
    }
}

/// Such an answer is never signed.
#[test]
fn an_allocation_outlives_a_438_that_names_no_nonce_and_one_after_the_other() {
    let mut scene = Scene::new(0.0, 1);
    scene.seconds(1);
    let relayed = scene.client.relayed();
    assert!(relayed.is_some());
    let (client, now) = (&mut scene.client, scene.now);
    client.route(now, address(PEER), false);
    let (mut id, _) = request(client, now);
    for nonce in [&b""[..], b"1", b"2", b"3", b"4", b"5"] {
        client.handle_datagram(now, &error(id, 438, nonce));
        // Asked again with the new one, as long as that is worth it.
        if client.poll_timeout().is_some_and(|due| due <= now) {
            (id, _) = request(client, now);
        }
        assert_eq!(client.relayed(), relayed);
    }
    scene.seconds(60);
    assert_eq!(scene.client.relayed(), relayed);
    scene.send(PEER, b"asks again");
    scene.seconds(1);
    assert!(scene.send(PEER, b"hello").is_some());
}

#[test]
fn another_server_is_not_followed() {
    let (mut client, now) = (TurnClient::new(config(), 1, Time::ZERO), Time::ZERO);
    let (id, _) = request(&mut client, now);
    client.handle_datagram(now, &error(id, 300, b""));
    let failed = TurnEvent::Failed(TurnFailure::Refused { code: 300 });
    assert_eq!(client.poll_event(), Some(failed));
}

#[test]
fn data_of_nobody_is_dropped_and_counted() {
    let mut scene = Scene::new(0.0, 1);
    scene.seconds(1);
    scene.send(PEER, b"hello");
    scene.run_for(Duration::from_millis(1));
    let mut out = [0; 100];
    let len = Builder::of(
        &mut out,
        Method::DATA,
        Class::Indication,
        TransactionId([1; 12]),
    )
    .xor_address(AttributeType::XOR_PEER_ADDRESS, address("9.9.9.9:9"))
    .attribute(AttributeType::DATA, b"hello")
    .finish()
    .unwrap();
    for datagram in [
        &out[..len],
        b"\x40\x3f\x00\x01a",
        b"\x40\x00\x00\x05a",
        b"\x40",
    ] {
        assert_eq!(scene.deliver(datagram), Received::Taken);
    }
    assert_eq!(scene.client.counters().data_discarded, 4);
    let check = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[0; 12]].concat();
    assert_eq!(scene.deliver(&check), Received::Foreign);
}

proptest! {
    #[test]
    fn bytes_of_strangers_do_not_move_a_client(
        datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..20),
    ) {
        let mut scene = Scene::new(0.0, 1);
        scene.seconds(1);
        let relayed = scene.client.relayed();
        for datagram in &datagrams {
            if let Received::Data { data, .. } = scene.deliver(datagram) {
                prop_assert!(data.end <= datagram.len());
            }
        }
        prop_assert_eq!(scene.client.relayed(), relayed);
        prop_assert!(relayed.is_some());
    }
}
