//! The sources that a peer declares.

use xrtc_rtp::Ssrc;

use crate::description::Section;
use crate::limits;
use crate::negotiated::DeclaredSource;

/// The media sources of a section with their retransmission sources, in the order of `SIM`, else of declaration.
pub(crate) fn declared_sources(section: &Section) -> Vec<DeclaredSource> {
    let mut secondary: Vec<Ssrc> = Vec::new();
    let mut sources: Vec<DeclaredSource> = Vec::new();
    let mut push = |ssrc: Ssrc| {
        let is_new = sources.iter().all(|source| source.ssrc != ssrc);
        if is_new && sources.len() < limits::MAX_SOURCES {
            sources.push(DeclaredSource { ssrc, rtx: None });
        }
    };
    for group in section
        .groups
        .iter()
        .filter(|group| group.semantics == "SIM")
    {
        group.ssrcs.iter().copied().for_each(&mut push);
    }
    for group in &section.groups {
        if let ("FID" | "FEC" | "FEC-FR", [main, others @ ..]) =
            (group.semantics.as_str(), group.ssrcs.as_slice())
        {
            push(*main);
            secondary.extend(others);
        }
    }
    section
        .sources
        .iter()
        .map(|source| source.ssrc)
        .for_each(&mut push);
    sources.retain(|source| !secondary.contains(&source.ssrc));
    for group in section
        .groups
        .iter()
        .filter(|group| group.semantics == "FID")
    {
        let [main, rtx, ..] = group.ssrcs.as_slice() else {
            continue;
        };
        if let Some(source) = sources.iter_mut().find(|source| source.ssrc == *main) {
            source.rtx = Some(*rtx);
        }
    }
    sources
}

/// The first canonical name that a section tells. All its sources have the same.
pub(crate) fn declared_cname(section: &Section) -> Option<String> {
    section
        .sources
        .iter()
        .find_map(|source| source.cname.clone())
}
