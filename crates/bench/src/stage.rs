//! One worker's state machine among browsers, without sockets and in virtual time: a datagram arrives when it is sent.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use xrtc_rtp::{Time, WallClock};
use xrtc_sfu::{
    Batch, Command, Event, OwnerKey, Path, PeerId, PullOptions, PushOptions, RequestId, Sfu,
    SfuConfig, StreamName,
};
use xrtc_testkit::{Browser, Side};
use xrtc_transport::{Certificate, DtlsSettings, DtlsVersion};

/// The worker, the browsers and what lies between them.
pub(crate) struct Stage {
    now: Time,
    sfu: Sfu,
    batch: Batch,
    browsers: Vec<Seat>,
    by_address: HashMap<SocketAddr, usize>,
    browser_settings: Arc<DtlsSettings>,
    stream: StreamName,
    next_number: u64,
    /// Runs every call of the worker.
    pub(crate) meter: fn(&mut dyn FnMut()),
    /// One media packet of so many is lost on its way, in both directions. 0: none.
    pub(crate) loses_one_of: u64,
    /// Viewers are spared what they would only decrypt.
    pub(crate) viewers_are_deaf: bool,
    media_seen: u64,
    /// Media packets that the worker sent.
    pub(crate) sent: u64,
}

struct Seat {
    browser: Browser,
    peer: PeerId,
    is_viewer: bool,
}

type Outcome<T> = Result<T, Box<dyn Error>>;

impl Stage {
    /// A worker without peers.
    pub(crate) fn new() -> Outcome<Self> {
        let now = Time::from_millis(1_000);
        let wall = WallClock {
            unix_nanos_at_zero: 1_800_000_000_000_000_000,
        };
        let owner_key = Arc::new(OwnerKey::new(&[9; 32]));
        let config = SfuConfig::new(settings()?, owner_key, vec![server_address()], wall);
        Ok(Self {
            now,
            sfu: Sfu::new(config, [7; 32], now),
            batch: Batch::with_capacity(256 * 1024),
            browsers: Vec::new(),
            by_address: HashMap::new(),
            browser_settings: settings()?,
            stream: StreamName::parse("bench").map_err(|_| "the stream's name")?,
            next_number: 0,
            meter: |run| run(),
            loses_one_of: 0,
            viewers_are_deaf: false,
            media_seen: 0,
            sent: 0,
        })
    }

    /// A browser comes, and is connected when this returns.
    pub(crate) fn join(&mut self, side: Side) -> Outcome<usize> {
        self.next_number += 1;
        let number = self.next_number;
        let (peer, request) = (PeerId(number), RequestId(number));
        let is_viewer = matches!(side, Side::View(_));
        let address = SocketAddr::from(([192, 0, 2, 1], 20_000 + number as u16));
        let mut browser = Browser::new(address, side, &self.browser_settings, number, self.now);
        let (stream, offer) = (self.stream.clone(), Some(browser.create_offer()));
        let command = if is_viewer {
            let options = PullOptions {
                offer,
                ..PullOptions::default()
            };
            Command::Pull {
                request,
                peer,
                stream,
                options,
            }
        } else {
            let options = PushOptions {
                offer,
                ..PushOptions::default()
            };
            Command::Push {
                request,
                peer,
                stream,
                options,
            }
        };
        let answer = self.ask(command).ok_or("no answer")?;
        browser.set_answer(self.now, &answer)?;
        self.by_address.insert(address, self.browsers.len());
        self.browsers.push(Seat {
            browser,
            peer,
            is_viewer,
        });
        let seat = self.browsers.len() - 1;
        let until = self.now + Duration::from_secs(5);
        while self.browsers[seat].browser.connected_at().is_none() {
            if !self.step(until) {
                return Err("a browser does not connect".into());
            }
        }
        Ok(seat)
    }

    /// The application closes that browser's peer.
    pub(crate) fn close(&mut self, seat: usize) {
        let peer = self.browsers[seat].peer;
        self.ask(Command::ClosePeer {
            peer,
            reason: "done".to_owned(),
        });
        self.exchange();
    }

    /// Lets so much time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
    }

    fn ask(&mut self, command: Command) -> Option<String> {
        let (now, sfu, mut command) = (self.now, &mut self.sfu, Some(command));
        (self.meter)(&mut || {
            if let Some(command) = command.take() {
                sfu.handle_command(now, command);
            }
        });
        self.take_events()
    }

    /// Takes what is told; an answer is given back.
    fn take_events(&mut self) -> Option<String> {
        let mut answer = None;
        loop {
            let mut event = None;
            (self.meter)(&mut || event = self.sfu.poll_event());
            match event {
                Some(Event::Answer { sdp, .. }) => answer = Some(sdp),
                Some(_) => {}
                None => return answer,
            }
        }
    }

    /// To the next thing that happens. `false`: nothing does before `until`, which is now.
    fn step(&mut self, until: Time) -> bool {
        let timeouts = self
            .browsers
            .iter()
            .filter_map(|seat| seat.browser.poll_timeout());
        let next = timeouts.chain(self.sfu.poll_timeout()).min();
        let next = next.unwrap_or(Time::MAX).max(self.now);
        if next > until {
            self.now = until;
            return false;
        }
        self.now = next;
        if self.sfu.poll_timeout().is_some_and(|due| due <= next) {
            (self.meter)(&mut || self.sfu.handle_timeout(next));
        }
        for seat in &mut self.browsers {
            if seat.browser.poll_timeout().is_some_and(|due| due <= next) {
                seat.browser.handle_timeout(next);
            }
        }
        self.exchange();
        true
    }

    /// Moves datagrams until everything is silent.
    fn exchange(&mut self) {
        while self.up() | self.down() {}
        self.take_events();
    }

    /// From the browsers to the worker. `false`: there was nothing.
    fn up(&mut self) -> bool {
        let mut any = false;
        let mut buffer = [0; 1_500];
        for index in 0..self.browsers.len() {
            let now = self.now;
            while let Some(transmit) = self.browsers[index].browser.poll_transmit(now, &mut buffer)
            {
                any = true;
                let datagram = &mut buffer[..transmit.len];
                if self.is_lost(datagram) {
                    continue;
                }
                let path = Path::udp(transmit.path.remote, transmit.path.local);
                (self.meter)(&mut || self.sfu.handle_datagram(now, path, datagram));
            }
        }
        any
    }

    /// From the worker to the browsers. `false`: there was nothing.
    fn down(&mut self) -> bool {
        let mut any = false;
        let mut has_more = true;
        while has_more {
            let (now, sfu, batch) = (self.now, &mut self.sfu, &mut self.batch);
            (self.meter)(&mut || has_more = sfu.poll_transmit(now, batch));
            let batch = std::mem::replace(&mut self.batch, Batch::with_capacity(0));
            for train in batch.trains() {
                any = true;
                let Some(index) = self.by_address.get(&train.path.remote).copied() else {
                    continue;
                };
                let path = Path::udp(train.path.remote, train.path.local);
                for datagram in train.datagrams() {
                    let media = is_media(datagram);
                    self.sent += u64::from(media);
                    let seat = &self.browsers[index];
                    let unheard = media && self.viewers_are_deaf && seat.is_viewer;
                    if !unheard && !self.is_lost(datagram) {
                        let browser = &mut self.browsers[index].browser;
                        browser.handle_datagram(now, path, &mut datagram.to_vec());
                    }
                }
            }
            self.batch = batch;
            self.batch.clear();
        }
        any
    }

    fn is_lost(&mut self, datagram: &[u8]) -> bool {
        if self.loses_one_of == 0 || !is_media(datagram) {
            return false;
        }
        self.media_seen += 1;
        self.media_seen.is_multiple_of(self.loses_one_of)
    }
}

/// Whether a datagram is RTP (RFC 7983, RFC 5761 §4).
fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, second, ..] if !(64..=95).contains(&(second & 0x7f)))
}

fn server_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 8_800))
}

fn settings() -> Outcome<Arc<DtlsSettings>> {
    let certificate = Certificate::generate().map_err(|error| format!("{error:?}"))?;
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant will do as the origin"
    )]
    let origin = Instant::now();
    Ok(Arc::new(DtlsSettings::new(
        certificate,
        DtlsVersion::V12,
        origin,
    )))
}
