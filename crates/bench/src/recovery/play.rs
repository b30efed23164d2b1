//! One session, event by event.

use std::time::Duration;

use fastrand::Rng;
use xrtc_netem::{Link, LinkConfig};
use xrtc_rtp::{RtpPacket, Time};

use super::figures::{Figures, Window, judge};
use super::publisher::Publisher;
use super::scene::{Pair, Scene};
use super::server::{Kind, MEDIA, RTX, Server, To};
use super::viewer::{Lateness, Viewer};

/// Plays a scene and measures so many seconds of it.
pub(crate) fn play(scene: &Scene, kind: Kind, seed: u64, seconds: u64) -> Figures {
    let mut session = Session::new(scene, kind, seed);
    let from = session.now + WARM_UP;
    let window = Window {
        from,
        to: from + Duration::from_secs(seconds),
    };
    session.run(window.from);
    let before = session.tally;
    session.run(window.to);
    let tally = session.tally.since(before);
    session.run(window.to + STRAGGLERS);
    let lag = scene.viewer.down.delay + scene.publisher.up.delay;
    judge(
        &session.publisher.frames,
        &session.viewer,
        window,
        lag,
        tally,
    )
}

/// What the links saw.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// First sendings to the viewer, and those of them that were lost.
    pub(crate) first: u64,
    pub(crate) first_lost: u64,
    /// Retransmissions to the viewer.
    pub(crate) again: u64,
    /// First sendings of the publisher that were lost, and its retransmissions.
    pub(crate) uplink_lost: u64,
    pub(crate) uplink_again: u64,
}

impl Tally {
    const fn since(self, before: Self) -> Self {
        Self {
            first: self.first - before.first,
            first_lost: self.first_lost - before.first_lost,
            again: self.again - before.again,
            uplink_lost: self.uplink_lost - before.uplink_lost,
            uplink_again: self.uplink_again - before.uplink_again,
        }
    }
}

struct Session {
    now: Time,
    publisher: Publisher,
    server: Server,
    viewer: Viewer,
    publisher_link: Duplex,
    viewer_link: Duplex,
    /// Between the link and the viewer: packets and when they left the link.
    door: Link<(Time, Vec<u8>)>,
    /// Where retransmissions go that cannot get lost.
    charmed_link: Option<Link<Vec<u8>>>,
    tally: Tally,
}

struct Duplex {
    up: Link<Vec<u8>>,
    down: Link<Vec<u8>>,
}

impl Duplex {
    fn new(pair: Pair, rng: &mut Rng) -> Self {
        let mut link = |config: LinkConfig| Link::new(config, rng.u64(..));
        Self {
            up: link(pair.up),
            down: link(pair.down),
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        [self.up.poll_timeout(), self.down.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }
}

impl Session {
    #[expect(clippy::expect_used, reason = "the configuration is a constant")]
    fn new(scene: &Scene, kind: Kind, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let now = Time::from_millis(1_000);
        let round_trip = scene.viewer.up.delay + scene.viewer.down.delay + PROCESSING;
        let phase = Duration::from_micros(rng.u64(..20_000));
        Self {
            now,
            publisher: Publisher::new(rng.u64(..), now + Duration::from_micros(rng.u64(..50_000))),
            server: Server::new(kind, rng.u64(..), now).expect("a usable configuration"),
            viewer: Viewer::new(
                now,
                round_trip,
                phase,
                Lateness {
                    most: scene.lateness,
                    rng: rng.fork(),
                },
            ),
            publisher_link: Duplex::new(scene.publisher, &mut rng),
            viewer_link: Duplex::new(late_up(scene), &mut rng),
            door: Link::new(late(scene), rng.u64(..)),
            charmed_link: (kind == Kind::Charmed).then(|| {
                let config = LinkConfig {
                    delay: scene.viewer.down.delay,
                    ..LinkConfig::default()
                };
                Link::new(config, 0)
            }),
            tally: Tally::default(),
        }
    }

    fn run(&mut self, until: Time) {
        loop {
            let next = [
                self.publisher_link.poll_timeout(),
                self.viewer_link.poll_timeout(),
                self.door.poll_timeout(),
                self.server.poll_timeout(),
                self.charmed_link.as_ref().and_then(Link::poll_timeout),
                Some(self.publisher.poll_timeout()),
                Some(self.viewer.poll_timeout()),
            ];
            let next = next.into_iter().flatten().min().unwrap_or(until);
            if next >= until {
                self.now = until;
                return;
            }
            self.now = self.now.max(next);
            self.step();
        }
    }

    /// Everything that happens now.
    fn step(&mut self) {
        let now = self.now;
        if self.publisher.poll_timeout() <= now {
            let packet = self.publisher.send(now);
            if send(&mut self.publisher_link.up, now, packet) {
                self.tally.uplink_lost += 1;
            }
        }
        while let Some(datagram) = self.publisher_link.down.poll_deliver(now) {
            for packet in self.publisher.handle_rtcp(&datagram) {
                self.tally.uplink_again += 1;
                send(&mut self.publisher_link.up, now, packet);
            }
        }
        while let Some(packet) = self.publisher_link.up.poll_deliver(now) {
            self.server.handle_media(now, &packet);
        }
        while let Some(datagram) = self.viewer_link.up.poll_deliver(now) {
            self.server.handle_viewer(now, &datagram);
        }
        for (to, datagram) in self.server.poll(now) {
            match to {
                To::Publisher => {
                    send(&mut self.publisher_link.down, now, datagram);
                }
                To::Viewer => self.send_to_viewer(datagram),
            }
        }
        while let Some(datagram) = self.poll_deliver() {
            self.door.send(now, 0, (now, datagram));
        }
        while let Some(datagram) = self.door.poll_deliver(now) {
            let sent = &self.publisher.frames;
            if let Some(asked) = self.viewer.receive(now, &datagram, sent) {
                send(&mut self.viewer_link.up, now, asked);
            }
        }
        if self.viewer.poll_timeout() <= now {
            for datagram in self.viewer.handle_timeout(now) {
                send(&mut self.viewer_link.up, now, datagram);
            }
        }
    }

    /// What reaches the viewer now.
    fn poll_deliver(&mut self) -> Option<Vec<u8>> {
        let charmed = self.charmed_link.as_mut();
        let charmed = charmed.and_then(|link| link.poll_deliver(self.now));
        charmed.or_else(|| self.viewer_link.down.poll_deliver(self.now))
    }

    fn send_to_viewer(&mut self, datagram: Vec<u8>) {
        let source = RtpPacket::parse(&datagram).ok().map(|packet| packet.ssrc());
        let charmed = self.charmed_link.as_mut();
        let link = charmed.filter(|_| source == Some(RTX));
        let link = link.unwrap_or(&mut self.viewer_link.down);
        let is_lost = send(link, self.now, datagram);
        if source == Some(RTX) {
            self.tally.again += 1;
        } else if source == Some(MEDIA) {
            self.tally.first += 1;
            self.tally.first_lost += u64::from(is_lost);
        }
    }
}

/// Packets leave the viewer's machine late, but in order.
fn late_up(scene: &Scene) -> Pair {
    let up = LinkConfig {
        jitter: scene.lateness,
        ..scene.viewer.up
    };
    Pair { up, ..scene.viewer }
}

fn late(scene: &Scene) -> LinkConfig {
    LinkConfig {
        jitter: scene.lateness,
        ..LinkConfig::default()
    }
}

/// Whether it was lost at once.
fn send(link: &mut Link<Vec<u8>>, now: Time, datagram: Vec<u8>) -> bool {
    let before = link.counters().lost;
    link.send(now, datagram.len() + 28, datagram);
    link.counters().lost > before
}

/// Joining and the first reports are over then.
const WARM_UP: Duration = Duration::from_secs(4);
const STRAGGLERS: Duration = Duration::from_secs(2);
/// What a server and a viewer on one machine take beside the link.
const PROCESSING: Duration = Duration::from_micros(300);
