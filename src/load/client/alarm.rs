use std::io;
use std::time::Duration;

use rustix::event::Timespec;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;

use crate::clock::{Clock, Offset};

/// A kernel timer, late by some tens of microseconds, that is waited for on the runtime.
pub(super) struct Alarm {
    /// Read like a pipe: eight bytes once it has rung, and nothing before.
    timer: Receiver,
    clock: Clock,
    set: Option<Offset>,
}

impl Alarm {
    /// Belongs to the runtime it is made on.
    pub(super) fn new(clock: Clock) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let timer = Receiver::from_owned_fd_unchecked(timer)?;
        Ok(Self { timer, clock, set: None })
    }

    /// Rings at `at`, and at no earlier setting.
    pub(super) fn set(&mut self, at: Offset) -> io::Result<()> {
        if self.set == Some(at) {
            return Ok(());
        }
        // Never zero: that would be no timer at all.
        let rest = at.since(self.clock.now()).max(Duration::from_nanos(1));
        let value = Timespec {
            tv_sec: i64::try_from(rest.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: rest.subsec_nanos().into(),
        };
        let once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let spec = Itimerspec { it_interval: once, it_value: value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &spec)?;
        self.set = Some(at);
        Ok(())
    }

    /// Waits until it rings.
    pub(super) async fn rings(&mut self) -> io::Result<()> {
        // Set again before it was heard, it goes on waiting.
        self.timer.read_exact(&mut [0_u8; 8]).await?;
        self.set = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_rings_in_order_and_never_early() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock).unwrap();
        alarm.set(clock.now() + Duration::from_hours(1)).unwrap();
        for ms in [1_u64, 5, 0, 20] {
            let at = clock.now() + Duration::from_millis(ms);
            alarm.set(at).unwrap();
            alarm.rings().await.unwrap();
            // A microsecond is the clock's resolution.
            assert!(clock.now() + Duration::from_micros(2) >= at);
        }
    }
}
