//! TCP connections that say nothing, say it slowly, or lie: nobody is kept out by them, and nothing is left of them.

use std::collections::VecDeque;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use xrtc_sfu::framing::prefix;
use xrtc_worker::ServerConfig;

use super::arena::{Arena, forged_check, ufrag_of, unsigned_check};
use crate::outside::loopback;
use crate::scene::pictures;
use crate::tcp::total;

#[test]
#[expect(clippy::disallowed_methods, reason = "an attacker's sockets")]
fn half_open_connections_and_slow_frames_keep_nobody_out() {
    let mut arena = Arena::with(ServerConfig {
        workers: 2,
        // Longer than any attack: the session that is asked for by its name waits for its answer.
        answer_timeout: Duration::from_secs(3_600),
        ..loopback()
    });
    let (_, offer) = arena.scene.app.push("elsewhere", None);
    let ufrag = ufrag_of(&offer).to_owned();
    arena.remember();
    let tcp = arena.scene.app.server.tcp_bound()[0];
    let mut rng = fastrand::Rng::with_seed(10);
    let mut open: VecDeque<TcpStream> = VecDeque::new();
    let mut opened = 0;
    let mut joined = None;
    arena.under_fire(60, 300, |arena, shots| {
        for _ in 0..shots {
            // Fewer than one address may have, so that what is seen is not that limit alone.
            if open.len() == 100 {
                open.pop_front();
            }
            let mut connection = TcpStream::connect(tcp).unwrap();
            connection.set_nonblocking(true).unwrap();
            let bytes = match rng.u8(..6) {
                // Nothing at all, or the beginning of a frame whose rest comes byte by byte.
                0 => Vec::new(),
                1 => vec![4],
                2 => framed(&forged_check(&ufrag, &mut rng)),
                3 => framed(&unsigned_check(&ufrag, &mut rng)),
                // Longer than any frame, and another protocol.
                4 => vec![0xff, 0xff, 1, 2, 3],
                _ => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            };
            // The server may have closed it already.
            let _ = connection.write(&bytes);
            open.push_back(connection);
            let slow = rng.usize(..open.len());
            let _ = open[slow].write(&[0]);
            opened += 1;
        }
        if joined.is_none() && opened > 200 {
            joined = Some(arena.scene.view_over_tcp("lobby", 700));
        }
    });
    let (viewer, peer) = joined.expect("the fire lasted long enough");
    arena
        .scene
        .browsers
        .run_until("a viewer over TCP", |ends| pictures(&ends[viewer].1) > 5);
    arena.leave(viewer, peer);
    drop(open);
    while total(&arena.scene.app, "tcpWaiting") > 0 {
        std::thread::yield_now();
    }
    let refused = total(&arena.scene.app, "tcpRefused");
    assert!(refused >= opened, "{refused} of {opened}");
    arena.assert_undisturbed();
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    [&prefix(datagram.len()).unwrap()[..], datagram].concat()
}
