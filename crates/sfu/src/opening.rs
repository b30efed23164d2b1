//! New peers: the transport, the table entries, and the part in a stream.

use std::sync::Arc;
use std::time::Duration;

use xrtc_ice::{Candidate, Credentials, Role as IceRole};
use xrtc_rtp::{MediaKind, Time};
use xrtc_sdp::{
    Description, Fingerprint, IceCredentials, LocalParams, LocalTrack, Negotiated, RemoteTransport,
};
use xrtc_transport::{DtlsRole, RemoteDtls, Transport, TransportConfig};

use crate::addresses::PeerKey;
use crate::agreed;
use crate::peer::{Peer, Role, Signaling, States, Traffic};
use crate::sfu::Sfu;
use crate::streams::{Home, Mirror, Place, Publisher, StreamKey};
use crate::{Ended, Event, Ice, PeerId, Refused, SfuConfig, StreamName};

/// What a new peer is opened with.
#[derive(Debug)]
pub(crate) struct Newcomer<'a> {
    pub(crate) id: PeerId,
    pub(crate) role: Role,
    /// How long it may take to connect.
    pub(crate) patience: Duration,
    pub(crate) local: &'a LocalParams,
    pub(crate) ice: Ice,
    /// Who nominates, if we send checks: whoever offered, or we towards a lite peer (RFC 8445 §6.1.1).
    pub(crate) ice_role: IceRole,
}

/// What all our descriptions say of this worker, written once.
#[derive(Debug)]
pub(crate) struct OwnLines {
    pub(crate) fingerprint: Arc<Fingerprint>,
    pub(crate) candidates: Arc<[String]>,
}

impl OwnLines {
    pub(crate) fn new(config: &SfuConfig) -> Self {
        let fingerprint = Fingerprint {
            algorithm: "sha-256".to_owned(),
            value: config.dtls.fingerprint_sha256(),
        };
        Self {
            fingerprint: Arc::new(fingerprint),
            candidates: config.candidate_lines().into(),
        }
    }
}

impl Sfu {
    /// Makes the transport and the table entries of a new peer.
    pub(crate) fn open_peer(
        &mut self,
        now: Time,
        newcomer: Newcomer<'_>,
    ) -> Result<PeerKey, Refused> {
        let Newcomer {
            id,
            role,
            patience,
            local,
            ice,
            ice_role,
        } = newcomer;
        let invalid = || Refused::InvalidDescription {
            line: 0,
            reason: "unusable ice credentials".to_owned(),
        };
        let mut agent = ice.agent(
            ice_role,
            credentials(&local.credentials).ok_or_else(invalid)?,
        );
        agent.consent_timeout = self.config.consent_timeout;
        agent.connect_timeout = patience;
        let config = TransportConfig {
            ice: agent,
            remote_ice: None,
            remote_dtls: None,
            dtls: Arc::clone(&self.config.dtls),
        };
        let mut transport = Transport::new(config, self.secrets.u64(), now);
        for candidate in ice.local_candidates() {
            transport.add_local_candidate(&candidate);
        }
        let errors = ice.errors().to_vec();
        let stream = match &role {
            Role::Viewer(viewer) => Some(viewer.stream),
            Role::Publisher(_) => None,
        };
        let key = self.peers.insert(Box::new(Peer {
            id,
            transport,
            ice,
            role,
            signaling: Signaling::Stable,
            agreed: None,
            local: local.clone(),
            paths: Vec::new(),
            ufrags: Vec::new(),
            heard: now,
            look_at: now,
            silent: false,
            states: States::NEW,
            state_queued: false,
            dirty: false,
            traffic: Traffic::default(),
        }));
        self.bind_local(key, local.credentials.ufrag());
        self.peer_ids.insert(id, key);
        if let Some(entry) = stream.and_then(|stream| self.streams.get_mut(stream)) {
            entry.members.insert(key);
        }
        for error in errors {
            self.events.push(Event::CandidateError { peer: id, error });
        }
        self.peer_is_dirty(key);
        Ok(key)
    }

    /// Lets the peer be found: by its ufrag on the worker's sockets and connections, or as the only one on its own.
    pub(crate) fn bind_local(&mut self, key: PeerKey, ufrag: &str) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if peer.ice.is_lite() || !peer.ice.is_relay_only() && !self.config.tcp_candidates.is_empty()
        {
            self.addresses.bind_ufrag(ufrag, key);
            peer.ufrags.push(ufrag.to_owned());
        }
        for own in peer.ice.own_keys() {
            self.addresses.bind_own(own, key);
        }
    }

    /// Gives the transport what the remote description says of it.
    pub(crate) fn connect_transport(
        &mut self,
        now: Time,
        key: PeerKey,
        remote: &RemoteTransport,
        role: xrtc_sdp::DtlsRole,
    ) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if let Some(credentials) = credentials(&remote.credentials) {
            peer.transport.set_remote_ice(credentials);
        }
        add_candidates(
            &mut peer.transport,
            remote.candidates.iter().map(String::as_str),
        );
        let role = match role {
            xrtc_sdp::DtlsRole::Client => DtlsRole::Client,
            xrtc_sdp::DtlsRole::Server => DtlsRole::Server,
        };
        let mut fingerprints: Vec<_> = remote
            .fingerprints
            .iter()
            .filter_map(|fingerprint| fingerprint.to_string().parse().ok())
            .collect();
        fingerprints.shrink_to_fit();
        peer.transport.set_remote_dtls(
            now,
            RemoteDtls {
                role,
                fingerprints,
                cryptex: remote.cryptex,
            },
        );
        self.peer_is_dirty(key);
    }

    pub(crate) fn keep_negotiated(&mut self, key: PeerKey, negotiated: Negotiated) {
        let kept = self.recent_terms.keep(negotiated);
        if let Some(peer) = self.peers.get_mut(key) {
            peer.agreed = Some(kept);
        }
    }

    /// The peer becomes its stream's publisher.
    pub(crate) fn start_publishing(
        &mut self,
        now: Time,
        key: PeerKey,
        remote: &Description,
        negotiated: Negotiated,
    ) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let Role::Publisher(publishing) = &mut peer.role else {
            return;
        };
        let (name, identity) = (publishing.name.clone(), publishing.identity.clone());
        let ssrc = self.secrets.ssrc();
        let ingest =
            agreed::ingest_config(remote, &negotiated, ssrc, self.config.max_ingest_bitrate);
        let tracks = agreed::published_tracks(&negotiated);
        let stream = match self.streams.by_name(&name) {
            Some(stream) => stream,
            None => self.open_stream(now, name, Place::Home(Home::default())),
        };
        if let Some(Role::Publisher(publishing)) =
            self.peers.get_mut(key).map(|peer| &mut peer.role)
        {
            publishing.stream = Some(stream);
        }
        self.keep_negotiated(key, negotiated);
        let publisher = Publisher {
            peer: key,
            identity,
            since: now,
            left: false,
            tracks,
        };
        if let Err(error) = self.publish(now, stream, publisher, ingest) {
            // `check_ingest` lets nothing through that the media plane refuses.
            self.close_peer(now, key, Ended::InternalError, error.to_string());
            self.release_if_unwatched(now, stream);
        }
    }

    /// The stream to view, on this worker: made as a mirror if its home is elsewhere.
    pub(crate) fn watched_stream(
        &mut self,
        now: Time,
        name: &StreamName,
    ) -> Result<StreamKey, Refused> {
        if let Some(key) = self.streams.by_name(name) {
            return Ok(key);
        }
        let home = self
            .relays
            .remote(name)
            .map(|remote| remote.home)
            .ok_or(Refused::UnknownStream)?;
        let key = self.open_stream(
            now,
            name.clone(),
            Place::Mirror(Mirror {
                home,
                joined: false,
            }),
        );
        self.join_home(key);
        Ok(key)
    }

    /// Fresh credentials and ids around this worker's certificate and addresses, or the peer's own.
    pub(crate) fn local_params(&mut self, tracks: &[LocalTrack], ice: &Ice) -> LocalParams {
        let secrets = &mut self.secrets;
        let owner = self.config.worker.0 as u8;
        let drawn = self
            .config
            .owner_key
            .credentials(owner, |bytes| secrets.fill(bytes));
        let fingerprint = Arc::clone(&self.own_lines.fingerprint);
        LocalParams {
            candidates: match ice {
                Ice::Lite => Arc::clone(&self.own_lines.candidates),
                Ice::Full(own) => {
                    let tcp = self.config.tcp_candidate_lines();
                    let tcp = tcp.filter(|_| !ice.is_relay_only());
                    let own = own.candidates.iter().map(ToString::to_string);
                    own.chain(tcp).collect()
                }
            },
            ice_lite: ice.is_lite(),
            session_id: secrets.u64(),
            cname: format!("{:016x}", secrets.u64()),
            tracks: tracks.to_vec(),
            ..LocalParams::new(sdp_credentials(&drawn), fingerprint)
        }
    }

    /// Sources for what a viewer will get.
    pub(crate) fn outgoing_tracks(&mut self) -> [LocalTrack; 2] {
        [MediaKind::Audio, MediaKind::Video].map(|kind| LocalTrack {
            kind,
            track_id: kind.name().into(),
            ssrc: self.secrets.ssrc(),
            rtx_ssrc: (kind == MediaKind::Video).then(|| self.secrets.ssrc()),
        })
    }
}

pub(crate) fn credentials(credentials: &IceCredentials) -> Option<Credentials> {
    Credentials::new(credentials.ufrag(), credentials.pwd()).ok()
}

/// A lite agent takes none, and what cannot be used (TCP, mDNS, names) is nobody's error (RFC 9725 §4.3.2).
pub(crate) fn add_candidates<'a>(
    transport: &mut Transport,
    candidates: impl Iterator<Item = &'a str>,
) {
    for candidate in candidates.filter_map(|text| text.parse::<Candidate>().ok()) {
        transport.add_remote_candidate(&candidate);
    }
}

/// What `xrtc-ice` draws is within the grammar of `xrtc-sdp`: letters, digits, `+` and `/`.
#[expect(
    clippy::expect_used,
    reason = "the characters and lengths of drawn credentials do not depend on input"
)]
pub(crate) fn sdp_credentials(drawn: &Credentials) -> IceCredentials {
    IceCredentials::new(drawn.ufrag(), drawn.pwd())
        .expect("invariant: drawn credentials are within RFC 8839")
}
