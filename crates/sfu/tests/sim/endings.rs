//! Every reason why a peer may be over: it is told once, and the worker then holds what it held before the peer came.

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_rtp::Codec;
use xrtc_sfu::{Command, Event, Held, Path, PullOptions, PushOptions, RequestId};
use xrtc_testkit::{PublishConfig, Side, ViewConfig};

use crate::world::{EndId, PORT, STRANGERS, World, name, network};

/// A worker with a stream that plays, and what it holds then.
struct Scene {
    world: World,
    before: Held,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut world = World::with_config(1, seed, |config| {
            config.consent_timeout = Duration::from_secs(6);
            config.connect_timeout = Duration::from_secs(6);
            config.limits.viewers_per_stream = 2;
        });
        world.publish("x", PublishConfig::default(), network(5, 0, 0.0));
        world.view(0, "x", ViewConfig::default(), network(5, 0, 0.0));
        world.connect_all();
        world.run_ms(1_500);
        let before = steady(world.held(0));
        Self { world, before }
    }

    fn view(&mut self) -> EndId {
        let link = network(5, 0, 0.0);
        self.world.view(0, "x", ViewConfig::default(), link)
    }

    /// A viewer with whom somebody changes the descriptions on their way.
    fn view_changed(
        &mut self,
        change_offer: impl Fn(String) -> String,
        change_answer: impl Fn(String) -> String,
    ) -> EndId {
        let world = &mut self.world;
        let mut browser = world.browser(Side::View(ViewConfig::default()));
        let peer = world.new_peer();
        let options = PullOptions {
            offer: Some(change_offer(browser.create_offer())),
            ..PullOptions::default()
        };
        let reply = world.ask(0, |request| Command::Pull {
            request,
            peer,
            stream: name("x"),
            options,
        });
        let Event::Answer { sdp, .. } = reply else {
            panic!("{reply:?}")
        };
        let sdp = change_answer(sdp);
        browser.set_answer(world.now, &sdp).expect("usable answer");
        world.add_end(browser, (0, peer), network(5, 0, 0.0))
    }

    /// It is over for this reason, told once, and nothing of it is left.
    fn over(&mut self, end: EndId, reason: &str) {
        let peer = self.world.ends[end].peer;
        let told: Vec<_> = self
            .world
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::PeerClosed {
                    peer: other,
                    reason,
                    ..
                } if *other == peer => Some(reason.name()),
                _ => None,
            })
            .collect();
        assert_eq!(told, [reason]);
        // The browser's goodbyes and checks change nothing any more.
        self.world.run_ms(100);
        assert_eq!(steady(self.world.held(0)), self.before, "{reason}");
    }
}

/// Without what goes up and down with traffic.
fn steady(held: Held) -> Held {
    Held {
        cached_packets: 0,
        relay_slots: 0,
        event_slots: 0,
        timers: 0,
        ..held
    }
}

#[test]
fn closed_by_the_application() {
    let mut scene = Scene::new(1);
    let viewer = scene.view();
    scene.world.connect_all();
    scene.world.close(viewer);
    scene.over(viewer, "closed");
}

#[test]
fn d60_after_the_end_no_check_is_answered_and_the_browser_has_heard_goodbye() {
    let mut scene = Scene::new(13);
    let viewer = scene.view();
    scene.world.connect_all();
    // Its next check of consent, which is on its way when the end comes.
    let world = &mut scene.world;
    let mut out = [0; 1_500];
    let mut check = None;
    while check.is_none() {
        world.now += Duration::from_millis(10);
        let now = world.now;
        let browser = &mut world.ends[viewer].browser;
        browser.handle_timeout(now);
        let sent = browser.poll_transmit(now, &mut out);
        check = sent.map(|sent| out[..sent.len].to_vec());
        // RFC 7983 §7: STUN begins with 0 to 3.
        check = check.filter(|datagram| datagram[0] < 4);
    }
    world.close(viewer);
    world.run_ms(50);
    let heard = world.ends[viewer].browser.ended();
    assert_eq!(heard, Some(xrtc_transport::Ended::PeerClosed));
    let before = world.counter(0, "demux.unknownUfrag");
    let from = SocketAddr::new(STRANGERS, 9);
    let path = Path::udp(PORT, from);
    world.deliver_up(path, &mut check.expect("a check"));
    world.flush();
    assert_eq!(world.counter(0, "demux.unknownUfrag"), before + 1);
    assert_eq!(world.to_strangers, 0, "nobody is there to answer");
    scene.over(viewer, "closed");
}

#[test]
fn peer_closed_by_a_goodbye() {
    let mut scene = Scene::new(2);
    let viewer = scene.view();
    scene.world.connect_all();
    scene.world.hang_up(viewer);
    scene.world.run_ms(50);
    scene.over(viewer, "peerClosed");
}

#[test]
fn ice_timeout_without_any_check_and_after_the_last_one() {
    let mut scene = Scene::new(3);
    let silent = scene.view();
    scene.world.ends[silent].is_gone = true;
    scene.world.run_ms(6_100);
    scene.over(silent, "iceTimeout");
    let lost = scene.view();
    scene.world.connect_all();
    scene.world.ends[lost].is_gone = true;
    scene.world.run_ms(6_100);
    scene.over(lost, "iceTimeout");
}

#[test]
fn dtls_failed_by_the_peers_alert_in_the_middle_of_the_handshake() {
    let mut scene = Scene::new(4);
    let viewer = scene.view();
    let is_shaking = |world: &World| {
        let states = world.events.iter().rev();
        let mut states = states.filter_map(|(_, event)| match event {
            Event::PeerState { peer, dtls, .. } if *peer == world.ends[viewer].peer => Some(dtls),
            _ => None,
        });
        states
            .next()
            .is_some_and(|state| state.name() == "connecting")
    };
    let second = Duration::from_secs(1);
    assert!(scene.world.run_until(second, is_shaking), "it has begun");
    // handshake_failure, fatal (RFC 5246 §7.2), in a record of epoch 0.
    let mut alert = [
        21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, /* the alert */ 2, 40,
    ];
    let path = Path::udp(PORT, scene.world.ends[viewer].nat);
    scene.world.deliver_up(path, &mut alert);
    scene.world.flush();
    scene.over(viewer, "dtlsFailed");
}

#[test]
fn dtls_failed_by_a_handshake_that_never_begins() {
    let mut scene = Scene::new(5);
    // Each side waits for the other one to begin.
    let active = |answer: String| answer.replace("a=setup:passive", "a=setup:active");
    let viewer = scene.view_changed(|offer| offer, active);
    scene.world.run_ms(40_000);
    scene.over(viewer, "dtlsFailed");
}

#[test]
fn fingerprint_mismatch_before_any_packet_is_sent() {
    let mut scene = Scene::new(6);
    let other_certificate = |offer: String| {
        let at = offer.find("a=fingerprint:sha-256 ").expect("one") + 22;
        let digit = if &offer[at..=at] == "0" { "1" } else { "0" };
        format!("{}{digit}{}", &offer[..at], &offer[at + 1..])
    };
    let viewer = scene.view_changed(other_certificate, |answer| answer);
    scene.world.run_ms(500);
    let seen = scene.world.ends[viewer].browser.viewer();
    assert_eq!(seen.map(|seen| seen.incoming().len()), Some(0));
    scene.over(viewer, "fingerprintMismatch");
}

#[test]
fn answer_timeout_of_an_offer_of_ours() {
    let mut scene = Scene::new(7);
    let peer = scene.world.new_peer();
    let reply = scene.world.ask(0, |request| Command::Pull {
        request,
        peer,
        stream: name("x"),
        options: PullOptions::default(),
    });
    assert!(matches!(reply, Event::Offer { .. }), "{reply:?}");
    let browser = scene.world.browser(Side::View(ViewConfig::default()));
    let end = scene.world.add_end(browser, (0, peer), network(5, 0, 0.0));
    scene.world.run_ms(30_100);
    scene.over(end, "answerTimeout");
}

#[test]
fn publisher_replaced_by_another_one() {
    let mut scene = Scene::new(8);
    let options = PushOptions {
        replace: true,
        ..PushOptions::default()
    };
    let link = network(5, 0, 0.0);
    let config = PublishConfig::default();
    scene
        .world
        .try_publish("x", config, options, link)
        .expect("it may replace");
    scene.world.connect_all();
    scene.world.run_ms(1_000);
    scene.over(0, "publisherReplaced");
}

#[test]
fn incompatible_codec_of_the_next_publisher() {
    let mut scene = Scene::new(9);
    let vp8 = ViewConfig {
        codecs: vec![Codec::Vp8],
        ..ViewConfig::default()
    };
    let viewer = scene.world.view(0, "x", vp8, network(5, 0, 0.0));
    scene.world.connect_all();
    let h264 = PublishConfig {
        codec: Codec::H264,
        ..PublishConfig::default()
    };
    let options = PushOptions {
        replace: true,
        ..PushOptions::default()
    };
    let link = network(5, 0, 0.0);
    scene
        .world
        .try_publish("x", h264, options, link)
        .expect("it may replace");
    scene.world.run_ms(1_500);
    scene.over(viewer, "incompatibleCodec");
}

#[test]
fn stream_and_server_closed_with_everybody_in_them() {
    let mut scene = Scene::new(11);
    scene.before = Held::default();
    let reason = "test".to_owned();
    let stream = name("x");
    scene
        .world
        .command(0, Command::CloseStream { stream, reason });
    scene.world.run_ms(100);
    (0..2).for_each(|end| scene.over(end, "streamClosed"));
    let publisher = scene
        .world
        .publish("x", PublishConfig::default(), network(5, 0, 0.0));
    let viewer = scene.view();
    scene.world.run_ms(500);
    let request = RequestId(1 << 30);
    scene.world.command(0, Command::Shutdown { request });
    for end in [publisher, viewer] {
        scene.over(end, "serverClosed");
    }
}

#[test]
fn publisher_gone_for_longer_than_its_viewers_wait() {
    let mut scene = Scene::new(12);
    scene.before = Held::default();
    scene.world.close(0);
    scene.world.run_ms(30_100);
    scene.over(1, "publisherGone");
}
