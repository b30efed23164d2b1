//! Attackers who are nobody's peer: whatever they send is counted, and answered with no more than it was.

use xrtc_sfu::WorkerId;

use super::arena::{Arena, Stranger, forged_check, ufrag_of, unsigned_check};

/// A complete ClientHello and media packets, as an eavesdropper would have them.
fn overheard(arena: &mut Arena) -> (Vec<Vec<u8>>, Vec<u8>) {
    arena.scene.browsers.record(arena.publisher);
    arena.under_fire(5, 0, |_, _| {});
    let media = arena.scene.browsers.record(arena.publisher);
    let (joining, peer) = arena.scene.view("lobby", 90);
    arena.scene.browsers.record(joining);
    arena.scene.browsers.run_until("another viewer", |ends| {
        ends[joining].1.connected_at().is_some()
    });
    let datagrams = arena.scene.browsers.record(arena.publisher);
    // RFC 9147 §4: content type 22 is a handshake; the first one of a client is its ClientHello.
    let hello = datagrams
        .into_iter()
        .rev()
        .find(|one| one[0] == 22)
        .unwrap();
    arena.leave(joining, peer);
    (media, hello)
}

#[test]
fn floods_of_strangers_are_counted_and_not_amplified() {
    let mut arena = Arena::start();
    let (media, hello) = overheard(&mut arena);
    let (_, offer) = arena.scene.app.push("elsewhere", None);
    let ufrag = ufrag_of(&offer).to_owned();
    arena.remember();
    let targets = arena.targets();
    let mut rng = fastrand::Rng::with_seed(1);
    let mut strangers: Vec<_> = (0..16).map(|_| Stranger::new()).collect();
    arena.under_fire(30, 10_000, |_, shots| {
        for _ in 0..shots {
            let kind = rng.u8(..9);
            let datagram = match kind {
                0 => (0..rng.usize(..1_400)).map(|_| rng.u8(..)).collect(),
                1 => forged_check(&format!("{:08x}", rng.u32(..)), &mut rng),
                2 => forged_check(&ufrag, &mut rng),
                3 => hello.clone(),
                4 => media[rng.usize(..media.len())].clone(),
                // Truncated at random.
                5 => {
                    let whole = forged_check(&ufrag, &mut rng);
                    whole[..rng.usize(..whole.len())].to_vec()
                }
                6 => hello[..rng.usize(..hello.len())].to_vec(),
                7 => unsigned_check(&ufrag, &mut rng),
                // Longer than any of ours, up to what UDP can carry, with a first byte that leads somewhere.
                _ => {
                    let mut datagram = vec![0xa5; rng.usize(1_500..65_000)];
                    datagram[0] = [1, 22, 0x80, 0x90][rng.usize(..4)];
                    datagram
                }
            };
            let target = targets[rng.usize(..targets.len())];
            let stranger = rng.usize(..strangers.len());
            strangers[stranger].send(&datagram, target);
        }
    });
    for name in [
        "demux.unknownUfrag",
        "demux.mediaFromStranger",
        "demux.dtlsFromStranger",
    ] {
        let app = &mut arena.scene.app;
        let counters = app.counters_when(WorkerId(0), |count| count(name) > 0);
        assert!(counters(name) > 0, "{name}");
    }
    let sent: usize = strangers.iter().map(|one| one.sent).sum();
    let received: usize = strangers.iter().map(|one| one.received).sum();
    assert!(sent > 1_000_000, "the flood was no flood: {sent} bytes");
    assert!(received <= sent, "{received} bytes for {sent}");
    // Of the whole flood, two of nine name a session; only those are answered, by an error that is shorter.
    assert!(received * 5 < sent, "{received} bytes for {sent}");
    arena.assert_undisturbed();
}

#[test]
fn guessed_usernames_are_not_answered() {
    let mut arena = Arena::start();
    let (_, offer) = arena.scene.app.push("elsewhere", None);
    let ufrag = ufrag_of(&offer).to_owned();
    arena.remember();
    let targets = arena.targets();
    let mut rng = fastrand::Rng::with_seed(8);
    let mut attacker = Stranger::new();
    arena.under_fire(30, 10_000, |_, shots| {
        for _ in 0..shots {
            // Of the right form and length, most of them one character away from a name that exists.
            let mut guess = ufrag.clone().into_bytes();
            let at = rng.usize(..guess.len());
            guess[at] = if guess[at] == b'x' { b'y' } else { b'x' };
            if rng.u8(..4) == 0 {
                guess = (0..guess.len()).map(|_| rng.alphanumeric() as u8).collect();
            }
            let guess = String::from_utf8(guess).unwrap();
            let check = match rng.u8(..3) {
                0 => unsigned_check(&guess, &mut rng),
                _ => forged_check(&guess, &mut rng),
            };
            attacker.send(&check, targets[rng.usize(..targets.len())]);
        }
    });
    assert!(attacker.sent > 100_000, "{} bytes", attacker.sent);
    assert_eq!(attacker.received, 0, "a guess was answered");
    arena.assert_undisturbed();
}

#[test]
fn a_captured_check_moves_no_path() {
    let mut arena = Arena::start();
    let (victim, _) = arena.viewers[0];
    arena.scene.browsers.record(victim);
    // Consent checks come every few seconds (RFC 7675 §5.1).
    arena.under_fire(180, 0, |_, _| {});
    let datagrams = arena.scene.browsers.record(victim);
    let check = datagrams.iter().find(|one| one[0] == 0 && one[1] == 1);
    let check = check.expect("a check was overheard").clone();
    let targets = arena.targets();
    let mut attacker = Stranger::new();
    arena.under_fire(30, 100, |_, shots| {
        for _ in 0..shots {
            targets
                .iter()
                .for_each(|target| attacker.send(&check, *target));
        }
    });
    assert!(
        attacker.received <= attacker.sent,
        "media went to the attacker: {} bytes for {}",
        attacker.received,
        attacker.sent
    );
    arena.assert_undisturbed();
}
