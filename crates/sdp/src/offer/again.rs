//! Later offers of the server: what was agreed on stays where it is.

use xrtc_rtp::{MediaKind, Mid, PayloadType};

use crate::agreement::Agreement;
use crate::capabilities::{Capabilities, LiveTrack};
use crate::description::{Direction, Section};
use crate::format::{Fmtp, PayloadFormat};
use crate::local::LocalParams;
use crate::transport::Setup;

use super::{ServerOffer, Side, description, offer_section};

/// Offers a publisher the same again, under new ICE credentials.
pub fn offer_push_again(
    before: &Agreement,
    capabilities: &Capabilities,
    local: &LocalParams,
) -> ServerOffer {
    let sections = before.sections.iter().enumerate();
    let sections = sections.map(|(index, section)| renew(before, section, index, local));
    finish(Side::Push, sections.collect(), capabilities, local)
}

/// Offers a viewer the tracks of these kinds from now on. Sections of other kinds stay, but are inactive; one that was
/// not there before comes last.
pub fn offer_pull_again(
    before: &Agreement,
    kinds: &[MediaKind],
    live: &[LiveTrack],
    capabilities: &Capabilities,
    local: &LocalParams,
) -> ServerOffer {
    let mut sections: Vec<Section> = Vec::new();
    let mut missing = kinds.to_vec();
    for (index, section) in before.sections.iter().enumerate() {
        let mut renewed = renew(before, section, index, local);
        renewed.sources.clear();
        renewed.groups.clear();
        renewed.msid = None;
        renewed.direction = Direction::Inactive;
        if let Some(kind) = renewed.live_media() {
            if missing.contains(&kind) {
                missing.retain(|other| *other != kind);
                renewed.direction = Direction::SendOnly;
            }
            let has_rtx = renewed.formats.iter().any(PayloadFormat::is_rtx);
            if let Some(track) = local.track(kind, has_rtx) {
                local.declare(&mut renewed, &track);
            }
        }
        sections.push(renewed);
    }
    for kind in missing {
        let live = live.iter().find(|track| track.kind == kind);
        let place = (kind, sections.len());
        let mut section = offer_section(Side::Pull, place, live, capabilities, local);
        section.mid = free_mid(&sections);
        let has_transport = sections.iter().any(|other| !other.is_rejected());
        section.transport = local.transport(Setup::Actpass, !has_transport);
        section.transport.cryptex = sections.iter().any(|other| other.transport.cryptex);
        renumber(before, &sections, &mut section);
        sections.push(section);
    }
    finish(Side::Pull, sections, capabilities, local)
}

fn finish(
    side: Side,
    sections: Vec<Section>,
    capabilities: &Capabilities,
    local: &LocalParams,
) -> ServerOffer {
    ServerOffer {
        description: description(sections, local),
        side,
        capabilities: capabilities.clone(),
        local: local.clone(),
        again: true,
    }
}

/// A section of before with the transport of now.
fn renew(before: &Agreement, section: &Section, index: usize, local: &LocalParams) -> Section {
    let mut section = section.clone();
    if !section.is_rejected() {
        let tagged = before
            .sections
            .iter()
            .position(|other| !other.is_rejected());
        let cryptex = section.transport.cryptex;
        section.transport = local.transport(Setup::Actpass, tagged == Some(index));
        section.transport.cryptex = cryptex;
    }
    section
}

/// The lowest number that is no section's mid.
fn free_mid(sections: &[Section]) -> Option<Mid> {
    let is_free = |mid: &Mid| sections.iter().all(|section| section.mid != Some(*mid));
    (sections.len()..)
        .filter_map(|number| Mid::new(&number.to_string()))
        .find(is_free)
}

/// Gives a new section the ids that its extensions have in the session, free ones where they have none, and payload
/// types that no other section has (RFC 9143 §9.1).
fn renumber(before: &Agreement, sections: &[Section], section: &mut Section) {
    let mut used: Vec<u8> = Vec::new();
    let mut kept = Vec::new();
    for mut extension in std::mem::take(&mut section.extensions) {
        let is_free = |id: &u8| before.uri(*id).is_none() && !used.contains(id);
        let known = before.id(&extension.uri);
        // One-byte headers have ids up to 14 (RFC 8285 §4.2). What finds no room is not offered.
        let Some(id) = known.or_else(|| std::iter::once(extension.id).chain(1..=14).find(is_free))
        else {
            continue;
        };
        used.push(id);
        extension.id = id;
        kept.push(extension);
    }
    section.extensions = kept;

    let formats = std::mem::take(&mut section.formats);
    section.media.formats.clear();
    let number = |format: &PayloadFormat| format.payload_type;
    let alive = sections.iter().filter(|other| !other.is_rejected());
    let others: Vec<PayloadType> = alive
        .flat_map(|other| other.formats.iter().map(number))
        .collect();
    let mut taken: Vec<PayloadType> = formats
        .iter()
        .map(number)
        .chain(others.iter().copied())
        .collect();
    let mut moved: Vec<(PayloadType, PayloadType)> = Vec::new();
    for mut format in formats {
        if others.contains(&format.payload_type) {
            // RFC 3551 §6: the dynamic ones; below them what RFC 5761 §4 leaves for RTP.
            let free = (96..=127).chain(35..=63).map(PayloadType);
            let Some(number) = free.into_iter().find(|number| !taken.contains(number)) else {
                continue;
            };
            taken.push(number);
            moved.push((format.payload_type, number));
            format.payload_type = number;
        }
        if let Some(apt) = format.apt() {
            let of = moved.iter().find(|(old, _)| *old == apt);
            let apt = of.map_or(apt, |(_, new)| *new);
            format.fmtp = Fmtp::parse(&format!("apt={}", apt.0));
        }
        section.push_format(format);
    }
}
