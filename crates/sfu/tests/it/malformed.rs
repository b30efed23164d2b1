//! Nothing from outside makes a worker panic, hold more, or leave a command without its one reply.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use xrtc_sfu::{Batch, Command, Event, Held, Path, PeerId, RequestId, Sfu};

use crate::rig::{NOW, events, offers, pull, push, sfu};

fn path(port: u16) -> Path {
    Path::udp(
        SocketAddr::from(([192, 0, 2, 7], 8_800)),
        SocketAddr::from(([198, 51, 100, 1], port)),
    )
}

fn held(sfu: &mut Sfu) -> Held {
    sfu.handle_command(
        NOW,
        Command::GetHeld {
            request: RequestId(0),
        },
    );
    let told = events(sfu);
    let held = told.iter().rev().find_map(|event| match event {
        Event::Held { held, .. } => Some(*held),
        _ => None,
    });
    held.unwrap()
}

/// A worker with a publisher and a viewer that have not connected, and the ufrags that it gave them.
fn busy() -> (Sfu, Vec<String>) {
    let mut sfu = sfu();
    sfu.handle_command(NOW, push(1, Some(&offers("publish-vp8").remove(0).1)));
    sfu.handle_command(NOW, pull(2, None));
    let ufrags = events(&mut sfu)
        .into_iter()
        .filter_map(|event| match event {
            Event::Answer { ice_session, .. } | Event::Offer { ice_session, .. } => {
                Some(ice_session)
            }
            _ => None,
        });
    (sfu, ufrags.collect())
}

/// Random bytes behind a first byte that leads somewhere, some of them with one of our ufrags.
fn datagram() -> impl Strategy<Value = (u16, Vec<u8>, bool)> {
    let first = prop_oneof![
        Just(0_u8),
        Just(1),
        Just(22),
        Just(128),
        Just(144),
        any::<u8>()
    ];
    let bytes = (first, vec(any::<u8>(), 0..200)).prop_map(|(first, mut bytes)| {
        bytes.insert(0, first);
        bytes
    });
    (0_u16..4, bytes, any::<bool>())
}

proptest! {
    #[test]
    fn datagrams_never_panic_and_bind_nothing(datagrams in vec(datagram(), 1..60)) {
        let (mut sfu, ufrags) = busy();
        let before = held(&mut sfu);
        let mut batch = Batch::with_capacity(4_000);
        let mut now = NOW;
        for (port, mut bytes, is_check) in datagrams {
            if is_check {
                bytes = check(&ufrags[usize::from(port) % ufrags.len()], &bytes);
            }
            sfu.handle_datagram(now, path(port), &mut bytes);
            while sfu.poll_transmit(now, &mut batch) {
                batch.clear();
            }
            batch.clear();
            while sfu.poll_relay(now).is_some() {}
            now += Duration::from_millis(3);
            sfu.handle_timeout(now);
        }
        let after = held(&mut sfu);
        prop_assert_eq!((after.addresses, after.ufrags, after.peers), (0, before.ufrags, before.peers));
    }

    #[test]
    fn descriptions_and_fragments_get_exactly_one_reply(texts in vec(mangled(), 1..8)) {
        let (mut sfu, _) = busy();
        for (number, text) in (100..).zip(texts) {
            let (request, peer) = (RequestId(number), PeerId(number));
            let commands = [
                push(number, Some(&text)),
                pull(number + 50, Some(&text)),
                Command::SetAnswer { request, peer: PeerId(2), sdp: text.clone() },
                Command::Trickle { request, peer: PeerId(1), fragment: text.clone() },
                Command::Trickle { request, peer, fragment: text.clone() },
                Command::GetStats { request, peer: PeerId(1) },
                Command::ClosePeer { peer, reason: text },
            ];
            for command in commands {
                let request = command.request();
                sfu.handle_command(NOW, command.clone());
                let replies = events(&mut sfu).into_iter().filter(|event| replies_to(event) == request && request.is_some());
                prop_assert_eq!(replies.count(), usize::from(request.is_some()), "{:?}", command);
            }
        }
    }
}

/// A check with this ufrag that nobody signed.
fn check(ufrag: &str, tail: &[u8]) -> Vec<u8> {
    let username = format!("{ufrag}:abcd");
    let mut message = vec![
        0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 6, 0,
    ];
    message.push(username.len() as u8);
    message.extend(username.as_bytes());
    message.resize(message.len().next_multiple_of(4), 0);
    message.extend(tail);
    message.truncate(20 + (message.len() - 20) / 4 * 4);
    let len = (message.len() - 20) as u16;
    message[2..4].copy_from_slice(&len.to_be_bytes());
    message
}

/// A captured offer with lines taken out, repeated or changed, or any text at all.
fn mangled() -> impl Strategy<Value = String> {
    let texts: Vec<String> = offers("").into_iter().map(|(_, text)| text).collect();
    let cuts = vec((any::<prop::sample::Index>(), 0_u8..4, any::<char>()), 0..6);
    let changed = (prop::sample::select(texts), cuts).prop_map(|(text, cuts)| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (index, what, character) in cuts {
            let place = index.index(lines.len().max(1));
            match what {
                0 if place < lines.len() => drop(lines.remove(place)),
                1 if place < lines.len() => lines.insert(place, lines[place].clone()),
                2 if place < lines.len() => lines[place].push(character),
                _ => lines.truncate(place),
            }
        }
        lines.join("\r\n") + "\r\n"
    });
    prop_oneof![4 => changed, 1 => any::<String>()]
}

fn replies_to(event: &Event) -> Option<RequestId> {
    match event {
        Event::Answer { request, .. }
        | Event::Offer { request, .. }
        | Event::Accepted { request, .. }
        | Event::Restarted { request, .. }
        | Event::Refused { request, .. }
        | Event::Stats { request, .. }
        | Event::Counters { request, .. }
        | Event::Held { request, .. }
        | Event::ShutDown { request } => Some(*request),
        _ => None,
    }
}
