//! Random lives of streams against a model of who should see whom.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use xrtc_netem::LinkConfig;
use xrtc_rtp::Codec;
use xrtc_sfu::{Command, Event, Held, PeerId, PushOptions, StreamName};
use xrtc_testkit::{LayerConfig, PublishConfig, ViewConfig};

use crate::world::{EndId, World, name, network};

/// What should be, by stream.
#[derive(Default)]
struct Model {
    publishers: BTreeMap<usize, EndId>,
    viewers: Vec<(usize, EndId)>,
}

struct Life {
    world: World,
    model: Model,
    rng: Rng,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut world = World::with_config(3, seed, |config| {
            config.consent_timeout = Duration::from_secs(10);
            config.connect_timeout = Duration::from_secs(10);
            config.publisher_grace = Duration::from_secs(60);
        });
        // Every other life with room for a single datagram.
        world.set_batch(if seed.is_multiple_of(2) {
            64 * 1024
        } else {
            1_500
        });
        Self {
            world,
            model: Model::default(),
            rng: Rng::with_seed(seed),
        }
    }

    fn stream(number: usize) -> String {
        format!("stream/{number}")
    }

    fn link(&mut self) -> LinkConfig {
        let loss = if self.rng.bool() { 0.0 } else { 0.02 };
        network(self.rng.u64(1..40), self.rng.u64(0..20), loss)
    }

    fn step(&mut self) {
        match self.rng.u8(..14) {
            0..=2 => self.publish(),
            3..=6 => self.view(),
            7..=8 => self.leave(),
            9 => self.unpublish(),
            10 => self.restart_ice(),
            11 => self.close_stream(),
            12 => self.ask_for_figures(),
            _ => self.stall_a_worker(),
        }
        let pause = self.rng.u64(1..400);
        self.world.run_ms(pause);
    }

    fn publish(&mut self) {
        let number = self.rng.usize(..STREAMS);
        let layers = if self.rng.u8(..3) == 0 {
            let layer = |rid, resolution, frame_bytes| LayerConfig {
                rid,
                resolution,
                frame_bytes,
            };
            vec![layer("q", (320, 180), 500), layer("f", (640, 360), 1_500)]
        } else {
            PublishConfig::default().layers
        };
        let codec = if self.rng.bool() {
            Codec::Vp8
        } else {
            Codec::H264
        };
        let config = PublishConfig {
            codec,
            layers,
            ..PublishConfig::default()
        };
        let options = PushOptions {
            replace: true,
            ..PushOptions::default()
        };
        let link = self.link();
        let end = self
            .world
            .try_publish(&Self::stream(number), config, options, link)
            .expect("accepted");
        self.model.publishers.insert(number, end);
    }

    fn view(&mut self) {
        let number = self.rng.usize(..STREAMS);
        let (worker, link) = (self.rng.usize(..3), self.link());
        let result =
            self.world
                .try_view(worker, &Self::stream(number), ViewConfig::default(), link);
        match self.model.publishers.get(&number) {
            Some(_) => self.model.viewers.push((number, result.expect("accepted"))),
            None => assert!(result.is_err(), "nobody publishes {number}"),
        }
    }

    fn end(&mut self, end: EndId) {
        match self.rng.u8(..3) {
            0 => self.world.close(end),
            1 => self.world.hang_up(end),
            _ => self.world.ends[end].is_gone = true,
        }
    }

    fn leave(&mut self) {
        if !self.model.viewers.is_empty() {
            let index = self.rng.usize(..self.model.viewers.len());
            let (_, end) = self.model.viewers.swap_remove(index);
            self.end(end);
        }
    }

    fn unpublish(&mut self) {
        let number = self.rng.usize(..STREAMS);
        if let Some(end) = self.model.publishers.remove(&number) {
            // Those that vanish are missed after a while only; the model wants to know now.
            self.world.close(end);
        }
    }

    fn restart_ice(&mut self) {
        let ends: Vec<_> = self
            .model
            .viewers
            .iter()
            .map(|(_, end)| *end)
            .chain(self.model.publishers.values().copied())
            .collect();
        let connected = |end: &EndId| self.world.ends[*end].browser.connected_at().is_some();
        let ends: Vec<_> = ends.into_iter().filter(connected).collect();
        if ends.is_empty() {
            return;
        }
        let end = ends[self.rng.usize(..ends.len())];
        let (worker, peer) = (self.world.ends[end].worker, self.world.ends[end].peer);
        let fragment = self.world.ends[end].browser.restart_ice(self.world.now);
        let reply = self.world.ask(worker, |request| Command::Trickle {
            request,
            peer,
            fragment,
        });
        let Event::Restarted { fragment, .. } = reply else {
            panic!("{reply:?}")
        };
        self.world.ends[end]
            .browser
            .set_restart_reply(&fragment)
            .expect("usable");
    }

    fn close_stream(&mut self) {
        if self.rng.u8(..4) > 0 {
            return;
        }
        let number = self.rng.usize(..STREAMS);
        let stream = name(&Self::stream(number));
        let home = stream.home(3);
        self.world.command(
            home,
            Command::CloseStream {
                stream,
                reason: String::new(),
            },
        );
        self.model.publishers.remove(&number);
        self.model.viewers.retain(|(other, _)| *other != number);
    }

    fn ask_for_figures(&mut self) {
        for &(_, end) in &self.model.viewers {
            let (worker, peer) = (self.world.ends[end].worker, self.world.ends[end].peer);
            let reply = self
                .world
                .ask(worker, |request| Command::GetStats { request, peer });
            assert!(matches!(reply, Event::Stats { .. }), "{reply:?}");
        }
    }

    /// A worker takes nothing from the others for a while.
    fn stall_a_worker(&mut self) {
        let worker = self.rng.usize(..3);
        self.world.workers[worker].inbox_limit = self.rng.usize(..20);
        let pause = self.rng.u64(1..200);
        self.world.run_ms(pause);
        self.world.workers[worker].inbox_limit = usize::MAX;
        self.world.run_ms(2);
    }

    /// Everybody who should see something does, and nobody has ended for whom the model has no reason.
    fn check(&mut self) {
        self.world.run_ms(3_000);
        let now = self.world.now;
        for &(number, viewer) in &self.model.viewers {
            assert_eq!(
                self.world.closed_reason(viewer),
                None,
                "viewer {viewer} of {number}"
            );
            if self.model.publishers.contains_key(&number) {
                let last = self
                    .world
                    .frames(viewer)
                    .last()
                    .map(|frame| now.since(frame.at));
                assert!(
                    last.is_some_and(|age| age < Duration::from_millis(700)),
                    "viewer {viewer} of {number}: {last:?}"
                );
            }
            let view = self.world.ends[viewer].browser.viewer().expect("viewer");
            for source in view.incoming() {
                assert_eq!(source.video.broken + source.broken_audio, 0);
                assert_eq!(source.video.discontinuities(), 0, "viewer {viewer}");
            }
            assert_eq!(view.unknown_packets, 0, "viewer {viewer}");
        }
        for (number, publisher) in &self.model.publishers {
            assert_eq!(
                self.world.closed_reason(*publisher),
                None,
                "publisher of {number}"
            );
        }
    }

    /// Nothing is told of a peer after its end, nor of a stream outside its life.
    fn check_events(&self) {
        let mut closed: Vec<PeerId> = Vec::new();
        let mut streams: BTreeMap<StreamName, bool> = BTreeMap::new();
        for (_, event) in &self.world.events {
            match event {
                Event::PeerState { peer, .. } => assert!(!closed.contains(peer), "{event:?}"),
                Event::PeerClosed { peer, .. } => {
                    assert!(!closed.contains(peer), "{event:?}");
                    closed.push(*peer);
                }
                Event::StreamAdded { stream } => {
                    assert_ne!(streams.insert(stream.clone(), true), Some(true))
                }
                Event::StreamRemoved { stream, .. } => {
                    assert_eq!(streams.insert(stream.clone(), false), Some(true))
                }
                Event::StreamChanged { stream, .. } => {
                    assert_eq!(streams.get(stream), Some(&true), "{event:?}");
                }
                _ => {}
            }
        }
        assert!(streams.values().all(|is_there| !is_there), "{streams:?}");
    }

    fn finish(mut self) {
        for number in 0..STREAMS {
            let stream = name(&Self::stream(number));
            let home = stream.home(3);
            self.world.command(
                home,
                Command::CloseStream {
                    stream,
                    reason: String::new(),
                },
            );
        }
        self.world.run_ms(100);
        for worker in 0..3 {
            assert_eq!(self.world.held(worker), Held::default(), "worker {worker}");
        }
        self.check_events();
    }
}

#[test]
fn in_random_lives_everybody_sees_what_they_should_and_nothing_stays_behind() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let all = 0..number("SEEDS").unwrap_or(50) / 5;
    let seeds = number("SEED").map_or(all, |seed| seed..seed + 1);
    for seed in seeds {
        eprintln!("SEED={seed}");
        let mut life = Life::new(seed);
        for _ in 0..5 {
            for _ in 0..10 {
                life.step();
            }
            life.check();
        }
        life.finish();
    }
}

const STREAMS: usize = 4;
