//! What leaves: STUN and DTLS first, then RTCP, then RTP viewer by viewer.

use xrtc_forward::{Outgoing, RtcpTarget, Stream};
use xrtc_rtp::Time;
use xrtc_transport::Plain;

use crate::addresses::PeerKey;
use crate::discard::Discard;
use crate::peer::{Peer, Role};
use crate::sfu::Sfu;
use crate::streams::StreamKey;
use crate::timers::TimerKey;
use crate::{Batch, Class, Event, Path, Tag};

impl Sfu {
    /// Writes what is to be sent into `batch`. `true`: the batch is full and there is more.
    ///
    /// To be called until it gives `false`; input may be handed in between two calls.
    pub fn poll_transmit(&mut self, now: Time, batch: &mut Batch) -> bool {
        self.settle(now);
        // Sending may find out something (that a viewer cannot decode what comes, for one) and so make more to send.
        while self.has_work() {
            if !self.transmit_farewells(now, batch)
                || !self.transmit_control(now, batch)
                || !self.transmit_streams(now, batch)
            {
                return true;
            }
        }
        self.finish_shutdown();
        false
    }

    fn has_work(&self) -> bool {
        !(self.farewells.is_empty() && self.dirty_peers.is_empty() && self.dirty_streams.is_empty())
    }

    /// The driver could not send `datagrams` of this tag and gave them up: a viewer that lost video gets a key frame.
    pub fn transmit_dropped(&mut self, now: Time, tag: Tag, datagrams: usize) {
        self.totals.count_many(Discard::TransmitDropped, datagrams);
        if tag.class != Class::Video {
            return;
        }
        let peer = self
            .peer_ids
            .get(&tag.peer)
            .and_then(|key| self.peers.get(*key));
        let Some((stream, viewer)) =
            peer.and_then(|peer| Some((peer.stream()?, peer.subscription()?)))
        else {
            return;
        };
        if let Some(entry) = self.streams.get_mut(stream) {
            entry.media.request_viewer_key_frame(now, viewer);
            self.stream_is_fresh(stream);
        }
    }

    /// `false`: the batch is full.
    fn transmit_farewells(&mut self, now: Time, batch: &mut Batch) -> bool {
        while let Some((id, transport)) = self.farewells.front_mut() {
            let tag = Tag {
                peer: *id,
                class: Class::Control,
            };
            loop {
                let Some(space) = batch.space() else {
                    return false;
                };
                let Some(transmit) = transport.poll_transmit(now, space) else {
                    break;
                };
                batch.commit(transmit.path, tag, transmit.len);
            }
            self.totals.add_transport(transport);
            self.farewells.pop_front();
        }
        true
    }

    fn transmit_control(&mut self, now: Time, batch: &mut Batch) -> bool {
        while let Some(key) = self.dirty_peers.front().copied() {
            if let Some(peer) = self.peers.get_mut(key) {
                let tag = Tag {
                    peer: peer.id,
                    class: Class::Control,
                };
                loop {
                    let Some(space) = batch.space() else {
                        return false;
                    };
                    let Some(transmit) = peer.transport.poll_transmit(now, space) else {
                        break;
                    };
                    peer.count_sent(transmit.len);
                    batch.commit(transmit.path, tag, transmit.len);
                }
                peer.dirty = false;
            }
            self.arm_peer(key);
            self.dirty_peers.pop_front();
        }
        true
    }

    fn transmit_streams(&mut self, now: Time, batch: &mut Batch) -> bool {
        while let Some(key) = self.dirty_streams.front().copied() {
            if !self.transmit_rtcp(now, key, batch) || !self.transmit_rtp(now, key, batch) {
                // What comes in meanwhile may keep it busy for long; the others have their turns too.
                self.dirty_streams.rotate_left(1);
                return false;
            }
            self.take_stream_events(now, key);
            if let Some(entry) = self.streams.get_mut(key) {
                self.dirty_streams.pop_front();
                entry.dirty = false;
                self.timers.set(TimerKey::Stream(key), entry.deadline());
            }
        }
        true
    }

    fn transmit_rtcp(&mut self, now: Time, key: StreamKey, batch: &mut Batch) -> bool {
        let Some(entry) = self.streams.get_mut(key) else {
            return true;
        };
        loop {
            let Some(space) = batch.space() else {
                return false;
            };
            let Some((target, len)) = entry.media.poll_rtcp(now, &mut self.scratch[..]) else {
                return true;
            };
            let to = match target {
                RtcpTarget::Publisher => entry
                    .home()
                    .and_then(|home| home.publisher.as_ref())
                    .map(|publisher| publisher.peer),
                RtcpTarget::Viewer(viewer) => entry.viewer(viewer),
            };
            let Some((peer, path)) = to.and_then(|to| sender(&mut self.peers, to)) else {
                continue;
            };
            let plain = self.scratch.get(..len).unwrap_or_default();
            if let Some(len) = peer.transport.seal_rtcp(plain, space) {
                peer.count_sent(len);
                batch.commit(
                    path,
                    Tag {
                        peer: peer.id,
                        class: Class::Control,
                    },
                    len,
                );
            }
        }
    }

    fn transmit_rtp(&mut self, now: Time, key: StreamKey, batch: &mut Batch) -> bool {
        let Some(entry) = self.streams.get_mut(key) else {
            return true;
        };
        let mut present = None;
        loop {
            let Some(space) = batch.space() else {
                return false;
            };
            let (media, viewers) = entry.media_and_viewers();
            let Some(Outgoing {
                viewer,
                ssrc,
                index,
                repeat,
                header,
                prefix,
                payload,
            }) = media.poll_rtp(now)
            else {
                return true;
            };
            let to = viewers.get(viewer.slot()).copied().flatten();
            let Some((peer, path)) = to.and_then(|to| sender(&mut self.peers, to)) else {
                continue;
            };
            let is_audio = matches!(&peer.role, Role::Viewer(viewer) if viewer.audio == Some(ssrc));
            let class = if is_audio { Class::Audio } else { Class::Video };
            let plain = Plain {
                ssrc,
                index,
                repeat,
                header,
                prefix,
                payload,
            };
            if let Some(len) = peer.transport.seal_rtp(plain, space) {
                peer.count_sent(len);
                batch.commit(
                    path,
                    Tag {
                        peer: peer.id,
                        class,
                    },
                    len,
                );
            }
            if present.replace(viewer) != Some(viewer) {
                look_ahead(media, viewers, &self.peers);
            }
        }
    }

    fn finish_shutdown(&mut self) {
        for request in self.shutdown.drain(..) {
            self.events.push(Event::ShutDown { request });
        }
    }
}

/// Peers are many and far apart in memory: lets the processor load the next ones while the present one is served.
fn look_ahead(media: &Stream, viewers: &[Option<PeerKey>], peers: &slab::Slab<Box<Peer>>) {
    let upcoming = |ahead| peers.get((*viewers.get(media.upcoming(ahead)?)?)?);
    if let Some(peer) = upcoming(2) {
        peer.prefetch();
    }
    if let Some(peer) = upcoming(1) {
        peer.transport.prefetch_sent();
    }
}

/// The peer, if it has a path to send on.
fn sender(peers: &mut slab::Slab<Box<Peer>>, key: PeerKey) -> Option<(&mut Peer, Path)> {
    let peer = peers.get_mut(key)?;
    let path = peer.transport.path()?;
    Some((peer, path))
}
