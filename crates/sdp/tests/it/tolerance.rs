//! What real clients send besides, or instead of, what the RFCs ask for: it is taken as meant.

use xrtc_sdp::{Capabilities, Description, Direction, answer_push};

use crate::push::{answer, offer};
use crate::support::local;

#[test]
fn c42_commas_in_ice_options_lip_sync_groups_strange_attributes_and_absent_mids_are_tolerated() {
    let plain = answer(&offer(|text| text)).unwrap().0.to_string();
    let odd = offer(|text| {
        text.replace(
            "a=group:BUNDLE 0 1\n",
            "a=group:BUNDLE 0 1 2 gone\na=group:LS 0 1\na=msid-semantic:WMS *\na=x-strange:1 2\na=strange\nz=0 0\n",
        )
        .replace("a=setup:actpass\n", "a=setup:actpass\na=ice-options:ice2,trickle\na=x-more\na=sctp-init:AAAA\n")
    });
    let (answered, negotiated) = answer(&odd).unwrap();
    assert_eq!(answered.to_string(), plain);
    assert!(negotiated.remote.trickle);
}

#[test]
fn c43_rtcp_mux_and_rtcp_mux_only_are_answered_and_not_asked_for() {
    for text in [
        offer(|text| text),
        offer(|text| text.replace("a=rtcp-mux\n", "")),
        offer(|text| text.replace("a=rtcp-mux\n", "a=rtcp-mux\na=rtcp-mux-only\n")),
    ] {
        let (answered, _) = answer(&text).unwrap();
        assert!(
            answered
                .sections
                .iter()
                .all(|section| section.rtcp.mux && section.rtcp.mux_only)
        );
    }
}

#[test]
fn c44_one_section_may_do_without_bundle_and_no_section_is_malformed() {
    let (before, video) = {
        let text = offer(|text| text).to_string();
        let at = text.find("m=video").unwrap();
        (text[..at].to_owned(), text[at..].to_owned())
    };
    let session = &before[..before.find("m=audio").unwrap()];
    let lone = session.replace("a=group:BUNDLE 0 1\r\n", "") + &video;
    let (answered, _) = answer(&Description::parse(&lone).unwrap()).unwrap();
    assert_eq!(answered.sections[0].direction, Direction::RecvOnly);
    assert!(Description::parse(session).is_err());
}

#[test]
fn c47_retransmission_needs_its_main_format_and_fec_is_left_out() {
    let numbers = |edit: &dyn Fn(String) -> String| -> Vec<u8> {
        let (answered, _) = answer(&offer(edit)).unwrap();
        let formats = answered.sections[1].formats.iter();
        formats.map(|format| format.payload_type.0).collect()
    };
    let with_fec = |text: String| {
        text.replace("SAVPF 96 97", "SAVPF 96 97 98 99 100")
            + "a=rtpmap:98 ulpfec/90000\na=rtpmap:99 flexfec-03/90000\na=rtpmap:100 red/90000\n"
    };
    assert_eq!(numbers(&with_fec), [96, 97]);
    let astray = |text: String| text.replace("apt=96", "apt=95");
    assert_eq!(numbers(&astray), [96]);
    let unknown_main =
        |text: String| text.replace("SAVPF 96 97", "SAVPF 96 97 101") + "a=rtpmap:101 VP7/90000\n";
    let of_unknown = |text: String| unknown_main(text).replace("apt=96", "apt=101");
    assert_eq!(numbers(&of_unknown), [96]);
}

#[test]
fn c48_ffmpeg_finds_the_best_host_candidate_with_its_sscanf() {
    let (sdp, _) = answer_push(&offer(|text| text), &Capabilities::default(), &local()).unwrap();
    // libavformat/whip.c takes the first candidate line with `udp` and `host` and reads it as "%16s %d %128s %d typ host"
    // behind the foundation, component and transport.
    let line = sdp
        .lines()
        .find(|line| line.contains("candidate:") && line.contains("udp") && line.contains("host"))
        .unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    assert!(matches!(
        words[..],
        [_, "1", "udp", priority, "198.51.100.1", "8189", "typ", "host"]
            if priority.parse::<u32>().is_ok()
    ));
}
