//! What strangers send to a running server: counted, and nothing else.

use std::net::UdpSocket;

use xrtc_rtp::MediaKind;
use xrtc_sfu::WorkerId;

use crate::outside::{App, loopback};
use crate::scene::{Scene, pictures};

pub(crate) fn stranger() -> UdpSocket {
    #[expect(clippy::disallowed_methods, reason = "a stranger's socket")]
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
}

/// A Binding request to `username` without integrity (RFC 8489 §5).
pub(crate) fn binding_request(username: &str) -> Vec<u8> {
    let padded = username.len().next_multiple_of(4);
    let mut message = vec![0, 1];
    message.extend(((padded + 4) as u16).to_be_bytes());
    message.extend(0x2112_a442_u32.to_be_bytes());
    message.extend([7; 12]);
    message.extend([0, 6]);
    message.extend((username.len() as u16).to_be_bytes());
    message.extend(username.bytes());
    message.resize(20 + 4 + padded, 0);
    message
}

#[test]
fn garbage_is_counted_and_not_answered() {
    let mut app = App::start(1);
    let (_, offer) = app.push("lobby", None);
    let ufrag = offer
        .lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"))
        .unwrap()
        .to_owned();
    let stranger = stranger();
    let server = app.address(0);
    let noise: Vec<u8> = (0..200).map(|n| (n * 37 % 251) as u8 | 0x40).collect();
    let datagrams: [&[u8]; 7] = [
        &[],
        &[0xff; 3],
        &noise,
        &binding_request("nobody:else"),
        &binding_request(&format!("{ufrag}:me")),
        &[0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xaa],
        &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
    ];
    for datagram in datagrams {
        stranger.send_to(datagram, server).unwrap();
    }
    let counters = app.counters_when(WorkerId(0), |count| {
        count("datagramsReceived") >= datagrams.len() as u64
    });
    for name in [
        "demux.unknownUfrag",
        "demux.mediaFromStranger",
        "demux.dtlsFromStranger",
        "demux.unknownProtocol",
    ] {
        assert!(counters(name) > 0, "{name}");
    }
    assert_eq!(counters("ice.missingIntegrity"), 1);
    // What is answered at all is an error to the request that named a session, and no longer than it.
    stranger.set_nonblocking(true).unwrap();
    let mut buffer = [0; 2048];
    let mut answered = 0;
    while let Ok((len, _)) = stranger.recv_from(&mut buffer) {
        assert_eq!(buffer[..2], [0x01, 0x11]);
        answered += len;
    }
    assert!(answered <= binding_request(&format!("{ufrag}:me")).len());
}

#[test]
fn a_running_stream_loses_nothing_to_garbage() {
    let mut scene = Scene::new(loopback());
    let (publisher, _) = scene.publish("lobby");
    scene.browsers.run_until("the publisher connects", |ends| {
        ends[publisher].1.connected_at().is_some()
    });
    let (viewer, _) = scene.view("lobby", 2);
    scene
        .browsers
        .run_until("a picture", |ends| pictures(&ends[viewer].1) > 0);

    let server = scene.app.address(0);
    let stranger = stranger();
    let noise: Vec<u8> = (0..1200).map(|n| (n * 101 % 256) as u8).collect();
    let with_first = |first: &[u8]| [first, &noise].concat();
    let garbage = [
        noise.clone(),
        with_first(&[0, 1, 0, 60]),
        binding_request("nobody:else"),
        // A ClientHello, as far as it goes.
        with_first(&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 1, 0, 1]),
        // RTP without a valid tag; with padding, extensions and sources that do not fit.
        with_first(&[0x80, 96, 0, 9]),
        vec![0xbf, 96, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0xff],
        with_first(&[0x90, 200, 0xff, 0xff]),
    ];
    for round in 1..=30 {
        for datagram in &garbage {
            stranger.send_to(datagram, server).unwrap();
            scene.browsers.send_raw(publisher, datagram, server);
            scene.browsers.send_raw(viewer, datagram, server);
        }
        scene
            .browsers
            .run_until("a picture", |ends| pictures(&ends[viewer].1) > round);
    }

    let seen = scene.browsers.get(viewer).viewer().unwrap();
    let video = seen.source(MediaKind::Video).unwrap();
    let numbers: Vec<u32> = video
        .video
        .frames()
        .iter()
        .map(|frame| frame.frame)
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{numbers:?}"
    );
    assert_eq!((video.video.broken, seen.nacks), (0, 0));
    let sent = (30 * 3 * garbage.len()) as u64;
    let count = scene
        .app
        .counters_when(WorkerId(0), |count| count("datagramsReceived") > sent);
    assert_eq!(count("kernelDrops"), 0);
    for name in [
        "srtp.notAuthentic",
        "demux.mediaFromStranger",
        "demux.dtlsFromStranger",
        "demux.unknownUfrag",
    ] {
        assert!(count(name) >= 30, "{name}: {}", count(name));
    }
}
