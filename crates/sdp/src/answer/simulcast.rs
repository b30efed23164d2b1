//! Simulcast, as a publisher offers it (RFC 8853 §5.3.2).

use xrtc_rtp::{ExtensionKind, ExtensionMap, PayloadType, Rid};

use crate::description::{RidDescription, RidDirection, Section, Simulcast};

/// Takes up every encoding that the publisher offers to send, as it offers it, and gives their ids.
///
/// OBS gives up unless all are echoed; a pause mark stays, for libwebrtc switches an encoding on when it goes. Without
/// the rid extension the encodings could not be told apart (and libwebrtc refuses such an answer), so then there is
/// no simulcast.
pub(super) fn accept_simulcast(
    offer: &Section,
    answer: &mut Section,
    accepted: &[PayloadType],
    extensions: &ExtensionMap,
) -> Vec<Rid> {
    let Some(simulcast) = offer
        .simulcast
        .as_ref()
        .filter(|_| extensions.id(ExtensionKind::Rid).is_some())
    else {
        return Vec::new();
    };
    let mut streams = simulcast.send.clone();
    for stream in &mut streams {
        stream.retain(|entry| accept_rid(offer, entry.rid, accepted).is_some());
    }
    streams.retain(|stream| !stream.is_empty());
    let rids: Vec<Rid> = streams.iter().flatten().map(|entry| entry.rid).collect();
    answer.rids = rids
        .iter()
        .filter_map(|rid| accept_rid(offer, *rid, accepted))
        .collect();
    answer.simulcast = (!streams.is_empty()).then(|| Simulcast {
        send: Vec::new(),
        recv: streams,
    });
    rids
}

/// The answer's `a=rid`: the other direction, the same restrictions, the payload types that are left (RFC 8851 §6.2).
fn accept_rid(offer: &Section, rid: Rid, accepted: &[PayloadType]) -> Option<RidDescription> {
    let is_wanted =
        |other: &&RidDescription| other.rid == rid && other.direction == RidDirection::Send;
    let mut description = offer.rids.iter().find(is_wanted)?.clone();
    let is_free = description.payload_types.is_empty();
    description
        .payload_types
        .retain(|payload_type| accepted.contains(payload_type));
    description.direction = RidDirection::Recv;
    (is_free || !description.payload_types.is_empty()).then_some(description)
}
