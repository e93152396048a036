//! What happens on connections, from opening to closing.

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;

use super::exchange::SURPLUS;
use super::flight::{Listening, Nobody};
use super::reader::Malformed;
use super::slots::Key;
use super::wire::{Opening, State, Taken, Wire};
use super::worker::Worker;
use crate::load::failure::Failure;
use crate::record::StepId;

/// One connection is read so often in one turn; then others have theirs.
const READS: usize = 4;

impl Worker {
    /// Opens connections to a route's places before they are needed, for the first step that goes there.
    pub(super) fn open_ahead(&mut self, route: usize) {
        let wanted = self.orders.ahead.max(self.routes[route].places.len());
        let lines = self.orders.script.scenarios.iter().flat_map(|play| &play.lines);
        let Some(step) = lines.into_iter().find(|l| l.origin == route).map(|l| l.id) else {
            return;
        };
        for _ in 0..wanted {
            if self.wires.len() >= self.orders.slots {
                return;
            }
            let Some(place) = self.routes[route].places.next() else { return };
            // Who needs the connection will see why there is none.
            if self.open(route, place, step, None).is_err() {
                return;
            }
        }
    }

    /// Begins to open a connection, in place of one that nobody needs if there would be too many.
    pub(super) fn open(
        &mut self,
        route: usize,
        place: usize,
        step: StepId,
        flight: Option<Key>,
    ) -> Result<Key, Failure> {
        while self.wires.len() >= self.orders.slots {
            let Some(needless) = self.needless() else { break };
            self.close(needless);
        }
        let to = &self.routes[route];
        let tls = if to.tls() {
            let name = to.certified.clone();
            let name = name.ok_or_else(|| Failure::failed("tls: host is not a name to check"))?;
            let config =
                self.orders.tls.clone().ok_or_else(|| Failure::failed("tls: not set up"))?;
            Some((config, name))
        } else {
            None
        };
        let (addr, now) = (to.places.addr(place), self.now);
        let wire = Wire::open(Opening { addr, tls, route, place, step, flight, now })?;
        self.recorder.opened();
        self.routes[route].places.opened(place);
        let key = self.wires.insert(wire);
        if let Some(wire) = self.wires.get(key)
            && let Err(error) = self.reactor.add(wire, key)
        {
            self.close(key);
            return Err(Failure::from_io(&error));
        }
        Ok(key)
    }

    /// A connection that can be missed: idle, or being opened for nobody.
    fn needless(&self) -> Option<Key> {
        let idle = self.routes.iter().find_map(|route| route.places.oldest_idle());
        idle.or_else(|| {
            self.wires.keys().into_iter().find(|key| {
                self.wires.get(*key).is_some_and(|wire| wire.opening() && !self.awaited(*key, wire))
            })
        })
    }

    /// Whether the arrival that a connection is opened for still waits for it.
    fn awaited(&self, key: Key, wire: &Wire) -> bool {
        let flight = wire.flight.and_then(|flight| self.flights.get(flight));
        flight.is_some_and(|flight| {
            matches!(flight.stage, super::flight::Stage::Waiting { wire: own, .. } if own == key)
        })
    }

    pub(super) fn close_all(&mut self, wires: Vec<Key>) {
        for wire in wires {
            self.close(wire);
        }
    }

    /// Closes a connection, whatever its state.
    pub(super) fn close(&mut self, key: Key) -> Option<Wire> {
        let wire = self.wires.remove(key)?;
        self.routes[wire.route].places.closed(wire.place, key);
        self.recorder.closed();
        Some(wire)
    }

    /// A connection has nothing to do: gives it to whom it was opened for, or to the first who waits, or keeps it.
    pub(super) fn ready(&mut self, key: Key) {
        let Some(wire) = self.wires.get(key) else { return };
        let own = wire.flight.filter(|_| self.awaited(key, wire));
        let Some(wire) = self.wires.get_mut(key) else { return };
        wire.state = State::Idle;
        wire.flight = None;
        let (route, place) = (wire.route, wire.place);
        let places = &mut self.routes[route].places;
        if let Some(own) = own {
            places.leave(place, own);
        }
        match own.or_else(|| places.first_waiting(place)) {
            Some(flight) => self.assign(key, flight),
            None => {
                if !places.keep(place, key) {
                    self.close(key);
                }
            }
        }
    }

    /// Something happened to a connection.
    pub(super) fn attend(&mut self, key: Key, flags: EventFlags) {
        let Some(wire) = self.wires.get_mut(key) else { return };
        let ended = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        match wire.state {
            State::Connecting => match wire.connected() {
                Ok(()) => self.connected(key),
                Err(error) => {
                    self.tick();
                    return self.broken(key, Failure::from_io(&error));
                }
            },
            State::Securing => self.push_tls(key),
            // Into a closed connection nothing can be written, but its answer may be there to be read.
            State::Busy if wire.blocked && flags.contains(EventFlags::OUT) && !ended => {
                self.push(key);
            }
            State::Idle | State::Busy => {}
        }
        if ended || flags.contains(EventFlags::IN) {
            self.read(key, ended);
        }
    }

    fn connected(&mut self, key: Key) {
        let now = self.tick();
        let Some(wire) = self.wires.get_mut(key) else { return };
        self.recorder.connected(now, wire.step, now.since(wire.since));
        if wire.is_tls() {
            (wire.state, wire.since) = (State::Securing, now);
            self.push_tls(key);
        } else {
            self.ready(key);
        }
    }

    /// Sends what there is to send of a connection's request.
    pub(super) fn push(&mut self, key: Key) {
        let Some(wire) = self.wires.get_mut(key) else { return };
        let Some(flight) = wire.flight.and_then(|flight| self.flights.get(flight)) else { return };
        match wire.push(flight.bytes(&self.orders.script)) {
            Ok(sent) => self.recorder.sent(wire.step, sent),
            Err(error) => self.broken(key, Failure::from_io(&error)),
        }
    }

    fn push_tls(&mut self, key: Key) {
        let Some(wire) = self.wires.get_mut(key) else { return };
        match wire.push_tls() {
            Ok((sent, _)) => self.recorder.sent(wire.step, sent),
            Err(error) => self.broken(key, Failure::from_io(&error)),
        }
    }

    /// Reads what a connection has to say; to its end if that is near.
    pub(super) fn read(&mut self, key: Key, ended: bool) {
        for _ in 0..READS {
            let Some(wire) = self.wires.get_mut(key) else { return };
            let received = wire.receive(&mut self.buffer);
            self.now = self.orders.clock.now();
            match received {
                Ok(0) => return self.hung_up(key),
                Ok(length) => {
                    self.recorder.received(wire.step, length);
                    self.heard(key, length);
                    if length < self.buffer.len() && !ended {
                        return;
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(error) => return self.broken(key, Failure::from_io(&error.into())),
            }
        }
        self.unfinished.push(key);
    }

    /// Bytes have come.
    fn heard(&mut self, key: Key, length: usize) {
        let Some(wire) = self.wires.get_mut(key) else { return };
        let bytes = &self.buffer[..length];
        let flight = wire.flight.filter(|_| wire.state == State::Busy);
        let first = !wire.reader.started();
        let taken = match flight.and_then(|flight| self.flights.get_mut(flight)) {
            None => wire.take(bytes, &mut Nobody),
            Some(flight) => {
                let line = flight.line(&self.orders.script);
                let taken = wire.take(bytes, &mut Listening { line, answer: &mut flight.answer });
                if first && wire.reader.started() {
                    let took = self.now.since(flight.sent_at);
                    self.recorder.first_byte(self.now, line.id, took);
                }
                taken
            }
        };
        if wire.wants_to_say() {
            self.push_tls(key);
        }
        let Some(wire) = self.wires.get_mut(key) else { return };
        match taken {
            Err(failure) => self.broken(key, failure),
            Ok(Taken::More) if wire.state == State::Securing && !wire.handshaking() => {
                let now = self.now;
                self.recorder.secured(now, wire.step, now.since(wire.since));
                self.ready(key);
            }
            Ok(Taken::More) => {}
            Ok(Taken::Answer { reusable, surplus }) if wire.state == State::Busy => {
                self.answered(key, reusable, surplus);
            }
            Ok(Taken::Answer { .. }) => {
                let step = wire.step;
                self.recorder.fault(step, SURPLUS);
                self.broken(key, Failure::failed(SURPLUS));
            }
        }
    }

    /// The target has closed a connection.
    fn hung_up(&mut self, key: Key) {
        let Some(wire) = self.wires.get_mut(key) else { return };
        if wire.state != State::Busy {
            return self.broken(key, Malformed::Nothing.into());
        }
        match wire.reader.hang_up() {
            Ok(()) if wire.ends_whole() => self.answered(key, false, false),
            Ok(()) => self.broken(key, Malformed::CutShort.into()),
            Err(malformed) => self.broken(key, malformed.into()),
        }
    }
}
