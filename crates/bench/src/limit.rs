//! The least that a server could spend: a packet sealed for every receiver and sent, and nothing else.

use std::error::Error;
use std::net::SocketAddrV4;
use std::time::Duration;

use serde_json::{Value, json};
use socket2::{SockAddr, Socket};
use xrtc_srtp::Profile;

use crate::arguments::Arguments;
use crate::seals::{self, HEADER_BYTES, Seal};
use crate::system::{Messages, Sink, monotonic, nap, pin, thread_cpu, udp};

/// What to measure.
pub(crate) struct Options {
    cipher: String,
    /// Payload bytes of a packet.
    size: usize,
    receivers: usize,
    /// CPU time of each mode.
    time: Duration,
    /// Empty: all.
    modes: String,
    cpu: usize,
    /// From the beginning of one round to that of the next, asleep between them; none: one after the other.
    pace: Duration,
}

impl Options {
    pub(crate) fn take(arguments: &mut Arguments) -> Result<Self, String> {
        let options = Self {
            cipher: arguments.take("cipher", "gcm256".to_owned())?,
            size: arguments.take("size", 1_200)?,
            receivers: arguments.take("receivers", 500)?,
            time: Duration::from_millis(arguments.take("ms", 1_000)?),
            modes: arguments.take("modes", String::new())?,
            cpu: arguments.take("cpu", 0)?,
            pace: Duration::from_micros(arguments.take("pace-us", 0)?),
        };
        arguments.finish()?;
        if !(1..=1_400).contains(&options.size) || options.receivers == 0 {
            return Err("--size is 1 to 1400, --receivers at least 1".to_owned());
        }
        Ok(options)
    }
}

/// How packets are handed to the kernel.
struct Mode {
    name: &'static str,
    /// Packets of one receiver in one message.
    train: usize,
    /// Messages in one call.
    batch: usize,
}

const MODES: [Mode; 5] = [
    Mode::new("sendto", 1, 1),
    Mode::new("sendmmsg64", 1, 64),
    Mode::new("gso4", 4, 1),
    Mode::new("gso8", 8, 1),
    Mode::new("sendmmsg16gso4", 4, 16),
];

impl Mode {
    const fn new(name: &'static str, train: usize, batch: usize) -> Self {
        Self { name, train, batch }
    }
}

/// Measures all modes of one cipher.
pub(crate) fn run(options: &Options) -> Result<Value, Box<dyn Error>> {
    pin(options.cpu)?;
    let profile = seals::profile(&options.cipher)?;
    let mut runs = Vec::new();
    for mode in &MODES {
        let is_wanted = options.modes.split(',').any(|name| name == mode.name);
        if options.modes.is_empty() || is_wanted {
            runs.push(measure(profile, mode, options)?);
        }
    }
    Ok(json!({
        "cipher": options.cipher,
        "size": options.size,
        "receivers": options.receivers,
        "paceUs": options.pace.as_micros() as u64,
        "runs": runs,
    }))
}

fn measure(profile: Profile, mode: &Mode, options: &Options) -> Result<Value, Box<dyn Error>> {
    let mut rig = Rig::new(profile, mode, options)?;
    let mut rounds: u64 = 0;
    // Until caches and branch predictors know the way.
    for _ in 0..3 {
        rig.round()?;
        rounds += 1;
    }
    let (warm, begin, start) = (rounds, thread_cpu(), monotonic());
    let (mut cpu, mut elapsed) = (Duration::ZERO, Duration::ZERO);
    while cpu < options.time && elapsed < LONGEST {
        rig.round()?;
        rounds += 1;
        elapsed = monotonic() - start;
        if let Some(rest) = (options.pace * (rounds - warm) as u32).checked_sub(elapsed) {
            nap(rest);
        }
        cpu = thread_cpu() - begin;
    }
    let elapsed = monotonic() - start;
    let per_round = (options.receivers * mode.train) as u64;
    let arrived = rig.sinks.iter().map(|sink| sink.count().map(u64::from));
    let arrived: u64 = arrived.sum::<Result<_, _>>()?;
    let packets = (rounds - warm) * per_round;
    Ok(json!({
        "mode": mode.name,
        "packets": packets,
        "packetsPerCpuSecond": packets as f64 / cpu.as_secs_f64(),
        "nsPerPacket": cpu.as_secs_f64() * 1e9 / packets as f64,
        "delivered": arrived as f64 / (rounds * per_round) as f64,
        "busy": cpu.as_secs_f64() / elapsed.as_secs_f64(),
    }))
}

/// A mode that is mostly asleep ends without having used its CPU time.
const LONGEST: Duration = Duration::from_secs(10);

struct Rig {
    socket: Socket,
    sinks: Vec<Sink>,
    seals: Vec<Seal>,
    addresses: Vec<SocketAddrV4>,
    names: Vec<SockAddr>,
    payload: Vec<u8>,
    slab: Vec<u8>,
    /// Bytes of a sealed packet.
    sealed: usize,
    train: usize,
    batch: usize,
    messages: Messages,
}

impl Rig {
    fn new(profile: Profile, mode: &Mode, options: &Options) -> Result<Self, Box<dyn Error>> {
        let numbers = 0..options.receivers;
        let sinks: Vec<_> = numbers
            .clone()
            .map(|_| Sink::new())
            .collect::<Result<_, _>>()?;
        let sealed = HEADER_BYTES + options.size + profile.rtp_overhead();
        let addresses: Vec<_> = sinks.iter().map(|sink| sink.address).collect();
        Ok(Self {
            socket: udp()?,
            seals: numbers
                .map(|number| Seal::new(profile, number))
                .collect::<Result<_, _>>()?,
            names: addresses.iter().copied().map(SockAddr::from).collect(),
            addresses,
            sinks,
            payload: (0..options.size).map(|place| place as u8).collect(),
            slab: vec![0; sealed * mode.train * mode.batch],
            sealed,
            train: mode.train,
            batch: mode.batch,
            messages: Messages::new(mode.batch),
        })
    }

    /// One train to every receiver.
    fn round(&mut self) -> Result<(), Box<dyn Error>> {
        let train_bytes = self.sealed * self.train;
        for first in (0..self.seals.len()).step_by(self.batch) {
            let end = (first + self.batch).min(self.seals.len());
            let trains = self.slab.chunks_exact_mut(train_bytes);
            for (seal, train) in self.seals[first..end].iter_mut().zip(trains) {
                for packet in train.chunks_exact_mut(self.sealed) {
                    seal.next(&self.payload, packet)
                        .map_err(|discard| format!("{discard:?}"))?;
                }
            }
            if self.train == 1 && self.batch == 1 {
                self.socket.send_to(&self.slab, &self.names[first])?;
            } else {
                let bytes = &self.slab[..train_bytes * (end - first)];
                self.messages.send(
                    &self.socket,
                    (bytes, train_bytes, self.sealed),
                    &self.addresses[first..end],
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_delivers_what_it_says_it_sent() {
        for profile in Profile::ALL {
            for mode in &MODES {
                let options = Options {
                    cipher: String::new(),
                    size: 1_000,
                    receivers: 20,
                    time: Duration::from_millis(1),
                    modes: String::new(),
                    cpu: 0,
                    pace: Duration::ZERO,
                };
                let result = measure(profile, mode, &options).expect("measured");
                assert_eq!(result["delivered"], json!(1.0), "{profile:?} {}", mode.name);
                assert!(result["packets"].as_u64() >= Some(20));
            }
        }
    }

    #[test]
    fn a_paced_round_begins_no_earlier_than_its_turn() {
        let options = Options {
            cipher: String::new(),
            size: 100,
            receivers: 2,
            time: Duration::from_millis(1),
            modes: String::new(),
            cpu: 0,
            pace: Duration::from_millis(5),
        };
        let begin = monotonic();
        let result = measure(Profile::AeadAes128Gcm, &MODES[1], &options).expect("measured");
        let rounds = result["packets"].as_u64().expect("a count") / 2;
        assert!(monotonic() - begin >= options.pace * rounds as u32);
        assert_eq!(result["delivered"], json!(1.0));
    }
}
