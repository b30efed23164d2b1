//! A publisher of the generator's stream, who answers every request.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use xrtc_rtp::rtcp::{self, Packet};
use xrtc_rtp::{Codec, HeaderFields, PayloadType, Ssrc, Time, rtx, write_header};
use xrtc_testkit::{Picture, PictureCounters, pack};

pub(crate) const MEDIA: Ssrc = Ssrc(0xb0);
pub(crate) const RTX: Ssrc = Ssrc(0xb1);
pub(crate) const MEDIA_TYPE: PayloadType = PayloadType(96);
pub(crate) const RTX_TYPE: PayloadType = PayloadType(97);

/// The publisher.
pub(crate) struct Publisher {
    rng: Rng,
    start: Time,
    /// Every frame sent.
    pub(crate) frames: Vec<Sent>,
    counters: PictureCounters,
    sequence: u16,
    rtx_sequence: u16,
    last_key: Option<Time>,
    wants_key: bool,
    /// The rest of a frame on its way out, and when the next packet goes.
    rest: VecDeque<(u16, Vec<u8>)>,
    next: Time,
    history: VecDeque<(u16, Vec<u8>)>,
    /// Retransmissions sent.
    pub(crate) resent: u64,
}

/// One frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Time,
    pub(crate) packets: u16,
    pub(crate) is_key: bool,
}

impl Publisher {
    pub(crate) fn new(seed: u64, start: Time) -> Self {
        let mut rng = Rng::with_seed(seed);
        Self {
            start,
            frames: Vec::new(),
            counters: PictureCounters::starting_at(rng.u16(..), rng.u8(..)),
            sequence: rng.u16(1..0x7fff),
            rtx_sequence: rng.u16(1..0x7fff),
            rng,
            last_key: None,
            wants_key: false,
            rest: VecDeque::new(),
            next: start,
            history: VecDeque::new(),
            resent: 0,
        }
    }

    pub(crate) const fn poll_timeout(&self) -> Time {
        self.next
    }

    /// The packet that goes out now.
    pub(crate) fn send(&mut self, now: Time) -> Vec<u8> {
        if self.rest.is_empty() {
            self.capture(now);
        }
        let (sequence, packet) = self.rest.pop_front().unwrap_or_default();
        self.next = if self.rest.is_empty() {
            self.start + FRAME * self.frames.len() as u32
        } else {
            now + SPACING
        };
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((sequence, packet.clone()));
        packet
    }

    /// Takes in RTCP and returns what is sent again.
    pub(crate) fn handle_rtcp(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        let mut again = Vec::new();
        for packet in rtcp::packets(datagram).flatten() {
            match packet {
                Packet::Nack(nack) => {
                    let known = nack.sequence_numbers().filter_map(|number| {
                        let mut sent = self.history.iter().rev();
                        sent.find(|(sequence, _)| *sequence == number)
                    });
                    again.extend(known.map(|(_, packet)| packet.clone()));
                }
                Packet::Pli(_) | Packet::Fir(_) => self.wants_key = true,
                _ => {}
            }
        }
        self.resent += again.len() as u64;
        again
            .iter()
            .filter_map(|packet| {
                self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
                retransmission(packet, RTX, RTX_TYPE, self.rtx_sequence)
            })
            .collect()
    }

    fn capture(&mut self, now: Time) {
        let since = self.last_key.map(|last| now.since(last));
        let is_key = since.is_none_or(|since| {
            since >= KEY_INTERVAL - FRAME / 2 || self.wants_key && since >= SHORTEST_KEY_INTERVAL
        });
        let bytes = if is_key {
            (self.wants_key, self.last_key) = (false, Some(now));
            4.0 * DELTA_BYTES
        } else {
            DELTA_BYTES * (0.8 + 0.4 * self.rng.f64())
        };
        let count = (bytes as usize).div_ceil(PACKET_BYTES);
        let picture = Picture {
            frame: self.frames.len() as u32,
            layer: 0,
            is_key,
            resolution: (1_280, 720),
            // `pack` makes packets of a thousand bytes; here only their number matters.
            bytes: 1_000 * count,
        };
        let timestamp = 3_000 * self.frames.len() as u32;
        for (place, payload) in (1..).zip(pack(Codec::Vp8, &picture, &mut self.counters)) {
            self.sequence = self.sequence.wrapping_add(1);
            let fields = HeaderFields {
                marker: place == count,
                payload_type: MEDIA_TYPE,
                sequence_number: self.sequence,
                timestamp,
                ssrc: MEDIA,
            };
            self.rest
                .push_back((self.sequence, write(&fields, &payload)));
        }
        self.frames.push(Sent {
            at: now,
            packets: count as u16,
            is_key,
        });
    }
}

/// An RTX packet that repeats `packet` (RFC 4588 §4).
pub(crate) fn retransmission(
    packet: &[u8],
    ssrc: Ssrc,
    payload_type: PayloadType,
    sequence_number: u16,
) -> Option<Vec<u8>> {
    let original = xrtc_rtp::RtpPacket::parse(packet).ok()?;
    let fields = HeaderFields {
        marker: original.marker(),
        payload_type,
        sequence_number,
        timestamp: original.timestamp(),
        ssrc,
    };
    let payload = [
        &rtx::prefix(original.sequence_number())[..],
        original.payload(),
    ];
    Some(write(&fields, &payload.concat()))
}

fn write(fields: &HeaderFields, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 64];
    let len = write_header(&mut out, fields, std::iter::empty()).unwrap_or_default();
    out.truncate(len);
    out.extend_from_slice(payload);
    out
}

/// 30 frames a second.
pub(crate) const FRAME: Duration = Duration::from_nanos(33_333_333);
/// Between the packets of one frame.
const SPACING: Duration = Duration::from_micros(100);
const KEY_INTERVAL: Duration = Duration::from_secs(2);
const SHORTEST_KEY_INTERVAL: Duration = Duration::from_millis(300);
/// Of a frame that is no key frame, on average: 1 Mbit/s with a key frame of four times as much every two seconds.
const DELTA_BYTES: f64 = 1e6 / 8.0 / 30.0 * 60.0 / 63.0;
const PACKET_BYTES: usize = 1_198;
/// More than eight seconds.
const HISTORY: usize = 1_024;
