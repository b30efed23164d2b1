//! The only clock: monotonic time for the state machines, and where it lies on the wall clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use xrtc_rtp::{Time, WallClock};

/// A monotonic clock that starts at [`Time::ZERO`] when it is made; copies share the origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
    wall: WallClock,
}

impl Clock {
    /// A clock whose origin is now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the worker is where clocks are read"
    )]
    pub(crate) fn start() -> Self {
        let origin = Instant::now();
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        // A machine whose clock stands before 1970 keeps the epoch: media stays in step, only the date is wrong.
        let unix_nanos = since_epoch.map_or(0, |since| since.as_nanos());
        Self {
            origin,
            wall: WallClock {
                unix_nanos_at_zero: u64::try_from(unix_nanos).unwrap_or(u64::MAX),
            },
        }
    }

    /// Now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the worker is where clocks are read"
    )]
    pub(crate) fn now(&self) -> Time {
        let elapsed = Instant::now().saturating_duration_since(self.origin);
        Time::ZERO + elapsed
    }

    /// Now on the wall clock, since 1970: a step of that clock after the start does not count.
    pub(crate) fn unix_time(&self) -> Duration {
        Duration::from_nanos(self.wall.unix_nanos_at_zero)
            .saturating_add(self.now().since(Time::ZERO))
    }

    /// [`Time::ZERO`] as the standard library's instant, for libraries that want one.
    pub(crate) const fn origin(&self) -> Instant {
        self.origin
    }

    /// The Unix time at [`Time::ZERO`].
    pub(crate) const fn wall(&self) -> WallClock {
        self.wall
    }
}
