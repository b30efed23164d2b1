//! Commands and their replies, without a network.

use xrtc_sfu::{
    Command, Ended, Event, Limits, PeerId, PushOptions, Refused, RequestId, StreamName, StreamState,
};

use crate::rig::{NOW, events, limited, offers, pull, push, sfu, stream, told};

const VP8: &str = "chromium-156.0.8078.79-publish-vp8";

fn offer(part: &str) -> String {
    offers(part).into_iter().next().unwrap().1
}

fn refusal(events: &[Event]) -> &Refused {
    let [Event::Refused { refused, .. }] = events else {
        panic!("{events:?}")
    };
    refused
}

#[test]
fn every_captured_publisher_is_answered() {
    let offers = offers("publish");
    assert!(offers.len() > 20, "{}", offers.len());
    for (name, offer) in offers {
        let mut sfu = sfu();
        let told = told(&mut sfu, push(1, Some(&offer)));
        let [
            Event::StreamAdded { .. },
            Event::StreamChanged {
                state,
                publisher,
                tracks,
                ..
            },
            Event::Answer {
                sdp, ice_session, ..
            },
        ] = told.as_slice()
        else {
            panic!("{name}: {told:?}")
        };
        assert_eq!(
            (*state, *publisher),
            (StreamState::Connecting, Some(PeerId(1)))
        );
        assert!(
            !tracks.is_empty()
                && tracks
                    .iter()
                    .all(|track| !track.live && !track.layers.is_empty())
        );
        assert!(
            sdp.starts_with("v=0\r\n") && sdp.contains("a=recvonly\r\n"),
            "{name}: {sdp}"
        );
        assert!(
            sdp.contains(&format!("a=ice-ufrag:{ice_session}\r\n")),
            "{name}"
        );
        let best = sdp
            .lines()
            .find(|line| line.starts_with("a=candidate:"))
            .unwrap();
        assert!(best.contains("192.0.2.7 8800 typ host"), "{name}: {best}");
    }
}

#[test]
fn every_captured_viewer_of_a_vp8_stream_is_answered_or_told_why_not() {
    let publisher = offer(VP8);
    let mut answered = 0;
    for (name, offer) in offers("play") {
        let mut sfu = sfu();
        told(&mut sfu, push(1, Some(&publisher)));
        match told(&mut sfu, pull(2, Some(&offer))).as_slice() {
            [Event::Answer { sdp, .. }] => {
                answered += 1;
                assert!(
                    sdp.contains("a=sendonly\r\n") && sdp.contains("VP8/90000"),
                    "{name}: {sdp}"
                );
            }
            [
                Event::Refused {
                    refused: Refused::NoCommonCodec { live, .. },
                    ..
                },
            ] => {
                assert_eq!(live, &["VP8"], "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    assert!(answered > 8, "{answered}");
}

#[test]
fn a_pull_of_nothing_is_refused() {
    let mut sfu = sfu();
    let viewer = offer("chromium-156.0.8078.79-play");
    assert_eq!(
        refusal(&told(&mut sfu, pull(1, Some(&viewer)))),
        &Refused::UnknownStream
    );
    assert_eq!(
        refusal(&told(&mut sfu, pull(1, None))),
        &Refused::UnknownStream
    );
}

#[test]
fn broken_offers_are_refused_with_their_line_and_leave_nothing() {
    let mut sfu = sfu();
    let cases = [
        "",
        "hello",
        "v=0\r\n",
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio x y z\r\n",
    ];
    for text in cases {
        let told = told(&mut sfu, push(1, Some(text)));
        assert!(
            matches!(refusal(&told), Refused::InvalidDescription { .. }),
            "{told:?}"
        );
    }
    let no_ice = offer(VP8)
        .lines()
        .filter(|line| !line.contains("ice-"))
        .fold(String::new(), |text, line| text + line + "\r\n");
    let reply = told(&mut sfu, push(1, Some(&no_ice)));
    assert!(
        matches!(refusal(&reply), Refused::InvalidDescription { .. }),
        "{reply:?}"
    );
    let receiving = offer(VP8).replace("a=sendonly", "a=recvonly");
    let reply = told(&mut sfu, push(1, Some(&receiving)));
    assert!(
        matches!(refusal(&reply), Refused::UnsupportedDescription { .. }),
        "{reply:?}"
    );
    let held = told(
        &mut sfu,
        Command::GetHeld {
            request: RequestId(9),
        },
    );
    let [Event::Held { held, .. }] = held.as_slice() else {
        panic!("{held:?}")
    };
    assert_eq!(*held, xrtc_sfu::Held::default());
}

#[test]
fn limits_refuse_and_name_themselves() {
    let limits = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        limited(limits)
    };
    let name = |events: &[Event]| match refusal(events) {
        Refused::LimitReached { limit, .. } => limit.name(),
        other => panic!("{other:?}"),
    };
    let offer = offer(VP8);
    let viewer = offers("chromium-156.0.8078.79-play").remove(0).1;
    let mut sfu = limits(|limits| limits.peers = 1);
    told(&mut sfu, push(1, Some(&offer)));
    assert_eq!(name(&told(&mut sfu, pull(2, Some(&viewer)))), "peers");
    let mut sfu = limits(|limits| limits.streams = 0);
    assert_eq!(name(&told(&mut sfu, push(1, Some(&offer)))), "streams");
    let mut sfu = limits(|limits| limits.viewers_per_stream = 1);
    told(&mut sfu, push(1, Some(&offer)));
    told(&mut sfu, pull(2, Some(&viewer)));
    assert_eq!(
        name(&told(&mut sfu, pull(3, Some(&viewer)))),
        "viewersPerStream"
    );
    let mut sfu = limits(|limits| limits.description_bytes = 1_000);
    assert_eq!(
        name(&told(&mut sfu, push(1, Some(&offer)))),
        "descriptionBytes"
    );
    let mut sfu = limits(|limits| limits.text_bytes = 3);
    let options = PushOptions {
        offer: Some(offer),
        identity: Some("long".to_owned()),
        ..PushOptions::default()
    };
    let command = Command::Push {
        request: RequestId(1),
        peer: PeerId(1),
        stream: stream(),
        options,
    };
    assert_eq!(name(&told(&mut sfu, command)), "textBytes");
}

#[test]
fn a_stream_is_published_at_its_home_only() {
    let mut config = crate::rig::config();
    config.workers = 2;
    let mut sfu = xrtc_sfu::Sfu::new(config, [1; 32], NOW);
    let elsewhere = (0..)
        .map(|number| format!("s{number}"))
        .filter_map(|text| StreamName::parse(&text).ok());
    let stream = elsewhere
        .into_iter()
        .find(|name| name.home(2) == 1)
        .unwrap();
    let options = PushOptions {
        offer: Some(offer(VP8)),
        ..PushOptions::default()
    };
    let command = Command::Push {
        request: RequestId(1),
        peer: PeerId(1),
        stream,
        options,
    };
    assert_eq!(refusal(&told(&mut sfu, command)), &Refused::WrongWorker);
}

#[test]
fn commands_about_nobody_are_refused_and_closings_are_no_errors() {
    let mut sfu = sfu();
    let (request, peer) = (RequestId(5), PeerId(5));
    let text = || "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n".to_owned();
    for command in [
        Command::SetAnswer {
            request,
            peer,
            sdp: text(),
        },
        Command::Trickle {
            request,
            peer,
            fragment: text(),
        },
        Command::GetStats { request, peer },
    ] {
        let told = told(&mut sfu, command);
        assert_eq!(refusal(&told), &Refused::UnknownPeer);
        assert!(matches!(
            told[0],
            Event::Refused {
                request: RequestId(5),
                ..
            }
        ));
    }
    assert_eq!(
        told(
            &mut sfu,
            Command::ClosePeer {
                peer,
                reason: String::new()
            }
        ),
        []
    );
    assert_eq!(
        told(
            &mut sfu,
            Command::CloseStream {
                stream: stream(),
                reason: String::new()
            }
        ),
        []
    );
}

#[test]
fn a_peer_number_is_used_once_at_a_time() {
    let mut sfu = sfu();
    told(&mut sfu, push(1, Some(&offer(VP8))));
    assert_eq!(
        refusal(&told(&mut sfu, pull(1, None))),
        &Refused::PeerExists
    );
    let closed = told(
        &mut sfu,
        Command::ClosePeer {
            peer: PeerId(1),
            reason: "x".repeat(1_000),
        },
    );
    let Some(Event::PeerClosed {
        reason: Ended::Closed,
        detail,
        ..
    }) = closed.get(1)
    else {
        panic!("{closed:?}")
    };
    assert_eq!(detail.len(), Limits::default().text_bytes);
    assert!(matches!(closed.last(), Some(Event::StreamRemoved { .. })));
    assert!(
        told(&mut sfu, push(1, Some(&offer(VP8))))
            .iter()
            .any(|event| matches!(event, Event::Answer { .. }))
    );
}

#[test]
fn an_answer_without_an_offer_of_ours_is_a_wrong_moment() {
    let mut sfu = sfu();
    let offer = offer(VP8);
    told(&mut sfu, push(1, Some(&offer)));
    let reply = told(
        &mut sfu,
        Command::SetAnswer {
            request: RequestId(2),
            peer: PeerId(1),
            sdp: offer,
        },
    );
    assert_eq!(refusal(&reply), &Refused::InvalidState { state: "stable" });
    told(&mut sfu, pull(3, None));
    let fragment = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n".to_owned();
    let reply = told(
        &mut sfu,
        Command::Trickle {
            request: RequestId(4),
            peer: PeerId(3),
            fragment,
        },
    );
    assert_eq!(
        refusal(&reply),
        &Refused::InvalidState {
            state: "have-local-offer"
        }
    );
}

#[test]
fn a_seed_gives_the_same_answers_and_another_others() {
    let offer = offer(VP8);
    let answers = |seed: u8| {
        let mut sfu = xrtc_sfu::Sfu::new(crate::rig::config(), [seed; 32], NOW);
        sfu.handle_command(NOW, push(1, Some(&offer)));
        events(&mut sfu)
    };
    assert_eq!(answers(1), answers(1));
    assert_ne!(answers(1), answers(2));
}
