//! What lost packets cost and how long they stay away, in virtual time: hundreds of sessions in a second.
//!
//! The scenes, the viewer and the figures are those of the generator's `quality` (`benches/load`), so that a figure
//! here is what the real server's would be on average; and beside the product stand two others:
//! the reference answers every request at once with one packet, which is all that a server does who knows nothing but
//! requests; and the charmed one is the reference on a link that never loses a retransmission, which nobody has.

mod figures;
mod play;
mod publisher;
mod scene;
mod server;
mod viewer;

use std::time::Duration;

use serde_json::{Value, json};

use crate::arguments::Arguments;
use figures::{Figures, spread};
use play::play;
use scene::{LATENESS, Scene};
use server::Kind;

/// What to play.
pub(crate) struct Options {
    seeds: u64,
    /// Seconds that are measured in each session.
    seconds: u64,
    /// The names of the scenes; all, if empty.
    scenes: Vec<String>,
    lateness: Duration,
}

impl Options {
    pub(crate) fn take(arguments: &mut Arguments) -> Result<Self, String> {
        let scenes: String = arguments.take("scenes", String::new())?;
        let scenes = scenes.split(',').filter(|name| !name.is_empty());
        let options = Self {
            scenes: scenes.map(str::to_owned).collect(),
            seeds: arguments.take("seeds", 200)?,
            seconds: arguments.take("seconds", 15)?,
            lateness: Duration::from_micros(
                arguments.take("lateness", LATENESS.as_micros() as u64)?,
            ),
        };
        arguments.finish()?;
        if options.seeds == 0 || options.seconds == 0 {
            return Err("--seeds and --seconds are at least 1".to_owned());
        }
        Ok(options)
    }
}

/// Plays every scene with every seed, against each server.
pub(crate) fn run(options: &Options) -> Value {
    let names = &options.scenes;
    let wanted = |scene: &Scene| names.is_empty() || names.iter().any(|name| name == scene.name);
    let scenes = Scene::all().into_iter().filter(wanted).map(|scene| {
        let scene = Scene {
            lateness: options.lateness,
            ..scene
        };
        let figures = |kind| -> Vec<Figures> {
            let sessions = 0..options.seeds;
            sessions
                .map(|seed| play(&scene, kind, seed, options.seconds))
                .collect()
        };
        let mut result = json!({
            "scene": scene.name,
            "loss": scene.loss,
            "product": summary(&figures(Kind::Product)),
        });
        // The others ask no publisher for anything.
        if scene.publisher.up.loss == 0.0 {
            result["reference"] = summary(&figures(Kind::Reference));
            result["charmed"] = summary(&figures(Kind::Charmed));
        }
        result
    });
    let scenes: Vec<Value> = scenes.collect();
    json!({ "seeds": options.seeds, "seconds": options.seconds, "scenes": scenes })
}

fn summary(all: &[Figures]) -> Value {
    let figure = |read: fn(&Figures) -> f64| spread(all.iter().map(read).collect());
    json!({
        "lostPercent": figure(Figures::lost_percent),
        "unrecoveredPercent": figure(Figures::unrecovered_percent),
        "resentPerNeeded": figure(Figures::resent_per_needed),
        "resentPerNeededInAll": figures::resent_per_needed(all),
        "stalledSeconds": figure(|figures| figures.stalled.as_secs_f64()),
        "repairedAfterMs": figures::repaired_after(all),
        "askedPublisherPerNeeded": figures::asked_publisher(all),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEDS: u64 = 100;

    /// Played by the product and by the reference: resent per needed, seconds stalled and packets never there, in all.
    fn both(scene: &Scene) -> [(f64, f64, f64); 2] {
        [Kind::Product, Kind::Reference].map(|kind| {
            let all: Vec<Figures> = (0..SEEDS).map(|seed| play(scene, kind, seed, 15)).collect();
            let sum = |read: fn(&Figures) -> f64| all.iter().map(read).sum();
            (
                figures::resent_per_needed(&all),
                sum(|figures| figures.stalled.as_secs_f64()),
                sum(Figures::unrecovered_percent),
            )
        })
    }

    #[test]
    fn losses_stall_less_than_with_one_answer_a_request_for_two_percent_more_resends() {
        let losses = [("loss5", 0.05), ("loss10", 0.1), ("loss20", 0.2)];
        let cases = losses.map(|loss| [(loss, Duration::ZERO), (loss, LATENESS)]);
        for ((name, loss), lateness) in cases.concat() {
            let scene = Scene {
                lateness,
                ..Scene::towards_the_viewer(name, loss)
            };
            let [(resent, stalled, missing), (once, reference, as_well)] = both(&scene);
            let floor = 1.0 / (1.0 - loss);
            // Late viewers ask once more for what is arriving.
            let crossed = once / floor - 1.0;
            let expected = if lateness.is_zero() { 0.0 } else { 0.02 };
            assert!(
                (crossed - expected).abs() < 0.01,
                "{name}: the reference resends {once}"
            );
            // What late viewers may cost more: 0.004 resends, a twentieth of the standstill, 0.02 % of the packets.
            let (more_resends, less_saved, more_missing) = if lateness.is_zero() {
                (0.0, 0.0, 0.0)
            } else {
                (0.004, 0.05, 0.02 * SEEDS as f64)
            };
            assert!(resent <= 1.02 * floor + more_resends, "{name}: {resent}");
            // At 5 % one session in twenty stalls at all.
            let most = ((0.7 + less_saved) * reference).max(0.03 * SEEDS as f64);
            assert!(stalled <= most, "{name}: {stalled} s, not {reference} s");
            let most = as_well + more_missing;
            assert!(missing <= most, "{name}: {missing} %, not {as_well} %");
        }
    }

    #[test]
    fn bursts_stall_no_longer_than_with_one_answer_a_request() {
        let [(resent, stalled, missing), (_, reference, as_well)] = both(&Scene::bursts());
        assert!(resent <= 1.02 / 0.95, "{resent}");
        assert!(
            stalled <= 1.05 * reference,
            "{stalled} s, not {reference} s"
        );
        assert!(missing <= 1.05 * as_well, "{missing} %, not {as_well} %");
    }

    #[test]
    fn what_the_publisher_s_link_loses_is_there_within_60_ms_and_nothing_stalls() {
        let scene = Scene::uplink();
        let all: Vec<Figures> = (0..SEEDS)
            .map(|seed| play(&scene, Kind::Product, seed, 15))
            .collect();
        let median = figures::repaired_after(&all)["p50"].as_f64();
        assert!(median.is_some_and(|millis| millis <= 60.0), "{median:?}");
        assert!(all.iter().all(|figures| figures.stalled.is_zero()));
        assert!(
            all.iter()
                .all(|figures| figures.unrecovered_percent() == 0.0)
        );
    }
}
