//! The RTP header of one viewer's packets.

use arrayvec::ArrayVec;
use xrtc_rtp::{ExtensionKind, HeaderFields, Ssrc, write_header};

use crate::{Limits, Packet, ViewerTrack};

/// Writes the headers of one subscription: most of them are copies of a template with four numbers put in.
#[derive(Debug)]
pub(crate) struct HeaderWriter {
    /// The viewer's id of each kind; zero where it has none.
    ids: [u8; ExtensionKind::COUNT],
    /// The viewer reads elements that need the two-byte form.
    two_byte: bool,
    mid_id: u8,
    mid: ArrayVec<u8, 32>,
    /// A header whose only extension is the mid; empty without one.
    with_mid: ArrayVec<u8, 64>,
}

/// The numbers of one packet's header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) fields: HeaderFields,
    /// The viewer has not confirmed yet that it knows the SSRC.
    pub(crate) with_mid: bool,
}

impl HeaderWriter {
    pub(crate) fn new(track: &ViewerTrack) -> Self {
        let mut ids = [0; ExtensionKind::COUNT];
        for (kind, id) in track.extensions.iter() {
            if let Some(slot) = ids.get_mut(kind as usize) {
                *slot = id;
            }
        }
        let mut writer = Self {
            ids,
            two_byte: track.extmap_allow_mixed,
            mid_id: 0,
            mid: ArrayVec::new(),
            with_mid: ArrayVec::new(),
        };
        if let (Some(mid), Some(id)) = (track.mid, track.extensions.id(ExtensionKind::Mid)) {
            writer.mid_id = id;
            writer.mid.extend(mid.as_bytes().iter().copied());
            let mut out = [0; 64];
            let elements = [(id, mid.as_bytes())].into_iter();
            let len = write_header(&mut out, &HeaderFields::default(), elements);
            writer
                .with_mid
                .extend(out.into_iter().take(len.unwrap_or(0)));
        }
        writer
    }

    /// Writes the header of `packet` and returns its length. The same packet with the same numbers always
    /// gives the same bytes.
    pub(crate) fn write(
        &self,
        out: &mut [u8; Limits::MAX_HEADER],
        header: Header,
        packet: &Packet,
    ) -> usize {
        // A packet that is large already does not grow: it would be fragmented on the way.
        let small = FIXED_LEN + self.with_mid.len() + packet.payload().len() <= LARGEST;
        let with_mid = header.with_mid && small && !self.with_mid.is_empty();
        if packet.has_extensions()
            && let Some(len) = self.write_extensions(out, header.fields, with_mid, packet)
        {
            return len;
        }
        let template: &[u8] = if with_mid { &self.with_mid } else { &BARE };
        if let Some(place) = out.get_mut(..template.len()) {
            place.copy_from_slice(template);
        }
        let fields = header.fields;
        out[1] = u8::from(fields.marker) << 7 | fields.payload_type.0 & 0x7f;
        out[2..4].copy_from_slice(&fields.sequence_number.to_be_bytes());
        out[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&fields.ssrc.0.to_be_bytes());
        template.len()
    }

    /// The general form; `None` if the viewer shares none of the packet's extensions.
    fn write_extensions(
        &self,
        out: &mut [u8; Limits::MAX_HEADER],
        fields: HeaderFields,
        with_mid: bool,
        packet: &Packet,
    ) -> Option<usize> {
        let shared = packet.extensions().filter_map(|(kind, data)| {
            let id = self.ids.get(kind as usize).copied().filter(|&id| id != 0)?;
            // RFC 8285 §4.1.2: forms are mixed only by agreement.
            let fits = self.two_byte || id < 15 && matches!(data.len(), 1..=16);
            fits.then_some((id, data))
        });
        shared.clone().next()?;
        let mid = with_mid.then_some((self.mid_id, self.mid.as_slice()));
        write_header(out, &fields, mid.into_iter().chain(shared))
    }
}

impl Header {
    /// The same header under the SSRC of the retransmissions.
    pub(crate) fn retransmission(self, ssrc: Ssrc, payload_type: u8, sequence_number: u16) -> Self {
        let fields = HeaderFields {
            ssrc,
            sequence_number,
            payload_type: xrtc_rtp::PayloadType(payload_type),
            ..self.fields
        };
        Self { fields, ..self }
    }
}

const FIXED_LEN: usize = 12;
const BARE: [u8; FIXED_LEN] = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// What IPv6 over Ethernet carries beside SRTP's tag and a TURN channel's header, in bytes.
const LARGEST: usize = 1_400;
