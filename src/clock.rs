//! Time. The only file that reads clocks.
//!
//! Every fact of a run carries an [`Offset`] from one monotonic base; a single wall-clock anchor per
//! run turns offsets into calendar time. A step of the wall clock therefore can't bend a chart.

use std::fmt;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Time since the run's base. Resolution 1 us, range about 580 000 years. Serialised as integer microseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Offset(u64);

impl Offset {
    /// The run's base itself.
    pub const ZERO: Self = Self(0);

    /// From microseconds since the base.
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }

    /// Microseconds since the base.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Seconds since the base.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Time since the base.
    pub const fn elapsed(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// Time since `earlier`, zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The first multiple of the interval past this moment that lies after `now`, and how many were passed over on the
    /// way. Intervals under 1 ms count as 1 ms.
    pub fn next_due(self, every: Duration, now: Self) -> (Self, u64) {
        let every = every.max(Duration::from_millis(1));
        let passed = now.since(self).as_micros() / every.as_micros();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        (self + every.saturating_mul(passed.saturating_add(1)), u64::from(passed))
    }
}

impl std::ops::Add<Duration> for Offset {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(micros(d)))
    }
}

impl std::ops::Sub<Duration> for Offset {
    type Output = Self;
    fn sub(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(micros(d)))
    }
}

/// Whole microseconds, without the 128-bit division of `as_micros`: this is on the path of every request.
fn micros(d: Duration) -> u64 {
    d.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(d.subsec_micros()))
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.0 / 1_000_000;
        write!(f, "{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    }
}

/// A run's clock: one monotonic base, one wall-clock anchor. Copies agree with each other.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Instant,
    anchor: Timestamp,
}

impl Clock {
    /// A clock whose base is now.
    pub fn start() -> Self {
        Self { base: monotonic(), anchor: wall() }
    }

    /// Offset of this moment.
    pub fn now(&self) -> Offset {
        self.offset(monotonic())
    }

    /// Offset of a monotonic instant; zero for one before the base.
    pub fn offset(&self, at: Instant) -> Offset {
        Offset::ZERO + at.saturating_duration_since(self.base)
    }

    /// The monotonic instant of an offset.
    pub fn instant(&self, at: Offset) -> Instant {
        self.base + at.elapsed()
    }

    /// Wall-clock time of the base.
    pub fn anchor(&self) -> Timestamp {
        self.anchor
    }

    /// Offset of a wall-clock time that another program reported (for example the Docker engine);
    /// zero for one before the base.
    pub fn offset_of_wall(&self, at: Timestamp) -> Offset {
        let us = at.as_microsecond() - self.anchor.as_microsecond();
        Offset(u64::try_from(us).unwrap_or(0))
    }

    /// Waits until `at`. Not for pacing load: the runtime's timer has a granularity of about 1 ms.
    pub async fn sleep_until(&self, at: Offset) {
        tokio::time::sleep_until(tokio::time::Instant::from_std(self.instant(at))).await;
    }
}

/// The monotonic clock, for deadlines and for intervals inside one room.
#[expect(clippy::disallowed_methods, reason = "this file is the clock's home")]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// CPU time that this thread has used, for measuring what a piece of work costs.
pub fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanos)
}

/// The wall clock: for names, anchors and deadlines that must outlive the process.
pub fn wall() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this file is the clock's home")]
    Timestamp::now()
}
