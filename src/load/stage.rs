use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::ClientConfig;

use super::connect::Traffic;
use super::pool::Pool;
use super::recorder::Recorder;
use super::resolve::Resolver;
use super::script::Script;
use super::session::Sessions;
use crate::clock::Clock;
use crate::seed::Seed;

/// What the arrivals of one worker have in common. It never leaves the worker's thread, and nothing in
/// it stays borrowed across an await.
pub(super) struct Stage {
    pub(super) clock: Clock,
    pub(super) script: Arc<Script>,
    /// What the values in templates are drawn from.
    pub(super) seed: Seed,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) resolver: Resolver,
    pub(super) pool: RefCell<Pool>,
    pub(super) sessions: RefCell<Sessions>,
    pub(super) recorder: RefCell<Recorder>,
    pub(super) traffic: Rc<Traffic>,
    pub(super) retried: Arc<AtomicU64>,
}

impl Stage {
    /// Takes over the target's latest instances and closes idle connections to those that are gone.
    pub(super) fn refresh(&self) {
        if self.resolver.refresh() {
            self.tidy();
        }
    }

    /// Closes idle connections that lead nowhere any more.
    pub(super) fn tidy(&self) {
        self.pool.borrow_mut().retain(|place| self.resolver.lives(place));
    }

    pub(super) fn count_retry(&self) {
        self.retried.fetch_add(1, Ordering::Relaxed);
    }
}
