//! Starting, refusing to start, and leaving nothing behind.

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command as Process;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use xrtc_sfu::{Command, Ended, Event, StreamName, WorkerId};
use xrtc_worker::{Announced, Backend, SendError, Server, ServerConfig, StartError, WorkerEvent};

use crate::outside::{App, loopback};

#[test]
fn with_a_port_for_each_worker_it_offers_its_own() {
    let app = App::with(ServerConfig {
        workers: 3,
        udp_port_per_worker: true,
        announce: vec![Announced {
            ip: Ipv4Addr::new(198, 51, 100, 7).into(),
            port: None,
        }],
        ..loopback()
    });
    let workers = app.server.workers();
    assert_eq!(workers.len(), 3);
    for worker in workers {
        let [bound] = worker.bound[..] else {
            panic!("{:?}", worker.bound)
        };
        assert_eq!(bound.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(
            worker.candidates,
            [SocketAddr::from(([198, 51, 100, 7], bound.port()))]
        );
    }
    // And the one that takes TCP connections.
    assert_eq!(app.server.held()[..2], [("workers", 3), ("sockets", 4)]);
    let ports: HashSet<_> = workers.iter().map(|worker| worker.bound[0]).collect();
    assert_eq!(ports.len(), 3);
}

#[test]
#[cfg(target_os = "linux")]
fn all_workers_receive_on_one_port_and_offer_it() {
    let app = App::with(ServerConfig {
        workers: 3,
        announce: vec![Announced {
            ip: Ipv4Addr::new(198, 51, 100, 7).into(),
            port: Some(9_000),
        }],
        ..ServerConfig::default()
    });
    let [first, others @ ..] = app.server.workers() else {
        panic!("no workers")
    };
    assert!(others.iter().all(|other| other == first), "{others:?}");
    assert_eq!(
        first.candidates,
        [SocketAddr::from(([198, 51, 100, 7], 9_000))]
    );
    let sockets = 4 * first.bound.len() as u64;
    assert_eq!(
        app.server.held()[..2],
        [("workers", 3), ("sockets", sockets)]
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_port_is_taken_even_if_its_user_would_share_it() {
    let app = App::start(2);
    let taken = app.address(0);
    for workers in [1, 2] {
        let config = ServerConfig {
            workers,
            udp_port: taken.port(),
            ..loopback()
        };
        let error = Server::start(config, || {}).err().unwrap();
        assert!(matches!(error, StartError::AddressInUse { address, .. } if address == taken));
    }
}

#[test]
fn both_families_listen_on_the_same_free_port() {
    let app = App::with(ServerConfig::default());
    let worker = &app.server.workers()[0];
    assert!(!worker.candidates.is_empty());
    let ports: Vec<u16> = worker.bound.iter().map(SocketAddr::port).collect();
    assert!(ports.windows(2).all(|pair| pair[0] == pair[1]), "{ports:?}");
    assert!(
        worker
            .candidates
            .iter()
            .all(|candidate| candidate.port() == ports[0])
    );
}

#[test]
fn a_taken_port_is_an_error_that_names_the_address() {
    #[expect(clippy::disallowed_methods, reason = "another program's socket")]
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let config = ServerConfig {
        udp_port: taken.port(),
        ..loopback()
    };
    let error = Server::start(config, || {}).err().unwrap();
    assert!(matches!(error, StartError::AddressInUse { address, .. } if address == taken));
    assert_eq!(error.to_string(), format!("UDP {taken} is in use"));
}

#[test]
fn an_address_of_another_machine_is_an_error() {
    let config = ServerConfig {
        ipv4: Some(Ipv4Addr::new(203, 0, 113, 9)),
        ..loopback()
    };
    let error = Server::start(config, || {}).err().unwrap();
    assert!(
        matches!(error, StartError::AddressNotAvailable { .. }),
        "{error}"
    );
    let nothing = ServerConfig {
        ipv4: None,
        ..loopback()
    };
    assert!(matches!(
        Server::start(nothing, || {}),
        Err(StartError::NoAddress)
    ));
}

#[test]
fn the_doorbell_rings_once_for_many_events() {
    let rings = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&rings);
    let mut server = Server::start(loopback(), move || {
        counted.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    for request in 1..=50 {
        let request = xrtc_sfu::RequestId(request);
        server
            .send(WorkerId(0), Command::GetHeld { request })
            .unwrap();
    }
    let mut replies = 0;
    server.shutdown();
    server.drain(|_, event| {
        replies += usize::from(matches!(event, WorkerEvent::Sfu(Event::Held { .. })))
    });
    assert_eq!((replies, rings.load(Ordering::Relaxed)), (50, 1));
}

#[test]
fn viewers_are_spread_and_a_stream_has_one_home() {
    let mut app = App::start(4);
    let stream = StreamName::parse("lobby").unwrap();
    let home = app.server.home_of(&stream);
    for _ in 0..3 {
        let publisher = app.server.new_publisher(&stream);
        assert_eq!(app.server.worker_of(publisher), home);
    }
    // Peers that are opened and refused count no longer.
    let (peer, _) = app.push("lobby", None);
    assert_eq!(app.server.worker_of(peer), home);
    let viewer = app.server.new_viewer();
    assert_ne!(app.server.worker_of(viewer), home);
}

#[test]
fn a_closed_server_has_told_its_peers_and_takes_nothing_more() {
    for workers in [1, 3] {
        let mut app = App::start(workers);
        let (opened, _) = app.push("lobby", None);
        let addresses: Vec<_> = app
            .server
            .workers()
            .iter()
            .map(|worker| worker.bound[0])
            .collect();
        app.server.shutdown();
        app.drain();
        let closed = app.told().any(|event| {
            matches!(event, WorkerEvent::Sfu(Event::PeerClosed { peer, reason: Ended::ServerClosed, .. }) if peer == opened)
        });
        assert!(closed);
        let request = app.request();
        assert_eq!(
            app.server.send(WorkerId(0), Command::GetHeld { request }),
            Err(SendError::Closed)
        );
        assert_eq!(app.server.held().map(|(_, count)| count), [0; 9]);
        for address in addresses {
            #[expect(clippy::disallowed_methods, reason = "the port is free again")]
            let again = UdpSocket::bind(address);
            assert!(again.is_ok());
        }
        app.server.shutdown();
    }
}

/// Runs in a process of its own: other tests open descriptors meanwhile.
#[test]
#[cfg(target_os = "linux")]
fn a_closed_server_leaves_no_descriptor_and_no_thread() {
    if std::env::var_os(ALONE).is_none() {
        let test = "lifecycle::a_closed_server_leaves_no_descriptor_and_no_thread";
        let run = Process::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--test-threads=1"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stdout)
        );
        return;
    }
    let count = |folder: &str| fs::read_dir(folder).unwrap().count();
    let figures = || (count("/proc/self/fd"), count("/proc/self/task"));
    // The crypto library opens what it keeps.
    drop(App::start(1));
    let before = figures();
    let mut app = App::start(4);
    app.push("lobby", None);
    assert!(figures().0 >= before.0 + 8 && figures().1 >= before.1 + 4);
    app.server.shutdown();
    assert_eq!(figures(), before);
}

#[test]
fn the_portable_backend_serves_as_well() {
    let mut app = App::with(ServerConfig {
        backend: Backend::Portable,
        ..loopback()
    });
    let (peer, offer) = app.push("lobby", None);
    assert!(offer.contains(&format!(" {} typ host", app.address(0).port())));
    app.server
        .send(
            WorkerId(0),
            Command::ClosePeer {
                peer,
                reason: "enough".to_owned(),
            },
        )
        .unwrap();
    let detail = app.wait(|_, event| match event {
        WorkerEvent::Sfu(Event::PeerClosed { detail, .. }) => Some(detail.clone()),
        _ => None,
    });
    assert_eq!(detail, "enough");
}

const ALONE: &str = "XRTC_TEST_ALONE";
