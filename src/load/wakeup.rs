use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::clock::{Clock, Offset};

/// A kernel timer on the worker's reactor. The runtime's own timer has a granularity of about 1 ms;
/// this one is late by some tens of microseconds.
pub(super) struct Wakeup {
    fd: AsyncFd<OwnedFd>,
    clock: Clock,
    armed: Option<Offset>,
}

impl Wakeup {
    /// A timer that is not set. Needs a runtime.
    pub(super) fn new(clock: Clock) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe, for types that may change their descriptor; an `OwnedFd` can't"
        )]
        let fd = AsyncFd::new(timer)?;
        Ok(Self { fd, clock, armed: None })
    }

    /// Waits until `at`; for an `at` in the past, until the next turn of the reactor.
    pub(super) async fn until(&mut self, at: Offset) -> io::Result<()> {
        if self.armed != Some(at) {
            let rest = at.since(self.clock.now()).max(Duration::from_nanos(1));
            let value = Timespec {
                tv_sec: i64::try_from(rest.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: rest.subsec_nanos().into(),
            };
            let once = Timespec { tv_sec: 0, tv_nsec: 0 };
            let spec = Itimerspec { it_interval: once, it_value: value };
            timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::empty(), &spec)?;
            self.armed = Some(at);
        }
        loop {
            let mut ready = self.fd.readable().await?;
            let mut count = [0_u8; 8];
            match ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut count)?)) {
                Ok(read) => {
                    read?;
                    self.armed = None;
                    return Ok(());
                }
                // Setting the timer again takes back an expiry that was already reported.
                Err(_would_block) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_wakes_in_order_and_never_early() {
        let clock = Clock::start();
        let mut wakeup = Wakeup::new(clock).unwrap();
        for ms in [1_u64, 5, 5, 20] {
            let at = clock.now() + Duration::from_millis(ms);
            wakeup.until(at).await.unwrap();
            // A microsecond is the clock's resolution.
            assert!(clock.now() + Duration::from_micros(2) >= at);
        }
        wakeup.until(Offset::ZERO).await.unwrap();
    }
}
