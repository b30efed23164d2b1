//! The figures of a session, as the generator has them (`benches/load/judge.go`).

use std::time::Duration;

use serde_json::{Value, json};
use xrtc_rtp::Time;

use super::play::Tally;
use super::publisher::Sent;
use super::viewer::Viewer;

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) from: Time,
    pub(crate) to: Time,
}

/// What became of one session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    tally: Tally,
    expected: u64,
    /// Not there [`DEADLINE`] after they were sent.
    unrecovered: u64,
    /// The sum of all gaps between two frames that could be shown of [`STALL`] or more.
    pub(crate) stalled: Duration,
    /// From the notice of a gap to the packet.
    repaired: Vec<Duration>,
}

/// Judges what was sent in the window.
pub(crate) fn judge(
    sent: &[Sent],
    viewer: &Viewer,
    window: Window,
    lag: Duration,
    tally: Tally,
) -> Figures {
    let mut figures = Figures {
        tally,
        ..Figures::default()
    };
    let is_inside = |(_, frame): &(u32, &Sent)| frame.at >= window.from && frame.at < window.to;
    for (number, frame) in (0..).zip(sent).filter(is_inside) {
        for packet in 0..frame.packets {
            figures.expected += 1;
            let arrival = viewer.arrivals.get(&(number, packet));
            let in_time = |at: Time| at.since(frame.at) <= DEADLINE;
            if !arrival.is_some_and(|arrival| in_time(arrival.at)) {
                figures.unrecovered += 1;
            }
            figures
                .repaired
                .extend(arrival.and_then(|arrival| arrival.waited));
        }
    }
    let shifted = Window {
        from: window.from + lag,
        to: window.to + lag,
    };
    figures.stalled = stalled(&shown(sent, viewer), shifted);
    figures
}

/// When each frame could be shown, with all before it back to a key frame; those overtaken by newer ones left out.
fn shown(sent: &[Sent], viewer: &Viewer) -> Vec<Time> {
    let mut chain = None;
    let mut all: Vec<(Time, u32)> = Vec::new();
    for (number, frame) in (0..).zip(sent) {
        let got = viewer.frames.get(&number);
        let done = got.filter(|got| got.0 == frame.packets).map(|got| got.1);
        chain = match (done, chain) {
            (Some(done), _) if frame.is_key => Some(done),
            (Some(done), Some(before)) => Some(done.max(before)),
            _ => None,
        };
        all.extend(chain.map(|at| (at, number)));
    }
    all.sort_unstable();
    let mut newest = None;
    all.retain(|&(_, number)| {
        let is_new = newest.is_none_or(|newest| number > newest);
        newest = newest.max(Some(number));
        is_new
    });
    all.into_iter().map(|(at, _)| at).collect()
}

/// The time in gaps that are too long.
fn stalled(shown: &[Time], window: Window) -> Duration {
    let mut stalled = Duration::ZERO;
    let mut last = window.from;
    let inside = shown.iter().copied().take_while(|&at| at < window.to);
    for at in inside.chain([window.to]) {
        if at > window.from && at.since(last) >= STALL {
            stalled += at.since(last.max(window.from));
        }
        last = at;
    }
    stalled
}

impl Figures {
    pub(crate) fn lost_percent(&self) -> f64 {
        100.0 * ratio(self.tally.first_lost, self.tally.first)
    }

    /// Of all packets.
    pub(crate) fn unrecovered_percent(&self) -> f64 {
        100.0 * ratio(self.unrecovered, self.expected)
    }

    pub(crate) fn resent_per_needed(&self) -> f64 {
        ratio(self.tally.again, self.tally.first_lost)
    }
}

/// Over all sessions: a ratio of sums, which no lucky session can pull down.
pub(crate) fn resent_per_needed(all: &[Figures]) -> f64 {
    let sum = |read: fn(&Tally) -> u64| all.iter().map(|figures| read(&figures.tally)).sum();
    ratio(sum(|tally| tally.again), sum(|tally| tally.first_lost))
}

/// Retransmissions of the publisher for each first sending that its link lost.
pub(crate) fn asked_publisher(all: &[Figures]) -> f64 {
    let sum = |read: fn(&Tally) -> u64| all.iter().map(|figures| read(&figures.tally)).sum();
    ratio(
        sum(|tally| tally.uplink_again),
        sum(|tally| tally.uplink_lost),
    )
}

/// How long the viewers waited for what they missed, over all sessions.
pub(crate) fn repaired_after(all: &[Figures]) -> Value {
    let waits = all.iter().flat_map(|figures| &figures.repaired);
    let mut waits: Vec<f64> = waits.map(|wait| wait.as_secs_f64() * 1e3).collect();
    waits.sort_unstable_by(f64::total_cmp);
    json!({ "p50": quantile(&waits, 0.5), "p95": quantile(&waits, 0.95), "max": quantile(&waits, 1.0) })
}

/// Mean, standard deviation and quantiles of one figure over the sessions, and the share of those where it is zero.
pub(crate) fn spread(mut all: Vec<f64>) -> Value {
    all.sort_unstable_by(f64::total_cmp);
    let count = all.len() as f64;
    let mean = all.iter().sum::<f64>() / count;
    let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    json!({
        "mean": mean,
        "deviation": variance.sqrt(),
        "none": all.iter().filter(|&&x| x == 0.0).count() as f64 / count,
        "p10": quantile(&all, 0.1),
        "p50": quantile(&all, 0.5),
        "p90": quantile(&all, 0.9),
    })
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = (share * sorted.len() as f64) as usize;
    let last = sorted.len().saturating_sub(1);
    sorted.get(place.min(last)).copied().unwrap_or(0.0)
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

const DEADLINE: Duration = Duration::from_millis(400);
const STALL: Duration = Duration::from_millis(200);
