//! A server with browsers that publish and view.

use std::sync::Arc;

use xrtc_rtp::MediaKind;
use xrtc_sfu::PeerId;
use xrtc_testkit::{Browser, PublishConfig, Side, ViewConfig};
use xrtc_transport::{Certificate, DtlsSettings, DtlsVersion};
use xrtc_worker::ServerConfig;

use crate::outside::{App, Browsers};

/// A server and its browsers.
pub(crate) struct Scene {
    pub(crate) app: App,
    pub(crate) browsers: Browsers,
    /// What the server last answered.
    pub(crate) answer: String,
    dtls: Arc<DtlsSettings>,
}

impl Scene {
    pub(crate) fn new(config: ServerConfig) -> Self {
        let browsers = Browsers::new();
        let certificate = Certificate::generate().unwrap();
        let dtls = DtlsSettings::new(certificate, DtlsVersion::V12, browsers.origin());
        Self {
            app: App::with(config),
            browsers,
            answer: String::new(),
            dtls: Arc::new(dtls),
        }
    }

    fn add(&mut self, side: Side, seed: u64) -> usize {
        let dtls = Arc::clone(&self.dtls);
        self.browsers
            .add(|address, now| Browser::new(address, side, &dtls, seed, now))
    }

    pub(crate) fn publish(&mut self, stream: &str) -> (usize, PeerId) {
        let number = self.add(Side::Publish(PublishConfig::default()), 1);
        let offer = self.browsers.get(number).create_offer();
        let (peer, answer) = self.app.push(stream, Some(offer));
        let now = self.browsers.now();
        self.browsers.get(number).set_answer(now, &answer).unwrap();
        self.answer = answer;
        (number, peer)
    }

    pub(crate) fn view(&mut self, stream: &str, seed: u64) -> (usize, PeerId) {
        let number = self.add(Side::View(ViewConfig::default()), seed);
        let offer = self.browsers.get(number).create_offer();
        let (peer, answer) = self.app.pull(stream, offer);
        let now = self.browsers.now();
        self.browsers.get(number).set_answer(now, &answer).unwrap();
        self.answer = answer;
        (number, peer)
    }
}

pub(crate) fn pictures(browser: &Browser) -> usize {
    let video = browser
        .viewer()
        .and_then(|viewer| viewer.source(MediaKind::Video));
    video.map_or(0, |source| source.video.frames().len())
}
