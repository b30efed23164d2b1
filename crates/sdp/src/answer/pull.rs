//! The answer to a viewer (the WHEP draft).

use xrtc_rtp::Codec;

use crate::capabilities::{Capabilities, LiveTrack, format_names};
use crate::description::{Description, Direction, Section};
use crate::error::NegotiationError;
use crate::format::Fmtp;
use crate::local::LocalParams;
use crate::negotiated::{Negotiated, NegotiatedTrack};

use super::formats::{answer_fmtp, live_opus_fmtp};
use super::sources::{declared_cname, declared_sources};
use super::{Accepted, Agreed, Frame, Group, Leg, mid_or_number};

/// Answers a viewer's offer: send-only, every codec that both can, those that decode the live stream first.
///
/// `live` is what the stream sends now. A section whose kind the stream lacks is accepted all the same, for the next
/// publisher may have it; a stream without any track (`live` empty) takes whatever viewer.
///
/// # Errors
///
/// As for publishers, with [`NegotiationError::NotDecodable`] where the viewer cannot take a live track.
pub fn answer_pull(
    offer: &Description,
    live: &[LiveTrack],
    capabilities: &Capabilities,
    local: &LocalParams,
) -> Result<(String, Negotiated), NegotiationError> {
    let frame = Frame::new(offer, local, false)?;
    frame.check_directions(Direction::receives, "viewer")?;
    answer_viewer(frame, live, capabilities, local)
}

/// Answers a later offer of a viewer, which may have taken sections out of use or into it. [`Agreement::check_offer`]
/// tells whether it is one of the session.
///
/// [`Agreement::check_offer`]: crate::Agreement::check_offer
///
/// # Errors
///
/// As of the first offer, but a section of another direction is none: it is answered as inactive.
pub fn answer_pull_again(
    offer: &Description,
    live: &[LiveTrack],
    capabilities: &Capabilities,
    local: &LocalParams,
) -> Result<(String, Negotiated), NegotiationError> {
    let frame = Frame::new(offer, local, true)?;
    answer_viewer(frame, live, capabilities, local)
}

fn answer_viewer(
    frame: Frame<'_>,
    live: &[LiveTrack],
    capabilities: &Capabilities,
    local: &LocalParams,
) -> Result<(String, Negotiated), NegotiationError> {
    let offer = frame.offer;
    let leg = Leg::egress(capabilities);
    let mut group = Group::default();
    let mut accepted = Vec::new();
    for &(index, kind) in &frame.live {
        let Some(section) = offer.sections.get(index) else {
            continue;
        };
        let is_used = section.direction.receives();
        let live = live.iter().find(|track| track.kind == kind && is_used);
        let mut agreed = Agreed::new(section, kind, &leg, &mut group)?;
        put_live_first(&mut agreed.formats, live, section)?;
        let direction = if is_used {
            Direction::SendOnly
        } else {
            Direction::Inactive
        };
        let mut answer = frame.accept(index, section, direction);
        for format in &agreed.formats {
            let fmtp = viewer_fmtp(format, live);
            format
                .answer(fmtp)
                .for_each(|format| answer.push_format(format));
        }
        // A section out of use declares its sources all the same (`LocalParams::declare`).
        let track = local.track(kind, agreed.has_rtx());
        if let Some(track) = &track {
            local.declare(&mut answer, track);
        }
        let track = NegotiatedTrack {
            mid: mid_or_number(section, index),
            kind,
            direction: Direction::SendOnly,
            codecs: agreed.formats.iter().map(Accepted::negotiated).collect(),
            extensions: agreed.map,
            rids: Vec::new(),
            sources: declared_sources(section),
            cname: declared_cname(section),
            mixed_extensions: offer.allows_mixed(section),
            reduced_size: section.rtcp.reduced_size,
            local: track.filter(|_| is_used),
        };
        answer.extensions = agreed.extensions;
        accepted.push((index, answer, is_used.then_some(track)));
    }
    Ok(frame.finish(accepted))
}

/// Sorts what decodes the live track to the front, the closest first; the rest keeps its order.
pub(crate) fn put_live_first(
    formats: &mut [Accepted<'_>],
    live: Option<&LiveTrack>,
    section: &Section,
) -> Result<(), NegotiationError> {
    let Some(live) = live else { return Ok(()) };
    let distance = |format: &Accepted<'_>| live.key.distance(format.key);
    formats.sort_by_key(|format| distance(format).map_or(u16::MAX, u16::from));
    if formats
        .first()
        .is_some_and(|format| distance(format).is_some())
    {
        return Ok(());
    }
    Err(NegotiationError::NotDecodable {
        kind: live.kind,
        offered: format_names(section),
        live: vec![live.key.to_string()],
    })
}

/// The parameters in a viewer's answer: its own, but the live publisher's for Opus.
fn viewer_fmtp(format: &Accepted<'_>, live: Option<&LiveTrack>) -> Fmtp {
    let live =
        live.filter(|track| track.key.codec == Codec::Opus && format.key.codec == Codec::Opus);
    match live.map(|track| live_opus_fmtp(&track.fmtp)) {
        Some(fmtp) if !fmtp.is_empty() => fmtp,
        _ => answer_fmtp(format.key.codec, &format.format.fmtp),
    }
}
