//! Texts that must be refused, each with its line and reason.

use xrtc_sdp::{Description, Fragment, InvalidDescription, InvalidReason, limits};

#[track_caller]
fn assert_refused(text: &str, line: usize, reason: InvalidReason) {
    assert_eq!(
        Description::parse(text),
        Err(InvalidDescription { line, reason })
    );
}

#[test]
fn what_is_no_description_is_refused_with_its_line() {
    assert_refused("", 1, InvalidReason::Empty);
    assert_refused("\r\n \n", 1, InvalidReason::Empty);
    assert_refused("{\"candidate\":\"\"}", 1, InvalidReason::Syntax);
    assert_refused("hello", 1, InvalidReason::Syntax);
    assert_refused("é=0", 1, InvalidReason::Syntax);
    assert_refused("o=- 0 0 IN IP4 0.0.0.0\nv=0\n", 1, InvalidReason::Version);
    assert_refused("v=1\n", 1, InvalidReason::Version);
    assert_refused("v=0\ns=-\na=group:BUNDLE\n", 3, InvalidReason::NoSection);
    assert_refused("v=0\n\nx\n", 3, InvalidReason::Syntax);
}

#[test]
fn broken_structure_is_refused_with_its_line() {
    let audio = "v=0\nm=audio 9 UDP/TLS/RTP/SAVPF 0\n";
    assert_refused("v=0\nm=audio\n", 2, InvalidReason::MediaLine);
    assert_refused(
        "v=0\nm=audio 70000 RTP/SAVPF 0\n",
        2,
        InvalidReason::MediaLine,
    );
    assert_refused(
        "v=0\nm=audio nine RTP/SAVPF 0\n",
        2,
        InvalidReason::MediaLine,
    );
    assert_refused(
        "v=0\nm=audio 9 RTP/SAVPF\u{2028}0\n",
        2,
        InvalidReason::MediaLine,
    );
    assert_refused(&format!("{audio}a=mid:\n"), 3, InvalidReason::Mid);
    assert_refused(
        &format!("{audio}a=mid:{}\n", "x".repeat(33)),
        3,
        InvalidReason::Mid,
    );
    let twice = format!("{audio}a=mid:0\nm=video 9 UDP/TLS/RTP/SAVPF 96\na=x\na=mid:0\n");
    assert_refused(&twice, 6, InvalidReason::DuplicateMid);
    assert_refused(&format!("{audio}a=setup:maybe\n"), 3, InvalidReason::Setup);
}

#[test]
fn credentials_outside_rfc_8839_are_refused() {
    let audio = "v=0\nm=audio 9 UDP/TLS/RTP/SAVPF 0\n";
    assert_refused(
        &format!("{audio}a=ice-ufrag:abc\n"),
        3,
        InvalidReason::IceUfrag,
    );
    assert_refused(
        &format!("{audio}a=ice-ufrag:ab:d\n"),
        3,
        InvalidReason::IceUfrag,
    );
    assert_refused(
        &format!("{audio}a=ice-ufrag:{}\n", "a".repeat(257)),
        3,
        InvalidReason::IceUfrag,
    );
    assert_refused(
        &format!("{audio}a=ice-pwd:short\n"),
        3,
        InvalidReason::IcePwd,
    );
    assert_refused(
        &format!("{audio}a=ice-ufrag:abcd\n"),
        3,
        InvalidReason::IceCredentials,
    );
}

#[test]
fn c51_size_lines_and_sections_are_limited() {
    let long = format!("v=0\ns={}\n", "x".repeat(limits::MAX_BYTES));
    assert_refused(&long, 1, InvalidReason::TooLong);
    let lines = format!("v=0\n{}", "a=x\n".repeat(limits::MAX_LINES));
    assert_refused(&lines, limits::MAX_LINES + 1, InvalidReason::TooManyLines);
    let sections = format!(
        "v=0\n{}",
        "m=audio 9 RTP/SAVPF 0\n".repeat(limits::MAX_SECTIONS + 1)
    );
    assert_refused(
        &sections,
        limits::MAX_SECTIONS + 2,
        InvalidReason::TooManySections,
    );
    let full = format!(
        "v=0\n{}",
        "m=audio 9 RTP/SAVPF 0\n".repeat(limits::MAX_SECTIONS)
    );
    assert_eq!(
        Description::parse(&full).unwrap().sections.len(),
        limits::MAX_SECTIONS
    );
}

#[test]
fn lists_are_cut_at_their_limits() {
    let numbered = |from: usize, to: usize, line: &dyn Fn(usize) -> String| {
        (from..to).map(line).collect::<String>()
    };
    let text = format!(
        "v=0\nm=video 9 UDP/TLS/RTP/SAVPF {}\n{}{}{}{}{}",
        numbered(0, 400, &|number| format!("{number} ")),
        numbered(0, 400, &|number| format!("a=ssrc:{number} cname:x\n")),
        numbered(1, 256, &|number| format!(
            "a=extmap:{number} urn:{number}\n"
        )),
        numbered(0, 400, &|number| format!(
            "a=candidate:{number} 1 udp 1 192.0.2.1 9 typ host\n"
        )),
        numbered(0, 40, &|number| format!("a=rid:{number} send\n")),
        format_args!(
            "a=simulcast:send {}\na=fmtp:96 {}\n",
            "a;".repeat(40),
            "p=1;".repeat(2000)
        ),
    );
    let description = Description::parse(&text).unwrap();
    let section = &description.sections[0];
    assert_eq!(section.media.formats.len(), limits::MAX_FORMATS);
    assert_eq!(section.sources.len(), limits::MAX_SOURCES);
    assert_eq!(section.extensions.len(), limits::MAX_EXTENSIONS);
    assert_eq!(section.transport.candidates.len(), limits::MAX_CANDIDATES);
    assert_eq!(section.rids.len(), limits::MAX_RIDS);
    assert_eq!(
        section.simulcast.as_ref().unwrap().send.len(),
        limits::MAX_RIDS
    );
}

#[test]
fn malformed_fragments_are_refused() {
    let reason = |text: &str| Fragment::parse(text).unwrap_err().reason;
    assert_eq!(reason(""), InvalidReason::Empty);
    assert_eq!(
        reason("{\"candidate\":\"candidate:1\"}"),
        InvalidReason::Syntax
    );
    assert_eq!(reason("a=mid:0\r\n"), InvalidReason::NothingForIce);
    assert_eq!(
        reason("a=ice-ufrag:abcd\r\n"),
        InvalidReason::IceCredentials
    );
    assert_eq!(reason("m=audio\r\n"), InvalidReason::MediaLine);
    assert_eq!(
        reason(&"m=audio 9 RTP/AVP 0\n".repeat(33)),
        InvalidReason::TooManySections
    );
    assert_eq!(
        reason(&"a".repeat(limits::MAX_BYTES + 1)),
        InvalidReason::TooLong
    );
}
