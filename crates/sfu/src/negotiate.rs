//! Offers, answers and fragments: what the application brings from the remote peer, and what it takes back.

use xrtc_ice::{Credentials, Role as IceRole};
use xrtc_rtp::{MediaKind, Time};
use xrtc_sdp::{Fragment, LocalParams, Negotiated, ServerOffer};

use crate::addresses::PeerKey;
use crate::agreed;
use crate::opening::{Newcomer, add_candidates, credentials};
use crate::peer::{Publishing, Role, Signaling, Viewer};
use crate::sfu::Sfu;
use crate::{
    Event, Ice, Limit, Media, PeerId, PullOptions, PushOptions, Refused, RequestId, StreamName,
};

/// A command that will be answered, and the peer it is about.
pub(crate) type Asked = (RequestId, PeerId);

impl Sfu {
    pub(crate) fn push(
        &mut self,
        now: Time,
        asked: Asked,
        name: StreamName,
        options: PushOptions,
    ) -> Result<(), Refused> {
        self.admit_peer(asked.1, &options.ice)?;
        if name.home(usize::from(self.config.workers)) != usize::from(self.config.worker.0) {
            return Err(Refused::WrongWorker);
        }
        let identity = options.identity.as_ref();
        self.check(
            Limit::TextBytes,
            identity.map_or(0, String::len),
            self.config.limits.text_bytes,
        )?;
        let publishing = Publishing {
            name,
            identity: options.identity,
            replace: options.replace,
            stream: None,
        };
        let local = self.local_params(&[], &options.ice);
        let Some(offer) = options.offer else {
            self.check_publisher(now, &publishing)?;
            let kinds = kinds(options.media);
            let offer = xrtc_sdp::offer_push(&kinds, &self.config.capabilities(), &local);
            let role = Role::Publisher(publishing);
            return self.offer(now, asked, (role, options.ice), (offer, &local));
        };
        let offer = self.read_description(&offer)?;
        let (sdp, negotiated) = xrtc_sdp::answer_push(&offer, &self.config.capabilities(), &local)?;
        agreed::check_ingest(&negotiated)?;
        self.check_publisher(now, &publishing)?;
        let newcomer = Newcomer {
            id: asked.1,
            role: Role::Publisher(publishing),
            patience: self.config.connect_timeout,
            local: &local,
            ice: options.ice,
            ice_role: answerer_role(&negotiated),
        };
        let key = self.open_peer(now, newcomer)?;
        self.connect_transport(now, key, &negotiated.remote, negotiated.dtls_role);
        self.start_publishing(now, key, &offer, negotiated);
        self.answered(asked, sdp, &local);
        Ok(())
    }

    pub(crate) fn pull(
        &mut self,
        now: Time,
        asked: Asked,
        name: StreamName,
        options: PullOptions,
    ) -> Result<(), Refused> {
        self.admit_peer(asked.1, &options.ice)?;
        let live = self.live_tracks(&name)?;
        let watching = self
            .streams
            .by_name(&name)
            .and_then(|key| self.streams.get(key));
        let members = watching.map_or(0, |entry| entry.members.len());
        self.check(
            Limit::ViewersPerStream,
            members + 1,
            self.config.limits.viewers_per_stream,
        )?;
        let tracks = self.outgoing_tracks();
        let local = self.local_params(&tracks, &options.ice);
        let Some(offer) = options.offer else {
            let offer = xrtc_sdp::offer_pull(
                &kinds(options.media),
                &live,
                &self.config.capabilities(),
                &local,
            );
            self.check_pending()?;
            let stream = self.watched_stream(now, &name)?;
            let role = Role::Viewer(Viewer::new(stream));
            return self.offer(now, asked, (role, options.ice), (offer, &local));
        };
        let offer = self.read_description(&offer)?;
        let (sdp, negotiated) =
            xrtc_sdp::answer_pull(&offer, &live, &self.config.capabilities(), &local)?;
        let stream = self.watched_stream(now, &name)?;
        let mut viewer = Viewer::new(stream);
        viewer.set_config(agreed::viewer_config(&offer, &negotiated, &local.cname));
        let newcomer = Newcomer {
            id: asked.1,
            role: Role::Viewer(viewer),
            patience: self.config.connect_timeout,
            local: &local,
            ice: options.ice,
            ice_role: answerer_role(&negotiated),
        };
        let key = self.open_peer(now, newcomer)?;
        self.connect_transport(now, key, &negotiated.remote, negotiated.dtls_role);
        self.keep_negotiated(key, negotiated);
        self.answered(asked, sdp, &local);
        Ok(())
    }

    pub(crate) fn set_answer(&mut self, now: Time, asked: Asked, sdp: &str) -> Result<(), Refused> {
        let key = self.peer_key(asked.1)?;
        let answer = self.read_description(sdp)?;
        let Some(peer) = self.peers.get(key) else {
            return Err(Refused::UnknownPeer);
        };
        let Signaling::HaveLocalOffer { offer, .. } = &peer.signaling else {
            return Err(Refused::InvalidState {
                state: peer.signaling.name(),
            });
        };
        if let Some(before) = &peer.agreed {
            let change = self.answered_again(peer, before, offer, &answer)?;
            self.is_answered(key);
            self.take_change(now, key, change);
            self.events.push(Event::Accepted {
                request: asked.0,
                peer: asked.1,
            });
            return Ok(());
        }
        match &peer.role {
            Role::Publisher(publishing) => {
                let negotiated = offer.apply_answer(&answer, &[])?;
                agreed::check_ingest(&negotiated)?;
                self.check_publisher(now, publishing)?;
                self.is_answered(key);
                self.connect_transport(now, key, &negotiated.remote, negotiated.dtls_role);
                self.start_publishing(now, key, &answer, negotiated);
            }
            Role::Viewer(viewer) => {
                let entry = self.streams.get(viewer.stream);
                let live = entry.map(|entry| self.live_tracks(&entry.name)).transpose();
                let negotiated =
                    offer.apply_answer(&answer, &live.ok().flatten().unwrap_or_default())?;
                let config = agreed::viewer_config(&answer, &negotiated, &peer.local.cname);
                if let Some(Role::Viewer(viewer)) =
                    self.peers.get_mut(key).map(|peer| &mut peer.role)
                {
                    viewer.set_config(config);
                }
                self.is_answered(key);
                self.connect_transport(now, key, &negotiated.remote, negotiated.dtls_role);
                self.keep_negotiated(key, negotiated);
            }
        }
        self.events.push(Event::Accepted {
            request: asked.0,
            peer: asked.1,
        });
        Ok(())
    }

    pub(crate) fn trickle(
        &mut self,
        now: Time,
        asked: Asked,
        fragment: &str,
    ) -> Result<(), Refused> {
        let key = self.peer_key(asked.1)?;
        self.check(
            Limit::DescriptionBytes,
            fragment.len(),
            self.config.limits.description_bytes,
        )?;
        let fragment = Fragment::parse(fragment).map_err(|error| Refused::InvalidFragment {
            line: error.line,
            reason: error.reason.to_string(),
        })?;
        let Some(peer) = self.peers.get_mut(key) else {
            return Err(Refused::UnknownPeer);
        };
        let Some(agreed) = &mut peer.agreed else {
            return Err(Refused::InvalidState {
                state: peer.signaling.name(),
            });
        };
        let Some(remote) = fragment
            .credentials()
            .filter(|_| fragment.is_restart(&agreed.remote.credentials))
        else {
            add_candidates(&mut peer.transport, fragment.candidates());
            self.events.push(Event::Accepted {
                request: asked.0,
                peer: asked.1,
            });
            self.peer_is_dirty(key);
            return Ok(());
        };
        if !matches!(peer.signaling, Signaling::Stable) {
            return Err(Refused::InvalidState {
                state: peer.signaling.name(),
            });
        }
        let credentials = credentials(remote).ok_or_else(|| Refused::InvalidFragment {
            line: 0,
            reason: "unusable ice credentials".to_owned(),
        })?;
        agreed.remote.credentials = remote.clone();
        self.restart(now, key, asked, (credentials, &fragment));
        Ok(())
    }

    /// RFC 9725 §4.3.3: new credentials on both sides, the candidates of this generation only, the rest as it was.
    fn restart(
        &mut self,
        now: Time,
        key: PeerKey,
        asked: Asked,
        (remote, fragment): (Credentials, &Fragment),
    ) {
        let Some(peer) = self.peers.get(key) else {
            return;
        };
        let ice = peer.ice.clone();
        let local = self.local_params(&[], &ice);
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let Some(own) = credentials(&local.credentials) else {
            return;
        };
        peer.transport.restart_ice(now, own);
        peer.transport.set_remote_ice(remote);
        add_candidates(&mut peer.transport, fragment.candidates());
        peer.local.credentials = local.credentials.clone();
        let reply = peer
            .agreed
            .as_ref()
            .map(|agreed| Fragment::reply(&local, agreed.terms.tagged_track()).to_string());
        self.events.push(Event::Restarted {
            request: asked.0,
            peer: asked.1,
            fragment: reply.unwrap_or_default(),
            ice_session: local.credentials.ufrag().to_owned(),
        });
        self.bind_local(key, local.credentials.ufrag());
        self.release_old_ufrags(key);
        self.peer_is_dirty(key);
    }

    pub(crate) fn answered(&mut self, (request, peer): Asked, sdp: String, local: &LocalParams) {
        let ice_session = local.credentials.ufrag().to_owned();
        self.events.push(Event::Answer {
            request,
            peer,
            sdp,
            ice_session,
        });
    }

    /// Opens a peer with an offer of ours, which waits for its answer.
    fn offer(
        &mut self,
        now: Time,
        (request, id): Asked,
        (role, ice): (Role, Ice),
        (offer, local): (ServerOffer, &LocalParams),
    ) -> Result<(), Refused> {
        self.check_pending()?;
        let sdp = offer.description().to_string();
        // The wait for the answer has a timer of its own.
        let patience = self.config.answer_timeout + self.config.connect_timeout;
        let newcomer = Newcomer {
            id,
            role,
            patience,
            local,
            ice,
            ice_role: IceRole::Controlling,
        };
        let key = self.open_peer(now, newcomer)?;
        if let Some(peer) = self.peers.get_mut(key) {
            let until = now + self.config.answer_timeout;
            peer.signaling = Signaling::HaveLocalOffer {
                offer: Box::new(offer),
                until,
            };
            self.pending_offers += 1;
        }
        let ice_session = local.credentials.ufrag().to_owned();
        self.events.push(Event::Offer {
            request,
            peer: id,
            sdp,
            ice_session,
        });
        Ok(())
    }

    pub(crate) fn is_answered(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(key) {
            peer.signaling = Signaling::Stable;
            self.pending_offers -= 1;
        }
    }
}

/// The offerer nominates, unless it is lite (RFC 8445 §6.1.1).
const fn answerer_role(negotiated: &Negotiated) -> IceRole {
    if negotiated.remote.ice_lite {
        IceRole::Controlling
    } else {
        IceRole::Controlled
    }
}

pub(crate) fn kinds(media: Media) -> Vec<MediaKind> {
    let audio = media.audio.then_some(MediaKind::Audio);
    let video = media.video.then_some(MediaKind::Video);
    audio.into_iter().chain(video).collect()
}
