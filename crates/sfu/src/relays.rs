//! Streams across workers: each has one home, and a mirror on every worker that has viewers of it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::FixedState;
use xrtc_forward::RelayItem;
use xrtc_rtp::{MediaKind, Time};
use xrtc_sdp::LiveTrack;

use crate::discard::Discard;
use crate::relay::{Message, MirrorKey, Outbox};
use crate::sfu::Sfu;
use crate::steering::DetourEnd;
use crate::streams::{MirrorLink, Place, StreamEntry, StreamKey, StreamRef};
use crate::{Ended, RelayMessage, StreamName, WorkerId};

/// What a worker knows of the others.
#[derive(Debug)]
pub(crate) struct Relays {
    own: WorkerId,
    /// By worker; this one's own stays empty.
    outboxes: Vec<Outbox>,
    /// Streams that have their home elsewhere and can be watched here.
    remote: HashMap<StreamName, RemoteStream, FixedState>,
    /// Streams here that may have something for their mirrors.
    fresh: VecDeque<StreamKey>,
    /// One item's copies, on their way to the driver.
    media: VecDeque<(WorkerId, Message)>,
}

/// A stream of another worker.
#[derive(Debug)]
pub(crate) struct RemoteStream {
    pub(crate) home: WorkerId,
    /// What a viewer can be offered; empty while nobody publishes.
    pub(crate) live: Arc<[LiveTrack]>,
}

impl Relays {
    pub(crate) fn new(own: WorkerId, workers: u16, seed: u64) -> Self {
        Self {
            own,
            outboxes: (0..workers).map(|_| Outbox::default()).collect(),
            remote: HashMap::with_hasher(FixedState::with_seed(seed)),
            fresh: VecDeque::new(),
            media: VecDeque::new(),
        }
    }

    pub(crate) fn remote(&self, name: &StreamName) -> Option<&RemoteStream> {
        self.remote.get(name)
    }

    pub(crate) fn remote_streams(&self) -> usize {
        self.remote.len()
    }

    /// Messages that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.outboxes.iter().map(Outbox::len).sum::<usize>() + self.media.len()
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.outboxes.iter().filter_map(Outbox::deadline).min()
    }

    pub(crate) fn stream_is_fresh(&mut self, key: StreamKey, entry: &mut StreamEntry) {
        let is_relayed = entry.home().is_some_and(|home| !home.mirrors.is_empty());
        if is_relayed && !std::mem::replace(&mut entry.relay_dirty, true) {
            self.fresh.push_back(key);
        }
    }

    /// The stream has gone.
    pub(crate) fn forget(&mut self, key: StreamKey) {
        self.fresh.retain(|other| *other != key);
    }

    fn others(&self) -> impl Iterator<Item = WorkerId> + use<> {
        let own = self.own;
        let count = u16::try_from(self.outboxes.len()).unwrap_or(u16::MAX);
        (0..count)
            .map(WorkerId)
            .filter(move |worker| *worker != own)
    }

    fn outbox(&mut self, worker: WorkerId) -> Option<&mut Outbox> {
        self.outboxes.get_mut(usize::from(worker.0))
    }
}

impl Sfu {
    /// The next message for another worker, until `None`.
    pub fn poll_relay(&mut self, now: Time) -> Option<(WorkerId, RelayMessage)> {
        self.settle(now);
        while let Some((via, path)) = self.addresses.pop_ended() {
            self.tell(via, Message::DetourEnd { path });
        }
        for worker in self.relays.others() {
            if let Some(message) = self
                .relays
                .outbox(worker)
                .and_then(|outbox| outbox.pop(now))
            {
                return Some((worker, RelayMessage(message)));
            }
        }
        loop {
            if let Some((worker, message)) = self.relays.media.pop_front() {
                return Some((worker, RelayMessage(message)));
            }
            if !self.fan_out(now) {
                return None;
            }
        }
    }

    /// Takes a message back because the queue to that worker is full. Control messages are kept and come again from
    /// [`Sfu::poll_relay`] a millisecond later (see [`Sfu::poll_timeout`]); of a stream's packets, video is dropped to
    /// its next key frame, and counted.
    pub fn relay_refused(&mut self, now: Time, to: WorkerId, message: RelayMessage) {
        match message.0 {
            Message::Media { mirror, home, item } => {
                if let Some(outbox) = self.relays.outbox(to) {
                    outbox.block(now);
                }
                self.relay_is_lost(now, to, (mirror, home), item);
            }
            control => {
                if let Some(outbox) = self.relays.outbox(to) {
                    outbox.push_back_first(control, now);
                }
            }
        }
    }

    /// Copies the next item of a stream for each of its mirrors. `false`: there is none.
    fn fan_out(&mut self, now: Time) -> bool {
        while let Some(key) = self.relays.fresh.front().copied() {
            if self.fan_out_from(now, key) {
                return true;
            }
            self.relays.fresh.pop_front();
            if let Some(entry) = self.streams.get_mut(key) {
                entry.relay_dirty = false;
            }
        }
        false
    }

    fn fan_out_from(&mut self, now: Time, key: StreamKey) -> bool {
        let Some(entry) = self.streams.get_mut(key) else {
            return false;
        };
        let home = entry.reference(key);
        let Some(item) = entry.media.poll_relay() else {
            return false;
        };
        let mut index = 0;
        while let Some(link) = self.link(key, index) {
            index += 1;
            let (to, mirror) = (link.worker, link.mirror);
            if !link.admits(&item) {
                self.totals.count(Discard::RelayFull);
            } else if self
                .relays
                .outbox(to)
                .is_some_and(|outbox| outbox.holds_up(now))
            {
                self.relay_is_lost(now, to, (mirror, home), item.clone());
            } else {
                self.relays.media.push_back((
                    to,
                    Message::Media {
                        mirror,
                        home,
                        item: item.clone(),
                    },
                ));
            }
        }
        true
    }

    fn link(&mut self, key: StreamKey, index: usize) -> Option<&mut MirrorLink> {
        self.streams
            .get_mut(key)?
            .home_mut()?
            .mirrors
            .get_mut(index)
    }

    /// An item found the queue full. A change of the publisher must arrive all the same; a packet is lost, and its
    /// track goes on at a key frame.
    fn relay_is_lost(
        &mut self,
        now: Time,
        to: WorkerId,
        (mirror, home): (MirrorKey, StreamRef),
        item: RelayItem,
    ) {
        match item {
            RelayItem::Publisher(_) | RelayItem::Unpublished => {
                self.tell(to, Message::Media { mirror, home, item })
            }
            RelayItem::SenderReport(_) => {}
            RelayItem::Packet(packet) => {
                self.totals.count(Discard::RelayFull);
                let Some(entry) = self.streams.resolve(home) else {
                    return;
                };
                let Some(at_home) = entry.home_mut() else {
                    return;
                };
                let track = packet.track();
                let kind = at_home
                    .track(track)
                    .map_or(MediaKind::Video, |track| track.kind);
                if let Some(link) = at_home
                    .mirrors
                    .iter_mut()
                    .find(|link| link.mirror == mirror && link.worker == to)
                {
                    link.skip(track, packet.layer(), kind);
                }
                if kind == MediaKind::Video {
                    entry.media.request_key_frame(now, track, packet.layer());
                }
                self.stream_is_fresh(home.key);
            }
        }
    }

    /// Leaves a message that must arrive for one worker.
    pub(crate) fn tell(&mut self, to: WorkerId, message: Message) {
        let limit = self.config.limits.relay_queue;
        if self
            .relays
            .outbox(to)
            .is_some_and(|outbox| !outbox.push(message, limit))
        {
            self.totals.count(Discard::RelayControlFull);
        }
    }

    /// Leaves a message for every other worker.
    pub(crate) fn broadcast(&mut self, message: impl Fn() -> Message) {
        for worker in self.relays.others() {
            self.tell(worker, message());
        }
    }

    pub(crate) fn take_relay(&mut self, now: Time, from: WorkerId, message: Message) {
        match message {
            Message::Hello => self.greet(now, from),
            Message::StreamUp { stream, live } => self.remote_is_up(from, stream, live),
            Message::StreamWaiting { stream } => {
                if let Some(remote) = self.relays.remote.get_mut(&stream) {
                    remote.live = Arc::new([]);
                }
            }
            Message::StreamDown {
                stream,
                reason,
                detail,
            } => {
                self.relays.remote.remove(&stream);
                if let Some(key) = self.mirror_of(&stream, from) {
                    self.close_stream(now, key, reason, &detail);
                }
            }
            Message::Join { stream, mirror } => self.mirror_joins(now, from, stream, mirror),
            Message::Leave { stream, mirror } => {
                self.drop_links(now, &stream, |link| {
                    link.worker == from && link.mirror == mirror
                });
            }
            Message::KeyFrame {
                stream,
                track,
                layer,
            } => {
                if let Some(key) = self.streams.by_name(&stream)
                    && let Some(entry) = self
                        .streams
                        .get_mut(key)
                        .filter(|entry| entry.home().is_some())
                {
                    entry.media.request_key_frame(now, track, layer);
                    self.stream_is_fresh(key);
                }
            }
            Message::DetourEnd { path } => self.detour_ends.push_back(DetourEnd {
                owner: from,
                path: Some(path),
            }),
            Message::Media { mirror, item, .. } => match self.streams.resolve(mirror) {
                Some(entry) => {
                    entry.media.handle_relay(now, item);
                    self.stream_is_fresh(mirror.key);
                }
                None => self.totals.count(Discard::RelayStale),
            },
        }
    }

    /// A worker has started. What an earlier one with its number held is gone: its mirrors of our streams, and its
    /// own streams, whose viewers here wait for them to come back.
    fn greet(&mut self, now: Time, from: WorkerId) {
        if let Some(outbox) = self.relays.outbox(from) {
            outbox.clear();
        }
        self.relays.media.retain(|(to, _)| *to != from);
        self.detour_ends.push_back(DetourEnd {
            owner: from,
            path: None,
        });
        self.relays.remote.retain(|_, remote| remote.home != from);
        let grace = self.config.publisher_grace;
        for key in self.streams.keys() {
            let Some(entry) = self.streams.get_mut(key) else {
                continue;
            };
            match &mut entry.place {
                Place::Mirror(mirror) if mirror.home == from => {
                    mirror.joined = false;
                    entry.waiting_until = Some(now + grace);
                    entry.media.handle_relay(now, RelayItem::Unpublished);
                    self.stream_is_fresh(key);
                }
                Place::Mirror(_) => {}
                Place::Home(home) => {
                    let live: Arc<[_]> = home.live().into();
                    let stream = entry.name.clone();
                    if !live.is_empty() {
                        self.tell(
                            from,
                            Message::StreamUp {
                                stream: stream.clone(),
                                live,
                            },
                        );
                    }
                    self.drop_links(now, &stream, |link| link.worker == from);
                }
            }
        }
    }

    fn remote_is_up(&mut self, from: WorkerId, stream: StreamName, live: Arc<[LiveTrack]>) {
        if let Some(key) = self.mirror_of(&stream, from) {
            self.join_home(key);
        }
        self.relays
            .remote
            .insert(stream, RemoteStream { home: from, live });
    }

    fn mirror_of(&self, stream: &StreamName, home: WorkerId) -> Option<StreamKey> {
        let key = self.streams.by_name(stream)?;
        let entry = self.streams.get(key)?;
        matches!(&entry.place, Place::Mirror(mirror) if mirror.home == home).then_some(key)
    }

    /// Asks the home for the stream's packets, unless it was asked already.
    pub(crate) fn join_home(&mut self, key: StreamKey) {
        let Some(entry) = self.streams.get_mut(key) else {
            return;
        };
        let mirror = entry.reference(key);
        let Place::Mirror(place) = &mut entry.place else {
            return;
        };
        if std::mem::replace(&mut place.joined, true) {
            return;
        }
        entry.waiting_until = None;
        let (home, stream) = (place.home, entry.name.clone());
        self.tell(home, Message::Join { stream, mirror });
    }

    /// A worker wants the packets of a stream of ours.
    fn mirror_joins(&mut self, now: Time, from: WorkerId, stream: StreamName, mirror: MirrorKey) {
        let key = self
            .streams
            .by_name(&stream)
            .filter(|key| self.link_count(*key).is_some());
        let Some(key) = key else {
            let message = Message::StreamDown {
                stream,
                reason: Ended::PublisherGone,
                detail: String::new(),
            };
            return self.tell(from, message);
        };
        // What older mirrors have not been given yet must not reach the new one after the snapshot.
        while self.fan_out_from(now, key) {}
        let Some(entry) = self.streams.get_mut(key) else {
            return;
        };
        let home = entry.reference(key);
        entry.media.set_relaying(true);
        let snapshot = entry.media.relay_snapshot();
        if let Some(at_home) = entry.home_mut() {
            at_home.mirrors.retain(|link| link.worker != from);
            at_home.mirrors.push(MirrorLink::new(from, mirror));
        }
        for item in snapshot {
            self.tell(from, Message::Media { mirror, home, item });
        }
        self.stream_is_fresh(key);
    }

    fn link_count(&self, key: StreamKey) -> Option<usize> {
        Some(self.streams.get(key)?.home()?.mirrors.len())
    }

    fn drop_links(
        &mut self,
        now: Time,
        stream: &StreamName,
        is_gone: impl Fn(&MirrorLink) -> bool,
    ) {
        let Some(key) = self.streams.by_name(stream) else {
            return;
        };
        let Some(entry) = self.streams.get_mut(key) else {
            return;
        };
        let Some(home) = entry.home_mut() else { return };
        home.mirrors.retain(|link| !is_gone(link));
        if home.mirrors.is_empty() {
            entry.media.set_relaying(false);
        }
        self.release_if_unwatched(now, key);
    }
}
