//! Answers to the offers of publishers and viewers.

mod agree;
mod extensions;
mod formats;
mod pull;
mod push;
mod simulcast;
mod sources;

pub use pull::{answer_pull, answer_pull_again};
pub use push::answer_push;

pub(crate) use agree::{Agreed, Group, Leg};
pub(crate) use formats::Accepted;
pub(crate) use pull::put_live_first;
pub(crate) use sources::{declared_cname, declared_sources};

use xrtc_rtp::{MediaKind, Mid};

use crate::agreement::Agreement;
use crate::description::{Description, Direction, MediaLine, RtcpAttributes, Section};
use crate::error::{NegotiationError, Unsupported};
use crate::local::LocalParams;
use crate::negotiated::{Negotiated, NegotiatedTrack};
use crate::transport::{DtlsRole, RemoteTransport, Setup};

/// What is known of an offer before its sections are gone through.
struct Frame<'a> {
    offer: &'a Description,
    local: &'a LocalParams,
    /// The audio and video sections that are alive, by position.
    live: Vec<(usize, MediaKind)>,
    /// The first of them in the BUNDLE group, which carries the transport (RFC 9143 §7.3.1).
    tagged: usize,
    remote: RemoteTransport,
    role: DtlsRole,
}

impl<'a> Frame<'a> {
    /// `again`: sections may have been taken out of use since the first offer.
    fn new(
        offer: &'a Description,
        local: &'a LocalParams,
        again: bool,
    ) -> Result<Self, NegotiationError> {
        let live = live_sections(offer, again)?;
        let order = transport_order(offer, &live);
        let remote = remote_transport(offer, &order)?;
        if remote.ice_lite && local.ice_lite {
            return Err(Unsupported::BothLite.into());
        }
        let setup = order
            .iter()
            .find_map(|index| offer.sections.get(*index)?.transport.setup);
        let role = answer_role(setup, local.setup)?;
        let tagged = order.first().copied().unwrap_or_default();
        Ok(Self {
            offer,
            local,
            live,
            tagged,
            remote,
            role,
        })
    }

    /// Checks that every live section goes the way of the peer's role (RFC 9725 §4.2, WHEP §4.3.5).
    fn check_directions(
        &self,
        fits: fn(Direction) -> bool,
        role: &'static str,
    ) -> Result<(), NegotiationError> {
        for &(index, _) in &self.live {
            let Some(section) = self.offer.sections.get(index) else {
                continue;
            };
            if !fits(section.direction) {
                let mid = mid_or_number(section, index);
                return Err(NegotiationError::Direction {
                    mid,
                    direction: section.direction,
                    role,
                });
            }
        }
        Ok(())
    }

    /// The section of the answer to an accepted one, without codecs, extensions and sources.
    fn accept(&self, index: usize, section: &Section, direction: Direction) -> Section {
        let mut answer = Section::new(MediaLine {
            port: 9,
            formats: Vec::new(),
            ..section.media.clone()
        });
        answer.mid = section.mid;
        answer.direction = direction;
        answer.extmap_allow_mixed = section.extmap_allow_mixed;
        // RFC 9725 §4.4.1 wants rtcp-mux-only on both sides (RFC 8858 alone would forbid it in answers);
        // RFC 5506 §5 allows reduced size only where it was offered.
        let reduced_size = section.rtcp.reduced_size;
        answer.rtcp = RtcpAttributes {
            mux: true,
            mux_only: true,
            reduced_size,
        };
        answer.transport = self
            .local
            .transport(self.role.setup(), index == self.tagged);
        answer.transport.cryptex = self.remote.cryptex;
        answer
    }

    /// The answer's text and outcome, from one section for every section of the offer.
    fn finish(
        self,
        accepted: Vec<(usize, Section, Option<NegotiatedTrack>)>,
    ) -> (String, Negotiated) {
        let mut answers: Vec<Option<Section>> = self.offer.sections.iter().map(|_| None).collect();
        let mut tracks = Vec::with_capacity(accepted.len());
        for (index, section, track) in accepted {
            if let Some(slot) = answers.get_mut(index) {
                *slot = Some(section);
            }
            tracks.extend(track);
        }
        let bundle = self.offer.bundle.as_ref().map(|mids| {
            let is_accepted = |mid: &&Mid| {
                answers
                    .iter()
                    .flatten()
                    .any(|section| section.mid == Some(**mid))
            };
            mids.iter().filter(is_accepted).copied().collect()
        });
        let sections = answers.into_iter().zip(&self.offer.sections);
        let answer = Description {
            origin: self.local.origin(),
            ice_lite: self.local.ice_lite,
            bundle,
            extmap_allow_mixed: self.offer.extmap_allow_mixed,
            sections: sections
                .map(|(answer, offer)| answer.unwrap_or_else(|| reject(offer)))
                .collect(),
        };
        let text = answer.to_string();
        let agreement = Agreement::new(answer.sections);
        let tagged = self.offer.sections.get(self.tagged);
        let tagged =
            tagged.map_or_else(Mid::default, |section| mid_or_number(section, self.tagged));
        let negotiated = Negotiated {
            tracks,
            tagged,
            remote: self.remote,
            dtls_role: self.role,
            agreement,
        };
        (text, negotiated)
    }
}

/// A rejected section: port 0, its mid (libwebrtc compares the order of mids), out of the group (RFC 9429 §5.3.1).
///
/// That is what data channels and unknown media get. RFC 9725 §4.4.3 would have the whole offer refused, but pages
/// that open a data channel next to their camera are common, and lose nothing but the channel.
fn reject(section: &Section) -> Section {
    let mut answer = Section::new(MediaLine {
        port: 0,
        ..section.media.clone()
    });
    if answer.media.formats.is_empty() {
        answer.media.formats.push("0".to_owned());
    }
    answer.mid = section.mid;
    answer.direction = Direction::Inactive;
    answer
}

/// The live sections: one or two, of different kinds, in one BUNDLE group if there are two. Later offers have also those
/// that are out of use.
fn live_sections(offer: &Description, again: bool) -> Result<Vec<(usize, MediaKind)>, Unsupported> {
    let mut live: Vec<(usize, MediaKind)> = Vec::new();
    for (index, section) in offer.sections.iter().enumerate() {
        let Some(kind) = section.live_media() else {
            continue;
        };
        let is_used = |index: usize| {
            let section = offer.sections.get(index);
            !again || section.is_some_and(|section| section.direction.receives())
        };
        let is_taken = |(other, of): &(usize, MediaKind)| *of == kind && is_used(*other);
        if is_used(index) && live.iter().any(is_taken) {
            return Err(Unsupported::TwoTracks(kind));
        }
        live.push((index, kind));
    }
    match live.as_slice() {
        [] => Err(Unsupported::NoMedia),
        [_] => Ok(live),
        _ if live
            .iter()
            .all(|(index, _)| bundle_position(offer, *index).is_some()) =>
        {
            Ok(live)
        }
        _ => Err(Unsupported::NotBundled),
    }
}

/// Where a section stands in the BUNDLE group.
fn bundle_position(offer: &Description, index: usize) -> Option<usize> {
    let mid = offer.sections.get(index)?.mid?;
    offer
        .bundle
        .as_ref()?
        .iter()
        .position(|other| *other == mid)
}

/// The live sections in the order in which they may carry the transport.
fn transport_order(offer: &Description, live: &[(usize, MediaKind)]) -> Vec<usize> {
    let mut order: Vec<usize> = live.iter().map(|(index, _)| *index).collect();
    order.sort_by_key(|index| bundle_position(offer, *index).unwrap_or(usize::MAX));
    order
}

/// The peer's transport: from the first section that has credentials, for bundled ones may leave them out
/// (RFC 9143 §7.1.3).
pub(crate) fn remote_transport(
    description: &Description,
    order: &[usize],
) -> Result<RemoteTransport, NegotiationError> {
    let transports = || {
        order
            .iter()
            .filter_map(|index| Some(&description.sections.get(*index)?.transport))
    };
    let main = transports()
        .find(|transport| transport.credentials.is_some())
        .ok_or(NegotiationError::NoIceCredentials)?;
    let fingerprints = std::iter::once(main)
        .chain(transports())
        .map(|transport| &transport.fingerprints)
        .find(|fingerprints| !fingerprints.is_empty())
        .ok_or(NegotiationError::NoFingerprint)?;
    let credentials = main
        .credentials
        .clone()
        .ok_or(NegotiationError::NoIceCredentials)?;
    Ok(RemoteTransport {
        credentials,
        ice_lite: description.ice_lite,
        trickle: main.ice_options.iter().any(|option| option == "trickle"),
        fingerprints: fingerprints.clone(),
        tls_id: main.tls_id.clone(),
        // Its category is TRANSPORT: that of the section with the transport holds for all (RFC 9335 §3).
        cryptex: main.cryptex,
        candidates: main.candidates.clone(),
        end_of_candidates: main.end_of_candidates,
    })
}

/// Our role by the offer's `a=setup` (RFC 8842 §5.3). Passive is outside RFC 9725 §4.4.4, but FFmpeg offers it.
/// Without the attribute, which RFC 8842 §5.1 requires, the peer is taken to leave the choice.
fn answer_role(offered: Option<Setup>, preferred: Setup) -> Result<DtlsRole, Unsupported> {
    match (offered.unwrap_or(Setup::Actpass), preferred) {
        (Setup::Active, _) => Ok(DtlsRole::Server),
        (Setup::Passive, _) | (Setup::Actpass, Setup::Active) => Ok(DtlsRole::Client),
        (Setup::Actpass, _) => Ok(DtlsRole::Server),
        (Setup::Holdconn, _) => Err(Unsupported::Setup),
    }
}

/// A section's mid; its number if it has none.
pub(crate) fn mid_or_number(section: &Section, index: usize) -> Mid {
    section
        .mid
        .or_else(|| Mid::new(&index.to_string()))
        .unwrap_or_default()
}
