//! One track going out to one viewer: which packets it gets, under which numbers.

use std::time::Duration;

use xrtc_prefetch::prefetch;
use xrtc_rtp::{Codec, MediaKind, Mid, Ssrc, Time};

use crate::config::ViewerCodec;
use crate::drain::Fresh;
use crate::layer::KeyFrame;
use crate::layers::LayerWish;
use crate::nack::{FramePlace, NackResponder, Resend};
use crate::outflow::{Outflow, Retransmission, Scratch, Written};
use crate::packet::Origin;
use crate::rewrite::{PayloadChange, PictureShift, Red, Segment, SegmentClock, Segments};
use crate::track::Track;
use crate::{Format, Packet, RemoteInboundStats, ViewerTrack};

/// One track going out to one viewer.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) kind: MediaKind,
    pub(crate) mid: Option<Mid>,
    pub(crate) rtx_ssrc: Option<Ssrc>,
    codecs: Vec<ViewerCodec>,
    /// The viewer takes it now. One that it gave up keeps its numbers, for it may come back under the same SSRC.
    pub(crate) active: bool,
    /// The publisher's track that it carries.
    pub(crate) source: Option<u8>,
    pub(crate) wish: LayerWish,
    pub(crate) segments: Segments,
    pub(crate) flow: Outflow,
    first_index: u64,
    rtx_index: u64,
    catch_up: Option<CatchUp>,
    pub(crate) responder: NackResponder,
    pub(crate) asked: Asked,
    pub(crate) remote: Option<RemoteInboundStats>,
}

/// Packets of the cache still to be sent, because the subscription began before the newest.
#[derive(Clone, Copy, Debug)]
struct CatchUp {
    next: u64,
    end: u64,
    /// Packets from this arrival on come by themselves.
    arrival: u64,
}

/// What the viewer asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) nack: u64,
    pub(crate) pli: u64,
    pub(crate) fir: u64,
    /// The number of the last FIR, which may come several times (RFC 5104 §4.3.1.2).
    pub(crate) fir_number: Option<u8>,
}

impl Subscription {
    pub(crate) fn new(track: &ViewerTrack, first_index: u64, rtx_index: u64) -> Self {
        Self {
            kind: track.kind,
            mid: track.mid,
            rtx_ssrc: track.rtx_ssrc,
            codecs: track.codecs.clone(),
            active: true,
            source: None,
            wish: LayerWish::default(),
            segments: Segments::default(),
            flow: Outflow::new(track),
            first_index,
            rtx_index,
            catch_up: None,
            responder: NackResponder::default(),
            asked: Asked::default(),
            remote: None,
        }
    }

    /// What a later description says of it. Whether it begins anew: packets of before may have other payload types, and
    /// one that comes back goes on from a start.
    pub(crate) fn renew(&mut self, track: &ViewerTrack) -> bool {
        let is_same = self.active && self.mid == track.mid && self.codecs == track.codecs;
        self.mid = track.mid;
        self.codecs.clone_from(&track.codecs);
        self.flow.renew(track);
        self.active = true;
        if !is_same {
            self.pause();
            self.active = true;
        }
        !is_same
    }

    /// The viewer takes it no more, for now.
    pub(crate) fn pause(&mut self) {
        self.active = false;
        self.source = None;
        self.catch_up = None;
        self.segments.end(self.flow.last.map(|last| last.out));
    }

    /// Loads what a turn needs.
    pub(crate) fn prefetch(&self) {
        self.segments.prefetch();
        prefetch(&self.flow);
    }

    /// The viewer's codec for a format, and what becomes of redundant audio.
    pub(crate) fn codec(&self, format: Format) -> Option<(&ViewerCodec, Red)> {
        let find = |format: Format| {
            let exact = |codec: &&ViewerCodec| codec.format == format;
            let near = |codec: &&ViewerCodec| codec.format.accepts(format);
            self.codecs
                .iter()
                .find(exact)
                .or_else(|| self.codecs.iter().find(near))
        };
        if format.codec != Codec::Red {
            return Some((find(format)?, Red::None));
        }
        // Nothing but Opus is agreed on inside.
        let opus = find(Format::any(Codec::Opus))?;
        match find(format) {
            Some(red) => Some((red, Red::Inner(opus.payload_type.0))),
            None => Some((opus, Red::Strip)),
        }
    }

    /// Writes a packet that was just stored, if it is one for this viewer. It may instead begin a segment:
    /// [`Self::next_of_cache`] then has packets.
    pub(crate) fn forward(
        &mut self,
        track: &Track,
        fresh: &Fresh,
        arrival: u64,
        scratch: &mut Scratch,
    ) -> Option<Written> {
        let packet = &*fresh.packet;
        let (segments, flow) = (&self.segments, &mut self.flow);
        let found = segments.find(packet.origin, packet.sequence);
        if let Some((segment, out)) = found {
            let mut written = flow.write(segment, out, packet, scratch);
            if fresh.is_padded && segment.may_pad {
                flow.pad(&mut written, scratch);
            }
            return Some(written);
        }
        self.consider(track, fresh, arrival);
        None
    }

    /// Begins a segment where the layer that it should have offers a start.
    fn consider(&mut self, track: &Track, fresh: &Fresh, arrival: u64) {
        let origin = fresh.packet.origin;
        let same = self
            .segments
            .current()
            .is_some_and(|segment| segment.origin == origin && segment.is_open());
        if same || track.target_for(&self.wish) != Some(origin.layer()) {
            return;
        }
        let start = fresh.starts.or_else(|| {
            // The old layer died, and the key frame of the new one came before that was noticed.
            let last = self.flow.last?.received;
            let layer = track.layer(origin.layer())?;
            layer.key.filter(|key| key.received > last)?;
            layer.group(MOST_OF_GROUP).map(|key| key.sequence)
        });
        if let Some(start) = start {
            self.begin(track, origin, start, arrival + 1);
        }
    }

    /// Whether another layer is carried than the one that it should have.
    pub(crate) fn is_astray(&self, track: &Track) -> bool {
        let target = track.target_for(&self.wish);
        target.is_some_and(|target| {
            self.segments.current().is_none_or(|segment| {
                let origin = segment.origin;
                (origin.publisher(), origin.layer()) != (track.publisher, target)
            })
        })
    }

    /// Begins with what the cache has, for a viewer that joins. Packets from `arrival` on come by themselves.
    pub(crate) fn join(&mut self, track: &Track, most: usize, arrival: u64) -> Option<KeyFrame> {
        let layer = track.layer(track.target_for(&self.wish)?)?;
        let key = layer.group(most)?;
        let origin = layer.cache.get(key.sequence)?.packet.origin;
        self.begin(track, origin, key.sequence, arrival)
            .then_some(key)
    }

    /// Begins a segment with the cached packet `start`; `false` if the viewer cannot decode it.
    fn begin(&mut self, track: &Track, origin: Origin, start: u64, arrival: u64) -> bool {
        let Some(source) = track.layer(origin.layer()) else {
            return false;
        };
        let first = source.cache.get(start).map(|slot| &*slot.packet);
        let Some(first) = first.filter(|first| first.origin == origin) else {
            return false;
        };
        let format = track.format(first.origin.format());
        let Some((codec, red)) = format.and_then(|format| self.codec(format)) else {
            return false;
        };
        let (payload_type, rtx) = (codec.payload_type.0, codec.rtx_payload_type);
        let last = self.flow.last;
        let picture = last.map(|last| PictureShift::after(last.picture, first.picture));
        let frame_shift = self.frame_shift(first);
        let clock = self.clock(track, first);
        let segment = Segment {
            origin,
            payload_type,
            rtx_payload_type: rtx.map(|payload_type| payload_type.0),
            nack: codec.nack,
            // RFC 4588 §4: a retransmission has no padding. Without RTX it must be the same packet again.
            may_pad: !codec.nack || self.rtx_ssrc.is_some() && rtx.is_some(),
            source_start: start,
            source_end: u64::MAX,
            out_start: self.flow.last.map_or(self.first_index, |last| last.out + 1),
            clock,
            change: PayloadChange {
                picture: picture.unwrap_or_default(),
                red,
            },
            frame_shift,
        };
        self.segments
            .begin(segment, self.flow.last.map(|last| last.out));
        self.catch_up = Some(CatchUp {
            next: start,
            end: source.cache.end(),
            arrival,
        });
        true
    }

    /// What lets the frame numbers of dependency descriptors continue. The layers of one publisher share them;
    /// another publisher's begin anew, and would be taken for old ones.
    fn frame_shift(&self, first: &Packet) -> u16 {
        let before = self.segments.current();
        if let Some(before) = before
            && before.origin.publisher() == first.origin.publisher()
        {
            return before.frame_shift;
        }
        match (
            self.flow.last.and_then(|last| last.frame_number),
            first.frame_number,
        ) {
            (Some(last), Some(first)) => last.wrapping_add(1).wrapping_sub(first),
            _ => 0,
        }
    }

    /// What lets the timestamps of a segment continue those before, in step with the publisher's clock.
    fn clock(&self, track: &Track, first: &Packet) -> SegmentClock {
        let Some(last) = self.flow.last else {
            return SegmentClock::new(first.timestamp, first.timestamp, None);
        };
        let clock_rate = track.clock_rate(first.origin.format());
        let passed = ticks(first.received.since(last.received), clock_rate);
        let by_arrival = last.timestamp.wrapping_add(passed);
        let by_clock = self
            .segments
            .current()
            .and_then(|segment| timestamp_by_clock(track, segment, first))
            // Reports that contradict the arrivals are not to be believed.
            .filter(|&by_clock| {
                let apart = by_clock.wrapping_sub(by_arrival) as i32;
                apart.unsigned_abs() < clock_rate
            });
        let wanted = by_clock.unwrap_or(by_arrival);
        SegmentClock::new(first.timestamp, wanted, Some(last.timestamp))
    }

    /// The next packet of the cache that is due since a segment began, with its number there.
    pub(crate) fn next_of_cache<'t>(
        &mut self,
        track: &'t Track,
        scratch: &mut Scratch,
    ) -> Option<(Written, &'t Packet)> {
        let mut catch_up = self.catch_up?;
        let segment = self.segments.current()?;
        let layer = track.layer(segment.origin.layer())?;
        while catch_up.next < catch_up.end {
            let sequence = catch_up.next;
            catch_up.next += 1;
            let Some(slot) = layer.cache.get(sequence) else {
                continue;
            };
            if slot.arrival >= catch_up.arrival {
                continue;
            }
            if let Some(out) = segment.out(slot.packet.origin, sequence) {
                self.catch_up = Some(catch_up);
                let written = self.flow.write(segment, out, &slot.packet, scratch);
                return Some((written, &slot.packet));
            }
        }
        self.catch_up = None;
        None
    }

    pub(crate) const fn is_catching_up(&self) -> bool {
        self.catch_up.is_some()
    }

    /// The packet that was sent as `out`, if it is still there. Packets from `arrival` on were not sent yet.
    pub(crate) fn find_sent<'t>(
        &self,
        track: &'t Track,
        out: u64,
        arrival: u64,
    ) -> Option<(&Segment, &'t Packet)> {
        let (segment, sequence) = self.segments.find_out(out)?;
        let slot = track.layer(segment.origin.layer())?.cache.get(sequence)?;
        let sent = slot.packet.origin == segment.origin && slot.arrival < arrival;
        sent.then(|| (segment, &*slot.packet))
    }

    /// Whether the packet that was sent as `out` and is asked for is sent again, and how often.
    pub(crate) fn admit_resend(
        &mut self,
        now: Time,
        track: Option<&Track>,
        out: u64,
        rtt: Option<Duration>,
    ) -> Resend {
        let segments = &self.segments;
        self.responder
            .admit(now, out, rtt, || frame_place(segments, track?, out))
    }

    /// Writes a packet again: by RTX, or exactly as it was where the viewer has no RTX. `None` if it is gone.
    pub(crate) fn resend<'t>(
        &mut self,
        track: &'t Track,
        out: u64,
        arrival: u64,
        scratch: &mut Scratch,
    ) -> Option<(Written, &'t Packet)> {
        let (segment, packet) = self.find_sent(track, out, arrival)?;
        let segment = *segment;
        let rtx = self
            .rtx_ssrc
            .zip(segment.rtx_payload_type)
            .map(|(ssrc, payload_type)| {
                self.rtx_index += 1;
                Retransmission {
                    ssrc,
                    payload_type,
                    index: self.rtx_index,
                }
            });
        Some((
            self.flow.write_again(&segment, (out, rtx), packet, scratch),
            packet,
        ))
    }
}

/// Where the packet that was sent as `out` stands among the frames, as far as the cache knows.
fn frame_place(segments: &Segments, track: &Track, out: u64) -> Option<FramePlace> {
    let (segment, sequence) = segments.find_out(out)?;
    let cache = &track.layer(segment.origin.layer())?.cache;
    let timestamp = cache.get(sequence)?.packet.timestamp;
    let oldest = sequence.saturating_sub(MOST_OF_FRAME);
    let mut before = (oldest.max(segment.source_start)..sequence)
        .rev()
        .filter_map(|at| cache.get(at));
    let before = &before
        .find(|slot| slot.packet.timestamp != timestamp)?
        .packet;
    Some(FramePlace {
        first: segment.out(segment.origin, before.sequence)? + 1,
        before: before.received,
    })
}

/// Where a packet's timestamp lies in what `segment` sent, by the publisher's wall clock: that is what the
/// layers of a track have in common.
fn timestamp_by_clock(track: &Track, segment: &Segment, first: &Packet) -> Option<u32> {
    let (old, new) = (segment.origin, first.origin);
    if old.publisher() != new.publisher() || old.track() != new.track() {
        return None;
    }
    let old_rate = track.clock_rate(old.format());
    let new_rate = track.clock_rate(new.format());
    let ntp = track
        .layer(new.layer())?
        .ntp_nanos(first.timestamp, new_rate)?;
    let timestamp = if old.layer() == new.layer() {
        (old_rate == new_rate).then_some(first.timestamp)?
    } else {
        track.layer(old.layer())?.timestamp_at(ntp, old_rate)?
    };
    Some(timestamp.wrapping_add(segment.clock.shift))
}

/// A duration in ticks of a media clock.
pub(crate) fn ticks(duration: Duration, clock_rate: u32) -> u32 {
    (duration.as_nanos() * u128::from(clock_rate) / 1_000_000_000) as u32
}

/// For a switch to what the cache holds: the picture has stood still for less than half a second.
const MOST_OF_GROUP: usize = 256;
/// So far back the beginning of a packet's frame is looked for.
const MOST_OF_FRAME: u64 = 128;
