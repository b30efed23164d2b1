//! Peers with full ICE: another server's streams, over sockets that each of them has alone.

use std::collections::HashSet;
use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use xrtc_ice::stun::{Builder, Class, Message};
use xrtc_sfu::{Command, Event, Gather, Ice, OwnAddresses, PushOptions, StreamName, StreamState};
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
            ice: Ice::full(OwnAddresses::default()),
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

/// A STUN server that answers so many requests and sees everybody at another address.
#[expect(
    clippy::disallowed_methods,
    reason = "a server of the test has a socket and a thread"
)]
fn stun_server(answers: usize) -> std::net::SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 100];
        for _ in 0..answers {
            let (len, from) = socket.recv_from(&mut buffer).unwrap();
            let id = Message::parse(&buffer[..len]).unwrap().transaction_id();
            let mut out = [0; 100];
            let builder = Builder::new(&mut out, Class::Success, id);
            let mapped = "198.51.100.7:4000".parse().unwrap();
            let len = builder.xor_mapped_address(mapped).finish().unwrap();
            socket.send_to(&out[..len], from).unwrap();
        }
    });
    address
}

/// How a peer is opened that gathers so.
fn gathering(gather: Gather) -> PushOptions {
    PushOptions {
        ice: Ice::full(OwnAddresses {
            gather,
            ..OwnAddresses::default()
        }),
        ..PushOptions::default()
    }
}

fn offer_of(stun: Vec<std::net::SocketAddr>) -> String {
    let mut app = App::with(loopback());
    let options = gathering(Gather {
        stun,
        ..Gather::default()
    });
    let (peer, offer) = app.push_with("lobby", options);
    assert_eq!(app.server.worker_of(peer).0, 0);
    offer
}

#[test]
fn an_offer_names_what_a_stun_server_has_seen() {
    let offer = offer_of(vec![stun_server(1)]);
    let reflexive = " 198.51.100.7 4000 typ srflx raddr 0.0.0.0 rport 0\r\n";
    assert_eq!(offer.matches(reflexive).count(), 1, "{offer}");
    assert!(offer.contains(" typ host"), "{offer}");
}

#[test]
fn an_offer_does_not_wait_for_a_stun_server_for_ever() {
    let offer = offer_of(vec![stun_server(1), stun_server(0)]);
    assert!(offer.contains(" typ srflx "), "{offer}");
    let offer = offer_of(vec![stun_server(0)]);
    assert!(offer.contains(" typ host") && !offer.contains("srflx"));
}

#[test]
fn a_peer_that_is_closed_or_shut_down_while_it_waits_is_answered() {
    let mut app = App::with(loopback());
    let stun = vec![stun_server(0)];
    let stream = StreamName::parse("lobby").unwrap();
    let worker = app.server.home_of(&stream);
    for is_closed in [true, false] {
        let request = app.request();
        let peer = app.server.new_publisher(&stream);
        let options = gathering(Gather {
            stun: stun.clone(),
            ..Gather::default()
        });
        let stream = stream.clone();
        let command = Command::Push {
            request,
            peer,
            stream,
            options,
        };
        app.server.send(worker, command).unwrap();
        if is_closed {
            let reason = String::new();
            let close = Command::ClosePeer { peer, reason };
            app.server.send(worker, close).unwrap();
        } else {
            app.server.shutdown();
            app.drain();
        }
        app.wait(|_, event| match event {
            WorkerEvent::Sfu(Event::Offer { request: other, .. }) if *other == request => Some(()),
            _ => None,
        });
        app.wait(|_, event| match event {
            WorkerEvent::Sfu(Event::PeerClosed { peer: other, .. }) if *other == peer => Some(()),
            _ => None,
        });
    }
}
