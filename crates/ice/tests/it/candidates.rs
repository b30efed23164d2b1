//! The candidate grammar (RFC 8839 §5.1, RFC 6544 §4.5).

use proptest::prelude::*;
use xrtc_ice::{
    Candidate, CandidateAddress, CandidateKind, InvalidCandidate, TcpType, TransportProtocol,
};

fn parse(text: &str) -> Candidate {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn host_candidate_of_chrome_prints_as_it_was() {
    let text = "candidate:1467250027 1 udp 2122260223 192.168.0.196 46243 typ host generation 0 network-id 1";
    let candidate = parse(text);
    assert_eq!(candidate.to_string(), text);
    assert_eq!(
        candidate.udp_address(),
        Some("192.168.0.196:46243".parse().unwrap())
    );
    assert_eq!(candidate.priority, 2_122_260_223);
    assert_eq!(&*candidate.foundation, "1467250027");
}

#[test]
fn prefixes_and_upper_case_transport_are_taken() {
    let bare = parse("1 1 UDP 1 192.0.2.1 9 typ host");
    assert_eq!(parse("candidate:1 1 udp 1 192.0.2.1 9 typ host"), bare);
    assert_eq!(
        parse("a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"),
        bare
    );
}

#[test]
fn reflexive_candidate_of_rfc8839_keeps_its_related_address() {
    let candidate = parse(
        "candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998",
    );
    assert_eq!(candidate.kind, CandidateKind::ServerReflexive);
    let related = CandidateAddress::Ip("203.0.113.141".parse().unwrap());
    assert_eq!(candidate.related, Some((related, 8998)));
    assert!(candidate.udp_address().is_some());
}

#[test]
fn mdns_name_is_recognised_and_has_no_address() {
    let text = "candidate:3498147984 1 udp 2113937151 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 57462 typ host";
    let candidate = parse(text);
    assert!(candidate.address.is_mdns());
    assert_eq!(candidate.udp_address(), None);
    assert_eq!(candidate.to_string(), text);
    assert!(parse("1 1 udp 1 HOST.LOCAL 9 typ host").address.is_mdns());
    assert!(!parse("1 1 udp 1 host.example 9 typ host").address.is_mdns());
    assert!(!parse("1 1 udp 1 .local 9 typ host").address.is_mdns());
}

#[test]
fn tcp_candidate_carries_its_type_and_is_not_checked_by_udp() {
    let text = "candidate:1 1 tcp 1518280447 192.168.0.196 9 typ host tcptype active";
    let candidate = parse(text);
    assert_eq!(
        (candidate.protocol.clone(), candidate.tcp_type),
        (TransportProtocol::Tcp, Some(TcpType::Active))
    );
    assert_eq!(candidate.udp_address(), None);
    assert_eq!(candidate.to_string(), text);
}

#[test]
fn ufrag_extension_is_taken_out() {
    let candidate =
        parse("1 1 udp 1 192.0.2.1 9 typ host generation 0 ufrag EsAw network-cost 999");
    assert_eq!(candidate.ufrag.as_deref(), Some("EsAw"));
    let extensions: Vec<_> = candidate
        .extensions
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(extensions, [("generation", "0"), ("network-cost", "999")]);
    assert_eq!(parse(&candidate.to_string()), candidate);
}

#[test]
fn ipv6_addresses_print_compressed() {
    let candidate = parse("1 1 udp 1 2001:0db8:0:0:0:0:0:1 9 typ host");
    assert_eq!(
        candidate.udp_address(),
        Some("[2001:db8::1]:9".parse().unwrap())
    );
    assert_eq!(
        candidate.to_string(),
        "candidate:1 1 udp 1 2001:db8::1 9 typ host"
    );
}

#[test]
fn unusable_addresses_have_no_udp_address() {
    for text in [
        "1 2 udp 1 192.0.2.1 9 typ host",
        "1 1 udp 1 0.0.0.0 9 typ host",
        "1 1 udp 1 224.0.0.1 9 typ host",
        "1 1 udp 1 192.0.2.1 0 typ host",
        "1 1 udp 1 fe80::1%eth0 9 typ host",
        "1 1 sctp 1 192.0.2.1 9 typ host",
    ] {
        assert_eq!(parse(text).udp_address(), None, "{text}");
    }
}

#[test]
fn errors_name_the_field() {
    use InvalidCandidate::*;
    let rows = [
        ("", TooShort),
        ("1 1 udp 1 192.0.2.1 9 typ", TooShort),
        ("1:2 1 udp 1 192.0.2.1 9 typ host", Foundation),
        (
            "123456789012345678901234567890123 1 udp 1 192.0.2.1 9 typ host",
            Foundation,
        ),
        ("1 0 udp 1 192.0.2.1 9 typ host", Component),
        ("1 257 udp 1 192.0.2.1 9 typ host", Component),
        ("1 1 üdp 1 192.0.2.1 9 typ host", Protocol),
        ("1 1 udp 4294967296 192.0.2.1 9 typ host", Priority),
        ("1 1 udp -1 192.0.2.1 9 typ host", Priority),
        ("1 1 udp 1 hôst 9 typ host", Address),
        ("1 1 udp 1 192.0.2.1 65536 typ host", Port),
        ("1 1 udp 1 192.0.2.1 9 type host", Kind),
        ("1 1 udp 1 192.0.2.1 9 typ new", Kind),
        ("1 1 udp 1 192.0.2.1 9 typ srflx raddr 10.0.0.1", Extension),
        ("1 1 udp 1 192.0.2.1 9 typ srflx rport 9", Extension),
        (
            "1 1 udp 1 192.0.2.1 9 typ srflx raddr 10.0.0.1 generation 0",
            Extension,
        ),
        ("1 1 udp 1 192.0.2.1 9 typ host generation", Extension),
        ("1 1 tcp 1 192.0.2.1 9 typ host tcptype both", Extension),
        ("1 1 udp 1 192.0.2.1 9 typ host ufrag abc", Extension),
    ];
    for (text, error) in rows {
        assert_eq!(text.parse::<Candidate>(), Err(error), "{text}");
    }
    assert_eq!("1 ".repeat(600).parse::<Candidate>(), Err(TooLong));
}

#[test]
fn host_candidates_of_one_address_share_a_foundation() {
    let candidate =
        |address: &str, preference| Candidate::host(address.parse().unwrap(), preference);
    assert_eq!(
        candidate("192.0.2.1:1", 65535).foundation,
        candidate("192.0.2.1:2", 65534).foundation
    );
    assert_ne!(
        candidate("192.0.2.1:1", 65535).foundation,
        candidate("192.0.2.2:1", 65535).foundation
    );
    // RFC 8445 §5.1.2.1 with type preference 126.
    assert_eq!(candidate("192.0.2.1:1", 65535).priority, 2_130_706_431);
    assert_eq!(
        candidate("192.0.2.1:8189", 65535)
            .to_string()
            .split_once(' ')
            .unwrap()
            .1,
        "1 udp 2130706431 192.0.2.1 8189 typ host"
    );
}

fn any_address() -> impl Strategy<Value = CandidateAddress> {
    prop_oneof![
        any::<std::net::IpAddr>().prop_map(CandidateAddress::Ip),
        "[a-z][a-z0-9-]{0,40}\\.(local|example)"
            .prop_map(|name| CandidateAddress::Name(name.into())),
    ]
}

fn any_candidate() -> impl Strategy<Value = Candidate> {
    let head = (
        "[A-Za-z0-9+/]{1,32}",
        1..=256u16,
        prop_oneof![
            Just(TransportProtocol::Udp),
            Just(TransportProtocol::Tcp),
            Just(TransportProtocol::Other("sctp".into()))
        ],
        any::<u32>(),
        any_address(),
        any::<u16>(),
    );
    let kind = prop_oneof![
        Just(CandidateKind::Host),
        Just(CandidateKind::ServerReflexive),
        Just(CandidateKind::PeerReflexive),
        Just(CandidateKind::Relayed),
    ];
    let tcp_type = prop_oneof![
        Just(TcpType::Active),
        Just(TcpType::Passive),
        Just(TcpType::SimultaneousOpen)
    ];
    let tail = (
        kind,
        proptest::option::of((any_address(), any::<u16>())),
        proptest::option::of(tcp_type),
        proptest::option::of("[A-Za-z0-9+/]{4,30}"),
        proptest::collection::vec(("x-[a-z]{1,10}", "[!-~]{1,10}"), 0..4),
    );
    (head, tail).prop_map(|(head, tail)| Candidate {
        foundation: head.0.into(),
        component: head.1,
        protocol: head.2,
        priority: head.3,
        address: head.4,
        port: head.5,
        kind: tail.0,
        related: tail.1,
        tcp_type: tail.2,
        ufrag: tail.3.map(Into::into),
        extensions: tail
            .4
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
    })
}

proptest! {
    #[test]
    fn every_candidate_survives_printing_and_parsing(candidate in any_candidate()) {
        prop_assert_eq!(parse(&candidate.to_string()), candidate);
    }

    #[test]
    fn what_parses_prints_to_something_equal(text in "(a=)?candidate:[ -~]{0,120}") {
        if let Ok(candidate) = text.parse::<Candidate>() {
            prop_assert_eq!(parse(&candidate.to_string()), candidate);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,300}") {
        let _ = text.parse::<Candidate>();
    }
}
