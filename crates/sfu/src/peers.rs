//! The life of a peer: found by its datagrams, watched by its timer, released at its end.

use xrtc_rtp::Time;
use xrtc_transport::{Event as TransportEvent, Received, TransportState};

use crate::addresses::PeerKey;
use crate::discard::Discard;
use crate::peer::{Role, Signaling, States};
use crate::queue::Queued;
use crate::sfu::Sfu;
use crate::timers::TimerKey;
use crate::{Ended, Event, Path, PeerId, WorkerId};

impl Sfu {
    /// Takes one received datagram and may write into it (decryption in place). Never fails: what cannot be used is
    /// counted.
    pub fn handle_datagram(&mut self, now: Time, path: Path, datagram: &mut [u8]) {
        self.receive(now, self.config.worker, path, datagram);
    }

    /// Takes one datagram of a peer of this worker that worker `via` has received (see [`Steering`](crate::Steering)).
    pub fn handle_detoured(&mut self, now: Time, via: WorkerId, path: Path, datagram: &mut [u8]) {
        let is_stun = datagram.first().is_some_and(|first| *first < 4);
        self.receive(now, via, path, datagram);
        // A check makes a detour before this worker has seen it; here is nobody for it.
        if is_stun && self.addresses.via(&path) != Some(via) {
            self.addresses.end_detour(via, path);
        }
    }

    fn receive(&mut self, now: Time, via: WorkerId, path: Path, datagram: &mut [u8]) {
        let key = match self.route(&path, datagram) {
            Ok(key) => key,
            Err(reason) => return self.totals.count(reason),
        };
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        peer.traffic.packets_received += 1;
        peer.traffic.bytes_received += datagram.len() as u64;
        let is_stun = datagram.first().is_some_and(|first| *first < 4);
        match peer.transport.handle_datagram(now, path, datagram) {
            Received::Rtp(packet) => {
                let was_silent = peer.hear(now);
                let stream = match &peer.role {
                    Role::Publisher(publishing) => publishing.stream,
                    Role::Viewer(_) => return self.totals.count(Discard::MediaFromViewer),
                };
                if let Some((entry, stream)) =
                    stream.and_then(|stream| Some((self.streams.get_mut(stream)?, stream)))
                {
                    entry.media.handle_rtp(now, packet);
                    self.stream_is_fresh(stream);
                }
                if was_silent {
                    self.peer_changed(key);
                }
            }
            Received::Rtcp(packet) => {
                let was_silent = peer.hear(now);
                let is_publisher = matches!(peer.role, Role::Publisher(_));
                let (stream, viewer) = (peer.stream(), peer.subscription());
                if let Some((entry, stream)) =
                    stream.and_then(|stream| Some((self.streams.get_mut(stream)?, stream)))
                {
                    match viewer {
                        Some(viewer) => entry.media.handle_viewer_rtcp(now, viewer, packet),
                        None if is_publisher => entry.media.handle_rtcp(now, packet),
                        None => {}
                    }
                    self.stream_is_fresh(stream);
                }
                if was_silent {
                    self.peer_changed(key);
                }
            }
            Received::Nothing => self.after_control(now, key, is_stun.then_some((path, via))),
        }
    }

    /// Whose datagram it is. RTP first: it is nearly everything (RFC 7983 §7).
    fn route(&self, path: &Path, datagram: &[u8]) -> Result<PeerKey, Discard> {
        match datagram.first() {
            Some(128..=191) => self
                .addresses
                .by_path(path)
                .ok_or(Discard::MediaFromStranger),
            Some(0..=3) => self.route_stun(path, datagram),
            Some(20..=63) => self
                .addresses
                .by_path(path)
                .ok_or(Discard::DtlsFromStranger),
            _ => Err(Discard::UnknownProtocol),
        }
    }

    fn route_stun(&self, path: &Path, datagram: &[u8]) -> Result<PeerKey, Discard> {
        // What comes to a peer's own socket is for that peer, responses to its checks above all.
        if let Some(key) = self.addresses.by_socket(path) {
            return Ok(key);
        }
        match xrtc_ice::peek_username(datagram) {
            Some(ufrag) => {
                let key = self
                    .addresses
                    .by_ufrag(ufrag)
                    .ok_or(Discard::UnknownUfrag)?;
                // Over UDP a peer with sockets of its own is nowhere else.
                let is_lite = self.peers.get(key).is_some_and(|peer| peer.ice.is_lite());
                if is_lite || !path.is_datagrams() {
                    Ok(key)
                } else {
                    Err(Discard::UnknownUfrag)
                }
            }
            None => self
                .addresses
                .by_path(path)
                .ok_or(Discard::StunFromStranger),
        }
    }

    /// STUN or DTLS was taken, or something was dropped.
    fn after_control(&mut self, now: Time, key: PeerKey, checked: Option<(Path, WorkerId)>) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let mut changed = false;
        let is_restarting = peer.ufrags.len() > 1;
        if let Some((path, via)) = checked.filter(|(path, _)| peer.transport.is_acquainted(*path)) {
            changed |= peer.hear(now);
            changed |= self.bind_path(key, path, via);
        }
        self.drain_transport(now, key);
        if is_restarting {
            self.release_old_ufrags(key);
        }
        if changed {
            self.peer_changed(key);
        }
        self.peer_is_dirty(key);
    }

    /// Remembers that this path is that peer's. `true`: it was not before.
    fn bind_path(&mut self, key: PeerKey, path: Path, via: WorkerId) -> bool {
        let before = self.addresses.bind_path(&path, key, via);
        if before == Some(key) {
            return false;
        }
        if let Some(before) = before.and_then(|key| self.peers.get_mut(key)) {
            before.paths.retain(|other| *other != path);
        }
        let limit = self.config.limits.addresses_per_transport.max(1);
        let Some(peer) = self.peers.get_mut(key) else {
            return false;
        };
        if peer.paths.len() >= limit {
            // The selected path stays, whatever its age: media takes it.
            let selected = peer.transport.path();
            let oldest = peer
                .paths
                .iter()
                .position(|other| Some(*other) != selected)
                .unwrap_or(0);
            let gone = peer.paths.remove(oldest);
            self.addresses.release_path(&gone, key);
        }
        // Most peers have one for their whole life.
        peer.paths.reserve_exact(1);
        peer.paths.push(path);
        true
    }

    /// The connection of a path over TCP is over. Its peer takes another path, or waits for one until consent has run out.
    pub fn handle_path_closed(&mut self, now: Time, path: Path) {
        let Some(key) = self.addresses.by_path(&path) else {
            return;
        };
        self.addresses.release_path(&path, key);
        if let Some(peer) = self.peers.get_mut(key) {
            peer.paths.retain(|other| *other != path);
            peer.transport.close_path(now, path);
        }
        self.drain_transport(now, key);
        self.peer_changed(key);
        self.peer_is_dirty(key);
    }

    /// Whether this path is a peer's: a connection on which no authentic check has come is nobody's.
    pub fn has_path(&self, path: &Path) -> bool {
        self.addresses.by_path(path).is_some()
    }

    /// A path over TCP that no peer needs any more: its connection is to be closed. To be asked after
    /// [`Sfu::poll_transmit`] has given `false`, when a goodbye has been written, until it is `None`.
    pub fn poll_released_path(&mut self) -> Option<Path> {
        self.addresses.pop_released()
    }

    /// Takes what the transport has to tell.
    fn drain_transport(&mut self, now: Time, key: PeerKey) {
        while let Some(event) = self
            .peers
            .get_mut(key)
            .and_then(|peer| peer.transport.poll_event())
        {
            match event {
                TransportEvent::PathChanged(path) => {
                    // A transport may select a path that the table has dropped or never had.
                    if self.addresses.by_path(&path) != Some(key) {
                        self.bind_path(key, path, self.config.worker);
                    }
                    self.release_old_ufrags(key);
                    if let Some(peer) = self.peers.get_mut(key) {
                        peer.traffic.path_changes += 1;
                    }
                    self.peer_changed(key);
                }
                TransportEvent::Connected => {
                    self.peer_changed(key);
                    self.peer_is_connected(now, key);
                }
                TransportEvent::Ended(ended) => {
                    let detail = match ended {
                        xrtc_transport::Ended::DtlsFailed { alert: Some(alert) } => {
                            format!("alert {alert}")
                        }
                        _ if Ended::from(ended).name() == ended.name() => String::new(),
                        _ => ended.name().to_owned(),
                    };
                    self.close_peer(now, key, Ended::from(ended), detail);
                }
            }
        }
    }

    /// After a restart has selected its path, checks under the old ufrag are nobody's any more.
    pub(crate) fn release_old_ufrags(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let ice = peer.transport.ice();
        let addresses = &mut self.addresses;
        peer.ufrags.retain(|ufrag| {
            let keeps = ice.accepts_ufrag(ufrag);
            if !keeps {
                addresses.release_ufrag(ufrag);
            }
            keeps
        });
    }

    fn peer_is_connected(&mut self, now: Time, key: PeerKey) {
        if matches!(
            self.peers.get(key).map(|peer| &peer.role),
            Some(Role::Viewer(_))
        ) {
            self.begin_viewing(now, key);
        }
    }

    /// A peer's timer came due.
    pub(crate) fn peer_is_due(&mut self, now: Time, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if matches!(&peer.signaling, Signaling::HaveLocalOffer { until, .. } if *until <= now) {
            return self.close_peer(now, key, Ended::AnswerTimeout, String::new());
        }
        peer.look(now);
        peer.transport.handle_timeout(now);
        self.drain_transport(now, key);
        self.release_old_ufrags(key);
        self.peer_changed(key);
        self.peer_is_dirty(key);
    }

    /// Puts the peer on the list of those whose transports may have something to send.
    pub(crate) fn peer_is_dirty(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(key)
            && !std::mem::replace(&mut peer.dirty, true)
        {
            self.dirty_peers.push_back(key);
        }
    }

    /// Sets the peer's timer anew.
    pub(crate) fn arm_peer(&mut self, key: PeerKey) {
        let deadline = self.peers.get(key).map(|peer| peer.deadline());
        self.timers.set(TimerKey::Peer(key), deadline);
    }

    /// Tells the application if the peer's states are others than it knows.
    pub(crate) fn peer_changed(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let states = peer.current_states();
        if states != peer.states {
            peer.states = states;
            self.events
                .promise(Queued::PeerState(peer.id), &mut peer.state_queued);
        }
    }

    pub(crate) fn peer_state_event(&mut self, id: PeerId) -> Option<Event> {
        let key = self.peer_ids.get(&id)?;
        let peer = self.peers.get_mut(*key)?;
        peer.state_queued = false;
        Some(state_event(id, peer.states))
    }

    /// Ends a peer: it says goodbye at the next [`Sfu::poll_transmit`], and everything else it held is released now.
    pub(crate) fn close_peer(&mut self, now: Time, key: PeerKey, reason: Ended, detail: String) {
        let Some(mut peer) = self.peers.try_remove(key) else {
            return;
        };
        self.peer_ids.remove(&peer.id);
        self.timers.set(TimerKey::Peer(key), None);
        for path in &peer.paths {
            self.addresses.release_path(path, key);
        }
        for ufrag in &peer.ufrags {
            self.addresses.release_ufrag(ufrag);
        }
        for own in peer.ice.own_keys() {
            self.addresses.release_own(own, key);
        }
        if peer.dirty {
            self.dirty_peers.retain(|other| *other != key);
        }
        if matches!(peer.signaling, Signaling::HaveLocalOffer { .. }) {
            self.pending_offers -= 1;
        }
        let last = peer.states.ended(reason);
        self.events.push(state_event(peer.id, last));
        self.events.push(Event::PeerClosed {
            peer: peer.id,
            reason,
            detail,
        });
        match &peer.role {
            Role::Publisher(publishing) => {
                if let Some(stream) = publishing.stream {
                    self.publisher_is_gone(now, stream, key);
                }
            }
            Role::Viewer(viewer) => {
                self.viewer_is_gone(now, viewer.stream, key, viewer.subscription)
            }
        }
        peer.transport.close(now);
        if matches!(peer.transport.state(), TransportState::Ended(_))
            && peer.transport.path().is_none()
        {
            self.totals.add_transport(&peer.transport);
        } else {
            self.farewells.push_back((peer.id, peer.transport));
        }
    }
}

const fn state_event(peer: PeerId, states: States) -> Event {
    Event::PeerState {
        peer,
        connection: states.connection,
        ice: states.ice,
        dtls: states.dtls,
    }
}
