//! Peers that were let in and lie, and attackers who can write a peer's address on their datagrams.

use std::net::SocketAddr;

use xrtc_rtp::rtcp::{self, FirEntry, ReportBlock};
use xrtc_rtp::{Bitrate, MediaKind, Ssrc};
use xrtc_sfu::Command;

use super::arena::{Arena, forged_check, scale};

#[test]
fn datagrams_under_a_peers_address_change_nothing() {
    let mut arena = Arena::start();
    arena.scene.browsers.record(arena.publisher);
    arena.under_fire(10, 0, |_, _| {});
    let media = arena.scene.browsers.record(arena.publisher);
    let mut rng = fastrand::Rng::with_seed(3);
    arena.under_fire(30, 5_000, |arena, shots| {
        let victims = [arena.publisher, arena.viewers[0].0];
        for _ in 0..shots {
            let victim = victims[rng.usize(..victims.len())];
            let datagram = match rng.u8(..6) {
                // A replay of what the publisher sent.
                0 => media[rng.usize(..media.len())].clone(),
                // Another source each time, with a tag that is none.
                1 => forged_rtp(&mut rng),
                2 => forged_check("nobody", &mut rng),
                _ => epoch_zero(&mut rng),
            };
            let server = server_of(arena, victim);
            arena.scene.browsers.send_raw(victim, &datagram, server);
        }
    });
    arena.assert_undisturbed();
}

/// A million in the long form.
#[test]
fn replayed_and_forged_packets_of_many_sources_leave_no_trace() {
    let mut arena = Arena::start();
    arena.scene.browsers.record(arena.publisher);
    arena.under_fire(10, 0, |_, _| {});
    let media = arena.scene.browsers.record(arena.publisher);
    let mut rng = fastrand::Rng::with_seed(9);
    let mut shot = 0;
    let rate = 2_500 * scale() as u64;
    arena.under_fire(30, rate.min(50_000), |arena, shots| {
        let server = server_of(arena, arena.publisher);
        for _ in 0..shots {
            let datagram = match rng.u8(..3) {
                0 => media[rng.usize(..media.len())].clone(),
                // A known packet under another source, whose tag it cannot have.
                1 => {
                    let mut packet = media[rng.usize(..media.len())].clone();
                    let len = packet.len();
                    if let Some(ssrc) = packet.get_mut(8..12.min(len)) {
                        rng.fill(ssrc);
                    }
                    packet
                }
                _ => forged_rtp(&mut rng),
            };
            arena
                .scene
                .browsers
                .send_raw(arena.publisher, &datagram, server);
            shot += 1;
        }
    });
    assert!(shot >= 1_000 * scale(), "{shot} packets");
    arena.assert_undisturbed();
}

#[test]
fn a_viewer_that_lies_harms_nobody_else() {
    let mut arena = Arena::start();
    let (liar, _) = arena.viewers.pop().unwrap();
    let sources = sources_of(arena.scene.browsers.get(liar));
    let requests = |arena: &mut Arena| {
        let publisher = arena
            .scene
            .browsers
            .get(arena.publisher)
            .publisher()
            .unwrap();
        publisher.feedback().key_frame_requests
    };
    let (before, begin) = (requests(&mut arena), arena.scene.browsers.now());
    let mut rng = fastrand::Rng::with_seed(4);
    arena.under_fire(30, 2_000, |arena, shots| {
        for _ in 0..shots {
            let ssrc = sources[rng.usize(..sources.len())];
            let lie = lie_about(ssrc, &sources, &mut rng);
            arena.scene.browsers.get(liar).send_rtcp(lie);
        }
    });
    // Asked for at every PLI and FIR, the publisher would have sent hundreds of key frames a second.
    let asked = requests(&mut arena) - before;
    let seconds = arena.scene.browsers.now().since(begin).as_secs_f64();
    assert!(
        asked as f64 <= 2.0 + 4.0 * seconds,
        "{asked} in {seconds} s"
    );
    arena.assert_undisturbed();
}

#[test]
fn a_publisher_with_a_million_sources_is_held_to_its_own() {
    let mut arena = Arena::start();
    let mut rng = fastrand::Rng::with_seed(5);
    let mut odd = 0_u64;
    arena.under_fire(30, 5_000, |arena, shots| {
        let publisher = arena.publisher;
        for _ in 0..shots {
            let (ssrc, index) = (Ssrc(rng.u32(1..)), rng.u64(..0x8000));
            let header = odd_header(ssrc, index, &mut rng);
            let payload = (0..rng.usize(..64)).map(|_| rng.u8(..)).collect();
            arena
                .scene
                .browsers
                .get(publisher)
                .send_rtp(ssrc, index, header, payload);
            odd += 1;
        }
    });
    assert!(odd > 1_000);
    arena.assert_undisturbed();
}

#[test]
fn a_storm_of_ice_restarts_leaves_the_path() {
    let mut arena = Arena::start();
    let mut rng = fastrand::Rng::with_seed(6);
    let victim = arena.viewers[1].1;
    arena.under_fire(30, 200, |arena, shots| {
        for _ in 0..shots {
            let fragment = format!(
                "a=ice-ufrag:{:08x}\r\na=ice-pwd:{:032x}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n",
                rng.u32(..),
                rng.u128(..)
            );
            let app = &mut arena.scene.app;
            let request = app.request();
            let worker = app.server.worker_of(victim);
            let command = Command::Trickle {
                request,
                peer: victim,
                fragment,
            };
            // A queue that is full refuses, which is an answer too.
            let _ = app.server.send(worker, command);
            app.drain();
        }
    });
    arena.assert_undisturbed();
}

fn server_of(arena: &mut Arena, number: usize) -> SocketAddr {
    let transport = arena.scene.browsers.get(number).transport();
    transport.path().unwrap().remote
}

fn sources_of(browser: &xrtc_testkit::Browser) -> Vec<Ssrc> {
    let viewer = browser.viewer().unwrap();
    [MediaKind::Audio, MediaKind::Video]
        .into_iter()
        .filter_map(|kind| Some(viewer.source(kind)?.ssrc))
        .collect()
}

/// RTP with a random source and bytes in the place of a tag.
fn forged_rtp(rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend((0..100).map(|_| rng.u8(..)));
    packet
}

/// DTLS records of epoch 0, which nobody protects (RFC 6347 §4.1): a fatal alert, close_notify, a handshake, data.
fn epoch_zero(rng: &mut fastrand::Rng) -> Vec<u8> {
    let (kind, body): (u8, Vec<u8>) = match rng.u8(..5) {
        0 => (21, vec![2, 40]),
        1 => (21, vec![1, 0]),
        2 => (20, vec![1]),
        3 => (23, b"plain text".to_vec()),
        // A fragment of a large message whose rest never comes.
        _ => {
            let mut body = vec![1, 0, 0x40, 0, 0, rng.u8(..), 0, 0, rng.u8(..), 0, 0, 64];
            body.extend((0..64).map(|_| rng.u8(..)));
            (22, body)
        }
    };
    let mut record = vec![kind, 254, 253, 0, 0];
    record.extend(&rng.u64(..).to_be_bytes()[2..]);
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

/// What a lying receiver says of a source.
fn lie_about(ssrc: Ssrc, all: &[Ssrc], rng: &mut fastrand::Rng) -> Vec<u8> {
    let own = Ssrc(rng.u32(1..));
    let mut out = [0; 1_200];
    let written = match rng.u8(..7) {
        0 => rtcp::write_bye(&mut out, all, "they left"),
        1 => rtcp::write_remb(&mut out, own, Bitrate(0), all),
        2 => {
            let first = rng.u16(..);
            let lost = (0..1_000).map(|n| first.wrapping_add(n));
            rtcp::write_nack(&mut out, own, ssrc, lost)
        }
        3 => rtcp::write_pli(&mut out, own, ssrc),
        4 => {
            let entry = FirEntry {
                media: ssrc,
                sequence_number: rng.u8(..),
            };
            rtcp::write_fir(&mut out, own, &[entry])
        }
        5 => {
            let block = ReportBlock {
                ssrc,
                fraction_lost: 255,
                cumulative_lost: -8_388_608,
                extended_highest_sequence_number: rng.u32(..),
                jitter: u32::MAX,
                last_sender_report: rng.u32(..),
                delay_since_last_sender_report: rng.u32(..),
            };
            rtcp::write_receiver_report(&mut out, own, &[block])
        }
        // An extended report and an application's own packet (RFC 3611, RFC 3550 §6.7), cut short.
        _ => {
            out[..12].copy_from_slice(&[0x9f, 207 - rng.u8(..4), 0, 2, 0, 0, 0, 0, 9, 9, 9, 9]);
            Some(12)
        }
    };
    out[..written.unwrap()].to_vec()
}

/// An RTP header with impossible padding, sources or extensions every now and then.
fn odd_header(ssrc: Ssrc, index: u64, rng: &mut fastrand::Rng) -> Vec<u8> {
    let first = match rng.u8(..4) {
        0 => 0xa0,
        1 => 0x8f,
        2 => 0x90,
        _ => 0x80,
    };
    let mut header = vec![first, 96];
    header.extend((index as u16).to_be_bytes());
    header.extend(rng.u32(..).to_be_bytes());
    header.extend(ssrc.0.to_be_bytes());
    match first {
        0x8f => header.extend([0xee; 60]),
        0x90 => header.extend([0xbe, 0xde, 0, 1, 0xff, rng.u8(..), rng.u8(..), 0]),
        _ => {}
    }
    header
}
