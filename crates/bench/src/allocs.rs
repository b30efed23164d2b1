//! What a worker allocates: nothing for a packet, and how much for a peer that comes and goes.

use std::cell::Cell;
use std::error::Error;
use std::time::Duration;

use serde_json::{Value, json};
use xrtc_testkit::{PublishConfig, Side, ViewConfig};

use crate::counting::{Count, watch_crypto};
use crate::stage::Stage;

thread_local! {
    static METERED: Cell<Count> = const { Cell::new(Count { rust: 0, crypto: 0 }) };
}

/// Counts what one call of the worker allocates.
fn meter(run: &mut dyn FnMut()) {
    let before = Count::now();
    run();
    let allocated = Count::now().since(before);
    METERED.with(|metered| {
        let mut sum = metered.get();
        sum.add(allocated);
        metered.set(sum);
    });
}

/// Plays the script and counts scene by scene.
pub(crate) fn run() -> Outcome<Value> {
    watch_crypto()?;
    let mut script = Script {
        stage: Stage::new()?,
        scenes: Vec::new(),
    };
    script.stage.meter = meter;
    script.warm_up()?;
    script.scene("a second of forwarding", second)?;
    script.scene(
        "a second in which one packet of a hundred is lost",
        |stage| {
            stage.loses_one_of = 100;
            second(stage)
        },
    )?;
    script.stage.loses_one_of = 0;
    second(&mut script.stage)?;
    let viewers = (0..TIMES)
        .map(|_| script.visit(Side::View(ViewConfig::default())))
        .collect::<Outcome<Vec<_>>>()?;
    script.least("a viewer joins", viewers.iter().map(|visit| visit.joining));
    script.least("a viewer leaves", viewers.iter().map(|visit| visit.leaving));
    script.stage.close(0);
    let publishers = (0..TIMES)
        .map(|_| script.visit(Side::Publish(PublishConfig::default())))
        .collect::<Outcome<Vec<_>>>()?;
    script.least(
        "a publisher comes back",
        publishers.iter().map(|visit| visit.joining),
    );
    script.least(
        "a publisher leaves",
        publishers.iter().map(|visit| visit.leaving),
    );
    Ok(json!({ "viewers": VIEWERS, "scenes": script.scenes }))
}

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Script {
    stage: Stage,
    scenes: Vec<Value>,
}

impl Script {
    /// Worse than what follows and longer than the caches reach back, so that everything has had its size.
    fn warm_up(&mut self) -> Outcome<()> {
        self.stage.join(Side::Publish(PublishConfig::default()))?;
        for _ in 0..VIEWERS {
            self.stage.join(Side::View(ViewConfig::default()))?;
        }
        self.stage.loses_one_of = 20;
        self.stage.run(Duration::from_secs(20));
        self.stage.loses_one_of = 0;
        self.stage.run(Duration::from_secs(5));
        Ok(())
    }

    fn scene(&mut self, name: &str, play: impl FnOnce(&mut Stage) -> Outcome<()>) -> Outcome<()> {
        let count = self.count(play)?.1;
        self.least(name, std::iter::once(count));
        Ok(())
    }

    /// One browser comes and goes.
    fn visit(&mut self, side: Side) -> Outcome<Visit> {
        let (seat, joining) = self.count(|stage| {
            let seat = stage.join(side)?;
            stage.run(A_WHILE);
            Ok(seat)
        })?;
        let ((), leaving) = self.count(|stage| {
            stage.close(seat);
            stage.run(A_WHILE);
            Ok(())
        })?;
        Ok(Visit { joining, leaving })
    }

    fn count<T>(&mut self, play: impl FnOnce(&mut Stage) -> Outcome<T>) -> Outcome<(T, Count)> {
        METERED.set(Count::default());
        let result = play(&mut self.stage)?;
        Ok((result, METERED.get()))
    }

    /// The crypto library draws its own randomness: now and then a number is a byte shorter and a handshake takes one
    /// allocation more or less. The least of many is always the same.
    fn least(&mut self, name: &str, counts: impl Iterator<Item = Count> + Clone) {
        let rust = counts.clone().map(|count| count.rust).min();
        let crypto = counts.map(|count| count.crypto).min();
        self.scenes
            .push(json!({"scene": name, "rust": rust, "crypto": crypto}));
    }
}

/// What a browser's coming and going allocate.
struct Visit {
    joining: Count,
    leaving: Count,
}

fn second(stage: &mut Stage) -> Outcome<()> {
    stage.run(Duration::from_secs(1));
    Ok(())
}

const VIEWERS: usize = 20;
/// How often browsers come and go.
const TIMES: usize = 200;
/// Enough for a handshake, a key frame and a farewell.
const A_WHILE: Duration = Duration::from_millis(200);
