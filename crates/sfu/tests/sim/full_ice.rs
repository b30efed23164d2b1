//! Peers to which we send checks ourselves: the client's side of other servers, and full ICE towards browsers.

use std::time::Duration;

use xrtc_ice::{Mode, Role};
use xrtc_netem::LinkConfig;
use xrtc_sfu::{
    CandidateError, Command, Event, Held, Ice, PeerId, PullOptions, PushOptions, Refused,
    StatsValue,
};
use xrtc_testkit::{PublishConfig, Side, ViewConfig};

use crate::stats::stats;
use crate::world::{EndId, World, name, network};

const LITE: Mode = Mode::Lite;
const CONTROLLED: Mode = Mode::Full(Role::Controlled);
const CONTROLLING: Mode = Mode::Full(Role::Controlling);

/// We publish what a peer of that kind sends: we offer, and it answers.
fn pull_from(world: &mut World, ice: Mode, link: LinkConfig) -> EndId {
    let own = world.full_ice(0);
    let offered = offer_to_publisher(world, own);
    let publish = PublishConfig {
        codec: xrtc_rtp::Codec::H264,
        ..PublishConfig::default()
    };
    answered(world, ice, (Side::Publish(publish), link), offered)
}

/// Our offer to whoever publishes `x`, and the peer that it is of.
fn offer_to_publisher(world: &mut World, ice: Ice) -> (Event, PeerId) {
    let options = PushOptions {
        ice,
        ..PushOptions::default()
    };
    let peer = world.new_peer();
    let reply = world.ask(0, |request| Command::Push {
        request,
        peer,
        stream: name("x"),
        options,
    });
    (reply, peer)
}

/// We send a stream to a peer of that kind: we offer, and it answers.
fn push_to(world: &mut World, ice: Mode, link: LinkConfig) -> EndId {
    let options = PullOptions {
        ice: world.full_ice(0),
        ..PullOptions::default()
    };
    let peer = world.new_peer();
    let reply = world.ask(0, |request| Command::Pull {
        request,
        peer,
        stream: name("x"),
        options,
    });
    let side = Side::View(ViewConfig::default());
    answered(world, ice, (side, link), (reply, peer))
}

fn answered(
    world: &mut World,
    ice: Mode,
    (side, link): (Side, LinkConfig),
    (reply, peer): (Event, PeerId),
) -> EndId {
    let Event::Offer { sdp, .. } = reply else {
        panic!("{reply:?}")
    };
    assert!(!sdp.contains("a=ice-lite"), "we send checks: {sdp}");
    let mut remote = world.browser_with_ice(side, ice);
    let sdp = remote.accept_offer(world.now, &sdp).expect("usable offer");
    let end = world.add_end(remote, (0, peer), link);
    let reply = world.ask(0, |request| Command::SetAnswer { request, peer, sdp });
    assert!(matches!(reply, Event::Accepted { .. }), "{reply:?}");
    end
}

/// Connects, and counts the frames of the second half of `seconds`.
fn frames_after(world: &mut World, viewer: EndId, seconds: u64) -> usize {
    world.connect_all();
    world.run(Duration::from_secs(seconds) / 2);
    let before = world.frames(viewer).len();
    world.run(Duration::from_secs(seconds) / 2);
    world.frames(viewer).len() - before
}

#[test]
fn media_goes_from_one_lite_server_through_us_to_another() {
    for (seed, loss) in [(1, 0.0), (2, 0.0), (3, 0.1), (4, 0.1), (5, 0.2)] {
        let mut world = World::new(1, seed);
        pull_from(&mut world, LITE, network(20, 3, loss));
        world.connect_all();
        world.run_ms(1_000);
        let viewer = push_to(&mut world, LITE, network(20, 3, loss));
        let frames = frames_after(&mut world, viewer, 6);
        let least = if loss == 0.0 { 88 } else { 60 };
        assert!(frames >= least, "seed {seed}: {frames} of 90 frames");
    }
}

/// An end at a lite server whose publisher we are, by way of a TURN server only.
fn pull_by_relay(world: &mut World, link: LinkConfig) -> EndId {
    let own = world.relayed_ice(0);
    let (reply, peer) = offer_to_publisher(world, own);
    let Event::Offer { sdp, .. } = &reply else {
        panic!("{reply:?}")
    };
    let candidates: Vec<&str> = sdp
        .lines()
        .filter(|line| line.starts_with("a=candidate"))
        .collect();
    assert!(!candidates.is_empty());
    let is_relayed = |line: &&str| line.contains(" typ relay ");
    assert!(candidates.iter().all(is_relayed), "{candidates:?}");
    let side = Side::Publish(PublishConfig::default());
    answered(world, LITE, (side, link), (reply, peer))
}

#[test]
fn media_comes_by_way_of_a_turn_server_and_the_statistics_say_so() {
    for (seed, loss) in [(1, 0.0), (2, 0.2)] {
        let mut world = World::new(1, seed);
        let publisher = pull_by_relay(&mut world, network(20, 3, loss));
        world.connect_all();
        world.run_ms(1_000);
        let viewer = push_to(&mut world, LITE, network(20, 3, loss));
        let frames = frames_after(&mut world, viewer, 6);
        let least = if loss == 0.0 { 88 } else { 50 };
        assert!(frames >= least, "seed {seed}: {frames} of 90 frames");
        let stats = stats(&mut world, publisher);
        let local = stats.iter().find(|record| record.kind == "local-candidate");
        let local = local.expect("a local candidate");
        for (field, value) in [
            ("candidateType", "relay"),
            ("relayProtocol", "udp"),
            ("protocol", "udp"),
            ("url", "turn:relay.example"),
        ] {
            let expected = StatsValue::Text(value.to_owned());
            assert_eq!(
                local.fields.iter().find(|(name, _)| *name == field),
                Some(&(field, expected))
            );
        }
    }
}

#[test]
fn a_peer_with_a_relayed_address_leaves_nothing_behind() {
    let mut world = World::with_config(1, 3, |config| {
        config.publisher_grace = Duration::from_secs(1);
    });
    let end = pull_by_relay(&mut world, network(20, 0, 0.0));
    world.connect_all();
    world.run_ms(500);
    assert_eq!(world.held(0).addresses, 2, "the relayed address and a path");
    world.close(end);
    world.run_ms(2_000);
    assert_eq!(world.held(0), Held::default());
}

/// Opens a publisher whose TURN server has refused.
fn push_without_relay(world: &mut World, relay_only: bool) -> Event {
    let Ice::Full(mut own) = world.full_ice(0) else {
        unreachable!("it is full")
    };
    own.gather.relay_only = relay_only;
    own.errors.push(CandidateError {
        url: "turn:relay.example".into(),
        code: 401,
        text: "401 unauthenticated".to_owned(),
    });
    if relay_only {
        own.bases.clear();
    }
    let options = PushOptions {
        ice: Ice::full(*own),
        ..PushOptions::default()
    };
    let peer = world.new_peer();
    world.ask(0, |request| Command::Push {
        request,
        peer,
        stream: name("x"),
        options,
    })
}

#[test]
fn a_turn_server_that_refuses_is_an_error_where_it_is_the_only_way_and_else_an_event() {
    let mut world = World::new(1, 1);
    let reply = push_without_relay(&mut world, true);
    let Event::Refused { refused, .. } = reply else {
        panic!("{reply:?}")
    };
    assert_eq!(
        refused.to_string(),
        "no relayed address from turn:relay.example: 401 unauthenticated"
    );
    assert_eq!(world.held(0), Held::default());
    let reply = push_without_relay(&mut world, false);
    assert!(matches!(reply, Event::Offer { .. }), "{reply:?}");
    let told = |(_, event): &(usize, Event)| matches!(event, Event::CandidateError { error, .. } if error.code == 401);
    assert_eq!(world.events.iter().filter(|event| told(event)).count(), 1);
}

#[test]
fn full_agents_on_both_sides_find_each_other_whoever_offers() {
    for (seed, loss) in [(1, 0.0), (2, 0.1), (3, 0.2)] {
        let mut world = World::new(1, seed);
        let ice = world.full_ice(0);
        let worker = world.home("x");
        let options = PushOptions {
            ice,
            ..PushOptions::default()
        };
        let link = network(30, 5, loss);
        let side = Side::Publish(PublishConfig::default());
        let mut remote = world.browser_with_ice(side, CONTROLLING);
        let peer = world.new_peer();
        let offer = Some(remote.create_offer());
        let reply = world.ask(worker, |request| Command::Push {
            request,
            peer,
            stream: name("x"),
            options: PushOptions { offer, ..options },
        });
        let Event::Answer { sdp, .. } = reply else {
            panic!("{reply:?}")
        };
        assert!(!sdp.contains("a=ice-lite"));
        remote.set_answer(world.now, &sdp).expect("usable answer");
        world.add_end(remote, (worker, peer), link);
        world.connect_all();
        world.run_ms(1_000);
        let viewer = push_to(&mut world, CONTROLLED, link);
        let frames = frames_after(&mut world, viewer, 4);
        let least = if loss == 0.0 { 58 } else { 30 };
        assert!(frames >= least, "seed {seed}: {frames} of 60 frames");
    }
}

#[test]
fn two_sides_that_both_want_to_nominate_agree_on_who_does() {
    for seed in 0..8 {
        let mut world = World::new(1, seed);
        let end = pull_from(&mut world, CONTROLLING, network(20, 0, 0.0));
        world.connect_all();
        let theirs = world.ends[end].browser.transport().ice().role();
        world.run_ms(500);
        assert_eq!(
            world.ends[end].browser.transport().ice().role(),
            theirs,
            "seed {seed}: settled"
        );
        let viewer = push_to(&mut world, CONTROLLING, network(20, 0, 0.0));
        let frames = frames_after(&mut world, viewer, 2);
        assert!(frames >= 28, "seed {seed}: {frames} of 30 frames");
    }
}

#[test]
fn consent_is_kept_for_minutes_and_its_loss_ends_the_peer() {
    let mut world = World::with_config(1, 1, |config| {
        config.consent_timeout = Duration::from_secs(10);
    });
    let end = pull_from(&mut world, LITE, network(20, 0, 0.05));
    world.connect_all();
    world.run(Duration::from_secs(120));
    assert_eq!(world.closed_reason(end), None);
    world.ends[end].is_gone = true;
    world.run(Duration::from_secs(17));
    assert_eq!(world.closed_reason(end), Some("iceTimeout"));
}

#[test]
fn a_peer_that_restarts_ice_keeps_its_picture() {
    let mut world = World::new(1, 7);
    let end = pull_from(&mut world, CONTROLLED, network(20, 0, 0.0));
    world.connect_all();
    world.run_ms(500);
    let viewer = world.view(0, "x", ViewConfig::default(), network(20, 0, 0.0));
    world.connect_all();
    world.run_ms(500);
    let before = world.frames(viewer).len();
    let fragment = world.ends[end].browser.restart_ice(world.now);
    let peer = world.ends[end].peer;
    let reply = world.ask(0, |request| Command::Trickle {
        request,
        peer,
        fragment,
    });
    let Event::Restarted { fragment, .. } = reply else {
        panic!("{reply:?}")
    };
    assert!(!fragment.contains("a=ice-lite") && fragment.contains("typ host"));
    let browser = &mut world.ends[end].browser;
    browser.set_restart_reply(&fragment).expect("usable reply");
    world.run_ms(3_000);
    assert_eq!(world.closed_reason(end), None);
    assert!(world.frames(viewer).len() - before >= 88);
}

#[test]
fn candidates_may_come_after_the_answer() {
    let mut world = World::new(1, 9);
    let peer = world.new_peer();
    let ice = world.full_ice(0);
    let reply = world.ask(0, |request| Command::Push {
        request,
        peer,
        stream: name("x"),
        options: PushOptions {
            ice,
            ..PushOptions::default()
        },
    });
    let Event::Offer { sdp, .. } = reply else {
        panic!("{reply:?}")
    };
    let side = Side::Publish(PublishConfig::default());
    let mut remote = world.browser_with_ice(side, LITE);
    let answer = remote.accept_offer(world.now, &sdp).expect("usable offer");
    let (address, ice) = (remote.address(), remote.transport().ice().local().clone());
    let end = world.add_end(remote, (0, peer), network(20, 0, 0.0));
    let lines = answer.lines().filter(|line| !line.contains("candidate"));
    let sdp = lines.fold(String::new(), |text, line| text + line + "\r\n");
    let reply = world.ask(0, |request| Command::SetAnswer { request, peer, sdp });
    assert!(matches!(reply, Event::Accepted { .. }), "{reply:?}");
    world.run_ms(1_000);
    assert_eq!(
        world.ends[end].browser.connected_at(),
        None,
        "nowhere to go"
    );
    // One that nobody is at comes first, and costs nothing but its checks.
    for candidate in [
        "candidate:9 1 udp 2130706431 192.0.2.99 9999 typ host".to_owned(),
        format!(
            "candidate:1 1 udp 2122260223 {} {} typ host",
            address.ip(),
            address.port()
        ),
    ] {
        let fragment = format!(
            "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na={candidate}\r\n",
            ice.ufrag(),
            ice.pwd()
        );
        let reply = world.ask(0, |request| Command::Trickle {
            request,
            peer,
            fragment,
        });
        assert!(matches!(reply, Event::Accepted { .. }), "{reply:?}");
    }
    world.connect_all();
}

#[test]
fn two_lite_sides_are_told_so_instead_of_waiting_for_each_other() {
    let mut world = World::new(1, 1);
    let side = Side::Publish(PublishConfig::default());
    let remote = world.browser_with_ice(side, LITE);
    let peer = world.new_peer();
    let options = PushOptions {
        offer: Some(remote.create_offer()),
        ..PushOptions::default()
    };
    let reply = world.ask(0, |request| Command::Push {
        request,
        peer,
        stream: name("x"),
        options,
    });
    let Event::Refused { refused, .. } = reply else {
        panic!("{reply:?}")
    };
    assert_eq!(refused.code(), "unsupportedDescription");
    assert!(refused.to_string().contains("ICE-lite"), "{refused}");
}

#[test]
fn full_ice_without_a_socket_is_refused() {
    let mut world = World::new(1, 1);
    let peer = world.new_peer();
    let options = PushOptions {
        ice: Ice::full(xrtc_sfu::OwnAddresses::default()),
        ..PushOptions::default()
    };
    let reply = world.ask(0, |request| Command::Push {
        request,
        peer,
        stream: name("x"),
        options,
    });
    assert!(
        matches!(
            reply,
            Event::Refused {
                refused: Refused::NoSocket,
                ..
            }
        ),
        "{reply:?}"
    );
}

#[test]
fn a_peer_with_sockets_of_its_own_leaves_nothing_behind() {
    let mut world = World::with_config(1, 3, |config| {
        config.publisher_grace = Duration::from_secs(1);
    });
    let end = pull_from(&mut world, LITE, network(20, 0, 0.0));
    world.connect_all();
    world.run_ms(500);
    let held = world.held(0);
    assert_eq!((held.ufrags, held.addresses), (0, 2), "socket and path");
    world.close(end);
    world.run_ms(2_000);
    assert_eq!(world.held(0), Held::default());
    assert!(
        world.ends[end].browser.ended().is_some(),
        "it was told goodbye"
    );
}
