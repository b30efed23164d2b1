//! Time as an argument: nothing below the worker reads a clock.

use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A point on one process's monotonic clock: nanoseconds since an origin that the driver chose.
///
/// Serialisable, `const`, and comparable across processes on one host when they share the origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);
    /// Later than any real time.
    pub const MAX: Self = Self(u64::MAX);

    /// The time `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The time `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole milliseconds since the origin.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long `earlier` lies before this time; zero if it lies after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    /// Saturates at [`Time::MAX`].
    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    /// Saturates at [`Time::ZERO`].
    fn sub(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}

/// A timestamp in the 64-bit format of NTP: seconds since 1900 in the high half, fractions in the low half
/// (RFC 3550 §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// The middle 32 bits, as report blocks carry them (RFC 3550 §6.4.1, LSR).
    pub const fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// The timestamp of `nanos` nanoseconds since the Unix epoch.
    pub const fn from_unix_nanos(nanos: u64) -> Self {
        let seconds = nanos / NANOS_PER_SECOND + UNIX_EPOCH_IN_NTP_SECONDS;
        let fraction = ((nanos % NANOS_PER_SECOND) << 32) / NANOS_PER_SECOND;
        Self((seconds << 32) | fraction)
    }

    /// Nanoseconds from the NTP epoch (1900, or 2036 after the wrap of the seconds).
    pub const fn as_nanos(self) -> u64 {
        let seconds = self.0 >> 32;
        let fraction = self.0 & 0xffff_ffff;
        seconds * NANOS_PER_SECOND + ((fraction * NANOS_PER_SECOND) >> 32)
    }
}

/// Ties the monotonic [`Time`] to the wall clock: what the Unix time was at the origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WallClock {
    /// Unix time, in nanoseconds, at [`Time::ZERO`].
    pub unix_nanos_at_zero: u64,
}

impl WallClock {
    /// The wall clock at `time`, in NTP's format.
    pub const fn ntp(self, time: Time) -> NtpTime {
        NtpTime::from_unix_nanos(self.unix_nanos_at_zero.saturating_add(time.as_nanos()))
    }
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// Seconds from 1900-01-01 to 1970-01-01 (RFC 868).
const UNIX_EPOCH_IN_NTP_SECONDS: u64 = 2_208_988_800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Time::ZERO - Duration::from_secs(1), Time::ZERO);
        assert_eq!(Time::MAX + Duration::from_secs(1), Time::MAX);
        assert_eq!(Time::ZERO.since(Time::MAX), Duration::ZERO);
    }

    #[test]
    fn ntp_of_the_unix_epoch_is_2208988800_seconds() {
        assert_eq!(WallClock::default().ntp(Time::ZERO).0, 2_208_988_800 << 32);
        let half = WallClock::default().ntp(Time::from_millis(500));
        assert_eq!(half.0 & 0xffff_ffff, 1 << 31);
    }

    #[test]
    fn ntp_middle_is_seconds_and_fraction_in_16_bits_each() {
        assert_eq!(NtpTime(0x1234_5678_9abc_def0).middle(), 0x5678_9abc);
    }
}
