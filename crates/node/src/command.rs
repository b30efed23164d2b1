//! How peers are opened, from JavaScript.

use std::net::SocketAddr;
use std::time::Duration;

use napi_derive::napi;
use xrtc_rtp::Rid;
use xrtc_sfu::{Gather, Ice, LayerWish, Media, OwnAddresses, PullOptions, PushOptions, TurnAccess};

use crate::error::BindingError;
use crate::options::{ip, millis};

/// How a peer publishes.
#[napi(object, object_to_js = false)]
pub struct BindingPushOptions {
    /// The remote peer's offer; without one the server offers.
    pub offer: Option<String>,
    /// Who publishes: the same identity replaces its own publisher at once.
    pub identity: Option<String>,
    /// Whether any publisher is replaced. Default `false`.
    pub replace: Option<bool>,
    /// Whether an offer of ours has audio. Default `true`.
    pub audio: Option<bool>,
    /// Whether an offer of ours has video. Default `true`.
    pub video: Option<bool>,
    /// Whether we send checks too, from sockets of the peer's own. Default `false`: ICE-lite.
    pub full_ice: Option<bool>,
    /// Whom such a peer asks for addresses. Default: nobody.
    pub ice_servers: Option<Vec<BindingIceServer>>,
    /// Whether such a peer is reached by TURN servers only. Default `false`.
    pub relay_only: Option<bool>,
    /// How long those servers may take at most.
    pub gather_timeout_ms: Option<u32>,
}

/// A STUN server, or with a username a TURN server.
#[napi(object, object_to_js = false)]
pub struct BindingIceServer {
    /// An IP address.
    pub address: String,
    /// Its UDP port.
    pub port: u16,
    /// As the application has named it.
    pub url: String,
    /// Who we are to a TURN server.
    pub username: Option<String>,
    /// The password to that.
    pub credential: Option<String>,
}

/// How a peer views.
#[napi(object, object_to_js = false)]
pub struct BindingPullOptions {
    /// The remote peer's offer; without one the server offers.
    pub offer: Option<String>,
    /// Whether an offer of ours has audio. Default `true`.
    pub audio: Option<bool>,
    /// Whether an offer of ours has video. Default `true`.
    pub video: Option<bool>,
    /// Whether we send checks too, from sockets of the peer's own. Default `false`: ICE-lite.
    pub full_ice: Option<bool>,
    /// Whom such a peer asks for addresses. Default: nobody.
    pub ice_servers: Option<Vec<BindingIceServer>>,
    /// Whether such a peer is reached by TURN servers only. Default `false`.
    pub relay_only: Option<bool>,
    /// How long those servers may take at most.
    pub gather_timeout_ms: Option<u32>,
}

/// What a later offer of ours has.
#[napi(object, object_to_js = false)]
pub struct BindingOfferOptions {
    /// Whether a viewer shall get audio. Default `true`.
    pub audio: Option<bool>,
    /// Whether a viewer shall get video. Default `true`.
    pub video: Option<bool>,
    /// Whether both sides get new ICE credentials.
    pub restart_ice: bool,
}

impl BindingOfferOptions {
    pub(crate) fn media(&self) -> Media {
        media(self.audio, self.video)
    }
}

impl TryFrom<BindingPushOptions> for PushOptions {
    type Error = BindingError;

    fn try_from(options: BindingPushOptions) -> Result<Self, BindingError> {
        let gathering = Gathering {
            servers: options.ice_servers.unwrap_or_default(),
            relay_only: options.relay_only == Some(true),
            patience: options.gather_timeout_ms.map(millis),
        };
        Ok(Self {
            offer: options.offer,
            identity: options.identity,
            replace: options.replace.unwrap_or(false),
            media: media(options.audio, options.video),
            ice: ice(options.full_ice, gathering)?,
        })
    }
}

impl TryFrom<BindingPullOptions> for PullOptions {
    type Error = BindingError;

    fn try_from(options: BindingPullOptions) -> Result<Self, BindingError> {
        let gathering = Gathering {
            servers: options.ice_servers.unwrap_or_default(),
            relay_only: options.relay_only == Some(true),
            patience: options.gather_timeout_ms.map(millis),
        };
        Ok(Self {
            offer: options.offer,
            media: media(options.audio, options.video),
            ice: ice(options.full_ice, gathering)?,
        })
    }
}

/// Whom a peer with full ICE asks for addresses, as it was given.
struct Gathering {
    servers: Vec<BindingIceServer>,
    relay_only: bool,
    patience: Option<Duration>,
}

/// The worker opens the sockets and fills in their addresses.
fn ice(full: Option<bool>, gathering: Gathering) -> Result<Ice, BindingError> {
    if full != Some(true) {
        return Ok(Ice::Lite);
    }
    let mut gather = Gather {
        relay_only: gathering.relay_only,
        patience: gathering.patience,
        ..Gather::default()
    };
    for server in gathering.servers {
        let address = SocketAddr::new(ip(&server.address)?, server.port);
        match server.username {
            None => gather.stun.push(address),
            Some(username) => gather.turn.push(TurnAccess {
                address,
                url: server.url.into(),
                username,
                credential: server.credential.unwrap_or_default(),
            }),
        }
    }
    Ok(Ice::full(OwnAddresses {
        gather,
        ..OwnAddresses::default()
    }))
}

fn media(audio: Option<bool>, video: Option<bool>) -> Media {
    Media {
        audio: audio.unwrap_or(true),
        video: video.unwrap_or(true),
    }
}

/// Which simulcast layer a viewer wants.
#[napi(object, object_to_js = false)]
pub struct BindingLayerWish {
    /// This layer as long as it is alive.
    pub rid: Option<String>,
    /// The most pixels across.
    pub max_width: Option<u16>,
    /// The most pixels down.
    pub max_height: Option<u16>,
}

impl BindingLayerWish {
    /// Nothing if the name cannot be one.
    pub(crate) fn wish(self) -> Option<LayerWish> {
        let rid = match self.rid {
            Some(rid) => Some(Rid::new(&rid)?),
            None => None,
        };
        Some(LayerWish {
            rid,
            max_width: self.max_width,
            max_height: self.max_height,
        })
    }
}
