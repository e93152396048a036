use std::io;

use super::deadlines::Deadlines;
use super::flight::Flight;
use super::reactor::{Events, Happening, Reactor};
use super::route::{Lookups, Route};
use super::slots::{Key, Slots};
use super::wire::Wire;
use crate::clock::Offset;
use crate::load::backlog::Due;
use crate::load::captures::Sessions;
use crate::load::departures::{Lack, PANICKED, STOPPED};
use crate::load::failure::Failure;
use crate::load::feeds::{Feeds, Supply};
use crate::load::orders::Orders;
use crate::load::recorder::Recorder;
use crate::load::script::Script;
use crate::record::{LoadSlice, Outcome};

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
    /// Whether a user could not begin for want of a connection or a row.
    crowded: bool,
    /// When the timer last rang.
    rang: Offset,
}

/// What is read from a socket at once, at most.
const BUFFER: usize = 64 * 1024;

impl Worker {
    pub(in crate::load) fn new(orders: Orders) -> io::Result<Self> {
        let (script, begin) = (&orders.script, orders.begin);
        let recorder =
            Recorder::new(begin, script.steps, orders.departures.cursor(), orders.parts.clone());
        let endpoints = orders.endpoints.borrow().clone();
        let route = |origin: &crate::load::script::Origin| Route::new(origin.clone(), &endpoints);
        Ok(Self {
            reactor: Reactor::new(orders.clock, orders.bell.clone())?,
            wires: Slots::new(),
            flights: Slots::new(),
            deadlines: Deadlines::new(),
            routes: script.origins.iter().map(route).collect(),
            lookups: Lookups::new(orders.bell.clone()),
            sessions: Sessions::new(script.scenarios.iter().map(|play| play.shared)),
            recorder,
            buffer: vec![0; BUFFER],
            unfinished: Vec::new(),
            spare: Vec::new(),
            now: Offset::ZERO,
            crowded: false,
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
            self.send_due();
            self.send_users();
            for index in self.deadlines.over(self.now) {
                self.time_out(index);
            }
            if let Some(end) = self.over(self.now) {
                return Ok(end);
            }
            let now = self.now;
            let wake = if self.unfinished.is_empty() { self.wake(now) } else { now };
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

    /// Sends what is due, as far as connections, rows and the catch-up policy allow.
    fn send_due(&mut self) {
        loop {
            let Orders { departures, script, feeds, .. } = &mut self.orders;
            let rows = |due, recorder: &mut Recorder| supply(script, feeds, due, recorder);
            let under_way = self.flights.len();
            let Some(due) = departures.next(self.now, under_way, &mut self.recorder, rows) else {
                return;
            };
            self.recorder.arrival_began(self.now);
            self.depart(due, None);
            self.tick();
        }
    }

    /// Lets users begin, as far as connections and rows allow.
    fn send_users(&mut self) {
        self.crowded = false;
        while let Some(due) = self.orders.crowd.front(self.now) {
            let Orders { script, feeds, slots, .. } = &mut self.orders;
            if self.flights.len() >= *slots {
                self.crowded = true;
                return;
            }
            let lack = supply(script, feeds, due, &mut self.recorder).err();
            if let Some(Lack::Yet) = lack {
                self.crowded = true;
                return;
            }
            let step = script.scenarios[due.scenario].lines[0].id;
            let stint = self.orders.crowd.take();
            self.recorder.iteration_began(due.at);
            if let Some(Lack::Forever(why)) = lack {
                self.recorder.fault(step, &why);
                self.recorder.arrival_ended(self.now, Outcome::NotSent);
                self.orders.crowd.rest(stint, self.now, false);
                continue;
            }
            self.depart(due, Some(stint));
            self.tick();
        }
    }

    /// When there is something to do, unless something happens before.
    fn wake(&self, now: Offset) -> Offset {
        let Orders { departures, crowd, quantum, .. } = &self.orders;
        [departures.wake(now, self.rang + *quantum), crowd.wake(self.crowded)]
            .into_iter()
            .flatten()
            .fold(self.recorder.boundary().min(self.deadlines.earliest()), Offset::min)
    }

    /// Whether all has ended, and when. What outlasts a stop for too long is cut off.
    fn over(&mut self, now: Offset) -> Option<Offset> {
        if self.orders.departures.cut(now) {
            for flight in self.flights.keys() {
                self.detach(flight);
                self.conclude(flight, Err(Failure::failed(STOPPED)), None);
            }
        }
        self.orders.departures.over(now, self.flights.len())
    }

    /// Sees what the bell was rung for: a stop, other instances, the address of a name.
    fn look_around(&mut self) {
        let Orders { departures, crowd, schedule, stop, .. } = &mut self.orders;
        if stop.is_cancelled() {
            departures.stop(self.now, &mut self.recorder);
            crowd.end();
        }
        if let Some(schedule) = schedule
            && schedule.has_changed().unwrap_or(false)
        {
            let arrivals = std::sync::Arc::clone(&schedule.borrow_and_update());
            departures.follow(&arrivals, &mut self.recorder);
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

/// Whether there are rows for an arrival. Its line in the books for those that there are not, or can't be used.
fn supply(
    script: &Script,
    feeds: &mut Feeds,
    due: Due,
    recorder: &mut Recorder,
) -> Result<(), Lack> {
    let play = &script.scenarios[due.scenario];
    let step = play.lines[0].id;
    let data = |feed: usize, what: &str| format!("data {}: {what}", script.feeds[feed].feed.name);
    let bad = |feed| recorder.fault(step, &data(feed, "a row can't be used"));
    match feeds.supply(&play.data, bad) {
        Supply::Ready => Ok(()),
        Supply::Waits { feed, since_now } => {
            if since_now {
                recorder.fault(step, &data(feed, "no row was ready"));
            }
            Err(Lack::Yet)
        }
        Supply::Over { feed } => Err(Lack::Forever(data(feed, "can't be read any more"))),
    }
}
