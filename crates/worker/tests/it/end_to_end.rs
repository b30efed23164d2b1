//! Browsers through a server: real sockets, real DTLS, real threads.

use xrtc_rtp::MediaKind;
use xrtc_sfu::{Command, Ended, Event};
use xrtc_testkit::Browser;
use xrtc_worker::{Backend, ServerConfig, WorkerEvent};

use crate::outside::loopback;
use crate::scene::{Scene, pictures};

fn sounds(browser: &Browser) -> usize {
    let audio = browser
        .viewer()
        .and_then(|viewer| viewer.source(MediaKind::Audio));
    audio.map_or(0, |source| source.audio.len())
}

fn stream_reaches_viewers(config: ServerConfig) {
    let mut scene = Scene::new(config);
    let workers = scene.app.server.workers().len();
    let (publisher, pushed) = scene.publish("lobby");
    scene.browsers.run_until("the publisher connects", |ends| {
        ends[publisher].1.connected_at().is_some()
    });
    let viewers: Vec<_> = (0..2 * workers as u64)
        .map(|seed| scene.view("lobby", 10 + seed))
        .collect();
    let on: std::collections::HashSet<_> = viewers
        .iter()
        .map(|(_, peer)| scene.app.server.worker_of(*peer))
        .collect();
    assert_eq!(on.len(), workers, "viewers sit on every worker");
    scene
        .browsers
        .run_until("a second of pictures and sound", |ends| {
            viewers.iter().all(|(viewer, _)| {
                pictures(&ends[*viewer].1) >= 30 && sounds(&ends[*viewer].1) >= 50
            })
        });
    for (viewer, _) in &viewers {
        let viewer = scene.browsers.get(*viewer).viewer().unwrap();
        let video = viewer.source(MediaKind::Video).unwrap();
        assert_eq!((video.video.broken, viewer.unknown_packets), (0, 0));
    }
    // A viewer that says goodbye is gone at once; so is a publisher that is closed.
    let (leaving, left) = viewers[0];
    let now = scene.browsers.now();
    scene.browsers.get(leaving).close(now);
    scene.browsers.serve(leaving);
    let worker = scene.app.server.worker_of(pushed);
    let command = Command::ClosePeer {
        peer: pushed,
        reason: String::new(),
    };
    scene.app.server.send(worker, command).unwrap();
    let mut expected = vec![(left, Ended::PeerClosed), (pushed, Ended::Closed)];
    while !expected.is_empty() {
        let ended = scene.app.wait(|_, event| match event {
            WorkerEvent::Sfu(Event::PeerClosed { peer, reason, .. }) => Some((*peer, *reason)),
            _ => None,
        });
        assert!(expected.contains(&ended), "{ended:?}");
        expected.retain(|other| *other != ended);
    }
    scene.browsers.run_until("the publisher is told", |ends| {
        ends[publisher].1.ended().is_some()
    });
}

#[test]
fn a_stream_reaches_viewers_on_one_worker() {
    stream_reaches_viewers(loopback());
}

#[test]
fn a_stream_reaches_viewers_on_every_worker() {
    stream_reaches_viewers(ServerConfig {
        workers: 3,
        ..loopback()
    });
}

#[test]
fn a_stream_reaches_viewers_through_the_portable_backend() {
    stream_reaches_viewers(ServerConfig {
        workers: 2,
        backend: Backend::Portable,
        ..loopback()
    });
}

#[test]
fn a_shutdown_says_goodbye_to_everybody() {
    let mut scene = Scene::new(ServerConfig {
        workers: 2,
        ..loopback()
    });
    let (publisher, _) = scene.publish("lobby");
    scene.browsers.run_until("the publisher connects", |ends| {
        ends[publisher].1.connected_at().is_some()
    });
    let (viewer, _) = scene.view("lobby", 9);
    scene
        .browsers
        .run_until("a picture", |ends| pictures(&ends[viewer].1) > 0);
    scene.app.server.shutdown();
    scene.browsers.run_until("both are told", |ends| {
        [publisher, viewer]
            .iter()
            .all(|number| ends[*number].1.ended() == Some(xrtc_transport::Ended::PeerClosed))
    });
    let counters = scene.app.server.counters().next().unwrap();
    assert_eq!((counters.send_errors, counters.send_dropped), (0, 0));
}
