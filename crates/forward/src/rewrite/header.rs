//! The RTP header of one viewer's packets.

use arrayvec::ArrayVec;
use xrtc_rtp::{ExtensionKind, HeaderFields, write_header};

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
    /// Added to the frame number of a dependency descriptor.
    pub(crate) frame_shift: u16,
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
    ) -> u16 {
        // A packet that is large already does not grow: it would be fragmented on the way.
        let small = FIXED_LEN + self.with_mid.len() + packet.payload().len() <= LARGEST;
        let with_mid = header.with_mid && small && !self.with_mid.is_empty();
        if packet.has_extensions() {
            if header.frame_shift != 0
                && let Some(len) = self.write_shifted(out, header, with_mid, packet)
            {
                return len as u16;
            }
            let len = self
                .write_short(out, header.fields, with_mid, packet)
                .or_else(|| self.write_any(out, header.fields, with_mid, packet));
            if let Some(len) = len {
                return len as u16;
            }
        }
        let template: &[u8] = if with_mid { &self.with_mid } else { &BARE };
        if let Some(place) = out.get_mut(..template.len()) {
            place.copy_from_slice(template);
        }
        write_fields(out, header.fields);
        template.len() as u16
    }

    /// A header with more extensions than the mid, all of the one-byte form, as nearly always; `None` if they
    /// are not, or if there are none.
    fn write_short(
        &self,
        out: &mut [u8; Limits::MAX_HEADER],
        fields: HeaderFields,
        with_mid: bool,
        packet: &Packet,
    ) -> Option<usize> {
        let start = FIXED_LEN + PROFILE_LEN;
        let mut at = start;
        let mut put = |id: u8, data: &[u8]| {
            let place = out.get_mut(at..at + 1 + data.len())?;
            let (head, body) = place.split_first_mut()?;
            *head = id << 4 | (data.len() - 1) as u8;
            body.copy_from_slice(data);
            at += 1 + data.len();
            Some(())
        };
        if with_mid {
            is_short(self.mid_id, &self.mid).then(|| put(self.mid_id, &self.mid))??;
        }
        let mut shared = false;
        for (kind, data) in packet.extensions() {
            let id = self.ids.get(kind as usize).copied().unwrap_or(0);
            if id != 0 {
                is_short(id, data).then(|| put(id, data))??;
                shared = true;
            }
        }
        let end = at.next_multiple_of(4);
        out.get_mut(at..end)?.fill(0);
        out[0] = 0x90;
        let words = ((end - start) / 4) as u16;
        out[FIXED_LEN..start].copy_from_slice(&[0xbe, 0xde, (words >> 8) as u8, words as u8]);
        write_fields(out, fields);
        shared.then_some(end)
    }

    /// As [`Self::write_any`], with another frame number in the dependency descriptor (its bytes 1 and 2, by
    /// AV1's payload format, appendix A.8.2); `None` without one.
    fn write_shifted(
        &self,
        out: &mut [u8; Limits::MAX_HEADER],
        header: Header,
        with_mid: bool,
        packet: &Packet,
    ) -> Option<usize> {
        let id = *self.ids.get(ExtensionKind::DependencyDescriptor as usize)?;
        let mut descriptor = ArrayVec::<u8, 255>::new();
        let number = packet.frame_number?.wrapping_add(header.frame_shift);
        for (kind, data) in packet.extensions() {
            if kind == ExtensionKind::DependencyDescriptor {
                descriptor.try_extend_from_slice(data).ok()?;
            }
        }
        descriptor
            .get_mut(1..3)?
            .copy_from_slice(&number.to_be_bytes());
        let shared = self.shared(packet).map(|(other, data)| {
            if other == id {
                (id, descriptor.as_slice())
            } else {
                (other, data)
            }
        });
        let mid = with_mid.then_some((self.mid_id, self.mid.as_slice()));
        write_header(out, &header.fields, mid.into_iter().chain(shared))
    }

    /// As [`Self::write_short`], in the two-byte form where one of them needs it and the viewer reads it.
    fn write_any(
        &self,
        out: &mut [u8; Limits::MAX_HEADER],
        fields: HeaderFields,
        with_mid: bool,
        packet: &Packet,
    ) -> Option<usize> {
        let shared = self.shared(packet);
        shared.clone().next()?;
        let mid = with_mid.then_some((self.mid_id, self.mid.as_slice()));
        write_header(out, &fields, mid.into_iter().chain(shared))
    }

    /// The packet's extensions that the viewer reads, under its ids.
    fn shared<'p>(&self, packet: &'p Packet) -> impl Iterator<Item = (u8, &'p [u8])> + Clone {
        packet.extensions().filter_map(|(kind, data)| {
            let id = self.ids.get(kind as usize).copied().filter(|&id| id != 0)?;
            // RFC 8285 §4.1.2: forms are mixed only by agreement.
            let fits = self.two_byte || is_short(id, data);
            fits.then_some((id, data))
        })
    }
}

/// Whether an extension concerns the viewers. The others are between the publisher and us: transport-cc,
/// abs-send-time and the transmission offset are of one hop, mid is each viewer's own, rid and the layers'
/// allocation are for choosing layers.
pub(crate) const fn is_forwarded(kind: ExtensionKind) -> bool {
    match kind {
        ExtensionKind::AudioLevel
        | ExtensionKind::VideoOrientation
        | ExtensionKind::PlayoutDelay
        | ExtensionKind::VideoContentType
        | ExtensionKind::VideoTiming
        | ExtensionKind::ColorSpace
        | ExtensionKind::DependencyDescriptor
        | ExtensionKind::AbsCaptureTime
        | ExtensionKind::CsrcAudioLevel => true,
        ExtensionKind::Mid
        | ExtensionKind::Rid
        | ExtensionKind::RepairedRid
        | ExtensionKind::TransportCc
        | ExtensionKind::AbsSendTime
        | ExtensionKind::VideoLayersAllocation
        | ExtensionKind::TransmissionOffset => false,
    }
}

/// Whether an element fits the one-byte form (RFC 8285 §4.2).
fn is_short(id: u8, data: &[u8]) -> bool {
    id < 15 && matches!(data.len(), 1..=16)
}

fn write_fields(out: &mut [u8; Limits::MAX_HEADER], fields: HeaderFields) {
    out[1] = u8::from(fields.marker) << 7 | fields.payload_type.0 & 0x7f;
    out[2..4].copy_from_slice(&fields.sequence_number.to_be_bytes());
    out[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
    out[8..12].copy_from_slice(&fields.ssrc.0.to_be_bytes());
}

const FIXED_LEN: usize = 12;
/// The profile and the length in front of the extensions.
const PROFILE_LEN: usize = 4;
const BARE: [u8; FIXED_LEN] = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// What IPv6 over Ethernet carries beside SRTP's tag and a TURN channel's header, in bytes.
const LARGEST: usize = 1_400;
