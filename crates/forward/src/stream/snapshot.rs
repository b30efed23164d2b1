//! What a stream did and what it holds, for statistics and for accounts.

use xrtc_rtp::{Ssrc, Time};

use super::Stream;
use crate::ingest::Ingest;
use crate::layer::Layer;
use crate::subscription::Subscription;
use crate::track::Track;
use crate::viewer::track_of;
use crate::{
    Held, InboundStats, LayerId, OutboundStats, StreamStats, TrackId, ViewerId, ViewerStats,
};

impl Stream {
    /// The publisher's side and the totals.
    pub fn stats(&self, now: Time) -> StreamStats {
        let mut inbound = Vec::new();
        for (index, track) in (0..).zip(&self.tracks) {
            for (number, layer) in (0..).zip(&track.layers) {
                if layer.last_packet.is_some() {
                    inbound.push(inbound_stats(
                        now,
                        (index, track),
                        (number, layer),
                        self.ingest.as_ref(),
                    ));
                }
            }
        }
        StreamStats {
            inbound,
            discards: self.discards,
            viewers: self.viewers.len(),
        }
    }

    /// One viewer's side.
    pub fn viewer_stats(&self, viewer: ViewerId) -> Option<ViewerStats> {
        let present = self.viewer(viewer)?;
        let outbound = present.subscriptions.iter().map(|subscription| {
            outbound_stats(subscription, track_of(&self.tracks, subscription.source))
        });
        let outbound = outbound.collect();
        Some(ViewerStats {
            viewer,
            outbound,
            discards: present.discards,
        })
    }

    /// What the stream holds.
    pub fn held(&self) -> Held {
        let layers = || self.tracks.iter().flat_map(|track| &track.layers);
        Held {
            tracks: self.tracks.len(),
            sources: self
                .ingest
                .as_ref()
                .map_or(0, |ingest| ingest.demux.sources().len()),
            packets: layers().map(|layer| layer.cache.len()).sum(),
            spare_packets: layers().map(|layer| layer.cache.spare()).sum(),
            viewers: self.viewers.len(),
            subscriptions: self
                .viewers
                .iter()
                .map(|(_, v)| v.subscriptions.len())
                .sum(),
            timers: self.reports.len(),
            relay_items: self
                .relay
                .as_ref()
                .map_or(0, std::collections::VecDeque::len),
            events: self.events.len(),
        }
    }
}

fn inbound_stats(
    now: Time,
    (index, track): (u8, &Track),
    (number, layer): (u8, &Layer),
    ingest: Option<&Ingest>,
) -> InboundStats {
    let media = ingest.and_then(|ingest| ingest.demux.media(index, number));
    let rtx = ingest.and_then(|ingest| {
        let mut sources = ingest.demux.sources().iter();
        sources.find(|s| s.is_rtx && (s.track, s.layer) == (index, number))
    });
    let intake = ingest.and_then(|ingest| ingest.intake(index, number));
    let first = media.map(|source| source.received).unwrap_or_default();
    let again = rtx.map(|source| source.received).unwrap_or_default();
    let clock_rate = media.map_or(0, |source| source.clock_rate);
    InboundStats {
        track: TrackId(index),
        layer: LayerId(number),
        kind: track.kind,
        mid: track.mid,
        rid: layer.rid,
        ssrc: media.map_or(Ssrc(0), |source| source.ssrc),
        rtx_ssrc: rtx.map(|source| source.ssrc),
        format: track.live_format(),
        payload_type: media.and_then(|source| source.payload_type),
        clock_rate,
        packets_received: first.packets + again.packets,
        bytes_received: first.bytes + again.bytes,
        header_bytes_received: first.header_bytes + again.header_bytes,
        retransmitted_packets_received: first.again + again.again,
        retransmitted_bytes_received: first.again_bytes + again.again_bytes,
        packets_lost: media.map_or(0, |source| source.reception.lost()),
        jitter: media
            .map(|source| source.reception.jitter(clock_rate))
            .unwrap_or_default(),
        frames_received: layer.frames,
        key_frames: layer.key_frames,
        resolution: layer.resolution,
        bitrate: layer.candidate(now).bitrate,
        nack_count: intake.map_or(0, |intake| intake.nack_count),
        pli_count: intake.map_or(0, |intake| intake.pli_count),
        fir_count: intake.map_or(0, |intake| intake.fir_count),
        last_packet: layer.last_packet,
        live: layer.is_live(now),
    }
}

fn outbound_stats(subscription: &Subscription, track: Option<&Track>) -> OutboundStats {
    let segment = subscription.segments.current();
    // Of a publisher that is over, only the counters remain.
    let present = segment
        .zip(track)
        .filter(|(s, track)| s.origin.publisher() == track.publisher);
    let layer = present.and_then(|(segment, track)| track.layer(segment.origin.layer()));
    let (sent, asked) = (&subscription.flow.sent, &subscription.asked);
    OutboundStats {
        kind: subscription.kind,
        mid: subscription.mid,
        ssrc: subscription.flow.ssrc,
        rtx_ssrc: subscription.rtx_ssrc,
        format: present.and_then(|(segment, track)| track.format(segment.origin.format())),
        payload_type: segment.map(|segment| xrtc_rtp::PayloadType(segment.payload_type)),
        layer: present.map(|(segment, _)| LayerId(segment.origin.layer())),
        packets_sent: sent.packets,
        bytes_sent: sent.bytes,
        header_bytes_sent: sent.header_bytes,
        retransmitted_packets_sent: sent.again,
        retransmitted_bytes_sent: sent.again_bytes,
        frames_sent: sent.frames,
        key_frames_sent: sent.key_frames,
        resolution: layer.and_then(|layer| layer.resolution),
        nack_count: asked.nack,
        pli_count: asked.pli,
        fir_count: asked.fir,
        remote: subscription.remote,
    }
}
