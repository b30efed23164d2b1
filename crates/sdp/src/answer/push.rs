//! The answer to a publisher (RFC 9725).

use crate::capabilities::Capabilities;
use crate::description::{Description, Direction};
use crate::error::NegotiationError;
use crate::local::LocalParams;
use crate::negotiated::{Negotiated, NegotiatedTrack};

use super::formats::answer_fmtp;
use super::simulcast::accept_simulcast;
use super::sources::{declared_cname, declared_sources};
use super::{Accepted, Agreed, Frame, Group, Leg, mid_or_number};

/// Answers a publisher's offer: receive-only, all its codecs that are forwarded, all its simulcast encodings.
///
/// Data channels and unknown sections are rejected with port 0; everything else is all or nothing.
///
/// # Errors
///
/// Two tracks of a kind, no audio or video, no common codec, a direction that does not send, sections outside one
/// BUNDLE group, or missing ICE or DTLS attributes.
pub fn answer_push(
    offer: &Description,
    capabilities: &Capabilities,
    local: &LocalParams,
) -> Result<(String, Negotiated), NegotiationError> {
    let frame = Frame::new(offer, local, false)?;
    frame.check_directions(Direction::sends, "publisher")?;
    let leg = Leg::ingest(capabilities);
    let mut group = Group::default();
    let mut accepted = Vec::new();
    for &(index, kind) in &frame.live {
        let Some(section) = offer.sections.get(index) else {
            continue;
        };
        let agreed = Agreed::new(section, kind, &leg, &mut group)?;
        let mut answer = frame.accept(index, section, Direction::RecvOnly);
        let rids = accept_simulcast(section, &mut answer, &agreed.payload_types(), &agreed.map);
        for format in &agreed.formats {
            let fmtp = answer_fmtp(format.key.codec, &format.format.fmtp);
            format
                .answer(fmtp)
                .for_each(|format| answer.push_format(format));
        }
        let track = NegotiatedTrack {
            mid: mid_or_number(section, index),
            kind,
            direction: Direction::RecvOnly,
            codecs: agreed.formats.iter().map(Accepted::negotiated).collect(),
            extensions: agreed.map,
            rids,
            sources: declared_sources(section),
            cname: declared_cname(section),
            mixed_extensions: offer.allows_mixed(section),
            reduced_size: section.rtcp.reduced_size,
            local: None,
        };
        answer.extensions = agreed.extensions;
        accepted.push((index, answer, Some(track)));
    }
    Ok(frame.finish(accepted))
}
