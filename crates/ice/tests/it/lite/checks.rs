//! What is answered to which check.

use xrtc_ice::stun::{Attribute, IntegrityKey, Message};
use xrtc_ice::{Agent, Discard, Event, Path};
use xrtc_rtp::Time;

use super::{Answer, HOME, Request, Server};

#[test]
fn d53_the_first_authenticated_check_is_answered_and_selects() {
    let mut server = Server::new();
    let request = server.request(HOME);
    assert!(!server.agent.is_validated(request.path));
    assert_eq!(
        server.check(&request),
        Answer::Success(HOME.parse().unwrap())
    );
    assert_eq!(server.events(), [Event::Selected(request.path)]);
    assert!(server.agent.is_validated(request.path));
    // Repeats change nothing.
    assert_eq!(
        server.check(&request),
        Answer::Success(HOME.parse().unwrap())
    );
    assert_eq!(server.events(), []);
    assert_eq!(server.agent.counters().total(), 0);
}

#[test]
fn d62_ipv6_peers_get_their_address_back() {
    let mut server = Server::new();
    let remote = "[2001:db8::9]:40000";
    let request = Request {
        path: Path::udp(
            "[2001:db8::1]:8189".parse().unwrap(),
            remote.parse().unwrap(),
        ),
        ..server.request(HOME)
    };
    assert_eq!(
        server.check(&request),
        Answer::Success(remote.parse().unwrap())
    );
}

#[test]
fn d55_ffmpeg_without_priority_and_role_is_accepted() {
    let mut server = Server::new();
    let request = Request {
        role: None,
        ..server.request(HOME).nominating()
    };
    assert_eq!(
        server.check(&request),
        Answer::Success(HOME.parse().unwrap())
    );
    assert_eq!(server.selected().as_deref(), Some(HOME));
}

#[test]
fn d54_wrong_integrity_gets_401_and_changes_nothing() {
    let mut server = Server::new();
    let request = Request {
        password: Some("x".repeat(24)),
        ..server.request(HOME).nominating()
    };
    let (asked, answer) = server.exchange(&request);
    let answer = answer.unwrap();
    assert!(answer.len() <= asked);
    let message = Message::parse(&answer).unwrap();
    assert!(!message.has_integrity(), "RFC 8489 §9.1.3: not signed");
    assert_eq!(
        message.attributes().next(),
        Some(Ok(Attribute::ErrorCode(401, "")))
    );
    assert_eq!(
        (server.events(), server.agent.is_validated(request.path)),
        (vec![], false)
    );
    assert_eq!(server.agent.counters().get(Discard::WrongIntegrity), 1);
}

#[test]
fn d54_missing_integrity_gets_400() {
    let mut server = Server::new();
    let request = Request {
        password: None,
        ..server.request(HOME)
    };
    let (asked, answer) = server.exchange(&request);
    assert!(answer.as_ref().unwrap().len() <= asked);
    assert_eq!(server.check(&request), Answer::Error(400));
    let nameless = Request {
        username: None,
        ..server.request(HOME)
    };
    let (_, answer) = server.exchange(&nameless);
    let answer = answer.unwrap();
    let message = Message::parse(&answer).unwrap();
    assert_eq!(
        message.attributes().next(),
        Some(Ok(Attribute::ErrorCode(400, "")))
    );
    assert_eq!(server.agent.counters().get(Discard::MissingIntegrity), 3);
}

#[test]
fn d54_an_error_longer_than_its_request_is_not_sent() {
    let mut server = Server::new();
    let request = Request {
        password: None,
        username: None,
        role: None,
        ..server.request(HOME)
    };
    let (asked, answer) = server.exchange(&request);
    assert_eq!((asked, answer), (28, None));
    assert_eq!(server.agent.counters().get(Discard::WouldAmplify), 1);
}

#[test]
fn d54_a_username_of_others_gets_nothing() {
    let mut server = Server::new();
    let request = Request {
        username: Some(("stranger".into(), "peer".into())),
        ..server.request(HOME)
    };
    assert_eq!(server.check(&request), Answer::Nothing);
    assert_eq!(server.agent.counters().get(Discard::UnknownUsername), 1);
    // A prefix of ours is not ours, nor is ours in the wrong place.
    let ours = server.local.ufrag().to_owned();
    let request = Request {
        username: Some((ours[..4].to_owned(), ours)),
        ..server.request(HOME)
    };
    assert_eq!(server.check(&request), Answer::Nothing);
}

#[test]
fn d56_unknown_required_attributes_get_a_signed_420_with_their_types() {
    let mut server = Server::new();
    let request = Request {
        extra: vec![(0x0042, vec![1, 2, 3]), (0x7fff, vec![])],
        ..server.request(HOME)
    };
    let (_, answer) = server.exchange(&request);
    let answer = answer.unwrap();
    let message = Message::parse(&answer).unwrap();
    assert_eq!(
        message.verify(&IntegrityKey::new(server.local.pwd())),
        Ok(())
    );
    let attributes: Vec<_> = message.attributes().map(Result::unwrap).collect();
    let types = [0x00, 0x42, 0x7f, 0xff];
    assert_eq!(
        attributes,
        [
            Attribute::ErrorCode(420, ""),
            Attribute::UnknownAttributes(&types)
        ]
    );
    assert_eq!(
        (
            server.selected(),
            server.agent.counters().get(Discard::UnknownAttribute)
        ),
        (None, 1)
    );
}

#[test]
fn d61_a_check_as_long_as_the_mtu_with_dtls_inside_is_answered_like_any_other() {
    let mut server = Server::new();
    // META-DTLS-IN-STUN and its acknowledgement (draft-hancke-webrtc-sped §4): 1,472 bytes are what Ethernet carries.
    let acknowledged = (0xc071, vec![7; 64]);
    let bare = Request {
        extra: vec![(0xc070, vec![]), acknowledged.clone()],
        ..server.request(HOME).nominating()
    };
    let room = 1_472 - server.bytes(&bare).len();
    let request = Request {
        extra: vec![(0xc070, vec![22; room]), acknowledged],
        ..server.request(HOME).nominating()
    };
    assert_eq!(server.bytes(&request).len(), 1_472);
    let expected = Answer::Success(HOME.parse().unwrap());
    assert_eq!(server.check(&request), expected);
    assert_eq!(server.selected().as_deref(), Some(HOME));
    // Without DTLS of ours inside, the peer knows that it must go on alone.
    assert_eq!(server.agent.counters().total(), 0);
}

#[test]
fn d56_unknown_optional_attributes_are_ignored() {
    let mut server = Server::new();
    // GOOG-NETWORK-INFO, GOOG-LAST-ICE-CHECK-RECEIVED, GOOG-MISC-INFO, GOOG-DELTA, and DTLS in STUN as large as it
    // comes.
    let extra = vec![
        (0xc057, vec![0, 1, 0, 50]),
        (0xc05a, vec![1; 12]),
        (0xc05b, vec![0; 3]),
        (0xc05c, vec![2; 4]),
        (0xc060, vec![]),
        (0xc070, vec![22; 1180]),
        (0xc071, vec![3; 16]),
    ];
    let request = Request {
        extra,
        ..server.request(HOME)
    };
    assert_eq!(
        server.check(&request),
        Answer::Success(HOME.parse().unwrap())
    );
}

#[test]
fn d57_a_peer_that_says_it_is_controlled_gets_487() {
    let mut server = Server::new();
    let request = Request {
        role: Some((false, u64::MAX)),
        ..server.request(HOME)
    };
    assert_eq!(server.check(&request), Answer::Error(487));
    assert_eq!(server.selected(), None);
}

#[test]
fn indications_and_responses_are_not_answered() {
    let mut server = Server::new();
    let request = server.request(HOME);
    let mut indication = server.bytes(&Request {
        password: None,
        ..request.clone()
    });
    indication[1] = 0x11;
    let len = indication.len();
    indication.truncate(len - 8);
    let length = u16::try_from(len - 8 - 20).unwrap();
    indication[2..4].copy_from_slice(&length.to_be_bytes());
    server
        .agent
        .handle_datagram(server.now, request.path, &indication);
    let mut response = server.bytes(&request);
    response[0] = 0x01;
    let len = response.len();
    response.truncate(len - 8);
    response[2..4].copy_from_slice(&u16::try_from(len - 28).unwrap().to_be_bytes());
    server
        .agent
        .handle_datagram(server.now, request.path, &response);
    assert_eq!(server.agent.poll_transmit(server.now, &mut [0; 1200]), None);
    assert_eq!(server.agent.counters().get(Discard::UnmatchedResponse), 1);
    assert_eq!(server.agent.counters().total(), 1);
}

#[test]
fn replies_that_nobody_fetches_are_limited() {
    let mut server = Server::new();
    let request = server.request(HOME);
    for _ in 0..20 {
        let bytes = server.bytes(&request);
        server
            .agent
            .handle_datagram(server.now, request.path, &bytes);
    }
    assert_eq!(server.agent.counters().get(Discard::TooManyReplies), 4);
    let mut out = [0; 1200];
    let replies = std::iter::from_fn(|| server.agent.poll_transmit(Time::ZERO, &mut out)).count();
    assert_eq!(replies, 16);
}

#[test]
fn a_lite_agent_is_small() {
    assert!(size_of::<Agent>() <= 600, "{} bytes", size_of::<Agent>());
}
