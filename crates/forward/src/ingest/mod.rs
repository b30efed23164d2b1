//! The publisher's side: whose packets these are, what is missing, what to report.

mod demux;
mod feedback;
mod source;

pub(crate) use demux::Demux;
pub(crate) use source::Source;

use std::time::Duration;

use xrtc_rtp::{ExtensionMap, MediaKind, RtpPacket, Ssrc, Time, rtx};

use crate::config::Feedback;
use crate::nack::{Arrival, NackGenerator, RttEstimate};
use crate::reception::Sequence;
use crate::twcc::TransportFeedbackSender;
use crate::{Discard, IngestConfig, IngestTrack, Limits, PublishError};

/// What is known of the present publisher at its home.
#[derive(Debug)]
pub(crate) struct Ingest {
    pub(crate) config: IngestConfig,
    pub(crate) demux: Demux,
    pub(crate) rtt: RttEstimate,
    pub(crate) last_packet: Option<Time>,
    /// Per track and layer.
    intakes: Vec<Intake>,
    twcc: TransportFeedbackSender,
    next_report: Time,
    next_remb: Option<Time>,
    /// Reused.
    numbers: Vec<u16>,
}

/// What the home keeps per layer beyond the [`crate::layer::Layer`].
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) nack: Option<NackGenerator>,
    pub(crate) nack_count: u64,
    pub(crate) pli_count: u64,
    pub(crate) fir_count: u64,
    /// The sequence number of the last FIR (RFC 5104 §4.3.1.1).
    pub(crate) fir_number: u8,
}

/// A packet's place, once its SSRC, payload type and number are understood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) track: u8,
    pub(crate) layer: u8,
    /// The position of the format in the track.
    pub(crate) format: u8,
    pub(crate) sequence: u64,
    pub(crate) payload: &'a [u8],
    pub(crate) how: Arrival,
    /// The layer's numbering starts anew with it.
    pub(crate) restart: bool,
    /// The layer's source is another than before.
    pub(crate) moved: bool,
}

impl Ingest {
    pub(crate) fn new(config: IngestConfig, now: Time) -> Result<Self, PublishError> {
        check(&config)?;
        let mut intakes = Vec::new();
        for track in &config.tracks {
            let asks = feedback_of(track).nack;
            let has_rtx = track
                .codecs
                .iter()
                .any(|codec| codec.rtx_payload_type.is_some());
            // A gap in video matters even if nobody can be asked: it takes a key frame.
            let watched = asks || track.kind == MediaKind::Video;
            intakes.extend((0..Limits::MAX_LAYERS).map(|_| Intake {
                nack: watched.then(|| NackGenerator::new(asks, has_rtx)),
                nack_count: 0,
                pli_count: 0,
                fir_count: 0,
                fir_number: 0,
            }));
        }
        let remb = config.tracks.iter().any(|track| feedback_of(track).remb);
        let next_remb = config.max_bitrate.filter(|_| remb).map(|_| now);
        Ok(Self {
            demux: Demux::default(),
            rtt: RttEstimate::default(),
            last_packet: None,
            intakes,
            twcc: TransportFeedbackSender::new(&config),
            next_report: now + FIRST_REPORT,
            next_remb,
            numbers: Vec::new(),
            config,
        })
    }

    /// Loads what the next packet of a layer touches here; the arrivals in two steps.
    pub(crate) fn prefetch(&self, (track, layer): (u8, u8), is_second: bool) {
        self.twcc.prefetch(is_second);
        if !is_second && let Some(nack) = self.intake(track, layer).and_then(|i| i.nack.as_ref()) {
            nack.prefetch();
        }
    }

    pub(crate) fn track(&self, track: u8) -> Option<&IngestTrack> {
        self.config.tracks.get(usize::from(track))
    }

    pub(crate) fn extensions(&self, track: u8) -> ExtensionMap {
        self.track(track)
            .map(|track| track.extensions)
            .unwrap_or_default()
    }

    pub(crate) fn intake(&self, track: u8, layer: u8) -> Option<&Intake> {
        self.intakes.get(position(track, layer))
    }

    pub(crate) fn intake_mut(&mut self, track: u8, layer: u8) -> Option<&mut Intake> {
        self.intakes.get_mut(position(track, layer))
    }

    /// Finds out where a packet belongs. Everything that arrives is counted for its SSRC, even if it is
    /// dropped then.
    pub(crate) fn place<'a>(
        &mut self,
        now: Time,
        packet: &RtpPacket<'a>,
    ) -> Result<Placed<'a>, Discard> {
        self.last_packet = Some(now);
        self.twcc.note(now, packet);
        let routed = self.demux.route(now, packet, &self.config)?;
        let source = self
            .demux
            .source_mut(routed.index)
            .ok_or(Discard::UnknownTrack)?;
        let (track, layer, is_rtx) = (source.track, source.layer, source.is_rtx);
        let codecs = self
            .config
            .tracks
            .get(usize::from(track))
            .map(|track| track.codecs.as_slice());
        let payload_type = packet.payload_type();
        let format = codecs.unwrap_or_default().iter().position(|codec| {
            if is_rtx {
                codec.rtx_payload_type == Some(payload_type)
            } else {
                codec.payload_type == payload_type
            }
        });
        let format = format.and_then(|index| u8::try_from(index).ok());
        let clock_rate = source.note(now, packet, format, codecs.unwrap_or_default());
        let sequence = source.reception.receive(packet.sequence_number());
        let Some(format) = format else {
            // Dropped, but not missing.
            if let Sequence::Next(sequence) = sequence
                && !is_rtx
            {
                self.note_arrival(now, position(track, layer), sequence, Arrival::Original);
            }
            return Err(Discard::UnknownPayloadType);
        };
        if is_rtx {
            let (sequence, payload) = self.restore(packet.payload(), track, layer)?;
            let how = Arrival::Retransmission;
            let (restart, moved) = (false, false);
            return Ok(Placed {
                track,
                layer,
                format,
                sequence,
                payload,
                how,
                restart,
                moved,
            });
        }
        source
            .reception
            .note_transit(now, packet.timestamp(), clock_rate);
        let (sequence, restart) = match sequence {
            Sequence::Next(sequence) => (sequence, false),
            Sequence::Restart(sequence) => (sequence, true),
            Sequence::Doubtful => return Err(Discard::SequenceJump),
        };
        let moved = routed.moved;
        let restart = restart || moved;
        if restart && let Some(nack) = self.intake_mut(track, layer).and_then(|i| i.nack.as_mut()) {
            nack.restart();
        }
        let (payload, how) = (packet.payload(), Arrival::Original);
        Ok(Placed {
            track,
            layer,
            format,
            sequence,
            payload,
            how,
            restart,
            moved,
        })
    }

    /// What an RTX packet brings back: the original number and payload (RFC 4588 §4).
    fn restore<'a>(
        &self,
        payload: &'a [u8],
        track: u8,
        layer: u8,
    ) -> Result<(u64, &'a [u8]), Discard> {
        let (number, payload) = rtx::split(payload).ok_or(Discard::RtxPadding)?;
        let media = self
            .demux
            .media(track, layer)
            .ok_or(Discard::RtxUnexpected)?;
        let sequence = media
            .reception
            .extend(number)
            .ok_or(Discard::RtxUnexpected)?;
        Ok((sequence, payload))
    }

    /// A packet was stored: gaps open and close. Returns `false` if too much is missing to be asked for.
    pub(crate) fn note_stored(&mut self, now: Time, placed: &Placed<'_>) -> bool {
        let intake = position(placed.track, placed.layer);
        self.note_arrival(now, intake, placed.sequence, placed.how)
    }

    /// A packet was not stored: it may be the second answer to one request.
    pub(crate) fn note_refused(&mut self, placed: &Placed<'_>, discard: Discard) {
        if placed.how == Arrival::Retransmission
            && discard == Discard::Duplicate
            && let Some(intake) = self.intake_mut(placed.track, placed.layer)
            && let Some(nack) = &mut intake.nack
        {
            nack.repaired_again(placed.sequence);
        }
    }

    fn note_arrival(&mut self, now: Time, intake: usize, sequence: u64, how: Arrival) -> bool {
        let rtt = &mut self.rtt;
        let nack = self
            .intakes
            .get_mut(intake)
            .and_then(|intake| intake.nack.as_mut());
        nack.is_none_or(|nack| nack.arrived(now, sequence, how, rtt))
    }

    /// Whether a packet under the media's SSRC is nevertheless an answer to a request.
    pub(crate) fn was_requested(&self, placed: &Placed<'_>) -> bool {
        placed.how == Arrival::Retransmission
            || self
                .intake(placed.track, placed.layer)
                .and_then(|intake| intake.nack.as_ref())
                .is_some_and(|nack| nack.was_requested(placed.sequence))
    }

    /// What the publisher understands for a track: of its first codec that understands anything.
    pub(crate) fn feedback(&self, track: u8) -> Feedback {
        self.track(track).map(feedback_of).unwrap_or_default()
    }

    /// The SSRC of a layer's media.
    pub(crate) fn media_ssrc(&self, track: u8, layer: u8) -> Option<Ssrc> {
        self.demux.media(track, layer).map(|source| source.ssrc)
    }
}

fn feedback_of(track: &IngestTrack) -> Feedback {
    let mut all = Feedback::default();
    for codec in &track.codecs {
        all.nack |= codec.feedback.nack;
        all.pli |= codec.feedback.pli;
        all.fir |= codec.feedback.fir;
        all.transport_cc |= codec.feedback.transport_cc;
        all.remb |= codec.feedback.remb;
    }
    all
}

fn check(config: &IngestConfig) -> Result<(), PublishError> {
    if config.tracks.len() > Limits::MAX_TRACKS {
        return Err(PublishError::TooManyTracks {
            limit: Limits::MAX_TRACKS,
        });
    }
    for track in &config.tracks {
        if track.rids.len() > Limits::MAX_LAYERS {
            return Err(PublishError::TooManyLayers {
                limit: Limits::MAX_LAYERS,
            });
        }
        if track.codecs.is_empty() || track.codecs.len() > Limits::MAX_CODECS {
            return Err(PublishError::CodecCount {
                limit: Limits::MAX_CODECS,
            });
        }
    }
    Ok(())
}

fn position(track: u8, layer: u8) -> usize {
    usize::from(track) * Limits::MAX_LAYERS + usize::from(layer)
}

/// Soon enough for publishers that repeat mid and rid until the first report.
const FIRST_REPORT: Duration = Duration::from_millis(200);
/// Video's usual interval; with one layer or many, reports go out together.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
