//! Workers, browsers and the network between them in virtual time.

mod ends;
mod port;
mod wire;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use fastrand::Rng;
use xrtc_netem::{Link, LinkConfig};
use xrtc_rtp::{Time, WallClock};
use xrtc_sfu::{
    Batch, Command, Event, Held, OwnerKey, Path, PeerId, PullOptions, PushOptions, Refused,
    RelayMessage, RequestId, Sfu, SfuConfig, StreamName, WorkerId,
};
use xrtc_testkit::{Browser, PublishConfig, ReceivedFrame, SentFrame, Side, ViewConfig};
use xrtc_transport::{Certificate, DtlsSettings, DtlsVersion};

pub(crate) use self::port::PORT;
use self::port::{Front, Kernel};

/// Everything.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) workers: Vec<Worker>,
    pub(crate) ends: Vec<End>,
    pub(crate) events: Vec<(usize, Event)>,
    rng: Rng,
    batch: Batch,
    next_id: u64,
    kernel: Kernel,
    /// Runs every call of a worker that may happen for a packet.
    pub(crate) meter: fn(&mut dyn FnMut()),
    trace: Option<VecDeque<String>>,
    /// Bytes that were sent to [`STRANGERS`].
    pub(crate) to_strangers: usize,
}

/// A worker and what the others have for it.
pub(crate) struct Worker {
    pub(crate) sfu: Sfu,
    pub(crate) front: Front,
    /// Sockets that one peer each has alone.
    pub(crate) own: Vec<SocketAddr>,
    config: SfuConfig,
    inbox: VecDeque<(WorkerId, RelayMessage)>,
    /// How many messages its queue holds.
    pub(crate) inbox_limit: usize,
}

/// A browser and its two directions.
pub(crate) struct End {
    pub(crate) browser: Browser,
    pub(crate) peer: PeerId,
    pub(crate) worker: usize,
    /// Where the server sees it.
    pub(crate) nat: SocketAddr,
    pub(crate) up: Link<Packet>,
    pub(crate) down: Link<Packet>,
    /// The server's description.
    pub(crate) answer: String,
    /// It has vanished without a word: nothing of it reaches the network, and nothing reaches it.
    pub(crate) is_gone: bool,
}

type Packet = (Path, Vec<u8>);

/// The number of an end.
pub(crate) type EndId = usize;

/// How the network treats a browser, the same in both directions.
pub(crate) fn network(delay_ms: u64, jitter_ms: u64, loss: f64) -> LinkConfig {
    LinkConfig {
        delay: Duration::from_millis(delay_ms),
        jitter: Duration::from_millis(jitter_ms),
        loss,
        ..LinkConfig::default()
    }
}

impl World {
    /// So many workers, with the defaults.
    pub(crate) fn new(workers: u16, seed: u64) -> Self {
        Self::with_config(workers, seed, |_| {})
    }

    pub(crate) fn with_config(workers: u16, seed: u64, change: impl Fn(&mut SfuConfig)) -> Self {
        let mut rng = Rng::with_seed(seed);
        let now = Time::from_millis(1_000);
        let workers = (0..workers).map(|index| {
            let wall = WallClock {
                unix_nanos_at_zero: 1_800_000_000_000_000_000,
            };
            let mut config = SfuConfig::new(server_settings(), owner_key(), vec![PORT], wall);
            config.worker = WorkerId(index);
            config.workers = workers;
            change(&mut config);
            let mut seed = [0; 32];
            rng.fill(&mut seed);
            Worker {
                sfu: Sfu::new(config.clone(), seed, now),
                front: Front::new(&config),
                config,
                own: Vec::new(),
                inbox: VecDeque::new(),
                inbox_limit: usize::MAX,
            }
        });
        let workers = workers.collect();
        let mut world = Self {
            now,
            workers,
            ends: Vec::new(),
            events: Vec::new(),
            rng,
            batch: Batch::with_capacity(64 * 1024),
            next_id: 0,
            kernel: Kernel::new(seed),
            meter: |run| run(),
            trace: None,
            to_strangers: 0,
        };
        world.flush();
        world
    }

    /// A worker meets a bug and starts again; what it held is gone.
    pub(crate) fn restart_worker(&mut self, index: usize) {
        let mut seed = [0; 32];
        self.rng.fill(&mut seed);
        let worker = &mut self.workers[index];
        worker.sfu = Sfu::new(worker.config.clone(), seed, self.now);
        self.flush();
    }

    pub(crate) fn command(&mut self, worker: usize, command: Command) {
        self.workers[worker].sfu.handle_command(self.now, command);
        self.flush();
    }

    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Sends a command that will be answered, and takes the answer.
    pub(crate) fn ask(
        &mut self,
        worker: usize,
        command: impl FnOnce(RequestId) -> Command,
    ) -> Event {
        let request = RequestId(self.next_id());
        self.command(worker, command(request));
        let is_reply = |event: &Event| match event {
            Event::Answer { request: other, .. }
            | Event::Offer { request: other, .. }
            | Event::Accepted { request: other, .. }
            | Event::Restarted { request: other, .. }
            | Event::Refused { request: other, .. }
            | Event::Stats { request: other, .. }
            | Event::Counters { request: other, .. }
            | Event::Held { request: other, .. }
            | Event::ShutDown { request: other, .. } => *other == request,
            _ => false,
        };
        let position = self.events.iter().position(|(_, event)| is_reply(event));
        self.events.remove(position.expect("a reply at once")).1
    }

    /// How many bytes a worker may write before they are sent.
    pub(crate) fn set_batch(&mut self, bytes: usize) {
        self.batch = Batch::with_capacity(bytes);
    }

    pub(crate) fn home(&self, stream: &str) -> usize {
        name(stream).home(self.workers.len())
    }

    /// A browser that publishes and is answered.
    pub(crate) fn publish(
        &mut self,
        stream: &str,
        config: PublishConfig,
        link: LinkConfig,
    ) -> EndId {
        self.try_publish(stream, config, PushOptions::default(), link)
            .expect("publisher is accepted")
    }

    pub(crate) fn try_publish(
        &mut self,
        stream: &str,
        config: PublishConfig,
        options: PushOptions,
        link: LinkConfig,
    ) -> Result<EndId, Refused> {
        let worker = self.home(stream);
        let browser = self.browser(Side::Publish(config));
        let peer = PeerId(self.next_id());
        let options = PushOptions {
            offer: Some(browser.create_offer()),
            ..options
        };
        let reply = self.ask(worker, |request| Command::Push {
            request,
            peer,
            stream: name(stream),
            options,
        });
        self.finish(browser, (worker, peer), link, reply)
    }

    /// A browser that views, on that worker, and is answered.
    pub(crate) fn view(
        &mut self,
        worker: usize,
        stream: &str,
        config: ViewConfig,
        link: LinkConfig,
    ) -> EndId {
        self.try_view(worker, stream, config, link)
            .expect("viewer is accepted")
    }

    pub(crate) fn try_view(
        &mut self,
        worker: usize,
        stream: &str,
        config: ViewConfig,
        link: LinkConfig,
    ) -> Result<EndId, Refused> {
        let browser = self.browser(Side::View(config));
        let peer = PeerId(self.next_id());
        let options = PullOptions {
            offer: Some(browser.create_offer()),
            ..PullOptions::default()
        };
        let reply = self.ask(worker, |request| Command::Pull {
            request,
            peer,
            stream: name(stream),
            options,
        });
        self.finish(browser, (worker, peer), link, reply)
    }

    fn finish(
        &mut self,
        mut browser: Browser,
        (worker, peer): (usize, PeerId),
        link: LinkConfig,
        reply: Event,
    ) -> Result<EndId, Refused> {
        let sdp = match reply {
            Event::Answer { sdp, .. } => sdp,
            Event::Refused { refused, .. } => return Err(refused),
            other => panic!("no answer but {other:?}"),
        };
        browser.set_answer(self.now, &sdp).expect("usable answer");
        let end = self.add_end(browser, (worker, peer), link);
        self.ends[end].answer = sdp;
        Ok(end)
    }

    /// The ufrag that the server gave to this end.
    pub(crate) fn server_ufrag(&self, end: EndId) -> String {
        let line = self.ends[end]
            .answer
            .lines()
            .find_map(|line| line.strip_prefix("a=ice-ufrag:"));
        line.expect("a ufrag").to_owned()
    }

    pub(crate) fn add_end(
        &mut self,
        browser: Browser,
        (worker, peer): (usize, PeerId),
        link: LinkConfig,
    ) -> EndId {
        let nat = browser.address();
        let (up, down) = (
            Link::new(link, self.rng.u64(..)),
            Link::new(link, self.rng.u64(..)),
        );
        self.ends.push(End {
            browser,
            peer,
            worker,
            nat,
            up,
            down,
            answer: String::new(),
            is_gone: false,
        });
        self.flush();
        self.ends.len() - 1
    }

    pub(crate) fn new_peer(&mut self) -> PeerId {
        PeerId(self.next_id())
    }

    /// Lets so much time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
    }

    pub(crate) fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }

    /// Lets time pass until `is_done`, at most so long. `false`: it did not happen.
    pub(crate) fn run_until(&mut self, limit: Duration, is_done: impl Fn(&Self) -> bool) -> bool {
        let until = self.now + limit;
        while !is_done(self) {
            if !self.step(until) {
                return is_done(self);
            }
        }
        true
    }

    pub(crate) fn connect_all(&mut self) {
        let is_connected = |world: &Self| {
            world
                .ends
                .iter()
                .all(|end| end.is_gone || end.browser.connected_at().is_some())
        };
        assert!(
            self.run_until(Duration::from_secs(20), is_connected),
            "everybody connects"
        );
    }

    /// To the next thing that happens. `false`: nothing does before `until`, which is now.
    fn step(&mut self, until: Time) -> bool {
        let workers = self
            .workers
            .iter()
            .filter_map(|worker| worker.sfu.poll_timeout());
        // What is on its way from one that is gone arrives all the same.
        let ends = self.ends.iter().flat_map(|end| {
            let alive = (!end.is_gone).then(|| end.browser.poll_timeout());
            [
                alive.flatten(),
                end.up.poll_timeout(),
                end.down.poll_timeout(),
            ]
            .into_iter()
            .flatten()
        });
        let next = workers.chain(ends).min().unwrap_or(Time::MAX).max(self.now);
        if next > until {
            self.now = until;
            return false;
        }
        self.now = next;
        self.deliver();
        for worker in &mut self.workers {
            if worker.sfu.poll_timeout().is_some_and(|due| due <= next) {
                (self.meter)(&mut || worker.sfu.handle_timeout(next));
            }
        }
        for end in self.ends.iter_mut().filter(|end| !end.is_gone) {
            if end.browser.poll_timeout().is_some_and(|due| due <= next) {
                end.browser.handle_timeout(next);
            }
        }
        self.flush();
        true
    }

    /// From now on everything that happens is kept for [`World::trace`].
    pub(crate) fn keep_trace(&mut self) {
        self.trace.get_or_insert_default();
    }

    /// What happened lately, one line each.
    pub(crate) fn trace(&self) -> String {
        self.trace
            .iter()
            .flatten()
            .fold(String::new(), |text, line| text + line + "\n")
    }

    /// What a worker holds.
    pub(crate) fn held(&mut self, worker: usize) -> Held {
        match self.ask(worker, |request| Command::GetHeld { request }) {
            Event::Held { held, .. } => held,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn counter(&mut self, worker: usize, name: &str) -> u64 {
        match self.ask(worker, |request| Command::GetCounters { request }) {
            Event::Counters { counters, .. } => {
                let found = counters.iter().find(|(other, _)| other == name);
                found.unwrap_or_else(|| panic!("no counter {name}")).1
            }
            other => panic!("{other:?}"),
        }
    }

    /// A browser closes its connection with a goodbye.
    pub(crate) fn hang_up(&mut self, end: EndId) {
        self.ends[end].browser.close(self.now);
        self.flush();
    }

    /// The application closes a peer.
    pub(crate) fn close(&mut self, end: EndId) {
        let (worker, peer) = (self.ends[end].worker, self.ends[end].peer);
        self.command(
            worker,
            Command::ClosePeer {
                peer,
                reason: "test".to_owned(),
            },
        );
    }

    pub(crate) fn closed_reason(&self, end: EndId) -> Option<&'static str> {
        let peer = self.ends[end].peer;
        self.events.iter().find_map(|(_, event)| match event {
            Event::PeerClosed {
                peer: other,
                reason,
                ..
            } if *other == peer => Some(reason.name()),
            _ => None,
        })
    }

    pub(crate) fn frames(&self, end: EndId) -> &[ReceivedFrame] {
        let video = self.ends[end]
            .browser
            .viewer()
            .and_then(|viewer| viewer.source(xrtc_rtp::MediaKind::Video));
        video.map_or(&[], |incoming| incoming.video.frames())
    }

    pub(crate) fn sent(&self, end: EndId) -> &[SentFrame] {
        self.ends[end]
            .browser
            .publisher()
            .map_or(&[], |publisher| publisher.frames())
    }
}

/// A TURN server.
pub(crate) const RELAY: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// Where those are who have proved nothing.
pub(crate) const STRANGERS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));

/// A stream name.
pub(crate) fn name(text: &str) -> StreamName {
    StreamName::parse(text).expect("stream name")
}

/// A name whose home is this worker.
pub(crate) fn name_at(worker: usize, workers: usize) -> String {
    let names = (0..).map(|number| format!("stream-{number}"));
    names
        .into_iter()
        .find(|text| name(text).home(workers) == worker)
        .expect("some name")
}

fn owner_key() -> Arc<OwnerKey> {
    Arc::new(OwnerKey::new(&[3; 32]))
}

/// Certificates cost time and play no part in what happens.
fn server_settings() -> Arc<DtlsSettings> {
    static SETTINGS: OnceLock<Arc<DtlsSettings>> = OnceLock::new();
    Arc::clone(SETTINGS.get_or_init(settings))
}

fn browser_settings() -> Arc<DtlsSettings> {
    static SETTINGS: OnceLock<Arc<DtlsSettings>> = OnceLock::new();
    Arc::clone(SETTINGS.get_or_init(settings))
}

#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do as the origin"
)]
pub(crate) fn settings() -> Arc<DtlsSettings> {
    Arc::new(DtlsSettings::new(
        Certificate::generate().expect("certificate"),
        DtlsVersion::V12,
        Instant::now(),
    ))
}
