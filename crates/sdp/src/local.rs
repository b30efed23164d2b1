//! What this side brings to a description.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;

use xrtc_rtp::{MediaKind, Ssrc};

use crate::description::{Msid, Origin, Section, SourceDescription, SourceGroup};
use crate::transport::{Fingerprint, IceCredentials, Setup, TransportDescription};

/// The ids, credentials and addresses of this side. Whoever calls draws them; nothing here is random.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalParams {
    /// The ICE credentials of this transport.
    pub credentials: IceCredentials,
    /// The fingerprint of the certificate, the same for all sessions.
    pub fingerprint: Arc<Fingerprint>,
    /// All candidates, as `candidate:…`. UDP host candidates are written first, by priority. Mostly the same for all.
    pub candidates: Arc<[String]>,
    /// Whether this side is an ICE-lite agent. Default: yes.
    pub ice_lite: bool,
    /// The number in `o=`; its highest bit is cleared (RFC 9429 §5.2.1). Default: 1.
    pub session_id: u64,
    /// The version in `o=`: each further description of a session has one more (RFC 9429 §5.2.2). Default: 1.
    pub version: u64,
    /// The role answered to `setup:actpass`: [`Setup::Passive`] or [`Setup::Active`]. Default: passive, so that the
    /// browser's first flight can follow its first check.
    pub setup: Setup,
    /// The id of the media stream that viewers get. Default: `xrtc`.
    pub stream_id: Cow<'static, str>,
    /// The canonical name of the outgoing sources (RFC 3550 §6.5.1). Default: `xrtc`.
    pub cname: String,
    /// The outgoing tracks, at most one of a kind. Only for viewers.
    pub tracks: Vec<LocalTrack>,
}

/// An outgoing track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalTrack {
    /// Audio or video.
    pub kind: MediaKind,
    /// The id of the track.
    pub track_id: Cow<'static, str>,
    /// Its source.
    pub ssrc: Ssrc,
    /// The source of its retransmissions. Declared only if the peer takes a retransmission format.
    pub rtx_ssrc: Option<Ssrc>,
}

impl LocalParams {
    /// The defaults around a transport's credentials and certificate.
    pub fn new(credentials: IceCredentials, fingerprint: impl Into<Arc<Fingerprint>>) -> Self {
        Self {
            credentials,
            fingerprint: fingerprint.into(),
            candidates: Arc::default(),
            ice_lite: true,
            session_id: 1,
            version: 1,
            setup: Setup::Passive,
            stream_id: Cow::Borrowed("xrtc"),
            cname: "xrtc".to_owned(),
            tracks: Vec::new(),
        }
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin {
            session_id: self.session_id & (u64::MAX >> 1),
            version: self.version,
            ..Origin::default()
        }
    }

    /// The ICE and DTLS attributes of one of our sections. Credentials and fingerprint stand in every section, for
    /// clients that look there (libdatachannel), the candidates in the one that carries the transport (RFC 9143 §9.2).
    pub(crate) fn transport(&self, setup: Setup, with_candidates: bool) -> TransportDescription {
        TransportDescription {
            credentials: Some(self.credentials.clone()),
            ice_options: self.ice_options(),
            fingerprints: vec![Fingerprint::clone(&self.fingerprint)],
            setup: Some(setup),
            tls_id: None,
            cryptex: false,
            candidates: if with_candidates {
                self.ordered_candidates()
            } else {
                Vec::new()
            },
            end_of_candidates: with_candidates,
        }
    }

    /// `trickle`: we take candidates later (RFC 8838 §3), `ice2`: we follow RFC 8445. Restarts repeat them
    /// (RFC 9725 §4.3.3).
    pub(crate) fn ice_options(&self) -> Vec<String> {
        vec!["trickle".to_owned(), "ice2".to_owned()]
    }

    /// Host candidates over UDP first, TCP last, the highest priority first: FFmpeg reads only the first line with
    /// `udp` and `host` in it.
    pub(crate) fn ordered_candidates(&self) -> Vec<String> {
        let mut candidates: Vec<String> = self
            .candidates
            .iter()
            .map(|text| normal_candidate(text))
            .collect();
        candidates.sort_by_cached_key(|candidate| {
            let word = |index| {
                candidate
                    .split_ascii_whitespace()
                    .nth(index)
                    .unwrap_or_default()
            };
            let is_udp = word(2).eq_ignore_ascii_case("udp");
            let rank = match (is_udp, word(7)) {
                (true, "host") => 0,
                (true, _) => 1,
                (false, _) => 2,
            };
            (rank, Reverse(word(3).parse::<u32>().unwrap_or(0)))
        });
        candidates
    }

    /// Declares the outgoing track in a section: `a=msid`, and the sources for Firefox and for retransmission.
    ///
    /// That stays so while the section is inactive. libwebrtc drops a source that is declared no more, and when the same one
    /// is back it decodes it, but the track's frames reach nobody.
    pub(crate) fn declare(&self, section: &mut Section, track: &LocalTrack) {
        let msid = Msid {
            stream: self.stream_id.to_string(),
            track: Some(track.track_id.to_string()),
        };
        for ssrc in [Some(track.ssrc), track.rtx_ssrc].into_iter().flatten() {
            section.sources.push(SourceDescription {
                ssrc,
                cname: Some(self.cname.clone()),
                msid: Some(msid.clone()),
            });
        }
        if let Some(rtx) = track.rtx_ssrc {
            section.groups.push(SourceGroup {
                semantics: "FID".to_owned(),
                ssrcs: vec![track.ssrc, rtx],
            });
        }
        section.msid = Some(msid);
    }

    /// The outgoing track of a kind, without the retransmission source if the peer takes no such format.
    pub(crate) fn track(&self, kind: MediaKind, has_rtx: bool) -> Option<LocalTrack> {
        let mut track = self.tracks.iter().find(|track| track.kind == kind)?.clone();
        track.rtx_ssrc = track.rtx_ssrc.filter(|_| has_rtx);
        Some(track)
    }
}

/// A candidate as `candidate:…`, with or without `a=` before.
fn normal_candidate(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_prefix("a=").unwrap_or(text);
    if text.starts_with("candidate:") {
        text.to_owned()
    } else {
        format!("candidate:{text}")
    }
}
