//! What strangers send to a running server: counted, and nothing else.

use std::net::UdpSocket;

use xrtc_sfu::WorkerId;

use crate::outside::App;

fn stranger() -> UdpSocket {
    #[expect(clippy::disallowed_methods, reason = "a stranger's socket")]
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
}

/// A Binding request to `username` without integrity (RFC 8489 §5).
fn binding_request(username: &str) -> Vec<u8> {
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
