//! A received packet, stored once and shared by every worker that forwards it.

use arrayvec::ArrayVec;
use xrtc_prefetch::prefetch;
use xrtc_rtp::{Codec, ExtensionKind, ExtensionMap, RtpPacket, Time, inspect, vp8, vp9};

use crate::rewrite::is_forwarded;
use crate::{LayerId, Limits, TrackId};

/// A received packet, stored once and shared by every worker that forwards it.
///
/// The buffer is used again for another packet as soon as nobody else holds it.
#[derive(Debug, Default)]
pub struct Packet {
    /// Which run of which layer it belongs to.
    pub(crate) origin: Origin,
    /// The extended sequence number at the publisher.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) received: Time,
    pub(crate) marker: bool,
    /// Only parameter sets or a key frame's first packet: see [`xrtc_rtp::PayloadInfo::keyframe`].
    pub(crate) keyframe: bool,
    pub(crate) frame_start: bool,
    /// It was lost on its way here and sent again.
    pub(crate) repaired: bool,
    pub(crate) resolution: Option<(u16, u16)>,
    pub(crate) picture: Picture,
    /// Of its dependency descriptor.
    pub(crate) frame_number: Option<u16>,
    extensions: ArrayVec<StoredExtension, { Limits::MAX_EXTENSIONS }>,
    /// The data of the extensions, then the payload, then the one byte that pads it if need be.
    bytes: Vec<u8>,
    payload_at: usize,
}

/// What two packets must share to be neighbours of one numbering and one format: the publisher, the epoch of
/// the layer's numbering, the track, the layer and the format. One number, because it is compared per packet
/// and viewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin(u64);

impl Origin {
    pub(crate) const fn new(publisher: u32, epoch: u16, track: u8, layer: u8, format: u8) -> Self {
        let names = (track as u64) << 16 | (layer as u64) << 8 | format as u64;
        Self(((publisher & Self::MAX_PUBLISHER) as u64) << 40 | (epoch as u64) << 24 | names)
    }

    /// Publishers are counted in so many bits.
    pub(crate) const MAX_PUBLISHER: u32 = (1 << 24) - 1;

    /// Counts the publishers of the stream.
    pub(crate) const fn publisher(self) -> u32 {
        (self.0 >> 40) as u32
    }

    /// Counts the restarts of the layer's numbering.
    pub(crate) const fn epoch(self) -> u16 {
        (self.0 >> 24) as u16
    }

    pub(crate) const fn track(self) -> u8 {
        (self.0 >> 16) as u8
    }

    pub(crate) const fn layer(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The position of the format in its track.
    pub(crate) const fn format(self) -> u8 {
        self.0 as u8
    }
}

/// The running numbers of VP8 and VP9 (RFC 7741 §4.2, RFC 9628 §4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) id: Option<u16>,
    pub(crate) tl0: Option<u8>,
    pub(crate) codec: Option<Codec>,
}

#[derive(Clone, Copy, Debug)]
struct StoredExtension {
    kind: ExtensionKind,
    at: u16,
    len: u8,
}

/// Where a packet stands, apart from its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement {
    pub(crate) origin: Origin,
    pub(crate) sequence: u64,
    pub(crate) received: Time,
    pub(crate) codec: Codec,
    pub(crate) repaired: bool,
}

impl Packet {
    /// Loads the bytes, to be written over.
    pub(crate) fn prefetch(&self) {
        prefetch(self.bytes.as_slice());
    }

    /// Counts the publishers of the stream.
    pub const fn publisher(&self) -> u32 {
        self.origin.publisher()
    }

    /// The publisher's track.
    pub const fn track(&self) -> TrackId {
        TrackId(self.origin.track())
    }

    /// The layer of the track.
    pub const fn layer(&self) -> LayerId {
        LayerId(self.origin.layer())
    }

    /// Whether a decoder can start here.
    pub const fn starts_key_frame(&self) -> bool {
        self.keyframe
    }

    /// The payload, without padding.
    pub(crate) fn payload(&self) -> &[u8] {
        let padded = self.padded_payload();
        padded.split_last().map_or(padded, |(_, payload)| payload)
    }

    /// The payload with one byte of padding behind it: a count of one (RFC 3550 §5.1).
    pub(crate) fn padded_payload(&self) -> &[u8] {
        self.bytes.get(self.payload_at..).unwrap_or_default()
    }

    /// The header extensions that viewers may see.
    pub(crate) fn extensions(&self) -> impl Iterator<Item = (ExtensionKind, &[u8])> + Clone {
        self.extensions.iter().filter_map(|extension| {
            let at = usize::from(extension.at);
            let data = self.bytes.get(at..at + usize::from(extension.len))?;
            Some((extension.kind, data))
        })
    }

    pub(crate) fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }

    /// The memory that it keeps, in bytes.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.bytes.capacity()
    }

    /// Takes the place of whatever was here. `payload` is the packet's, or what an RTX packet restores.
    pub(crate) fn fill(
        &mut self,
        placement: Placement,
        packet: &RtpPacket<'_>,
        payload: &[u8],
        ids: &ExtensionMap,
    ) {
        self.origin = placement.origin;
        self.sequence = placement.sequence;
        self.received = placement.received;
        self.repaired = placement.repaired;
        self.timestamp = packet.timestamp();
        self.marker = packet.marker();
        self.bytes.clear();
        self.extensions.clear();
        self.bytes
            .reserve_exact((packet.header_len() + payload.len() + 1).next_multiple_of(64));
        let mut dependency_descriptor = None;
        for (id, data) in packet.extensions() {
            let Some(kind) = ids.kind(id).filter(|&kind| is_forwarded(kind)) else {
                continue;
            };
            if kind == ExtensionKind::DependencyDescriptor {
                dependency_descriptor = Some(data);
            }
            let (Ok(at), Ok(len)) = (u16::try_from(self.bytes.len()), u8::try_from(data.len()))
            else {
                continue;
            };
            if self
                .extensions
                .try_push(StoredExtension { kind, at, len })
                .is_ok()
            {
                self.bytes.extend_from_slice(data);
            }
        }
        self.payload_at = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        self.bytes.push(1);
        let info = inspect(placement.codec, payload, dependency_descriptor);
        self.keyframe = info.keyframe;
        self.frame_start = info.frame_start;
        self.resolution = info.resolution;
        self.picture = Picture::of(placement.codec, payload);
        // AV1's payload format, appendix A.8.2: start, end, template, then the frame number.
        self.frame_number = dependency_descriptor
            .and_then(|data| data.get(1..3)?.first_chunk())
            .map(|number| u16::from_be_bytes(*number));
    }
}

#[cfg(test)]
impl Packet {
    /// A packet without bytes.
    pub(crate) fn bare(sequence: u64, timestamp: u32, keyframe: bool, received: Time) -> Self {
        Self {
            sequence,
            timestamp,
            keyframe,
            received,
            ..Self::default()
        }
    }
}

impl Picture {
    fn of(codec: Codec, payload: &[u8]) -> Self {
        let numbers = match codec {
            Codec::Vp8 => vp8::Descriptor::parse(payload)
                .map(|descriptor| (descriptor.picture_id, descriptor.tl0_pic_idx)),
            Codec::Vp9 => vp9::Descriptor::parse(payload)
                .map(|descriptor| (descriptor.picture_id, descriptor.tl0_pic_idx)),
            _ => None,
        };
        numbers.map_or_else(Self::default, |(id, tl0)| Self {
            id: id.map(|id| id.value()),
            tl0,
            codec: Some(codec),
        })
    }
}
