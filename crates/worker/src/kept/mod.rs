//! Peers that the application opened and holds nothing of: what it would know of them is kept here until it asks.
//!
//! A page with a thousand viewers has a thousand such peers. A record takes a few hundred bytes, for their descriptions
//! are alike but for some lines.

mod texts;

use std::collections::HashMap;

use xrtc_sfu::{ConnectionState, DtlsState, Event, IceState, PeerId};

use texts::{SharedTexts, Side, Text};

/// What is known of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPeer {
    /// As the last event about its states had it.
    pub connection: ConnectionState,
    /// Likewise.
    pub ice: IceState,
    /// Likewise.
    pub dtls: DtlsState,
    /// Our answer; empty until it is there.
    pub local: String,
    /// The remote side's offer.
    pub remote: String,
    /// Names the ICE session; empty until the answer is there.
    pub ice_session: String,
}

/// The records.
#[derive(Debug, Default)]
pub(crate) struct KeptPeers {
    // Boxed: what a table has room for beyond what is in it shall cost little.
    peers: HashMap<PeerId, Box<Record>>,
    texts: SharedTexts,
}

#[derive(Debug)]
struct Record {
    local: Text,
    remote: Text,
    ice_session: Box<str>,
    connection: ConnectionState,
    ice: IceState,
    dtls: DtlsState,
}

impl KeptPeers {
    /// Begins with a peer that was opened with `offer`.
    pub(crate) fn keep(&mut self, peer: PeerId, offer: &str) {
        let record = Record {
            local: Text::default(),
            remote: self.texts.share(offer, Side::Remote),
            ice_session: Box::default(),
            connection: ConnectionState::New,
            ice: IceState::New,
            dtls: DtlsState::New,
        };
        self.peers.insert(peer, Box::new(record));
    }

    /// Takes note of an event. `false`: nobody else needs to hear of it.
    pub(crate) fn note(&mut self, event: &Event) -> bool {
        match event {
            Event::Answer {
                peer,
                sdp,
                ice_session,
                ..
            } => {
                if let Some(record) = self.peers.get_mut(peer) {
                    record.local = self.texts.share(sdp, Side::Local);
                    record.ice_session = ice_session.as_str().into();
                }
                true
            }
            Event::PeerState {
                peer,
                connection,
                ice,
                dtls,
            } => {
                let Some(record) = self.peers.get_mut(peer) else {
                    return true;
                };
                (record.connection, record.ice, record.dtls) = (*connection, *ice, *dtls);
                false
            }
            _ => true,
        }
    }

    /// What is known of a peer; nothing, if nothing of it is kept.
    pub(crate) fn get(&self, peer: PeerId) -> Option<KeptPeer> {
        let record = self.peers.get(&peer)?;
        Some(KeptPeer {
            connection: record.connection,
            ice: record.ice,
            dtls: record.dtls,
            local: record.local.to_string(),
            remote: record.remote.to_string(),
            ice_session: record.ice_session.to_string(),
        })
    }

    /// The name of its ICE session.
    pub(crate) fn ice_session(&self, peer: PeerId) -> Option<&str> {
        let record = self.peers.get(&peer)?;
        Some(&record.ice_session)
    }

    /// Keeps nothing more of a peer.
    pub(crate) fn release(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
        // A table that had a storm in it does not stay as large as that.
        if self.peers.len() < self.peers.capacity() / 4 {
            self.peers.shrink_to(self.peers.len() * 2);
        }
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }
}

#[cfg(test)]
mod tests;
