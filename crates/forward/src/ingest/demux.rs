//! Which track and layer an SSRC belongs to.
//!
//! Publishers tell in different ways: Chrome and Firefox by mid and rid on the first packets of each SSRC, until
//! a report shows that they arrived; OBS by `a=ssrc` for the first layer and mid and rid for all; FFmpeg by the
//! payload type alone. What was found out once is remembered per SSRC.

use std::time::Duration;

use xrtc_rtp::{ExtensionKind, Mid, Rid, RtpPacket, Ssrc, Time};

use super::Source;
use crate::{Discard, IngestConfig, IngestTrack, Limits};

/// The publisher's SSRCs, as far as they are known.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    sources: Vec<Source>,
    /// The position of the last packet's source: packets come in runs.
    recent: usize,
    /// The position of the media source of each layer.
    media: [[Option<u8>; Limits::MAX_LAYERS]; Limits::MAX_TRACKS],
}

/// Where a packet's source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Routed {
    pub(crate) index: usize,
    /// Its layer had another source before.
    pub(crate) moved: bool,
}

/// What a packet says about where it belongs.
#[derive(Clone, Copy, Debug, Default)]
struct Names {
    mid: Option<Mid>,
    rid: Option<Rid>,
    repaired: Option<Rid>,
}

impl Demux {
    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    pub(crate) fn sources_mut(&mut self) -> &mut [Source] {
        &mut self.sources
    }

    pub(crate) fn source_mut(&mut self, index: usize) -> Option<&mut Source> {
        self.sources.get_mut(index)
    }

    /// The source of a layer's media.
    pub(crate) fn media(&self, track: u8, layer: u8) -> Option<&Source> {
        self.sources
            .get(usize::from(self.media_position(track, layer)?))
    }

    /// The source with this SSRC.
    pub(crate) fn by_ssrc(&mut self, ssrc: Ssrc) -> Option<&mut Source> {
        self.sources.iter_mut().find(|source| source.ssrc == ssrc)
    }

    /// Finds a packet's source, or makes one.
    pub(crate) fn route(
        &mut self,
        now: Time,
        packet: &RtpPacket<'_>,
        config: &IngestConfig,
    ) -> Result<Routed, Discard> {
        let ssrc = packet.ssrc();
        if self
            .sources
            .get(self.recent)
            .is_none_or(|source| source.ssrc != ssrc)
        {
            match self.sources.iter().position(|source| source.ssrc == ssrc) {
                Some(index) => self.recent = index,
                None => return self.admit(now, packet, config),
            }
        }
        let index = self.recent;
        let source = self.sources.get(index).ok_or(Discard::UnknownTrack)?;
        let (track, layer) = (source.track, source.layer);
        if source.is_rtx || self.media_position(track, layer).map(usize::from) == Some(index) {
            return Ok(Routed {
                index,
                moved: false,
            });
        }
        // The layer went over to another SSRC, which may fall silent again.
        self.take_over(now, index, false)
    }

    /// Makes a source of an SSRC that was not seen before.
    fn admit(
        &mut self,
        now: Time,
        packet: &RtpPacket<'_>,
        config: &IngestConfig,
    ) -> Result<Routed, Discard> {
        let ssrc = packet.ssrc();
        let names = Names::read(packet, config);
        let track = find_track(packet, names, config).ok_or(Discard::UnknownTrack)?;
        let tracks = config.tracks.get(track).ok_or(Discard::UnknownTrack)?;
        let is_rtx = is_retransmission(packet, names, tracks);
        let layer = self.find_layer(ssrc, names, is_rtx, tracks);
        let layer = layer.ok_or(Discard::UnknownLayer)?;
        let track = u8::try_from(track).map_err(|_| Discard::UnknownTrack)?;
        let layer = u8::try_from(layer).map_err(|_| Discard::UnknownLayer)?;
        let named = names.mid.is_some() && (names.rid.is_some() || tracks.rids.is_empty());
        if !is_rtx && !named && self.is_busy(now, track, layer) {
            return Err(Discard::UnknownLayer);
        }
        let index = self.place(now).ok_or(Discard::TooManySources)?;
        let source = Source::new(ssrc, track, layer, is_rtx);
        match self.sources.get_mut(index) {
            Some(old) => *old = source,
            None => self.sources.push(source),
        }
        self.recent = index;
        if is_rtx {
            return Ok(Routed {
                index,
                moved: false,
            });
        }
        self.take_over(now, index, named)
    }

    /// The layer by its rid; of retransmissions else by what they are declared to repair; else the only one.
    ///
    /// The order of `a=ssrc` counts only for publishers that send no rids: Firefox writes its own order.
    fn find_layer(
        &self,
        ssrc: Ssrc,
        names: Names,
        is_rtx: bool,
        track: &IngestTrack,
    ) -> Option<usize> {
        let rid = if is_rtx {
            names.repaired.or(names.rid)
        } else {
            names.rid
        };
        if let Some(rid) = rid
            && !track.rids.is_empty()
        {
            return track.rids.iter().position(|&known| known == rid);
        }
        if track.rids.len() <= 1 {
            // More SSRCs than layers are none of ours.
            let declared = track
                .ssrcs
                .iter()
                .skip(1)
                .any(|declared| declared.ssrc == ssrc || declared.rtx == Some(ssrc));
            return (!declared).then_some(0);
        }
        let repaired = track
            .ssrcs
            .iter()
            .find(|declared| declared.rtx == Some(ssrc));
        if let Some(repaired) = repaired
            && let Some(media) = self
                .sources
                .iter()
                .find(|source| source.ssrc == repaired.ssrc)
        {
            return Some(media.layer.into());
        }
        if track.extensions.id(ExtensionKind::Rid).is_some() {
            return None;
        }
        let declared = track
            .ssrcs
            .iter()
            .position(|declared| declared.ssrc == ssrc || declared.rtx == Some(ssrc));
        declared.filter(|&index| index < track.rids.len())
    }

    /// A place for another source: a new one, or that of the one longest silent, unless it is a layer's.
    fn place(&self, now: Time) -> Option<usize> {
        if self.sources.len() < Limits::MAX_SSRCS {
            return Some(self.sources.len());
        }
        let forgotten = self.sources.iter().enumerate().filter(|&(index, source)| {
            let present = self
                .media_position(source.track, source.layer)
                .map(usize::from);
            present != Some(index) && now.since(source.last_packet) > FORGOTTEN
        });
        forgotten
            .min_by_key(|(_, source)| source.last_packet)
            .map(|(index, _)| index)
    }

    /// Makes a source the one of its layer, unless another one is in use and this one is not `sure`.
    fn take_over(&mut self, now: Time, index: usize, sure: bool) -> Result<Routed, Discard> {
        let source = self.sources.get(index).ok_or(Discard::UnknownTrack)?;
        let (track, layer) = (source.track, source.layer);
        if !sure && self.is_busy(now, track, layer) {
            return Err(Discard::UnknownLayer);
        }
        let position = u8::try_from(index).map_err(|_| Discard::TooManySources)?;
        let place = self
            .media
            .get_mut(usize::from(track))
            .and_then(|layers| layers.get_mut(usize::from(layer)))
            .ok_or(Discard::UnknownLayer)?;
        let moved = place
            .replace(position)
            .is_some_and(|before| before != position);
        Ok(Routed { index, moved })
    }

    fn is_busy(&self, now: Time, track: u8, layer: u8) -> bool {
        self.media(track, layer)
            .is_some_and(|source| now.since(source.last_packet) < SILENT)
    }

    fn media_position(&self, track: u8, layer: u8) -> Option<u8> {
        *self
            .media
            .get(usize::from(track))?
            .get(usize::from(layer))?
    }
}

impl Names {
    fn read(packet: &RtpPacket<'_>, config: &IngestConfig) -> Self {
        let mut names = Self::default();
        // One id means the same extension in all sections of a bundle (RFC 9143 §9.2), but not every section
        // has every extension.
        let kind = |id| {
            config
                .tracks
                .iter()
                .find_map(|track| track.extensions.kind(id))
        };
        for (id, data) in packet.extensions() {
            match kind(id) {
                Some(ExtensionKind::Mid) => names.mid = Mid::from_bytes(data),
                Some(ExtensionKind::Rid) => names.rid = Rid::from_bytes(data),
                Some(ExtensionKind::RepairedRid) => names.repaired = Rid::from_bytes(data),
                _ => {}
            }
        }
        names
    }
}

/// The track by its mid, else by its declared SSRCs, else by a payload type that only one track has.
fn find_track(packet: &RtpPacket<'_>, names: Names, config: &IngestConfig) -> Option<usize> {
    let tracks = || config.tracks.iter();
    let by_mid = names
        .mid
        .and_then(|mid| tracks().position(|track| track.mid == Some(mid)));
    let ssrc = packet.ssrc();
    let declares = |track: &IngestTrack| {
        track
            .ssrcs
            .iter()
            .any(|declared| declared.ssrc == ssrc || declared.rtx == Some(ssrc))
    };
    let payload_type = packet.payload_type();
    let uses = |track: &IngestTrack| {
        track.codecs.iter().any(|codec| {
            codec.payload_type == payload_type || codec.rtx_payload_type == Some(payload_type)
        })
    };
    by_mid.or_else(|| tracks().position(declares)).or_else(|| {
        let first = tracks().position(uses)?;
        let alone = tracks().skip(first + 1).all(|track| !uses(track));
        alone.then_some(first)
    })
}

fn is_retransmission(packet: &RtpPacket<'_>, names: Names, track: &IngestTrack) -> bool {
    let payload_type = packet.payload_type();
    names.repaired.is_some()
        || track
            .ssrcs
            .iter()
            .any(|declared| declared.rtx == Some(packet.ssrc()))
        || track
            .codecs
            .iter()
            .any(|codec| codec.rtx_payload_type == Some(payload_type))
}

/// A source that is silent for so long makes room for another one when there are as many as there may be.
const FORGOTTEN: Duration = Duration::from_secs(5);
/// A source that is silent for so long may be replaced by one that does not say who it is.
const SILENT: Duration = Duration::from_millis(500);
