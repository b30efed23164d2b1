//! How peers are opened, from JavaScript.

use napi_derive::napi;
use xrtc_rtp::Rid;
use xrtc_sfu::{Ice, LayerWish, Media, OwnAddresses, PullOptions, PushOptions};

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

impl From<BindingPushOptions> for PushOptions {
    fn from(options: BindingPushOptions) -> Self {
        Self {
            offer: options.offer,
            identity: options.identity,
            replace: options.replace.unwrap_or(false),
            media: media(options.audio, options.video),
            ice: ice(options.full_ice),
        }
    }
}

impl From<BindingPullOptions> for PullOptions {
    fn from(options: BindingPullOptions) -> Self {
        Self {
            offer: options.offer,
            media: media(options.audio, options.video),
            ice: ice(options.full_ice),
        }
    }
}

/// The worker opens the sockets and fills in their addresses.
fn ice(full: Option<bool>) -> Ice {
    if full == Some(true) {
        Ice::Full(OwnAddresses::default())
    } else {
        Ice::Lite
    }
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
