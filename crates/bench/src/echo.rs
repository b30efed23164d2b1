//! What a server cannot avoid for packets that come in: receive, open, seal for one viewer, send.
//!
//! A second thread sends sealed packets of many publishers at a steady rate; the measured one does the stages that are
//! asked for and nothing else. `open` is the least for publishers without viewers, `receive` for garbage.

use std::error::Error;
use std::io;
use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use socket2::{SockAddr, Socket};
use xrtc_srtp::Opener;

use crate::arguments::Arguments;
use crate::seals::{self, HEADER_BYTES, Seal, opener};
use crate::system::{Messages, Receiver, Sink, address, monotonic, nap, pin, thread_cpu, udp};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What to measure.
pub(crate) struct Options {
    cipher: String,
    stages: Stages,
    /// Payload bytes of a packet.
    size: usize,
    publishers: usize,
    /// Packets a second of all publishers together.
    rate: u64,
    /// Packets of one publisher in a row.
    burst: usize,
    /// Times a second at which packets come, all that are due by then together; 0: as a sleep of 50 µs has it.
    moments: u64,
    time: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stages {
    Receive,
    Open,
    Send,
}

impl Options {
    pub(crate) fn take(arguments: &mut Arguments) -> Result<Self, String> {
        let stages = match arguments.take("stages", "send".to_owned())?.as_str() {
            "receive" => Stages::Receive,
            "open" => Stages::Open,
            "send" => Stages::Send,
            other => return Err(format!("--stages: receive, open or send, not {other}")),
        };
        let options = Self {
            cipher: arguments.take("cipher", "gcm256".to_owned())?,
            stages,
            size: arguments.take("size", 1_200)?,
            publishers: arguments.take("publishers", 300)?,
            rate: arguments.take("rate", 50_000)?,
            burst: arguments.take("burst", 1)?,
            moments: arguments.take("moments", 0)?,
            time: Duration::from_millis(arguments.take("ms", 3_000)?),
        };
        arguments.finish()?;
        let sizes =
            (1..=1_400).contains(&options.size) && (1..=1_000).contains(&options.publishers);
        if !sizes || options.rate == 0 || !(1..=64).contains(&options.burst) {
            return Err(
                "--size 1-1400, --publishers 1-1000, --rate from 1, --burst 1-64".to_owned(),
            );
        }
        Ok(options)
    }
}

/// Measures on CPU 0 what CPU 1 sends.
pub(crate) fn run(options: &Options) -> Outcome<Value> {
    pin(0)?;
    let server = udp()?;
    server.set_nonblocking(true)?;
    let _ = server.set_recv_buffer_size(4 << 20);
    let to = address(&server)?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut feeder = Feeder::new(options, to)?;
        let mut worker = Worker::new(options, server, &feeder)?;
        let done = &done;
        let sending = scope.spawn(move || feeder.run(done));
        let measured = worker.run(options.time);
        done.store(true, Ordering::Relaxed);
        let sent = sending.join().map_err(|_| "the feeder panicked")??;
        let Measured {
            packets,
            batches,
            cpu,
            elapsed,
        } = measured?;
        Ok(json!({
            "packets": packets,
            "sent": sent,
            "nsPerPacket": cpu.as_secs_f64() * 1e9 / packets as f64,
            "packetsPerCpuSecond": packets as f64 / cpu.as_secs_f64(),
            "packetsPerBatch": packets as f64 / batches as f64,
            "busy": cpu.as_secs_f64() / elapsed.as_secs_f64(),
        }))
    })
}

/// The publishers.
struct Feeder {
    sockets: Vec<Socket>,
    seals: Vec<Seal>,
    to: SockAddr,
    payload: Vec<u8>,
    sealed: usize,
    rate: u64,
    burst: usize,
    moments: u64,
}

impl Feeder {
    fn new(options: &Options, to: SocketAddrV4) -> Outcome<Self> {
        let profile = seals::profile(&options.cipher)?;
        let numbers = 0..options.publishers;
        Ok(Self {
            sockets: numbers.clone().map(|_| udp()).collect::<io::Result<_>>()?,
            seals: numbers
                .map(|number| Seal::new(profile, number))
                .collect::<Result<_, _>>()
                .map_err(|error| error.to_string())?,
            to: to.into(),
            payload: vec![7; options.size],
            sealed: HEADER_BYTES + options.size + profile.rtp_overhead(),
            rate: options.rate,
            burst: options.burst,
            moments: options.moments,
        })
    }

    /// Packets that should have been sent after `elapsed`.
    fn due(&self, elapsed: Duration) -> u64 {
        const SECOND: u128 = 1_000_000_000;
        let elapsed = elapsed.as_nanos();
        let whole = if self.moments == 0 {
            elapsed * u128::from(self.rate) / SECOND
        } else {
            let moment = elapsed * u128::from(self.moments) / SECOND;
            moment * u128::from(self.rate) / u128::from(self.moments)
        };
        u64::try_from(whole).unwrap_or(u64::MAX)
    }

    /// Sends until told otherwise; says how much.
    fn run(&mut self, done: &AtomicBool) -> Outcome<u64> {
        pin(1)?;
        let begin = monotonic();
        let mut packet = vec![0; self.sealed];
        let mut sent: u64 = 0;
        let mut turn = 0;
        while !done.load(Ordering::Relaxed) {
            if sent >= self.due(monotonic() - begin) {
                // A sleep comes too late for a moment; this CPU has nothing else to do.
                if self.moments == 0 {
                    nap(Duration::from_micros(50));
                }
                continue;
            }
            turn = (turn + 1) % self.sockets.len();
            for _ in 0..self.burst {
                self.seals[turn]
                    .next(&self.payload, &mut packet)
                    .map_err(|discard| format!("{discard:?}"))?;
                self.sockets[turn].send_to(&packet, &self.to)?;
                sent += 1;
            }
        }
        Ok(sent)
    }
}

/// What the measured half did.
struct Measured {
    packets: u64,
    /// Calls that brought some.
    batches: u64,
    cpu: Duration,
    elapsed: Duration,
}

/// The measured half.
struct Worker {
    server: Socket,
    receiver: Receiver,
    stages: Stages,
    /// By the port of the publisher: a server would look it up in a table, too.
    publishers: Vec<u16>,
    openers: Vec<Opener>,
    seals: Vec<Seal>,
    sinks: Vec<Sink>,
    slab: Vec<u8>,
    to: Vec<SocketAddrV4>,
    messages: Messages,
    sealed: usize,
}

impl Worker {
    fn new(options: &Options, server: Socket, feeder: &Feeder) -> Outcome<Self> {
        let profile = seals::profile(&options.cipher)?;
        let numbers = 0..options.publishers;
        let mut publishers = vec![u16::MAX; 1 << 16];
        for (number, socket) in (0..).zip(&feeder.sockets) {
            publishers[usize::from(address(socket)?.port())] = number;
        }
        Ok(Self {
            server,
            receiver: Receiver::new(BATCH),
            stages: options.stages,
            publishers,
            openers: numbers
                .clone()
                .map(|number| opener(profile, number))
                .collect::<Result<_, _>>()
                .map_err(|error| error.to_string())?,
            seals: numbers
                .clone()
                .map(|number| Seal::new(profile, number + 10_000))
                .collect::<Result<_, _>>()
                .map_err(|error| error.to_string())?,
            sinks: numbers.map(|_| Sink::new()).collect::<io::Result<_>>()?,
            slab: vec![0; feeder.sealed * BATCH],
            to: Vec::with_capacity(BATCH),
            messages: Messages::new(BATCH),
            sealed: feeder.sealed,
        })
    }

    fn run(&mut self, time: Duration) -> Outcome<Measured> {
        let warm = monotonic() + Duration::from_millis(300);
        while monotonic() < warm {
            self.turn()?;
        }
        let (begin, cpu) = (monotonic(), thread_cpu());
        let (mut packets, mut batches) = (0, 0);
        let mut elapsed = Duration::ZERO;
        while elapsed < time {
            let received = self.turn()?;
            packets += received;
            batches += u64::from(received > 0);
            elapsed = monotonic() - begin;
        }
        Ok(Measured {
            packets,
            batches,
            cpu: thread_cpu() - cpu,
            elapsed,
        })
    }

    /// Waits for one batch and does its stages.
    fn turn(&mut self) -> Outcome<u64> {
        let count = self.receiver.receive(&self.server)?;
        self.to.clear();
        for index in 0..count {
            let (port, datagram) = self.receiver.datagram(index);
            let number = usize::from(self.publishers[usize::from(port)]);
            if self.stages == Stages::Receive {
                continue;
            }
            let len = self.openers[number]
                .open_rtp(datagram)
                .map_err(|discard| format!("{discard:?}"))?;
            if self.stages == Stages::Open {
                continue;
            }
            let place = self.to.len() * self.sealed;
            let out = &mut self.slab[place..place + self.sealed];
            self.seals[number]
                .next(&datagram[HEADER_BYTES..len], out)
                .map_err(|discard| format!("{discard:?}"))?;
            self.to.push(self.sinks[number].address);
        }
        if !self.to.is_empty() {
            let bytes = &self.slab[..self.to.len() * self.sealed];
            self.messages
                .send(&self.server, (bytes, self.sealed, self.sealed), &self.to)?;
        }
        Ok(count as u64)
    }
}

const BATCH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_received_opened_sealed_and_sent() {
        for stages in [Stages::Receive, Stages::Open, Stages::Send] {
            let options = Options {
                cipher: "gcm128".to_owned(),
                stages,
                size: 500,
                publishers: 5,
                rate: 5_000,
                burst: 3,
                moments: 0,
                time: Duration::from_millis(100),
            };
            let result = run(&options).expect("measured");
            assert!(result["packets"].as_u64() > Some(50), "{result}");
        }
    }

    #[test]
    fn packets_come_at_as_many_moments_as_are_asked_for() {
        let options = Options {
            cipher: "gcm128".to_owned(),
            stages: Stages::Send,
            size: 100,
            publishers: 5,
            rate: 8_000,
            burst: 1,
            moments: 1_000,
            time: Duration::from_millis(100),
        };
        let server = udp().expect("a socket");
        let feeder = Feeder::new(&options, address(&server).expect("bound")).expect("a feeder");
        let due = |micros| feeder.due(Duration::from_micros(micros));
        assert_eq!(
            [due(999), due(1_000), due(1_999), due(2_000)],
            [0, 8, 8, 16]
        );
        let result = run(&options).expect("measured");
        assert!(result["packets"].as_u64() > Some(50), "{result}");
    }
}
