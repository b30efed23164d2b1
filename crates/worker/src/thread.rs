//! One worker's thread: state machines one after the other, for as long as each lives.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle, park_timeout};
use std::time::Duration;

use xrtc_rtp::Time;
use xrtc_sfu::{Sfu, SfuConfig};

use crate::certificate::DtlsSource;
use crate::driver::{Driver, DriverParts};
use crate::entropy;
use crate::moderation::be_precise;
use crate::panic::{contain, silence_this_thread};

/// Starts the thread of a worker.
#[expect(
    clippy::disallowed_methods,
    reason = "the worker is where threads are started"
)]
pub(crate) fn spawn(
    parts: DriverParts,
    (config, dtls): (SfuConfig, Arc<DtlsSource>),
    seed: [u8; 32],
) -> io::Result<JoinHandle<()>> {
    let name = format!("xrtc-worker-{}", config.worker.0);
    Builder::new().name(name).spawn(move || {
        silence_this_thread();
        be_precise();
        let Some(mut driver) = Driver::new(parts) else {
            return;
        };
        run(&mut driver, (&config, &dtls), seed);
    })
}

fn run(driver: &mut Driver, (config, dtls): (&SfuConfig, &DtlsSource), mut seed: [u8; 32]) {
    let mut fresh = Time::ZERO;
    loop {
        let mut sfu = None;
        let outcome = contain(|| {
            let config = SfuConfig {
                dtls: dtls.current(),
                ..config.clone()
            };
            let sfu = sfu.insert(Sfu::new(config, seed, driver.now()));
            driver.run(sfu);
        });
        // What is left of it may be broken: that it cannot even be dropped says nothing new.
        let _ = contain(|| drop(sfu));
        let Err(message) = outcome else {
            return;
        };
        driver.recover(message);
        let now = driver.now();
        if now.since(fresh) < QUICK {
            // It fails again and again: the other threads keep their share of the machine.
            park_timeout(PAUSE);
        }
        fresh = now;
        // Without randomness there are no keys, and no use in going on.
        let Ok(next) = entropy::seed() else {
            return;
        };
        seed = next;
    }
}

/// A state machine that lives shorter than this failed at once.
const QUICK: Duration = Duration::from_secs(1);
/// How long a worker waits before it starts again after that.
const PAUSE: Duration = Duration::from_millis(100);
