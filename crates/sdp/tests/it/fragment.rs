//! Trickle and restart bodies of real clients, and our replies.

use xrtc_sdp::{Capabilities, Fragment, IceCredentials, answer_push};

use crate::support::{captured, local};

fn credentials(ufrag: &str) -> IceCredentials {
    IceCredentials::new(ufrag, "0123456789012345678901").unwrap()
}

/// As medooze's whip-whep-js writes it: credentials on the session level.
const MEDOOZE: &str = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
    a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host generation 0\r\n\
    a=candidate:2 1 udp 2122194687 2f9c1c1e-5f0a.local 61765 typ host\r\n\
    a=candidate:3 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\na=end-of-candidates\r\n";

/// As Meetecho's simple-whip-client does: a protocol that the offer never had.
const MEETECHO: &str = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
    m=audio 9 RTP/AVP 0\r\na=mid:audio0\r\na=candidate:1 1 UDP 2015363327 192.0.2.1 52894 typ host\r\n";

/// As MediaMTX's publisher.js: the full m-line, several sections, credentials in each, LF.
const MEDIAMTX: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\na=mid:0\na=ice-ufrag:abcd\n\
    a=ice-pwd:0123456789012345678901\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\na=mid:1\na=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n\
    a=candidate:2 1 udp 1 192.0.2.1 2 typ host\n";

/// RFC 8840's own example has more around it.
const WITH_EXTRAS: &str = "a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\na=msid-semantic: WMS\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
    a=ice-pwd:0123456789012345678901\r\na=ice-ufrag:abcd\r\na=end-of-candidates\r\n";

#[test]
fn every_clients_form_is_read() {
    for (text, candidates, is_ended) in [
        (MEDOOZE, 3, true),
        (MEETECHO, 1, false),
        (MEDIAMTX, 2, false),
        (WITH_EXTRAS, 0, true),
    ] {
        let fragment = Fragment::parse(text).unwrap();
        assert_eq!(fragment.credentials(), Some(&credentials("abcd")), "{text}");
        assert_eq!(fragment.candidates().count(), candidates, "{text}");
        assert_eq!(fragment.end_of_candidates(), is_ended, "{text}");
        assert!(
            fragment
                .candidates()
                .all(|candidate| candidate.starts_with("candidate:"))
        );
    }
}

#[test]
fn candidates_without_credentials_belong_to_the_current_generation() {
    let fragment = Fragment::parse("a=candidate:1 1 udp 1 192.0.2.1 1 typ host").unwrap();
    assert_eq!(fragment.credentials(), None);
    assert!(!fragment.is_restart(&credentials("abcd")));
}

#[test]
fn changed_credentials_and_nothing_else_make_a_restart() {
    let fragment = Fragment::parse(MEDOOZE).unwrap();
    assert!(!fragment.is_restart(&credentials("abcd")));
    assert!(fragment.is_restart(&credentials("efgh")));
    // RFC 9725's figures 2 and 3 differ in the password only: that is a restart too (§4.3.3).
    let other_password = IceCredentials::new("abcd", "9999999999999999999999").unwrap();
    assert!(fragment.is_restart(&other_password));
}

#[test]
fn printing_and_parsing_are_inverse() {
    for text in [MEDOOZE, MEETECHO, MEDIAMTX, WITH_EXTRAS] {
        let fragment = Fragment::parse(text).unwrap();
        assert_eq!(Fragment::parse(&fragment.to_string()), Ok(fragment));
    }
}

#[test]
fn the_reply_to_a_restart_has_new_credentials_and_all_candidates() {
    let offer = captured("chromium-156.0.8078.79-publish-restart");
    let (answer, negotiated) = answer_push(&offer, &Capabilities::default(), &local()).unwrap();
    let mut fresh = local();
    fresh.credentials = credentials("fresh");
    let reply = Fragment::reply(&fresh, negotiated.tagged_track()).to_string();
    assert_eq!(
        reply,
        "a=ice-lite\r\na=ice-options:trickle ice2\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n\
         a=mid:0\r\na=ice-ufrag:fresh\r\na=ice-pwd:0123456789012345678901\r\n\
         a=candidate:1 1 udp 2130706431 198.51.100.1 8189 typ host\r\n\
         a=candidate:2 1 udp 2130706175 2001:db8::1 8189 typ host\r\n\
         a=candidate:3 1 tcp 1518214911 198.51.100.1 8443 typ host tcptype passive\r\na=end-of-candidates\r\n"
    );
    // RFC 9725 §4.3.3: the same ice-options and ice-lite as in the answer.
    for line in ["a=ice-lite\r\n", "a=ice-options:trickle ice2\r\n"] {
        assert!(answer.contains(line) && reply.contains(line));
    }
}
