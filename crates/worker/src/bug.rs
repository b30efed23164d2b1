//! A deliberate bug in one of four workers, with browsers around it. It is here and not beside the other tests with
//! browsers because nothing outside of this crate can make a worker fail.

use xrtc_rtp::MediaKind;
use xrtc_sfu::{Ended, Event, PeerId, StreamName, WorkerId};

use crate::outside::loopback;
use crate::scene::{Scene, pictures};
use crate::{ServerConfig, WorkerEvent};

const FAILING: WorkerId = WorkerId(1);

struct Viewer {
    number: usize,
    peer: PeerId,
    worker: WorkerId,
    home: WorkerId,
}

/// Four workers, a stream on each, watched from each; everybody plays.
fn playing() -> (Scene, [String; 4], Vec<PeerId>, Vec<Viewer>) {
    let mut scene = Scene::new(ServerConfig {
        workers: 4,
        ..loopback()
    });
    let streams = [0, 1, 2, 3].map(|home| {
        let mut names = (0..).map(|number| format!("stream-{number}"));
        let has_home = |name: &String| {
            scene.app.server.home_of(&StreamName::parse(name).unwrap()) == WorkerId(home)
        };
        names.find(has_home).unwrap()
    });
    let publishers = streams.clone().map(|stream| scene.publish(&stream));
    scene.browsers.run_until("publishers connect", |ends| {
        publishers
            .iter()
            .all(|(publisher, _)| ends[*publisher].1.connected_at().is_some())
    });
    let mut viewers = Vec::new();
    for (home, stream) in (0..).map(WorkerId).zip(&streams) {
        for _ in 0..4 {
            let (number, peer) = scene.view(stream, 100 + viewers.len() as u64);
            let worker = scene.app.server.worker_of(peer);
            viewers.push(Viewer {
                number,
                peer,
                worker,
                home,
            });
        }
    }
    scene.browsers.run_until("everybody plays", |ends| {
        viewers
            .iter()
            .all(|viewer| pictures(&ends[viewer.number].1) >= 10)
    });
    let publishers = publishers.map(|(_, peer)| peer).to_vec();
    (scene, streams, publishers, viewers)
}

fn misses_nothing(scene: &mut Scene, viewer: &Viewer) {
    let received = scene.browsers.get(viewer.number).viewer().unwrap();
    let video = &received.source(MediaKind::Video).unwrap().video;
    let frames = video.frames();
    assert!(
        frames
            .windows(2)
            .all(|pair| pair[1].frame == pair[0].frame + 1)
    );
    assert_eq!(
        (video.broken, received.nacks, received.unknown_packets),
        (0, 0, 0)
    );
}

#[test]
fn one_of_four_workers_fails_and_the_others_viewers_lose_nothing() {
    let (mut scene, streams, publishers, viewers) = playing();
    let (sockets, workers) = (
        scene.app.server.held()[1],
        scene.app.server.workers().to_vec(),
    );
    scene.app.server.meet_a_bug(FAILING);

    let mut closed = Vec::new();
    let told = scene.app.wait(|worker, event| match event {
        WorkerEvent::Sfu(Event::PeerClosed { peer, reason, .. }) => {
            closed.push((*peer, *reason));
            None
        }
        WorkerEvent::Failed { message } => Some((worker, message.clone())),
        WorkerEvent::Sfu(_) => None,
    });
    assert_eq!(told.0, FAILING);
    assert!(told.1.contains("a bug that a test asked for"), "{}", told.1);
    let mut expected: Vec<_> = viewers
        .iter()
        .filter(|viewer| viewer.worker == FAILING)
        .map(|viewer| viewer.peer)
        .chain([publishers[usize::from(FAILING.0)]])
        .map(|peer| (peer, Ended::InternalError))
        .collect();
    expected.sort_by_key(|(peer, _)| *peer);
    closed.sort_by_key(|(peer, _)| *peer);
    assert_eq!(closed, expected);

    // Streams whose home is elsewhere go on for everybody else, also for those whose datagrams it receives.
    let others = || viewers.iter().filter(|viewer| viewer.worker != FAILING);
    let spared: Vec<_> = others().filter(|viewer| viewer.home != FAILING).collect();
    let seen = spared
        .iter()
        .map(|viewer| pictures(scene.browsers.get(viewer.number)));
    let seen: Vec<_> = seen.collect();
    scene.browsers.run_until("two more seconds", |ends| {
        spared
            .iter()
            .zip(&seen)
            .all(|(viewer, seen)| pictures(&ends[viewer.number].1) >= seen + 60)
    });
    for viewer in &spared {
        misses_nothing(&mut scene, viewer);
    }

    // The viewers of its streams wait for the next publisher.
    let waiting: Vec<_> = others().filter(|viewer| viewer.home == FAILING).collect();
    assert_eq!(waiting.len(), 3);
    let seen = waiting
        .iter()
        .map(|viewer| pictures(scene.browsers.get(viewer.number)));
    let seen: Vec<_> = seen.collect();
    scene.publish(&streams[usize::from(FAILING.0)]);
    scene.browsers.run_until("they go on", |ends| {
        waiting
            .iter()
            .zip(&seen)
            .all(|(viewer, seen)| pictures(&ends[viewer.number].1) >= seen + 10)
    });
    assert_eq!(scene.app.server.held()[1], sockets);
    assert_eq!(scene.app.server.workers(), workers);
    let restarts = scene
        .app
        .server
        .counters()
        .map(|counters| counters.restarts);
    assert_eq!(restarts.collect::<Vec<_>>(), [0, 1, 0, 0]);
}
