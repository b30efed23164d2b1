//! One layer: one simulcast encoding of a video track, or all of an audio track.

use std::sync::Arc;
use std::time::Duration;

use xrtc_rtp::{Codec, NtpTime, Rid, Time};

use crate::cache::{CacheBounds, PacketCache};
use crate::keyframe::KeyFrameRequester;
use crate::layers::Candidate;
use crate::rate::RateMeter;
use crate::{Discard, Packet};

/// One simulcast encoding of a video track, or all of an audio track, as this worker sees it.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) rid: Option<Rid>,
    pub(crate) cache: PacketCache,
    /// The latest key frame's first packet. For audio the latest packet: a decoder can start at any.
    pub(crate) key: Option<KeyFrame>,
    pub(crate) requester: KeyFrameRequester,
    pub(crate) clock: Option<ClockMap>,
    pub(crate) last_packet: Option<Time>,
    pub(crate) resolution: Option<(u16, u16)>,
    pub(crate) frames: u64,
    pub(crate) key_frames: u64,
    /// Counts the restarts of its numbering.
    pub(crate) epoch: u16,
    rate: RateMeter,
    /// The first sequence number of this epoch.
    first: Option<u64>,
    last_frame: Option<u32>,
    frame_interval: Duration,
}

/// Where a decoder can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyFrame {
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) received: Time,
}

/// A point where the publisher's wall clock and the layer's timestamps meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockMap {
    pub(crate) ntp: NtpTime,
    pub(crate) timestamp: u32,
    pub(crate) received: Time,
}

/// What a layer must know of its packets' format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LayerFormat {
    pub(crate) codec: Codec,
    pub(crate) clock_rate: u32,
    /// Whether a gap may still close.
    pub(crate) repairs: bool,
}

impl Layer {
    pub(crate) fn new(rid: Option<Rid>, bounds: CacheBounds) -> Self {
        Self {
            rid,
            cache: PacketCache::new(bounds),
            key: None,
            requester: KeyFrameRequester::default(),
            clock: None,
            last_packet: None,
            resolution: None,
            frames: 0,
            key_frames: 0,
            epoch: 0,
            rate: RateMeter::default(),
            first: None,
            last_frame: None,
            frame_interval: Duration::ZERO,
        }
    }

    /// The numbering starts anew: what came before is no neighbour of what comes.
    pub(crate) fn restart(&mut self, epoch: u16) {
        self.epoch = epoch;
        self.cache.clear();
        self.key = None;
        self.first = None;
        self.last_frame = None;
    }

    /// The publisher's wall clock at a timestamp, in nanoseconds.
    pub(crate) fn ntp_nanos(&self, timestamp: u32, clock_rate: u32) -> Option<i64> {
        let clock = self.clock?;
        let ticks = i64::from(timestamp.wrapping_sub(clock.timestamp) as i32);
        Some(clock.ntp.as_nanos() as i64 + ticks * NANOS / i64::from(clock_rate.max(1)))
    }

    /// The timestamp at a time of the publisher's wall clock.
    pub(crate) fn timestamp_at(&self, ntp_nanos: i64, clock_rate: u32) -> Option<u32> {
        let clock = self.clock?;
        let nanos = ntp_nanos - clock.ntp.as_nanos() as i64;
        let ticks = i128::from(nanos) * i128::from(clock_rate) / i128::from(NANOS);
        Some(clock.timestamp.wrapping_add(ticks as u32))
    }

    /// Another source took the layer over: its clock is its own too.
    pub(crate) const fn forget_clock(&mut self) {
        self.clock = None;
    }

    /// Stores a packet that the cache welcomes. Returns where decoders can start since now: at or near this
    /// packet.
    pub(crate) fn store(
        &mut self,
        packet: Arc<Packet>,
        arrival: u64,
        now: Time,
        format: LayerFormat,
    ) -> Option<u64> {
        self.last_packet = Some(now);
        self.rate.add(now, packet.payload().len());
        self.first.get_or_insert(packet.sequence);
        self.note_frame(&packet, format.clock_rate);
        if let Some(resolution) = packet.resolution {
            self.resolution = Some(resolution);
        }
        let sequence = packet.sequence;
        self.cache.insert(packet, arrival, now);
        let start = self.settle(sequence, format)?;
        let Packet {
            timestamp,
            received,
            ..
        } = *self.cache.get(start)?.packet;
        self.key = Some(KeyFrame {
            sequence: start,
            timestamp,
            received,
        });
        if format.codec.kind() == xrtc_rtp::MediaKind::Video {
            self.key_frames += 1;
            self.requester.arrived();
        }
        Some(start)
    }

    pub(crate) fn check(&self, sequence: u64) -> Result<(), Discard> {
        self.cache.check(sequence)
    }

    /// What layers are compared by.
    pub(crate) fn candidate(&self, now: Time) -> Candidate {
        Candidate {
            last_packet: self.last_packet,
            frame_interval: self.frame_interval,
            has_key_frame: self.key.is_some(),
            resolution: self.resolution,
            bitrate: self.rate.rate(now),
        }
    }

    /// Whether packets arrived lately.
    pub(crate) fn is_live(&self, now: Time) -> bool {
        self.last_packet
            .is_some_and(|last| now.since(last) < SILENT)
    }

    /// Where a viewer that joins now can start: the latest key frame, if all since then is there and is no
    /// more than `most` packets.
    pub(crate) fn group(&self, most: usize) -> Option<KeyFrame> {
        let key = self.key?;
        let len = self.cache.end().checked_sub(key.sequence)?;
        let complete = len <= most as u64
            && (key.sequence..self.cache.end()).all(|sequence| self.cache.get(sequence).is_some());
        complete.then_some(key)
    }

    /// Counts frames by their timestamps and learns their interval.
    fn note_frame(&mut self, packet: &Packet, clock_rate: u32) {
        let Some(last) = self.last_frame else {
            self.last_frame = Some(packet.timestamp);
            self.frames += 1;
            return;
        };
        let ahead = packet.timestamp.wrapping_sub(last);
        if ahead == 0 || ahead > u32::MAX / 2 {
            return;
        }
        self.last_frame = Some(packet.timestamp);
        self.frames += 1;
        let interval = Duration::from_secs(ahead.into()) / clock_rate.max(1);
        let interval = interval.min(Duration::from_secs(1));
        self.frame_interval = if self.frame_interval.is_zero() {
            interval
        } else {
            (self.frame_interval * 7 + interval) / 8
        };
    }

    /// Where a key frame turns out to start, now that the packet `sequence` is there.
    ///
    /// With VP8, VP9 and AV1 a packet says whether it is the first of a key frame. With H.264 and H.265
    /// parameter sets come in packets of their own before the picture: a start is certain only when the packet
    /// before it is there or never was.
    fn settle(&self, sequence: u64, format: LayerFormat) -> Option<u64> {
        let packet = &self.cache.get(sequence)?.packet;
        let newer = |start: u64| {
            self.key
                .is_none_or(|key| start > key.sequence)
                .then_some(start)
        };
        match format.codec {
            Codec::Vp8 | Codec::Vp9 | Codec::Av1 => newer(sequence).filter(|_| packet.keyframe),
            Codec::H264 | Codec::H265 => {
                let first = self.next_start(sequence)?;
                if self.key.is_some_and(|key| key.timestamp == first.timestamp) {
                    return None;
                }
                newer(self.first_of_frame(first, format.repairs)?)
            }
            // Every packet of audio is a start; an empty one only keeps the numbering.
            _ => newer(sequence).filter(|_| !packet.payload().is_empty()),
        }
    }

    /// The packet, or the next one behind it if it closed a gap, that says that decoders can start.
    fn next_start(&self, sequence: u64) -> Option<&Packet> {
        let packets = (sequence..)
            .take(FEW)
            .map_while(|sequence| self.cache.get(sequence));
        packets
            .map(|slot| slot.packet.as_ref())
            .find(|packet| packet.keyframe)
    }

    /// The first packet of the frame that `packet` is of; `None` while one of them may still come.
    fn first_of_frame(&self, packet: &Packet, repairs: bool) -> Option<u64> {
        let mut start = packet.sequence;
        loop {
            if self.first == Some(start) {
                return Some(start);
            }
            match self.cache.get(start - 1) {
                Some(slot) if slot.packet.timestamp == packet.timestamp => start -= 1,
                None if repairs => return None,
                Some(_) | None => return Some(start),
            }
        }
    }
}

const NANOS: i64 = 1_000_000_000;
/// The packets of a frame before its parameter sets: delimiters and messages.
const FEW: usize = 4;
/// A layer that is silent for so long is neither asked for key frames nor reported as live.
const SILENT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    const H264: LayerFormat = LayerFormat {
        codec: Codec::H264,
        clock_rate: 90_000,
        repairs: true,
    };

    fn layer() -> Layer {
        let bounds = CacheBounds {
            packets: 64,
            bytes: 1 << 20,
            age: Duration::from_secs(1),
            spares: 0,
        };
        Layer::new(None, bounds)
    }

    fn put(layer: &mut Layer, sequence: u64, timestamp: u32, keyframe: bool) -> Option<u64> {
        let packet = Packet::bare(sequence, timestamp, keyframe, Time::ZERO);
        layer.store(Arc::new(packet), 0, Time::from_millis(1), H264)
    }

    #[test]
    fn an_h264_key_frame_starts_at_its_parameter_sets() {
        let mut layer = layer();
        assert_eq!(
            put(&mut layer, 10, 0, true),
            Some(10),
            "the first packet of all"
        );
        put(&mut layer, 11, 0, true);
        assert_eq!(put(&mut layer, 12, 3_000, false), None);
        assert_eq!(put(&mut layer, 13, 6_000, true), Some(13));
        assert_eq!(put(&mut layer, 14, 6_000, true), None, "the same frame");
    }

    #[test]
    fn a_picture_that_overtook_its_parameter_sets_waits_for_them() {
        let mut layer = layer();
        put(&mut layer, 10, 0, false);
        assert_eq!(put(&mut layer, 14, 3_000, true), None);
        assert_eq!(put(&mut layer, 12, 3_000, true), None);
        assert_eq!(put(&mut layer, 13, 3_000, false), None);
        assert_eq!(put(&mut layer, 11, 0, false), Some(12));
        assert_eq!(layer.key_frames, 1);
    }

    #[test]
    fn a_group_with_a_gap_serves_nobody() {
        let mut layer = layer();
        put(&mut layer, 10, 0, true);
        put(&mut layer, 12, 3_000, false);
        assert_eq!(layer.group(100), None);
        put(&mut layer, 11, 0, false);
        assert_eq!(layer.group(100).map(|key| key.sequence), Some(10));
        assert_eq!(layer.group(2), None);
    }
}
