//! Bytes from strangers: nothing panics, nothing changes.

use proptest::prelude::*;
use xrtc_ice::stun::Message;
use xrtc_ice::{Agent, AgentConfig, Candidate, Path, Role, peek_username};
use xrtc_rtp::Time;

use crate::lite::Server;
use crate::network::{Network, credentials, left_address, right_address};

fn agents() -> [Agent; 2] {
    let mut full = Agent::new(
        AgentConfig::full(Role::Controlling, credentials(1)),
        1,
        Time::ZERO,
    );
    full.add_local_candidate(&Candidate::host(right_address(), 65535));
    full.set_remote(credentials(2));
    [
        Agent::new(AgentConfig::lite(credentials(1)), 1, Time::ZERO),
        full,
    ]
}

/// Hands `bytes` to both kinds of agents and checks that they are where they were.
fn changes_nothing(bytes: &[u8]) {
    let path = Path::udp(right_address(), left_address());
    for mut agent in agents() {
        let timeout = agent.poll_timeout();
        agent.handle_datagram(Time::ZERO, path, bytes);
        assert_eq!(agent.poll_event(), None);
        assert_eq!((agent.selected(), agent.poll_timeout()), (None, timeout));
        assert!(!agent.is_validated(path));
        let mut out = [0; 1200];
        let sent =
            std::iter::from_fn(|| agent.poll_transmit(Time::ZERO, &mut out)).map(|sent| sent.len);
        assert!(sent.sum::<usize>() <= bytes.len(), "amplified");
    }
}

/// A message with a right header and these attributes, lengths as they should be or not.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![
        any::<u16>(),
        proptest::sample::select(vec![
            0x0006, 0x0008, 0x0009, 0x000a, 0x0020, 0x0024, 0x0025, 0x8028, 0x8029, 0x802a, 0xc001,
        ])
    ];
    let lie = prop_oneof![9 => Just(None), 1 => any::<u16>().prop_map(Some)];
    let attribute = (kind, proptest::collection::vec(any::<u8>(), 0..40), lie);
    let message_type = proptest::sample::select(vec![0x0001u16, 0x0011, 0x0101, 0x0111]);
    (
        message_type,
        any::<[u8; 12]>(),
        proptest::collection::vec(attribute, 0..12),
    )
        .prop_map(|(message_type, id, attributes)| {
            let mut body = Vec::new();
            for (kind, value, lie) in attributes {
                body.extend(kind.to_be_bytes());
                body.extend(lie.unwrap_or(value.len() as u16).to_be_bytes());
                body.extend(&value);
                body.resize(body.len().next_multiple_of(4), 0);
            }
            let mut message = message_type.to_be_bytes().to_vec();
            message.extend((body.len() as u16).to_be_bytes());
            message.extend([0x21, 0x12, 0xa4, 0x42]);
            message.extend(id);
            message.extend(body);
            message
        })
}

proptest! {
    #[test]
    fn d61_arbitrary_bytes_change_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
        let _ = peek_username(&bytes);
        changes_nothing(&bytes);
    }

    #[test]
    fn d61_messages_of_arbitrary_attributes_change_nothing(bytes in any_message()) {
        let _ = peek_username(&bytes);
        if let Ok(message) = Message::parse(&bytes) {
            let _ = message.attributes().count();
        }
        changes_nothing(&bytes);
    }

    /// Up to FINGERPRINT, which does not authenticate and may be missing.
    #[test]
    fn a_check_with_any_byte_changed_is_not_authenticated(at in any::<prop::sample::Index>(), byte in 1..=255u8) {
        let mut server = Server::new();
        let request = server.request("198.51.100.1:40000");
        let mut bytes = server.bytes(&request);
        let at = at.index(bytes.len() - 8);
        bytes[at] ^= byte;
        server.agent.handle_datagram(Time::ZERO, request.path(), &bytes);
        prop_assert_eq!(server.agent.poll_event(), None);
        prop_assert!(!server.agent.is_validated(request.path()));
        prop_assert_eq!(server.agent.counters().total(), 1);
    }

    /// A stranger who sees the path but not the passwords sends junk into running sessions.
    #[test]
    fn d61_a_running_session_does_not_mind(junk in proptest::collection::vec(any_message(), 1..30), seed in 0..100u64) {
        let mut network = Network::full_to_lite(seed);
        network.run(std::time::Duration::from_secs(2));
        let selected = (network.left.agent.selected(), network.right.agent.selected());
        prop_assert!(selected.0.is_some() && selected.1.is_some());
        let timeouts = (network.left.agent.poll_timeout(), network.right.agent.poll_timeout());
        let (left_path, right_path) = (network.left_path(), network.right_path());
        for bytes in junk {
            network.left.agent.handle_datagram(network.now, left_path, &bytes);
            network.right.agent.handle_datagram(network.now, right_path, &bytes);
        }
        prop_assert_eq!((network.left.agent.selected(), network.right.agent.selected()), selected);
        prop_assert_eq!((network.left.agent.poll_timeout(), network.right.agent.poll_timeout()), timeouts);
    }
}
