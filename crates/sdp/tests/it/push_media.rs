//! What publishers' answers take up: codecs, feedback, extensions, encodings, sources.

use xrtc_rtp::{Bitrate, Codec, ExtensionKind, PayloadType};
use xrtc_sdp::{Capabilities, Description, Unsupported, answer_push};

use crate::push::{answer, offer};
use crate::support::{captured, constructed, local};

#[test]
fn c47_red_stays_only_around_an_opus_that_is_taken() {
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
fn c45_one_extension_has_one_id_in_the_group() {
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
fn c45_extensions_that_the_publisher_only_receives_are_left_out() {
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
fn c39_obs_finds_as_many_layers_as_it_offered() {
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
    for needed in [
        "a=rid:0 recv",
        "a=rid:1 recv",
        "a=rid:2 recv",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    ] {
        assert!(sdp.split("\r\n").any(|line| line == needed), "{needed}");
    }
}

#[test]
fn c49_declared_sources_keep_simulcast_order_without_repairs() {
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
fn c43_reduced_size_and_mixed_extensions_are_answered_only_where_offered() {
    // RFC 5506 §5 lets an answer have rtcp-rsize only when the offer has it, so it is not written always.
    let plain = answer(&offer(|text| text)).unwrap();
    assert!(
        plain
            .0
            .sections
            .iter()
            .all(|section| !section.rtcp.reduced_size)
    );
    assert!(
        plain
            .1
            .tracks
            .iter()
            .all(|track| !track.reduced_size && !track.mixed_extensions)
    );
    let video = answer(&offer(|text| text + "a=rtcp-rsize\na=extmap-allow-mixed\n")).unwrap();
    let sections: Vec<_> = video
        .0
        .sections
        .iter()
        .map(|section| section.rtcp.reduced_size)
        .collect();
    assert_eq!(sections, [false, true]);
    let tracks: Vec<_> = video
        .1
        .tracks
        .iter()
        .map(|track| (track.reduced_size, track.mixed_extensions))
        .collect();
    assert_eq!(tracks, [(false, false), (true, true)]);
    let all = answer(&offer(|text| {
        text.replace("v=0\n", "v=0\na=extmap-allow-mixed\n")
    }))
    .unwrap();
    assert!(all.0.extmap_allow_mixed && all.1.tracks.iter().all(|track| track.mixed_extensions));
}
