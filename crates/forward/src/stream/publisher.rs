//! The publisher's side of a stream.

use std::sync::Arc;
use std::time::Duration;

use xrtc_rtp::{MediaKind, NtpTime, RtpPacket, Ssrc, Time, rtcp};

use super::Stream;
use crate::ingest::{Ingest, Placed};
use crate::layer::ClockMap;
use crate::nack::Arrival;
use crate::packet::{Origin, Placement};
use crate::track::Track;
use crate::{
    Discard, IngestConfig, LayerId, Limits, PublishError, PublisherDescription, RelayItem,
    SenderReportItem, StreamEvent, TrackDescription, TrackId,
};

impl Stream {
    /// Takes a publisher. A present one is over; its viewers continue on the new one, with the same SSRCs and
    /// continuous sequence numbers and timestamps, from its first key frame.
    pub fn publish(&mut self, now: Time, config: IngestConfig) -> Result<(), PublishError> {
        if self.config.mirror {
            return Err(PublishError::Mirror);
        }
        let ingest = Ingest::new(config, now)?;
        self.now = self.now.max(now);
        let description = PublisherDescription {
            publisher: self.publisher.wrapping_add(1) & Origin::MAX_PUBLISHER,
            tracks: ingest
                .config
                .tracks
                .iter()
                .map(TrackDescription::from)
                .collect(),
        };
        self.ingest = Some(ingest);
        self.begin_publisher(&description);
        self.push_relay(RelayItem::Publisher(Arc::new(description)));
        Ok(())
    }

    /// The publisher is gone; the viewers stay.
    pub fn unpublish(&mut self, now: Time) {
        self.now = self.now.max(now);
        if self.ingest.take().is_some() {
            self.end_publisher();
            self.push_relay(RelayItem::Unpublished);
        }
    }

    /// Whether there is a publisher, here or at the stream's home.
    pub const fn is_published(&self) -> bool {
        !self.tracks.is_empty()
    }

    /// A round trip to the publisher, as the transport measured it: retransmissions are asked for in its step.
    pub const fn set_publisher_rtt(&mut self, rtt: Duration) {
        if let Some(ingest) = &mut self.ingest {
            ingest.rtt.tell(rtt);
        }
    }

    /// When the publisher's last packet arrived; `None` before the first one or without a publisher.
    pub fn last_packet(&self) -> Option<Time> {
        self.ingest.as_ref()?.last_packet
    }

    /// Asks the publisher for a key frame, merged with what was asked for already.
    pub fn request_key_frame(&mut self, now: Time, track: TrackId, layer: LayerId) {
        self.now = self.now.max(now);
        let track = self.tracks.get_mut(usize::from(track.0));
        if let Some(track) = track.filter(|track| track.kind == MediaKind::Video)
            && let Some(layer) = track.layer_mut(layer.0)
        {
            layer.requester.want();
        }
        self.ask_home(now);
    }

    /// A decrypted RTP packet from the publisher.
    pub fn handle_rtp(&mut self, now: Time, packet: &[u8]) {
        self.now = self.now.max(now);
        if let Err(discard) = self.take_rtp(now, packet) {
            self.discards.count(discard);
        }
    }

    fn take_rtp(&mut self, now: Time, datagram: &[u8]) -> Result<(), Discard> {
        let ingest = self.ingest.as_mut().ok_or(Discard::NoPublisher)?;
        if datagram.len() > Limits::MAX_PACKET {
            return Err(Discard::RtpTooLong);
        }
        let packet = RtpPacket::parse(datagram).map_err(|_| Discard::RtpMalformed)?;
        let placed = ingest.place(now, &packet)?;
        let track = self.tracks.get_mut(usize::from(placed.track));
        let track = track.ok_or(Discard::UnknownTrack)?;
        let format = track
            .layer_format(placed.format)
            .ok_or(Discard::UnknownPayloadType)?;
        let layer = track.layer_mut(placed.layer).ok_or(Discard::UnknownLayer)?;
        if placed.moved {
            layer.forget_clock();
        }
        if placed.restart {
            layer.restart(layer.epoch.wrapping_add(1));
        }
        if let Err(discard) = layer.check(placed.sequence) {
            ingest.note_refused(&placed, discard);
            return Err(discard);
        }
        let Placed {
            track,
            layer: number,
            format: kind,
            ..
        } = placed;
        let origin = Origin::new(self.publisher, layer.epoch, track, number, kind);
        let sequence = placed.sequence;
        let repaired = ingest.was_requested(&placed);
        let placement = Placement {
            origin,
            sequence,
            received: now,
            codec: format.codec,
            repaired,
        };
        let mut stored = layer.cache.buffer();
        if let Some(place) = Arc::get_mut(&mut stored) {
            place.fill(
                placement,
                &packet,
                placed.payload,
                &ingest.extensions(placed.track),
            );
        }
        if repaired {
            let bytes = placed.payload.len() as u64;
            if let Some(source) = ingest.demux.by_ssrc(packet.ssrc()) {
                source.received.again += 1;
                source.received.again_bytes += bytes;
            }
        }
        if !ingest.note_stored(now, &placed) && format.codec.kind() == MediaKind::Video {
            layer.requester.want();
        }
        // A restored packet of another run than the present one is nobody's neighbour; there is none, because
        // its number was extended near the media's.
        debug_assert!(placed.how == Arrival::Original || !placed.restart);
        self.store(now, stored);
        Ok(())
    }

    /// A decrypted RTCP datagram from the publisher.
    pub fn handle_rtcp(&mut self, now: Time, datagram: &[u8]) {
        self.now = self.now.max(now);
        if self.ingest.is_none() {
            self.discards.count(Discard::NoPublisher);
            return;
        }
        for packet in rtcp::packets(datagram) {
            match packet {
                Ok(rtcp::Packet::SenderReport(report)) => {
                    self.note_sender_report(now, report.ssrc, &report.info);
                }
                Ok(rtcp::Packet::Bye(bye)) => self.note_bye(bye.ssrcs()),
                Ok(_) => {}
                Err(_) => self.discards.count(Discard::RtcpMalformed),
            }
        }
    }

    fn note_sender_report(&mut self, now: Time, ssrc: Ssrc, info: &rtcp::SenderInfo) {
        let source = self
            .ingest
            .as_mut()
            .and_then(|ingest| ingest.demux.by_ssrc(ssrc));
        let Some(source) = source else {
            self.discards.count(Discard::RtcpUnknownSource);
            return;
        };
        source.reception.note_sender_report(now, info.ntp);
        let (track, layer) = (source.track, source.layer);
        // A sender without a clock says zero (RFC 3550 §6.4.1).
        if source.is_rtx || info.ntp == NtpTime(0) {
            return;
        }
        let ours = self.config.wall.ntp(now).as_nanos() as i64;
        let theirs = info.ntp.as_nanos() as i64;
        let clock_offset = self
            .clock_offset
            .unwrap_or_else(|| ours.wrapping_sub(theirs));
        let item = SenderReportItem {
            publisher: self.publisher,
            track: TrackId(track),
            layer: LayerId(layer),
            ntp: info.ntp,
            timestamp: info.rtp_timestamp,
            received: now,
            clock_offset,
        };
        self.set_clock(&item);
        self.push_relay(RelayItem::SenderReport(item));
    }

    /// Takes a sender report over to the layer it concerns.
    pub(super) fn set_clock(&mut self, item: &SenderReportItem) {
        self.clock_offset = Some(item.clock_offset);
        let track = self.tracks.get_mut(usize::from(item.track.0));
        if let Some(layer) = track.and_then(|track| track.layer_mut(item.layer.0)) {
            let SenderReportItem {
                ntp,
                timestamp,
                received,
                ..
            } = *item;
            layer.clock = Some(ClockMap {
                ntp,
                timestamp,
                received,
            });
        }
    }

    fn note_bye(&mut self, ssrcs: impl Iterator<Item = Ssrc>) {
        let Some(ingest) = &mut self.ingest else {
            return;
        };
        for ssrc in ssrcs {
            if let Some(source) = ingest.demux.by_ssrc(ssrc) {
                source.bye = true;
            }
        }
        let mut media = ingest
            .demux
            .sources()
            .iter()
            .filter(|source| !source.is_rtx)
            .peekable();
        if media.peek().is_some() && media.all(|source| source.bye) {
            self.emit(StreamEvent::PublisherBye);
        }
    }

    /// Takes over from the publisher before, at home and on mirrors.
    pub(super) fn begin_publisher(&mut self, description: &PublisherDescription) {
        self.publisher = description.publisher;
        self.clock_offset = None;
        let config = &self.config;
        let tracks = description.tracks.iter().take(Limits::MAX_TRACKS);
        self.tracks = tracks
            .map(|track| Track::new(description.publisher, track, config))
            .collect();
        for (_, viewer) in &mut self.viewers {
            viewer.assign(&self.tracks);
        }
    }

    /// Lets go of everything that was the publisher's.
    pub(super) fn end_publisher(&mut self) {
        self.clock_offset = None;
        self.tracks.clear();
        for (_, viewer) in &mut self.viewers {
            viewer.assign(&self.tracks);
        }
    }
}

impl From<&crate::IngestTrack> for TrackDescription {
    fn from(track: &crate::IngestTrack) -> Self {
        Self {
            kind: track.kind,
            mid: track.mid,
            formats: track
                .codecs
                .iter()
                .map(|codec| (codec.format, codec.clock_rate))
                .collect(),
            rids: track.rids.clone(),
            repairs: track.codecs.iter().any(|codec| codec.feedback.nack),
        }
    }
}
