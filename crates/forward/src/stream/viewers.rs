//! The viewers' side of a stream.

use xrtc_rtp::Time;

use super::Stream;
use crate::viewer::{Context, Viewer, track_of};
use crate::{
    Discard, LayerId, LayerWish, Limits, StreamEvent, SubscribeError, TrackId, UnknownRid,
    ViewerConfig, ViewerId,
};

impl Stream {
    /// Takes a viewer. It is sent sound at once, and pictures from the latest key frame on if the cache holds
    /// all since then, else from the next one, which is asked for.
    pub fn subscribe(
        &mut self,
        now: Time,
        config: ViewerConfig,
    ) -> Result<ViewerId, SubscribeError> {
        let limit = self.config.limits.viewers;
        if self.viewers.len() >= limit {
            return Err(SubscribeError::TooManyViewers { limit });
        }
        check(&config)?;
        self.now = self.now.max(now);
        self.serial = self.serial.wrapping_add(1);
        let arrival = self.drain.next_arrival();
        let mut viewer = Viewer::new(self.serial, &config, arrival, &mut self.rng);
        viewer.assign(&self.tracks);
        viewer.join(&mut self.tracks, self.config.limits.join_burst, arrival);
        let has_due = viewer.has_due();
        let slot = u32::try_from(self.viewers.insert(Box::new(viewer))).unwrap_or(u32::MAX);
        let id = ViewerId {
            slot,
            serial: self.serial,
        };
        self.drain.add_viewer(slot);
        if has_due {
            self.mark_dirty(id);
        }
        self.note_joined(id);
        self.ask_home(now);
        Ok(id)
    }

    /// Changes what a viewer takes, by a later description: tracks are known by their SSRC. One that it gives up keeps
    /// its place and its numbers; one that comes (again) begins with sound at once and with the next key frame, which
    /// is asked for. Unknown ids are ignored.
    pub fn resubscribe(
        &mut self,
        now: Time,
        id: ViewerId,
        config: &ViewerConfig,
    ) -> Result<(), SubscribeError> {
        check(config)?;
        self.now = self.now.max(now);
        let Some(viewer) = self.viewers.get_mut(id.slot as usize) else {
            return Ok(());
        };
        if viewer.serial != id.serial {
            return Ok(());
        }
        let known = |track: &&crate::ViewerTrack| {
            let mut subscriptions = viewer.subscriptions.iter();
            subscriptions.any(|subscription| subscription.flow.ssrc == track.ssrc)
        };
        let fresh = config.tracks.len() - config.tracks.iter().filter(known).count();
        if viewer.subscriptions.len() + fresh > Limits::MAX_TRACKS {
            return Err(SubscribeError::TooManyTracks {
                limit: Limits::MAX_TRACKS,
            });
        }
        viewer.renew(config, &mut self.tracks, &mut self.rng);
        self.note_joined(id);
        self.ask_home(now);
        Ok(())
    }

    /// The viewer is gone. Unknown ids are ignored.
    pub fn unsubscribe(&mut self, viewer: ViewerId) {
        if self.viewer(viewer).is_some() {
            self.viewers.remove(viewer.slot as usize);
            self.drain.remove_viewer(viewer.slot);
            self.reports.retain(|entry| entry.0.1 != viewer);
            if self.viewers.is_empty() {
                self.viewers.shrink_to_fit();
                self.reports.shrink_to_fit();
            }
        }
    }

    /// A decrypted RTCP datagram from a viewer.
    pub fn handle_viewer_rtcp(&mut self, now: Time, viewer: ViewerId, datagram: &[u8]) {
        self.now = self.now.max(now);
        let present = self.viewers.get_mut(viewer.slot as usize);
        let Some(present) = present.filter(|present| present.serial == viewer.serial) else {
            self.discards.count(Discard::NoViewer);
            return;
        };
        let mut context = Context {
            now,
            wall: self.config.wall,
            tracks: &mut self.tracks,
        };
        present.handle_rtcp(&mut context, datagram);
        if present.has_due() {
            self.mark_dirty(viewer);
        }
        self.ask_home(now);
    }

    /// Lets a viewer's pictures be of the layer that it wishes for, from its next key frame on, which is asked for.
    /// While no such layer is alive it gets the best one. The wish outlives the publisher. An unknown viewer is ignored.
    pub fn wish_layer(
        &mut self,
        now: Time,
        viewer: ViewerId,
        wish: LayerWish,
    ) -> Result<(), UnknownRid> {
        let known = |rid| self.tracks.iter().any(|track| track.has_rid(rid));
        if let Some(rid) = wish.rid.filter(|rid| !known(*rid)) {
            return Err(UnknownRid(rid));
        }
        self.now = self.now.max(now);
        let present = self.viewers.get_mut(viewer.slot as usize);
        if let Some(present) = present.filter(|present| present.serial == viewer.serial) {
            for subscription in &mut present.subscriptions {
                subscription.wish = wish;
            }
            present.want_wished(&mut self.tracks);
        }
        self.ask_home(now);
        Ok(())
    }

    /// Packets of this viewer were dropped on the way out: it needs a key frame to go on.
    pub fn request_viewer_key_frame(&mut self, now: Time, viewer: ViewerId) {
        self.now = self.now.max(now);
        let present = self.viewers.get_mut(viewer.slot as usize);
        if let Some(present) = present.filter(|present| present.serial == viewer.serial) {
            present.want_key_frame(now, &mut self.tracks);
        }
        self.ask_home(now);
    }

    pub(super) fn viewer(&self, id: ViewerId) -> Option<&Viewer> {
        self.viewers
            .get(id.slot as usize)
            .map(|viewer| &**viewer)
            .filter(|viewer| viewer.serial == id.serial)
    }

    fn mark_dirty(&mut self, id: ViewerId) {
        if let Some(viewer) = self.viewers.get_mut(id.slot as usize)
            && !std::mem::replace(&mut viewer.is_dirty, true)
        {
            self.drain.mark_dirty(id.slot);
        }
    }

    /// Tells what a viewer that joins begins with, or what it cannot decode.
    fn note_joined(&mut self, id: ViewerId) {
        let Some(viewer) = self.viewer(id) else {
            return;
        };
        let mut found = arrayvec::ArrayVec::<StreamEvent, { Limits::MAX_TRACKS }>::new();
        for subscription in &viewer.subscriptions {
            let Some(track) = track_of(&self.tracks, subscription.source) else {
                continue;
            };
            let format = track.live_format();
            if let Some(format) = format.filter(|&format| subscription.codec(format).is_none()) {
                let kind = track.kind;
                found.push(StreamEvent::Incompatible {
                    viewer: id,
                    kind,
                    format,
                });
            } else if let Some(segment) = subscription.segments.current() {
                let (track, layer) = (
                    TrackId(segment.origin.track()),
                    LayerId(segment.origin.layer()),
                );
                found.push(StreamEvent::LayerChanged {
                    viewer: id,
                    track,
                    layer,
                });
            }
        }
        found.into_iter().for_each(|event| self.emit(event));
    }
}

/// Refuses what there is no room for.
fn check(config: &ViewerConfig) -> Result<(), SubscribeError> {
    if config.tracks.len() > Limits::MAX_TRACKS {
        return Err(SubscribeError::TooManyTracks {
            limit: Limits::MAX_TRACKS,
        });
    }
    let mut tracks = config.tracks.iter();
    if tracks.any(|track| track.codecs.len() > Limits::MAX_CODECS) {
        return Err(SubscribeError::TooManyCodecs {
            limit: Limits::MAX_CODECS,
        });
    }
    Ok(())
}
