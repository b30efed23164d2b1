//! A server with browsers that publish and view.

use std::sync::Arc;

use xrtc_rtp::MediaKind;
use xrtc_sfu::{Ice, PeerId, PushOptions};
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

    fn add_over_tcp(&mut self, side: Side, seed: u64) -> usize {
        let dtls = Arc::clone(&self.dtls);
        let server = self.app.server.tcp_bound()[0];
        self.browsers.add_over_tcp(server, |address, now| {
            Browser::new(address, side, &dtls, seed, now)
        })
    }

    pub(crate) fn publish(&mut self, stream: &str) -> (usize, PeerId) {
        let number = self.add(Side::Publish(PublishConfig::default()), 1);
        (number, self.connect_publisher(number, stream, Ice::Lite))
    }

    pub(crate) fn publish_over_tcp(&mut self, stream: &str, ice: Ice) -> (usize, PeerId) {
        let number = self.add_over_tcp(Side::Publish(PublishConfig::default()), 1);
        (number, self.connect_publisher(number, stream, ice))
    }

    fn connect_publisher(&mut self, number: usize, stream: &str, ice: Ice) -> PeerId {
        let offer = self.browsers.get(number).create_offer();
        let options = PushOptions {
            offer: Some(offer),
            ice,
            ..PushOptions::default()
        };
        let (peer, answer) = self.app.push_with(stream, options);
        let now = self.browsers.now();
        self.browsers.get(number).set_answer(now, &answer).unwrap();
        self.answer = answer;
        peer
    }

    pub(crate) fn view(&mut self, stream: &str, seed: u64) -> (usize, PeerId) {
        let number = self.add(Side::View(ViewConfig::default()), seed);
        (number, self.connect_viewer(number, stream))
    }

    pub(crate) fn view_over_tcp(&mut self, stream: &str, seed: u64) -> (usize, PeerId) {
        let number = self.add_over_tcp(Side::View(ViewConfig::default()), seed);
        (number, self.connect_viewer(number, stream))
    }

    fn connect_viewer(&mut self, number: usize, stream: &str) -> PeerId {
        let offer = self.browsers.get(number).create_offer();
        let (peer, answer) = self.app.pull(stream, offer);
        let now = self.browsers.now();
        self.browsers.get(number).set_answer(now, &answer).unwrap();
        self.answer = answer;
        peer
    }
}

pub(crate) fn pictures(browser: &Browser) -> usize {
    let video = browser
        .viewer()
        .and_then(|viewer| viewer.source(MediaKind::Video));
    video.map_or(0, |source| source.video.frames().len())
}
