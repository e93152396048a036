//! What arrivals do: one request after the other, to the end of their scenario.

use std::sync::atomic::Ordering;

use super::flight::{Flight, Stage};
use super::route::Direction;
use super::slots::Key;
use super::wire::{State, Wire};
use super::worker::Worker;
use crate::clock::wall;
use crate::experiment::Method;
use crate::load::answer::Answer;
use crate::load::backlog::Due;
use crate::load::course::{Course, LineEnd, Session};
use crate::load::failure::Failure;
use crate::record::Outcome;
use crate::seed::Seed;

type Captured = Vec<(u16, String)>;

const UNAUTHORIZED: u16 = 401;
/// A request buffer larger than this is given back after use.
const SPARE: usize = 16 * 1024;

impl Worker {
    /// Begins an arrival, or an iteration of a user of some stint. Its random values depend on the seed and its number alone.
    pub(super) fn depart(&mut self, due: Due, stint: Option<usize>) {
        let play = &self.orders.script.scenarios[due.scenario];
        let mut user = self.sessions.take(due.scenario);
        let logged_in = user.logged_in();
        for need in play.data.iter().filter(|need| !(need.session && logged_in)) {
            if let Some(mut row) = self.orders.feeds.take(need.feed) {
                user.give(need, &mut row);
            }
        }
        let course = Course::new(play.session, play.lines.len(), user.logged_in());
        let seed = Seed(self.orders.seed.0 ^ due.number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let flight = Flight {
            scenario: due.scenario,
            stint,
            course,
            user,
            seed,
            rng: None,
            from: due.at,
            request: self.spare.pop().unwrap_or_default(),
            answer: Answer::default(),
            stage: Stage::Nowhere,
            sent_at: due.at,
            repeated: false,
        };
        let key = self.flights.insert(flight);
        #[cfg(test)]
        assert_ne!(self.orders.panic_at, Some(due.number), "planted");
        self.play(key);
    }

    /// Begins the request at hand, and goes on with the next if it ends at once.
    fn play(&mut self, key: Key) {
        while let Err(failure) = self.request(key) {
            if self.conclude(key, Err(failure), None) {
                return;
            }
        }
    }

    fn request(&mut self, key: Key) -> Result<(), Failure> {
        let Some(flight) = self.flights.get_mut(key) else { return Ok(()) };
        let line = flight.line(&self.orders.script);
        self.recorder.request_began(self.now, line.id);
        self.deadlines.set(key.index(), flight.from + line.timeout);
        flight.repeated = false;
        flight.answer.clear();
        flight.request.clear();
        if line.request.constant().is_none() {
            let Flight { user, seed, rng, request, scenario, .. } = flight;
            let rng = rng.get_or_insert_with(|| seed.rng());
            let names = &self.orders.script.scenarios[*scenario].names;
            line.request.fill(user, names, rng, request)?;
        }
        self.direct(key)
    }

    /// Sends the request at hand where its route leads now.
    pub(super) fn direct(&mut self, key: Key) -> Result<(), Failure> {
        let Some(flight) = self.flights.get(key) else { return Ok(()) };
        let route = flight.line(&self.orders.script).origin;
        if self.routes[route].places.is_empty() {
            self.ask_name(route);
        }
        match self.routes[route].next() {
            Direction::Nowhere(failure) => Err(failure),
            Direction::Unresolved => {
                if let Some(flight) = self.flights.get_mut(key) {
                    flight.stage = Stage::Unresolved { route };
                }
                self.routes[route].unresolved.push_back(key);
                Ok(())
            }
            Direction::Place(place) => match self.routes[route].places.take_idle(place) {
                Some(wire) => {
                    self.assign(wire, key);
                    Ok(())
                }
                None => self.await_wire(key, route, place),
            },
        }
    }

    /// Opens a connection for the request at hand. It is sent over whichever to the same place is free first.
    fn await_wire(&mut self, key: Key, route: usize, place: usize) -> Result<(), Failure> {
        let Some(flight) = self.flights.get(key) else { return Ok(()) };
        let step = flight.line(&self.orders.script).id;
        let wire = match self.open(route, place, step, Some(key)) {
            Ok(wire) => wire,
            Err(failure) => return self.elsewhere(key, route, place, failure),
        };
        self.routes[route].places.wait(place, key);
        if let Some(flight) = self.flights.get_mut(key) {
            flight.stage = Stage::Waiting { route, place, wire };
        }
        Ok(())
    }

    /// An address could not be reached: another of the same name may be.
    fn elsewhere(
        &mut self,
        key: Key,
        route: usize,
        place: usize,
        failure: Failure,
    ) -> Result<(), Failure> {
        let (others, useless) = self.routes[route].unreachable(place);
        self.close_all(useless);
        if others { self.direct(key) } else { Err(failure) }
    }

    /// Sends the request at hand over a connection that is ready.
    pub(super) fn assign(&mut self, wire: Key, key: Key) {
        let (Some(flight), Some(ready)) = (self.flights.get_mut(key), self.wires.get_mut(wire))
        else {
            return;
        };
        let line = flight.line(&self.orders.script);
        ready.carry(key, line.id, line.method == Method::Head);
        flight.stage = Stage::Sent { wire };
        flight.sent_at = self.now;
        self.push(wire);
    }

    /// The answer to a connection's request is complete.
    pub(super) fn answered(&mut self, wire: Key, reusable: bool, surplus: bool) {
        let Some(ready) = self.wires.get_mut(wire) else { return };
        let Some(key) = ready.flight.take() else { return };
        let Some(flight) = self.flights.get_mut(key) else { return };
        flight.stage = Stage::Nowhere;
        let line = flight.line(&self.orders.script);
        let whole = ready.sent == flight.bytes(&self.orders.script).len();
        let names = &self.orders.script.scenarios[flight.scenario].names;
        let result = flight.answer.judge(line, names, self.now.since(flight.from));
        let status = flight.answer.status;
        if let Some(site) = line.site {
            for cookie in flight.answer.cookies.drain(..) {
                flight.user.jar.take(site, &cookie, wall);
            }
        }
        if surplus {
            self.recorder.fault(line.id, SURPLUS);
        }
        ready.used = true;
        if reusable && whole && !surplus {
            self.ready(wire);
        } else {
            self.close(wire);
        }
        self.proceed(key, result, Some(status));
    }

    /// A connection that was in use, or was being opened, has failed.
    ///
    /// One that was idle may have been closed by the target just before it was used. If so, and nothing of
    /// an answer arrived, the request goes out once more on another connection to the same place,
    /// provided that it never left or may safely be repeated (any method but POST and PATCH). Such
    /// repeats are counted.
    pub(super) fn broken(&mut self, wire: Key, failure: Failure) {
        let Some(gone) = self.close(wire) else { return };
        let Some(key) = gone.flight else { return };
        let Some(flight) = self.flights.get_mut(key) else { return };
        let again = match (gone.state, flight.stage) {
            (State::Busy, _) => {
                flight.stage = Stage::Nowhere;
                let method = flight.line(&self.orders.script).method;
                if !flight.repeated && stale(&gone, method) {
                    flight.repeated = true;
                    self.orders.retried.fetch_add(1, Ordering::Relaxed);
                    self.await_wire(key, gone.route, gone.place)
                } else {
                    Err(failure)
                }
            }
            (_, Stage::Waiting { route, place, wire: own }) if own == wire => {
                flight.stage = Stage::Nowhere;
                self.routes[route].places.leave(place, key);
                self.elsewhere(key, route, place, failure)
            }
            // It has been sent over another connection meanwhile.
            _ => Ok(()),
        };
        if let Err(failure) = again {
            self.proceed(key, Err(failure), None);
        }
    }

    /// The request at hand was not answered in time.
    pub(super) fn time_out(&mut self, index: usize) {
        let Some(key) = self.flights.key_at(index) else { return };
        self.detach(key);
        self.proceed(key, Err(Failure::timed_out("timed out")), None);
    }

    /// Takes the request at hand back from wherever it is.
    pub(super) fn detach(&mut self, key: Key) {
        let Some(flight) = self.flights.get_mut(key) else { return };
        match std::mem::replace(&mut flight.stage, Stage::Nowhere) {
            Stage::Nowhere => {}
            Stage::Unresolved { route } => self.routes[route].unresolved.retain(|f| *f != key),
            Stage::Waiting { route, place, wire } => {
                self.routes[route].places.leave(place, key);
                if self.wires.get(wire).is_some_and(Wire::opening) {
                    self.close(wire);
                }
            }
            Stage::Sent { wire } => {
                self.close(wire);
            }
        }
    }

    /// The request at hand has ended; the arrival goes on with the next, if there is one.
    pub(super) fn proceed(
        &mut self,
        key: Key,
        result: Result<Captured, Failure>,
        status: Option<u16>,
    ) {
        if !self.conclude(key, result, status) {
            self.play(key);
        }
    }

    /// The request at hand has ended, with this status if it was answered. Says whether the arrival has ended too.
    pub(super) fn conclude(
        &mut self,
        key: Key,
        result: Result<Captured, Failure>,
        status: Option<u16>,
    ) -> bool {
        let Some(flight) = self.flights.get_mut(key) else { return true };
        let now = self.now;
        let id = flight.line(&self.orders.script).id;
        self.deadlines.clear(key.index());
        let unauthorized = status == Some(UNAUTHORIZED) && result.is_err();
        let renew = unauthorized && flight.course.renewable();
        let (end, text, captured) = match result {
            Ok(captured) => (LineEnd::Well, None, captured),
            Err(_) if renew => (LineEnd::Unauthorized, Some(RENEWED.into()), Vec::new()),
            Err(failure) if unauthorized => (LineEnd::Unauthorized, Some(failure.text), Vec::new()),
            Err(failure) => (LineEnd::Badly(failure.outcome), Some(failure.text), Vec::new()),
        };
        let outcome = match end {
            LineEnd::Well => Outcome::Ok,
            LineEnd::Unauthorized => Outcome::Failed,
            LineEnd::Badly(outcome) => outcome,
        };
        let latency = now.since(flight.from);
        self.recorder.request_ended(now, id, outcome, latency, status, text.as_deref());
        flight.from = now;
        if flight.course.in_session() {
            flight.user.keep_for_session(captured);
        } else {
            flight.user.keep_for_arrival(captured);
        }
        let (session, over) = flight.course.end(end);
        match session {
            Session::Keep => {}
            Session::LoggedIn => self.sessions.log_in(flight.scenario, &mut flight.user),
            Session::Ended => {
                if self.sessions.end(flight.scenario, &mut flight.user) {
                    flight.course.resume();
                }
            }
        }
        let Some(outcome) = over else { return false };
        self.recorder.arrival_ended(now, outcome);
        if let Some(flight) = self.flights.remove(key) {
            if let Some(stint) = flight.stint {
                self.orders.crowd.rest(stint, now, outcome == Outcome::Ok);
            }
            self.sessions.put(flight.scenario, flight.user);
            if (1..=SPARE).contains(&flight.request.capacity()) {
                self.spare.push(flight.request);
            }
        }
        true
    }
}

const RENEWED: &str = "status 401, session renewed";
/// What is said of bytes that follow an answer, or come where none is awaited.
pub(super) const SURPLUS: &str = "unasked bytes after an answer";

/// Whether a request may be repeated that this connection was to carry.
fn stale(wire: &Wire, method: Method) -> bool {
    let safe = wire.sent == 0 || !matches!(method, Method::Post | Method::Patch);
    wire.used && safe && !wire.reader.started()
}
