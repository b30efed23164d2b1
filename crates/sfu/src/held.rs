//! The record of everything that a worker holds: what must be as before when a peer is gone.

use std::ops::AddAssign;

use xrtc_transport::TransportState;

use crate::sfu::Sfu;
use crate::streams::Place;

/// How many of each thing one state machine holds. The driver adds its own (sockets, queues) beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Peers.
    pub peers: u64,
    /// Secure pipes, those that still say goodbye included.
    pub transports: u64,
    /// DTLS state machines.
    pub dtls: u64,
    /// Offers of ours without an answer.
    pub pending_offers: u64,
    /// Entries in the tables of remote addresses and of sockets that one peer has alone.
    pub addresses: u64,
    /// Entries in the table of our ufrags.
    pub ufrags: u64,
    /// Streams that have their home here.
    pub streams: u64,
    /// Streams of other workers that are known here, with viewers or not.
    pub remote_streams: u64,
    /// Tracks going out to viewers.
    pub subscriptions: u64,
    /// Armed timers.
    pub timers: u64,
    /// Packets in caches.
    pub cached_packets: u64,
    /// Messages waiting for other workers.
    pub relay_slots: u64,
    /// Events waiting for the application.
    pub event_slots: u64,
}

impl Held {
    /// Every count under its stable camelCase name.
    pub const fn fields(&self) -> [(&'static str, u64); 13] {
        [
            ("peers", self.peers),
            ("transports", self.transports),
            ("dtls", self.dtls),
            ("pendingOffers", self.pending_offers),
            ("addresses", self.addresses),
            ("ufrags", self.ufrags),
            ("streams", self.streams),
            ("remoteStreams", self.remote_streams),
            ("subscriptions", self.subscriptions),
            ("timers", self.timers),
            ("cachedPackets", self.cached_packets),
            ("relaySlots", self.relay_slots),
            ("eventSlots", self.event_slots),
        ]
    }
}

impl AddAssign for Held {
    fn add_assign(&mut self, other: Self) {
        self.peers += other.peers;
        self.transports += other.transports;
        self.dtls += other.dtls;
        self.pending_offers += other.pending_offers;
        self.addresses += other.addresses;
        self.ufrags += other.ufrags;
        self.streams += other.streams;
        self.remote_streams += other.remote_streams;
        self.subscriptions += other.subscriptions;
        self.timers += other.timers;
        self.cached_packets += other.cached_packets;
        self.relay_slots += other.relay_slots;
        self.event_slots += other.event_slots;
    }
}

impl Sfu {
    pub(crate) fn held(&self) -> Held {
        let peers = self.peers.iter();
        let shaking_hands = peers.filter(|(_, peer)| peer.transport.state() != TransportState::New);
        let shaking_hands = shaking_hands.count();
        let mut held = Held {
            peers: self.peers.len() as u64,
            transports: (self.peers.len() + self.farewells.len()) as u64,
            dtls: (shaking_hands + self.farewells.len()) as u64,
            pending_offers: self.pending_offers as u64,
            addresses: (self.addresses.paths() + self.addresses.sockets()) as u64,
            ufrags: self.addresses.ufrags() as u64,
            remote_streams: self.relays.remote_streams() as u64,
            timers: self.timers.len() as u64,
            relay_slots: self.relays.waiting() as u64,
            event_slots: self.events.len() as u64,
            ..Held::default()
        };
        for (_, entry) in self.streams.iter() {
            let media = entry.media.held();
            held.streams += u64::from(matches!(entry.place, Place::Home(_)));
            held.subscriptions += media.subscriptions as u64;
            held.timers += media.timers as u64;
            held.cached_packets += media.packets as u64;
            held.relay_slots += media.relay_items as u64;
        }
        held
    }
}
