//! Reading and printing descriptions.

use std::io::Cursor;

use rtc_sdp::description::session::SessionDescription;
use xrtc_rtp::{Bitrate, Codec, Mid, PayloadType};
use xrtc_sdp::{Description, Direction, Feedback, RidDirection, SectionKind, Setup};

use crate::support::{captured, constructed, offers};

/// A description around these lines of one video section.
fn video(lines: &str) -> Description {
    let text = format!(
        "v=0\no=- 1 2 IN IP4 0.0.0.0\ns=-\nt=0 0\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\n{lines}"
    );
    Description::parse(&text).unwrap()
}

#[test]
fn the_text_codec_is_faithful_to_every_captured_offer() {
    for (name, text) in offers("offers") {
        let session = SessionDescription::unmarshal(&mut Cursor::new(text.as_bytes())).unwrap();
        let printed = session.marshal();
        assert_eq!(
            printed.lines().collect::<Vec<_>>(),
            text.lines().collect::<Vec<_>>(),
            "{name}"
        );
    }
}

#[test]
fn the_model_survives_printing_for_every_offer() {
    for (name, text) in offers("offers").into_iter().chain(offers("constructed")) {
        let description = Description::parse(&text).unwrap();
        let printed = description.to_string();
        assert!(printed.starts_with("v=0\r\n"), "{name}");
        assert_eq!(Description::parse(&printed), Ok(description), "{name}");
    }
}

#[test]
fn a_browsers_offer_is_read_in_full() {
    let offer = captured("chromium-156.0.8078.79-publish");
    assert!(offer.extmap_allow_mixed && !offer.ice_lite);
    assert_eq!(
        offer.bundle,
        Some(vec![Mid::new("0").unwrap(), Mid::new("1").unwrap()])
    );
    let [audio, video] = offer.sections.as_slice() else {
        panic!("two sections")
    };
    assert_eq!(
        (audio.kind(), video.kind()),
        (SectionKind::Audio, SectionKind::Video)
    );
    assert_eq!(audio.formats.len(), 8);
    assert_eq!(video.formats.len(), 23);
    let vp8 = &video.formats[0];
    assert_eq!(
        (vp8.codec(), vp8.payload_type),
        (Some(Codec::Vp8), PayloadType(96))
    );
    assert_eq!(
        vp8.feedback,
        Feedback {
            nack: true,
            pli: true,
            fir: true,
            transport_cc: true,
            remb: true
        }
    );
    assert_eq!(video.formats[1].apt(), Some(PayloadType(96)));
    assert_eq!(video.extensions.len(), 11);
    assert_eq!(video.groups[0].semantics, "FID");
    assert_eq!(video.sources.len(), 2);
    assert_eq!(video.sources[0].cname.as_deref(), Some("YJ3HUIlwNbgqnXb8"));
    let msid = audio.msid.as_ref().unwrap();
    assert_eq!(msid.stream, "768be8f4-5e1a-4de3-8a02-653d74bdabe9");
    assert_eq!(video.transport.setup, Some(Setup::Actpass));
    assert_eq!(video.direction, Direction::SendOnly);
}

#[test]
fn c41_the_session_level_fills_in_what_a_section_lacks() {
    let offer = constructed("obs-30.1-publish");
    for section in &offer.sections {
        let transport = &section.transport;
        assert_eq!(transport.credentials.as_ref().unwrap().ufrag(), "nXbP");
        assert_eq!(transport.setup, Some(Setup::Actpass));
        assert_eq!(transport.fingerprints.len(), 1);
        assert_eq!(transport.ice_options, ["ice2", "trickle"]);
    }
    let own = "a=ice-ufrag:inner\na=ice-pwd:innerinnerinnerinnerin\na=setup:active\na=recvonly\n\
               a=fingerprint:sha-256 AA:BB\n";
    let text = format!(
        "v=0\na=ice-ufrag:outer\na=ice-pwd:outerouterouterouterou\na=setup:passive\na=sendonly\n\
         a=fingerprint:sha-256 CC:DD\nm=audio 9 UDP/TLS/RTP/SAVPF 0\n{own}m=video 9 UDP/TLS/RTP/SAVPF 96\n"
    );
    let description = Description::parse(&text).unwrap();
    let [inner, outer] = description.sections.as_slice() else {
        panic!("two sections")
    };
    assert_eq!(
        inner.transport.credentials.as_ref().unwrap().ufrag(),
        "inner"
    );
    assert_eq!(inner.transport.setup, Some(Setup::Active));
    assert_eq!(inner.transport.fingerprints[0].value, "AA:BB");
    assert_eq!(inner.direction, Direction::RecvOnly);
    assert_eq!(
        outer.transport.credentials.as_ref().unwrap().ufrag(),
        "outer"
    );
    assert_eq!(outer.transport.fingerprints[0].value, "CC:DD");
    assert_eq!(outer.direction, Direction::SendOnly);
}

#[test]
fn line_ends_blanks_and_a_byte_order_mark_do_not_matter() {
    for (name, text) in offers("offers") {
        let plain = Description::parse(&text).unwrap();
        let indented: String = text.lines().map(|line| format!("  {line} \n\n")).collect();
        for variant in [
            text.replace("\r\n", "\n"),
            text.replace("\r\n", "\n").replace('\n', "\r"),
            text.trim_end().to_owned(),
            format!("\u{feff}{text}"),
            indented,
        ] {
            assert_eq!(Description::parse(&variant).as_ref(), Ok(&plain), "{name}");
        }
    }
}

#[test]
fn odd_or_missing_session_lines_cost_nothing() {
    let media = "m=audio 9 UDP/TLS/RTP/SAVPF 0\na=mid:0\n";
    for session in [
        "v=0\n",
        "v=0\no=- 123456789012345678901234567890 1 IN IP4 127.0.0.1\ns=\nt=0 0\n",
        "v=0\no=only-a-name\ns=any name at all\nt=\n",
        "v=0\no=- 1 2 IN IP4 0.0.0.0\ns=-\nu=not a url\ne=x\np=y\nc=ATM NSAP 0\nb=X-YZ:128\nt=9 9\nr=7d 1h 0\nz=0 0\n",
        "v=0\na=x\ns=after attributes\nt=0 0\nk=prompt\ny=unknown type\n",
    ] {
        let description = Description::parse(&format!("{session}{media}")).unwrap();
        assert_eq!(description.sections[0].mid, Mid::new("0"), "{session}");
    }
}

#[test]
fn unknown_media_protocols_and_attributes_are_kept_apart_not_refused() {
    let text = "v=0\nm=haptics 9 ROCK/SIGNALS x y\na=mid:h\nm=image 9 UDPTL t38\nm=audio 9/2 RTP/SAVPF 0\n\
                a=some-new:thing\na=group:LS 0 1\na=:\na=\n";
    let description = Description::parse(text).unwrap();
    let [haptics, image, audio] = description.sections.as_slice() else {
        panic!("three")
    };
    assert_eq!(haptics.kind(), SectionKind::Other);
    assert_eq!(haptics.media.media, "haptics");
    assert_eq!(haptics.media.formats, ["x", "y"]);
    assert_eq!((image.live_media(), haptics.live_media()), (None, None));
    assert_eq!(audio.media.port, 9);
    assert!(
        audio.live_media().is_some(),
        "RTP/SAVPF is DTLS by RFC 9429 §5.1.2"
    );
}

#[test]
fn attributes_of_absent_payload_types_are_ignored() {
    let offer = captured("firefox-153.7.0-publish-simulcast");
    let numbers: Vec<_> = offer.sections[1]
        .formats
        .iter()
        .map(|format| format.payload_type.0)
        .collect();
    assert_eq!(numbers, [120, 124]);
}

#[test]
fn parameters_may_come_before_the_mapping_and_in_several_lines() {
    let description = video(
        "a=fmtp:96 packetization-mode=1; profile-level-id=42e01f\na=rtcp-fb:* nack pli\n\
         a=fmtp:96 x=1\na=rtpmap:96 H264/90000\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96;rtx-time=3000\n",
    );
    let [h264, rtx] = description.sections[0].formats.as_slice() else {
        panic!("two")
    };
    assert_eq!(
        h264.fmtp.as_str(),
        "packetization-mode=1;profile-level-id=42e01f;x=1"
    );
    assert_eq!(h264.fmtp.get("Profile-Level-ID"), Some("42e01f"));
    assert!(h264.feedback.pli && rtx.feedback.pli);
    assert_eq!(rtx.apt(), Some(PayloadType(96)));
}

#[test]
fn static_payload_types_need_no_mapping() {
    let text = "v=0\nm=audio 9 RTP/SAVPF 0 8 9 13 96\n";
    let description = Description::parse(text).unwrap();
    let names: Vec<_> = description.sections[0]
        .formats
        .iter()
        .map(|format| format.name.as_str())
        .collect();
    assert_eq!(names, ["PCMU", "PCMA", "G722", "CN"]);
}

#[test]
fn c45_extension_ids_reach_255_and_keep_their_direction() {
    let description = video(
        "a=extmap:255 urn:ietf:params:rtp-hdrext:sdes:mid\na=extmap:15/sendonly urn:3gpp:video-orientation x y\n\
         a=extmap:0 urn:zero\na=extmap:256 urn:big\na=extmap:4096 urn:huge\na=extmap:3/sideways urn:s\na=extmap:7\n",
    );
    let extensions: Vec<_> = description.sections[0]
        .extensions
        .iter()
        .map(|extension| {
            (
                extension.id,
                extension.direction,
                extension.is_sent(),
                extension.is_received(),
            )
        })
        .collect();
    assert_eq!(
        extensions,
        [
            (255, None, true, true),
            (15, Some(Direction::SendOnly), true, false)
        ]
    );
}

#[test]
fn c49_simulcast_with_pauses_alternatives_and_restrictions_is_read() {
    let description = video(
        "a=rid:a send pt=96,97;max-width=1280;max-br=900\na=rid:b send\na=rid:c recv\na=rid:bad sideways\n\
         a=rid:no,pe send\na=simulcast:recv c send a,~b;~d\n",
    );
    let section = &description.sections[0];
    let rids: Vec<_> = section
        .rids
        .iter()
        .map(|rid| (rid.rid.as_str(), rid.direction))
        .collect();
    assert_eq!(
        rids,
        [
            ("a", RidDirection::Send),
            ("b", RidDirection::Send),
            ("c", RidDirection::Recv)
        ]
    );
    assert_eq!(
        section.rids[0].payload_types,
        [PayloadType(96), PayloadType(97)]
    );
    assert_eq!(
        section.rids[0].restrictions,
        ["max-width=1280", "max-br=900"]
    );
    let simulcast = section.simulcast.as_ref().unwrap();
    assert_eq!(simulcast.to_string(), "send a,~b;~d recv c");
}

#[test]
fn bandwidth_is_what_the_author_wants_to_receive() {
    let bandwidth = |line: &str| video(line).sections[0].bandwidth;
    assert_eq!(bandwidth("b=AS:2000\n"), Some(Bitrate(2_000_000)));
    assert_eq!(bandwidth("b=AS:2\nb=TIAS:1500\n"), Some(Bitrate(1500)));
    assert_eq!(bandwidth("b=CT:1\n"), None);
    assert_eq!(bandwidth("b=AS:much\n"), None);
}

#[test]
fn several_fingerprints_are_read_in_any_case_and_broken_ones_dropped() {
    let offer = captured("aiortc-1.16.0-publish");
    let names: Vec<_> = offer.sections[0]
        .transport
        .fingerprints
        .iter()
        .map(|print| print.algorithm.as_str())
        .collect();
    assert_eq!(names, ["sha-256", "sha-384", "sha-512"]);
    let description =
        video("a=fingerprint:SHA-256 ab:cd\na=fingerprint:sha-1 xyz\na=fingerprint:sha-1\n");
    let [only] = description.sections[0].transport.fingerprints.as_slice() else {
        panic!("one")
    };
    assert_eq!(only.to_string(), "sha-256 AB:CD");
}
