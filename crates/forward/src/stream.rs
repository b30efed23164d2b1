//! The stream: at most one publisher, any number of viewers.

mod foresight;
mod publisher;
mod relaying;
mod snapshot;
mod viewers;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use slab::Slab;
use xrtc_rtp::{MediaKind, Time};

use crate::drain::{Drain, Fresh, Place, Step};
use crate::ingest::Ingest;
use crate::layers::LayerWish;
use crate::outflow::Scratch;
use crate::report::ReportContext;
use crate::track::{Choice, Track};
use crate::viewer::Viewer;
use crate::{
    Counters, Discard, LayerId, Limits, Outgoing, Packet, RelayItem, RtcpTarget, StreamConfig,
    StreamEvent, TrackId, ViewerId,
};

/// The media plane of one named stream on one worker.
///
/// Its home is the worker where the publisher is; on other workers mirrors serve their own viewers with the
/// packets that the home relays.
#[derive(Debug)]
pub struct Stream {
    config: StreamConfig,
    /// The latest time that was handed in.
    now: Time,
    /// Counts the publishers.
    publisher: u32,
    /// The publisher, at its home.
    ingest: Option<Ingest>,
    tracks: Vec<Track>,
    /// What moves the publisher's wall clock to ours, in nanoseconds: one number for all its tracks, so that
    /// sound and picture stay in step.
    clock_offset: Option<i64>,
    /// Boxed, so that finding one touches nothing but the list: the next ones are loaded ahead of their turns.
    viewers: Slab<Box<Viewer>>,
    /// Counts the viewers.
    serial: u32,
    drain: Drain,
    scratch: Scratch,
    /// When which viewer is due for reports.
    reports: BinaryHeap<Reverse<(Time, ViewerId)>>,
    /// What goes to mirrors, while there are any.
    relay: Option<VecDeque<RelayItem>>,
    events: VecDeque<StreamEvent>,
    discards: Counters,
    rng: fastrand::Rng,
}

impl Stream {
    /// An empty stream.
    pub fn new(config: StreamConfig, now: Time) -> Self {
        let mut rng = fastrand::Rng::with_seed(config.seed);
        Self {
            config,
            now,
            // A home that starts anew must not count as the one that its mirrors knew.
            publisher: rng.u32(..),
            ingest: None,
            tracks: Vec::new(),
            clock_offset: None,
            viewers: Slab::new(),
            serial: 0,
            drain: Drain::default(),
            scratch: Scratch::default(),
            reports: BinaryHeap::new(),
            relay: None,
            events: VecDeque::new(),
            discards: Counters::default(),
            rng,
        }
    }

    /// The next RTP packet to seal and send: viewer by viewer, each with everything that is new for it by then, also
    /// what was handed in between two calls.
    pub fn poll_rtp(&mut self, now: Time) -> Option<Outgoing<'_>> {
        let (viewer, step) = self.next_step(now)?;
        let packet: &Packet = match step.place {
            Place::Fresh(arrival) => &self.drain.fresh(arrival)?.packet,
            Place::Cache {
                track,
                layer,
                sequence,
            } => {
                let layer = self.tracks.get(usize::from(track))?.layer(layer)?;
                &layer.cache.get(sequence)?.packet
            }
        };
        let written = step.written;
        Some(Outgoing {
            viewer,
            ssrc: written.ssrc,
            index: written.index,
            repeat: written.repeat,
            header: self.scratch.header.get(..written.header.into())?,
            prefix: self.scratch.prefix.get(..written.prefix.into())?,
            payload: if written.padded {
                packet.padded_payload().get(written.replaced.into()..)?
            } else {
                packet.payload().get(written.replaced.into()..)?
            },
        })
    }

    /// The slot of the viewer that has its turn `ahead` turns (from 1 on) after the present one, so that the caller can
    /// have at hand what it keeps for that viewer.
    pub fn upcoming(&self, ahead: usize) -> Option<usize> {
        self.drain.upcoming(ahead).map(|slot| slot as usize)
    }

    fn next_step(&mut self, now: Time) -> Option<(ViewerId, Step)> {
        let Self {
            viewers,
            tracks,
            drain,
            scratch,
            reports,
            events,
            discards,
            ..
        } = self;
        loop {
            let is_new = !drain.has_turn();
            let turn = drain.turn()?;
            if is_new {
                look_ahead(viewers, drain);
            }
            let Some(viewer) = viewers.get_mut(turn.slot as usize) else {
                drain.next_viewer();
                continue;
            };
            let id = ViewerId {
                slot: turn.slot,
                serial: viewer.serial,
            };
            let mut step = viewer.next_due(tracks, scratch);
            viewer.cursor = viewer.cursor.max(drain.base());
            while step.is_none() {
                let arrival = if viewer.cursor < turn.end {
                    let arrival = viewer.cursor;
                    viewer.cursor += 1;
                    if drain.defer(arrival) {
                        continue;
                    }
                    arrival
                } else if let Some(deferred) = drain.next_deferred() {
                    deferred
                } else {
                    break;
                };
                let Some(fresh) = drain.fresh(arrival) else {
                    break;
                };
                step = match viewer.forward(tracks, fresh, arrival, scratch) {
                    Some(written) => Some(Step {
                        written,
                        place: Place::Fresh(arrival),
                    }),
                    None if viewer.has_due() => {
                        if let Some(event) = layer_changed(id, &fresh.packet, tracks) {
                            push_event(events, discards, event);
                        }
                        viewer.next_due(tracks, scratch)
                    }
                    None => None,
                };
            }
            let Some(step) = step else {
                viewer.is_dirty &= !turn.is_dirty;
                drain.next_viewer();
                continue;
            };
            if !viewer.reports {
                viewer.reports = true;
                reports.push(Reverse((now + FIRST_REPORT, id)));
            }
            return Some((id, step));
        }
    }

    /// Writes the next compound RTCP packet into `out`, which should hold 1,200 bytes, and returns its length.
    pub fn poll_rtcp(&mut self, now: Time, out: &mut [u8]) -> Option<(RtcpTarget, usize)> {
        self.now = self.now.max(now);
        if let Some(ingest) = &mut self.ingest
            && let Some(len) = ingest.write(now, &mut self.tracks, out)
        {
            return Some((RtcpTarget::Publisher, len));
        }
        while let Some(&Reverse((due, id))) = self.reports.peek() {
            if due > now {
                break;
            }
            self.reports.pop();
            let Some(viewer) = self.viewers.get_mut(id.slot as usize) else {
                continue;
            };
            if viewer.serial != id.serial {
                continue;
            }
            let context = ReportContext {
                now,
                wall: self.config.wall,
                tracks: &self.tracks,
                clock_offset: self.clock_offset,
            };
            let len = viewer.write_reports(&context, out);
            // Who is sent nothing leaves the queue until there is something again.
            viewer.reports = len.is_some();
            if let Some(len) = len {
                self.reports.push(Reverse((now + REPORT_INTERVAL, id)));
                return Some((RtcpTarget::Viewer(id), len));
            }
        }
        None
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<StreamEvent> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        let reports = self.reports.peek().map(|entry| entry.0.0);
        let upstream = match &self.ingest {
            Some(ingest) => ingest.due(self.now, &self.tracks),
            None => self.wishes().filter_map(|(_, _, due)| due).min(),
        };
        reports.into_iter().chain(upstream).min()
    }

    /// Does what is due. [`Self::poll_rtcp`] and the others then have something to say.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        self.ask_home(now);
    }

    /// Stores a packet and makes it known to viewers and mirrors.
    fn store(&mut self, now: Time, packet: Arc<Packet>) {
        let origin = packet.origin;
        let Some(track) = self.tracks.get_mut(usize::from(origin.track())) else {
            return;
        };
        let Some(format) = track.layer_format(origin.format()) else {
            return;
        };
        let arrival = self.drain.next_arrival();
        let Some(layer) = track.layer_mut(origin.layer()) else {
            return;
        };
        let resolution = layer.resolution;
        let starts = layer.store(Arc::clone(&packet), arrival, now, format);
        let resized = layer.resolution != resolution;
        let living = track.living;
        let changed = track.choose(now) == Choice::Changed;
        let is_audio = track.kind == MediaKind::Audio;
        let satisfied = starts.is_some() && track.target == Some(origin.layer());
        if changed && !satisfied && track.kind == MediaKind::Video && !self.viewers.is_empty() {
            track.want_key_frame(&LayerWish::default());
        }
        let wishes_shift = resized || track.living != living;
        if track.live != Some(origin.format()) {
            track.live = Some(origin.format());
            self.note_live(origin.track());
        }
        if wishes_shift {
            self.want_wished();
        }
        self.push_relay(RelayItem::Packet(Arc::clone(&packet)));
        let fresh = Fresh {
            packet,
            starts,
            is_audio,
            is_padded: false,
        };
        if !self.drain.push(fresh) {
            self.discards.count(Discard::ViewersBehind);
        }
    }

    /// Layers came, died or changed their size: viewers with wishes may have to go to another one.
    fn want_wished(&mut self) {
        for (_, viewer) in &self.viewers {
            if viewer.has_wishes() {
                viewer.want_wished(&mut self.tracks);
            }
        }
    }

    /// A track has its first packet, or the first one of another format.
    fn note_live(&mut self, index: u8) {
        let Some(track) = self.tracks.get(usize::from(index)) else {
            return;
        };
        let (kind, Some(format)) = (track.kind, track.live_format()) else {
            return;
        };
        push_event(
            &mut self.events,
            &mut self.discards,
            StreamEvent::TrackLive {
                track: TrackId(index),
                kind,
                format,
            },
        );
        for (slot, viewer) in &self.viewers {
            let mut carried = viewer
                .subscriptions
                .iter()
                .filter(|s| s.source == Some(index));
            if carried.any(|subscription| subscription.codec(format).is_none()) {
                let viewer = ViewerId {
                    slot: slot as u32,
                    serial: viewer.serial,
                };
                let event = StreamEvent::Incompatible {
                    viewer,
                    kind,
                    format,
                };
                push_event(&mut self.events, &mut self.discards, event);
            }
        }
    }

    fn emit(&mut self, event: StreamEvent) {
        push_event(&mut self.events, &mut self.discards, event);
    }
}

/// Viewers are many and far apart in memory: lets the processor load the next ones while the present one is served.
fn look_ahead(viewers: &Slab<Box<Viewer>>, drain: &Drain) {
    let upcoming = |ahead| viewers.get(drain.upcoming(ahead)? as usize);
    if let Some(viewer) = upcoming(2) {
        viewer.prefetch();
    }
    if let Some(viewer) = upcoming(1) {
        viewer.prefetch_subscriptions();
    }
}

fn push_event(events: &mut VecDeque<StreamEvent>, discards: &mut Counters, event: StreamEvent) {
    if events.len() < Limits::MAX_EVENTS {
        events.push_back(event);
    } else {
        discards.count(Discard::EventsFull);
    }
}

fn layer_changed(viewer: ViewerId, packet: &Packet, tracks: &[Track]) -> Option<StreamEvent> {
    let origin = packet.origin;
    let track = tracks.get(usize::from(origin.track()))?;
    (track.kind == MediaKind::Video).then_some(StreamEvent::LayerChanged {
        viewer,
        track: TrackId(origin.track()),
        layer: LayerId(origin.layer()),
    })
}

/// Soon, so that a viewer plays sound and picture in step from the beginning.
const FIRST_REPORT: std::time::Duration = std::time::Duration::from_millis(100);
const REPORT_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);
