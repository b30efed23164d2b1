//! Lossy, jittery and reordering links on both sides, seeded.

use std::collections::{BTreeMap, HashMap, HashSet};

use xrtc_forward::{RtcpTarget, StreamConfig};
use xrtc_rtp::rtcp::{self, ReportBlock};
use xrtc_rtp::{RtpPacket, Ssrc, Time};

use crate::rig::*;

/// One direction of a link: loss, and a delay that may change the order.
struct Link {
    rng: fastrand::Rng,
    loss: f64,
    delay: u64,
    jitter: u64,
    /// By time of arrival in microseconds, then in order.
    under_way: BTreeMap<(u64, u64), Vec<u8>>,
    sent: u64,
    lost: u64,
}

impl Link {
    fn new(seed: u64, loss: f64, delay: u64, jitter: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            loss,
            delay,
            jitter,
            under_way: BTreeMap::new(),
            sent: 0,
            lost: 0,
        }
    }

    /// Returns whether the packet was lost.
    fn send(&mut self, micros: u64, bytes: Vec<u8>) -> bool {
        self.sent += 1;
        // The first picture arrives, so that what follows can be told apart by its place.
        if self.rng.f64() < self.loss && micros > 150_000 {
            self.lost += 1;
            return true;
        }
        let jitter = self.rng.u64(0..=2_000 * self.jitter);
        let due = micros + 1_000 * (self.delay - self.jitter) + jitter;
        self.under_way.insert((due, self.sent), bytes);
        false
    }

    fn arrived(&mut self, micros: u64) -> Vec<Vec<u8>> {
        let later = self.under_way.split_off(&(micros + 1, 0));
        std::mem::replace(&mut self.under_way, later)
            .into_values()
            .collect()
    }
}

/// A publisher that answers requests by RTX, once a round trip.
struct Publisher {
    picture: Sender,
    history: HashMap<u16, (Vec<u8>, u64)>,
    rtx_sequence: u16,
    answered: u64,
    keyframe: bool,
    rtt: u64,
}

impl Publisher {
    fn new(rtt: u64) -> Self {
        Self {
            picture: Sender::video(),
            history: HashMap::new(),
            rtx_sequence: 0,
            answered: 0,
            keyframe: true,
            rtt,
        }
    }

    fn frame(&mut self, count: usize) -> Vec<Vec<u8>> {
        let keyframe = std::mem::take(&mut self.keyframe).then_some((640, 360));
        let packets = self.picture.vp8(keyframe, count);
        for packet in &packets {
            let number = RtpPacket::parse(packet).unwrap().sequence_number();
            self.history.insert(number, (packet.clone(), 0));
        }
        packets
    }

    fn answer(&mut self, micros: u64, datagram: &[u8]) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for packet in rtcp::packets(datagram) {
            match packet.unwrap() {
                rtcp::Packet::Nack(nack) => {
                    for number in nack.sequence_numbers() {
                        let Some((packet, last)) = self.history.get_mut(&number) else {
                            continue;
                        };
                        if *last != 0 && micros - *last < 1_000 * self.rtt * 4 / 5 {
                            continue;
                        }
                        *last = micros;
                        self.answered += 1;
                        self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
                        all.push(rtx(packet, VIDEO_RTX, VP8_RTX, self.rtx_sequence));
                    }
                }
                rtcp::Packet::Pli(_) => self.keyframe = true,
                _ => {}
            }
        }
        all
    }
}

/// A viewer that asks as libwebrtc does: at once after a gap, then every round trip on a 20 ms timer.
struct Player {
    highest: Option<u64>,
    arrived: HashMap<u64, u64>,
    missing: BTreeMap<u64, (u64, u32)>,
    rtt: u64,
    resent: u64,
    sender_report: Option<(u32, u64)>,
}

impl Player {
    fn new(rtt: u64) -> Self {
        Self {
            highest: None,
            arrived: HashMap::new(),
            missing: BTreeMap::new(),
            rtt,
            resent: 0,
            sender_report: None,
        }
    }

    fn extend(&self, number: u16) -> u64 {
        let highest = self.highest.unwrap_or_else(|| 65_536 + u64::from(number));
        highest.wrapping_add_signed(i64::from(number.wrapping_sub(highest as u16) as i16))
    }

    fn take(&mut self, micros: u64, bytes: &[u8]) {
        if xrtc_rtp::is_rtcp(bytes) {
            for packet in rtcp::packets(bytes) {
                if let rtcp::Packet::SenderReport(report) = packet.unwrap() {
                    self.sender_report = Some((report.info.ntp.middle(), micros));
                }
            }
            return;
        }
        let packet = RtpPacket::parse(bytes).unwrap();
        let number = if packet.ssrc() == OUT_RTX {
            let (number, _) = xrtc_rtp::rtx::split(packet.payload()).unwrap();
            self.resent += 1;
            self.extend(number)
        } else {
            self.extend(packet.sequence_number())
        };
        self.missing.remove(&number);
        self.arrived.entry(number).or_insert(micros);
        if packet.ssrc() != OUT_RTX {
            let highest = self.highest.unwrap_or(number);
            (highest + 1..number).for_each(|gap| {
                self.missing.insert(gap, (0, 0));
            });
            self.highest = Some(highest.max(number));
        }
    }

    /// What it asks for now; repeats only on its timer.
    fn asks(&mut self, micros: u64) -> Vec<u8> {
        let timed = micros.is_multiple_of(20_000);
        let rtt = 1_000 * self.rtt.max(20);
        let mut numbers = Vec::new();
        self.missing.retain(|&number, (asked, tries)| {
            let again = *tries > 0;
            if again && (!timed || micros - *asked < rtt) {
                return true;
            }
            if *tries >= 10 {
                return false;
            }
            (*asked, *tries) = (micros, *tries + 1);
            numbers.push(number as u16);
            true
        });
        if numbers.is_empty() {
            Vec::new()
        } else {
            nack(OUT_VIDEO, &numbers)
        }
    }

    fn report(&self, micros: u64) -> Vec<u8> {
        let (last_sender_report, delay) = match self.sender_report {
            Some((middle, at)) => (middle, ((micros - at) << 16) / 1_000_000),
            None => (0, 0),
        };
        let block = ReportBlock {
            ssrc: OUT_VIDEO,
            last_sender_report,
            delay_since_last_sender_report: delay as u32,
            ..ReportBlock::default()
        };
        let mut out = vec![0; 64];
        let len = rtcp::write_receiver_report(&mut out, Ssrc(1), &[block]).unwrap();
        out.truncate(len);
        out
    }
}

const FIRST_FRAME: usize = 20;

struct Scene {
    seed: u64,
    up: (f64, u64, u64),
    down: (f64, u64, u64),
    seconds: u64,
}

#[derive(Debug, Default)]
struct Outcome {
    packets: u64,
    lost_up: u64,
    lost_down: u64,
    /// From the moment it was sent to the one when it reached the viewer, of packets lost on the way up, in ms.
    repair: Vec<u64>,
    worst: u64,
    unrecovered: u64,
    answered: u64,
    /// Sent to the viewer again.
    resent: u64,
    key_frames: u64,
}

fn play(scene: &Scene) -> Outcome {
    let mut rig = Rig::with(StreamConfig {
        seed: scene.seed,
        ..config()
    });
    rig.stream
        .publish(at(0), ingest(vec![video_track()]))
        .unwrap();
    let viewer = rig.subscribe(at(0));
    let link = |n: u64, (loss, delay, jitter)| Link::new(4 * scene.seed + n, loss, delay, jitter);
    let (mut up, mut feedback) = (link(0, scene.up), link(1, scene.up));
    let (mut down, mut requests) = (link(2, scene.down), link(3, scene.down));
    let mut publisher = Publisher::new(2 * scene.up.1);
    let mut player = Player::new(2 * scene.down.1);
    let mut outcome = Outcome::default();
    // By the publisher's picture and place within it: when sent, whether lost on the first leg.
    let mut sent: Vec<(u64, bool)> = Vec::new();
    let mut first_index = None;
    let mut first_sendings = HashSet::new();
    let steps = 1_000 * (scene.seconds + 2);
    for step in 0..steps {
        let micros = 1_000 * step;
        let now = Time::from_nanos(at(0).as_nanos() + 1_000 * micros);
        if step % 33 == 0 && step < 1_000 * scene.seconds {
            let count = if step == 0 { FIRST_FRAME } else { 5 };
            for packet in publisher.frame(count) {
                let lost = up.send(micros, packet);
                outcome.lost_up += u64::from(lost);
                sent.push((micros, lost));
            }
        }
        for datagram in feedback.arrived(micros) {
            for packet in publisher.answer(micros, &datagram) {
                up.send(micros, packet);
            }
        }
        for packet in up.arrived(micros) {
            rig.stream.handle_rtp(now, &packet);
        }
        for datagram in requests.arrived(micros) {
            rig.stream.handle_viewer_rtcp(now, viewer, &datagram);
        }
        for got in rig.drain(now) {
            let first = *first_index.get_or_insert(got.index);
            if got.ssrc == OUT_VIDEO {
                first_sendings.insert(got.index);
                assert!(got.index >= first);
            } else {
                outcome.resent += 1;
            }
            let lost = down.send(micros, got.bytes);
            outcome.lost_down += u64::from(lost && got.ssrc == OUT_VIDEO);
        }
        for (target, bytes) in rig.rtcp(now) {
            match target {
                RtcpTarget::Publisher => feedback.send(micros, bytes),
                RtcpTarget::Viewer(_) => down.send(micros, bytes),
            };
        }
        for bytes in down.arrived(micros) {
            player.take(micros, &bytes);
        }
        let asks = player.asks(micros);
        if !asks.is_empty() {
            requests.send(micros, asks);
        }
        if step % 500 == 250 {
            requests.send(micros, player.report(micros));
        }
    }
    judge(&mut outcome, &player, &sent, first_sendings.len());
    outcome.answered = publisher.answered;
    outcome.key_frames = rig.stream.stats(at(0)).inbound[0].pli_count;
    outcome
}

/// The player's numbers are the publisher's, moved: the first packet of all is a key frame's.
fn judge(outcome: &mut Outcome, player: &Player, sent: &[(u64, bool)], forwarded: usize) {
    outcome.packets = sent.len() as u64;
    assert!(forwarded <= sent.len());
    // Nobody can notice that the last frames are missing, or what came before the first packet that arrived.
    let judged = FIRST_FRAME..sent.len() - 15;
    let first = *player.arrived.keys().min().unwrap();
    for position in judged {
        let (number, (micros, lost)) = (first + position as u64, sent[position]);
        match player.arrived.get(&number) {
            Some(arrived) => {
                let millis = (arrived - micros) / 1_000;
                outcome.worst = outcome.worst.max(millis);
                if lost {
                    outcome.repair.push(millis);
                }
            }
            None => outcome.unrecovered += 1,
        }
    }
    outcome.repair.sort_unstable();
}

#[test]
fn five_percent_on_the_uplink_is_repaired_within_a_round_trip() {
    let scene = Scene {
        seed: 1,
        up: (0.05, 25, 0),
        down: (0.0, 0, 0),
        seconds: 30,
    };
    let outcome = play(&scene);
    let median = outcome.repair[outcome.repair.len() / 2];
    assert!(outcome.lost_up > 150, "{outcome:?}");
    // Half a round trip to notice at the earliest, one for the repair.
    assert!(median <= 25 + 60, "{median} ms");
    assert_eq!(outcome.unrecovered, 0, "{outcome:?}");
    let needed = outcome.lost_up as f64 / 0.95 / 0.95;
    assert!(
        (outcome.answered as f64) < needed * 1.1,
        "{} for {needed}",
        outcome.answered
    );
}

#[test]
fn loss_towards_the_viewer_is_answered_hardly_more_often_than_needed() {
    for (seed, loss) in [(1, 0.05), (2, 0.1), (3, 0.2)] {
        let scene = Scene {
            seed,
            up: (0.0, 1, 0),
            down: (loss, 25, 0),
            seconds: 120,
        };
        let outcome = play(&scene);
        let ratio = outcome.resent as f64 / outcome.lost_down as f64;
        // No packet can be brought through with less, on average.
        let needed = 1.0 / (1.0 - loss);
        assert!(ratio <= 1.02 * needed, "{ratio} at {loss}");
        assert!(
            outcome.unrecovered as f64 <= 0.0001 * outcome.packets as f64,
            "{outcome:?}"
        );
        assert!(outcome.lost_down > 200);
    }
}

#[test]
fn jitter_with_reordering_causes_no_storm_of_requests() {
    let scene = Scene {
        seed: 5,
        up: (0.0, 40, 20),
        down: (0.0, 1, 0),
        seconds: 30,
    };
    let outcome = play(&scene);
    assert_eq!(outcome.unrecovered, 0);
    let share = outcome.answered as f64 / outcome.packets as f64;
    assert!(
        share < 0.1,
        "{share} of the packets were sent again though none was lost"
    );
    let scene = Scene {
        seed: 5,
        up: (0.05, 40, 20),
        down: (0.0, 1, 0),
        seconds: 30,
    };
    let outcome = play(&scene);
    assert_eq!(outcome.unrecovered, 0);
    let share = outcome.answered as f64 / outcome.packets as f64;
    assert!(share < 0.2, "{share} at 5 % loss");
}

#[test]
fn five_percent_on_both_legs_with_jitter_leaves_everything_complete_in_half_a_second() {
    let mut worst = 0;
    for seed in 0..20 {
        let scene = Scene {
            seed,
            up: (0.05, 40, 20),
            down: (0.05, 40, 20),
            seconds: 10,
        };
        let outcome = play(&scene);
        assert!(
            outcome.lost_up > 20 && outcome.lost_down > 20,
            "{outcome:?}"
        );
        assert_eq!(outcome.unrecovered, 0, "seed {seed}");
        worst = worst.max(outcome.worst);
    }
    assert!(worst <= 700, "{worst} ms from the publisher to the viewer");
}
