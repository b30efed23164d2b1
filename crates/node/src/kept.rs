//! Peers that JavaScript opens and holds no object of, until it asks.

use napi_derive::napi;
use xrtc_sfu::{Command, PeerId, PullOptions, PushOptions};
use xrtc_worker::KeptPeer;

use crate::error::BindingError;
use crate::server::{BindingServer, peer_id, request_id, stream_name};

/// What is known of a peer that is kept.
#[napi(object, object_from_js = false)]
pub struct BindingKeptPeer {
    /// As `peerState` tells it.
    pub connection: &'static str,
    /// Likewise.
    pub ice: &'static str,
    /// Likewise.
    pub dtls: &'static str,
    /// The answer.
    pub local: String,
    /// The remote peer's offer.
    pub remote: String,
    /// Names the ICE session.
    pub ice_session: String,
}

#[napi]
impl BindingServer {
    /// Opens a peer that publishes a stream by its own offer, as `push` does, and keeps what would be told of its
    /// states until `release`. Replied to by `answer`.
    #[napi(catch_unwind)]
    pub fn admit_publisher(
        &mut self,
        request: i64,
        stream: String,
        offer: String,
        identity: Option<String>,
    ) -> Result<i64, BindingError> {
        let (request, stream) = (request_id(request)?, stream_name(&stream)?);
        let peer = self.server.new_publisher(&stream);
        self.server.keep(peer, &offer);
        let options = PushOptions {
            offer: Some(offer),
            identity,
            ..PushOptions::default()
        };
        let command = Command::Push {
            request,
            peer,
            stream,
            options,
        };
        self.admit(peer, command)
    }

    /// Opens a peer that views a stream by its own offer, as `pull` does; the rest as `admit_publisher`.
    #[napi(catch_unwind)]
    pub fn admit_viewer(
        &mut self,
        request: i64,
        stream: String,
        offer: String,
    ) -> Result<i64, BindingError> {
        let (request, stream) = (request_id(request)?, stream_name(&stream)?);
        let peer = self.server.new_viewer();
        self.server.keep(peer, &offer);
        let options = PullOptions {
            offer: Some(offer),
            ..PullOptions::default()
        };
        let command = Command::Pull {
            request,
            peer,
            stream,
            options,
        };
        self.admit(peer, command)
    }

    /// What is known of a peer that is kept.
    #[napi(catch_unwind)]
    pub fn kept(&self, peer: i64) -> Result<Option<BindingKeptPeer>, BindingError> {
        Ok(self.server.kept(peer_id(peer)?).map(BindingKeptPeer::from))
    }

    /// The name of its ICE session alone.
    #[napi(catch_unwind)]
    pub fn kept_ice_session(&self, peer: i64) -> Result<Option<&str>, BindingError> {
        Ok(self.server.kept_ice_session(peer_id(peer)?))
    }

    /// Keeps a peer no longer: from now on its states are told. To be called at its end at the latest, and when its
    /// offer is refused.
    #[napi(catch_unwind)]
    pub fn release(&mut self, peer: i64) -> Result<(), BindingError> {
        self.server.release(peer_id(peer)?);
        Ok(())
    }

    fn admit(&mut self, peer: PeerId, command: Command) -> Result<i64, BindingError> {
        self.send_to(peer, command)
            .inspect_err(|_| self.server.release(peer))?;
        Ok(peer.0.cast_signed())
    }
}

impl From<KeptPeer> for BindingKeptPeer {
    fn from(kept: KeptPeer) -> Self {
        Self {
            connection: kept.connection.name(),
            ice: kept.ice.name(),
            dtls: kept.dtls.name(),
            local: kept.local,
            remote: kept.remote,
            ice_session: kept.ice_session,
        }
    }
}
