//! Session descriptions and fragments: nothing panics, what is read prints and reads the same, every answer can be read,
//! and the work grows with the text and not faster.

use std::fmt::Write;

use xrtc_ice::Candidate;
use xrtc_rtp::{Codec, MediaKind, Ssrc};
use xrtc_sdp::{
    Capabilities, Description, Fingerprint, Fmtp, Fragment, IceCredentials, LiveTrack, LocalParams,
    LocalTrack, Negotiated, answer_pull, answer_push, limits, offer_pull, offer_push, work,
};

use crate::corpus::files;

/// The offers of real clients, captured and constructed.
pub fn offers() -> Vec<Vec<u8>> {
    let mut offers = files("crates/sdp/tests/offers", ".sdp");
    offers.extend(files("crates/sdp/tests/constructed", ".sdp"));
    offers
}

/// Our answers to them, and captured offers, whose lines are like those of answers.
pub fn answers() -> Vec<Vec<u8>> {
    let mut answers = files("crates/sdp/tests/golden", ".answer");
    answers.iter_mut().for_each(without_notes);
    answers.extend(files("crates/sdp/tests/offers", ".sdp"));
    answers
}

/// Fragments, and captured offers.
pub fn fragments() -> Vec<Vec<u8>> {
    let mut fragments = files("fuzz/seeds/fragment", ".sdpfrag");
    fragments.extend(files("crates/sdp/tests/offers", ".sdp"));
    fragments
}

/// Behind an empty line a reviewed answer tells what was negotiated.
fn without_notes(text: &mut Vec<u8>) {
    if let Some(end) = text.windows(2).position(|window| window == b"\n\n") {
        text.truncate(end + 1);
    }
}

/// A publisher's or viewer's offer. Gives a word for what came out, by which new behaviour is known.
pub fn offer(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let Some(description) = read(&text) else {
        return refusal(Description::parse(&text).map(drop));
    };
    let capabilities = Capabilities::default();
    let (live, local) = (live(), local());
    let answers = [
        answer_push(&description, &capabilities, &local),
        answer_pull(&description, &live, &capabilities, &local),
        answer_pull(&description, &[], &capabilities, &local),
    ];
    let mut outcome = String::new();
    for answer in answers {
        match answer {
            Ok((sdp, negotiated)) => {
                check_answer(&description, &sdp, &negotiated);
                describe(&mut outcome, &negotiated);
            }
            Err(error) => outcome += &variant(&error),
        }
    }
    outcome
}

/// The answer to an offer of ours.
pub fn answer(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let Some(description) = read(&text) else {
        return refusal(Description::parse(&text).map(drop));
    };
    let capabilities = Capabilities::default();
    let (live, local) = (live(), local());
    let kinds = [MediaKind::Audio, MediaKind::Video];
    let mut outcome = String::new();
    for offer in [
        offer_push(&kinds, &capabilities, &local),
        offer_push(&kinds[1..], &capabilities, &local),
        offer_pull(&kinds, &live, &capabilities, &local),
    ] {
        match offer.apply_answer(&description, &live) {
            Ok(negotiated) => describe(&mut outcome, &negotiated),
            Err(error) => outcome += &variant(&error),
        }
    }
    outcome
}

/// The body of a PATCH, and the candidates in it.
pub fn fragment(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let mut parsed = None;
    let steps = work::count(|| parsed = Some(Fragment::parse(&text)));
    assert_linear(steps, text.len());
    match parsed {
        Some(Ok(fragment)) => {
            assert_eq!(Fragment::parse(&fragment.to_string()), Ok(fragment.clone()));
            let usable = fragment
                .candidates()
                .filter(|text| text.parse::<Candidate>().is_ok())
                .count();
            let (all, sections) = (fragment.candidates().count(), fragment.sections.len());
            format!(
                "{usable}/{all} {sections} {}",
                fragment.credentials().is_some()
            )
        }
        Some(Err(error)) => error.reason.to_string(),
        None => String::new(),
    }
}

fn read(text: &str) -> Option<Description> {
    let mut parsed = None;
    let steps = work::count(|| parsed = Description::parse(text).ok());
    assert_linear(steps, text.len());
    let description = parsed?;
    let printed = description.to_string();
    // Each section has what the session level says for all, so the print may be longer than what is read.
    if printed.len() <= limits::MAX_BYTES {
        assert_eq!(Description::parse(&printed).as_ref(), Ok(&description));
    }
    assert!(printed.len() <= (text.len() + 1_000) * (limits::MAX_SECTIONS + 1));
    Some(description)
}

/// A step is at least a byte or a part of a line of which there is a bounded number to a byte.
fn assert_linear(steps: u64, bytes: usize) {
    assert!(
        steps <= 4 * bytes as u64 + 1_000,
        "{steps} steps for {bytes} bytes"
    );
}

fn check_answer(offer: &Description, sdp: &str, negotiated: &Negotiated) {
    let answer = Description::parse(sdp).expect("an answer can be read");
    assert!(sdp.starts_with("v=0\r\n") && sdp.ends_with("\r\n"));
    assert_eq!(answer.sections.len(), offer.sections.len());
    assert!(negotiated.tagged_track().is_some());
    for (ours, theirs) in answer.sections.iter().zip(&offer.sections) {
        assert_eq!((ours.kind(), ours.mid), (theirs.kind(), theirs.mid));
        // A rejected section's formats mean nothing (RFC 3264 §6); it has one where the offer's has none.
        for format in ours.formats.iter().filter(|_| !ours.is_rejected()) {
            assert!(
                theirs
                    .formats
                    .iter()
                    .any(|other| other.payload_type == format.payload_type)
            );
        }
        for extension in &ours.extensions {
            assert!(
                theirs
                    .extensions
                    .iter()
                    .any(|other| (other.id, &other.uri) == (extension.id, &extension.uri))
            );
        }
    }
}

fn describe(outcome: &mut String, negotiated: &Negotiated) {
    let _ = write!(
        outcome,
        "{:?} {}",
        negotiated.dtls_role,
        negotiated.remote.fingerprints.len().min(2)
    );
    for track in &negotiated.tracks {
        let rtx = track
            .codecs
            .iter()
            .filter(|codec| codec.rtx.is_some())
            .count();
        let (codecs, rids, sources) = (
            track.codecs.len(),
            track.rids.len(),
            track.sources.len().min(4),
        );
        let _ = write!(
            outcome,
            " {:?} {codecs} {rtx} {rids} {sources} {:?}",
            track.kind, track.extensions
        );
    }
}

fn refusal(error: Result<(), xrtc_sdp::InvalidDescription>) -> String {
    error.map_or_else(|error| error.reason.to_string(), |()| String::new())
}

/// The error's name without its data.
fn variant(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    text.chars()
        .take_while(|char| char.is_alphanumeric() || *char == '(')
        .collect()
}

fn local() -> LocalParams {
    let credentials =
        IceCredentials::new("SERVERufrag", "SERVERpwd/0123456789abcdef").expect("within RFC 8839");
    let fingerprint = Fingerprint::parse("sha-256 AA:BB:CC:DD").expect("within RFC 8122");
    let track = |kind: MediaKind, ssrc| LocalTrack {
        kind,
        track_id: kind.name().into(),
        ssrc: Ssrc(ssrc),
        rtx_ssrc: Some(Ssrc(ssrc + 1)),
    };
    LocalParams {
        candidates: vec!["candidate:1 1 udp 2130706431 198.51.100.1 8189 typ host".to_owned()]
            .into(),
        tracks: vec![track(MediaKind::Audio, 1000), track(MediaKind::Video, 2000)],
        ..LocalParams::new(credentials, fingerprint)
    }
}

fn live() -> [LiveTrack; 2] {
    let track = |codec, fmtp| LiveTrack::new(codec, Fmtp::parse(fmtp)).expect("can be forwarded");
    [
        track(Codec::Opus, "minptime=10;useinbandfec=1;stereo=1"),
        track(Codec::H264, "packetization-mode=1;profile-level-id=42e01f"),
    ]
}
