//! The transport: which protocol a datagram speaks, and what follows from it.

use std::collections::VecDeque;
use std::sync::Arc;

use xrtc_ice::{Agent, Candidate, Credentials, Path, Transmit};
use xrtc_prefetch::prefetch;
use xrtc_rtp::{Time, is_rtcp};
use xrtc_srtp::{KeyingMaterial, Opener, Plain, Profile, Sealer};

use crate::config::{DtlsRole, DtlsSettings, RemoteDtls, TransportConfig};
use crate::demux::Protocol;
use crate::discard::{Counters, Discard};
use crate::dtls::{Dtls, Progress};
use crate::early::EarlyDatagrams;
use crate::ended::Ended;
use crate::event::{Event, Received, TransportState};

/// One peer's secure pipe.
#[derive(Debug)]
pub struct Transport {
    ice: Agent,
    settings: Arc<DtlsSettings>,
    remote_dtls: Option<RemoteDtls>,
    early: EarlyDatagrams,
    /// From the moment that the peer's description and a path are known.
    dtls: Option<Dtls>,
    media: Option<Media>,
    path: Option<Path>,
    end: Option<End>,
    events: VecDeque<Event>,
    counters: Counters,
    srtp_counters: xrtc_srtp::Counters,
}

/// The two directions of media, once there are keys.
#[derive(Debug)]
struct Media {
    opener: Opener,
    sealer: Sealer,
    profile: Profile,
}

/// Who ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    Ended(Ended),
}

impl Transport {
    /// A transport that waits for its peer. `seed` drives what ICE draws; keys come from the crypto library.
    pub fn new(config: TransportConfig, seed: u64, now: Time) -> Self {
        let mut ice = Agent::new(config.ice, seed, now);
        if let Some(remote) = config.remote_ice {
            ice.set_remote(remote);
        }
        Self {
            ice,
            settings: config.dtls,
            remote_dtls: config.remote_dtls,
            early: EarlyDatagrams::default(),
            dtls: None,
            media: None,
            path: None,
            end: None,
            events: VecDeque::new(),
            counters: Counters::default(),
            srtp_counters: xrtc_srtp::Counters::default(),
        }
    }

    /// The ICE agent, to read from.
    pub fn ice(&self) -> &Agent {
        &self.ice
    }

    /// Takes the peer's ICE credentials; after [`Self::restart_ice`] those of the new generation.
    pub fn set_remote_ice(&mut self, remote: Credentials) {
        self.ice.set_remote(remote);
    }

    /// Adds an address of ours to send checks from; a lite agent needs none.
    pub fn add_local_candidate(&mut self, candidate: &Candidate) {
        self.ice.add_local_candidate(candidate);
    }

    /// Adds a candidate of the peer; a lite agent ignores it.
    pub fn add_remote_candidate(&mut self, candidate: &Candidate) {
        self.ice.add_remote_candidate(candidate);
    }

    /// Begins a new ICE generation. DTLS and media go on, on the old path until the new one is selected.
    pub fn restart_ice(&mut self, now: Time, local: Credentials) {
        self.ice.restart(now, local);
    }

    /// Takes the peer's part of the handshake. Only the first call counts: a running handshake keeps its role and
    /// fingerprints, and another certificate needs another transport.
    pub fn set_remote_dtls(&mut self, now: Time, remote: RemoteDtls) {
        if self.remote_dtls.is_none() {
            self.remote_dtls = Some(remote);
            self.start_dtls(now);
        }
    }

    /// Takes a datagram and, if it was media, gives the plain packet back. Decrypts in place; what was dropped is
    /// left in an unspecified state.
    pub fn handle_datagram<'a>(
        &mut self,
        now: Time,
        path: Path,
        datagram: &'a mut [u8],
    ) -> Received<'a> {
        if self.end.is_some() {
            self.counters.count(Discard::Closed);
            return Received::Nothing;
        }
        match Protocol::of(datagram) {
            Some(Protocol::Media) => return self.handle_media(path, datagram),
            Some(Protocol::Stun) => {
                self.ice.handle_datagram(now, path, datagram);
                self.follow_ice(now);
            }
            Some(Protocol::Dtls) => self.handle_dtls(now, path, datagram),
            None => self.counters.count(Discard::UnknownProtocol),
        }
        Received::Nothing
    }

    /// The connection of a path over TCP is over: see [`Agent::close_path`]. Media that finds no path meanwhile is lost.
    pub fn close_path(&mut self, now: Time, path: Path) {
        if self.end.is_some() {
            return;
        }
        self.ice.close_path(now, path);
        if self.path == Some(path) {
            self.path = None;
        }
        self.follow_ice(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.end.is_some() {
            return;
        }
        self.ice.handle_timeout(now);
        self.follow_ice(now);
        if let Some(dtls) = &mut self.dtls
            && dtls.poll_timeout().is_some_and(|due| due <= now)
        {
            let progress = dtls.handle_timeout(now, &mut self.counters);
            self.follow_dtls(now, progress);
        }
    }

    /// Writes the next datagram of ICE or DTLS into `out`, which should hold 1200 bytes. Call until it is `None`.
    pub fn poll_transmit(&mut self, now: Time, out: &mut [u8]) -> Option<Transmit> {
        if self.end.is_none()
            && let Some(transmit) = self.ice.poll_transmit(now, out)
        {
            return Some(transmit);
        }
        // After the end only a goodbye can be left here.
        let path = self.path?;
        let len = self.dtls.as_mut()?.poll_transmit(out)?;
        Some(Transmit { path, len })
    }

    /// The next thing that happened. Call until it is `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is due next.
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.end.is_some() {
            return None;
        }
        let dtls = self.dtls.as_ref().and_then(Dtls::poll_timeout);
        self.ice.poll_timeout().into_iter().chain(dtls).min()
    }

    /// Loads what [`Self::seal_rtp`] needs of the transport itself, for a peer that has its turn after the next one.
    pub fn prefetch(&self) {
        prefetch(&self.path);
        prefetch(&self.media);
    }

    /// Loads what [`Self::seal_rtp`] needs beside that, for the peer that has its turn next.
    pub fn prefetch_sent(&self) {
        if let Some(media) = &self.media {
            media.sealer.prefetch();
        }
    }

    /// Loads what [`Self::handle_datagram`] needs for media, once [`Self::prefetch`] has loaded the way to it.
    pub fn prefetch_received(&self) {
        if let Some(media) = &self.media {
            media.opener.prefetch();
        }
    }

    /// Seals an RTP packet into `out` and returns its length; it leaves on [`Self::path`]. `None` is counted.
    pub fn seal_rtp(&mut self, plain: Plain<'_>, out: &mut [u8]) -> Option<usize> {
        self.seal(|sealer| sealer.seal_rtp(plain, out))
    }

    /// Seals a compound of RTCP into `out` and returns its length; it leaves on [`Self::path`]. `None` is counted.
    pub fn seal_rtcp(&mut self, plain: &[u8], out: &mut [u8]) -> Option<usize> {
        self.seal(|sealer| sealer.seal_rtcp(plain, out))
    }

    /// Says goodbye (DTLS close_notify, if there is a connection) and is silent after that. The goodbye still has to
    /// be fetched by [`Self::poll_transmit`]. No event follows; a second call does nothing.
    pub fn close(&mut self, now: Time) {
        if self.end.is_none() {
            self.end = Some(End::Closed);
            self.events.clear();
            self.say_goodbye(now);
        }
    }

    /// Where media goes, once ICE has selected a path.
    pub fn path(&self) -> Option<Path> {
        self.path
    }

    /// How far the transport has come.
    pub fn state(&self) -> TransportState {
        match self.end {
            Some(End::Closed) => TransportState::Closed,
            Some(End::Ended(ended)) => TransportState::Ended(ended),
            None if self.media.is_some() => TransportState::Connected,
            None if self.path.is_some() => TransportState::Connecting,
            None => TransportState::New,
        }
    }

    /// The SRTP profile while connected.
    pub fn profile(&self) -> Option<Profile> {
        self.media.as_ref().map(|media| media.profile)
    }

    /// Whether the peer has proved, by an authenticated check, that it is at the other end of this path.
    pub fn is_acquainted(&self, path: Path) -> bool {
        self.path == Some(path) || self.ice.is_validated(path)
    }

    /// What was dropped by the transport itself.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What was dropped by SRTP.
    pub fn srtp_counters(&self) -> &xrtc_srtp::Counters {
        &self.srtp_counters
    }

    fn handle_media<'a>(&mut self, path: Path, datagram: &'a mut [u8]) -> Received<'a> {
        if !self.is_acquainted(path) {
            self.counters.count(Discard::MediaFromStranger);
            return Received::Nothing;
        }
        let Some(media) = &mut self.media else {
            self.counters.count(Discard::MediaBeforeKeys);
            return Received::Nothing;
        };
        let rtcp = is_rtcp(datagram);
        let opened = if rtcp {
            media.opener.open_rtcp(datagram)
        } else {
            media.opener.open_rtp(datagram)
        };
        match opened.map(|len| datagram.split_at_checked(len)) {
            Ok(Some((plain, _))) if rtcp => Received::Rtcp(plain),
            Ok(Some((plain, _))) => Received::Rtp(plain),
            Ok(None) => Received::Nothing,
            Err(reason) => {
                self.srtp_counters.count(reason);
                Received::Nothing
            }
        }
    }

    fn handle_dtls(&mut self, now: Time, path: Path, datagram: &[u8]) {
        if !self.is_acquainted(path) {
            self.counters.count(Discard::DtlsFromStranger);
        } else if let Some(dtls) = &mut self.dtls {
            let progress = dtls.handle_datagram(now, datagram, &mut self.counters);
            self.follow_dtls(now, progress);
        } else if let Err(reason) = self.early.keep(datagram) {
            self.counters.count(reason);
        }
    }

    /// Does what the agent's news ask for.
    fn follow_ice(&mut self, now: Time) {
        while let Some(event) = self.ice.poll_event() {
            match event {
                xrtc_ice::Event::Selected(path) => self.take_path(path),
                xrtc_ice::Event::ConsentExpired | xrtc_ice::Event::ConnectTimeout => {
                    return self.finish(now, Ended::IceTimeout);
                }
            }
        }
        self.start_dtls(now);
    }

    fn take_path(&mut self, path: Path) {
        if self.path.replace(path) == Some(path) {
            return;
        }
        // Only the newest counts for a driver that has not asked in between.
        if let Some(Event::PathChanged(_)) = self.events.back() {
            self.events.pop_back();
        }
        // A driver that fetches what has happened never leaves more.
        if self.events.capacity() == 0 {
            self.events.reserve_exact(1);
        }
        self.events.push_back(Event::PathChanged(path));
    }

    /// Begins the handshake as soon as there is a path and the peer's description is known.
    fn start_dtls(&mut self, now: Time) {
        if self.dtls.is_some() || self.path.is_none() || self.end.is_some() {
            return;
        }
        let Some(remote) = &self.remote_dtls else {
            return;
        };
        let dtls = self
            .dtls
            .insert(Dtls::new(&self.settings, remote, self.ice.rtt(), now));
        let mut progress = dtls.handle_timeout(now, &mut self.counters);
        for datagram in self.early.take() {
            self.follow_dtls(now, progress);
            let (None, Some(dtls)) = (self.end, &mut self.dtls) else {
                return;
            };
            progress = dtls.handle_datagram(now, &datagram, &mut self.counters);
        }
        self.follow_dtls(now, progress);
    }

    fn follow_dtls(&mut self, now: Time, progress: Progress) {
        match progress {
            Progress::None => {}
            Progress::Connected(keys) => self.take_keys(&keys),
            Progress::Ended(ended) => self.finish(now, ended),
        }
    }

    fn take_keys(&mut self, keys: &KeyingMaterial) {
        let is_client = self
            .dtls
            .as_ref()
            .is_some_and(|dtls| dtls.role() == DtlsRole::Client);
        let (mut opener, mut sealer) = xrtc_srtp::contexts(keys, is_client);
        if self
            .remote_dtls
            .as_ref()
            .is_some_and(|remote| remote.cryptex)
        {
            (opener, sealer) = (opener.with_cryptex(), sealer.with_cryptex());
        }
        self.media = Some(Media {
            opener,
            sealer,
            profile: keys.profile(),
        });
        self.events.push_back(Event::Connected);
    }

    fn finish(&mut self, now: Time, ended: Ended) {
        if self.end.is_some() {
            return;
        }
        self.end = Some(End::Ended(ended));
        self.events.push_back(Event::Ended(ended));
        match ended {
            // RFC 5246 §7.2.1: a goodbye is answered by one.
            Ended::PeerClosed => self.say_goodbye(now),
            // Without consent nothing may be sent (RFC 7675 §5.1), and a failed association has nothing to say.
            _ => self.fall_silent(),
        }
    }

    fn say_goodbye(&mut self, now: Time) {
        self.media = None;
        self.early = EarlyDatagrams::default();
        if let Some(dtls) = &mut self.dtls {
            dtls.close(now, &mut self.counters);
        }
    }

    fn fall_silent(&mut self) {
        self.media = None;
        self.early = EarlyDatagrams::default();
        self.dtls = None;
    }

    fn seal(
        &mut self,
        seal: impl FnOnce(&mut Sealer) -> Result<usize, xrtc_srtp::Discard>,
    ) -> Option<usize> {
        let Some(media) = &mut self.media else {
            self.counters.count(Discard::NotConnected);
            return None;
        };
        match seal(&mut media.sealer) {
            Ok(len) => Some(len),
            Err(reason) => {
                self.srtp_counters.count(reason);
                None
            }
        }
    }
}
