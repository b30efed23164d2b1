//! What must hold before a command is done: limits, states, and whether the stream is free.

use xrtc_rtp::Time;
use xrtc_sdp::{Description, LiveTrack};

use crate::addresses::PeerKey;
use crate::peer::Publishing;
use crate::sfu::Sfu;
use crate::{Ice, Limit, PeerId, Refused, StreamName, StreamState};

impl Sfu {
    /// What a stream sends now, wherever its home is.
    pub(crate) fn live_tracks(&self, name: &StreamName) -> Result<Vec<LiveTrack>, Refused> {
        let entry = self
            .streams
            .by_name(name)
            .and_then(|key| self.streams.get(key));
        let live = match (
            entry.and_then(|entry| entry.home()),
            self.relays.remote(name),
        ) {
            (Some(home), _) if home.state() == StreamState::Waiting => Vec::new(),
            (Some(home), _) => home.live(),
            (None, Some(remote)) => remote.live.to_vec(),
            (None, None) => return Err(Refused::UnknownStream),
        };
        if live.is_empty() {
            Err(Refused::StreamNotLive)
        } else {
            Ok(live)
        }
    }

    /// Whether the stream is free for this publisher.
    pub(crate) fn check_publisher(
        &self,
        now: Time,
        publishing: &Publishing,
    ) -> Result<(), Refused> {
        let limits = &self.config.limits;
        let Some(entry) = self
            .streams
            .by_name(&publishing.name)
            .and_then(|key| self.streams.get(key))
        else {
            return self.check(Limit::Streams, self.streams.homes() + 1, limits.streams);
        };
        let Some(present) = entry.home().and_then(|home| home.publisher.as_ref()) else {
            return Ok(());
        };
        let heard = entry
            .media
            .last_packet()
            .unwrap_or(present.since)
            .max(present.since);
        let is_own = publishing.identity.is_some() && publishing.identity == present.identity;
        let is_silent = present.left || now.since(heard) > self.config.publisher_silence;
        if is_own || publishing.replace || is_silent {
            Ok(())
        } else {
            Err(Refused::StreamInUse)
        }
    }

    pub(crate) fn admit_peer(&self, peer: PeerId, ice: &Ice) -> Result<(), Refused> {
        if self.is_closed {
            return Err(Refused::ServerClosed);
        }
        if self.peer_ids.contains_key(&peer) {
            return Err(Refused::PeerExists);
        }
        if !ice.is_lite() && ice.local_candidates().is_empty() {
            return Err(match ice.errors() {
                [error, ..] if ice.is_relay_only() => Refused::NoRelay(error.clone()),
                _ => Refused::NoSocket,
            });
        }
        self.check(Limit::Peers, self.peers.len() + 1, self.config.limits.peers)
    }

    pub(crate) fn check_pending(&self) -> Result<(), Refused> {
        self.check(
            Limit::PendingOffers,
            self.pending_offers + 1,
            self.config.limits.pending_offers,
        )
    }

    pub(crate) fn check(&self, limit: Limit, wanted: usize, maximum: usize) -> Result<(), Refused> {
        if wanted > maximum {
            Err(Refused::LimitReached { limit, maximum })
        } else {
            Ok(())
        }
    }

    pub(crate) fn peer_key(&self, peer: PeerId) -> Result<PeerKey, Refused> {
        self.peer_ids
            .get(&peer)
            .copied()
            .ok_or(Refused::UnknownPeer)
    }

    pub(crate) fn read_description(&self, text: &str) -> Result<Description, Refused> {
        self.check(
            Limit::DescriptionBytes,
            text.len(),
            self.config.limits.description_bytes,
        )?;
        Ok(Description::parse(text)?)
    }
}
