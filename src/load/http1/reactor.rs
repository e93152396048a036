use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use super::slots::Key;
use crate::clock::{Clock, Offset};

/// Tells one worker's reactor, from any thread, to look around.
#[derive(Clone, Debug)]
pub(in crate::load) struct Bell(Arc<OwnedFd>);

impl Bell {
    pub(in crate::load) fn new() -> io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self(Arc::new(fd)))
    }

    /// Wakes the worker, once for any number of calls.
    pub(in crate::load) fn ring(&self) {
        // It can only fail by being full, and then it rings already.
        let _full = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }

    /// What can be read while it rings: eight bytes, without waiting.
    pub(in crate::load) fn sound(&self) -> io::Result<OwnedFd> {
        self.0.try_clone()
    }

    fn hush(&self) {
        let _silent = rustix::io::read(&*self.0, &mut [0_u8; 8]);
    }
}

/// What one worker waits for: its sockets, its bell, and a kernel timer that is late by some tens of
/// microseconds (the runtime's own would be by a millisecond).
pub(super) struct Reactor {
    epoll: OwnedFd,
    timer: OwnedFd,
    bell: Bell,
    clock: Clock,
    armed: Option<Offset>,
}

/// Room for what one wait reports. It stays on the worker's thread.
pub(super) struct Events(Vec<Event>);

impl Events {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(AT_ONCE))
    }
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    Timer,
    Bell,
    Socket(Key, EventFlags),
}

const TIMER: u64 = u64::MAX;
const BELL: u64 = u64::MAX - 1;
/// So few at once, so that what falls due meanwhile does not wait long.
const AT_ONCE: usize = 64;

impl Reactor {
    pub(super) fn new(clock: Clock, bell: Bell) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let edge = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), edge)?;
        epoll::add(&epoll, &*bell.0, EventData::new_u64(BELL), edge)?;
        Ok(Self { epoll, timer, bell, clock, armed: None })
    }

    /// Reports everything that happens to a socket, each change once. Closing it ends that.
    pub(super) fn add(&self, socket: impl AsFd, key: Key) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(key.to_u64()), flags)?)
    }

    /// Waits until something happens, at most until `until` (not at all if that is `now`); says how many things did.
    pub(super) fn wait(
        &mut self,
        now: Offset,
        until: Offset,
        events: &mut Events,
    ) -> io::Result<usize> {
        events.0.clear();
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let timeout = if until <= now {
            Some(&at_once)
        } else {
            if self.armed != Some(until) {
                // Never zero: that would be no timer at all.
                let rest = until.since(self.clock.now()).max(Duration::from_nanos(1));
                let value = Timespec {
                    tv_sec: i64::try_from(rest.as_secs()).unwrap_or(i64::MAX),
                    tv_nsec: rest.subsec_nanos().into(),
                };
                let spec = Itimerspec { it_interval: at_once, it_value: value };
                // Setting it again takes back an expiry that was not reported yet.
                timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &spec)?;
                self.armed = Some(until);
            }
            None
        };
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events.0), timeout) {
            Ok(_) | Err(Errno::INTR) => Ok(events.0.len()),
            Err(error) => Err(error.into()),
        }
    }

    /// The `n`th thing that happened.
    pub(super) fn happening(&mut self, events: &Events, n: usize) -> Happening {
        let event = events.0[n];
        match event.data.u64() {
            TIMER => {
                self.armed = None;
                Happening::Timer
            }
            BELL => {
                self.bell.hush();
                Happening::Bell
            }
            number => Happening::Socket(Key::from_u64(number), event.flags),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happenings(reactor: &mut Reactor, until: Offset) -> Vec<Happening> {
        let mut events = Events::new();
        let count = reactor.wait(reactor.clock.now(), until, &mut events).unwrap();
        (0..count).map(|n| reactor.happening(&events, n)).collect()
    }

    #[test]
    fn the_timer_wakes_in_order_and_never_early() {
        let clock = Clock::start();
        let mut reactor = Reactor::new(clock, Bell::new().unwrap()).unwrap();
        for ms in [1_u64, 5, 5, 20] {
            let at = clock.now() + Duration::from_millis(ms);
            assert_eq!(happenings(&mut reactor, at), [Happening::Timer]);
            // A microsecond is the clock's resolution.
            assert!(clock.now() + Duration::from_micros(2) >= at);
        }
        assert_eq!(happenings(&mut reactor, Offset::ZERO), []);
    }

    #[test]
    fn the_bell_is_heard_from_another_thread_and_once() {
        let clock = Clock::start();
        let bell = Bell::new().unwrap();
        let mut reactor = Reactor::new(clock, bell.clone()).unwrap();
        std::thread::spawn(move || (0..3).for_each(|_| bell.ring())).join().unwrap();
        let far = clock.now() + Duration::from_hours(1);
        assert_eq!(happenings(&mut reactor, far), [Happening::Bell]);
        assert_eq!(happenings(&mut reactor, Offset::ZERO), []);
    }
}
