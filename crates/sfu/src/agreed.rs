//! What offer and answer agreed on, in the words of the media plane.

use xrtc_forward::{
    DeclaredSsrc, IngestConfig, IngestTrack, Limits as StreamLimits, ViewerConfig, ViewerTrack,
};
use xrtc_rtp::{Bitrate, Ssrc};
use xrtc_sdp::{Description, LiveTrack, Negotiated, NegotiatedTrack, NegotiationError, Section};

use crate::Refused;
use crate::formats::{format, ingest_codec, viewer_codecs};
use crate::streams::PublishedTrack;

/// Refuses what the media plane has no room for.
pub(crate) fn check_ingest(negotiated: &Negotiated) -> Result<(), Refused> {
    let too_many = |what: &str, limit: usize| Refused::UnsupportedDescription {
        mid: None,
        reason: format!("more than {limit} {what}"),
    };
    if negotiated.tracks.len() > StreamLimits::MAX_TRACKS {
        return Err(too_many("tracks", StreamLimits::MAX_TRACKS));
    }
    if negotiated
        .tracks
        .iter()
        .any(|track| track.rids.len() > StreamLimits::MAX_LAYERS)
    {
        return Err(too_many("simulcast layers", StreamLimits::MAX_LAYERS));
    }
    if negotiated
        .tracks
        .iter()
        .any(|track| track.codecs.len() > StreamLimits::MAX_CODECS)
    {
        return Err(too_many("codecs in a section", StreamLimits::MAX_CODECS));
    }
    Ok(())
}

/// A publisher's side. `remote` is its description.
pub(crate) fn ingest_config(
    remote: &Description,
    negotiated: &Negotiated,
    rtcp_ssrc: Ssrc,
    max_bitrate: Option<Bitrate>,
) -> IngestConfig {
    IngestConfig {
        tracks: negotiated.tracks.iter().map(ingest_track).collect(),
        max_bitrate,
        rtcp_ssrc,
        cname: format!("{:08x}", rtcp_ssrc.0),
        reduced_size: sections(remote, negotiated).all(|section| section.rtcp.reduced_size),
    }
}

fn ingest_track(track: &NegotiatedTrack) -> IngestTrack {
    let sources = track.sources.iter();
    IngestTrack {
        kind: track.kind,
        mid: Some(track.mid),
        codecs: track.codecs.iter().map(ingest_codec).collect(),
        extensions: track.extensions,
        ssrcs: sources
            .map(|source| DeclaredSsrc {
                ssrc: source.ssrc,
                rtx: source.rtx,
            })
            .collect(),
        rids: track.rids.clone(),
    }
}

/// What the application and viewers are told of a publisher.
pub(crate) fn published_tracks(negotiated: &Negotiated) -> Vec<PublishedTrack> {
    negotiated
        .tracks
        .iter()
        .filter_map(published_track)
        .collect()
}

fn published_track(track: &NegotiatedTrack) -> Option<PublishedTrack> {
    let formats: Vec<_> = track
        .codecs
        .iter()
        .map(|codec| {
            let offer = LiveTrack {
                kind: track.kind,
                key: codec.key,
                fmtp: codec.fmtp.clone(),
            };
            (format(codec.key), offer)
        })
        .collect();
    Some(PublishedTrack {
        mid: track.mid.to_string(),
        kind: track.kind,
        rids: track.rids.iter().map(ToString::to_string).collect(),
        live: false,
        offer: formats.first()?.1.clone(),
        formats,
    })
}

/// A viewer's side. `remote` is its description.
pub(crate) fn viewer_config(
    remote: &Description,
    negotiated: &Negotiated,
    cname: &str,
) -> ViewerConfig {
    let track = |track: &NegotiatedTrack| {
        let local = track.local.as_ref()?;
        let section = remote
            .sections
            .iter()
            .find(|section| section.mid == Some(track.mid));
        Some(ViewerTrack {
            kind: track.kind,
            mid: Some(track.mid),
            codecs: viewer_codecs(&track.codecs),
            extensions: track.extensions,
            extmap_allow_mixed: section.is_some_and(|section| remote.allows_mixed(section)),
            ssrc: local.ssrc,
            rtx_ssrc: local.rtx_ssrc,
        })
    };
    ViewerConfig {
        tracks: negotiated.tracks.iter().filter_map(track).collect(),
        cname: cname.to_owned(),
    }
}

/// The sections of the tracks.
fn sections<'a>(
    remote: &'a Description,
    negotiated: &'a Negotiated,
) -> impl Iterator<Item = &'a Section> {
    let mids = negotiated.tracks.iter().map(|track| track.mid);
    mids.filter_map(|mid| {
        remote
            .sections
            .iter()
            .find(|section| section.mid == Some(mid))
    })
}

impl From<NegotiationError> for Refused {
    fn from(error: NegotiationError) -> Self {
        match error {
            NegotiationError::Invalid(invalid) => invalid.into(),
            NegotiationError::NoCommonCodec {
                kind,
                offered,
                supported,
            } => Self::NoCommonCodec {
                kind,
                live: supported,
                offered,
            },
            NegotiationError::NotDecodable {
                kind,
                offered,
                live,
            } => Self::NoCommonCodec {
                kind,
                live,
                offered,
            },
            other if other.is_malformed() => Self::InvalidDescription {
                line: 0,
                reason: other.to_string(),
            },
            other => Self::UnsupportedDescription {
                mid: match other {
                    NegotiationError::Direction { mid, .. } => Some(mid),
                    _ => None,
                },
                reason: other.to_string(),
            },
        }
    }
}

impl From<xrtc_sdp::InvalidDescription> for Refused {
    fn from(invalid: xrtc_sdp::InvalidDescription) -> Self {
        Self::InvalidDescription {
            line: invalid.line,
            reason: invalid.reason.to_string(),
        }
    }
}
