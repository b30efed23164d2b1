//! The answer to every captured and constructed offer, as text that people review.
//!
//! `UPDATE_GOLDEN=1 cargo test -p xrtc-sdp golden` writes the files anew; look at the difference before committing.

use std::fmt::Write;
use std::fs;

use xrtc_rtp::Codec;
use xrtc_sdp::{
    Capabilities, Description, Feedback, Negotiated, NegotiatedTrack, NegotiationError,
    answer_pull, answer_push,
};

use crate::support::{folder, live, live_h264, live_opus, local, offers};

#[test]
fn c38_answers_to_captured_offers_are_those_that_were_reviewed() {
    compare("offers");
}

#[test]
fn c38_answers_to_constructed_offers_are_those_that_were_reviewed() {
    compare("constructed");
}

fn compare(name: &str) {
    let is_update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut different = Vec::new();
    for (offer_name, text) in offers(name) {
        let answer = answer(&offer_name, &text);
        let path = folder("golden").join(format!("{offer_name}.answer"));
        if is_update {
            fs::write(&path, &answer).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != answer {
            println!("--- {offer_name}\n{answer}");
            different.push(offer_name);
        }
    }
    assert!(
        different.is_empty(),
        "other answers than reviewed: {different:?}"
    );
}

/// The answer, and after it what was negotiated. Viewers get a stream of Opus and H.264, or of VP8 where they cannot
/// decode that.
fn answer(name: &str, text: &str) -> String {
    let offer = Description::parse(text).unwrap();
    let capabilities = Capabilities::default();
    let answer = if name.contains("-play") {
        let pull = |video| answer_pull(&offer, &[live_opus(), video], &capabilities, &local());
        pull(live_h264()).or_else(|error| match error {
            NegotiationError::NotDecodable { .. } => pull(live(Codec::Vp8, "")),
            other => Err(other),
        })
    } else {
        answer_push(&offer, &capabilities, &local())
    };
    match answer {
        Ok((sdp, negotiated)) => {
            assert!(
                sdp.lines().count() == sdp.matches("\r\n").count(),
                "CRLF everywhere"
            );
            format!("{}\n{}", sdp.replace("\r\n", "\n"), summary(&negotiated))
        }
        Err(error) => format!("refused: {error}\n"),
    }
}

fn summary(negotiated: &Negotiated) -> String {
    let mut out = String::new();
    let remote = &negotiated.remote;
    let mut line = |text: String| writeln!(out, "{text}").unwrap();
    line(format!(
        "tagged {}, DTLS {:?}",
        negotiated.tagged, negotiated.dtls_role
    ));
    line(format!(
        "remote {} {}, {} fingerprints, {} candidates{}{}{}",
        remote.credentials.ufrag(),
        remote.credentials.pwd(),
        remote.fingerprints.len(),
        remote.candidates.len(),
        if remote.end_of_candidates {
            ", ended"
        } else {
            ""
        },
        if remote.trickle { ", trickle" } else { "" },
        if remote.ice_lite { ", lite" } else { "" },
    ));
    for track in &negotiated.tracks {
        line(format!(
            "{} {} {}",
            track.mid,
            track.kind.name(),
            track.direction
        ));
        summarise_track(track, &mut line);
    }
    out
}

fn summarise_track(track: &NegotiatedTrack, line: &mut impl FnMut(String)) {
    for codec in &track.codecs {
        let Feedback {
            nack,
            pli,
            fir,
            transport_cc,
            remb,
        } = codec.feedback;
        let names = [
            (nack, "nack"),
            (pli, "pli"),
            (fir, "fir"),
            (transport_cc, "twcc"),
            (remb, "remb"),
        ];
        let names: Vec<_> = names
            .iter()
            .filter_map(|(is_set, name)| is_set.then_some(*name))
            .collect();
        let rtx = codec
            .rtx
            .map_or(String::new(), |rtx| format!(" rtx {}", rtx.0));
        line(format!(
            "  {} {}{rtx} [{}] {}",
            codec.payload_type.0,
            codec.key,
            names.join(" "),
            codec.fmtp
        ));
    }
    line(format!("  extensions {:?}", track.extensions));
    let sources: Vec<_> = track
        .sources
        .iter()
        .map(|source| {
            format!(
                "{}{}",
                source.ssrc.0,
                source
                    .rtx
                    .map_or(String::new(), |rtx| format!("+{}", rtx.0))
            )
        })
        .collect();
    let rids: Vec<_> = track.rids.iter().map(ToString::to_string).collect();
    line(format!(
        "  rids [{}] sources [{}] cname {:?}",
        rids.join(" "),
        sources.join(" "),
        track.cname
    ));
    line(format!(
        "  mixed extensions {}, reduced-size RTCP {}",
        track.mixed_extensions, track.reduced_size
    ));
    if let Some(local) = &track.local {
        line(format!(
            "  ours {} {}+{:?}",
            local.track_id,
            local.ssrc.0,
            local.rtx_ssrc.map(|rtx| rtx.0)
        ));
    }
}
