//! Where the watchers of a target write down what they see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, watch};

use super::{TargetEvent, TargetEventKind};
use crate::clock;
use crate::record::{Endpoints, Roster, TargetAction, Victim};

const EVENTS: usize = 1024;

/// The roster, the addresses that follow from it, and the way out for events.
pub(super) struct Board {
    roster: watch::Sender<Arc<Roster>>,
    endpoints: watch::Sender<Endpoints>,
    events: mpsc::Sender<TargetEvent>,
    dropped: AtomicU64,
}

impl Board {
    /// An empty board, and the other end of its events: 1024 at most, what does not fit is dropped and a
    /// gap tells of it as soon as there is room.
    pub(super) fn new() -> (Arc<Self>, mpsc::Receiver<TargetEvent>) {
        let (events, receiver) = mpsc::channel(EVENTS);
        let board = Self {
            roster: watch::Sender::new(Arc::new(Roster::default())),
            endpoints: watch::Sender::new(Endpoints::default()),
            events,
            dropped: AtomicU64::new(0),
        };
        (Arc::new(board), receiver)
    }

    pub(super) fn roster(&self) -> watch::Receiver<Arc<Roster>> {
        self.roster.subscribe()
    }

    pub(super) fn endpoints(&self) -> watch::Receiver<Endpoints> {
        self.endpoints.subscribe()
    }

    /// Shows a new roster; watchers wake only when something changed.
    pub(super) fn show(&self, mut roster: Roster) {
        roster.instances.sort_by(|a, b| (&a.service, a.ordinal).cmp(&(&b.service, b.ordinal)));
        let endpoints = roster.endpoints();
        let swap = |changed: bool| changed;
        self.endpoints.send_if_modified(|old| {
            let changed = *old != endpoints;
            *old = endpoints;
            swap(changed)
        });
        self.roster.send_if_modified(|old| {
            let changed = **old != roster;
            *old = Arc::new(roster);
            swap(changed)
        });
    }

    pub(super) fn action(
        &self,
        victim: Victim,
        action: TargetAction,
        engine_time: Option<jiff::Timestamp>,
    ) {
        self.send(TargetEventKind::Action { victim, action, engine_time });
    }

    pub(super) fn gap(&self, from: jiff::Timestamp, reason: String) {
        self.send(TargetEventKind::Gap { from, reason });
    }

    fn send(&self, kind: TargetEventKind) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped > 0 {
            let reason = format!("{dropped} target events were dropped: nobody read them in time");
            let gap = TargetEventKind::Gap { from: clock::wall(), reason };
            if self.events.try_send(TargetEvent { kind: gap }).is_ok() {
                self.dropped.fetch_sub(dropped, Ordering::Relaxed);
            }
        }
        if self.events.try_send(TargetEvent { kind }).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Health, Instance, InstanceState};

    fn instance(service: &str, ordinal: u32, state: InstanceState) -> Instance {
        Instance {
            service: service.to_owned(),
            ordinal,
            id: format!("{service}{ordinal}"),
            pid: None,
            addresses: [("net".to_owned(), "10.0.0.1".parse().unwrap())].into(),
            port: None,
            started_at: None,
            state,
            health: Health::None,
            restarts: 0,
        }
    }

    #[test]
    fn addresses_follow_the_roster_and_equal_news_wake_nobody() {
        let (board, _events) = Board::new();
        let (mut roster, endpoints) = (board.roster(), board.endpoints());
        let up = || Roster {
            instances: vec![
                instance("b", 1, InstanceState::Running),
                instance("a", 2, InstanceState::Stopped),
                instance("a", 1, InstanceState::Running),
            ],
        };
        board.show(up());
        assert!(roster.has_changed().unwrap());
        let labels: Vec<_> =
            roster.borrow_and_update().instances.iter().map(Instance::label).collect();
        assert_eq!(labels, ["a#1", "a#2", "b#1"]);
        assert_eq!(endpoints.borrow().0["a"].len(), 1);
        board.show(up());
        assert!(!roster.has_changed().unwrap());
    }

    #[test]
    fn a_full_channel_drops_and_says_so() {
        let (board, mut events) = Board::new();
        let victim = Victim { service: "a".to_owned(), ordinal: 1 };
        for _ in 0..EVENTS + 3 {
            board.action(victim.clone(), TargetAction::Start, None);
        }
        while events.try_recv().is_ok() {}
        board.action(victim, TargetAction::Oom, None);
        let TargetEventKind::Gap { reason, .. } = events.try_recv().unwrap().kind else {
            panic!("a gap comes first")
        };
        assert!(reason.starts_with("3 target events"), "{reason}");
        assert!(matches!(
            events.try_recv().unwrap().kind,
            TargetEventKind::Action { action: TargetAction::Oom, .. }
        ));
    }
}
