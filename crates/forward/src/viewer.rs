//! A viewer: its subscriptions, what it asked for, what it reported.

use std::collections::VecDeque;

use xrtc_prefetch::prefetch;
use xrtc_rtp::rtcp::{self, ReportBlock};
use xrtc_rtp::{MediaKind, Ssrc, Time, WallClock};

use crate::drain::{Fresh, Step};
use crate::keyframe::KeyFrameRation;
use crate::nack::{Resend, ShortestRtt};
use crate::outflow::{Scratch, Written};
use crate::pacer::Pacer;
use crate::report::RoundTrip;
use crate::subscription::Subscription;
use crate::track::Track;
use crate::{Counters, Discard, Limits, ViewerConfig};

/// A viewer of the stream on this worker.
#[derive(Debug)]
pub(crate) struct Viewer {
    pub(crate) serial: u32,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) cname: String,
    /// The position of the subscription to each of the publisher's tracks.
    by_track: [Option<u8>; Limits::MAX_TRACKS],
    /// Packets from this arrival on are still to be forwarded to it.
    pub(crate) cursor: u64,
    /// What was asked for again: the subscription and its packet.
    resends: VecDeque<(u8, u64)>,
    pacer: Pacer,
    ration: KeyFrameRation,
    rtt: ShortestRtt,
    /// Whether there may be something to send beside what is fresh.
    has_due: bool,
    /// Whether it stands in the queue of reports.
    pub(crate) reports: bool,
    /// Whether it stands in the queue of viewers with something to send beside what is fresh.
    pub(crate) is_dirty: bool,
    pub(crate) discards: Counters,
}

/// What reading a viewer's RTCP needs of the stream.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) now: Time,
    pub(crate) wall: WallClock,
    pub(crate) tracks: &'a mut [Track],
}

impl Viewer {
    pub(crate) fn new(
        serial: u32,
        config: &ViewerConfig,
        cursor: u64,
        rng: &mut fastrand::Rng,
    ) -> Self {
        // RFC 3711 §3.3.1: far enough from the wrap that both ends agree on the first cycle.
        let mut first = || rng.u64(1..1 << 15);
        let subscriptions = config
            .tracks
            .iter()
            .map(|track| Subscription::new(track, first(), first()))
            .collect();
        Self {
            serial,
            subscriptions,
            cname: config.cname.clone(),
            by_track: [None; Limits::MAX_TRACKS],
            cursor,
            resends: VecDeque::new(),
            pacer: Pacer::default(),
            ration: KeyFrameRation::default(),
            rtt: ShortestRtt::default(),
            has_due: false,
            reports: false,
            is_dirty: false,
            discards: Counters::default(),
        }
    }

    /// Takes what a later description says: subscriptions are known by their SSRC. Those that are not in it pause.
    pub(crate) fn renew(
        &mut self,
        config: &ViewerConfig,
        tracks: &mut [Track],
        rng: &mut fastrand::Rng,
    ) {
        let is_wanted = |subscription: &Subscription| {
            let mut wanted = config.tracks.iter();
            wanted.any(|track| track.ssrc == subscription.flow.ssrc)
        };
        let given_up = |subscription: &&mut Subscription| !is_wanted(subscription);
        self.subscriptions
            .iter_mut()
            .filter(given_up)
            .for_each(Subscription::pause);
        let mut begun: Vec<Ssrc> = Vec::new();
        for track in &config.tracks {
            let known = self
                .subscriptions
                .iter_mut()
                .find(|subscription| subscription.flow.ssrc == track.ssrc);
            let begins = match known {
                Some(subscription) => subscription.renew(track),
                None => {
                    let mut first = || rng.u64(1..1 << 15);
                    let fresh = Subscription::new(track, first(), first());
                    self.subscriptions.push(fresh);
                    true
                }
            };
            if begins {
                begun.push(track.ssrc);
            }
        }
        self.assign(tracks);
        // Not from the cache: what waits to be sent fresh may be in it too.
        for subscription in &self.subscriptions {
            let source = subscription.source.map(usize::from);
            if let Some(track) = source.and_then(|source| tracks.get_mut(source))
                && track.kind == MediaKind::Video
                && begun.contains(&subscription.flow.ssrc)
            {
                track.want_key_frame(&subscription.wish);
            }
        }
    }

    /// Loads what a turn begins with.
    pub(crate) fn prefetch(&self) {
        prefetch(&self.subscriptions);
        prefetch(&self.by_track);
        prefetch(&self.cursor);
        prefetch(&self.resends);
        prefetch(&self.pacer);
        prefetch(&self.serial);
        prefetch(&self.has_due);
    }

    /// Loads what its packets are made with, once [`Self::prefetch`] is done.
    pub(crate) fn prefetch_subscriptions(&self) {
        let likely = self.subscriptions.iter().take(LIKELY_SUBSCRIPTIONS);
        likely.for_each(Subscription::prefetch);
    }

    /// Gives each subscription the publisher's track of its kind and place.
    pub(crate) fn assign(&mut self, tracks: &[Track]) {
        self.by_track = [None; Limits::MAX_TRACKS];
        let mut taken = [0; 2];
        let active = |(_, subscription): &(u8, &mut Subscription)| subscription.active;
        for (position, subscription) in (0..).zip(&mut self.subscriptions).filter(active) {
            let [audio, video] = &mut taken;
            let place = if subscription.kind == MediaKind::Audio {
                audio
            } else {
                video
            };
            let of_kind = (0_u8..)
                .zip(tracks)
                .filter(|(_, track)| track.kind == subscription.kind);
            subscription.source = of_kind.map(|(index, _)| index).nth(*place);
            *place += 1;
            let slot = subscription
                .source
                .and_then(|s| self.by_track.get_mut(usize::from(s)));
            if let Some(slot) = slot {
                *slot = Some(position);
            }
        }
    }

    /// The next packet that is due beside what is fresh: resends, then what the cache holds.
    #[inline]
    pub(crate) fn next_due(&mut self, tracks: &[Track], scratch: &mut Scratch) -> Option<Step> {
        if !self.has_due {
            return None;
        }
        let step = self.find_due(tracks, scratch);
        self.has_due = step.is_some();
        step
    }

    fn find_due(&mut self, tracks: &[Track], scratch: &mut Scratch) -> Option<Step> {
        while let Some((position, out)) = self.resends.pop_front() {
            let Some(subscription) = self.subscriptions.get_mut(usize::from(position)) else {
                continue;
            };
            let Some(track) = track_of(tracks, subscription.source) else {
                continue;
            };
            if let Some((written, packet)) = subscription.resend(track, out, self.cursor, scratch) {
                return Some(Step::of_cache(written, packet));
            }
        }
        for subscription in &mut self.subscriptions {
            let Some(track) = track_of(tracks, subscription.source) else {
                continue;
            };
            if let Some((written, packet)) = subscription.next_of_cache(track, scratch) {
                self.pacer
                    .pass(usize::from(written.header) + packet.payload().len());
                return Some(Step::of_cache(written, packet));
            }
        }
        None
    }

    /// Whether [`Self::next_due`] may have something.
    pub(crate) const fn has_due(&self) -> bool {
        self.has_due
    }

    /// Forwards a packet that was just stored. `None` also if that made something due.
    pub(crate) fn forward(
        &mut self,
        tracks: &[Track],
        fresh: &Fresh,
        arrival: u64,
        scratch: &mut Scratch,
    ) -> Option<Written> {
        let index = usize::from(fresh.packet.origin.track());
        let position = (*self.by_track.get(index)?)?;
        let subscription = self.subscriptions.get_mut(usize::from(position))?;
        let Some(written) = subscription.forward(tracks.get(index)?, fresh, arrival, scratch)
        else {
            self.has_due |= subscription.is_catching_up();
            return None;
        };
        self.pacer
            .pass(usize::from(written.header) + fresh.packet.payload().len());
        if fresh.packet.repaired
            && subscription
                .responder
                .forwarded_late(fresh.packet.received, written.index)
            && self.resends.len() < Limits::MAX_RESENDS
            && self.pacer.admit_resend(fresh.packet.payload().len())
        {
            self.resends.push_back((position, written.index));
            self.has_due = true;
        }
        Some(written)
    }

    /// Joins what is there: subscriptions that find a whole picture group in the cache begin with it, the
    /// others ask for a key frame.
    pub(crate) fn join(&mut self, tracks: &mut [Track], most: usize, arrival: u64) {
        for subscription in &mut self.subscriptions {
            let Some(index) = subscription.source.map(usize::from) else {
                continue;
            };
            let Some(track) = tracks.get_mut(index) else {
                continue;
            };
            if track.kind != MediaKind::Video {
                continue;
            }
            if subscription.join(track, most, arrival).is_some() {
                self.has_due = true;
            } else {
                track.want_key_frame(&subscription.wish);
            }
        }
    }

    /// Wants a key frame on every video track, as far as its ration goes.
    pub(crate) fn want_key_frame(&mut self, now: Time, tracks: &mut [Track]) {
        for subscription in &self.subscriptions {
            let Some(track) = subscription
                .source
                .and_then(|source| tracks.get_mut(usize::from(source)))
                .filter(|track| track.kind == MediaKind::Video)
            else {
                continue;
            };
            if !track.wants_key_frame(&subscription.wish) {
                if !self.ration.grant(now) {
                    self.discards.count(Discard::KeyFrameOverBudget);
                    return;
                }
                track.want_key_frame(&subscription.wish);
            }
        }
    }

    /// Whether it wishes for layers.
    pub(crate) fn has_wishes(&self) -> bool {
        self.subscriptions.iter().any(|s| !s.wish.is_none())
    }

    /// Wants a key frame where another layer is to be carried than the one that is.
    pub(crate) fn want_wished(&self, tracks: &mut [Track]) {
        for subscription in &self.subscriptions {
            let source = subscription.source.map(usize::from);
            if let Some(track) = source.and_then(|source| tracks.get_mut(source))
                && track.kind == MediaKind::Video
                && subscription.is_astray(track)
            {
                track.want_key_frame(&subscription.wish);
            }
        }
    }

    /// Takes in a decrypted RTCP datagram.
    pub(crate) fn handle_rtcp(&mut self, context: &mut Context<'_>, datagram: &[u8]) {
        let mut nacked = 0;
        for packet in rtcp::packets(datagram) {
            match packet {
                Ok(rtcp::Packet::SenderReport(report)) => {
                    report
                        .report_blocks()
                        .for_each(|block| self.note_report(context, &block));
                }
                Ok(rtcp::Packet::ReceiverReport(report)) => {
                    report
                        .report_blocks()
                        .for_each(|block| self.note_report(context, &block));
                }
                Ok(rtcp::Packet::Nack(nack)) => {
                    self.handle_nack(context, nack.media, nack.sequence_numbers(), &mut nacked);
                }
                Ok(rtcp::Packet::Pli(pli)) => self.handle_pli(context, pli.media),
                Ok(rtcp::Packet::Fir(fir)) => {
                    // One wish is enough; a list of thousands is not a wish.
                    for entry in fir.entries().take(Limits::MAX_TRACKS) {
                        self.handle_fir(context, entry);
                    }
                }
                Ok(_) => {}
                Err(_) => self.discards.count(Discard::RtcpMalformed),
            }
        }
    }

    fn note_report(&mut self, context: &Context<'_>, block: &ReportBlock) {
        let rtt = RoundTrip::of(block, context.wall.ntp(context.now));
        let Some(subscription) = self
            .subscriptions
            .iter_mut()
            .find(|s| s.flow.ssrc == block.ssrc)
        else {
            let rtx = self
                .subscriptions
                .iter()
                .any(|s| s.rtx_ssrc == Some(block.ssrc));
            if !rtx {
                self.discards.count(Discard::RtcpUnknownSource);
            }
            return;
        };
        subscription.flow.confirm();
        if subscription.kind == MediaKind::Video {
            self.pacer.note_loss(block.fraction_lost);
        }
        let track = track_of(context.tracks, subscription.source);
        let format = subscription
            .segments
            .current()
            .map(|segment| segment.origin.format());
        let clock_rate = track
            .zip(format)
            .map_or(0, |(track, format)| track.clock_rate(format));
        crate::report::note_block(&mut subscription.remote, block, clock_rate, rtt);
        if let Some(RoundTrip(rtt)) = rtt {
            self.rtt.learn(rtt);
        }
    }

    fn handle_nack(
        &mut self,
        context: &Context<'_>,
        media: Ssrc,
        numbers: impl Iterator<Item = u16>,
        nacked: &mut usize,
    ) {
        let found = (0_u8..)
            .zip(&mut self.subscriptions)
            .find(|(_, s)| s.flow.ssrc == media);
        let Some((position, subscription)) = found else {
            self.discards.count(Discard::RtcpUnknownSource);
            return;
        };
        subscription.asked.nack += 1;
        let Some(last) = subscription.flow.last else {
            return;
        };
        let track = track_of(context.tracks, subscription.source);
        for number in numbers {
            *nacked += 1;
            let behind = (last.out as u16).wrapping_sub(number);
            let out = last.out.checked_sub(behind.into()).unwrap_or(u64::MAX);
            let full = *nacked > Limits::MAX_NACKED || self.resends.len() >= Limits::MAX_RESENDS;
            let verdict = if full {
                Err(Discard::NackOverBudget)
            } else {
                let sent = track.and_then(|track| subscription.find_sent(track, out, self.cursor));
                match sent {
                    None => {
                        if out <= last.out && behind < FEW_BEHIND {
                            subscription.responder.miss(out);
                        }
                        Err(Discard::NackUnknown)
                    }
                    Some((segment, _)) if !segment.nack => Err(Discard::NackNotAgreed),
                    Some((_, packet)) => Ok(packet.payload().len()),
                }
            };
            let verdict = verdict.and_then(|bytes| {
                let admitted = subscription.admit_resend(context.now, track, out, self.rtt.get());
                if admitted == Resend::No {
                    Err(Discard::NackRepeated)
                } else if !self.pacer.admit_resend(bytes) {
                    Err(Discard::NackOverBudget)
                } else {
                    Ok(admitted == Resend::Twice && self.pacer.admit_resend(bytes))
                }
            });
            match verdict {
                Ok(twice) => {
                    self.resends.push_back((position, out));
                    if twice {
                        self.resends.push_back((position, out));
                    }
                    self.has_due = true;
                }
                Err(discard) => self.discards.count(discard),
            }
        }
    }

    fn handle_pli(&mut self, context: &mut Context<'_>, media: Ssrc) {
        match self
            .subscriptions
            .iter_mut()
            .find(|subscription| subscription.flow.ssrc == media)
        {
            Some(subscription) => {
                subscription.asked.pli += 1;
                self.want_key_frame(context.now, context.tracks);
            }
            None => self.discards.count(Discard::RtcpUnknownSource),
        }
    }

    fn handle_fir(&mut self, context: &mut Context<'_>, entry: rtcp::FirEntry) {
        let found = self
            .subscriptions
            .iter_mut()
            .find(|s| s.flow.ssrc == entry.media);
        let Some(subscription) = found else {
            self.discards.count(Discard::RtcpUnknownSource);
            return;
        };
        let number = subscription.asked.fir_number.replace(entry.sequence_number);
        if number != Some(entry.sequence_number) {
            subscription.asked.fir += 1;
            self.want_key_frame(context.now, context.tracks);
        }
    }
}

/// The publisher's track that a subscription carries.
pub(crate) fn track_of(tracks: &[Track], source: Option<u8>) -> Option<&Track> {
    tracks.get(usize::from(source?))
}

/// Sound and picture.
const LIKELY_SUBSCRIPTIONS: usize = 2;
/// Gaps further behind than that are of packets that are gone rather than of those still to come.
const FEW_BEHIND: u16 = 256;
