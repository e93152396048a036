use std::collections::VecDeque;
use std::net::SocketAddr;

use super::slots::Key;

/// The addresses that one origin leads to now, each with its idle connections and with the arrivals
/// that wait for one.
///
/// An address that is gone is no longer given out. Its place is kept until its last connection has been
/// closed, and then may become another's; so a connection can name its place by number.
#[derive(Debug, Default)]
pub(in crate::load) struct Places {
    all: Vec<Place>,
    /// Those that are given out, in turn.
    alive: Vec<usize>,
    turn: usize,
}

#[derive(Debug)]
struct Place {
    addr: SocketAddr,
    alive: bool,
    /// Connections that lead here, whatever their state.
    wires: u32,
    /// The last used last.
    idle: Vec<Key>,
    /// Arrivals, the first come first.
    waiting: VecDeque<Key>,
}

impl Places {
    /// Takes over the addresses that count from now on; says which connections are idle for nothing.
    pub(in crate::load) fn replace(&mut self, addrs: &[SocketAddr]) -> Vec<Key> {
        let mut useless = Vec::new();
        for place in &mut self.all {
            place.alive = addrs.contains(&place.addr);
            if !place.alive {
                useless.append(&mut place.idle);
            }
        }
        self.alive.clear();
        for addr in addrs {
            let at = self.find(*addr);
            if !self.alive.contains(&at) {
                self.alive.push(at);
            }
        }
        useless
    }

    /// Stops giving out one address, if there are others; says whether there are, and which connections are idle for nothing.
    pub(in crate::load) fn drop_out(&mut self, place: usize) -> (bool, Vec<Key>) {
        let others = self.alive.iter().any(|at| *at != place);
        if !others || !self.all[place].alive {
            return (others, Vec::new());
        }
        self.alive.retain(|at| *at != place);
        self.all[place].alive = false;
        (true, std::mem::take(&mut self.all[place].idle))
    }

    fn find(&mut self, addr: SocketAddr) -> usize {
        let known = self.all.iter().position(|place| place.addr == addr);
        let free =
            || self.all.iter().position(|p| !p.alive && p.wires == 0 && p.waiting.is_empty());
        let at = known.or_else(free).unwrap_or(self.all.len());
        if at == self.all.len() {
            let (idle, waiting) = (Vec::new(), VecDeque::new());
            self.all.push(Place { addr, alive: true, wires: 0, idle, waiting });
        }
        self.all[at].addr = addr;
        self.all[at].alive = true;
        at
    }

    pub(in crate::load) fn is_empty(&self) -> bool {
        self.alive.is_empty()
    }

    /// How many addresses there are.
    pub(in crate::load) fn len(&self) -> usize {
        self.alive.len()
    }

    /// The next one in turn.
    pub(in crate::load) fn next(&mut self) -> Option<usize> {
        self.turn = if self.turn + 1 < self.alive.len() { self.turn + 1 } else { 0 };
        self.alive.get(self.turn).copied()
    }

    /// Whether this is one of the addresses.
    pub(in crate::load) fn leads_to(&self, addr: SocketAddr) -> bool {
        self.alive.iter().any(|at| self.all[*at].addr == addr)
    }

    pub(in crate::load) fn addr(&self, place: usize) -> SocketAddr {
        self.all[place].addr
    }

    /// A connection to this place is being opened.
    pub(in crate::load) fn opened(&mut self, place: usize) {
        self.all[place].wires += 1;
    }

    /// A connection to this place is gone.
    pub(in crate::load) fn closed(&mut self, place: usize, wire: Key) {
        let place = &mut self.all[place];
        place.wires -= 1;
        if let Some(at) = place.idle.iter().rposition(|idle| *idle == wire) {
            place.idle.remove(at);
        }
    }

    /// The idle connection that was used last.
    pub(in crate::load) fn take_idle(&mut self, place: usize) -> Option<Key> {
        self.all[place].idle.pop()
    }

    /// The idle connection that has been so for longest, of the first place that has one.
    pub(in crate::load) fn oldest_idle(&self) -> Option<Key> {
        self.all.iter().find_map(|place| place.idle.first().copied())
    }

    /// Keeps an idle connection, unless its place is gone.
    pub(in crate::load) fn keep(&mut self, place: usize, wire: Key) -> bool {
        let place = &mut self.all[place];
        if place.alive {
            place.idle.push(wire);
        }
        place.alive
    }

    /// Lets an arrival wait for a connection.
    pub(in crate::load) fn wait(&mut self, place: usize, flight: Key) {
        self.all[place].waiting.push_back(flight);
    }

    /// Lets an arrival wait no longer.
    pub(in crate::load) fn leave(&mut self, place: usize, flight: Key) {
        let waiting = &mut self.all[place].waiting;
        if let Some(at) = waiting.iter().position(|w| *w == flight) {
            waiting.remove(at);
        }
    }

    /// The arrival that has waited longest; it waits no longer.
    pub(in crate::load) fn first_waiting(&mut self, place: usize) -> Option<Key> {
        self.all[place].waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::super::slots::Slots;
    use super::*;

    fn addr(last: u8) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, last], 80))
    }

    fn turns(places: &mut Places, n: usize) -> Vec<SocketAddr> {
        (0..n).filter_map(|_| places.next().map(|at| places.addr(at))).collect()
    }

    #[test]
    fn addresses_take_turns_and_idle_connections_go_with_them() {
        let mut keys = Slots::new();
        let (a, b) = (keys.insert(()), keys.insert(()));
        let mut places = Places::default();
        assert_eq!(places.next(), None);
        assert!(places.replace(&[addr(1), addr(2), addr(1)]).is_empty());
        assert_eq!(places.len(), 2);
        assert_eq!(turns(&mut places, 4), [addr(2), addr(1), addr(2), addr(1)]);
        for wire in [a, b] {
            places.opened(0);
            assert!(places.keep(0, wire));
        }
        assert_eq!((places.oldest_idle(), places.take_idle(0)), (Some(a), Some(b)));
        assert_eq!(places.replace(&[addr(2), addr(3)]), [a]);
        places.closed(0, a);
        assert!(!places.keep(0, b), "its address is gone");
        // The connection under way still has its place; the new address has another.
        assert_eq!(turns(&mut places, 2), [addr(3), addr(2)]);
        assert_eq!(places.addr(0), addr(1));
        places.closed(0, b);
        places.replace(&[addr(4)]);
        assert_eq!((places.addr(0), places.all.len()), (addr(4), 3));
    }

    #[test]
    fn an_address_that_fails_stands_back_unless_it_is_the_last() {
        let mut places = Places::default();
        places.replace(&[addr(1), addr(2)]);
        assert!(places.drop_out(0).0);
        assert_eq!(turns(&mut places, 2), [addr(2), addr(2)]);
        assert!(!places.drop_out(1).0);
        assert_eq!((places.len(), places.is_empty()), (1, false));
    }

    #[test]
    fn who_waits_is_served_in_order() {
        let mut keys = Slots::new();
        let waiting: Vec<Key> = (0..3).map(|_| keys.insert(())).collect();
        let mut places = Places::default();
        places.replace(&[addr(1)]);
        for flight in &waiting {
            places.wait(0, *flight);
        }
        places.leave(0, waiting[0]);
        assert_eq!(places.first_waiting(0), Some(waiting[1]));
        assert_eq!(places.first_waiting(0), Some(waiting[2]));
        assert_eq!(places.first_waiting(0), None);
    }
}
