//! The streams of a worker: those that have their home here, and mirrors of others' that are watched here.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;
use slab::Slab;
use xrtc_forward::{Format, LayerId, Limits, RelayItem, Stream, StreamConfig, TrackId, ViewerId};
use xrtc_rtp::{MediaKind, Time};
use xrtc_sdp::LiveTrack;

use crate::addresses::PeerKey;
use crate::relay::MirrorKey;
use crate::{StreamName, StreamState, WorkerId};

/// The slot of a stream in its worker's table.
pub(crate) type StreamKey = usize;

/// A stream that may have gone: its slot may hold another one by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamRef {
    pub(crate) key: StreamKey,
    pub(crate) serial: u32,
}

/// All streams of a worker.
#[derive(Debug)]
pub(crate) struct Streams {
    /// Boxed, so that finding one touches nothing but the list: the next ones are loaded ahead of their turns.
    slab: Slab<Box<StreamEntry>>,
    names: HashMap<StreamName, StreamKey, FixedState>,
    serial: u32,
    homes: usize,
}

impl Streams {
    pub(crate) fn new(seed: u64) -> Self {
        let names = HashMap::with_hasher(FixedState::with_seed(seed));
        Self {
            slab: Slab::new(),
            names,
            serial: 0,
            homes: 0,
        }
    }

    pub(crate) fn get(&self, key: StreamKey) -> Option<&StreamEntry> {
        self.slab.get(key).map(|entry| &**entry)
    }

    pub(crate) fn get_mut(&mut self, key: StreamKey) -> Option<&mut StreamEntry> {
        self.slab.get_mut(key).map(|entry| &mut **entry)
    }

    /// The stream, unless it has gone.
    pub(crate) fn resolve(&mut self, reference: StreamRef) -> Option<&mut StreamEntry> {
        self.slab
            .get_mut(reference.key)
            .map(|entry| &mut **entry)
            .filter(|entry| entry.serial == reference.serial)
    }

    pub(crate) fn by_name(&self, name: &StreamName) -> Option<StreamKey> {
        self.names.get(name).copied()
    }

    pub(crate) fn insert(
        &mut self,
        name: StreamName,
        place: Place,
        config: StreamConfig,
        now: Time,
    ) -> StreamKey {
        self.serial = self.serial.wrapping_add(1);
        self.homes += usize::from(matches!(place, Place::Home(_)));
        let key = self.slab.insert(Box::new(StreamEntry {
            name: name.clone(),
            serial: self.serial,
            media: Stream::new(config, now),
            place,
            waiting_until: None,
            members: HashSet::with_hasher(FixedState::with_seed(config.seed)),
            viewers: Vec::new(),
            dirty: false,
            relay_dirty: false,
            changed_queued: false,
        }));
        self.names.insert(name, key);
        key
    }

    pub(crate) fn remove(&mut self, key: StreamKey) -> Option<StreamEntry> {
        let entry = self.slab.try_remove(key)?;
        self.names.remove(&entry.name);
        self.homes -= usize::from(matches!(entry.place, Place::Home(_)));
        Some(*entry)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (StreamKey, &StreamEntry)> {
        self.slab.iter().map(|(key, entry)| (key, &**entry))
    }

    pub(crate) fn keys(&self) -> Vec<StreamKey> {
        self.slab.iter().map(|(key, _)| key).collect()
    }

    /// How many have their home here.
    pub(crate) const fn homes(&self) -> usize {
        self.homes
    }
}

/// A stream on this worker.
#[derive(Debug)]
pub(crate) struct StreamEntry {
    pub(crate) name: StreamName,
    pub(crate) serial: u32,
    pub(crate) media: Stream,
    pub(crate) place: Place,
    /// While nobody publishes: when the stream ends.
    pub(crate) waiting_until: Option<Time>,
    /// Viewers, those included that are not connected yet.
    pub(crate) members: HashSet<PeerKey, FixedState>,
    /// Connected viewers by the slot that the media plane gave them.
    viewers: Vec<Option<PeerKey>>,
    /// It stands in the list of streams with something to send.
    pub(crate) dirty: bool,
    /// It stands in the list of streams with something for mirrors.
    pub(crate) relay_dirty: bool,
    /// A change stands in the event queue.
    pub(crate) changed_queued: bool,
}

impl StreamEntry {
    pub(crate) const fn reference(&self, key: StreamKey) -> StreamRef {
        StreamRef {
            key,
            serial: self.serial,
        }
    }

    pub(crate) const fn home(&self) -> Option<&Home> {
        match &self.place {
            Place::Home(home) => Some(home),
            Place::Mirror(_) => None,
        }
    }

    pub(crate) const fn home_mut(&mut self) -> Option<&mut Home> {
        match &mut self.place {
            Place::Home(home) => Some(home),
            Place::Mirror(_) => None,
        }
    }

    /// The media plane, and whose packets those of its viewers are, by slot.
    pub(crate) fn media_and_viewers(&mut self) -> (&mut Stream, &[Option<PeerKey>]) {
        (&mut self.media, &self.viewers)
    }

    /// Whose packets those of this viewer are.
    pub(crate) fn viewer(&self, viewer: ViewerId) -> Option<PeerKey> {
        self.viewers.get(viewer.slot()).copied().flatten()
    }

    /// Whose packets those of the viewer are, where there is one.
    pub(crate) fn only_viewer(&self) -> Option<PeerKey> {
        match self.viewers.as_slice() {
            [viewer] => *viewer,
            _ => None,
        }
    }

    pub(crate) fn set_viewer(&mut self, viewer: ViewerId, peer: PeerKey) {
        if self.viewers.len() <= viewer.slot() {
            self.viewers.resize(viewer.slot() + 1, None);
        }
        if let Some(place) = self.viewers.get_mut(viewer.slot()) {
            *place = Some(peer);
        }
    }

    pub(crate) fn clear_viewer(&mut self, viewer: ViewerId) {
        if let Some(place) = self.viewers.get_mut(viewer.slot()) {
            *place = None;
        }
    }

    /// When something is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        [self.media.poll_timeout(), self.waiting_until]
            .into_iter()
            .flatten()
            .min()
    }
}

/// Where a stream has its home.
#[derive(Debug)]
pub(crate) enum Place {
    /// Here.
    Home(Home),
    /// On another worker; here is a copy for this worker's viewers.
    Mirror(Mirror),
}

/// What a mirror knows of its home.
#[derive(Debug)]
pub(crate) struct Mirror {
    pub(crate) home: WorkerId,
    /// The home was asked for packets.
    pub(crate) joined: bool,
}

/// What only a stream's home knows.
#[derive(Debug, Default)]
pub(crate) struct Home {
    pub(crate) publisher: Option<Publisher>,
    pub(crate) mirrors: Vec<MirrorLink>,
}

impl Home {
    pub(crate) fn state(&self) -> StreamState {
        match &self.publisher {
            None => StreamState::Waiting,
            Some(publisher) if publisher.tracks.iter().any(|track| track.live) => StreamState::Live,
            Some(_) => StreamState::Connecting,
        }
    }

    /// A track of the present publisher.
    pub(crate) fn track(&self, track: TrackId) -> Option<&PublishedTrack> {
        self.publisher.as_ref()?.tracks.get(usize::from(track.0))
    }

    /// What a viewer can be offered; nothing while nobody publishes.
    pub(crate) fn live(&self) -> Vec<LiveTrack> {
        let tracks = self
            .publisher
            .iter()
            .flat_map(|publisher| &publisher.tracks);
        tracks.map(|track| track.offer.clone()).collect()
    }
}

/// A stream's present publisher.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) peer: PeerKey,
    pub(crate) identity: Option<String>,
    /// When it was accepted.
    pub(crate) since: Time,
    /// It said goodbye (RTCP BYE) and may be replaced at once.
    pub(crate) left: bool,
    pub(crate) tracks: Vec<PublishedTrack>,
}

/// One track of a publisher.
#[derive(Debug)]
pub(crate) struct PublishedTrack {
    pub(crate) mid: String,
    pub(crate) kind: MediaKind,
    pub(crate) rids: Vec<String>,
    /// Packets have come.
    pub(crate) live: bool,
    /// What viewers' offers are matched against: what it sends, or while that is unknown what it prefers to.
    pub(crate) offer: LiveTrack,
    /// Everything it may send.
    pub(crate) formats: Vec<(Format, LiveTrack)>,
}

impl PublishedTrack {
    /// Packets of this format have come. `true`: that is news.
    pub(crate) fn set_live(&mut self, format: Format) -> bool {
        let found = self.formats.iter().find(|(other, _)| *other == format);
        let changed = !self.live || found.is_some_and(|(_, offer)| *offer != self.offer);
        self.live = true;
        if let Some((_, offer)) = found {
            self.offer = offer.clone();
        }
        changed
    }
}

/// A mirror of a stream on another worker.
#[derive(Debug)]
pub(crate) struct MirrorLink {
    pub(crate) worker: WorkerId,
    pub(crate) mirror: MirrorKey,
    /// The queue was full: video is held back until the next key frame of each of these layers.
    skipping: u64,
}

impl MirrorLink {
    pub(crate) const fn new(worker: WorkerId, mirror: MirrorKey) -> Self {
        Self {
            worker,
            mirror,
            skipping: 0,
        }
    }

    /// Whether the item may go to this mirror. After a loss a video layer goes on at a key frame.
    pub(crate) fn admits(&mut self, item: &RelayItem) -> bool {
        let RelayItem::Packet(packet) = item else {
            return true;
        };
        let bit = layer_bit(packet.track(), packet.layer());
        if self.skipping & bit != 0 && packet.starts_key_frame() {
            self.skipping &= !bit;
        }
        self.skipping & bit == 0
    }

    /// A packet of this layer was lost on the way. Sound goes on at once: nothing depends on what was lost.
    pub(crate) fn skip(&mut self, track: TrackId, layer: LayerId, kind: MediaKind) {
        if kind == MediaKind::Video {
            self.skipping |= layer_bit(track, layer);
        }
    }
}

/// A media plane has at most [`Limits::MAX_TRACKS`] tracks of [`Limits::MAX_LAYERS`] layers.
const fn layer_bit(track: TrackId, layer: LayerId) -> u64 {
    let number = track.0 as usize * Limits::MAX_LAYERS + layer.0 as usize;
    1 << (number % u64::BITS as usize)
}

const _: () = assert!(Limits::MAX_TRACKS * Limits::MAX_LAYERS <= u64::BITS as usize);
