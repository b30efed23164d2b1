//! A stream's packets on their way to other workers, and their arrival there.

use std::collections::VecDeque;
use std::sync::Arc;

use xrtc_rtp::Time;

use super::Stream;
use crate::{
    Discard, LayerId, Limits, Packet, PublisherDescription, RelayItem, SenderReportItem,
    StreamEvent, TrackDescription, TrackId,
};

impl Stream {
    /// Whether [`Self::poll_relay`] yields what mirrors need. Off at first.
    pub fn set_relaying(&mut self, relaying: bool) {
        match (&self.relay, relaying) {
            (None, true) => self.relay = Some(VecDeque::new()),
            (Some(_), false) => self.relay = None,
            _ => {}
        }
    }

    /// What a mirror that joins now must be given before the items of [`Self::poll_relay`]: take those first.
    ///
    /// It includes the picture group so far, so that the mirror's first viewer sees something at once.
    pub fn relay_snapshot(&self) -> Vec<RelayItem> {
        if self.tracks.is_empty() {
            return vec![RelayItem::Unpublished];
        }
        let description = PublisherDescription {
            publisher: self.publisher,
            tracks: self
                .tracks
                .iter()
                .map(|track| TrackDescription {
                    kind: track.kind,
                    mid: track.mid,
                    formats: track.formats().to_vec(),
                    rids: track.layers.iter().filter_map(|layer| layer.rid).collect(),
                    repairs: track.repairs(),
                })
                .collect(),
        };
        let mut items = vec![RelayItem::Publisher(Arc::new(description))];
        for (index, track) in (0..).zip(&self.tracks) {
            for (number, layer) in (0..).zip(&track.layers) {
                if let (Some(clock), Some(clock_offset)) = (layer.clock, self.clock_offset) {
                    items.push(RelayItem::SenderReport(SenderReportItem {
                        publisher: self.publisher,
                        track: TrackId(index),
                        layer: LayerId(number),
                        ntp: clock.ntp,
                        timestamp: clock.timestamp,
                        received: clock.received,
                        clock_offset,
                    }));
                }
                let Some(key) = layer.group(self.config.limits.join_burst) else {
                    continue;
                };
                let packets = key.sequence..layer.cache.end();
                let slots = packets.filter_map(|sequence| layer.cache.get(sequence));
                items.extend(slots.map(|slot| RelayItem::Packet(Arc::clone(&slot.packet))));
            }
        }
        items
    }

    /// The next item for every mirror.
    pub fn poll_relay(&mut self) -> Option<RelayItem> {
        self.relay.as_mut()?.pop_front()
    }

    /// On a mirror: an item from the stream's home. Elsewhere it is counted and dropped.
    pub fn handle_relay(&mut self, now: Time, item: RelayItem) {
        self.now = self.now.max(now);
        if !self.config.mirror {
            self.discards.count(Discard::RelayStale);
            return;
        }
        match item {
            RelayItem::Publisher(description) => self.begin_publisher(&description),
            RelayItem::Unpublished => self.end_publisher(),
            RelayItem::SenderReport(item) => {
                if item.publisher == self.publisher {
                    self.set_clock(&item);
                }
            }
            RelayItem::Packet(packet) => {
                if let Err(discard) = self.take_relayed(now, packet) {
                    self.discards.count(discard);
                }
            }
        }
        self.ask_home(now);
    }

    fn take_relayed(&mut self, now: Time, packet: Arc<Packet>) -> Result<(), Discard> {
        let origin = packet.origin;
        if origin.publisher() != self.publisher {
            return Err(Discard::RelayStale);
        }
        let track = self.tracks.get_mut(usize::from(origin.track()));
        let layer = track.and_then(|track| track.layer_mut(origin.layer()));
        let layer = layer.ok_or(Discard::RelayStale)?;
        if layer.epoch != origin.epoch() {
            layer.restart(origin.epoch());
        }
        layer.check(packet.sequence)?;
        self.store(now, packet);
        Ok(())
    }

    pub(super) fn push_relay(&mut self, item: RelayItem) {
        let Some(relay) = &mut self.relay else { return };
        // What is not a packet is rare and must not be missed.
        if relay.len() < self.config.limits.relay_items || !matches!(item, RelayItem::Packet(_)) {
            relay.push_back(item);
        } else {
            self.discards.count(Discard::RelayFull);
        }
    }

    /// The layers whose key frame is wanted, with the time when it is to be asked for (again).
    pub(super) fn wishes(&self) -> impl Iterator<Item = (usize, u8, Option<Time>)> {
        let now = self.now;
        self.tracks
            .iter()
            .enumerate()
            .flat_map(move |(index, track)| {
                let layers = (0_u8..).zip(&track.layers);
                layers
                    .filter(move |(_, layer)| layer.is_live(now))
                    .map(move |(number, layer)| (index, number, layer.requester.due()))
            })
    }

    /// On a mirror: hands the wishes of its viewers to the stream's home.
    pub(super) fn ask_home(&mut self, now: Time) {
        if !self.config.mirror {
            return;
        }
        let mut due = arrayvec::ArrayVec::<(usize, u8), MOST_LAYERS>::new();
        let wishes = self
            .wishes()
            .filter(|wish| wish.2.is_some_and(|at| at <= now));
        due.extend(
            wishes
                .map(|(track, layer, _)| (track, layer))
                .take(MOST_LAYERS),
        );
        for (index, number) in due {
            let track = self.tracks.get_mut(index);
            if let Some(layer) = track.and_then(|track| track.layer_mut(number)) {
                layer.requester.sent(now);
            }
            let track = TrackId(u8::try_from(index).unwrap_or(u8::MAX));
            self.emit(StreamEvent::KeyFrameNeeded {
                track,
                layer: LayerId(number),
            });
        }
    }
}

const MOST_LAYERS: usize = Limits::MAX_TRACKS * Limits::MAX_LAYERS;
