use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::deadlines::Deadlines;
use super::flight::Flight;
use super::reactor::{Bell, Events, Happening, Reactor};
use super::route::{Lookups, Route};
use super::slots::{Key, Slots};
use super::wire::Wire;
use crate::clock::{Clock, Offset};
use crate::load::backlog::{Backlog, Due};
use crate::load::captures::Sessions;
use crate::load::catch_up::Leave;
use crate::load::failure::Failure;
use crate::load::recorder::Recorder;
use crate::load::script::Script;
use crate::record::{Endpoints, LoadSlice, StepId};
use crate::seed::Seed;

/// What a worker is told before it starts.
pub(in crate::load) struct Orders {
    pub(in crate::load) clock: Clock,
    pub(in crate::load) begin: Offset,
    pub(in crate::load) script: Arc<Script>,
    /// What the values in templates are drawn from.
    pub(in crate::load) seed: Seed,
    pub(in crate::load) tls: Option<Arc<ClientConfig>>,
    pub(in crate::load) endpoints: watch::Receiver<Endpoints>,
    /// Rung when `endpoints` or `stop` change.
    pub(in crate::load) bell: Bell,
    pub(in crate::load) stop: CancellationToken,
    pub(in crate::load) retried: Arc<AtomicU64>,
    pub(in crate::load) backlog: Backlog,
    /// Arrivals under way at once, at most, and connections: each uses one.
    pub(in crate::load) slots: usize,
    /// Connections to open to each origin before the load begins.
    pub(in crate::load) ahead: usize,
    /// The timer's wake-ups are at least so far apart: what falls due in between goes out together.
    pub(in crate::load) quantum: Duration,
    pub(in crate::load) parts: mpsc::Sender<LoadSlice>,
    /// The arrival at which to panic.
    #[cfg(test)]
    pub(in crate::load) panic_at: Option<u64>,
}

/// One worker: its share of the arrivals, its own connections, and a loop of its own on its own thread.
pub(in crate::load) struct Worker {
    pub(super) orders: Orders,
    pub(super) reactor: Reactor,
    pub(super) wires: Slots<Wire>,
    pub(super) flights: Slots<Flight>,
    /// Of flights, by the index of their keys.
    pub(super) deadlines: Deadlines,
    pub(super) routes: Vec<Route>,
    pub(super) lookups: Lookups,
    pub(super) sessions: Sessions,
    pub(super) recorder: Recorder,
    /// What the socket at hand said.
    pub(super) buffer: Vec<u8>,
    /// Connections that had more to say than one turn allows.
    pub(super) unfinished: Vec<Key>,
    /// Request buffers that nobody uses.
    pub(super) spare: Vec<Vec<u8>>,
    /// The moment at hand: every departure and everything that is heard begins a new one.
    pub(super) now: Offset,
    stopped: Option<Offset>,
    /// When the timer last rang.
    rang: Offset,
}

/// What is under way when the load is stopped has so long to end.
const GRACE: Duration = Duration::from_secs(1);
/// What is read from a socket at once, at most.
const BUFFER: usize = 64 * 1024;

const NO_CONNECTION: &str = "no free connection";
const HELD_BACK: &str = "held back after an outage";
const SKIPPED: &str = "skipped: more than 100 ms late";
const STOPPED: &str = "run stopped";
const PANICKED: &str = "load worker panicked";

impl Worker {
    pub(in crate::load) fn new(orders: Orders) -> io::Result<Self> {
        let (script, begin) = (&orders.script, orders.begin);
        let recorder =
            Recorder::new(begin, script.steps, orders.backlog.cursor(), orders.parts.clone());
        let endpoints = orders.endpoints.borrow().clone();
        let route = |origin: &crate::load::script::Origin| Route::new(origin.clone(), &endpoints);
        Ok(Self {
            reactor: Reactor::new(orders.clock, orders.bell.clone())?,
            wires: Slots::new(),
            flights: Slots::new(),
            deadlines: Deadlines::new(),
            routes: script.origins.iter().map(route).collect(),
            lookups: Lookups::new(orders.bell.clone()),
            sessions: Sessions::new(script.scenarios.len()),
            recorder,
            buffer: vec![0; BUFFER],
            unfinished: Vec::new(),
            spare: Vec::new(),
            now: Offset::ZERO,
            stopped: None,
            rang: Offset::ZERO,
            orders,
        })
    }

    /// Runs its share of the load to the end, and says when that was: the load's own, or the stop.
    pub(in crate::load) fn run(&mut self) -> io::Result<Offset> {
        let mut events = Events::new();
        self.tick();
        self.look_around();
        self.ask_names();
        (0..self.routes.len()).for_each(|route| self.open_ahead(route));
        loop {
            let now = self.tick();
            if now >= self.recorder.boundary() {
                self.recorder.roll(now);
                self.ask_names();
            }
            let held = self.send_due();
            for index in self.deadlines.over(self.now) {
                self.time_out(index);
            }
            if let Some(end) = self.over(self.now) {
                return Ok(end);
            }
            let now = self.now;
            let wake = if self.unfinished.is_empty() { self.wake(now, held) } else { now };
            for n in 0..self.reactor.wait(now, wake, &mut events)? {
                match self.reactor.happening(&events, n) {
                    Happening::Timer => self.rang = self.tick(),
                    Happening::Bell => {
                        self.tick();
                        self.look_around();
                    }
                    Happening::Socket(wire, flags) => self.attend(wire, flags),
                }
            }
            for wire in std::mem::take(&mut self.unfinished) {
                self.read(wire, true);
            }
        }
    }

    /// Begins a new moment.
    pub(super) fn tick(&mut self) -> Offset {
        self.now = self.orders.clock.now();
        self.now
    }

    /// Ends the record. What is returned is still to be sent.
    pub(in crate::load) fn finish(&mut self, end: Offset) -> Option<LoadSlice> {
        self.recorder.finish(end)
    }

    /// Ends the record of a worker that panicked: what was under way has failed, what waited is not sent.
    pub(in crate::load) fn abandon(&mut self) -> Option<LoadSlice> {
        let now = self.orders.clock.now();
        self.recorder.settle(now, PANICKED);
        self.recorder.finish(now)
    }

    /// Sends what is due, as far as connections and the catch-up policy allow, and gives up what has waited too long.
    /// Says when the policy allows more.
    fn send_due(&mut self) -> Option<Offset> {
        let mut held = None;
        loop {
            let now = self.now;
            let Some(front) = self.orders.backlog.front() else {
                let Some(late) = self.orders.backlog.notice(now) else { return held };
                self.recorder.late(late);
                continue;
            };
            let full = self.flights.len() >= self.orders.slots;
            let timeout = self.first_timeout(front);
            if now >= self.orders.backlog.gives_up(front, timeout) {
                let why = match full {
                    _ if now.since(front.at) < timeout => SKIPPED,
                    true => NO_CONNECTION,
                    false => HELD_BACK,
                };
                self.give_up(now, front, why);
                continue;
            }
            if full {
                break;
            }
            match self.orders.backlog.ask(now, front) {
                Leave::Hold(until) => {
                    held = Some(until);
                    break;
                }
                Leave::Go => {
                    self.orders.backlog.take();
                    self.depart(front);
                    self.tick();
                }
            }
        }
        // What falls due behind one that waits, waits.
        while let Some(late) = self.orders.backlog.notice(self.now) {
            self.recorder.late(late);
        }
        held
    }

    fn first_timeout(&self, due: Due) -> Duration {
        self.first_line(due).1
    }

    /// The step that an arrival begins with when nobody has logged in, and its timeout.
    fn first_line(&self, due: Due) -> (StepId, Duration) {
        let line = &self.orders.script.scenarios[due.scenario].lines[0];
        (line.id, line.timeout)
    }

    fn give_up(&mut self, now: Offset, due: Due, why: &str) {
        self.recorder.not_sent(now, self.first_line(due).0, why);
        self.orders.backlog.take();
    }

    /// When there is something to do, unless something happens before.
    fn wake(&self, now: Offset, held: Option<Offset>) -> Offset {
        let backlog = &self.orders.backlog;
        let end = backlog.end_of_load();
        let given_up = backlog.front().map(|due| backlog.gives_up(due, self.first_timeout(due)));
        [
            held,
            given_up,
            backlog.next_due().map(|due| due.max(self.rang + self.orders.quantum)),
            (now < end).then_some(end),
            self.stopped.map(|at| at + GRACE),
        ]
        .into_iter()
        .flatten()
        .fold(self.recorder.boundary().min(self.deadlines.earliest()), Offset::min)
    }

    /// Whether all has ended, and when. What outlasts a stop for too long is cut off.
    fn over(&mut self, now: Offset) -> Option<Offset> {
        if self.stopped.is_some_and(|at| now >= at + GRACE) {
            for flight in self.flights.keys() {
                self.detach(flight);
                self.conclude(flight, Err(Failure::failed(STOPPED)), None);
            }
        }
        if self.flights.len() > 0 || self.orders.backlog.waiting() {
            return None;
        }
        let end = self.orders.backlog.end_of_load();
        let done = self.orders.backlog.next_due().is_none() && now >= end;
        self.stopped.or_else(|| done.then_some(end))
    }

    /// Sees what the bell was rung for: a stop, other instances, the address of a name.
    fn look_around(&mut self) {
        if self.stopped.is_none() && self.orders.stop.is_cancelled() {
            self.stop();
        }
        // An error means that the target is gone for good; its last instances stay.
        if self.orders.endpoints.has_changed().unwrap_or(false) {
            let endpoints = self.orders.endpoints.borrow_and_update().clone();
            for route in 0..self.routes.len() {
                let useless = self.routes[route].follow(&endpoints);
                self.close_all(useless);
            }
        }
        while let Some((route, ips)) = self.lookups.answer() {
            let first = self.routes[route].places.is_empty();
            let useless = self.routes[route].answer(self.now, &ips);
            self.close_all(useless);
            if first {
                self.open_ahead(route);
            }
            for flight in std::mem::take(&mut self.routes[route].unresolved) {
                if let Err(failure) = self.direct(flight) {
                    self.proceed(flight, Err(failure), None);
                }
            }
        }
    }

    /// Ends the schedule: nothing falls due from now on, and what waits is not sent.
    fn stop(&mut self) {
        let now = self.now;
        self.stopped = Some(now);
        self.recorder.stop_schedule(now);
        while let Some(late) = self.orders.backlog.notice(now) {
            self.recorder.late(late);
        }
        self.orders.backlog.stop();
        while let Some(due) = self.orders.backlog.front() {
            self.give_up(now, due, STOPPED);
        }
    }

    fn ask_names(&mut self) {
        (0..self.routes.len()).for_each(|route| self.ask_name(route));
    }

    /// Asks for a route's name if that is due.
    pub(super) fn ask_name(&mut self, route: usize) {
        if let Some(name) = self.routes[route].question(self.now) {
            self.lookups.ask(route, name);
        }
    }
}
