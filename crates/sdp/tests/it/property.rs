//! What holds for any input.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use xrtc_sdp::{Capabilities, Description, Fragment, answer_pull, answer_push, offer_push};

use crate::support::{live_h264, live_opus, local, offers};

/// Lines that are nearly right: real attributes with odd values.
fn odd_line() -> impl Strategy<Value = String> {
    let keys = select(vec![
        "v=",
        "o=",
        "m=audio ",
        "m=video ",
        "m=",
        "b=AS:",
        "a=",
        "a=group:BUNDLE ",
        "a=mid:",
        "a=rtpmap:96 ",
        "a=rtpmap:",
        "a=fmtp:96 ",
        "a=rtcp-fb:96 ",
        "a=rtcp-fb:*",
        "a=extmap:",
        "a=rid:",
        "a=simulcast:send ",
        "a=ssrc:",
        "a=ssrc-group:FID ",
        "a=msid:",
        "a=ice-ufrag:",
        "a=ice-pwd:",
        "a=fingerprint:",
        "a=setup:",
        "a=candidate:",
        "a=bundle-only",
        "a=sendonly",
        "a=inactive",
        "a=ice-options:",
    ]);
    let values = prop_oneof![
        Just(String::new()),
        "[0-9]{1,3}( [0-9]{1,3}){0,3}",
        "[ -~]{0,40}",
        "\\PC{0,20}",
        Just("9 UDP/TLS/RTP/SAVPF 96 97".to_owned()),
        Just("h264/90000".to_owned()),
        Just("a,~b;c recv d".to_owned()),
    ];
    (keys, values).prop_map(|(key, value)| format!("{key}{value}\n"))
}

/// A real offer with lines taken out, put in, doubled and cut.
fn mutated() -> impl Strategy<Value = String> {
    let texts: Vec<String> = offers("offers")
        .into_iter()
        .chain(offers("constructed"))
        .map(|offer| offer.1)
        .collect();
    let edits = proptest::collection::vec((any::<Index>(), 0..4u8, odd_line()), 0..12);
    (select(texts), edits).prop_map(|(text, edits)| {
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        for (index, edit, line) in edits {
            if lines.is_empty() {
                break;
            }
            let index = index.index(lines.len());
            match edit {
                0 => drop(lines.remove(index)),
                1 => lines.insert(index, line),
                2 => lines.insert(index, lines[index].clone()),
                _ => {
                    let mut cut = lines[index].len() / 2;
                    while !lines[index].is_char_boundary(cut) {
                        cut -= 1;
                    }
                    lines[index].truncate(cut);
                    lines[index].push('\n');
                }
            }
        }
        lines.concat()
    })
}

/// Nothing panics, what parses prints and parses to the same, and every answer is a description of its own.
fn check(text: &str) {
    let _ = Fragment::parse(text).map(|fragment| {
        assert_eq!(Fragment::parse(&fragment.to_string()), Ok(fragment));
    });
    let Ok(description) = Description::parse(text) else {
        return;
    };
    assert_eq!(
        Description::parse(&description.to_string()),
        Ok(description.clone())
    );
    let capabilities = Capabilities::default();
    let live = [live_opus(), live_h264()];
    let answers = [
        answer_push(&description, &capabilities, &local()),
        answer_pull(&description, &live, &capabilities, &local()),
        answer_pull(&description, &[], &capabilities, &local()),
    ];
    for (sdp, negotiated) in answers.into_iter().flatten() {
        let answer = Description::parse(&sdp).unwrap();
        assert_eq!(answer.sections.len(), description.sections.len());
        assert!(!negotiated.tracks.is_empty() && negotiated.tagged_track().is_some());
        assert!(
            negotiated
                .tracks
                .iter()
                .all(|track| !track.codecs.is_empty())
        );
        for (ours, theirs) in answer.sections.iter().zip(&description.sections) {
            assert_eq!((ours.kind(), ours.mid), (theirs.kind(), theirs.mid));
        }
    }
    let offer = offer_push(&[xrtc_rtp::MediaKind::Video], &capabilities, &local());
    let _ = offer.apply_answer(&description, &live);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn c51_arbitrary_text_never_panics(text in "\\PC{0,400}") {
        check(&text);
    }

    #[test]
    fn c51_arbitrary_lines_never_panic(lines in proptest::collection::vec(odd_line(), 0..60)) {
        check(&format!("v=0\n{}", lines.concat()));
    }

    #[test]
    fn c51_mutations_of_real_offers_never_panic_and_print_what_they_mean(text in mutated()) {
        check(&text);
    }
}
