//! Workers, browsers and strangers by lists of operations: commands in any order, datagrams of peers who were let in and of
//! others, jumps of time, workers that start again. In the end nothing is held, and before it every queue has its bound.

mod commands;
mod datagrams;

use std::time::Duration;

use xrtc_rtp::{Codec, Time};
use xrtc_sfu::{Command, Held, PushOptions, RequestId};
use xrtc_testkit::{LayerConfig, PublishConfig, ViewConfig};

use crate::input::Input;
use crate::world::{EndId, World, name, network};

/// Streams that play, move, lie and end.
pub fn seeds() -> Vec<Vec<u8>> {
    let playing = |head: u8| {
        vec![
            head, PUBLISH, 0, 0, WAIT, 200, VIEW, 0, 0, VIEW, 1, 0, WAIT, 250,
        ]
    };
    let mut seeds = Vec::new();
    for head in 0..3 {
        seeds.push([playing(head), vec![CLOSE, 1, WAIT, 20, LEAVE, 0, WAIT, 90]].concat());
        // Again with simulcast over the first, a stall, a restart of ICE, another path.
        seeds.push(
            [
                playing(head),
                vec![
                    PUBLISH, 0, 5, STALL, 0, 3, 90, ICE, 0, MOVE, 1, WAIT, 250, END_STREAM, 0,
                    WAIT, 9,
                ],
            ]
            .concat(),
        );
        // What strangers and liars say.
        let check = [
            STRANGER, 1, 30, 0, 1, 0, 22, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
            11, 12, 0, 6, 0, 6,
        ];
        let says = [
            RTCP, 1, 0, 12, 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, RTP, 0, 1, 9, 0x90, 96, 7, 1,
            2, 3, 4, 5, 6, 7,
        ];
        seeds.push(
            [
                &playing(head)[..],
                &check,
                b"a:bcde",
                &says,
                &[AGAIN, 0, 7, 1, WAIT, 90],
            ]
            .concat(),
        );
        // Offers of ours, later offers, broken descriptions, jumps, a worker that starts again.
        seeds.push(
            [
                playing(head),
                vec![
                    OFFERED, 0, 0, OFFERED, 1, 0, COMMAND, 0, 0, COMMAND, 1, 1, COMMAND, 2, 1,
                    JUMP, 9, WAIT, 90,
                ],
                vec![
                    ANSWERED, 0, WAIT, 90, BUG, 0, WAIT, 200, VANISH, 0, JUMP, 40, WAIT, 9,
                ],
            ]
            .concat(),
        );
    }
    seeds
}

/// The number of workers and the seed of the network, then operations.
pub fn run(input: &[u8]) -> String {
    let mut input = Input::new(input);
    let mut life = Life::new(input.u8());
    let mut steps = 0;
    while !input.is_empty() && steps < MAX_STEPS && life.world.now < life.until {
        life.step(&mut input);
        life.check();
        steps += 1;
    }
    life.finish()
}

const PUBLISH: u8 = 0;
const VIEW: u8 = 1;
const WAIT: u8 = 2;
const CLOSE: u8 = 3;
const LEAVE: u8 = 4;
const VANISH: u8 = 5;
const END_STREAM: u8 = 6;
const STRANGER: u8 = 7;
const RTCP: u8 = 8;
const RTP: u8 = 9;
const AGAIN: u8 = 10;
const ICE: u8 = 11;
const MOVE: u8 = 12;
const STALL: u8 = 13;
const JUMP: u8 = 14;
const OFFERED: u8 = 15;
const ANSWERED: u8 = 16;
const COMMAND: u8 = 17;
const BUG: u8 = 18;
const OPERATIONS: u8 = 19;

struct Life {
    world: World,
    until: Time,
    next_peer: u64,
    /// Offers of ours that wait for an answer.
    offers: Vec<commands::Offered>,
    /// What strangers have sent, and what was sent to addresses that nobody has proved.
    strange_bytes: usize,
    is_open: Vec<EndId>,
}

impl Life {
    fn new(head: u8) -> Self {
        let workers = 1 + u16::from(head % 3);
        let mut world = World::with_config(workers, u64::from(head >> 2), |config| {
            config.consent_timeout = Duration::from_secs(8);
            config.connect_timeout = Duration::from_secs(8);
            config.answer_timeout = Duration::from_secs(8);
            config.publisher_grace = Duration::from_secs(4);
            config.limits.peers = MAX_PEERS;
            config.limits.pending_offers = 3;
            config.limits.streams = 2;
            config.limits.viewers_per_stream = 4;
        });
        if head & 4 != 0 {
            world.set_batch(1_500);
        }
        Self {
            until: world.now + Duration::from_secs(120),
            world,
            next_peer: 1 << 40,
            offers: Vec::new(),
            strange_bytes: 0,
            is_open: Vec::new(),
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.u8() % OPERATIONS {
            PUBLISH => self.publish(input),
            VIEW => self.view(input),
            WAIT => {
                let millis = input.u8().into();
                self.world.run_ms(millis);
            }
            CLOSE => self.with_end(input, |world, end| world.close(end)),
            LEAVE => self.with_end(input, |world, end| world.hang_up(end)),
            VANISH => self.with_end(input, |world, end| world.ends[end].is_gone = true),
            END_STREAM => {
                let stream = stream(input);
                self.end_stream(&stream);
            }
            STRANGER => self.stranger(input),
            RTCP => self.send_rtcp(input),
            RTP => self.send_rtp(input),
            AGAIN => self.send_again(input),
            ICE => self.restart_ice(input),
            MOVE => {
                let number = 1_000 + u16::from(input.u8());
                self.with_end(input, |world, end| world.ends[end].nat.set_port(number));
            }
            STALL => {
                let worker = input.below(self.world.workers.len());
                self.world.workers[worker].inbox_limit = input.u8().into();
                self.world.run_ms(input.u8().into());
                self.world.workers[worker].inbox_limit = usize::MAX;
            }
            // As after a machine's sleep: nobody was called in between.
            JUMP => {
                self.world.now += Duration::from_millis(250) * input.u8().into();
                self.world.run_ms(1);
            }
            OFFERED => self.ask_for_offer(input),
            ANSWERED => self.answer_offer(input),
            COMMAND => self.command(input),
            _ => {
                let worker = input.below(self.world.workers.len());
                self.world.restart_worker(worker);
            }
        }
    }

    fn publish(&mut self, input: &mut Input<'_>) {
        let stream = stream(input);
        let flags = input.u8();
        let layer = |rid, resolution, frame_bytes| LayerConfig {
            rid,
            resolution,
            frame_bytes,
        };
        let layers = match flags & 1 {
            0 => PublishConfig::default().layers,
            _ => vec![layer("q", (320, 180), 500), layer("f", (640, 360), 1_500)],
        };
        let config = PublishConfig {
            codec: if flags & 2 == 0 {
                Codec::Vp8
            } else {
                Codec::H264
            },
            setup: if flags & 8 == 0 { "actpass" } else { "passive" },
            rtx: flags & 16 == 0,
            layers,
            ..PublishConfig::default()
        };
        let options = PushOptions {
            replace: flags & 4 != 0,
            ..PushOptions::default()
        };
        let link = network(5, u64::from(flags >> 6), 0.0);
        if self.has_room()
            && let Ok(end) = self.world.try_publish(&stream, config, options, link)
        {
            self.is_open.push(end);
        }
    }

    fn view(&mut self, input: &mut Input<'_>) {
        let (worker, stream) = (input.below(self.world.workers.len()), stream(input));
        if self.has_room()
            && let Ok(end) =
                self.world
                    .try_view(worker, &stream, ViewConfig::default(), network(5, 0, 0.0))
        {
            self.is_open.push(end);
        }
    }

    /// Browsers cost the most of all.
    fn has_room(&self) -> bool {
        self.is_open.len() < 12
    }

    fn with_end(&mut self, input: &mut Input<'_>, act: impl FnOnce(&mut World, EndId)) {
        if let Some(end) = self.end(input) {
            act(&mut self.world, end);
        }
    }

    fn end(&mut self, input: &mut Input<'_>) -> Option<EndId> {
        (!self.is_open.is_empty()).then(|| self.is_open[input.below(self.is_open.len())])
    }

    fn end_stream(&mut self, stream: &str) {
        let home = self.world.home(stream);
        let command = Command::CloseStream {
            stream: name(stream),
            reason: "over".to_owned(),
        };
        self.world.command(home, command);
    }

    fn check(&mut self) {
        let now = self.world.now;
        for index in 0..self.world.workers.len() {
            let sfu = &mut self.world.workers[index].sfu;
            if sfu.poll_timeout().is_some_and(|due| due <= now) {
                sfu.handle_timeout(now);
                self.world.flush();
                let due = self.world.workers[index].sfu.poll_timeout();
                assert!(due.is_none_or(|due| due > now), "a timer that stands still");
            }
            let held = self.world.held(index);
            let paths = MAX_PEERS * 8;
            assert!(
                held.peers <= MAX_PEERS as u64 && held.addresses <= paths as u64,
                "{held:?}"
            );
            assert!(held.pending_offers <= 3 && held.streams <= 2, "{held:?}");
            assert!(
                held.relay_slots <= 3 * 8_192 && held.timers <= 512,
                "{held:?}"
            );
        }
        assert!(
            self.world.to_strangers <= self.strange_bytes,
            "{} bytes for {} of strangers",
            self.world.to_strangers,
            self.strange_bytes
        );
    }

    /// Everybody is told that it is over, and nothing is left of anything.
    fn finish(mut self) -> String {
        let word = self.word();
        for end in 0..self.world.ends.len() {
            self.world.close(end);
        }
        for stream in STREAMS {
            self.end_stream(stream);
        }
        for offered in std::mem::take(&mut self.offers) {
            let command = Command::ClosePeer {
                peer: offered.peer,
                reason: String::new(),
            };
            self.world.command(offered.worker, command);
        }
        for end in &mut self.world.ends {
            end.is_gone = true;
        }
        // Peers that a stream's end has not reached end by themselves.
        for _ in 0..24 {
            self.world.now += Duration::from_millis(500);
            self.world.run_ms(1);
        }
        for worker in 0..self.world.workers.len() {
            assert_eq!(self.world.held(worker), Held::default(), "worker {worker}");
        }
        word
    }

    fn word(&mut self) -> String {
        let mut reasons: Vec<_> = (0..self.world.ends.len())
            .filter_map(|end| self.world.closed_reason(end))
            .collect();
        reasons.sort_unstable();
        reasons.dedup();
        let connected = self
            .world
            .ends
            .iter()
            .filter(|end| end.browser.connected_at().is_some());
        format!(
            "{reasons:?} {} {}",
            connected.count(),
            self.world.events.len().max(1).ilog2()
        )
    }

    fn next_request(&mut self) -> RequestId {
        self.next_peer += 1;
        RequestId(self.next_peer)
    }
}

fn stream(input: &mut Input<'_>) -> String {
    input.pick(&STREAMS).to_owned()
}

const STREAMS: [&str; 3] = ["lobby", "stage", "other"];
const MAX_PEERS: usize = 10;
const MAX_STEPS: usize = 64;
