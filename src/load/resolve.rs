use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;

use super::connect::Place;
use super::failure::Failure;
use super::render::Origin;
use crate::clock::{Clock, Offset};
use crate::record::{Endpoint, Endpoints};

/// Turns hosts into addresses: `<service>.target` into the target's instances in turn, other names by
/// the system's resolver, asked again every 30 s and after a failed connect.
pub(super) struct Resolver {
    clock: Clock,
    updates: RefCell<watch::Receiver<Endpoints>>,
    endpoints: RefCell<Endpoints>,
    turns: RefCell<HashMap<Rc<str>, usize>>,
    names: RefCell<HashMap<Rc<str>, Rc<Name>>>,
}

const FRESH: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_secs(1);
/// Host names can be templates; their number is bounded all the same.
const NAMES: usize = 1000;

impl Resolver {
    pub(super) fn new(clock: Clock, mut updates: watch::Receiver<Endpoints>) -> Self {
        let endpoints = RefCell::new(updates.borrow_and_update().clone());
        let (turns, names) = (RefCell::default(), RefCell::default());
        Self { clock, updates: RefCell::new(updates), endpoints, turns, names }
    }

    /// Takes over the target's latest instances; says whether they changed.
    pub(super) fn refresh(&self) -> bool {
        let mut updates = self.updates.borrow_mut();
        // An error means that the target is gone for good; its last instances stay.
        if !updates.has_changed().unwrap_or(false) {
            return false;
        }
        *self.endpoints.borrow_mut() = updates.borrow_and_update().clone();
        true
    }

    /// Whether a place may still be used: an instance of the target only while it is one.
    pub(super) fn lives(&self, place: &Place) -> bool {
        let Some(service) = &place.service else { return true };
        let fits =
            |e: &Endpoint| e.ip == place.addr.ip() && e.port.is_none_or(|p| p == place.addr.port());
        self.endpoints.borrow().0.get(&**service).is_some_and(|list| list.iter().any(fits))
    }

    /// Where to go, in the order to try: one instance of a service, or all addresses of a name.
    pub(super) async fn places(&self, origin: &Origin) -> Result<Vec<Place>, Failure> {
        let place = |addr, service: Option<Rc<str>>| Place {
            addr,
            service,
            tls: origin.tls.then(|| Rc::from(origin.host.as_str())),
        };
        if let Some(service) = origin.host.strip_suffix(".target") {
            let (addr, service) = self.instance(service, origin.port)?;
            return Ok(vec![place(addr, Some(service))]);
        }
        if let Ok(ip) = origin.host.parse::<IpAddr>() {
            return Ok(vec![place(SocketAddr::new(ip, origin.port), None)]);
        }
        let ips = self.name(&origin.host).ips(self.clock).await?;
        Ok(ips.into_iter().map(|ip| place(SocketAddr::new(ip, origin.port), None)).collect())
    }

    /// Takes note that a name's address can't be reached: others go first, and the name is asked again.
    pub(super) fn unreachable(&self, host: &str, ip: IpAddr) {
        let Some(name) = self.names.borrow().get(host).cloned() else { return };
        let mut ips = name.ips.borrow_mut();
        if ips.len() > 1 {
            ips.retain(|known| *known != ip);
        }
        name.doubted.set(true);
    }

    fn instance(&self, service: &str, port: u16) -> Result<(SocketAddr, Rc<str>), Failure> {
        let endpoints = self.endpoints.borrow();
        let list = endpoints.0.get(service).filter(|list| !list.is_empty()).ok_or_else(|| {
            let short: String = service.chars().take(60).collect();
            Failure::failed(format!("no running instance of {short}"))
        })?;
        let mut turns = self.turns.borrow_mut();
        let name =
            turns.get_key_value(service).map_or_else(|| Rc::from(service), |(k, _)| Rc::clone(k));
        let turn = turns.entry(Rc::clone(&name)).or_default();
        *turn = turn.wrapping_add(1);
        let to = list[*turn % list.len()];
        Ok((SocketAddr::new(to.ip, to.port.unwrap_or(port)), name))
    }

    fn name(&self, host: &str) -> Rc<Name> {
        let mut names = self.names.borrow_mut();
        if let Some(name) = names.get(host) {
            return Rc::clone(name);
        }
        if names.len() >= NAMES {
            names.clear();
        }
        let host: Rc<str> = Rc::from(host);
        let name = Rc::new(Name { host: Rc::clone(&host), ..Name::default() });
        names.insert(host, Rc::clone(&name));
        name
    }
}

#[derive(Default)]
struct Name {
    host: Rc<str>,
    ips: RefCell<Vec<IpAddr>>,
    asked: Cell<Option<Offset>>,
    asking: Cell<bool>,
    doubted: Cell<bool>,
    turn: Cell<usize>,
    /// The first question is asked once; whoever comes meanwhile waits for its answer.
    first: tokio::sync::Mutex<()>,
}

impl Name {
    async fn ips(self: Rc<Self>, clock: Clock) -> Result<Vec<IpAddr>, Failure> {
        if self.ips.borrow().is_empty() {
            let _alone = self.first.lock().await;
            if self.ips.borrow().is_empty() && self.older_than(AGAIN, clock.now()) {
                self.ask(clock).await;
            }
        } else if !self.asking.get()
            && self.older_than(if self.doubted.get() { AGAIN } else { FRESH }, clock.now())
        {
            self.asking.set(true);
            let name = Rc::clone(&self);
            tokio::task::spawn_local(async move {
                name.ask(clock).await;
                name.asking.set(false);
            });
        }
        let ips = self.ips.borrow();
        if ips.is_empty() {
            return Err(Failure::failed("host name not found"));
        }
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        let (before, after) = ips.split_at(turn % ips.len());
        Ok([after, before].concat())
    }

    fn older_than(&self, age: Duration, now: Offset) -> bool {
        self.asked.get().is_none_or(|at| now.since(at) >= age)
    }

    /// Asks the system. No answer leaves the addresses as they were.
    async fn ask(&self, clock: Clock) {
        self.doubted.set(false);
        let answer = tokio::net::lookup_host((&*self.host, 0)).await;
        self.asked.set(Some(clock.now()));
        if let Ok(found) = answer {
            let mut ips: Vec<IpAddr> = Vec::new();
            for addr in found {
                if !ips.contains(&addr.ip()) {
                    ips.push(addr.ip());
                }
            }
            if !ips.is_empty() {
                *self.ips.borrow_mut() = ips;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;

    fn endpoints(list: &[([u8; 4], Option<u16>)]) -> Endpoints {
        let list =
            list.iter().map(|(ip, port)| Endpoint { ip: (*ip).into(), port: *port }).collect();
        Endpoints(Arc::new(BTreeMap::from([("api".to_owned(), list)])))
    }

    fn origin(host: &str) -> Origin {
        Origin { tls: false, host: host.to_owned(), port: 80 }
    }

    async fn first(resolver: &Resolver, host: &str) -> Result<Place, Failure> {
        resolver.places(&origin(host)).await.map(|list| list[0].clone())
    }

    #[tokio::test]
    async fn instances_take_turns_and_go_when_they_are_gone() {
        let (sender, receiver) =
            watch::channel(endpoints(&[([127, 0, 0, 2], None), ([127, 0, 0, 3], Some(8080))]));
        let resolver = Resolver::new(Clock::start(), receiver);
        let one = first(&resolver, "api.target").await.unwrap();
        let two = first(&resolver, "api.target").await.unwrap();
        assert_ne!(one.addr, two.addr);
        assert_eq!(first(&resolver, "api.target").await.unwrap(), one);
        let ports = [one.addr.port(), two.addr.port()];
        assert!(ports.contains(&80) && ports.contains(&8080), "{ports:?}");
        assert!(!resolver.refresh());
        sender.send(endpoints(&[([127, 0, 0, 3], Some(8080))])).unwrap();
        assert!(resolver.refresh());
        assert_eq!([one, two].iter().filter(|p| resolver.lives(p)).count(), 1);
        sender.send(endpoints(&[])).unwrap();
        resolver.refresh();
        let none = first(&resolver, "api.target").await.unwrap_err();
        assert_eq!(none.text, "no running instance of api");
        assert!(first(&resolver, "db.target").await.is_err());
    }

    #[tokio::test]
    async fn plain_hosts_resolve_and_bad_addresses_stand_back() {
        let (_sender, receiver) = watch::channel(Endpoints::default());
        let resolver = Resolver::new(Clock::start(), receiver);
        assert_eq!(
            first(&resolver, "127.0.0.1").await.unwrap().addr,
            "127.0.0.1:80".parse().unwrap()
        );
        assert!(first(&resolver, "localhost").await.unwrap().addr.ip().is_loopback());
        let name = resolver.name("two");
        *name.ips.borrow_mut() = vec![[127, 0, 0, 1].into(), [127, 0, 0, 2].into()];
        name.asked.set(Some(resolver.clock.now()));
        resolver.unreachable("two", [127, 0, 0, 1].into());
        assert_eq!(*name.ips.borrow(), [IpAddr::from([127, 0, 0, 2])]);
        resolver.unreachable("two", [127, 0, 0, 2].into());
        assert_eq!(name.ips.borrow().len(), 1);
    }
}
