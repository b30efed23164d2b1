//! Answers to viewers: the rules that no golden answer shows alone.

use xrtc_rtp::{Codec, ExtensionKind, MediaKind, PayloadType, Ssrc};
use xrtc_sdp::{
    Capabilities, Description, Direction, LiveTrack, LocalParams, Negotiated, NegotiationError,
    answer_pull,
};

use crate::support::{captured, constructed, live, live_h264, live_opus, local, offers};

fn answer(
    offer: &Description,
    live: &[LiveTrack],
) -> Result<(Description, Negotiated), NegotiationError> {
    let (sdp, negotiated) = answer_pull(offer, live, &Capabilities::default(), &local())?;
    Ok((Description::parse(&sdp).unwrap(), negotiated))
}

fn video_of(negotiated: &Negotiated) -> &xrtc_sdp::NegotiatedTrack {
    negotiated
        .tracks
        .iter()
        .find(|track| track.kind == MediaKind::Video)
        .unwrap()
}

#[test]
fn every_viewer_gets_both_tracks_of_one_stream() {
    for (name, text) in offers("offers").into_iter().chain(offers("constructed")) {
        if !name.contains("-play") {
            continue;
        }
        let offer = Description::parse(&text).unwrap();
        // Nothing live yet: whatever the next publisher sends.
        let (answer, negotiated) = answer(&offer, &[]).unwrap();
        assert_eq!(negotiated.tracks.len(), 2, "{name}");
        for section in &answer.sections {
            assert_eq!(section.direction, Direction::SendOnly, "{name}");
            assert_eq!(section.msid.as_ref().unwrap().stream, "lobby", "{name}");
            assert!(
                section
                    .sources
                    .iter()
                    .all(|source| source.cname.as_deref() == Some("lobby-cname")),
                "{name}"
            );
            assert!(
                section
                    .formats
                    .iter()
                    .all(|format| !format.feedback.transport_cc && !format.feedback.remb)
            );
            for kind in [
                ExtensionKind::TransportCc,
                ExtensionKind::AbsSendTime,
                ExtensionKind::Rid,
            ] {
                assert!(section.extension(kind).is_none(), "{name}");
            }
        }
    }
}

#[test]
fn the_live_codec_comes_first() {
    let offer = captured("chromium-156.0.8078.79-play");
    for (track, number) in [
        (live(Codec::Vp8, ""), 96),
        (live(Codec::Vp9, "profile-id=2"), 100),
        (live_h264(), 108),
        (
            live(Codec::H264, "packetization-mode=0;profile-level-id=42e01f"),
            114,
        ),
        (
            live(Codec::H264, "packetization-mode=1;profile-level-id=640028"),
            41,
        ),
        (live(Codec::Av1, "profile=0;level-idx=8;tier=0"), 45),
    ] {
        let (answer, negotiated) = answer(&offer, &[live_opus(), track.clone()]).unwrap();
        assert_eq!(
            answer.sections[0].media.formats[0],
            number.to_string(),
            "{}",
            track.key
        );
        let video = video_of(&negotiated);
        assert_eq!(
            video.codecs[0].payload_type,
            PayloadType(number),
            "{}",
            track.key
        );
        assert_eq!(video.codec_for(track.key), Some(&video.codecs[0]));
        assert_eq!(video.codecs.len(), 13, "all the others follow");
    }
}

#[test]
fn a_viewer_that_cannot_decode_is_told_both_lists() {
    let error = answer(
        &captured("firefox-153.7.0-play"),
        &[live_opus(), live_h264()],
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the video cannot be decoded: the stream sends H264 constrained baseline mode 1; \
         the viewer takes VP8, VP9 profile 0, AV1 profile 0"
    );
    assert!(!error.is_malformed());
    let h265 = live(Codec::H265, "profile-id=1");
    assert!(answer(&captured("chromium-156.0.8078.79-play"), &[h265]).is_err());
}

#[test]
fn the_publishers_words_about_opus_are_kept() {
    let offer = captured("chromium-156.0.8078.79-play");
    let opus = |track| {
        let (answer, _) = answer(&offer, &[track]).unwrap();
        answer.sections[1].formats[0].fmtp.to_string()
    };
    let words =
        "minptime=10;stereo=1;sprop-stereo=1;useinbandfec=1;usedtx=1;maxaveragebitrate=128000";
    assert_eq!(
        opus(live(Codec::Opus, &format!("{words};x-private=1"))),
        words
    );
    // A publisher without a word leaves the viewer's own.
    assert_eq!(opus(live(Codec::Opus, "")), "minptime=10;useinbandfec=1");
}

#[test]
fn retransmission_sources_are_declared_only_for_those_who_take_them() {
    let (with, negotiated) = answer(&captured("chromium-156.0.8078.79-play"), &[]).unwrap();
    assert_eq!(with.sections[0].groups[0].ssrcs, [Ssrc(2000), Ssrc(2001)]);
    assert_eq!(
        negotiated.tracks[0].local.as_ref().unwrap().rtx_ssrc,
        Some(Ssrc(2001))
    );
    let (without, negotiated) = answer(&captured("werift-0.25.2-play"), &[]).unwrap();
    assert!(without.sections[0].groups.is_empty());
    assert_eq!(without.sections[0].sources.len(), 1);
    assert_eq!(negotiated.tracks[0].local.as_ref().unwrap().rtx_ssrc, None);
}

#[test]
fn nack_for_opus_is_taken_where_a_player_asks_for_it() {
    let (_, negotiated) = answer(&constructed("eyevinn-play"), &[live_opus()]).unwrap();
    assert!(negotiated.tracks[1].codecs[0].feedback.nack);
}

#[test]
fn a_viewer_must_receive() {
    let text = captured("werift-0.25.2-play").to_string();
    for direction in ["sendonly", "inactive"] {
        let offer =
            Description::parse(&text.replacen("a=recvonly", &format!("a={direction}"), 1)).unwrap();
        let error = answer(&offer, &[]).unwrap_err();
        let NegotiationError::Direction { role, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(role, "viewer");
    }
    let both = Description::parse(&text.replace("a=recvonly", "a=sendrecv")).unwrap();
    assert_eq!(
        answer(&both, &[]).unwrap().0.sections[0].direction,
        Direction::SendOnly
    );
}

#[test]
fn an_audio_only_viewer_of_a_video_stream_is_served() {
    let text = captured("chromium-156.0.8078.79-play").to_string();
    let start = text.find("m=video").unwrap();
    let audio = text.find("m=audio").unwrap();
    let offer = format!("{}{}", &text[..start], &text[audio..]).replace("BUNDLE 0 1", "BUNDLE 1");
    let (_, negotiated) = answer(
        &Description::parse(&offer).unwrap(),
        &[live_opus(), live_h264()],
    )
    .unwrap();
    assert_eq!(negotiated.tracks.len(), 1);
    assert_eq!(negotiated.tagged.as_str(), "1");
}

#[test]
fn without_tracks_of_our_own_nothing_is_declared() {
    let local = LocalParams {
        tracks: Vec::new(),
        ..local()
    };
    let offer = captured("chromium-156.0.8078.79-play");
    let (sdp, negotiated) = answer_pull(&offer, &[], &Capabilities::default(), &local).unwrap();
    assert!(!sdp.contains("a=ssrc"));
    assert!(negotiated.tracks.iter().all(|track| track.local.is_none()));
}

#[test]
fn a_server_that_estimates_bandwidth_can_answer_transport_cc() {
    let mut capabilities = Capabilities::default();
    capabilities
        .egress_extensions
        .push(ExtensionKind::TransportCc);
    let offer = captured("chromium-156.0.8078.79-play");
    let (_, negotiated) = answer_pull(&offer, &[], &capabilities, &local()).unwrap();
    assert!(
        negotiated
            .tracks
            .iter()
            .all(|track| track.codecs[0].feedback.transport_cc)
    );
}
