//! What several modules need: the captured offers, this side's parameters, live tracks.

use std::fs;
use std::path::{Path, PathBuf};

use xrtc_rtp::{Codec, MediaKind, Ssrc};
use xrtc_sdp::{
    Description, Fingerprint, Fmtp, IceCredentials, LiveTrack, LocalParams, LocalTrack,
};

/// The crate's `tests` folder.
pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// The offers of a folder by file name without `.sdp`, sorted.
pub(crate) fn offers(name: &str) -> Vec<(String, String)> {
    let mut offers: Vec<(String, String)> = fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sdp"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    offers.sort();
    assert!(!offers.is_empty());
    offers
}

/// One captured offer.
pub(crate) fn captured(name: &str) -> Description {
    let text = fs::read_to_string(folder("offers").join(format!("{name}.sdp"))).unwrap();
    Description::parse(&text).unwrap()
}

/// One constructed offer.
pub(crate) fn constructed(name: &str) -> Description {
    let text = fs::read_to_string(folder("constructed").join(format!("{name}.sdp"))).unwrap();
    Description::parse(&text).unwrap()
}

/// This side, the same in every test.
pub(crate) fn local() -> LocalParams {
    let credentials = IceCredentials::new("SERVERufrag", "SERVERpwd/0123456789abcdef").unwrap();
    let fingerprint = Fingerprint::parse(
        "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:\
         00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF",
    );
    let track = |kind: MediaKind, ssrc| LocalTrack {
        kind,
        track_id: format!("{}-track", kind.name()).into(),
        ssrc: Ssrc(ssrc),
        rtx_ssrc: (kind == MediaKind::Video).then_some(Ssrc(ssrc + 1)),
    };
    LocalParams {
        candidates: vec![
            "candidate:3 1 tcp 1518214911 198.51.100.1 8443 typ host tcptype passive".to_owned(),
            "candidate:2 1 udp 2130706175 2001:db8::1 8189 typ host".to_owned(),
            "candidate:1 1 udp 2130706431 198.51.100.1 8189 typ host".to_owned(),
        ]
        .into(),
        session_id: 4_611_686_018_427_387_904,
        stream_id: "lobby".into(),
        cname: "lobby-cname".to_owned(),
        tracks: vec![track(MediaKind::Audio, 1000), track(MediaKind::Video, 2000)],
        ..LocalParams::new(credentials, fingerprint.unwrap())
    }
}

/// A stream with Opus in stereo.
pub(crate) fn live_opus() -> LiveTrack {
    let fmtp = Fmtp::parse("minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1");
    LiveTrack::new(Codec::Opus, fmtp).unwrap()
}

/// A live track of a codec with these parameters.
pub(crate) fn live(codec: Codec, fmtp: &str) -> LiveTrack {
    LiveTrack::new(codec, Fmtp::parse(fmtp)).unwrap()
}

/// What every browser decodes.
pub(crate) fn live_h264() -> LiveTrack {
    live(Codec::H264, "packetization-mode=1;profile-level-id=42e01f")
}
