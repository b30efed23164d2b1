//! The server's own offers and the answers of browsers, those of the course's day included.

use xrtc_rtp::{Bitrate, Codec, ExtensionKind, MediaKind, PayloadType, Ssrc};
use xrtc_sdp::{
    Capabilities, Description, Direction, DtlsRole, LiveTrack, NegotiationError, ServerOffer,
    Setup, Unsupported, offer_pull, offer_pull_again, offer_push,
};

use crate::support::{live, live_h264, live_opus, local};

const BOTH: [MediaKind; 2] = [MediaKind::Audio, MediaKind::Video];

fn push() -> ServerOffer {
    offer_push(&BOTH, &Capabilities::default(), &local())
}

fn pull(live: &[LiveTrack]) -> ServerOffer {
    offer_pull(&BOTH, live, &Capabilities::default(), &local())
}

/// A unified-plan browser's answer, with these codec lines for video.
fn answer(direction: &str, video: &str, lines: &str) -> Description {
    let transport = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
        a=ice-options:trickle\r\na=fingerprint:sha-256 AB:CD\r\na=setup:active\r\na=rtcp-mux\r\na=rtcp-rsize\r\n";
    let text = format!(
        "v=0\r\no=- 7 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic: WMS s\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{transport}a=mid:0\r\na={direction}\r\na=rtpmap:111 opus/48000/2\r\n\
         a=fmtp:111 minptime=10;useinbandfec=1\r\na=ssrc:5 cname:c\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF {video}\r\n{transport}a=mid:1\r\na={direction}\r\n{lines}"
    );
    Description::parse(&text).unwrap()
}

const H264: &str = "a=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
    a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
    a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=ssrc-group:FID 6 7\r\na=ssrc:6 cname:c\r\na=ssrc:7 cname:c\r\n";

#[test]
fn offers_have_the_customary_numbers() {
    for (offer, direction) in [
        (push(), Direction::RecvOnly),
        (pull(&[]), Direction::SendOnly),
    ] {
        let text = offer.description().to_string();
        let description = Description::parse(&text).unwrap();
        assert_eq!(&description, offer.description());
        let [audio, video] = description.sections.as_slice() else {
            panic!("two sections")
        };
        assert_eq!((audio.direction, video.direction), (direction, direction));
        assert_eq!(audio.formats[0].payload_type, PayloadType(111));
        assert_eq!(
            video.formats[0].describe(),
            "H264 constrained baseline mode 1"
        );
        assert_eq!(video.media.formats[..4], ["96", "97", "102", "103"]);
        assert_eq!(video.formats[1].apt(), Some(PayloadType(96)));
        assert_eq!(audio.transport.setup, Some(Setup::Actpass));
        assert!(description.ice_lite && text.contains("a=end-of-candidates\r\n"));
        assert!(text.starts_with("v=0\r\n"));
    }
}

#[test]
fn no_number_and_no_id_is_used_twice() {
    let mut capabilities = Capabilities {
        codecs: Codec::ALL.to_vec(),
        ..Capabilities::default()
    };
    capabilities.max_ingest_bitrate = Some(Bitrate(1));
    let odd = live(Codec::H264, "packetization-mode=1;profile-level-id=f4001f");
    for offer in [
        offer_push(&BOTH, &capabilities, &local()),
        offer_pull(&BOTH, &[odd], &capabilities, &local()),
    ] {
        let sections = &offer.description().sections;
        let mut numbers: Vec<_> = sections
            .iter()
            .flat_map(|section| &section.media.formats)
            .collect();
        let count = numbers.len();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), count);
        let extensions = || sections.iter().flat_map(|section| &section.extensions);
        for extension in extensions() {
            assert!(
                extensions()
                    .all(|other| (other.id == extension.id) == (other.uri == extension.uri))
            );
            assert!(extension.id < 15, "the one-byte form reaches all");
        }
    }
}

#[test]
fn a_publishers_answer_is_taken() {
    let negotiated = push()
        .apply_answer(&answer("sendonly", "96 97", H264), &[])
        .unwrap();
    assert_eq!(negotiated.dtls_role, DtlsRole::Server);
    assert_eq!(negotiated.remote.credentials.ufrag(), "abcd");
    assert_eq!(negotiated.tagged.as_str(), "0");
    let [audio, video] = negotiated.tracks.as_slice() else {
        panic!("two tracks")
    };
    assert_eq!(
        (audio.codecs[0].payload_type, audio.sources[0].ssrc),
        (PayloadType(111), Ssrc(5))
    );
    let [h264] = video.codecs.as_slice() else {
        panic!("one codec")
    };
    assert_eq!((h264.codec, h264.rtx), (Codec::H264, Some(PayloadType(97))));
    assert!(h264.feedback.nack && h264.feedback.pli && !h264.feedback.fir);
    assert_eq!(
        (video.sources[0].ssrc, video.sources[0].rtx),
        (Ssrc(6), Some(Ssrc(7)))
    );
    assert_eq!(
        (video.direction, &video.local),
        (Direction::RecvOnly, &None)
    );
}

#[test]
fn a_viewers_answer_is_taken() {
    let offer = pull(&[live_opus(), live_h264()]);
    let live = [live_opus(), live_h264()];
    let negotiated = offer
        .apply_answer(&answer("recvonly", "96 97", H264), &live)
        .unwrap();
    let video = &negotiated.tracks[1];
    assert_eq!(video.direction, Direction::SendOnly);
    assert_eq!(video.local.as_ref().unwrap().rtx_ssrc, Some(Ssrc(2001)));
    assert_eq!(
        video.codec_for(live_h264().key).unwrap().payload_type,
        PayloadType(96)
    );
}

#[test]
fn a_viewers_offer_begins_with_what_is_live() {
    let first = |track: LiveTrack| {
        let offer = pull(&[track]);
        let format = &offer.description().sections[1].formats[0];
        (format.payload_type.0, format.describe())
    };
    assert_eq!(first(live(Codec::Vp8, "")), (98, "VP8".to_owned()));
    assert_eq!(
        first(live(
            Codec::H264,
            "packetization-mode=1;profile-level-id=640028"
        )),
        (106, "H264 high mode 1".to_owned())
    );
    assert_eq!(
        first(live(
            Codec::H264,
            "packetization-mode=1;profile-level-id=f4001f;sprop-parameter-sets=Z0L"
        )),
        (114, "H264 high 4:4:4 mode 1".to_owned())
    );
    assert_eq!(
        first(live(Codec::Av1, "")),
        (45, "AV1 profile 0".to_owned())
    );
    let text = pull(&[live_opus()]).description().to_string();
    assert!(
        text.contains("a=ssrc-group:FID 2000 2001\r\n")
            && text.contains("a=msid:lobby video-track\r\n")
    );
}

#[test]
fn a_viewer_that_takes_another_codec_than_the_live_one_is_refused() {
    let offer = pull(&[live_opus(), live_h264()]);
    let vp8 = answer("recvonly", "98", "a=rtpmap:98 VP8/90000\r\n");
    let error = offer
        .apply_answer(&vp8, &[live_opus(), live_h264()])
        .unwrap_err();
    assert!(
        matches!(
            error,
            NegotiationError::NotDecodable {
                kind: MediaKind::Video,
                ..
            }
        ),
        "{error}"
    );
    assert!(offer.apply_answer(&vp8, &[live_opus()]).is_ok());
}

/// What Chrome answered in its Plan B days to an offer of two sections, by `addStream`.
#[test]
fn a_plan_b_browsers_answer_is_taken() {
    let text = "v=0\r\no=- 4962303333179871722 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
        a=msid-semantic: WMS kRKKzBVrTrWPQQjUZyRD\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n\
        a=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:wUQN\r\na=ice-pwd:m3iuOQ5DLGlBmoRL6gWVRRqE\r\n\
        a=ice-options:trickle\r\na=fingerprint:sha-256 AB:CD\r\na=setup:active\r\na=mid:0\r\na=sendonly\r\n\
        a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
        a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6\r\n\
        a=ssrc:3570614608 msid:kRKKzBVrTrWPQQjUZyRD 35429d94-5637-4686-9ecd-7d0622261ce8\r\n\
        a=ssrc:3570614608 mslabel:kRKKzBVrTrWPQQjUZyRD\r\na=ssrc:3570614608 label:35429d94\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:wUQN\r\n\
        a=ice-pwd:m3iuOQ5DLGlBmoRL6gWVRRqE\r\na=fingerprint:sha-256 AB:CD\r\na=setup:active\r\na=mid:1\r\n\
        a=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
        a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=ssrc-group:FID 2231627014 632943048\r\n\
        a=ssrc:2231627014 cname:4TOk42mSjXCkVIa6\r\na=ssrc:632943048 cname:4TOk42mSjXCkVIa6\r\n";
    let negotiated = push()
        .apply_answer(&Description::parse(text).unwrap(), &[])
        .unwrap();
    let video = &negotiated.tracks[1];
    assert_eq!(
        video.codecs[0].key,
        live_h264().key,
        "the offer's parameters where the answer has none"
    );
    assert_eq!(video.sources[0].rtx, Some(Ssrc(632_943_048)));
    assert_eq!(
        negotiated.tracks[0].cname.as_deref(),
        Some("4TOk42mSjXCkVIa6")
    );
}

#[test]
fn a_rejected_or_unused_section_is_left_out() {
    let text = answer("sendonly", "96 97", H264).to_string();
    let no_video = Description::parse(&text.replace("m=video 9", "m=video 0")).unwrap();
    let negotiated = push().apply_answer(&no_video, &[]).unwrap();
    assert_eq!(negotiated.tracks.len(), 1);
    let no_audio = Description::parse(&text.replacen("a=sendonly", "a=inactive", 1)).unwrap();
    let negotiated = push().apply_answer(&no_audio, &[]).unwrap();
    assert_eq!(
        (negotiated.tracks.len(), negotiated.tagged.as_str()),
        (1, "1")
    );
    let nothing = Description::parse(&text.replace("a=sendonly", "a=inactive")).unwrap();
    assert_eq!(
        push().apply_answer(&nothing, &[]).unwrap_err(),
        NegotiationError::NothingAccepted
    );
}

#[test]
fn an_answer_to_another_offer_is_refused() {
    let text = answer("sendonly", "96 97", H264).to_string();
    for other in [
        text.replace("a=mid:1", "a=mid:7"),
        text.replace("m=video", "m=audio"),
        format!("{text}m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"),
    ] {
        let error = push()
            .apply_answer(&Description::parse(&other).unwrap(), &[])
            .unwrap_err();
        assert_eq!(error, NegotiationError::AnswerMismatch);
        assert!(error.is_malformed());
    }
}

#[test]
fn the_answers_role_decides_ours() {
    let text = answer("sendonly", "96 97", H264).to_string();
    let role = |setup: &str| {
        let answer = Description::parse(&text.replace("a=setup:active\r\n", setup)).unwrap();
        push()
            .apply_answer(&answer, &[])
            .map(|negotiated| negotiated.dtls_role)
    };
    assert_eq!(role("a=setup:active\r\n"), Ok(DtlsRole::Server));
    assert_eq!(role("a=setup:passive\r\n"), Ok(DtlsRole::Client));
    assert_eq!(role(""), Ok(DtlsRole::Server));
    assert_eq!(role("a=setup:actpass\r\n"), Err(Unsupported::Setup.into()));
}

#[test]
fn what_was_not_offered_is_not_taken() {
    let lines = format!(
        "{H264}a=rtpmap:98 VP9/90000\r\na=rtpmap:35 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\n\
         a=extmap:1 {}\r\na=extmap:9 {}\r\n",
        ExtensionKind::Mid.uri(),
        ExtensionKind::ColorSpace.uri()
    );
    let negotiated = push()
        .apply_answer(&answer("sendonly", "96 97 98 35", &lines), &[])
        .unwrap();
    let video = &negotiated.tracks[1];
    assert_eq!(video.codecs.len(), 1);
    assert!(!video.codecs[0].feedback.remb);
    assert_eq!(
        video.extensions.iter().collect::<Vec<_>>(),
        [(ExtensionKind::Mid, 1)]
    );
}

#[test]
fn one_kind_is_offered_once_and_alone_if_asked() {
    let offer = offer_push(
        &[MediaKind::Video, MediaKind::Video],
        &Capabilities::default(),
        &local(),
    );
    let text = offer.description().to_string();
    assert_eq!(offer.description().sections.len(), 1);
    assert!(text.contains("a=group:BUNDLE 0\r\n") && !text.contains("m=audio"));
}

#[test]
fn offers_name_no_extension_that_browsers_would_not() {
    for offer in [push(), pull(&[])] {
        for section in &offer.description().sections {
            for kind in [
                ExtensionKind::AbsCaptureTime,
                ExtensionKind::DependencyDescriptor,
                ExtensionKind::Rid,
                ExtensionKind::VideoLayersAllocation,
            ] {
                assert!(section.extension(kind).is_none());
            }
        }
    }
}

#[test]
fn a_later_offer_keeps_places_mids_and_numbers() {
    let local = local();
    let first = offer_pull(&[MediaKind::Audio], &[], &Capabilities::default(), &local);
    let answer = first
        .description()
        .to_string()
        .replace("a=sendonly", "a=recvonly")
        .replace("a=setup:actpass", "a=setup:active");
    let answer = answer.replace("a=ice-lite\r\n", "");
    let negotiated = first
        .apply_answer(&Description::parse(&answer).unwrap(), &[])
        .unwrap();
    let before = &negotiated.agreement;
    let kinds = [MediaKind::Video];
    let second = offer_pull_again(before, &kinds, &[], &Capabilities::default(), &local);
    let [audio, video] = &second.description().sections[..] else {
        panic!("two sections");
    };
    assert_eq!(
        (audio.direction, video.direction),
        (Direction::Inactive, Direction::SendOnly)
    );
    assert_eq!(audio.mid, first.description().sections[0].mid);
    assert_ne!(audio.mid, video.mid);
    // libwebrtc would not show a source again that was not declared for a while.
    assert_eq!(audio.sources, first.description().sections[0].sources);
    assert!(!audio.sources.is_empty() && !video.sources.is_empty());
    for extension in &video.extensions {
        let same_id = audio
            .extensions
            .iter()
            .find(|other| other.id == extension.id);
        assert!(same_id.is_none_or(|other| other.uri == extension.uri));
        let same_uri = audio
            .extensions
            .iter()
            .find(|other| other.uri == extension.uri);
        assert!(same_uri.is_none_or(|other| other.id == extension.id));
    }
    let is_taken = |format: &xrtc_sdp::PayloadFormat| {
        let mut others = audio.formats.iter();
        others.any(|other| other.payload_type == format.payload_type)
    };
    assert!(!video.formats.iter().any(is_taken));
}

#[test]
fn a_later_offer_of_the_peer_belongs_to_the_session() {
    let offer = push().description().to_string();
    let parse = |text: &str| Description::parse(text).unwrap();
    let text = answer("sendonly", "96 97", H264).to_string();
    let negotiated = push().apply_answer(&parse(&text), &[]).unwrap();
    let before = &negotiated.agreement;
    assert_eq!(before.check_offer(&parse(&offer)), Ok(()));
    let video = offer.rfind("m=video").unwrap();
    assert_eq!(
        before.check_offer(&parse(&offer[..video])),
        Err(Unsupported::SectionMoved)
    );
    let renamed = offer.replace("a=mid:1", "a=mid:9");
    assert_eq!(
        before.check_offer(&parse(&renamed)),
        Err(Unsupported::SectionMoved)
    );
}
