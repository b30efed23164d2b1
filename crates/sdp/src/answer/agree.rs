//! What both sides agree on in one section, whichever way its media goes.

use xrtc_rtp::{Codec, ExtensionKind, ExtensionMap, MediaKind, PayloadType};

use crate::capabilities::{Capabilities, format_names};
use crate::description::{Extension, Section};
use crate::error::{NegotiationError, Unsupported};
use crate::format::Feedback;

use super::extensions::ExtensionIds;
use super::formats::{Accepted, PayloadTypes, accept_formats};

/// The rules of one leg: from publishers, or to viewers.
pub(crate) struct Leg<'a> {
    pub(crate) capabilities: &'a Capabilities,
    /// The header extensions that are taken up.
    pub(crate) extensions: &'a [ExtensionKind],
    /// Whether the peer uses an extension in the leg's direction.
    pub(crate) is_usable: fn(&Extension) -> bool,
    /// The feedback that is taken up, where the peer has it.
    pub(crate) feedback: Feedback,
}

impl<'a> Leg<'a> {
    /// From publishers.
    pub(crate) fn ingest(capabilities: &'a Capabilities) -> Self {
        Self {
            capabilities,
            extensions: &capabilities.ingest_extensions,
            is_usable: Extension::is_sent,
            feedback: Feedback {
                nack: true,
                pli: true,
                fir: true,
                transport_cc: true,
                // An estimate of ours would only repeat transport-cc's; a limit has no other way to be told.
                remb: capabilities.max_ingest_bitrate.is_some(),
            },
        }
    }

    /// To viewers.
    pub(crate) fn egress(capabilities: &'a Capabilities) -> Self {
        Self {
            capabilities,
            extensions: &capabilities.egress_extensions,
            is_usable: Extension::is_received,
            feedback: Feedback {
                nack: true,
                pli: true,
                fir: true,
                transport_cc: true,
                remb: false,
            },
        }
    }
}

/// What is used once in a BUNDLE group: payload types and extension ids.
#[derive(Default)]
pub(crate) struct Group {
    ids: ExtensionIds,
    payload_types: PayloadTypes,
}

/// What both sides agree on in one section.
pub(crate) struct Agreed<'a> {
    /// At least one.
    pub(crate) formats: Vec<Accepted<'a>>,
    /// As the answer writes them.
    pub(crate) extensions: Vec<Extension>,
    pub(crate) map: ExtensionMap,
}

impl<'a> Agreed<'a> {
    pub(crate) fn new(
        section: &'a Section,
        kind: MediaKind,
        leg: &Leg<'_>,
        group: &mut Group,
    ) -> Result<Self, NegotiationError> {
        let mut formats = accept_formats(section, kind, leg.capabilities, &mut group.payload_types);
        if formats.is_empty() {
            return Err(no_format(section, kind, leg.capabilities));
        }
        let (mut extensions, mut map) = group.ids.accept(section, leg.extensions, leg.is_usable);
        // The message and the sequence number it reports on are of no use without each other; webrtcbin offers the
        // one without the other.
        let has_feedback = formats
            .iter()
            .any(|accepted| accepted.format.feedback.transport_cc);
        if !has_feedback {
            map.remove(ExtensionKind::TransportCc);
            extensions.retain(|extension| extension.kind() != Some(ExtensionKind::TransportCc));
        }
        let transport_cc =
            leg.feedback.transport_cc && map.id(ExtensionKind::TransportCc).is_some();
        for accepted in &mut formats {
            accepted.feedback = accepted.format.feedback.and(Feedback {
                transport_cc,
                ..leg.feedback
            });
        }
        Ok(Self {
            formats,
            extensions,
            map,
        })
    }

    /// The payload types of the media formats.
    pub(crate) fn payload_types(&self) -> Vec<PayloadType> {
        self.formats
            .iter()
            .map(|accepted| accepted.format.payload_type)
            .collect()
    }

    /// Whether any format may be retransmitted in a stream of its own.
    pub(crate) fn has_rtx(&self) -> bool {
        self.formats.iter().any(|accepted| accepted.rtx.is_some())
    }
}

/// Why no format was left: nothing in common, or only numbers that cannot be used.
fn no_format(section: &Section, kind: MediaKind, capabilities: &Capabilities) -> NegotiationError {
    let keys = section
        .formats
        .iter()
        .filter_map(|format| capabilities.key(format));
    if keys
        .filter(|key| key.codec != Codec::Red)
        .any(|key| key.kind() == kind)
    {
        return Unsupported::PayloadTypeConflict.into();
    }
    NegotiationError::NoCommonCodec {
        kind,
        offered: format_names(section),
        supported: capabilities.names(kind),
    }
}
