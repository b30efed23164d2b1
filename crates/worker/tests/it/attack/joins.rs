//! Races against those who join: forged handshakes from other addresses before and while they connect.

use super::arena::{Arena, Stranger, assert_shown_in_full, forged_check, scale, ufrag_of};
use crate::scene::pictures;

#[test]
fn two_hundred_join_during_a_thousand_forged_hellos_a_second() {
    let mut arena = Arena::start();
    let targets = arena.targets();
    let mut rng = fastrand::Rng::with_seed(2);
    let mut strangers: Vec<_> = (0..8).map(|_| Stranger::new()).collect();
    let mut hello = client_hello();
    let mut joined = 0;
    for group in 0..20 * scale() as u64 {
        let first = arena.scene.browsers.count();
        // What an attacker can know: the ufrags, if it reads the signaling.
        let mut ufrags = Vec::new();
        let joining: Vec<_> = (0..10)
            .map(|member| {
                let (number, peer) = arena.scene.view("lobby", 1_000 + group * 10 + member);
                ufrags.push(ufrag_of(&arena.scene.answer).to_owned());
                (number, peer)
            })
            .collect();
        let begin = arena.scene.browsers.now();
        let mut shot = 0;
        while joining
            .iter()
            .any(|(number, _)| pictures(arena.scene.browsers.get(*number)) < 3)
        {
            let elapsed = arena.scene.browsers.now().since(begin);
            assert!(
                elapsed.as_secs() < 20,
                "group {group}: somebody was kept out"
            );
            let due = 20 + elapsed.as_millis() as u64;
            for _ in shot..due {
                let stranger = rng.usize(..strangers.len());
                let target = targets[rng.usize(..targets.len())];
                if rng.bool() {
                    let ufrag = &ufrags[rng.usize(..ufrags.len())];
                    strangers[stranger].send(&forged_check(ufrag, &mut rng), target);
                }
                // Another random in each, so that none is a repetition.
                rng.fill(&mut hello[27..59]);
                strangers[stranger].send(&hello, target);
            }
            shot = due;
            arena.scene.browsers.turn();
        }
        for (number, peer) in joining {
            assert_shown_in_full(arena.scene.browsers.get(number));
            joined += 1;
            arena.leave(number, peer);
        }
        // What they remember is not to be taken for what the server does.
        arena.scene.browsers.dismiss(first);
    }
    assert_eq!(joined, 200 * scale());
    let received: usize = strangers.iter().map(|one| one.received).sum();
    let sent: usize = strangers.iter().map(|one| one.sent).sum();
    assert!(received <= sent, "{received} bytes for {sent}");
    arena.assert_undisturbed();
}

/// A minimal DTLS 1.2 ClientHello (RFC 6347 §4.2, RFC 5764 §4.1.1): one suite, `use_srtp`; the random at byte 27.
fn client_hello() -> Vec<u8> {
    let extensions: &[u8] = &[
        0, 14, 0, 7, 0, 4, 0, 7, 0, 1, 0, // use_srtp: GCM-128 and CM-SHA1-80
        0, 10, 0, 6, 0, 4, 0, 29, 0, 23, // supported_groups
        0, 13, 0, 4, 0, 2, 4, 3, // signature_algorithms
        0, 11, 0, 2, 1, 0, // ec_point_formats
        0, 23, 0, 0, // extended_master_secret
    ];
    let mut body = vec![254, 253];
    body.extend([0; 32]);
    body.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let length = (body.len() as u32).to_be_bytes();
    let mut message = vec![1, length[1], length[2], length[3], 0, 0, 0, 0, 0];
    message.extend(&length[1..]);
    message.extend(body);
    let mut record = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0];
    record.extend((message.len() as u16).to_be_bytes());
    record.extend(message);
    record
}
