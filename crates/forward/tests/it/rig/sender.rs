//! Packets as a publisher builds them.

use xrtc_rtp::rtcp::{self, SenderInfo};
use xrtc_rtp::{HeaderFields, PayloadType, RtpPacket, Ssrc, Time, WallClock, write_header};

use super::{AUDIO, OPUS, VIDEO, VP8};

/// One RTP stream of a publisher.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) ssrc: Ssrc,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) picture: u16,
    pub tl0: u8,
    pub(crate) extensions: Vec<(u8, Vec<u8>)>,
    pub(crate) packets: u32,
}

impl Sender {
    pub(crate) fn new(ssrc: Ssrc, payload_type: u8, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            payload_type,
            sequence,
            timestamp,
            picture: 100,
            tl0: 50,
            extensions: Vec::new(),
            packets: 0,
        }
    }

    pub(crate) fn audio() -> Self {
        Self::new(AUDIO, OPUS, 1_000, 48_000)
    }

    pub(crate) fn video() -> Self {
        Self::new(VIDEO, VP8, 2_000, 90_000)
    }

    pub(crate) fn with(mut self, id: u8, data: &[u8]) -> Self {
        self.extensions.push((id, data.to_vec()));
        self
    }

    /// The next packet with this payload.
    pub(crate) fn packet(&mut self, payload: &[u8], marker: bool) -> Vec<u8> {
        let fields = HeaderFields {
            marker,
            payload_type: PayloadType(self.payload_type),
            sequence_number: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.packets += 1;
        rtp(&fields, &self.extensions, payload)
    }

    pub(crate) fn opus(&mut self) -> Vec<u8> {
        let payload = [0x78, self.sequence as u8, 1, 2, 3];
        let packet = self.packet(&payload, false);
        self.timestamp = self.timestamp.wrapping_add(960);
        packet
    }

    /// A VP8 frame of so many packets, 30 a second.
    pub(crate) fn vp8(&mut self, keyframe: Option<(u16, u16)>, count: usize) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for number in 0..count {
            let payload = vp8_payload(
                self.picture,
                self.tl0,
                (number == 0, keyframe),
                self.sequence,
            );
            packets.push(self.packet(&payload, number + 1 == count));
        }
        self.picture = (self.picture + 1) & 0x7fff;
        self.tl0 = self.tl0.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(3_000);
        packets
    }

    pub(crate) fn padding(&mut self) -> Vec<u8> {
        let mut packet = self.packet(&[], false);
        packet[0] |= 0x20;
        packet.extend([0; 199]);
        packet.push(200);
        packet
    }

    pub(crate) fn sender_report(&self, ntp: Time, timestamp: u32) -> Vec<u8> {
        let info = SenderInfo {
            ntp: PUBLISHER_WALL.ntp(ntp),
            rtp_timestamp: timestamp,
            packet_count: self.packets,
            octet_count: 0,
        };
        let mut out = vec![0; 200];
        let len = rtcp::write_sender_report(&mut out, self.ssrc, &info, &[]).unwrap();
        out.truncate(len);
        out
    }
}

/// The publisher's clock is wrong by minutes.
pub(crate) const PUBLISHER_WALL: WallClock = WallClock {
    unix_nanos_at_zero: 1_700_000_321_000_000_000,
};

pub(crate) fn rtp(fields: &HeaderFields, extensions: &[(u8, Vec<u8>)], payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 512];
    let elements = extensions.iter().map(|(id, data)| (*id, data.as_slice()));
    let len = write_header(&mut out, fields, elements).unwrap();
    out.truncate(len);
    out.extend_from_slice(payload);
    out
}

/// A payload descriptor with a 15-bit picture id, tl0 and tid, and the beginning of a frame.
pub(crate) fn vp8_payload(
    picture: u16,
    tl0: u8,
    (first, keyframe): (bool, Option<(u16, u16)>),
    salt: u16,
) -> Vec<u8> {
    let start = if first { 0x90 } else { 0x80 };
    let [high, low] = (picture | 0x8000).to_be_bytes();
    let mut payload = vec![start, 0xe0, high, low, tl0, 0x00];
    match keyframe {
        Some((width, height)) if first => {
            payload.extend([0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a]);
            payload.extend(width.to_le_bytes());
            payload.extend(height.to_le_bytes());
        }
        _ => payload.extend([0x11, 0x02, 0x00]),
    }
    payload.extend(salt.to_be_bytes());
    payload.extend([0xee; 40]);
    payload
}

/// An RTX packet that repeats `original` (RFC 4588 §4).
pub(crate) fn rtx(original: &[u8], ssrc: Ssrc, payload_type: u8, sequence: u16) -> Vec<u8> {
    let packet = RtpPacket::parse(original).unwrap();
    let fields = HeaderFields {
        marker: packet.marker(),
        payload_type: PayloadType(payload_type),
        sequence_number: sequence,
        timestamp: packet.timestamp(),
        ssrc,
    };
    let extensions: Vec<(u8, Vec<u8>)> = packet
        .extensions()
        .map(|(id, data)| (id, data.to_vec()))
        .collect();
    let mut payload = packet.sequence_number().to_be_bytes().to_vec();
    payload.extend_from_slice(packet.payload());
    rtp(&fields, &extensions, &payload)
}
