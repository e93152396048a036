use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::time::Duration;

use rustls::pki_types::ServerName;

use super::places::Places;
use super::reactor::Bell;
use super::slots::Key;
use crate::clock::Offset;
use crate::load::failure::Failure;
use crate::load::script::{Host, Origin};
use crate::record::Endpoints;

/// Where one origin's requests go: the target's instances as they come and go, a fixed address, or what the
/// system's resolver says, asked again every 30 s and after a failed connect.
pub(in crate::load) struct Route {
    origin: Origin,
    /// The name that its certificate must be for.
    pub(in crate::load) certified: Option<ServerName<'static>>,
    pub(in crate::load) places: Places,
    /// Arrivals that wait for a name's first address.
    pub(in crate::load) unresolved: VecDeque<Key>,
    asked: Option<Offset>,
    asking: bool,
    doubted: bool,
}

/// Where to go.
pub(in crate::load) enum Direction {
    /// To this one of [`Route::places`].
    Place(usize),
    /// That is not known yet.
    Unresolved,
    Nowhere(Failure),
}

const FRESH: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_secs(1);

impl Route {
    pub(in crate::load) fn new(origin: Origin, endpoints: &Endpoints) -> Self {
        let certified = ServerName::try_from(origin.host.certified()).ok();
        let mut route = Self {
            certified,
            places: Places::default(),
            unresolved: VecDeque::new(),
            asked: None,
            asking: false,
            doubted: false,
            origin,
        };
        if let Host::Address(ip) = route.origin.host {
            route.places.replace(&[SocketAddr::new(ip, route.origin.port)]);
        }
        route.follow(endpoints);
        route
    }

    pub(in crate::load) fn tls(&self) -> bool {
        self.origin.tls
    }

    /// Takes over the target's latest instances; says which connections are idle for nothing.
    pub(in crate::load) fn follow(&mut self, endpoints: &Endpoints) -> Vec<Key> {
        let Host::Service(service) = &self.origin.host else { return Vec::new() };
        let list = endpoints.0.get(service).map_or(&[][..], Vec::as_slice);
        let port = self.origin.port;
        let addrs: Vec<_> =
            list.iter().map(|e| SocketAddr::new(e.ip, e.port.unwrap_or(port))).collect();
        self.places.replace(&addrs)
    }

    /// Where the next request goes: to the addresses in turn.
    pub(in crate::load) fn next(&mut self) -> Direction {
        if let Some(place) = self.places.next() {
            return Direction::Place(place);
        }
        match &self.origin.host {
            Host::Service(service) => {
                let short: String = service.chars().take(60).collect();
                Direction::Nowhere(Failure::failed(format!("no running instance of {short}")))
            }
            _ if self.asking => Direction::Unresolved,
            _ => Direction::Nowhere(Failure::failed(NOT_FOUND)),
        }
    }

    /// Takes note that an address can't be reached. Among several, others take its place, and the name is asked
    /// again; says whether there are others, and which connections are idle for nothing.
    pub(in crate::load) fn unreachable(&mut self, place: usize) -> (bool, Vec<Key>) {
        if !matches!(self.origin.host, Host::Name(_)) {
            return (false, Vec::new());
        }
        self.doubted = true;
        self.places.drop_out(place)
    }

    /// The name to ask the system for now, if that is due. The answer goes to [`Self::answer`].
    pub(in crate::load) fn question(&mut self, now: Offset) -> Option<String> {
        let Host::Name(name) = &self.origin.host else { return None };
        let age = if self.doubted || self.places.is_empty() { AGAIN } else { FRESH };
        if self.asking || self.asked.is_some_and(|at| now.since(at) < age) {
            return None;
        }
        self.asking = true;
        Some(name.clone())
    }

    /// Takes over what the system says; no answer leaves the addresses as they were.
    pub(in crate::load) fn answer(&mut self, now: Offset, ips: &[IpAddr]) -> Vec<Key> {
        (self.asking, self.doubted, self.asked) = (false, false, Some(now));
        if ips.is_empty() {
            return Vec::new();
        }
        let port = self.origin.port;
        let addrs: Vec<_> = ips.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        self.places.replace(&addrs)
    }
}

/// What is said when a name has no address.
pub(in crate::load) const NOT_FOUND: &str = "host name not found";

/// Asks the system for names, away from the worker's thread: it may take as long as it likes.
pub(in crate::load) struct Lookups {
    answers: mpsc::Receiver<(usize, Vec<IpAddr>)>,
    sender: mpsc::Sender<(usize, Vec<IpAddr>)>,
    bell: Bell,
}

impl Lookups {
    /// Rings `bell` when there is an answer.
    pub(in crate::load) fn new(bell: Bell) -> Self {
        let (sender, answers) = mpsc::channel();
        Self { answers, sender, bell }
    }

    /// Asks for `name` in the name of route `route`. One question is under way per route at most, and a
    /// thread that hangs ends with the process.
    pub(in crate::load) fn ask(&self, route: usize, name: String) {
        let (sender, bell) = (self.sender.clone(), self.bell.clone());
        let ask = move || {
            let found = (name.as_str(), 0).to_socket_addrs();
            let mut ips: Vec<IpAddr> =
                found.map_or_else(|_| Vec::new(), |all| all.map(|a| a.ip()).collect());
            let mut known = Vec::new();
            ips.retain(|ip| {
                !known.contains(ip) && {
                    known.push(*ip);
                    true
                }
            });
            // The worker may have ended meanwhile.
            drop(sender.send((route, ips)));
            bell.ring();
        };
        if std::thread::Builder::new().name("load-name".to_owned()).spawn(ask).is_err() {
            drop(self.sender.send((route, Vec::new())));
            self.bell.ring();
        }
    }

    /// An answer that has come: of which route, and the addresses, none if there are none.
    pub(in crate::load) fn answer(&self) -> Option<(usize, Vec<IpAddr>)> {
        self.answers.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::record::Endpoint;

    fn endpoints(list: &[([u8; 4], Option<u16>)]) -> Endpoints {
        let list =
            list.iter().map(|(ip, port)| Endpoint { ip: (*ip).into(), port: *port }).collect();
        Endpoints(Arc::new(BTreeMap::from([("api".to_owned(), list)])))
    }

    fn route(host: Host, endpoints: &Endpoints) -> Route {
        Route::new(Origin { tls: false, host, port: 80 }, endpoints)
    }

    fn next(route: &mut Route) -> Result<String, String> {
        match route.next() {
            Direction::Place(place) => Ok(route.places.addr(place).to_string()),
            Direction::Unresolved => Err("unresolved".to_owned()),
            Direction::Nowhere(failure) => Err(failure.text.into_owned()),
        }
    }

    #[test]
    fn instances_take_turns_and_go_when_they_are_gone() {
        let two = endpoints(&[([127, 0, 0, 2], None), ([127, 0, 0, 3], Some(8080))]);
        let mut route = route(Host::Service("api".to_owned()), &two);
        let mut seen = [next(&mut route).unwrap(), next(&mut route).unwrap()];
        assert_eq!(next(&mut route).unwrap(), seen[0]);
        seen.sort();
        assert_eq!(seen, ["127.0.0.2:80", "127.0.0.3:8080"]);
        assert_eq!(route.question(Offset::ZERO), None);
        route.follow(&endpoints(&[([127, 0, 0, 3], Some(8080))]));
        assert_eq!(next(&mut route).unwrap(), "127.0.0.3:8080");
        route.follow(&endpoints(&[]));
        assert_eq!(next(&mut route).unwrap_err(), "no running instance of api");
        assert!(!route.unreachable(0).0);
    }

    #[test]
    fn a_name_is_asked_for_in_time_and_again_when_in_doubt() {
        let at = |s: u64| Offset::from_micros(s * 1_000_000);
        let mut route = route(Host::Name("shop".to_owned()), &Endpoints::default());
        assert_eq!(next(&mut route).unwrap_err(), NOT_FOUND);
        assert_eq!(route.question(at(0)).as_deref(), Some("shop"));
        assert_eq!(route.question(at(0)), None);
        assert_eq!(next(&mut route).unwrap_err(), "unresolved");
        route.answer(at(1), &[]);
        assert_eq!(next(&mut route).unwrap_err(), NOT_FOUND);
        assert_eq!((route.question(at(1)), route.question(at(2)).is_some()), (None, true));
        route.answer(at(2), &[[127, 0, 0, 1].into(), [127, 0, 0, 2].into()]);
        assert_eq!(next(&mut route).unwrap(), "127.0.0.2:80");
        assert_eq!((route.question(at(31)), route.question(at(32)).is_some()), (None, true));
        route.answer(at(32), &[]);
        assert_eq!(next(&mut route).unwrap(), "127.0.0.1:80");
        assert!(route.unreachable(0).0);
        assert_eq!(next(&mut route).unwrap(), "127.0.0.2:80");
        assert!(!route.unreachable(1).0);
        assert!(route.question(at(33)).is_some());
    }

    #[test]
    fn the_system_knows_localhost() {
        let lookups = Lookups::new(Bell::new().unwrap());
        lookups.ask(3, "localhost".to_owned());
        let (route, ips) = lookups.answers.recv().unwrap();
        assert!(route == 3 && !ips.is_empty() && ips.iter().all(IpAddr::is_loopback), "{ips:?}");
        assert!(lookups.answer().is_none());
    }
}
