//! A target in memory that really changes: for tests of what is done and undone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::networks::Networks;
use super::world::{Timing, World};
use crate::experiment::Signal;
use crate::helper::{Cut, CutState, HelperError, Namespace};
use crate::record::{Health, Instance, InstanceState, Victim};
use crate::target::{Answer, Attachment, Control, ControlError};

/// Times for tests: everything soon.
pub(super) fn quick() -> Timing {
    Timing {
        lease: Duration::from_millis(150),
        verify_within: Duration::from_secs(5),
        verify_every: Duration::from_millis(5),
        heal_within: Duration::from_secs(1),
        backoff: Duration::from_millis(2),
        settle: Duration::ZERO,
        call: Duration::from_secs(5),
    }
}

/// The visible state of one container: what a heal must bring back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    pub state: InstanceState,
    pub attachments: Vec<Attachment>,
    /// Tables in its network namespace.
    pub tables: Vec<String>,
}

/// Everybody by container id.
pub(super) type Snapshot = BTreeMap<String, Shown>;

#[derive(Clone, Debug)]
struct Container {
    instance: Instance,
    attachments: Vec<Attachment>,
    tables: BTreeMap<String, (Cut, u64)>,
}

/// How the fake misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Not at all.
    None,
    /// The engine does not answer; this many calls from now on.
    Away(u32),
    /// Unpausing, starting, attaching and disarming is refused.
    NoUndo,
    /// Every injection panics after it was done.
    Panic,
    /// Every injection is done, but the answer is lost.
    LostAnswers,
    /// Injections answer "done" and do nothing.
    Asleep,
    /// Looks take 10 ms.
    Slow,
}

/// Called with what the fake looks like after each change.
type Watcher = Box<dyn Fn(Snapshot) + Send>;

struct State {
    containers: BTreeMap<String, Container>,
    trouble: Trouble,
    starts: i64,
    watcher: Option<Watcher>,
}

/// Two api replicas and a db on one network.
#[derive(Clone)]
pub(super) struct FakeTarget(Arc<Mutex<State>>);

impl FakeTarget {
    pub(super) fn new() -> Self {
        let fake = Self(Arc::new(Mutex::new(State {
            containers: BTreeMap::new(),
            trouble: Trouble::None,
            starts: 0,
            watcher: None,
        })));
        for (n, (service, ordinal)) in [("api", 1), ("api", 2), ("db", 1)].into_iter().enumerate() {
            let ip: IpAddr = format!("10.0.1.{}", n + 1).parse().unwrap();
            let attachment = |network: &str| Attachment {
                network: format!("p_{network}"),
                network_id: format!("id-{network}"),
                key: Some(network.into()),
                aliases: vec![service.into()],
                ..Attachment::default()
            };
            let id = format!("c-{service}-{ordinal}");
            let mut state = fake.lock();
            let started_at = Some(state.next_start());
            state.containers.insert(
                id.clone(),
                Container {
                    instance: Instance {
                        service: service.into(),
                        ordinal,
                        id,
                        pid: Some(100 + n as u32),
                        addresses: BTreeMap::from([("p_back".into(), ip)]),
                        port: None,
                        started_at,
                        state: InstanceState::Running,
                        health: Health::None,
                        restarts: 0,
                    },
                    attachments: vec![attachment("back"), attachment("front")],
                    tables: BTreeMap::new(),
                },
            );
        }
        fake
    }

    /// A target that looks as it did then.
    pub(super) fn at(snapshot: &Snapshot) -> Self {
        let fake = Self::new();
        for (id, shown) in snapshot {
            let mut state = fake.lock();
            let c = state.containers.get_mut(id).unwrap();
            c.instance.state = shown.state;
            c.attachments.clone_from(&shown.attachments);
            for table in &shown.tables {
                let lease = Duration::from_secs(1);
                let cut = Cut { table: table.clone(), sources: Vec::new(), lease };
                c.tables.insert(table.clone(), (cut, 0));
            }
        }
        fake
    }

    pub(super) fn world(&self) -> World {
        World {
            control: Arc::new(self.clone()),
            networks: Arc::new(self.clone()),
            links: None,
            timing: quick(),
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.lock().snapshot()
    }

    pub(super) fn trouble(&self, trouble: Trouble) {
        self.lock().trouble = trouble;
    }

    pub(super) fn watch(&self, watcher: impl Fn(Snapshot) + Send + 'static) {
        self.lock().watcher = Some(Box::new(watcher));
    }

    /// Every cut drops a packet.
    pub(super) fn traffic(&self) {
        for c in self.lock().containers.values_mut() {
            for (_, dropped) in c.tables.values_mut() {
                *dropped += 1;
            }
        }
    }

    /// Somebody else restarts a container: a new process, a new namespace, a new address.
    pub(super) fn restart_by_others(&self, id: &str, ip: &str) {
        self.change(id, |c, started| {
            c.begin(started);
            c.instance.addresses.insert("p_back".into(), ip.parse().unwrap());
        });
    }

    /// Whom a container does not hear.
    pub(super) fn deaf_to(&self, id: &str) -> Vec<IpAddr> {
        let state = self.lock();
        let tables = state.containers[id].tables.values();
        tables.flat_map(|(cut, _)| cut.sources.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn change(&self, id: &str, deed: impl FnOnce(&mut Container, Timestamp)) {
        let mut state = self.lock();
        let started = state.next_start();
        deed(state.containers.get_mut(id).unwrap(), started);
        let now = state.snapshot();
        if let Some(watcher) = &state.watcher {
            watcher(now);
        }
    }

    fn answers(&self, id: &str) -> Result<(), ControlError> {
        let mut state = self.lock();
        if let Trouble::Away(calls @ 1..) = state.trouble {
            state.trouble = Trouble::Away(calls - 1);
            return Err(ControlError::Unknown("connection refused".into()));
        }
        if state.containers.contains_key(id) { Ok(()) } else { Err(ControlError::Gone) }
    }

    /// Does something that hurts.
    fn hurt(
        &self,
        id: &str,
        deed: impl FnOnce(&mut Container, Timestamp),
    ) -> Result<(), ControlError> {
        self.answers(id)?;
        let trouble = self.lock().trouble;
        if trouble == Trouble::Asleep {
            return Ok(());
        }
        self.change(id, deed);
        assert!(trouble != Trouble::Panic, "planted");
        if trouble == Trouble::LostAnswers {
            return Err(ControlError::Unknown("connection reset".into()));
        }
        Ok(())
    }

    /// Does something that heals.
    fn mend(
        &self,
        id: &str,
        deed: impl FnOnce(&mut Container, Timestamp),
    ) -> Result<(), ControlError> {
        self.answers(id)?;
        if self.lock().trouble == Trouble::NoUndo {
            return Err(ControlError::Refused("planted".into()));
        }
        self.change(id, deed);
        Ok(())
    }
}

impl State {
    fn next_start(&mut self) -> Timestamp {
        self.starts += 1;
        Timestamp::from_second(1_800_000_000 + self.starts).unwrap()
    }

    fn snapshot(&self) -> Snapshot {
        let shown = |c: &Container| Shown {
            state: c.instance.state,
            attachments: c.attachments.clone(),
            tables: c.tables.keys().cloned().collect(),
        };
        self.containers.iter().map(|(id, c)| (id.clone(), shown(c))).collect()
    }
}

impl Container {
    fn end(&mut self) {
        self.instance.state = InstanceState::Stopped;
        self.instance.pid = None;
        self.tables.clear();
    }
    fn begin(&mut self, at: Timestamp) {
        self.end();
        self.instance.state = InstanceState::Running;
        self.instance.started_at = Some(at);
        self.instance.pid = Some(1000 + at.as_second() as u32 % 1000);
    }
}

fn ready<'a, T: Send + 'a>(value: Result<T, ControlError>) -> Answer<'a, T> {
    Box::pin(async { value })
}

impl Control for FakeTarget {
    fn instance(&self, id: &str) -> Answer<'_, Instance> {
        let found = self.answers(id).map(|()| self.lock().containers[id].instance.clone());
        let slow = self.lock().trouble == Trouble::Slow;
        Box::pin(async move {
            if slow {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            found
        })
    }
    fn signal(&self, id: &str, _signal: &Signal) -> Answer<'_, ()> {
        ready(self.hurt(id, |c, _| c.end()))
    }
    fn stop(&self, id: &str, _grace: Duration) -> Answer<'_, ()> {
        ready(self.hurt(id, |c, _| c.end()))
    }
    fn start(&self, id: &str) -> Answer<'_, ()> {
        ready(self.mend(id, |c, at| {
            if c.instance.state == InstanceState::Stopped {
                c.begin(at);
            }
        }))
    }
    fn restart(&self, id: &str, _grace: Duration) -> Answer<'_, ()> {
        let stopped = self.hurt(id, |c, _| c.end());
        ready(stopped.and_then(|()| self.hurt(id, Container::begin)))
    }
    fn pause(&self, id: &str) -> Answer<'_, ()> {
        ready(self.hurt(id, |c, _| c.instance.state = InstanceState::Paused))
    }
    fn unpause(&self, id: &str) -> Answer<'_, ()> {
        ready(self.mend(id, |c, _| {
            if c.instance.state == InstanceState::Paused {
                c.instance.state = InstanceState::Running;
            }
        }))
    }
    fn attachments(&self, id: &str) -> Answer<'_, Vec<Attachment>> {
        ready(self.answers(id).map(|()| self.lock().containers[id].attachments.clone()))
    }
    fn detach(&self, id: &str, network: &str) -> Answer<'_, ()> {
        ready(self.hurt(id, |c, _| c.attachments.retain(|a| a.network != network)))
    }
    fn attach(&self, id: &str, attachment: &Attachment) -> Answer<'_, ()> {
        ready(self.mend(id, |c, _| {
            c.attachments.push(attachment.clone());
            c.attachments.sort_by(|a, b| a.network.cmp(&b.network));
        }))
    }
    fn find(&self, victim: &Victim) -> Option<Instance> {
        let state = self.lock();
        let mut all = state.containers.values().map(|c| &c.instance);
        all.find(|i| i.service == victim.service && i.ordinal == victim.ordinal).cloned()
    }
}

impl Networks for FakeTarget {
    fn of<'a>(&'a self, who: &'a Instance) -> BoxFuture<'a, Result<Box<dyn Namespace>, String>> {
        let space: Box<dyn Namespace> =
            Box::new(FakeNamespace { fake: self.clone(), id: who.id.clone() });
        Box::pin(async { Ok(space) })
    }
    fn prod<'a>(&'a self, _from: &'a Instance, _to: IpAddr) -> BoxFuture<'a, bool> {
        self.traffic();
        Box::pin(async { true })
    }
}

struct FakeNamespace {
    fake: FakeTarget,
    id: String,
}

fn helped<'a, T: Send + 'a>(
    value: Result<T, ControlError>,
) -> BoxFuture<'a, Result<T, HelperError>> {
    Box::pin(async {
        value.map_err(|e| match e {
            ControlError::Gone => HelperError::Gone(1),
            ControlError::Unknown(text) => HelperError::Transport(text),
            ControlError::Refused(text) => HelperError::Enter(text),
        })
    })
}

impl Namespace for FakeNamespace {
    fn arm<'a>(&'a self, cut: &'a Cut) -> BoxFuture<'a, Result<(), HelperError>> {
        helped(self.fake.hurt(&self.id, |c, _| {
            let entry = c.tables.entry(cut.table.clone()).or_insert_with(|| (cut.clone(), 0));
            entry.0 = cut.clone();
        }))
    }
    fn state<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<CutState, HelperError>> {
        helped(self.fake.answers(&self.id).map(|()| {
            let state = self.fake.lock();
            match state.containers[&self.id].tables.get(table) {
                Some((cut, dropped)) => {
                    CutState { present: true, armed: cut.sources.clone(), dropped: *dropped }
                }
                None => CutState::default(),
            }
        }))
    }
    fn disarm<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<(), HelperError>> {
        helped(self.fake.mend(&self.id, |c, _| {
            c.tables.remove(table);
        }))
    }
    fn tables(&self) -> BoxFuture<'_, Result<Vec<String>, HelperError>> {
        let names = self.fake.snapshot()[&self.id].tables.clone();
        helped(Ok(names))
    }
}
