//! The server's own offers, and what a peer's answer makes of them.

mod again;
mod standard;

pub use again::{offer_pull_again, offer_push_again};

use xrtc_rtp::{MediaKind, Mid};

use crate::agreement::{Agreement, cut_to_answer};
use crate::answer::{
    Accepted, Agreed, Group, Leg, declared_cname, declared_sources, mid_or_number, put_live_first,
    remote_transport,
};
use crate::capabilities::{Capabilities, LiveTrack};
use crate::description::{Description, Direction, Extension, MediaLine, RtcpAttributes, Section};
use crate::error::{NegotiationError, Unsupported};
use crate::local::LocalParams;
use crate::negotiated::{Negotiated, NegotiatedTrack};
use crate::transport::{DtlsRole, Setup};

use standard::standard_formats;

/// An offer of this server, waiting for its answer.
#[derive(Clone, Debug)]
pub struct ServerOffer {
    description: Description,
    side: Side,
    capabilities: Capabilities,
    local: LocalParams,
    /// It is not the first of its session: an answer that takes nothing of it ends nothing.
    again: bool,
}

/// Which way the media of an offer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// From a publisher.
    Push,
    /// To a viewer.
    Pull,
}

/// Offers to receive a publisher's tracks of these kinds, in this order, each kind once.
///
/// The payload types are the customary ones: Opus 111, H.264 96 with retransmissions on 97. Simulcast is not offered.
pub fn offer_push(
    kinds: &[MediaKind],
    capabilities: &Capabilities,
    local: &LocalParams,
) -> ServerOffer {
    ServerOffer::new(Side::Push, kinds, &[], capabilities, local)
}

/// Offers to send a viewer the stream's tracks of these kinds: what is live first, the other codecs after it.
pub fn offer_pull(
    kinds: &[MediaKind],
    live: &[LiveTrack],
    capabilities: &Capabilities,
    local: &LocalParams,
) -> ServerOffer {
    ServerOffer::new(Side::Pull, kinds, live, capabilities, local)
}

impl ServerOffer {
    fn new(
        side: Side,
        kinds: &[MediaKind],
        live: &[LiveTrack],
        capabilities: &Capabilities,
        local: &LocalParams,
    ) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        for kind in kinds {
            if sections
                .iter()
                .all(|section| section.kind().media() != Some(*kind))
            {
                let live = live.iter().find(|track| track.kind == *kind);
                sections.push(offer_section(
                    side,
                    (*kind, sections.len()),
                    live,
                    capabilities,
                    local,
                ));
            }
        }
        Self {
            description: description(sections, local),
            side,
            capabilities: capabilities.clone(),
            local: local.clone(),
            again: false,
        }
    }

    /// The offer itself; its `Display` is the text to send.
    pub const fn description(&self) -> &Description {
        &self.description
    }

    /// What it says of us.
    pub const fn local(&self) -> &LocalParams {
        &self.local
    }

    /// Reads the peer's answer. For viewers, `live` is what the stream sends by now.
    ///
    /// A section that the peer rejects, or does not use in our direction, is left out.
    ///
    /// # Errors
    ///
    /// An answer to another offer, one that takes nothing, no common codec, a live track that cannot be decoded, or
    /// missing ICE or DTLS attributes.
    pub fn apply_answer(
        &self,
        answer: &Description,
        live: &[LiveTrack],
    ) -> Result<Negotiated, NegotiationError> {
        let accepted = self.accepted_sections(answer)?;
        let alive: Vec<usize> = (0..answer.sections.len())
            .filter(|index| is_alive(answer, *index))
            .collect();
        let mut remote = remote_transport(answer, &alive)?;
        let mut ours = self.description.sections.iter();
        remote.cryptex &= ours.any(|section| section.transport.cryptex);
        if remote.ice_lite && self.local.ice_lite {
            return Err(Unsupported::BothLite.into());
        }
        let setup = alive
            .iter()
            .find_map(|index| answer.sections.get(*index)?.transport.setup);
        let leg = self.leg();
        let mut group = Group::default();
        let mut tracks = Vec::new();
        for index in accepted.iter().copied() {
            let (Some(ours), Some(theirs)) = (
                self.description.sections.get(index),
                answer.sections.get(index),
            ) else {
                continue;
            };
            let Some(kind) = ours.kind().media() else {
                continue;
            };
            let common = common_section(ours, theirs);
            let mut agreed = Agreed::new(&common, kind, &leg, &mut group)?;
            let live = live
                .iter()
                .find(|track| track.kind == kind && self.side == Side::Pull);
            put_live_first(&mut agreed.formats, live, theirs)?;
            tracks.push(NegotiatedTrack {
                mid: mid_or_number(ours, index),
                kind,
                direction: self.direction(),
                codecs: agreed.formats.iter().map(Accepted::negotiated).collect(),
                local: self
                    .local
                    .track(kind, agreed.has_rtx())
                    .filter(|_| self.side == Side::Pull),
                extensions: agreed.map,
                rids: Vec::new(),
                mixed_extensions: answer.allows_mixed(theirs),
                reduced_size: theirs.rtcp.reduced_size,
                sources: declared_sources(theirs),
                cname: declared_cname(theirs),
            });
        }
        // We bundle all, so the first section that is left carries the transport.
        let tagged = accepted
            .first()
            .or_else(|| alive.first())
            .and_then(|index| {
                Some(mid_or_number(
                    self.description.sections.get(*index)?,
                    *index,
                ))
            })
            .ok_or(NegotiationError::NothingAccepted)?;
        let sections = self.description.sections.iter().zip(&answer.sections);
        let sections = sections
            .enumerate()
            .map(|(index, (ours, theirs))| cut_to_answer(ours, theirs, accepted.contains(&index)));
        Ok(Negotiated {
            tracks,
            tagged,
            remote,
            dtls_role: offerer_role(setup)?,
            agreement: Agreement::new(sections.collect()),
        })
    }

    /// The sections that the answer takes, by position (RFC 3264 §6, RFC 9429 §5.10).
    fn accepted_sections(&self, answer: &Description) -> Result<Vec<usize>, NegotiationError> {
        let ours = &self.description.sections;
        let is_same = |(ours, theirs): (&Section, &Section)| {
            ours.kind() == theirs.kind() && theirs.mid.is_none_or(|mid| ours.mid == Some(mid))
        };
        if ours.len() != answer.sections.len() || !ours.iter().zip(&answer.sections).all(is_same) {
            return Err(NegotiationError::AnswerMismatch);
        }
        let fits = |section: &Section| match self.side {
            Side::Push => section.direction.sends(),
            Side::Pull => section.direction.receives(),
        };
        let sections = ours.iter().zip(&answer.sections).enumerate();
        let is_accepted = |(_, (ours, theirs)): &(usize, (&Section, &Section))| {
            ours.direction == self.direction() && theirs.live_media().is_some() && fits(theirs)
        };
        let accepted: Vec<usize> = sections
            .filter(is_accepted)
            .map(|(index, _)| index)
            .collect();
        if accepted.is_empty() && !self.again {
            Err(NegotiationError::NothingAccepted)
        } else {
            Ok(accepted)
        }
    }

    fn leg(&self) -> Leg<'_> {
        match self.side {
            Side::Push => Leg::ingest(&self.capabilities),
            Side::Pull => Leg::egress(&self.capabilities),
        }
    }

    const fn direction(&self) -> Direction {
        self.side.direction()
    }
}

impl Side {
    const fn direction(self) -> Direction {
        match self {
            Self::Push => Direction::RecvOnly,
            Self::Pull => Direction::SendOnly,
        }
    }
}

/// Our offer of these sections.
fn description(sections: Vec<Section>, local: &LocalParams) -> Description {
    let alive = sections.iter().filter(|section| !section.is_rejected());
    Description {
        origin: local.origin(),
        ice_lite: local.ice_lite,
        bundle: Some(alive.filter_map(|section| section.mid).collect()),
        extmap_allow_mixed: true,
        sections,
    }
}

fn is_alive(description: &Description, index: usize) -> bool {
    let section = description.sections.get(index);
    section.is_some_and(|section| section.live_media().is_some())
}

/// One section of an offer; `place` is its kind and its number.
fn offer_section(
    side: Side,
    place: (MediaKind, usize),
    live: Option<&LiveTrack>,
    capabilities: &Capabilities,
    local: &LocalParams,
) -> Section {
    let (kind, index) = place;
    let leg = match side {
        Side::Push => Leg::ingest(capabilities),
        Side::Pull => Leg::egress(capabilities),
    };
    let mut section = Section::new(MediaLine {
        media: kind.name().to_owned(),
        port: 9,
        protocol: "UDP/TLS/RTP/SAVPF".to_owned(),
        formats: Vec::new(),
    });
    section.mid = Mid::new(&index.to_string());
    section.direction = side.direction();
    section.rtcp = RtcpAttributes {
        mux: true,
        mux_only: true,
        reduced_size: true,
    };
    // RFC 8842 §5.2: an offer leaves the role to the answerer.
    section.transport = local.transport(Setup::Actpass, index == 0);
    for (number, extension) in (1..).zip(leg.extensions) {
        if standard::is_for(*extension, kind) {
            section.extensions.push(Extension {
                id: number,
                direction: None,
                uri: extension.uri().to_owned(),
            });
        }
    }
    let has_transport_cc = leg
        .extensions
        .contains(&xrtc_rtp::ExtensionKind::TransportCc);
    for format in standard_formats(kind, live, &leg, has_transport_cc) {
        section.push_format(format);
    }
    if side == Side::Pull
        && let Some(track) = local.track(kind, kind == MediaKind::Video)
    {
        local.declare(&mut section, &track);
    }
    section
}

/// The answer's section without what was not offered, with the offer's parameters where the answer has none.
fn common_section(ours: &Section, theirs: &Section) -> Section {
    let mut common = theirs.clone();
    common.formats.retain_mut(|format| {
        let is_same = |other: &&crate::PayloadFormat| {
            other.payload_type == format.payload_type
                && other.name.eq_ignore_ascii_case(&format.name)
        };
        let Some(offered) = ours.formats.iter().find(is_same) else {
            return false;
        };
        if format.fmtp.is_empty() {
            format.fmtp.clone_from(&offered.fmtp);
        }
        format.feedback = format.feedback.and(offered.feedback);
        true
    });
    let is_offered = |extension: &Extension| {
        ours.extensions
            .iter()
            .any(|other| other.id == extension.id && other.uri == extension.uri)
    };
    common.extensions.retain(is_offered);
    common
}

/// Our role by the answer's `a=setup` (RFC 8842 §5.4). Without one the answerer is active (RFC 4145 §4).
fn offerer_role(answered: Option<Setup>) -> Result<DtlsRole, Unsupported> {
    match answered {
        Some(Setup::Active) | None => Ok(DtlsRole::Server),
        Some(Setup::Passive) => Ok(DtlsRole::Client),
        Some(Setup::Actpass | Setup::Holdconn) => Err(Unsupported::Setup),
    }
}
