//! Answers to publishers: the rules that no golden answer shows alone.

use xrtc_rtp::{MediaKind, Mid};
use xrtc_sdp::{
    Capabilities, Description, Direction, DtlsRole, LocalParams, Negotiated, NegotiationError,
    SectionKind, Setup, Unsupported, answer_push,
};

use crate::support::{local, offers};

pub(crate) fn answer(offer: &Description) -> Result<(Description, Negotiated), NegotiationError> {
    let (sdp, negotiated) = answer_push(offer, &Capabilities::default(), &local())?;
    Ok((Description::parse(&sdp).unwrap(), negotiated))
}

/// An audio and a video section as Pion or a hand-written client might offer them, changed by `edit`.
pub(crate) fn offer(edit: impl FnOnce(String) -> String) -> Description {
    let transport = "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\na=fingerprint:sha-256 AB:CD\n\
                     a=setup:actpass\na=rtcp-mux\na=sendonly\n";
    let text = format!(
        "v=0\na=group:BUNDLE 0 1\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63\na=mid:0\n{transport}\
         a=rtpmap:111 opus/48000/2\na=rtpmap:63 red/48000/2\na=fmtp:63 111/111\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=mid:1\n{transport}\
         a=rtpmap:96 VP8/90000\na=rtcp-fb:96 nack\na=rtcp-fb:96 goog-remb\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n"
    );
    Description::parse(&edit(text)).unwrap()
}

#[test]
fn c37_the_answer_has_the_offers_sections_mids_and_numbers() {
    for (name, text) in offers("offers").into_iter().chain(offers("constructed")) {
        if name.contains("-play") {
            continue;
        }
        let offer = Description::parse(&text).unwrap();
        let (answer, negotiated) = answer(&offer).unwrap();
        assert_eq!(answer.sections.len(), offer.sections.len(), "{name}");
        for (ours, theirs) in answer.sections.iter().zip(&offer.sections) {
            assert_eq!(
                (ours.kind(), ours.mid),
                (theirs.kind(), theirs.mid),
                "{name}"
            );
            if ours.kind() == SectionKind::Application {
                assert!(ours.is_rejected(), "{name}");
                continue;
            }
            assert_eq!(ours.direction, Direction::RecvOnly, "{name}");
            assert_eq!((ours.media.port, ours.bundle_only), (9, false), "{name}");
            assert!(ours.rtcp.mux && ours.rtcp.mux_only, "{name}");
            assert!(
                !ours.transport.fingerprints.is_empty() && ours.transport.credentials.is_some(),
                "{name}"
            );
            for format in &ours.formats {
                let same = theirs
                    .formats
                    .iter()
                    .find(|other| other.payload_type == format.payload_type)
                    .unwrap();
                assert_eq!(
                    (&same.name, same.clock_rate),
                    (&format.name, format.clock_rate),
                    "{name}"
                );
                assert!(
                    !format.is_rtx()
                        || ours
                            .formats
                            .iter()
                            .any(|main| Some(main.payload_type) == format.apt())
                );
                assert!(
                    !["red", "ulpfec", "flexfec-03"].contains(&format.name.as_str()),
                    "{name}"
                );
            }
            for extension in &ours.extensions {
                let same = theirs
                    .extensions
                    .iter()
                    .find(|other| other.uri == extension.uri)
                    .unwrap();
                assert_eq!(same.id, extension.id, "{name}");
            }
        }
        let bundled: Vec<Mid> = answer.bundle.unwrap();
        assert_eq!(
            bundled,
            negotiated
                .tracks
                .iter()
                .map(|track| track.mid)
                .collect::<Vec<_>>(),
            "{name}"
        );
        assert_eq!(negotiated.tagged, bundled[0], "{name}");
    }
}

#[test]
fn c48_candidates_stand_once_and_udp_host_first() {
    let (sdp, _) = answer_push(&offer(|text| text), &Capabilities::default(), &local()).unwrap();
    let lines: Vec<_> = sdp
        .lines()
        .filter(|line| line.contains("candidate"))
        .collect();
    assert_eq!(
        lines,
        [
            "a=candidate:1 1 udp 2130706431 198.51.100.1 8189 typ host",
            "a=candidate:2 1 udp 2130706175 2001:db8::1 8189 typ host",
            "a=candidate:3 1 tcp 1518214911 198.51.100.1 8443 typ host tcptype passive",
            "a=end-of-candidates",
        ]
    );
}

#[test]
fn candidates_are_taken_with_or_without_prefix() {
    let local = LocalParams {
        candidates: vec![
            "a=candidate:9 1 udp 5 192.0.2.9 1 typ srflx raddr 0.0.0.0 rport 0".to_owned(),
            "8 1 UDP 4 192.0.2.8 1 typ host".to_owned(),
        ]
        .into(),
        ..local()
    };
    let (sdp, _) = answer_push(&offer(|text| text), &Capabilities::default(), &local).unwrap();
    let host = sdp
        .find("a=candidate:8 1 UDP 4 192.0.2.8 1 typ host\r\n")
        .unwrap();
    let reflexive = sdp
        .find("a=candidate:9 1 udp 5 192.0.2.9 1 typ srflx raddr 0.0.0.0 rport 0\r\n")
        .unwrap();
    assert!(host < reflexive);
}

#[test]
fn c40_the_dtls_role_follows_from_the_offers() {
    let role = |setup: &str, preferred| {
        let offer = offer(|text| text.replace("a=setup:actpass\n", setup));
        let local = LocalParams {
            setup: preferred,
            ..local()
        };
        let (sdp, negotiated) = answer_push(&offer, &Capabilities::default(), &local).ok()?;
        let answer = Description::parse(&sdp).unwrap();
        let written = answer.sections[0].transport.setup.unwrap();
        assert_eq!(written, negotiated.dtls_role.setup());
        Some(negotiated.dtls_role)
    };
    assert_eq!(
        role("a=setup:actpass\n", Setup::Passive),
        Some(DtlsRole::Server)
    );
    assert_eq!(
        role("a=setup:actpass\n", Setup::Active),
        Some(DtlsRole::Client)
    );
    assert_eq!(
        role("a=setup:active\n", Setup::Active),
        Some(DtlsRole::Server)
    );
    assert_eq!(
        role("a=setup:passive\n", Setup::Passive),
        Some(DtlsRole::Client)
    );
    assert_eq!(role("", Setup::Passive), Some(DtlsRole::Server));
    assert_eq!(role("a=setup:holdconn\n", Setup::Passive), None);
}

#[test]
fn a_publisher_must_send() {
    for direction in ["recvonly", "inactive"] {
        let offer = offer(|text| text.replacen("a=sendonly", &format!("a={direction}"), 1));
        let error = answer(&offer).unwrap_err();
        let NegotiationError::Direction { mid, role, .. } = error else {
            panic!("{error}")
        };
        assert_eq!((mid.as_str(), role), ("0", "publisher"));
        assert!(!error.is_malformed());
    }
    let both = offer(|text| text.replace("a=sendonly", "a=sendrecv"));
    assert!(
        answer(&both)
            .unwrap()
            .0
            .sections
            .iter()
            .all(|section| section.direction == Direction::RecvOnly)
    );
}

#[test]
fn two_tracks_of_a_kind_are_refused_but_two_stream_ids_are_not() {
    let two = offer(|text| text.replace("m=audio", "m=video"));
    assert_eq!(
        answer(&two).unwrap_err(),
        Unsupported::TwoTracks(MediaKind::Video).into()
    );
    // RFC 9143 §6: port 0 alone is no section any more.
    let given_up = offer(|text| text.replace("m=audio 9", "m=video 0"));
    assert_eq!(answer(&given_up).unwrap().1.tracks.len(), 1);
    let ids =
        offer(|text| text.replacen("a=sendonly", "a=sendonly\na=msid:one a", 1) + "a=msid:two v\n");
    assert!(answer(&ids).is_ok());
}

#[test]
fn c44_sections_must_share_one_transport() {
    let unbundled = offer(|text| text.replace("a=group:BUNDLE 0 1\n", ""));
    assert_eq!(
        answer(&unbundled).unwrap_err(),
        Unsupported::NotBundled.into()
    );
    let half = offer(|text| text.replace("BUNDLE 0 1", "BUNDLE 0"));
    assert_eq!(answer(&half).unwrap_err(), Unsupported::NotBundled.into());
    let absent = offer(|text| text.replace("BUNDLE 0 1", "BUNDLE 7 0 1 8"));
    let (answered, _) = answer(&absent).unwrap();
    assert_eq!(
        answered.bundle,
        Some(vec![Mid::new("0").unwrap(), Mid::new("1").unwrap()])
    );
}

#[test]
fn c44_a_lone_section_needs_neither_bundle_nor_mid() {
    let lone = offer(|text| {
        let end = text.find("m=video").unwrap();
        text[..end]
            .replace("a=group:BUNDLE 0 1\n", "")
            .replace("a=mid:0\n", "")
    });
    let (answer, negotiated) = answer(&lone).unwrap();
    assert_eq!((answer.bundle, answer.sections[0].mid), (None, None));
    assert_eq!(
        (negotiated.tracks[0].mid, negotiated.tagged),
        (Mid::new("0").unwrap(), Mid::new("0").unwrap())
    );
}

#[test]
fn c44_an_offer_without_media_is_refused() {
    let data = "v=0\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:0\n";
    assert_eq!(
        answer(&Description::parse(data).unwrap()).unwrap_err(),
        Unsupported::NoMedia.into()
    );
    let insecure = offer(|text| text.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"));
    assert_eq!(answer(&insecure).unwrap_err(), Unsupported::NoMedia.into());
}

#[test]
fn missing_credentials_or_fingerprint_are_malformed() {
    let without = |key: &str| {
        offer(|text| {
            text.lines()
                .filter(|line| !line.contains(key))
                .map(|line| format!("{line}\n"))
                .collect()
        })
    };
    let error = answer(&without("ice-")).unwrap_err();
    assert_eq!(error, NegotiationError::NoIceCredentials);
    assert!(error.is_malformed());
    assert_eq!(
        answer(&without("fingerprint")).unwrap_err(),
        NegotiationError::NoFingerprint
    );
}

#[test]
fn a_bundled_section_may_leave_the_transport_to_the_first() {
    let bare = offer(|text| {
        let (first, second) = text.split_at(text.find("m=video").unwrap());
        let second = second
            .lines()
            .filter(|line| !line.contains("ice-") && !line.contains("fingerprint"));
        format!(
            "{first}{}",
            second.map(|line| format!("{line}\n")).collect::<String>()
        )
    });
    assert_eq!(answer(&bare).unwrap().1.remote.credentials.ufrag(), "abcd");
}

#[test]
fn no_common_codec_names_both_lists() {
    let offer = offer(|text| {
        text.replace("VP8/90000", "H263/90000")
            .replace("opus/48000/2", "PCMU/8000")
    });
    let error = answer(&offer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no common audio codec: the peer has PCMU, red; this server takes opus"
    );
    let NegotiationError::NoCommonCodec { kind, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(kind, MediaKind::Audio);
}

#[test]
fn the_session_id_keeps_its_highest_bit_clear() {
    let local = LocalParams {
        session_id: u64::MAX,
        ..local()
    };
    let (sdp, _) = answer_push(&offer(|text| text), &Capabilities::default(), &local).unwrap();
    assert!(sdp.starts_with("v=0\r\no=- 9223372036854775807 1 IN IP4 0.0.0.0\r\n"));
}

#[test]
fn cryptex_is_answered_where_it_was_offered() {
    let (answered, negotiated) = answer(&offer(|text| text)).unwrap();
    assert!(!negotiated.remote.cryptex && !answered.to_string().contains("a=cryptex"));
    for mark in ["a=group:BUNDLE 0 1\n", "a=setup:actpass\n"] {
        let offer = offer(|text| text.replace(mark, &format!("{mark}a=cryptex\n")));
        let (answered, negotiated) = answer(&offer).unwrap();
        assert!(negotiated.remote.cryptex, "{mark}");
        let mut sections = answered.sections.iter();
        assert!(sections.all(|section| section.transport.cryptex), "{mark}");
    }
}
