//! Streams and those who publish and view them.

use xrtc_forward::{IngestConfig, LayerWish, StreamConfig, StreamEvent, UnknownRid, ViewerId};
use xrtc_rtp::Time;

use crate::addresses::PeerKey;
use crate::peer::Role;
use crate::queue::Queued;
use crate::relay::Message;
use crate::sfu::Sfu;
use crate::streams::{Place, PublishedTrack, Publisher, StreamKey, StreamRef};
use crate::timers::TimerKey;
use crate::{Ended, Event, PeerId, Refused, RequestId, StreamName, TrackInfo};

impl Sfu {
    /// A new stream, or a mirror of another worker's.
    pub(crate) fn open_stream(&mut self, now: Time, name: StreamName, place: Place) -> StreamKey {
        let is_home = matches!(place, Place::Home(_));
        let config = StreamConfig {
            limits: self.config.stream_limits(),
            wall: self.config.wall,
            seed: self.secrets.u64(),
            mirror: !is_home,
        };
        if is_home {
            self.events.push(Event::StreamAdded {
                stream: name.clone(),
            });
        }
        self.streams.insert(name, place, config, now)
    }

    /// Makes the peer the stream's publisher. One that was there before is replaced.
    pub(crate) fn publish(
        &mut self,
        now: Time,
        key: StreamKey,
        publisher: Publisher,
        ingest: IngestConfig,
    ) -> Result<(), xrtc_forward::PublishError> {
        let Some(entry) = self.streams.get_mut(key) else {
            return Ok(());
        };
        entry.media.publish(now, ingest)?;
        entry.waiting_until = None;
        let Some(home) = entry.home_mut() else {
            return Ok(());
        };
        let before = home.publisher.replace(publisher);
        if let Some(before) = before {
            self.close_peer(now, before.peer, Ended::PublisherReplaced, String::new());
        }
        self.stream_changed(key);
        self.stream_is_fresh(key);
        Ok(())
    }

    /// A publishing peer ended. Its viewers wait for the next; without any the stream is over. Nothing happens if the
    /// stream has another publisher by now.
    pub(crate) fn publisher_is_gone(&mut self, now: Time, key: StreamKey, peer: PeerKey) {
        let grace = self.config.publisher_grace;
        let Some(entry) = self.streams.get_mut(key) else {
            return;
        };
        let Some(home) = entry.home_mut() else { return };
        if home
            .publisher
            .as_ref()
            .is_none_or(|publisher| publisher.peer != peer)
        {
            return;
        }
        home.publisher = None;
        entry.waiting_until = Some(now + grace);
        entry.media.unpublish(now);
        let stream = entry.name.clone();
        self.broadcast(|| Message::StreamWaiting {
            stream: stream.clone(),
        });
        self.stream_changed(key);
        self.stream_is_fresh(key);
        self.release_if_unwatched(now, key);
    }

    /// A viewer is connected: its packets begin.
    pub(crate) fn begin_viewing(&mut self, now: Time, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let Role::Viewer(viewer) = &mut peer.role else {
            return;
        };
        let (stream, Some(config)) = (viewer.stream, viewer.config.take()) else {
            return;
        };
        let Some(entry) = self.streams.get_mut(stream) else {
            return;
        };
        match entry.media.subscribe(now, config) {
            Ok(id) => {
                viewer.subscription = Some(id);
                entry.set_viewer(id, key);
                self.stream_is_fresh(stream);
            }
            Err(error) => self.close_peer(now, key, Ended::Overload, error.to_string()),
        }
    }

    /// A viewer wishes for a layer of its stream: this worker chooses, because it has all of them.
    pub(crate) fn set_layer(
        &mut self,
        now: Time,
        (request, id): (RequestId, PeerId),
        wish: LayerWish,
    ) -> Result<(), Refused> {
        let key = self.peer_ids.get(&id).ok_or(Refused::UnknownPeer)?;
        let peer = self.peers.get(*key).ok_or(Refused::UnknownPeer)?;
        let Role::Viewer(viewer) = &peer.role else {
            return Err(Refused::InvalidState {
                state: "publishing",
            });
        };
        let stream = viewer.stream;
        let (Some(subscription), Some(entry)) = (viewer.subscription, self.streams.get_mut(stream))
        else {
            return Err(Refused::InvalidState {
                state: "connecting",
            });
        };
        entry
            .media
            .wish_layer(now, subscription, wish)
            .map_err(|UnknownRid(rid)| Refused::UnknownLayer { rid })?;
        self.stream_is_fresh(stream);
        self.events.push(Event::Accepted { request, peer: id });
        Ok(())
    }

    /// A viewing peer ended.
    pub(crate) fn viewer_is_gone(
        &mut self,
        now: Time,
        key: StreamKey,
        peer: PeerKey,
        viewer: Option<ViewerId>,
    ) {
        let Some(entry) = self.streams.get_mut(key) else {
            return;
        };
        entry.members.remove(&peer);
        if let Some(viewer) = viewer {
            entry.media.unsubscribe(viewer);
            entry.clear_viewer(viewer);
        }
        self.release_if_unwatched(now, key);
    }

    /// Ends a stream that nobody publishes and nobody views, and a mirror that nobody views.
    pub(crate) fn release_if_unwatched(&mut self, now: Time, key: StreamKey) {
        let Some(entry) = self
            .streams
            .get(key)
            .filter(|entry| entry.members.is_empty())
        else {
            return;
        };
        let is_over = match &entry.place {
            Place::Mirror(_) => true,
            Place::Home(home) => home.publisher.is_none() && home.mirrors.is_empty(),
        };
        if is_over {
            self.close_stream(now, key, Ended::PublisherGone, "");
        }
    }

    /// Ends a stream with everybody in it; at its home, on all workers.
    pub(crate) fn close_stream(&mut self, now: Time, key: StreamKey, reason: Ended, detail: &str) {
        let Some(entry) = self.streams.remove(key) else {
            return;
        };
        self.timers.set(TimerKey::Stream(key), None);
        if entry.dirty {
            self.dirty_streams.retain(|other| *other != key);
        }
        self.relays.forget(key);
        self.totals.add_stream(&entry.media, now);
        let mut peers: Vec<_> = entry.members.iter().copied().collect();
        peers.sort_unstable();
        peers.extend(
            entry
                .home()
                .and_then(|home| home.publisher.as_ref())
                .map(|publisher| publisher.peer),
        );
        for peer in peers {
            self.close_peer(now, peer, reason, detail.to_owned());
        }
        match &entry.place {
            Place::Home(_) => {
                let stream = entry.name.clone();
                self.broadcast(|| Message::StreamDown {
                    stream: stream.clone(),
                    reason,
                    detail: detail.to_owned(),
                });
                self.events.push(Event::StreamRemoved { stream, reason });
            }
            Place::Mirror(place) => {
                let (home, mirror) = (place.home, entry.reference(key));
                self.tell(
                    home,
                    Message::Leave {
                        stream: entry.name.clone(),
                        mirror,
                    },
                );
            }
        }
    }

    /// A stream's timer came due.
    pub(crate) fn stream_is_due(&mut self, now: Time, key: StreamKey) {
        let Some(entry) = self.streams.get_mut(key) else {
            return;
        };
        if entry.waiting_until.is_some_and(|until| until <= now) {
            return self.close_stream(now, key, Ended::PublisherGone, "");
        }
        entry.media.handle_timeout(now);
        self.stream_is_fresh(key);
    }

    /// Puts the stream on the lists of those that may have something to send, to tell or to relay.
    pub(crate) fn stream_is_fresh(&mut self, key: StreamKey) {
        let Some(entry) = self.streams.get_mut(key) else {
            return;
        };
        self.is_unsettled = true;
        if !std::mem::replace(&mut entry.dirty, true) {
            self.dirty_streams.push_back(key);
        }
        self.relays.stream_is_fresh(key, entry);
    }

    /// Takes what the media planes have to tell, if there was anything since the last time.
    pub(crate) fn settle(&mut self, now: Time) {
        self.settled_at = now;
        if !std::mem::take(&mut self.is_unsettled) {
            return;
        }
        let mut index = 0;
        while let Some(key) = self.dirty_streams.get(index).copied() {
            self.take_stream_events(now, key);
            index += 1;
        }
    }

    pub(crate) fn take_stream_events(&mut self, now: Time, key: StreamKey) {
        while let Some(event) = self
            .streams
            .get_mut(key)
            .and_then(|entry| entry.media.poll_event())
        {
            self.stream_event(now, key, event);
        }
    }

    fn stream_event(&mut self, now: Time, key: StreamKey, event: StreamEvent) {
        let Some(entry) = self.streams.get_mut(key) else {
            return;
        };
        match event {
            StreamEvent::TrackLive { track, format, .. } => {
                let publisher = entry.home_mut().and_then(|home| home.publisher.as_mut());
                let track =
                    publisher.and_then(|publisher| publisher.tracks.get_mut(usize::from(track.0)));
                if track.is_some_and(|track| track.set_live(format)) {
                    self.stream_changed(key);
                }
            }
            StreamEvent::KeyFrameNeeded { track, layer } => {
                if let Place::Mirror(mirror) = &entry.place {
                    let (home, stream) = (mirror.home, entry.name.clone());
                    self.tell(
                        home,
                        Message::KeyFrame {
                            stream,
                            track,
                            layer,
                        },
                    );
                }
            }
            StreamEvent::Incompatible { viewer, format, .. } => {
                if let Some(peer) = entry.viewer(viewer) {
                    let detail = format.codec.name().to_owned();
                    self.close_peer(now, peer, Ended::IncompatibleCodec, detail);
                }
            }
            StreamEvent::PublisherBye => {
                if let Some(publisher) = entry.home_mut().and_then(|home| home.publisher.as_mut()) {
                    publisher.left = true;
                }
            }
            _ => {}
        }
    }

    /// Tells the application and the other workers what the stream is now.
    pub(crate) fn stream_changed(&mut self, key: StreamKey) {
        let Some(entry) = self.streams.get_mut(key) else {
            return;
        };
        let reference = entry.reference(key);
        self.events
            .promise(Queued::StreamChanged(reference), &mut entry.changed_queued);
        let Some(live) = entry
            .home()
            .map(|home| home.live())
            .filter(|live| !live.is_empty())
        else {
            return;
        };
        let (stream, live) = (entry.name.clone(), live.into());
        self.broadcast(|| Message::StreamUp {
            stream: stream.clone(),
            live: std::sync::Arc::clone(&live),
        });
    }

    pub(crate) fn stream_changed_event(&mut self, reference: StreamRef) -> Option<Event> {
        let (now, peers) = (self.settled_at, &self.peers);
        let entry = self.streams.resolve(reference)?;
        entry.changed_queued = false;
        let home = entry.home()?;
        let publisher = home.publisher.as_ref();
        let id = publisher.and_then(|publisher| Some(peers.get(publisher.peer)?.id));
        let tracks = publisher.map_or(&[][..], |publisher| &publisher.tracks);
        let info = |(index, track): (usize, &PublishedTrack)| TrackInfo {
            mid: track.mid.clone(),
            kind: track.kind.name(),
            codec: track.offer.key.codec.name().to_owned(),
            live: track.live,
            layers: entry.layers(now, index),
        };
        Some(Event::StreamChanged {
            stream: entry.name.clone(),
            state: home.state(),
            publisher: id,
            tracks: tracks.iter().enumerate().map(info).collect(),
        })
    }
}
