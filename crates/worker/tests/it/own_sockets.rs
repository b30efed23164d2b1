//! Peers with full ICE: another server's streams, over sockets that each of them has alone.

use std::collections::HashSet;

use xrtc_sfu::{Command, Event, Ice, OwnAddresses, PushOptions, StreamState};
use xrtc_worker::{Backend, ServerConfig, WorkerEvent};

use crate::outside::{App, loopback};
use crate::scene::Scene;

/// Two streams of one server go to another, between whose peers only their sockets can tell.
fn streams_come_from_another_server(config: ServerConfig) {
    let mut origin = Scene::new(loopback());
    let (publisher, _) = origin.publish("lobby");
    origin.browsers.run_until("the publisher connects", |ends| {
        ends[publisher].1.connected_at().is_some()
    });
    let mut edge = App::with(config);
    let mut pulled = Vec::new();
    for name in ["one", "two"] {
        let options = PushOptions {
            ice: Ice::Full(OwnAddresses::default()),
            ..PushOptions::default()
        };
        let (peer, offer) = edge.push_with(name, options);
        let (_, sdp) = origin.app.pull("lobby", offer);
        let request = edge.request();
        let worker = edge.server.worker_of(peer);
        let answer = Command::SetAnswer { request, peer, sdp };
        edge.server.send(worker, answer).unwrap();
        pulled.push(peer);
    }
    let sockets = |edge: &App| -> u64 { edge.server.counters().map(|one| one.own_sockets).sum() };
    assert!(sockets(&edge) >= 2);
    let mut live = HashSet::new();
    origin.browsers.run_until("both streams are live", |_| {
        edge.drain();
        live.extend(edge.told().filter_map(|event| match event {
            WorkerEvent::Sfu(Event::StreamChanged { stream, state, .. }) => {
                (state == StreamState::Live).then_some(stream)
            }
            _ => None,
        }));
        live.len() == 2
    });
    for peer in pulled {
        let reason = String::new();
        let worker = edge.server.worker_of(peer);
        let close = Command::ClosePeer { peer, reason };
        edge.server.send(worker, close).unwrap();
        edge.wait(|_, event| match event {
            WorkerEvent::Sfu(Event::PeerClosed { peer: other, .. }) if *other == peer => Some(()),
            _ => None,
        });
    }
    assert_eq!(sockets(&edge), 0, "each closed with its peer");
}

#[test]
fn two_streams_of_one_server_are_told_apart_on_the_loopback() {
    streams_come_from_another_server(loopback());
}

#[test]
fn two_streams_of_one_server_are_told_apart_on_all_addresses() {
    streams_come_from_another_server(ServerConfig::default());
}

#[test]
fn two_streams_of_one_server_are_told_apart_through_the_portable_backend() {
    streams_come_from_another_server(ServerConfig {
        backend: Backend::Portable,
        ..ServerConfig::default()
    });
}
