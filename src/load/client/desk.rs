use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::books::Books;
use super::http2;
use super::idle::{Conn, Idle};
use super::lines::{Line, Lines};
use crate::clock::Offset;
use crate::load::captures::{Captures, Names, Sessions};
use crate::load::failure::Failure;
use crate::load::http1::{Lookups, Route};
use crate::load::request::Request;
use crate::seed::{Rng, Seed};

/// What all arrivals of a worker share. It is the worker's own: nothing of it leaves the thread.
pub(super) struct Desk {
    pub(super) books: Rc<Books>,
    pub(super) lines: Arc<Lines>,
    pub(super) routes: RefCell<Vec<Route>>,
    pub(super) lookups: Lookups,
    /// Names that were asked for have been answered.
    pub(super) answered: Notify,
    pub(super) sessions: RefCell<Sessions>,
    pub(super) idle: RefCell<Idle>,
    /// By pool: connections that carry several requests at once.
    pub(super) shared: Vec<http2::Pool>,
    /// By pool: how many of its connections may be in use, if that is bounded.
    pub(super) permits: Vec<Option<Semaphore>>,
    /// Connections at most.
    pub(super) slots: usize,
    /// What the values in templates are drawn from.
    pub(super) seed: Seed,
    /// Requests that were sent again because the target had not begun with them.
    pub(super) retried: Arc<AtomicU64>,
    /// What is under way ends now.
    pub(super) cut: CancellationToken,
    pub(super) end_of_load: Offset,
}

impl Desk {
    /// Leave to use a connection of a pool, and an idle one of it if there is one: waits while as many as it may have
    /// are in use.
    pub(super) async fn take(&self, pool: usize) -> (Option<SemaphorePermit<'_>>, Option<Conn>) {
        let permit = match &self.permits[pool] {
            // It is never closed.
            Some(permits) => permits.acquire().await.ok(),
            None => None,
        };
        (permit, self.take_idle(pool))
    }

    /// An idle connection of a pool that is still good, the last used first.
    fn take_idle(&self, pool: usize) -> Option<Conn> {
        loop {
            let mut conn = self.idle.borrow_mut().take(pool)?;
            if conn.is_quiet() {
                return Some(conn);
            }
        }
    }

    /// Keeps a connection for the next, unless its place is gone.
    pub(super) fn keep(&self, pool: usize, origin: usize, conn: Conn) {
        if self.routes.borrow()[origin].places.leads_to(conn.addr()) {
            self.idle.borrow_mut().put(pool, origin, conn);
        }
    }
}

/// One request of an arrival: what it may use, and what it hands back.
pub(super) struct Turn<'a> {
    pub(super) desk: &'a Desk,
    pub(super) line: &'a Line,
    pub(super) user: &'a Captures,
    pub(super) names: &'a Names,
    pub(super) rng: &'a mut Rng,
    /// When the request was meant to begin.
    pub(super) from: Offset,
    /// The connection that the step's requests share, between two of them.
    pub(super) held: &'a mut Option<Conn>,
    /// Whether it is the step's last request.
    pub(super) last: bool,
    /// The status of the answer, where the protocol has such.
    pub(super) status: Option<u16>,
    /// What the answer gave for later steps.
    pub(super) captured: Vec<(u16, String)>,
}

impl Turn<'_> {
    /// A text with its places filled in.
    pub(super) fn text(&mut self, text: &Request) -> Result<Vec<u8>, Failure> {
        if let Some(constant) = text.constant() {
            return Ok(constant.to_vec());
        }
        let mut out = Vec::new();
        text.fill(self.user, self.names, self.rng, &mut out)?;
        Ok(out)
    }

    /// The first byte of an answer has come, to what was sent at `sent`.
    pub(super) fn first_byte(&self, sent: Offset) {
        let id = self.line.id;
        self.desk.books.write(|recorder, now| recorder.first_byte(now, id, now.since(sent)));
    }
}
