//! The steps of a packet's journey one by one, in nanoseconds and as a ratio to the AES-GCM seal that none can avoid.

use std::cell::Cell;
use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};
use xrtc_rtp::RtpPacket;
use xrtc_srtp::Profile;
use xrtc_testkit::{LayerConfig, PublishConfig, Side, ViewConfig};

use crate::arguments::Arguments;
use crate::checks;
use crate::seals::{HEADER_BYTES, Seal, opener};
use crate::stage::Stage;
use crate::system::{pin, thread_cpu};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

type Measure = fn() -> Outcome<f64>;

/// What to measure.
pub(crate) struct Options {
    /// Payload bytes of a packet.
    size: usize,
    viewers: usize,
    cpu: usize,
}

impl Options {
    pub(crate) fn take(arguments: &mut Arguments) -> Result<Self, String> {
        let options = Self {
            size: arguments.take("size", 1_200)?,
            viewers: arguments.take("viewers", 100)?,
            cpu: arguments.take("cpu", 0)?,
        };
        arguments.finish()?;
        if !(100..=1_200).contains(&options.size) || !(1..=5_000).contains(&options.viewers) {
            return Err("--size is 100 to 1200, --viewers 1 to 5000".to_owned());
        }
        Ok(options)
    }
}

/// Measures every step.
pub(crate) fn run(options: &Options) -> Outcome<Value> {
    pin(options.cpu)?;
    let size = options.size;
    let raw = raw_seal(&AES_256_GCM, size)?;
    let mut steps = vec![
        step("AES-256-GCM alone", raw, raw),
        step("AES-128-GCM alone", raw_seal(&AES_128_GCM, size)?, raw),
        step("parse a header", parse(size)?, raw),
    ];
    for profile in Profile::ALL {
        let name = profile.name().trim_start_matches("SRTP_");
        steps.push(step(&format!("seal {name}"), seal(profile, size)?, raw));
        steps.push(step(&format!("open {name}"), open(profile, size)?, raw));
    }
    for (name, measure) in STUN {
        steps.push(step(name, measure()?, raw));
    }
    let whole = forward(options)?;
    let name = format!(
        "open, forward to {} viewers and seal: a packet out",
        options.viewers
    );
    steps.push(step(&name, whole, raw));
    Ok(json!({ "size": size, "viewers": options.viewers, "steps": steps }))
}

fn step(name: &str, ns: f64, raw: f64) -> Value {
    json!({"step": name, "ns": ns, "ratio": ns / raw})
}

/// The least of several measurements: what disturbs only adds.
pub(crate) fn least(mut measure: impl FnMut() -> Outcome<f64>) -> Outcome<f64> {
    let mut least = f64::MAX;
    for _ in 0..REPEATS {
        least = least.min(measure()?);
    }
    Ok(least)
}

/// Nanoseconds of one of `count` calls.
pub(crate) fn time(count: u32, mut call: impl FnMut()) -> f64 {
    let begin = thread_cpu();
    for _ in 0..count {
        call();
    }
    (thread_cpu() - begin).as_secs_f64() * 1e9 / f64::from(count)
}

fn raw_seal(algorithm: &'static Algorithm, size: usize) -> Outcome<f64> {
    let key = vec![7; algorithm.key_len()];
    let key = LessSafeKey::new(UnboundKey::new(algorithm, &key)?);
    let mut bytes = vec![1; size];
    let header = [0x80; HEADER_BYTES];
    let mut number: u32 = 0;
    least(|| {
        Ok(time(CALLS, || {
            number += 1;
            let mut nonce = [0; 12];
            nonce[8..].copy_from_slice(&number.to_be_bytes());
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&header), &mut bytes);
            let _ = black_box(tag);
        }))
    })
}

fn parse(size: usize) -> Outcome<f64> {
    // One-byte extensions (RFC 8285 §4.2) as a browser sends them: mid and a transport-wide number.
    let mut packet = vec![0x90, 0x60, 0, 1, 0, 0, 0, 9, 0, 0, 0, 5, 0xbe, 0xde, 0, 2];
    packet.extend([0x40, b'1', 0x31, 0, 1, 0, 0, 0]);
    packet.resize(packet.len() + size, 7);
    RtpPacket::parse(&packet).map_err(|error| format!("{error:?}"))?;
    least(|| {
        Ok(time(CALLS, || {
            let _ = black_box(RtpPacket::parse(black_box(&packet)));
        }))
    })
}

fn seal(profile: Profile, size: usize) -> Outcome<f64> {
    let mut seal = Seal::new(profile, 1)?;
    let (payload, mut out) = (vec![7; size], vec![0; size + 64]);
    least(|| {
        Ok(time(CALLS, || {
            let _ = black_box(seal.next(&payload, &mut out));
        }))
    })
}

fn open(profile: Profile, size: usize) -> Outcome<f64> {
    let (mut seal, mut opener) = (Seal::new(profile, 1)?, opener(profile, 1)?);
    let payload = vec![7; size];
    let sealed = HEADER_BYTES + size + profile.rtp_overhead();
    let mut packets = vec![0; sealed * CALLS as usize];
    least(|| {
        for packet in packets.chunks_exact_mut(sealed) {
            seal.next(&payload, packet)
                .map_err(|discard| format!("{discard:?}"))?;
        }
        let mut fresh = packets.chunks_exact_mut(sealed);
        let mut opened = 0;
        let ns = time(CALLS, || {
            opened += u32::from(
                fresh
                    .next()
                    .is_some_and(|packet| opener.open_rtp(packet).is_ok()),
            );
        });
        if opened == CALLS {
            Ok(ns)
        } else {
            Err("a packet was not opened".into())
        }
    })
}

thread_local! {
    static SPENT: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

fn meter(run: &mut dyn FnMut()) {
    let begin = thread_cpu();
    run();
    let spent = thread_cpu() - begin;
    SPENT.set(SPENT.get() + spent);
}

/// The whole worker, sockets and clocks aside. Its calls for timers and reports are part of it.
fn forward(options: &Options) -> Outcome<f64> {
    let mut stage = Stage::new()?;
    let layers = vec![LayerConfig {
        rid: "f",
        resolution: (1_280, 720),
        frame_bytes: 6 * options.size,
    }];
    stage.join(Side::Publish(PublishConfig {
        layers,
        audio: false,
        ..PublishConfig::default()
    }))?;
    for _ in 0..options.viewers {
        stage.join(Side::View(ViewConfig::default()))?;
    }
    stage.run(Duration::from_secs(2));
    stage.viewers_are_deaf = true;
    stage.run(Duration::from_secs(1));
    stage.meter = meter;
    least(|| {
        SPENT.set(Duration::ZERO);
        stage.sent = 0;
        stage.run(Duration::from_secs(1));
        Ok(SPENT.get().as_secs_f64() * 1e9 / stage.sent as f64)
    })
}

/// By name.
const STUN: [(&str, Measure); 3] = [
    ("STUN: a check verified and answered", checks::answered),
    ("STUN: a forged check refused", checks::refused),
    ("STUN: consent asked, answered, taken", checks::consent),
];
const REPEATS: usize = 7;
pub(crate) const CALLS: u32 = 20_000;
