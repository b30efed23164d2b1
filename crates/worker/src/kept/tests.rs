use xrtc_sfu::RequestId;

use super::*;

const PEER: PeerId = PeerId(7);

fn offer(ufrag: &str) -> String {
    format!(
        "v=0\r\no=- {ufrag} 2 IN IP4 127.0.0.1\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
         a=ice-ufrag:{ufrag}\r\na=ice-pwd:{ufrag}{ufrag}\r\na=rtpmap:111 opus/48000/2\r\n"
    )
}

fn answer(sdp: &str) -> Event {
    Event::Answer {
        request: RequestId(1),
        peer: PEER,
        sdp: sdp.to_owned(),
        ice_session: "serv".to_owned(),
    }
}

fn connected(peer: PeerId) -> Event {
    Event::PeerState {
        peer,
        connection: ConnectionState::Connected,
        ice: IceState::Connected,
        dtls: DtlsState::Connected,
    }
}

#[test]
fn states_of_a_kept_peer_are_noted_and_not_told() {
    let mut kept = KeptPeers::default();
    kept.keep(PEER, &offer("abcd"));
    assert!(kept.note(&answer("v=0\r\na=ice-ufrag:serv\r\n")));
    assert!(!kept.note(&connected(PEER)));
    let expected = KeptPeer {
        connection: ConnectionState::Connected,
        ice: IceState::Connected,
        dtls: DtlsState::Connected,
        local: "v=0\r\na=ice-ufrag:serv\r\n".to_owned(),
        remote: offer("abcd"),
        ice_session: "serv".to_owned(),
    };
    assert_eq!(kept.get(PEER), Some(expected));
    assert_eq!(kept.ice_session(PEER), Some("serv"));
}

#[test]
fn what_is_not_kept_is_told() {
    let mut kept = KeptPeers::default();
    kept.keep(PEER, &offer("abcd"));
    assert!(kept.note(&connected(PeerId(8))));
    kept.release(PEER);
    assert!(kept.note(&connected(PEER)));
    assert_eq!((kept.get(PEER), kept.len()), (None, 0));
}

#[test]
fn descriptions_of_the_same_browser_are_kept_once() {
    let mut texts = SharedTexts::default();
    let kept: Vec<Text> = (0..100)
        .map(|n| texts.share(&offer(&format!("u{n:03}")), Side::Remote))
        .collect();
    assert_eq!(texts.known_texts(), 1);
    for (n, text) in kept.iter().enumerate() {
        assert_eq!(text.to_string(), offer(&format!("u{n:03}")));
    }
}

#[test]
fn ports_and_addresses_of_peers_and_many_lines_of_their_own_do_not_matter() {
    let mut texts = SharedTexts::default();
    let sdp = |n: usize| {
        let sources: String = (0..20)
            .map(|k| format!("a=ssrc:{n}{k} cname:x\r\n"))
            .collect();
        format!(
            "m=audio {n} UDP/TLS/RTP/SAVPF 111\r\na=rtcp:{n} IN IP4 127.0.0.1\r\na=candidate:{n}\r\n{sources}\
             m=video {n} UDP/TLS/RTP/SAVPF 96\r\na=candidate:{n}\r\n{sources}"
        )
    };
    let kept: Vec<Text> = (1000..1050)
        .map(|n| texts.share(&sdp(n), Side::Remote))
        .collect();
    assert_eq!(texts.known_texts(), 1);
    for (n, text) in (1000..).zip(&kept) {
        assert_eq!(text.to_string(), sdp(n));
    }
}

#[test]
fn any_text_is_kept_as_it_was() {
    let mut texts = SharedTexts::default();
    for text in [
        "",
        "\0",
        "a\0b",
        "o=",
        "o=\n",
        "\n\n",
        "v=0\na=ssrc:1 cname:x\n\na=candidate:",
        "a=ice-ufrag:\0\r\nv=0",
        "a=ice-ufrag:x\r\na=ice-pwd:y",
        "a=ice-ufrag:x\r\ns=-\r\na=ice-ufrag:x\r\na=ice-pwd:y\r\na=ice-ufrag:x\r\na=ice-pwd:y",
        "\u{1}",
        "o=1\r\n\u{1}\r\n",
        "\u{8}o=1\r\no=1\r\n",
    ] {
        for side in [Side::Local, Side::Remote] {
            assert_eq!(texts.share(text, side).to_string(), text, "{text:?}");
        }
    }
}

#[test]
fn texts_that_nobody_has_any_more_make_room() {
    let mut texts = SharedTexts::default();
    for n in 0..2_000 {
        texts.share(&format!("v={n}\r\n"), Side::Local);
    }
    assert!(texts.known_texts() <= 256);
    let held: Vec<Text> = (0..2_000)
        .map(|n| texts.share(&format!("s={n}\r\n"), Side::Local))
        .collect();
    assert_eq!(texts.known_texts(), 256);
    for (n, text) in held.iter().enumerate() {
        assert_eq!(text.to_string(), format!("s={n}\r\n"));
    }
}
