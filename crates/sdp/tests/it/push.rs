//! Answers to publishers: the rules that no golden answer shows alone.

use xrtc_rtp::{Bitrate, Codec, ExtensionKind, MediaKind, Mid, PayloadType};
use xrtc_sdp::{
    Capabilities, Description, Direction, DtlsRole, LocalParams, Negotiated, NegotiationError,
    SectionKind, Setup, Unsupported, answer_push,
};

use crate::support::{captured, constructed, local, offers};

fn answer(offer: &Description) -> Result<(Description, Negotiated), NegotiationError> {
    let (sdp, negotiated) = answer_push(offer, &Capabilities::default(), &local())?;
    Ok((Description::parse(&sdp).unwrap(), negotiated))
}

/// An audio and a video section as Pion or a hand-written client might offer them, changed by `edit`.
fn offer(edit: impl FnOnce(String) -> String) -> Description {
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
fn the_answer_has_the_offers_sections_mids_and_numbers() {
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
fn candidates_stand_once_and_udp_host_first() {
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
        ],
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
fn the_dtls_role_follows_from_the_offers() {
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
fn sections_must_share_one_transport() {
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
fn a_lone_section_needs_neither_bundle_nor_mid() {
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
fn an_offer_without_media_is_refused() {
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
fn red_stays_only_around_an_opus_that_is_taken() {
    let capabilities = Capabilities {
        codecs: vec![Codec::Opus, Codec::Red, Codec::Vp8],
        ..Capabilities::default()
    };
    let numbers = |offer: &Description| {
        let (_, negotiated) = answer_push(offer, &capabilities, &local()).unwrap();
        negotiated.tracks[0]
            .codecs
            .iter()
            .map(|codec| codec.payload_type.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(&offer(|text| text)), [111, 63]);
    assert_eq!(
        numbers(&offer(|text| text.replace("63 111/111", "63 111/0"))),
        [111]
    );
    assert_eq!(
        numbers(&offer(|text| text.replace("a=fmtp:63 111/111\n", ""))),
        [111]
    );
}

#[test]
fn goog_remb_is_answered_only_with_a_limit_to_tell() {
    let limited = Capabilities {
        max_ingest_bitrate: Some(Bitrate(2_000_000)),
        ..Capabilities::default()
    };
    let offer = offer(|text| text);
    let remb = |capabilities| {
        let (sdp, negotiated) = answer_push(&offer, &capabilities, &local()).unwrap();
        assert_eq!(
            sdp.contains("goog-remb"),
            negotiated.tracks[1].codecs[0].feedback.remb
        );
        negotiated.tracks[1].codecs[0].feedback.remb
    };
    assert!(remb(limited));
    assert!(!remb(Capabilities::default()));
}

#[test]
fn transport_cc_needs_message_and_extension() {
    let uri = ExtensionKind::TransportCc.uri();
    let has = |message: bool, extension: bool| {
        let offer = offer(|text| {
            let message = if message {
                "a=rtcp-fb:96 transport-cc\n"
            } else {
                ""
            };
            let extension = if extension {
                format!("a=extmap:5 {uri}\n")
            } else {
                String::new()
            };
            format!("{text}{message}{extension}")
        });
        let (sdp, negotiated) = answer_push(&offer, &Capabilities::default(), &local()).unwrap();
        let track = &negotiated.tracks[1];
        let id = track.extensions.id(ExtensionKind::TransportCc);
        assert_eq!(sdp.contains("transport-cc\r\n"), id.is_some());
        assert_eq!(sdp.contains(uri), id.is_some());
        assert_eq!(track.codecs[0].feedback.transport_cc, id.is_some());
        id
    };
    assert_eq!(has(true, true), Some(5));
    assert_eq!(has(true, false), None);
    assert_eq!(has(false, true), None);
}

#[test]
fn one_payload_type_stands_for_one_codec_in_the_group() {
    let clash = offer(|text| text.replace("111", "96"));
    assert_eq!(
        answer(&clash).unwrap_err(),
        Unsupported::PayloadTypeConflict.into()
    );
    let partly = offer(|text| {
        text.replace(
            "m=video 9 UDP/TLS/RTP/SAVPF 96",
            "m=video 9 UDP/TLS/RTP/SAVPF 111 96",
        ) + "a=rtpmap:111 VP9/90000\n"
    });
    let codecs: Vec<_> = answer(&partly).unwrap().1.tracks[1]
        .codecs
        .iter()
        .map(|codec| codec.payload_type)
        .collect();
    assert_eq!(codecs, [PayloadType(96)]);
}

#[test]
fn numbers_that_look_like_rtcp_are_not_taken() {
    // RFC 5761 §4: 64 to 95 with the marker bit are the packet types of RTCP.
    let offer = offer(|text| text.replace("96", "72"));
    assert_eq!(
        answer(&offer).unwrap_err(),
        Unsupported::PayloadTypeConflict.into()
    );
}

#[test]
fn one_extension_has_one_id_in_the_group() {
    let mid = ExtensionKind::Mid.uri();
    let level = ExtensionKind::AudioLevel.uri();
    let orientation = ExtensionKind::VideoOrientation.uri();
    let offer = offer(|text| {
        let (audio, video) = text.split_at(text.find("m=video").unwrap());
        format!(
            "{audio}a=extmap:4 {mid}\na=extmap:9 {mid}\na=extmap:2 {level}\n{video}\
             a=extmap:5 {mid}\na=extmap:2 {orientation}\na=extmap:2 urn:x\n"
        )
    });
    let (_, negotiated) = answer(&offer).unwrap();
    assert_eq!(
        negotiated.tracks[0].extensions.iter().collect::<Vec<_>>(),
        [(ExtensionKind::Mid, 4), (ExtensionKind::AudioLevel, 2)]
    );
    assert_eq!(negotiated.tracks[1].extensions.iter().count(), 0);
}

#[test]
fn extensions_that_the_publisher_only_receives_are_left_out() {
    let (_, negotiated) = answer(&captured("firefox-153.7.0-publish-simulcast")).unwrap();
    assert_eq!(
        negotiated.tracks[1]
            .extensions
            .id(ExtensionKind::PlayoutDelay),
        None
    );
    assert_eq!(
        negotiated.tracks[1].extensions.id(ExtensionKind::Rid),
        Some(9)
    );
}

#[test]
fn simulcast_without_the_rid_extension_is_none() {
    let text = captured("obs-like-node-datachannel-0.33.4-publish-simulcast").to_string();
    let without = text.replace(
        "a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n",
        "",
    );
    let (answer, negotiated) = answer(&Description::parse(&without).unwrap()).unwrap();
    assert!(answer.sections[1].simulcast.is_none() && answer.sections[1].rids.is_empty());
    assert!(negotiated.tracks[1].rids.is_empty());
}

#[test]
fn obs_finds_as_many_layers_as_it_offered() {
    let (sdp, _) = answer_push(
        &constructed("obs-32-publish-simulcast"),
        &Capabilities::default(),
        &local(),
    )
    .unwrap();
    // OBS counts the semicolons of the first simulcast line, which must end in CRLF.
    let line = sdp
        .split("\r\n")
        .find(|line| line.starts_with("a=simulcast"))
        .unwrap();
    assert_eq!(line, "a=simulcast:recv 0;1;2");
}

#[test]
fn declared_sources_keep_simulcast_order_without_repairs() {
    let offer = offer(|text| {
        text + "a=ssrc-group:SIM 30 10 20\na=ssrc-group:FID 10 11\na=ssrc-group:FID 30 31\na=ssrc-group:FEC-FR 20 22\n\
                a=ssrc:10 cname:c\na=ssrc:11 cname:c\na=ssrc:22 cname:c\na=ssrc:40 cname:c\n"
    });
    let (_, negotiated) = answer(&offer).unwrap();
    let sources: Vec<_> = negotiated.tracks[1]
        .sources
        .iter()
        .map(|source| (source.ssrc.0, source.rtx.map(|rtx| rtx.0)))
        .collect();
    assert_eq!(
        sources,
        [(30, Some(31)), (10, Some(11)), (20, None), (40, None)]
    );
    assert_eq!(negotiated.tracks[1].cname.as_deref(), Some("c"));
}

#[test]
fn a_payload_type_is_found_with_its_retransmissions() {
    let (_, negotiated) = answer(&offer(|text| text)).unwrap();
    let track = &negotiated.tracks[1];
    let found = |number| {
        track
            .codec_of(PayloadType(number))
            .map(|(codec, is_rtx)| (codec.codec, is_rtx))
    };
    assert_eq!(found(96), Some((Codec::Vp8, false)));
    assert_eq!(found(97), Some((Codec::Vp8, true)));
    assert_eq!(found(98), None);
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
