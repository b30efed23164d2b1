//! A TURN client and a server that answers, late, never, wrongly or with anything. What is not signed gives no allocation and
//! takes none away, requests are bounded, what is said to be a peer's lies in what came, and after the farewell everything
//! is over on both sides.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use xrtc_rtp::Time;
use xrtc_turn::{AllocationId, Received, TurnClient, TurnClientConfig, TurnEvent, TurnServer};

use crate::far_end::{self, Came, RELAYED, address};
use crate::input::Input;

/// An allocation that is used both ways and given back; answers that are lost, mangled and repeated; an hour of peace.
pub fn seeds() -> Vec<Vec<u8>> {
    let connect = [PASS, PASS, PASS];
    let talk = [
        SEND, 0, 1, 3, 1, 2, 3, PASS, PASS, SEND, 0, 1, 3, 1, 2, 3, HEARD, 0, 3, 1, 2, 3, PASS,
    ];
    let used = [&connect[..], &talk, &talk, &[CLOSE, PASS, TIME, 200]].concat();
    let lossy = [
        DROP, TIME, 40, PASS, MANGLE, 30, 7, TIME, 60, PASS, PASS, REPEAT, 3,
    ];
    let forged = [&connect[..], &[RAW, 8, 1, 19, 0, 0, 0x21, 0x12, 0xa4, 0x42]].concat();
    let hours = [&connect[..], &talk, &[TIME, 255, PASS, PASS].repeat(20)].concat();
    vec![used, lossy.to_vec(), forged, hours]
}

/// Operations.
pub fn run(input: &[u8]) -> String {
    let mut input = Input::new(input);
    let mut scene = Scene::new();
    let mut steps = 0;
    while !input.is_empty() && steps < 96 {
        scene.step(&mut input);
        steps += 1;
    }
    scene.end()
}

const PASS: u8 = 0;
const DROP: u8 = 1;
const MANGLE: u8 = 2;
const REPEAT: u8 = 3;
const RAW: u8 = 4;
const SEND: u8 = 5;
const HEARD: u8 = 6;
const TIME: u8 = 7;
const CLOSE: u8 = 8;

/// Unix time long after the clocks of all runs, then a name; and the base64 of HMAC-SHA1("north", name).
const USER: (&str, &str) = ("4000000000:a", "pA4re1f2WmD3XoU2uM64n+q2a1c=");
const PEERS: [&str; 3] = ["8.8.8.8:9000", "9.9.9.9:53", "10.0.0.1:80"];
/// More than a turn may ask at once: one for the allocation, two for each peer.
const MAX_REQUESTS: usize = 1 + 2 * PEERS.len();
/// More waits for nobody.
const MAX_WAITING: usize = 32;

struct Scene {
    now: Time,
    client: TurnClient,
    server: TurnServer,
    /// What the server has sent and the client has not.
    waiting: VecDeque<Vec<u8>>,
    allocated: usize,
    failed: usize,
}

impl Scene {
    fn new() -> Self {
        let access = TurnClientConfig {
            username: USER.0.to_owned(),
            password: USER.1.to_owned(),
            wants_ipv6: false,
        };
        let mut scene = Self {
            now: Time::ZERO,
            client: TurnClient::new(access, 7, Time::ZERO),
            server: far_end::server(far_end::config(), 7),
            waiting: VecDeque::new(),
            allocated: 0,
            failed: 0,
        };
        scene.flush();
        scene
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.u8() % 9 {
            PASS => {
                let next = self.waiting.pop_front();
                next.into_iter().for_each(|datagram| self.take(&datagram));
            }
            DROP => drop(self.waiting.pop_front()),
            MANGLE => self.mangle(input),
            REPEAT => {
                let place = input.below(self.waiting.len().max(1));
                let again = self.waiting.get(place).cloned();
                again.into_iter().for_each(|datagram| self.take(&datagram));
            }
            RAW => self.forge(&[input.block()].concat()),
            SEND => {
                let (peer, much) = (address(input.pick(&PEERS)), input.flag());
                self.send(peer, much, input.block());
            }
            HEARD => {
                let (peer, data, mut out) = (address(input.pick(&PEERS)), input.block(), [0; 512]);
                let from = (AllocationId(0), peer);
                let heard = self.server.handle_relayed(self.now, from, data, &mut out);
                heard
                    .into_iter()
                    .for_each(|(_, len)| self.queue(&out[..len]));
            }
            TIME => {
                let step = u64::from(input.u8());
                self.wait(Duration::from_millis(step * step * 20));
            }
            _ => {
                self.client.close(self.now);
                self.flush();
            }
        }
    }

    /// An answer with a byte changed on its way: its integrity is wrong, unless it is a challenge, which has none.
    fn mangle(&mut self, input: &mut Input<'_>) {
        let (place, bits) = (usize::from(input.u8()), input.u8());
        let Some(mut datagram) = self.waiting.pop_front() else {
            return;
        };
        let place = place % datagram.len();
        if let Some(byte) = datagram.get_mut(place) {
            *byte ^= bits;
        }
        if bits == 0 {
            self.take(&datagram);
        } else {
            self.forge(&datagram);
        }
    }

    /// Something that the server has not sent.
    fn forge(&mut self, datagram: &[u8]) {
        let (before, allocated) = (self.client.relayed(), self.allocated);
        self.take(datagram);
        assert_eq!(self.client.relayed(), before, "nobody has signed that");
        assert_eq!(self.allocated, allocated, "nobody has signed that");
    }

    fn take(&mut self, datagram: &[u8]) {
        if let Received::Data { peer, data } = self.client.handle_datagram(self.now, datagram) {
            assert!(data.start <= data.end && data.end <= datagram.len());
            assert!(self.client.relayed().is_some());
            assert!(
                PEERS.iter().any(|one| address(one).ip() == peer.ip()),
                "{peer}"
            );
        }
        self.flush();
    }

    fn send(&mut self, peer: SocketAddr, much: bool, data: &[u8]) {
        let route = self.client.route(self.now, peer, much);
        self.flush();
        let Some(route) = route else { return };
        let mut out = [0; 1_500];
        let len = self
            .client
            .frame(route, data, &mut out)
            .expect("room for a block");
        assert!(len >= data.len() + 4 && len <= data.len() + 64);
        self.serve(&out[..len]);
    }

    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut turns = 0;
        loop {
            let times = [self.client.poll_timeout(), self.server.poll_timeout()];
            let next = times.into_iter().flatten().min().unwrap_or(Time::MAX);
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            self.client.handle_timeout(self.now);
            if self.server.poll_timeout().is_some_and(|at| at <= self.now) {
                self.server.handle_timeout(self.now);
            }
            while self.server.poll_released().is_some() {}
            self.flush();
            let due = self.client.poll_timeout();
            assert!(due.is_none_or(|due| due > self.now), "still due");
            turns += 1;
            assert!(turns < 10_000, "time stands still");
        }
        self.now = end;
    }

    fn flush(&mut self) {
        let mut out = [0; 2_304];
        let mut sent = 0;
        while let Some(len) = self.client.poll_transmit(self.now, &mut out) {
            sent += 1;
            assert!(sent <= MAX_REQUESTS, "the client never stops asking");
            self.serve(&out[..len]);
        }
        while let Some(event) = self.client.poll_event() {
            match event {
                TurnEvent::Allocated { relayed, .. } => {
                    assert_eq!(relayed, address(RELAYED));
                    self.allocated += 1;
                }
                TurnEvent::Failed(_) => self.failed += 1,
            }
            assert!(self.allocated <= 1 && self.failed <= 1, "{event:?}");
        }
    }

    fn serve(&mut self, datagram: &[u8]) {
        let mut out = [0; 256];
        if let Came::Answer(len) = far_end::take(&mut self.server, self.now, datagram, &mut out) {
            self.queue(&out[..len]);
        }
    }

    fn queue(&mut self, datagram: &[u8]) {
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(datagram.to_vec());
        }
    }

    fn end(mut self) -> String {
        let word = format!(
            "{} {} {:?}",
            self.allocated,
            self.failed,
            self.client.counters()
        );
        self.client.close(self.now);
        self.flush();
        // The farewell's retransmissions, then the allocation's own end.
        self.wait(Duration::from_secs(4_000));
        assert!(self.client.is_over());
        assert_eq!(
            (self.client.relayed(), self.client.poll_timeout()),
            (None, None)
        );
        assert_eq!(self.server.counters().allocations, 0);
        word
    }
}
