//! The server offers: the course's way.

use xrtc_netem::LinkConfig;
use xrtc_sfu::{Command, Event, Media, PeerId, PullOptions, PushOptions, Refused};
use xrtc_testkit::{Browser, PublishConfig, Side, ViewConfig};

use crate::world::{EndId, World, name, network};

/// A peer that is offered to, and what it is offered.
fn offered(world: &mut World, is_push: bool, media: Media) -> (PeerId, String) {
    let peer = world.new_peer();
    let reply = world.ask(0, |request| {
        let stream = name("x");
        if is_push {
            Command::Push {
                request,
                peer,
                stream,
                options: PushOptions {
                    media,
                    ..PushOptions::default()
                },
            }
        } else {
            Command::Pull {
                request,
                peer,
                stream,
                options: PullOptions {
                    media,
                    ..PullOptions::default()
                },
            }
        }
    });
    let Event::Offer { sdp, .. } = reply else {
        panic!("{reply:?}")
    };
    (peer, sdp)
}

fn answer(
    world: &mut World,
    (peer, offer): (PeerId, String),
    side: Side,
    link: LinkConfig,
) -> EndId {
    let mut browser: Browser = world.browser(side);
    let sdp = browser
        .accept_offer(world.now, &offer)
        .expect("usable offer");
    let end = world.add_end(browser, (0, peer), link);
    let reply = world.ask(0, |request| Command::SetAnswer { request, peer, sdp });
    assert!(matches!(reply, Event::Accepted { .. }), "{reply:?}");
    end
}

#[test]
fn the_server_offers_to_a_publisher_and_a_viewer_and_media_flows() {
    let mut world = World::new(1, 1);
    let push = offered(&mut world, true, Media::default());
    assert!(push.1.contains("a=recvonly") && push.1.contains("a=setup:actpass"));
    assert!(
        push.1.contains("a=rtpmap:111 opus/48000/2") && push.1.contains("a=rtpmap:96 H264/90000")
    );
    let refused = world.try_view(0, "x", ViewConfig::default(), network(10, 0, 0.0));
    assert_eq!(
        refused,
        Err(Refused::UnknownStream),
        "nobody publishes before the answer"
    );
    let publish = PublishConfig {
        codec: xrtc_rtp::Codec::H264,
        ..PublishConfig::default()
    };
    answer(
        &mut world,
        push,
        Side::Publish(publish),
        network(10, 0, 0.0),
    );
    world.connect_all();
    world.run_ms(300);
    let pull = offered(&mut world, false, Media::default());
    assert!(pull.1.contains("a=sendonly") && pull.1.contains("a=ssrc-group:FID"));
    let viewer = answer(
        &mut world,
        pull,
        Side::View(ViewConfig::default()),
        network(10, 0, 0.0),
    );
    world.connect_all();
    world.run_ms(1_000);
    assert!(
        world.frames(viewer).len() > 20,
        "{}",
        world.frames(viewer).len()
    );
    let view = world.ends[viewer].browser.viewer().expect("viewer");
    assert!(
        view.source(xrtc_rtp::MediaKind::Audio)
            .is_some_and(|audio| audio.audio.len() > 30)
    );
    assert_eq!(view.unknown_packets, 0);
}

#[test]
fn an_offer_has_the_kinds_that_were_asked_for() {
    let mut world = World::new(1, 2);
    let (_, sdp) = offered(
        &mut world,
        true,
        Media {
            audio: true,
            video: false,
        },
    );
    assert!(sdp.contains("m=audio") && !sdp.contains("m=video"));
    let (_, sdp) = offered(
        &mut world,
        true,
        Media {
            audio: false,
            video: true,
        },
    );
    assert!(!sdp.contains("m=audio") && sdp.contains("m=video"));
}

#[test]
fn a_second_or_a_broken_answer_is_refused_and_changes_nothing() {
    let mut world = World::new(1, 3);
    let push = offered(&mut world, true, Media::default());
    let peer = push.0;
    let set = |world: &mut World, sdp: &str| {
        let sdp = sdp.to_owned();
        world.ask(0, |request| Command::SetAnswer { request, peer, sdp })
    };
    let reply = set(&mut world, "v=0\r\nnonsense");
    assert!(
        matches!(
            reply,
            Event::Refused {
                refused: Refused::InvalidDescription { .. },
                ..
            }
        ),
        "{reply:?}"
    );
    let side = Side::Publish(PublishConfig::default());
    let end = answer(&mut world, push, side, network(10, 0, 0.0));
    world.connect_all();
    let reply = set(&mut world, "v=0\r\n");
    let Event::Refused { refused, .. } = reply else {
        panic!("{reply:?}")
    };
    assert_ne!(refused.code(), "unknownPeer");
    world.run_ms(500);
    assert!(world.ends[end].browser.ended().is_none());
    assert_eq!(world.held(0).pending_offers, 0);
}

#[test]
fn unanswered_offers_are_limited() {
    let mut world = World::with_config(1, 4, |config| config.limits.pending_offers = 3);
    for _ in 0..3 {
        offered(&mut world, true, Media::default());
    }
    let peer = world.new_peer();
    let options = PushOptions::default();
    let reply = world.ask(0, |request| Command::Push {
        request,
        peer,
        stream: name("x"),
        options,
    });
    let Event::Refused {
        refused: Refused::LimitReached { limit, maximum: 3 },
        ..
    } = reply
    else {
        panic!("{reply:?}")
    };
    assert_eq!(limit.name(), "pendingOffers");
}
