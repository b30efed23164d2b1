//! RTCP to the publisher: reports, requests for packets and key frames, REMB, arrivals.

use std::time::Duration;

use arrayvec::ArrayVec;
use xrtc_rtp::rtcp::{self, FirEntry, ReportBlock};
use xrtc_rtp::{MediaKind, Ssrc, Time};

use super::{Ingest, REPORT_INTERVAL, position};
use crate::compound::Compound;
use crate::track::Track;

impl Ingest {
    /// When [`Self::write`] has something to say. Looks at the layers that there are only: the state of one layer is a
    /// matter of cache lines.
    pub(crate) fn due(&self, now: Time, tracks: &[Track]) -> Option<Time> {
        let active = self.is_active(now);
        let report = active.then_some(self.next_report);
        let remb = self.next_remb.filter(|_| active);
        let layers = self.layers_of(tracks).filter_map(|(track, index)| {
            let intake = self.intakes.get(position(track, index));
            let nack = intake.and_then(|intake| intake.nack.as_ref()?.due());
            let layer = tracks.get(usize::from(track))?.layer(index)?;
            let key_frame = layer
                .requester
                .due()
                .filter(|_| self.can_ask(now, tracks, track, index));
            nack.into_iter().chain(key_frame).min()
        });
        [report, remb, layers.min(), self.twcc.due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Without packets there is nothing to report.
    fn is_active(&self, now: Time) -> bool {
        self.last_packet
            .is_some_and(|last| now.since(last) < SILENT)
    }

    /// Writes one compound packet if anything is due, and returns its length.
    pub(crate) fn write(
        &mut self,
        now: Time,
        tracks: &mut [Track],
        out: &mut [u8],
    ) -> Option<usize> {
        if self.due(now, tracks).is_none_or(|due| due > now) {
            return None;
        }
        let mut compound = Compound::new(out);
        let report = self.next_report <= now;
        if report || !self.config.reduced_size {
            self.write_report(now, report, &mut compound)?;
        }
        let head = compound.len();
        for (track, layer) in self.layers_of(tracks).collect::<ArrayVec<_, MOST_LAYERS>>() {
            self.write_nack(now, tracks, (track, layer), &mut compound);
            self.write_key_frame_request(now, tracks, (track, layer), &mut compound);
        }
        self.write_remb(now, &mut compound);
        let sender = self.config.rtcp_ssrc;
        compound.put(|out| self.twcc.write(now, sender, out));
        // A leading report that was not due says nothing by itself.
        (report || compound.len() > head)
            .then(|| compound.len())
            .filter(|&len| len > 0)
    }

    /// A report on every source that was heard from, and who we are (RFC 3550 §6.1).
    fn write_report(&mut self, now: Time, due: bool, compound: &mut Compound<'_>) -> Option<()> {
        let mut blocks = ArrayVec::<ReportBlock, MOST_BLOCKS>::new();
        if due {
            self.next_report = now + REPORT_INTERVAL;
            for source in self.demux.sources_mut() {
                if blocks.is_full() {
                    break;
                }
                blocks.extend(source.reception.report(now, source.ssrc));
            }
            if blocks.iter().any(|block| block.last_sender_report != 0) {
                self.rtt.reported();
            }
        }
        let sender = self.config.rtcp_ssrc;
        compound.put(|out| rtcp::write_receiver_report(out, sender, &blocks))?;
        compound.put(|out| rtcp::write_sdes_cname(out, sender, &self.config.cname))
    }

    fn write_nack(
        &mut self,
        now: Time,
        tracks: &mut [Track],
        (track, layer): (u8, u8),
        compound: &mut Compound<'_>,
    ) {
        let rtt = self.rtt;
        let sender = self.config.rtcp_ssrc;
        let media = self.media_ssrc(track, layer);
        let Some(intake) = self.intakes.get_mut(position(track, layer)) else {
            return;
        };
        let (Some(nack), Some(media)) = (intake.nack.as_mut(), media) else {
            return;
        };
        self.numbers.clear();
        let room = compound.room().saturating_sub(NACK_HEADER) / NACK_ENTRY;
        let given_up = nack.collect(now, &rtt, room, &mut self.numbers);
        if !self.numbers.is_empty() {
            let numbers = self.numbers.iter().copied();
            if compound
                .put(|out| rtcp::write_nack(out, sender, media, numbers))
                .is_some()
            {
                intake.nack_count += 1;
            }
        }
        let layer = tracks.get_mut(usize::from(track)).and_then(|track| {
            (track.kind == MediaKind::Video)
                .then_some(track)?
                .layer_mut(layer)
        });
        if let (Some(lost), Some(layer)) = (given_up.highest, layer)
            // What is older than the latest key frame, nobody needs any more.
            && layer.key.is_none_or(|key| lost >= key.sequence)
        {
            layer.requester.want();
        }
    }

    fn write_key_frame_request(
        &mut self,
        now: Time,
        tracks: &mut [Track],
        (track, index): (u8, u8),
        compound: &mut Compound<'_>,
    ) {
        if !self.can_ask(now, tracks, track, index) {
            return;
        }
        let feedback = self.feedback(track);
        let (sender, media) = (self.config.rtcp_ssrc, self.media_ssrc(track, index));
        let layer = tracks
            .get_mut(usize::from(track))
            .and_then(|track| track.layer_mut(index));
        let intake = self.intakes.get_mut(position(track, index));
        let (Some(layer), Some(intake), Some(media)) = (layer, intake, media) else {
            return;
        };
        if !layer.requester.is_due(now) {
            return;
        }
        let written = if feedback.pli {
            intake.pli_count += 1;
            compound.put(|out| rtcp::write_pli(out, sender, media))
        } else {
            intake.fir_count += 1;
            intake.fir_number = intake.fir_number.wrapping_add(1);
            let entry = FirEntry {
                media,
                sequence_number: intake.fir_number,
            };
            compound.put(|out| rtcp::write_fir(out, sender, &[entry]))
        };
        if written.is_some() {
            layer.requester.sent(now);
        }
    }

    fn write_remb(&mut self, now: Time, compound: &mut Compound<'_>) {
        let Some(bitrate) = self.config.max_bitrate else {
            return;
        };
        if self.next_remb.is_none_or(|due| due > now) {
            return;
        }
        let sources = self.demux.sources().iter().filter(|source| !source.is_rtx);
        let ssrcs: ArrayVec<Ssrc, MOST_LAYERS> = sources
            .map(|source| source.ssrc)
            .take(MOST_LAYERS)
            .collect();
        let sender = self.config.rtcp_ssrc;
        if !ssrcs.is_empty()
            && compound
                .put(|out| rtcp::write_remb(out, sender, bitrate, &ssrcs))
                .is_none()
        {
            return;
        }
        self.next_remb = Some(now + REMB_INTERVAL);
    }

    fn layers_of(&self, tracks: &[Track]) -> impl Iterator<Item = (u8, u8)> + use<> {
        let mut all = ArrayVec::<(u8, u8), MOST_LAYERS>::new();
        for (track, layers) in (0..).zip(tracks.iter().map(|track| track.layers.len())) {
            all.extend((0..).take(layers).map(|layer| (track, layer)));
        }
        all.into_iter()
    }

    /// Whether a request for a key frame can reach anybody.
    fn can_ask(&self, now: Time, tracks: &[Track], track: u8, layer: u8) -> bool {
        let feedback = self.feedback(track);
        let live = tracks
            .get(usize::from(track))
            .and_then(|track| track.layer(layer))
            .is_some_and(|layer| layer.is_live(now));
        live && (feedback.pli || feedback.fir) && self.media_ssrc(track, layer).is_some()
    }
}

const MOST_LAYERS: usize = crate::Limits::MAX_TRACKS * crate::Limits::MAX_LAYERS;
/// The count of report blocks has five bits (RFC 3550 §6.4.1).
const MOST_BLOCKS: usize = 31;
const NACK_HEADER: usize = 12;
/// In the worst case each number needs an entry of its own.
const NACK_ENTRY: usize = 4;
const REMB_INTERVAL: Duration = Duration::from_secs(1);
const SILENT: Duration = Duration::from_secs(5);
