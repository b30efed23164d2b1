//! A track of the publisher: its formats, its layers, and which layer viewers get.

use xrtc_rtp::{MediaKind, Mid, Rid, Time};

use crate::cache::CacheBounds;
use crate::layer::{Layer, LayerFormat};
use crate::layers::{LayerWish, best_layer, living_layers};
use crate::{Format, Limits, StreamConfig, TrackDescription};

/// One audio or video source that comes in, as this worker sees it.
#[derive(Debug)]
pub(crate) struct Track {
    /// Counts the publishers of the stream.
    pub(crate) publisher: u32,
    pub(crate) kind: MediaKind,
    pub(crate) mid: Option<Mid>,
    /// The formats with their clock rates; packets name them by position.
    formats: Vec<(Format, u32)>,
    repairs: bool,
    pub(crate) layers: Vec<Layer>,
    /// The layer that viewers get, or are to go to at its next key frame.
    pub(crate) target: Option<u8>,
    /// Which layers are alive, as bits.
    pub(crate) living: u8,
    /// The format of the latest packet.
    pub(crate) live: Option<u8>,
}

/// What became of the choice of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Same,
    Changed,
}

impl Track {
    pub(crate) fn new(
        publisher: u32,
        description: &TrackDescription,
        config: &StreamConfig,
    ) -> Self {
        let limits = &config.limits;
        let video = description.kind == MediaKind::Video;
        let bounds = CacheBounds {
            packets: if video {
                limits.video_packets
            } else {
                limits.audio_packets
            },
            bytes: limits.layer_bytes,
            age: limits.packet_age,
            spares: if config.mirror { 0 } else { MOST_SPARES },
        };
        let rids = description
            .rids
            .iter()
            .copied()
            .map(Some)
            .chain(std::iter::repeat(None));
        let count = description.rids.len().clamp(1, Limits::MAX_LAYERS);
        Self {
            publisher,
            kind: description.kind,
            mid: description.mid,
            formats: description.formats.clone(),
            repairs: description.repairs,
            layers: rids
                .take(count)
                .map(|rid| Layer::new(rid, bounds))
                .collect(),
            target: None,
            living: 0,
            live: None,
        }
    }

    pub(crate) fn format(&self, index: u8) -> Option<Format> {
        self.formats.get(usize::from(index)).map(|entry| entry.0)
    }

    pub(crate) fn formats(&self) -> &[(Format, u32)] {
        &self.formats
    }

    pub(crate) const fn repairs(&self) -> bool {
        self.repairs
    }

    pub(crate) fn clock_rate(&self, index: u8) -> u32 {
        self.formats
            .get(usize::from(index))
            .map_or(1, |entry| entry.1)
    }

    pub(crate) fn layer(&self, index: u8) -> Option<&Layer> {
        self.layers.get(usize::from(index))
    }

    pub(crate) fn layer_mut(&mut self, index: u8) -> Option<&mut Layer> {
        self.layers.get_mut(usize::from(index))
    }

    /// What a layer must know of packets of this format.
    pub(crate) fn layer_format(&self, index: u8) -> Option<LayerFormat> {
        let &(format, clock_rate) = self.formats.get(usize::from(index))?;
        Some(LayerFormat {
            codec: format.codec,
            clock_rate,
            repairs: self.repairs,
        })
    }

    pub(crate) fn live_format(&self) -> Option<Format> {
        self.format(self.live?)
    }

    /// Wants a key frame of the layer that viewers with that wish get. Before its first packet there is nothing to
    /// want: a publisher begins with one.
    pub(crate) fn want_key_frame(&mut self, wish: &LayerWish) {
        let target = self.target_for(wish);
        if let Some(layer) = target.and_then(|target| self.layer_mut(target)) {
            layer.requester.want();
        }
    }

    pub(crate) fn wants_key_frame(&self, wish: &LayerWish) -> bool {
        let target = self.target_for(wish);
        let layer = target.and_then(|target| self.layer(target));
        layer.is_some_and(|layer| layer.requester.due().is_some())
    }

    /// The layer for a viewer with that wish: the best one where it cannot be fulfilled.
    pub(crate) fn target_for(&self, wish: &LayerWish) -> Option<u8> {
        if wish.is_none() {
            return self.target;
        }
        let living = || {
            (0_u8..)
                .zip(&self.layers)
                .filter(|(index, _)| self.living & 1 << index != 0)
        };
        let named = || living().find(|(_, layer)| layer.rid == wish.rid);
        if let Some((index, _)) = wish.rid.and_then(|_| named()) {
            return Some(index);
        }
        if wish.max_width.is_none() && wish.max_height.is_none() {
            return self.target;
        }
        let sized = || living().filter_map(|(index, layer)| Some((index, layer.resolution?)));
        let area = |size: (u16, u16)| u32::from(size.0) * u32::from(size.1);
        let fitting = sized().filter(|(_, size)| wish.fits(*size));
        let largest = fitting.max_by_key(|(_, size)| area(*size));
        let smallest = || sized().min_by_key(|(_, size)| area(*size));
        largest
            .or_else(smallest)
            .map_or(self.target, |(index, _)| Some(index))
    }

    /// Whether a layer has that name.
    pub(crate) fn has_rid(&self, rid: Rid) -> bool {
        self.layers.iter().any(|layer| layer.rid == Some(rid))
    }

    /// Chooses the layer again. With one layer there is no choice.
    pub(crate) fn choose(&mut self, now: Time) -> Choice {
        let best = if let [layer] = self.layers.as_slice() {
            layer.last_packet.map(|_| 0)
        } else {
            let mut candidates = [crate::layers::Candidate::default(); Limits::MAX_LAYERS];
            for (candidate, layer) in candidates.iter_mut().zip(&self.layers) {
                *candidate = layer.candidate(now);
            }
            let current = self.target.map(usize::from);
            let candidates = candidates.get(..self.layers.len()).unwrap_or_default();
            self.living = living_layers(candidates);
            best_layer(candidates, current)
        };
        let best = best.and_then(|index| u8::try_from(index).ok());
        if best.is_none() || best == self.target {
            return Choice::Same;
        }
        self.target = best;
        Choice::Changed
    }
}

/// Enough for the packets that mirrors hold longer than their home.
const MOST_SPARES: usize = 256;
