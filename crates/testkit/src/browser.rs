//! A browser in a struct: ICE, DTLS, SRTP and media, without sockets and clock.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use fastrand::Rng;
use xrtc_ice::{AgentConfig, Candidate, Credentials, Mode, Path, Role, Transmit};
use xrtc_rtp::{MediaKind, Ssrc, Time, WallClock};
use xrtc_sdp::{Description, Fragment, Setup};
use xrtc_transport::{
    DtlsRole, DtlsSettings, Ended, Event, Plain, Received, RemoteDtls, Transport, TransportConfig,
};

use crate::description::{SectionText, Text};
use crate::encoding::Outgoing;
use crate::publisher::{PublishConfig, Publisher};
use crate::viewer::{ViewConfig, Viewer};

/// A browser with one peer connection, which publishes or views.
///
/// Its driver gives it datagrams and timeouts and takes datagrams, as it does with every other state machine here.
#[derive(Debug)]
pub struct Browser {
    address: SocketAddr,
    transport: Transport,
    local: Credentials,
    /// What its descriptions list.
    candidates: Vec<String>,
    fingerprint: String,
    wall: WallClock,
    rng: Rng,
    media: Media,
    queue: VecDeque<Queued>,
    connected_at: Option<Time>,
    ended: Option<Ended>,
}

/// What a browser is for.
#[derive(Clone, Debug)]
pub enum Side {
    /// It sends.
    Publish(PublishConfig),
    /// It receives.
    View(ViewConfig),
}

/// A plain packet on its way out.
#[derive(Debug)]
pub(crate) enum Queued {
    Rtp(Outgoing),
    Rtcp(Vec<u8>),
}

#[derive(Debug)]
enum Media {
    Publisher(Box<Publisher>),
    Viewer(Box<Viewer>),
}

/// A description that this browser cannot use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable(pub String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}

impl Browser {
    /// A browser at this address, which its descriptions keep to themselves. `seed` draws all its ids.
    pub fn new(
        address: SocketAddr,
        side: Side,
        dtls: &Arc<DtlsSettings>,
        seed: u64,
        now: Time,
    ) -> Self {
        let ice = Mode::Full(Role::Controlling);
        let browser = Self::with_ice(address, side, dtls, (seed, ice), now);
        Self {
            candidates: Vec::new(),
            ..browser
        }
    }

    /// A peer that does this part of ICE, as another server does, and tells its address.
    pub fn with_ice(
        address: SocketAddr,
        side: Side,
        dtls: &Arc<DtlsSettings>,
        (seed, ice): (u64, Mode),
        now: Time,
    ) -> Self {
        let mut rng = Rng::with_seed(seed);
        let local = Credentials::random(|bytes| rng.fill(bytes));
        let ice = AgentConfig::with_mode(ice, local.clone());
        let fingerprint = dtls.fingerprint_sha256();
        let config = TransportConfig {
            ice,
            remote_ice: None,
            remote_dtls: None,
            dtls: Arc::clone(dtls),
        };
        let mut transport = Transport::new(config, rng.u64(..), now);
        let candidate = Candidate::host(address, u16::MAX);
        transport.add_local_candidate(&candidate);
        let media = match side {
            Side::Publish(config) => Media::Publisher(Box::new(Publisher::new(config, &mut rng))),
            Side::View(config) => Media::Viewer(Box::new(Viewer::new(config, &mut rng))),
        };
        Self {
            address,
            transport,
            local,
            candidates: vec![candidate.to_string()],
            fingerprint,
            // Any wall clock will do; this one is not the server's.
            wall: WallClock {
                unix_nanos_at_zero: 1_700_000_000_000_000_000 + rng.u64(..1 << 40),
            },
            rng,
            media,
            queue: VecDeque::new(),
            connected_at: None,
            ended: None,
        }
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Our offer: audio with mid 0 and video with mid 1.
    pub fn create_offer(&self) -> String {
        let mids = [
            (MediaKind::Audio, "0".to_owned()),
            (MediaKind::Video, "1".to_owned()),
        ];
        let setup = match &self.media {
            Media::Publisher(publisher) => publisher.setup(),
            Media::Viewer(_) => "actpass",
        };
        self.describe(setup, self.sections(&mids))
    }

    /// Takes the answer to [`Browser::create_offer`].
    ///
    /// # Errors
    ///
    /// What cannot be read, or lacks what a connection needs.
    pub fn set_answer(&mut self, now: Time, sdp: &str) -> Result<(), Unusable> {
        let answer = Description::parse(sdp).map_err(|error| Unusable(error.to_string()))?;
        let setup = answer
            .sections
            .iter()
            .find_map(|section| section.transport.setup);
        let role = match setup {
            Some(Setup::Active) => DtlsRole::Server,
            _ => DtlsRole::Client,
        };
        self.connect(now, &answer, role)
    }

    /// Answers the other side's offer: as the DTLS client, or, if it is lite, as the server, like most lite servers.
    ///
    /// # Errors
    ///
    /// What cannot be read, or lacks what a connection needs.
    pub fn accept_offer(&mut self, now: Time, sdp: &str) -> Result<String, Unusable> {
        let offer = Description::parse(sdp).map_err(|error| Unusable(error.to_string()))?;
        let (role, setup) = if self.transport.ice().is_lite() {
            (DtlsRole::Server, "passive")
        } else {
            (DtlsRole::Client, "active")
        };
        self.connect(now, &offer, role)?;
        let mids: Vec<_> = offer
            .sections
            .iter()
            .filter_map(|section| Some((section.kind().media()?, section.mid?.to_string())))
            .collect();
        let mut sections = self.sections(&mids);
        for section in &mut sections {
            let Some(offered) = offer
                .sections
                .iter()
                .find(|other| other.kind().media() == Some(section.kind))
            else {
                continue;
            };
            // An answer uses the numbers of the offer.
            for format in &mut section.formats {
                if let Some(same) = offered
                    .formats
                    .iter()
                    .find(|other| other.codec() == Some(format.codec))
                {
                    format.payload_type = same.payload_type.0;
                    let rtx = offered
                        .formats
                        .iter()
                        .find(|other| other.apt() == Some(same.payload_type));
                    format.rtx = format.rtx.and_then(|_| Some(rtx?.payload_type.0));
                }
            }
            section.extensions.clear();
            for extension in &offered.extensions {
                section
                    .extensions
                    .push((extension.id, extension.uri.clone()));
            }
        }
        Ok(self.describe(setup, sections))
    }

    fn sections(&self, mids: &[(MediaKind, String)]) -> Vec<SectionText> {
        match &self.media {
            Media::Publisher(publisher) => publisher.sections(mids),
            Media::Viewer(viewer) => viewer.sections(mids),
        }
    }

    const fn offers_cryptex(&self) -> bool {
        match &self.media {
            Media::Publisher(publisher) => publisher.offers_cryptex(),
            Media::Viewer(viewer) => viewer.offers_cryptex(),
        }
    }

    fn describe(&self, setup: &str, sections: Vec<SectionText>) -> String {
        let (ufrag, pwd) = (self.local.ufrag(), self.local.pwd());
        Text {
            ufrag,
            pwd,
            fingerprint: &self.fingerprint,
            setup,
            is_lite: self.transport.ice().is_lite(),
            cryptex: self.offers_cryptex(),
            candidates: &self.candidates,
            sections,
        }
        .write()
    }

    fn connect(&mut self, now: Time, remote: &Description, role: DtlsRole) -> Result<(), Unusable> {
        let live = || {
            remote
                .sections
                .iter()
                .filter(|section| !section.is_rejected())
        };
        let missing = |what: &str| Unusable(format!("no {what}"));
        let section = live().next().ok_or_else(|| missing("section"))?;
        let transport = &section.transport;
        let credentials = transport
            .credentials
            .as_ref()
            .ok_or_else(|| missing("credentials"))?;
        let credentials = Credentials::new(credentials.ufrag(), credentials.pwd());
        self.transport
            .set_remote_ice(credentials.map_err(|error| Unusable(error.to_string()))?);
        for candidate in live().flat_map(|section| &section.transport.candidates) {
            let candidate: Candidate =
                candidate.parse().map_err(|_| Unusable(candidate.clone()))?;
            self.transport.add_remote_candidate(&candidate);
        }
        let fingerprints: Vec<_> = transport
            .fingerprints
            .iter()
            .filter_map(|fingerprint| fingerprint.to_string().parse().ok())
            .collect();
        if fingerprints.is_empty() {
            return Err(missing("fingerprint"));
        }
        let dtls = RemoteDtls {
            role,
            fingerprints,
            cryptex: transport.cryptex && self.offers_cryptex(),
        };
        self.transport.set_remote_dtls(now, dtls);
        match &mut self.media {
            Media::Publisher(publisher) => publisher.negotiate(remote),
            Media::Viewer(viewer) => viewer.negotiate(remote),
        }
        Ok(())
    }

    /// Restarts ICE: the body of the request (RFC 9725 §4.3.3).
    pub fn restart_ice(&mut self, now: Time) -> String {
        let rng = &mut self.rng;
        self.local = Credentials::random(|bytes| rng.fill(bytes));
        self.transport.restart_ice(now, self.local.clone());
        format!(
            "a=ice-options:trickle\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
             a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na={}\r\na=end-of-candidates\r\n",
            self.local.ufrag(),
            self.local.pwd(),
            Candidate::host(self.address, u16::MAX)
        )
    }

    /// Takes the reply to [`Browser::restart_ice`].
    ///
    /// # Errors
    ///
    /// What cannot be read.
    pub fn set_restart_reply(&mut self, fragment: &str) -> Result<(), Unusable> {
        let fragment = Fragment::parse(fragment).map_err(|error| Unusable(error.to_string()))?;
        let credentials = fragment
            .credentials()
            .ok_or_else(|| Unusable("no credentials".to_owned()))?;
        let credentials = Credentials::new(credentials.ufrag(), credentials.pwd());
        self.transport
            .set_remote_ice(credentials.map_err(|error| Unusable(error.to_string()))?);
        for candidate in fragment
            .candidates()
            .filter_map(|text| text.parse::<Candidate>().ok())
        {
            self.transport.add_remote_candidate(&candidate);
        }
        Ok(())
    }

    /// Moves to another address, as behind a NAT that has forgotten: only the paths change, and nobody is told.
    pub const fn move_to(&mut self, address: SocketAddr) {
        self.address = address;
    }

    /// Takes a datagram.
    pub fn handle_datagram(&mut self, now: Time, path: Path, datagram: &mut [u8]) {
        match self.transport.handle_datagram(now, path, datagram) {
            Received::Rtp(packet) => {
                if let Media::Viewer(viewer) = &mut self.media {
                    viewer.handle_rtp(now, packet, &mut self.queue);
                }
            }
            Received::Rtcp(packet) => match &mut self.media {
                Media::Publisher(publisher) => {
                    publisher.handle_rtcp(now, self.wall, packet, &mut self.queue)
                }
                Media::Viewer(viewer) => viewer.handle_rtcp(now, packet),
            },
            Received::Nothing => {}
        }
        self.follow(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.transport.poll_timeout().is_some_and(|due| due <= now) {
            self.transport.handle_timeout(now);
            self.follow(now);
        }
        if self.connected_at.is_none() || self.ended.is_some() {
            return;
        }
        match &mut self.media {
            Media::Publisher(publisher) => {
                publisher.handle_timeout(now, self.wall, &mut self.queue)
            }
            Media::Viewer(viewer) => viewer.handle_timeout(now, &mut self.queue),
        }
    }

    /// When something is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        let media = match &self.media {
            _ if self.connected_at.is_none() || self.ended.is_some() => None,
            Media::Publisher(publisher) => publisher.poll_timeout(),
            Media::Viewer(viewer) => viewer.poll_timeout(),
        };
        [self.transport.poll_timeout(), media]
            .into_iter()
            .flatten()
            .min()
    }

    /// Writes the next datagram.
    pub fn poll_transmit(&mut self, now: Time, out: &mut [u8]) -> Option<Transmit> {
        if let Some(transmit) = self.transport.poll_transmit(now, out) {
            return Some(transmit);
        }
        while let Some(queued) = self.queue.pop_front() {
            let len = match &queued {
                Queued::Rtp(packet) => {
                    let Outgoing {
                        ssrc,
                        index,
                        repeat,
                        header,
                        prefix,
                        payload,
                    } = packet;
                    let (ssrc, index, repeat) = (*ssrc, *index, *repeat);
                    self.transport.seal_rtp(
                        Plain {
                            ssrc,
                            index,
                            repeat,
                            header,
                            prefix,
                            payload,
                        },
                        out,
                    )
                }
                Queued::Rtcp(packet) => self.transport.seal_rtcp(packet, out),
            };
            if let (Some(path), Some(len)) = (self.transport.path(), len) {
                return Some(Transmit { path, len });
            }
        }
        None
    }

    fn follow(&mut self, now: Time) {
        while let Some(event) = self.transport.poll_event() {
            match event {
                Event::Connected => {
                    self.connected_at = Some(now);
                    match &mut self.media {
                        Media::Publisher(publisher) => publisher.start(now),
                        Media::Viewer(viewer) => viewer.start(now),
                    }
                }
                Event::Ended(ended) => self.ended = Some(ended),
                Event::PathChanged(_) => {}
            }
        }
    }

    /// Sends this RTCP packet too, sealed like its own: what a peer says that lies.
    pub fn send_rtcp(&mut self, packet: Vec<u8>) {
        self.queue.push_back(Queued::Rtcp(packet));
    }

    /// Sends this RTP packet too, sealed like its own; `index` is its sequence number with the roll-overs.
    pub fn send_rtp(&mut self, ssrc: Ssrc, index: u64, header: Vec<u8>, payload: Vec<u8>) {
        self.queue.push_back(Queued::Rtp(Outgoing {
            ssrc,
            index,
            repeat: false,
            header,
            prefix: Vec::new(),
            payload,
        }));
    }

    /// Closes the connection, with a goodbye.
    pub fn close(&mut self, now: Time) {
        self.transport.close(now);
        self.ended.get_or_insert(Ended::PeerClosed);
    }

    /// When media could flow; `None` before.
    pub const fn connected_at(&self) -> Option<Time> {
        self.connected_at
    }

    /// Why it is over, if it is.
    pub const fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// The transport, to read from.
    pub const fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The sending half, if this is a publisher.
    pub const fn publisher(&self) -> Option<&Publisher> {
        match &self.media {
            Media::Publisher(publisher) => Some(publisher),
            Media::Viewer(_) => None,
        }
    }

    /// As [`Browser::publisher`], to change it.
    pub const fn publisher_mut(&mut self) -> Option<&mut Publisher> {
        match &mut self.media {
            Media::Publisher(publisher) => Some(publisher),
            Media::Viewer(_) => None,
        }
    }

    /// The receiving half, if this is a viewer.
    pub const fn viewer(&self) -> Option<&Viewer> {
        match &self.media {
            Media::Viewer(viewer) => Some(viewer),
            Media::Publisher(_) => None,
        }
    }
}
