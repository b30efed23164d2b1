//! What strangers and broken peers send: counted, and nothing else.

use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;
use xrtc_sfu::Path;
use xrtc_testkit::{PublishConfig, ViewConfig};

use crate::world::{EndId, PORT, STRANGERS, World, network};

/// A datagram from somewhere.
pub(crate) fn inject(world: &mut World, from: SocketAddr, datagram: &[u8]) {
    let path = Path::udp(PORT, from);
    world.deliver_up(path, &mut datagram.to_vec());
    world.flush();
}

fn random(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes);
    bytes
}

/// A Binding request with this USERNAME and a MESSAGE-INTEGRITY that nobody computed (RFC 8489 §5, §14).
pub(crate) fn forged_check(username: &str) -> Vec<u8> {
    let mut attributes = Vec::new();
    let mut add = |kind: u16, value: &[u8]| {
        attributes.extend(kind.to_be_bytes());
        attributes.extend((value.len() as u16).to_be_bytes());
        attributes.extend(value);
        attributes.resize(attributes.len().next_multiple_of(4), 0);
    };
    add(0x0006, username.as_bytes());
    add(0x0025, &[]);
    add(0x0024, &[0x6e, 0, 1, 0xff]);
    add(0x0008, &[7; 20]);
    let mut message = vec![0, 1];
    message.extend((attributes.len() as u16).to_be_bytes());
    message.extend(0x2112_a442_u32.to_be_bytes());
    message.extend([9; 12]);
    message.extend(attributes);
    message
}

fn rtp(ssrc: u32, first: u8, len: usize) -> Vec<u8> {
    let mut packet = vec![first, 96, 0, 1, 0, 0, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.resize(len, 0xab);
    packet
}

/// Every frame that the viewer was due came whole.
fn check_undisturbed(world: &World, publisher: EndId, viewer: EndId, since: xrtc_rtp::Time) {
    let received = world.frames(viewer);
    let due: Vec<_> = world
        .sent(publisher)
        .iter()
        .filter(|sent| sent.at >= since && sent.at + Duration::from_millis(200) <= world.now)
        .collect();
    assert!(due.len() > 60);
    for sent in due {
        let frame = received.iter().find(|frame| frame.frame == sent.frame);
        let frame = frame.unwrap_or_else(|| panic!("frame {} is missing", sent.frame));
        assert!(frame.at.since(sent.at) < Duration::from_millis(100));
    }
}

#[test]
fn garbage_raises_counters_and_costs_the_running_stream_nothing() {
    let mut world = World::new(1, 1);
    let publisher = world.publish("x", PublishConfig::default(), network(20, 0, 0.0));
    let viewer = world.view(0, "x", ViewConfig::default(), network(20, 0, 0.0));
    world.connect_all();
    world.run_ms(1_000);
    let since = world.now;
    let held = world.held(0);
    let stranger = SocketAddr::new(STRANGERS, 4_321);
    let mut from_stranger = 0;
    let peer = world.ends[publisher].nat;
    let ufrag = world.server_ufrag(publisher);
    let ssrc = 0x1234_5678;
    let mut rng = Rng::with_seed(1);
    for round in 0..600 {
        let junk = match round % 12 {
            0 => (stranger, random(&mut rng, 1 + round % 400)),
            1 => (stranger, forged_check("nobody:else")[..28].to_vec()),
            2 => (stranger, forged_check("nobody:else")),
            3 => (peer, forged_check(&format!("{ufrag}:nobody"))),
            4 => (
                stranger,
                [&[22, 0xfe, 0xfd][..], &random(&mut rng, 200)].concat(),
            ),
            5 => (stranger, rtp(ssrc, 0x80, 200)),
            6 => (peer, rtp(ssrc, 0x80, 200)),
            7 => (peer, rtp(ssrc, 0xb0, 100)),
            8 => (peer, rtp(ssrc, 0x9f, 14)),
            9 => (
                peer,
                [&[22, 0xfe, 0xfd][..], &random(&mut rng, 300)].concat(),
            ),
            10 => (
                peer,
                [&[0x81, 206, 0, 2][..], &random(&mut rng, 60)].concat(),
            ),
            _ => (peer, random(&mut rng, 1 + round % 1_400)),
        };
        if junk.0 == stranger {
            from_stranger += junk.1.len();
        }
        inject(&mut world, junk.0, &junk.1);
        world.run_ms(5);
    }
    world.run_ms(500);
    check_undisturbed(&world, publisher, viewer, since);
    for counter in [
        "demux.unknownProtocol",
        "demux.unknownUfrag",
        "demux.dtlsFromStranger",
        "demux.mediaFromStranger",
        "srtp.notAuthentic",
    ] {
        let count = world.counter(0, counter);
        assert!(count >= 20, "{counter} is {count}");
    }
    let answered = world.to_strangers;
    assert!(
        answered <= from_stranger,
        "{answered} for {from_stranger} bytes"
    );
    let after = world.held(0);
    assert_eq!(
        (after.peers, after.addresses, after.ufrags),
        (held.peers, held.addresses, held.ufrags)
    );
    assert!(world.ends.iter().all(|end| end.browser.ended().is_none()));
}

#[test]
fn d54_a_known_ufrag_with_a_wrong_password_binds_no_address_and_is_not_amplified() {
    let mut world = World::new(1, 2);
    let publisher = world.publish("x", PublishConfig::default(), network(20, 0, 0.0));
    world.connect_all();
    let addresses = world.held(0).addresses;
    let ufrag = world.server_ufrag(publisher);
    for port in 0..200 {
        inject(
            &mut world,
            SocketAddr::new(STRANGERS, 1_000 + port),
            &forged_check(&format!("{ufrag}:abcd")),
        );
    }
    let sent = 200 * forged_check(&format!("{ufrag}:abcd")).len();
    assert!(world.to_strangers > 0, "told that it is wrong (401)");
    assert!(
        world.to_strangers <= sent,
        "{} for {sent} bytes",
        world.to_strangers
    );
    assert_eq!(world.held(0).addresses, addresses);
    assert!(world.counter(0, "ice.wrongIntegrity") >= 200);
}
