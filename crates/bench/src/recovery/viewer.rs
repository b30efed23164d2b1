//! A viewer as the generator has them (`benches/load/viewerrtp.go`, `nackgen.go`), which is as libwebrtc does it.

use std::collections::HashMap;
use std::time::Duration;

use fastrand::Rng;
use xrtc_rtp::rtcp::{self, Packet, ReportBlock};
use xrtc_rtp::{Codec, RtpPacket, SequenceUnwrapper, Ssrc, Time, rtx};
use xrtc_testkit::{Cause, Nacker, unpack};

use super::publisher::Sent;
use super::server::{MEDIA, RTX};

/// The viewer.
pub(crate) struct Viewer {
    nacker: Nacker,
    unwrapper: SequenceUnwrapper,
    first: Option<u64>,
    received: u64,
    expected_before: u64,
    received_before: u64,
    sender_report: Option<(u32, Time)>,
    /// When its timer would strike if it were punctual, and when it does.
    nominal_tick: Time,
    next_tick: Time,
    lateness: Lateness,
    /// The round trip without lateness.
    round_trip: Duration,
    next_report: Time,
    given_up: u64,
    /// A packet was given up, and no key frame has come since.
    is_stuck: bool,
    last_pli: Option<Time>,
    /// By frame and packet.
    pub(crate) arrivals: HashMap<(u32, u16), Arrival>,
    /// By frame: how many of its packets are there, and when the last one came.
    pub(crate) frames: HashMap<u32, (u16, Time)>,
}

/// How late a process does what it does, at random.
pub(crate) struct Lateness {
    pub(crate) most: Duration,
    pub(crate) rng: Rng,
}

impl Lateness {
    fn draw(&mut self) -> Duration {
        self.most.mul_f64(self.rng.f64())
    }
}

/// When a packet came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Time,
    /// Since it was missed, if it was.
    pub(crate) waited: Option<Duration>,
}

impl Viewer {
    /// `round_trip` is what its connectivity checks measure, if nothing is late; `phase` when its timer strikes.
    pub(crate) fn new(
        now: Time,
        round_trip: Duration,
        phase: Duration,
        lateness: Lateness,
    ) -> Self {
        Self {
            nacker: Nacker::new(round_trip),
            unwrapper: SequenceUnwrapper::new(),
            first: None,
            received: 0,
            expected_before: 0,
            received_before: 0,
            sender_report: None,
            nominal_tick: now + phase,
            next_tick: now + phase,
            lateness,
            round_trip,
            next_report: now + phase,
            given_up: 0,
            is_stuck: false,
            last_pli: None,
            arrivals: HashMap::new(),
            frames: HashMap::new(),
        }
    }

    pub(crate) const fn poll_timeout(&self) -> Time {
        self.next_tick
    }

    /// Takes in a datagram that left the link at `at` and returns what it sends then.
    pub(crate) fn receive(
        &mut self,
        now: Time,
        (at, datagram): &(Time, Vec<u8>),
        sent: &[Sent],
    ) -> Option<Vec<u8>> {
        if xrtc_rtp::is_rtcp(datagram) {
            for packet in rtcp::packets(datagram).flatten() {
                if let Packet::SenderReport(report) = packet {
                    self.sender_report = Some((report.info.ntp.middle(), *at));
                }
            }
            return None;
        }
        let packet = RtpPacket::parse(datagram).ok()?;
        let is_resent = packet.ssrc() == RTX;
        let (number, payload) = if is_resent {
            rtx::split(packet.payload())?
        } else {
            (packet.sequence_number(), packet.payload())
        };
        if !is_resent {
            let extended = self.unwrapper.unwrap(number);
            self.first.get_or_insert(extended);
            self.received += 1;
        }
        let place = self.nacker.receive(now, number, is_resent);
        let asked = place.opens_gap.then(|| self.nacker.take(now, Cause::Gap));
        let part = unpack(Codec::Vp8, payload)?.part?;
        let key = (part.frame, part.packet);
        if let std::collections::hash_map::Entry::Vacant(entry) = self.arrivals.entry(key) {
            let waited = place.missed_since.map(|since| at.since(since));
            entry.insert(Arrival { at: *at, waited });
            let frame = self.frames.entry(part.frame).or_insert((0, *at));
            *frame = (frame.0 + 1, *at);
            let is_key = sent
                .get(part.frame as usize)
                .is_some_and(|sent| sent.is_key);
            if frame.0 == part.packets && is_key {
                self.nacker.forget_before(number);
                self.is_stuck = false;
            }
        }
        nack(&asked?)
    }

    /// What is due by time.
    pub(crate) fn handle_timeout(&mut self, now: Time) -> Vec<Vec<u8>> {
        self.nominal_tick += Nacker::INTERVAL;
        self.next_tick = self.nominal_tick + self.lateness.draw();
        let mut out = Vec::new();
        out.extend(nack(&self.nacker.take(now, Cause::Timer)));
        if self.nacker.given_up > self.given_up {
            self.given_up = self.nacker.given_up;
            self.is_stuck = true;
        }
        let may_ask = self
            .last_pli
            .is_none_or(|last| now.since(last) >= PLI_INTERVAL);
        if self.is_stuck && may_ask {
            self.last_pli = Some(now);
            let mut pli = vec![0; 12];
            rtcp::write_pli(&mut pli, Ssrc(1), MEDIA);
            out.push(pli);
        }
        if now >= self.next_report {
            self.next_report = now + Duration::from_secs(1);
            out.extend(self.report(now));
            // The check goes out with it.
            self.nacker.set_rtt(self.round_trip + self.lateness.draw());
        }
        out
    }

    fn report(&mut self, now: Time) -> Option<Vec<u8>> {
        let expected = self.unwrapper.highest()? + 1 - self.first?;
        let span = expected - self.expected_before;
        let got = self.received - self.received_before;
        (self.expected_before, self.received_before) = (expected, self.received);
        let (last, delay) = match self.sender_report {
            Some((middle, at)) => (middle, (now.since(at).as_nanos() << 16) / 1_000_000_000),
            None => (0, 0),
        };
        let lost = span.saturating_sub(got) * 256;
        let block = ReportBlock {
            ssrc: MEDIA,
            fraction_lost: lost.checked_div(span).unwrap_or(0).min(255) as u8,
            last_sender_report: last,
            delay_since_last_sender_report: delay as u32,
            ..ReportBlock::default()
        };
        let mut out = vec![0; 64];
        let len = rtcp::write_receiver_report(&mut out, Ssrc(1), &[block])?;
        out.truncate(len);
        Some(out)
    }
}

fn nack(numbers: &[u16]) -> Option<Vec<u8>> {
    if numbers.is_empty() {
        return None;
    }
    let mut out = vec![0; 1_200];
    let len = rtcp::write_nack(&mut out, Ssrc(1), MEDIA, numbers.iter().copied())?;
    out.truncate(len);
    Some(out)
}

const PLI_INTERVAL: Duration = Duration::from_millis(500);
