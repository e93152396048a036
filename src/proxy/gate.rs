//! Whether bytes may pass now: a cut with a lease that runs out by itself.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock::monotonic;

/// Directions of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Directions {
    /// From the client to the server.
    pub to_server: bool,
    /// From the server to the client.
    pub to_client: bool,
}

impl Directions {
    /// Neither.
    pub const NONE: Self = Self { to_server: false, to_client: false };
    /// From the client to the server only.
    pub const TO_SERVER: Self = Self { to_server: true, to_client: false };
    /// From the server to the client only.
    pub const TO_CLIENT: Self = Self { to_server: false, to_client: true };
    /// Both.
    pub const BOTH: Self = Self { to_server: true, to_client: true };

    /// Whether the two have a direction in common.
    pub fn meets(self, other: Self) -> bool {
        (self.to_server && other.to_server) || (self.to_client && other.to_client)
    }
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    directions: Directions,
    until: Instant,
}

/// The one place where a link is cut. Expiry needs no task: who waits, waits for the deadline too, and
/// who looks, looks at the clock.
#[derive(Debug)]
pub(super) struct Gate {
    cut: watch::Sender<Option<Cut>>,
}

impl Gate {
    /// Open in both directions.
    pub(super) fn new() -> Self {
        Self { cut: watch::Sender::new(None) }
    }

    /// Cuts `directions`, and no other, for `lease` from now.
    pub(super) fn cut(&self, directions: Directions, lease: Duration) {
        self.cut.send_replace(Some(Cut { directions, until: monotonic() + lease }));
    }

    /// Opens both directions.
    pub(super) fn restore(&self) {
        self.cut.send_replace(None);
    }

    /// What is cut now, and for how long unless renewed.
    pub(super) fn state(&self) -> (Directions, Option<Duration>) {
        match in_force(*self.cut.borrow()) {
            Some(cut) => (cut.directions, Some(cut.until.saturating_duration_since(monotonic()))),
            None => (Directions::NONE, None),
        }
    }

    /// A view of the gate for one task.
    pub(super) fn watcher(&self) -> Watcher {
        Watcher { cut: self.cut.subscribe() }
    }
}

/// One task's view of a [`Gate`].
#[derive(Clone, Debug)]
pub(super) struct Watcher {
    cut: watch::Receiver<Option<Cut>>,
}

impl Watcher {
    /// Whether any of `directions` is cut now.
    pub(super) fn is_cut(&self, directions: Directions) -> bool {
        in_force(*self.cut.borrow()).is_some_and(|c| c.directions.meets(directions))
    }

    /// Waits until none of `directions` is cut. May be dropped at any time.
    pub(super) async fn open(&mut self, directions: Directions) {
        loop {
            let cut = in_force(*self.cut.borrow_and_update());
            let Some(cut) = cut.filter(|c| c.directions.meets(directions)) else { return };
            tokio::select! {
                () = tokio::time::sleep_until(cut.until.into()) => {}
                changed = self.cut.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Waits until one of `directions` is cut; for ever when the gate is gone. May be dropped at any time.
    pub(super) async fn shut(&mut self, directions: Directions) {
        loop {
            let cut = in_force(*self.cut.borrow_and_update());
            if cut.is_some_and(|c| c.directions.meets(directions)) {
                return;
            }
            if self.cut.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

fn in_force(cut: Option<Cut>) -> Option<Cut> {
    cut.filter(|c| c.until > monotonic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn a_cut_ends_by_itself_and_not_before() {
        let gate = Gate::new();
        let lease = Duration::from_millis(60);
        let start = monotonic();
        gate.cut(Directions::BOTH, lease);
        gate.watcher().open(Directions::TO_CLIENT).await;
        assert!(monotonic() - start >= lease);
        assert_eq!(gate.state(), (Directions::NONE, None));
    }

    #[tokio::test]
    async fn a_renewal_moves_the_deadline_of_those_who_wait() {
        let gate = Gate::new();
        gate.cut(Directions::BOTH, Duration::from_millis(60));
        let mut watcher = gate.watcher();
        let waits = watcher.open(Directions::TO_SERVER);
        tokio::pin!(waits);
        let soon = Duration::from_millis(30);
        assert!(tokio::time::timeout(soon, &mut waits).await.is_err());
        gate.cut(Directions::BOTH, LONG);
        // Past the first deadline it must still wait.
        assert!(tokio::time::timeout(soon * 3, &mut waits).await.is_err());
        gate.restore();
        waits.await;
    }

    #[tokio::test]
    async fn the_other_direction_stays_open() {
        let gate = Gate::new();
        gate.cut(Directions::TO_SERVER, LONG);
        let mut watcher = gate.watcher();
        assert!(watcher.is_cut(Directions::BOTH));
        assert!(!watcher.is_cut(Directions::TO_CLIENT));
        watcher.open(Directions::TO_CLIENT).await;
        watcher.shut(Directions::TO_SERVER).await;
    }
}
