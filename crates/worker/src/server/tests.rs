//! Workers that meet a bug, and an application that does not listen.

use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver, channel};

use xrtc_sfu::{Ended, PushOptions, Refused, RequestId};

use super::*;

fn start(workers: u16) -> (Server, Receiver<()>) {
    let (ring, bell) = channel();
    let config = ServerConfig {
        ipv4: Some(Ipv4Addr::LOCALHOST),
        ipv6: None,
        workers,
        ..ServerConfig::default()
    };
    let server = Server::start(config, move || ring.send(()).unwrap_or_default());
    (server.unwrap(), bell)
}

/// Drains until an event is the `last` one.
fn drain_until(
    server: &mut Server,
    bell: &Receiver<()>,
    last: impl Fn(&WorkerEvent) -> bool,
) -> Vec<(WorkerId, WorkerEvent)> {
    let mut told: Vec<(WorkerId, WorkerEvent)> = Vec::new();
    while !told.iter().any(|(_, event)| last(event)) {
        bell.recv_timeout(Duration::from_secs(10)).unwrap();
        server.drain(|worker, event| told.push((worker, event)));
    }
    told
}

fn push(server: &mut Server, stream: &str, request: u64) -> PeerId {
    let stream = StreamName::parse(stream).unwrap();
    let peer = server.new_publisher(&stream);
    let command = Command::Push {
        request: RequestId(request),
        peer,
        stream,
        options: PushOptions::default(),
    };
    server.send(server.worker_of(peer), command).unwrap();
    peer
}

#[test]
fn a_bug_ends_its_workers_peers_and_the_worker_starts_again_on_its_sockets() {
    let (mut server, bell) = start(2);
    let homes = ["a", "b", "c", "d", "e"].map(|name| {
        let stream = StreamName::parse(name).unwrap();
        (name, server.home_of(&stream))
    });
    let on = |worker| {
        homes
            .iter()
            .find(|(_, home)| *home == WorkerId(worker))
            .unwrap()
            .0
    };
    let hit = push(&mut server, on(0), 1);
    drain_until(&mut server, &bell, |event| {
        matches!(event, WorkerEvent::Sfu(Event::Offer { .. }))
    });
    let spared = push(&mut server, on(1), 2);
    drain_until(&mut server, &bell, |event| {
        matches!(event, WorkerEvent::Sfu(Event::Offer { .. }))
    });

    server.everyone[0].bug.store(true, Ordering::Release);
    server
        .send(
            WorkerId(0),
            Command::GetHeld {
                request: RequestId(3),
            },
        )
        .unwrap();
    let told = drain_until(&mut server, &bell, |event| {
        matches!(event, WorkerEvent::Failed { .. })
    });
    let [
        ref ends @ ..,
        (WorkerId(0), WorkerEvent::Failed { ref message }),
    ] = told[..]
    else {
        panic!("{told:?}");
    };
    assert!(message.contains("a bug that a test asked for"), "{message}");
    assert!(ends.iter().all(|(worker, _)| *worker == WorkerId(0)));
    assert!(ends.iter().any(|(_, event)| matches!(
        event,
        WorkerEvent::Sfu(Event::PeerClosed { peer, reason: Ended::InternalError, .. }) if *peer == hit
    )));
    assert_eq!(
        server
            .counters()
            .map(|counters| counters.restarts)
            .collect::<Vec<_>>(),
        [1, 0]
    );

    // The port is the same, and so is everything else.
    let again = push(&mut server, on(0), 4);
    let told = drain_until(&mut server, &bell, |event| {
        matches!(event, WorkerEvent::Sfu(Event::Offer { .. }))
    });
    let port = format!(" {} typ host", server.workers()[0].bound[0].port());
    assert!(told.iter().any(|(_, event)| matches!(
        event,
        WorkerEvent::Sfu(Event::Offer { peer, sdp, .. }) if *peer == again && sdp.contains(&port)
    )));
    assert!(spared.0 > 0);
    server.shutdown();
    let mut closed = Vec::new();
    server.drain(|_, event| {
        if let WorkerEvent::Sfu(Event::PeerClosed { peer, reason, .. }) = event {
            closed.push((peer, reason));
        }
    });
    closed.sort_by_key(|(peer, _)| *peer);
    let mut expected = [spared, again].map(|peer| (peer, Ended::ServerClosed));
    expected.sort_by_key(|(peer, _)| *peer);
    assert_eq!(closed, expected);
}

#[test]
fn a_request_that_a_bug_swallowed_is_refused() {
    let (mut server, bell) = start(1);
    server.everyone[0].bug.store(true, Ordering::Release);
    push(&mut server, "lobby", 1);
    let told = drain_until(&mut server, &bell, |event| {
        matches!(event, WorkerEvent::Failed { .. })
    });
    // The bug may have been met before the command came.
    let refused = |event: &WorkerEvent| {
        let internal = Refused::InternalError;
        matches!(event, WorkerEvent::Sfu(Event::Refused { refused, .. }) if *refused == internal)
    };
    let told = if told.len() == 1 {
        drain_until(&mut server, &bell, |event| {
            matches!(event, WorkerEvent::Sfu(_))
        })
    } else {
        told
    };
    let answered = |event: &WorkerEvent| matches!(event, WorkerEvent::Sfu(Event::Offer { .. }));
    assert!(
        told.iter()
            .any(|(_, event)| refused(event) || answered(event)),
        "{told:?}"
    );
}

#[test]
fn events_wait_for_an_application_that_does_not_drain_and_none_is_lost() {
    let (mut server, bell) = start(1);
    const MANY: u64 = 10_000;
    let mut replies = Vec::new();
    let mut take = |_, event| {
        if let WorkerEvent::Sfu(Event::Held { request, .. }) = event {
            replies.push(request.0);
        }
    };
    let mut sent = 0;
    while sent < MANY {
        let request = RequestId(sent + 1);
        match server.send(WorkerId(0), Command::GetHeld { request }) {
            Ok(()) => sent += 1,
            // Both rings are full: the application has to drain.
            Err(error) => {
                assert_eq!(error, SendError::Busy);
                bell.recv_timeout(Duration::from_secs(10)).unwrap();
                server.drain(&mut take);
            }
        }
    }
    server.shutdown();
    server.drain(&mut take);
    assert_eq!(replies, (1..=MANY).collect::<Vec<_>>());
    assert!(server.counters().all(|counters| counters.restarts == 0));
}
