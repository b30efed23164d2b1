//! Peers whose networks let no UDP through.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use xrtc_sfu::framing::prefix;
use xrtc_sfu::{Command, Event, Ice, OwnAddresses, PeerId, StatsValue, WorkerId};
use xrtc_worker::{ServerConfig, TcpPort, WorkerEvent};

use crate::outside::{App, loopback};
use crate::scene::{Scene, pictures};

pub(crate) fn total(app: &App, name: &str) -> u64 {
    let counters = app.server.counters();
    counters
        .chain([app.server.acceptor_counters()])
        .flat_map(|counters| counters.named())
        .filter(|(other, _)| *other == name)
        .map(|(_, count)| count)
        .sum()
}

fn close(scene: &mut Scene, peer: PeerId) {
    let worker = scene.app.server.worker_of(peer);
    let reason = String::new();
    let command = Command::ClosePeer { peer, reason };
    scene.app.server.send(worker, command).unwrap();
    scene
        .app
        .wait(|_, event| matches!(event, WorkerEvent::Sfu(Event::PeerClosed { .. })).then_some(()));
}

#[test]
fn d62_publisher_and_viewers_without_udp_play_on_every_worker() {
    let mut scene = Scene::new(ServerConfig {
        workers: 3,
        ..loopback()
    });
    let (publisher, pushed) = scene.publish_over_tcp("lobby", Ice::Lite);
    let tcp = scene.app.server.tcp_bound()[0];
    let offered = format!(
        " 1 tcp 1520435199 {} {} typ host tcptype passive",
        tcp.ip(),
        tcp.port()
    );
    let lines: Vec<_> = scene
        .answer
        .lines()
        .filter(|line| line.contains("a=candidate"))
        .collect();
    assert!(lines[0].contains(" udp "), "{lines:?}");
    assert!(lines[1].ends_with(&offered), "{lines:?}");
    scene.browsers.run_until("the publisher connects", |ends| {
        ends[publisher].1.connected_at().is_some()
    });
    let viewers: Vec<_> = (0..6)
        .map(|seed| scene.view_over_tcp("lobby", 10 + seed))
        .collect();
    let also = scene.view("lobby", 20);
    let numbers: Vec<_> = viewers
        .iter()
        .chain([&also])
        .map(|(number, _)| *number)
        .collect();
    scene.browsers.run_until("pictures for all", |ends| {
        numbers
            .iter()
            .all(|viewer| pictures(&ends[*viewer].1) >= 30)
    });
    for number in &numbers {
        let viewer = scene.browsers.get(*number).viewer().unwrap();
        assert_eq!((viewer.nacks, viewer.unknown_packets), (0, 0));
    }
    let app = &scene.app;
    assert_eq!(total(app, "tcpConnections"), 7);
    assert_eq!(total(app, "tcpAccepted"), 7);
    for name in [
        "tcpRefused",
        "tcpWaiting",
        "tcpFramesDropped",
        "tcpFramesTooLong",
    ] {
        assert_eq!(total(app, name), 0, "{name}");
    }
    assert_eq!(protocol(&mut scene.app, viewers[0].1), "tcp");
    assert_eq!(protocol(&mut scene.app, also.1), "udp");
    // Whoever is over leaves no connection behind, and is told before.
    let (leaving, left) = viewers[0];
    close(&mut scene, left);
    scene.browsers.run_until("the viewer is told", |ends| {
        ends[leaving].1.ended() == Some(xrtc_transport::Ended::PeerClosed)
    });
    close(&mut scene, pushed);
    let held = |app: &App| total(app, "tcpConnections");
    while held(&scene.app) > 5 {
        scene.browsers.turn();
    }
}

fn protocol(app: &mut App, wanted: PeerId) -> String {
    let worker = app.server.worker_of(wanted);
    let request = app.request();
    app.server
        .send(
            worker,
            Command::GetStats {
                request,
                peer: wanted,
            },
        )
        .unwrap();
    app.wait(|_, event| match event {
        WorkerEvent::Sfu(Event::Stats { records, .. }) => {
            let mut records = records.iter();
            let local = records.find(|record| record.kind == "local-candidate")?;
            match local.get("protocol") {
                Some(StatsValue::Text(protocol)) => Some(protocol.clone()),
                _ => None,
            }
        }
        _ => None,
    })
}

#[test]
fn d62_a_connection_that_is_over_is_replaced_without_a_restart() {
    let mut scene = Scene::new(loopback());
    let (publisher, _) = scene.publish("lobby");
    scene.browsers.run_until("the publisher connects", |ends| {
        ends[publisher].1.connected_at().is_some()
    });
    let (viewer, peer) = scene.view_over_tcp("lobby", 9);
    scene
        .browsers
        .run_until("pictures", |ends| pictures(&ends[viewer].1) >= 10);
    let tcp = scene.app.server.tcp_bound()[0];
    scene.browsers.reconnect(viewer, tcp);
    // The server knows before the viewer has said anything.
    scene.app.wait(|_, event| match event {
        WorkerEvent::Sfu(Event::PeerState {
            peer: told,
            connection,
            ..
        }) if *told == peer => (connection.name() == "disconnected").then_some(()),
        _ => None,
    });
    let before = pictures(scene.browsers.get(viewer));
    scene.browsers.run_until("pictures again", |ends| {
        pictures(&ends[viewer].1) >= before + 30
    });
    assert_eq!(total(&scene.app, "tcpConnections"), 1);
    assert_eq!(total(&scene.app, "tcpRefused"), 0);
}

#[test]
fn d62_a_stalled_connection_loses_whole_frames_and_nobody_else_does() {
    let mut scene = Scene::new(loopback());
    let (publisher, _) = scene.publish("lobby");
    scene.browsers.run_until("the publisher connects", |ends| {
        ends[publisher].1.connected_at().is_some()
    });
    let (stalled, _) = scene.view_over_tcp("lobby", 9);
    let (other, _) = scene.view_over_tcp("lobby", 10);
    scene.browsers.run_until("pictures for both", |ends| {
        [stalled, other]
            .iter()
            .all(|viewer| pictures(&ends[*viewer].1) >= 10)
    });
    scene.browsers.connection(stalled).is_stalled = true;
    let app = &scene.app;
    scene.browsers.run_until("something is dropped", |_| {
        total(app, "tcpFramesDropped") > 0
    });
    scene.browsers.connection(stalled).is_stalled = false;
    // The deframer of the test fails at the first byte that is not where it belongs.
    let before = [stalled, other].map(|viewer| pictures(scene.browsers.get(viewer)));
    scene.browsers.run_until("pictures for both", |ends| {
        pictures(&ends[stalled].1) >= before[0] + 60 && pictures(&ends[other].1) >= before[1] + 60
    });
    let viewer = scene.browsers.get(other).viewer().unwrap();
    assert_eq!(viewer.nacks, 0);
}

#[test]
fn d62_a_server_that_sends_checks_too_sends_them_on_the_connection() {
    let mut scene = Scene::new(loopback());
    let ice = Ice::full(OwnAddresses::default());
    let (publisher, pushed) = scene.publish_over_tcp("lobby", ice);
    assert!(!scene.answer.contains("a=ice-lite"));
    scene.browsers.run_until("the publisher connects", |ends| {
        ends[publisher].1.connected_at().is_some()
    });
    let (viewer, _) = scene.view("lobby", 9);
    scene
        .browsers
        .run_until("pictures", |ends| pictures(&ends[viewer].1) >= 30);
    assert_eq!(protocol(&mut scene.app, pushed), "tcp");
    close(&mut scene, pushed);
    scene.browsers.run_until("its connection is closed", |_| {
        total(&scene.app, "tcpConnections") == 0
    });
    let held = scene.app.server.held();
    assert_eq!(held[1], ("sockets", 2));
}

/// What the server does with a connection that begins with these bytes: closes it without a word.
#[expect(clippy::disallowed_methods, reason = "the other end of a test")]
fn is_closed_after(app: &App, bytes: &[u8]) {
    let mut stream = TcpStream::connect(app.server.tcp_bound()[0]).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = [0; 100];
    match stream.read(&mut answer) {
        Ok(len) => assert_eq!(len, 0, "{bytes:?}"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

#[test]
fn d62_a_connection_without_an_authentic_check_is_closed_and_counted() {
    let mut app = App::with(loopback());
    let (_, offer) = app.push("lobby", None);
    let ufrag = offer
        .lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"))
        .unwrap();
    let forged = crate::garbage::binding_request(&format!("{ufrag}:me"));
    let framed = [&prefix(forged.len()).unwrap()[..], &forged].concat();
    is_closed_after(&app, &framed);
    is_closed_after(&app, b"GET / HTTP/1.1\r\n\r\n");
    is_closed_after(&app, &[0, 0, 0, 0]);
    is_closed_after(&app, &[0xff; 2]);
    is_closed_after(&app, &[0, 4, 0x80, 1, 2, 3]);
    let worker = WorkerId(0);
    drop(app.counters_when(worker, |_| true));
    assert_eq!(
        (total(&app, "tcpAccepted"), total(&app, "tcpRefused")),
        (5, 5)
    );
    assert_eq!(total(&app, "tcpConnections"), 0);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the other end of a test")]
fn d62_one_address_may_have_so_many_silent_connections_and_others_connect_all_the_same() {
    let mut scene = Scene::new(loopback());
    let tcp = scene.app.server.tcp_bound()[0];
    let silent: Vec<_> = (0..128).map(|_| TcpStream::connect(tcp).unwrap()).collect();
    // One too many is closed at once; the others have their time.
    is_closed_after(&scene.app, &[]);
    let waiting = scene.app.counters_when(WorkerId(0), |_| true);
    assert_eq!(waiting("tcpConnections"), 0);
    drop(silent);
    while total(&scene.app, "tcpWaiting") > 0 {
        std::thread::yield_now();
    }
    assert_eq!(total(&scene.app, "tcpRefused"), 129);
    let (publisher, _) = scene.publish_over_tcp("lobby", Ice::Lite);
    scene.browsers.run_until("the publisher connects", |ends| {
        ends[publisher].1.connected_at().is_some()
    });
}

#[test]
fn the_tcp_port_is_the_one_of_udp_or_the_one_that_was_asked_for_or_none() {
    let app = App::with(loopback());
    let (udp, tcp) = (app.address(0), app.server.tcp_bound());
    assert_eq!(tcp.len(), 1);
    assert_eq!(tcp[0].ip(), udp.ip());
    let other = App::with(ServerConfig {
        tcp: None,
        ..loopback()
    });
    assert_eq!(other.server.tcp_bound(), []);
    // The number that the first one has.
    let error = xrtc_worker::Server::start(
        ServerConfig {
            tcp: Some(TcpPort::Port(tcp[0].port())),
            ..loopback()
        },
        || (),
    );
    let error = error.err().unwrap();
    assert_eq!(error.code(), "addressInUse");
    assert_eq!(error.to_string(), format!("TCP {} is in use", tcp[0]));
}
