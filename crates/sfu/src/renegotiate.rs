//! Later offers of a session, by either side: what they change holds when offer and answer both do.

use xrtc_ice::Credentials;
use xrtc_rtp::Time;
use xrtc_sdp::{
    Description, DtlsRole, LiveTrack, LocalParams, Negotiated, NegotiatedTrack, NegotiationError,
    ServerOffer, Setup,
};

use crate::addresses::PeerKey;
use crate::agreed;
use crate::kept::Kept;
use crate::negotiate::{Asked, kinds};
use crate::opening::{add_candidates, credentials, sdp_credentials};
use crate::peer::{Change, Peer, Role, Signaling};
use crate::sfu::Sfu;
use crate::{Ended, Event, Media, Refused};

impl Sfu {
    /// A later offer of the remote peer. The answer is made at once and takes effect with [`Self::commit`].
    pub(crate) fn set_offer(&mut self, asked: Asked, sdp: &str) -> Result<(), Refused> {
        let key = self.peer_key(asked.1)?;
        let offer = self.read_description(sdp)?;
        let peer = self.peers.get(key).ok_or(Refused::UnknownPeer)?;
        let (Some(before), Signaling::Stable | Signaling::HaveRemoteOffer(_)) =
            (&peer.agreed, &peer.signaling)
        else {
            return Err(invalid_state(peer));
        };
        before
            .terms
            .agreement
            .check_offer(&offer)
            .map_err(NegotiationError::from)?;
        let mut local = next_local(peer);
        local.setup = match before.terms.dtls_role {
            DtlsRole::Client => Setup::Active,
            DtlsRole::Server => Setup::Passive,
        };
        let (mut sdp, mut negotiated) = self.answer_again(peer, &offer, &local)?;
        check_change(peer, before, &negotiated)?;
        let restarts_ice = negotiated.remote.credentials != before.remote.credentials;
        if restarts_ice {
            // RFC 8839 §4.4.1.1.1: a restart is answered by one.
            local.credentials = self.fresh_credentials();
            let peer = self.peers.get(key).ok_or(Refused::UnknownPeer)?;
            (sdp, negotiated) = self.answer_again(peer, &offer, &local)?;
        }
        let peer = self.peers.get_mut(key).ok_or(Refused::UnknownPeer)?;
        let viewing = viewing(&peer.role, &offer, &negotiated, &local);
        peer.signaling = Signaling::HaveRemoteOffer(Box::new(Change {
            negotiated,
            viewing,
            local: local.clone(),
            restarts_ice,
        }));
        self.answered(asked, sdp, &local);
        Ok(())
    }

    /// Offers again: a viewer these kinds of media, a publisher what it sends already; with new ICE credentials if asked.
    pub(crate) fn offer_again(
        &mut self,
        now: Time,
        (request, id): Asked,
        media: Media,
        restart_ice: bool,
    ) -> Result<(), Refused> {
        let key = self.peer_key(id)?;
        let fresh = restart_ice.then(|| self.fresh_credentials());
        self.check_pending()?;
        let peer = self.peers.get(key).ok_or(Refused::UnknownPeer)?;
        let (Some(before), Signaling::Stable) = (&peer.agreed, &peer.signaling) else {
            return Err(invalid_state(peer));
        };
        let mut local = next_local(peer);
        if let Some(fresh) = fresh {
            local.credentials = fresh;
        }
        let capabilities = self.config.capabilities();
        let offer = match &peer.role {
            Role::Publisher(_) => {
                xrtc_sdp::offer_push_again(&before.terms.agreement, &capabilities, &local)
            }
            Role::Viewer(_) => {
                let live = self.live_for(peer);
                let kinds = kinds(media);
                xrtc_sdp::offer_pull_again(
                    &before.terms.agreement,
                    &kinds,
                    &live,
                    &capabilities,
                    &local,
                )
            }
        };
        let until = now + self.config.answer_timeout;
        let sdp = offer.description().to_string();
        if let Some(peer) = self.peers.get_mut(key) {
            peer.signaling = Signaling::HaveLocalOffer {
                offer: Box::new(offer),
                until,
            };
            self.pending_offers += 1;
        }
        self.events.push(Event::Offer {
            request,
            peer: id,
            sdp,
            ice_session: local.credentials.ufrag().to_owned(),
        });
        self.peer_is_dirty(key);
        Ok(())
    }

    /// The application takes the answer to a later offer.
    pub(crate) fn commit(&mut self, now: Time, asked: Asked) -> Result<(), Refused> {
        let key = self.peer_key(asked.1)?;
        let peer = self.peers.get_mut(key).ok_or(Refused::UnknownPeer)?;
        match std::mem::replace(&mut peer.signaling, Signaling::Stable) {
            Signaling::HaveRemoteOffer(change) => self.take_change(now, key, *change),
            other => {
                peer.signaling = other;
                return Err(invalid_state(peer));
            }
        }
        self.accepted(asked);
        Ok(())
    }

    /// Drops a later offer, whoever made it: all stays as it was (RFC 9429 §4.1.10.2).
    pub(crate) fn roll_back(&mut self, asked: Asked) -> Result<(), Refused> {
        let key = self.peer_key(asked.1)?;
        let peer = self.peers.get_mut(key).ok_or(Refused::UnknownPeer)?;
        match (&peer.agreed, &peer.signaling) {
            (Some(_), Signaling::HaveLocalOffer { .. }) => self.is_answered(key),
            (Some(_), Signaling::HaveRemoteOffer(_)) => peer.signaling = Signaling::Stable,
            _ => return Err(invalid_state(peer)),
        }
        self.peer_is_dirty(key);
        self.accepted(asked);
        Ok(())
    }

    /// What the answer to our later offer changes.
    pub(crate) fn answered_again(
        &self,
        peer: &Peer,
        before: &Kept,
        offer: &ServerOffer,
        answer: &Description,
    ) -> Result<Change, Refused> {
        let mut negotiated = offer.apply_answer(answer, &self.live_for(peer))?;
        check_change(peer, before, &negotiated)?;
        negotiated.agreement.keep(&before.terms.agreement);
        let local = offer.local().clone();
        Ok(Change {
            viewing: viewing(&peer.role, answer, &negotiated, &local),
            restarts_ice: local.credentials != peer.local.credentials,
            negotiated,
            local,
        })
    }

    /// What was agreed on anew holds from now on.
    pub(crate) fn take_change(&mut self, now: Time, key: PeerKey, change: Change) {
        let Change {
            negotiated,
            viewing,
            local,
            restarts_ice,
        } = change;
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let remote = &negotiated.remote;
        let own = credentials(&local.credentials);
        if let (true, Some(own), Some(theirs)) =
            (restarts_ice, own, credentials(&remote.credentials))
        {
            peer.transport.restart_ice(now, own);
            peer.transport.set_remote_ice(theirs);
        }
        let candidates = remote.candidates.iter().map(String::as_str);
        add_candidates(&mut peer.transport, candidates);
        peer.agreed = Some(self.recent_terms.keep(negotiated));
        if restarts_ice {
            self.bind_local(key, local.credentials.ufrag());
            self.release_old_ufrags(key);
        }
        if let Some(peer) = self.peers.get_mut(key) {
            peer.local = local;
        }
        if let Some(viewing) = viewing {
            self.view_anew(now, key, viewing);
        }
        self.peer_is_dirty(key);
    }

    fn view_anew(&mut self, now: Time, key: PeerKey, viewing: xrtc_forward::ViewerConfig) {
        let Some(Role::Viewer(viewer)) = self.peers.get_mut(key).map(|peer| &mut peer.role) else {
            return;
        };
        viewer.set_config(viewing);
        let stream = viewer.stream;
        // Before it is connected, that is what it begins with.
        let (Some(id), Some(entry)) = (viewer.subscription, self.streams.get_mut(stream)) else {
            return;
        };
        let Some(config) = viewer.config.take() else {
            return;
        };
        match entry.media.resubscribe(now, id, &config) {
            Ok(()) => self.stream_is_fresh(stream),
            Err(error) => self.close_peer(now, key, Ended::Overload, error.to_string()),
        }
    }

    fn answer_again(
        &self,
        peer: &Peer,
        offer: &Description,
        local: &LocalParams,
    ) -> Result<(String, Negotiated), Refused> {
        let capabilities = self.config.capabilities();
        let (sdp, mut negotiated) = match &peer.role {
            Role::Publisher(_) => xrtc_sdp::answer_push(offer, &capabilities, local)?,
            Role::Viewer(_) => {
                let live = self.live_for(peer);
                xrtc_sdp::answer_pull_again(offer, &live, &capabilities, local)?
            }
        };
        if let Some(before) = &peer.agreed {
            negotiated.agreement.keep(&before.terms.agreement);
        }
        Ok((sdp, negotiated))
    }

    /// What a viewer's stream sends now; nothing while it has no publisher, and for publishers.
    fn live_for(&self, peer: &Peer) -> Vec<LiveTrack> {
        let Role::Viewer(viewer) = &peer.role else {
            return Vec::new();
        };
        let entry = self.streams.get(viewer.stream);
        let live = entry.and_then(|entry| self.live_tracks(&entry.name).ok());
        live.unwrap_or_default()
    }

    fn fresh_credentials(&mut self) -> xrtc_sdp::IceCredentials {
        let secrets = &mut self.secrets;
        sdp_credentials(&Credentials::random(|bytes| secrets.fill(bytes)))
    }

    fn accepted(&mut self, (request, peer): Asked) {
        self.events.push(Event::Accepted { request, peer });
    }
}

/// What our next description says of us: the same, once more.
fn next_local(peer: &Peer) -> LocalParams {
    let mut local = peer.local.clone();
    local.version += 1;
    local
}

fn viewing(
    role: &Role,
    remote: &Description,
    negotiated: &Negotiated,
    local: &LocalParams,
) -> Option<xrtc_forward::ViewerConfig> {
    let is_viewer = matches!(role, Role::Viewer(_));
    is_viewer.then(|| agreed::viewer_config(remote, negotiated, &local.cname))
}

/// Refuses what cannot change within one transport, and anything new that a publisher would send.
fn check_change(peer: &Peer, before: &Kept, after: &Negotiated) -> Result<(), Refused> {
    let refuse = |reason: &str| {
        Err(Refused::UnsupportedDescription {
            mid: None,
            reason: reason.to_owned(),
        })
    };
    // RFC 8842 §5.5: each of these asks for another association, with keys of its own.
    let is_other_association = after.remote.fingerprints != before.remote.fingerprints
        || after.remote.tls_id != before.remote.tls_id
        || after.remote.cryptex != before.remote.cryptex
        || after.dtls_role != before.terms.dtls_role;
    if is_other_association {
        return refuse("another certificate, tls-id, cryptex or DTLS role: open another peer");
    }
    if matches!(peer.role, Role::Publisher(_))
        && !is_same_media(&before.terms.tracks, &after.tracks)
    {
        return refuse("a publisher's later offer may only restart ICE: open another peer");
    }
    Ok(())
}

/// Whether a publisher sends what it sent before. Browsers leave out what the answer left out (RFC 9429 §5.2.2).
fn is_same_media(before: &[NegotiatedTrack], after: &[NegotiatedTrack]) -> bool {
    let is_same = |(before, after): (&NegotiatedTrack, &NegotiatedTrack)| {
        let mut codecs = after.codecs.iter();
        before.mid == after.mid
            && before.kind == after.kind
            && before.rids == after.rids
            && codecs.all(|codec| {
                let mut known = before.codecs.iter();
                known
                    .any(|other| other.payload_type == codec.payload_type && other.key == codec.key)
            })
    };
    before.len() == after.len() && before.iter().zip(after).all(is_same)
}

fn invalid_state(peer: &Peer) -> Refused {
    Refused::InvalidState {
        state: peer.signaling.name(),
    }
}
