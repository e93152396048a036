use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use super::http1::Bell;
use super::script::Need;
use crate::experiment::Row;

/// What a reader of a data file hands on.
#[derive(Debug)]
pub(super) enum Item {
    Row(Row),
    /// A row that can't be used.
    Bad,
}

/// One worker's end of the rows of one data file: so many wait for it, at most.
const AHEAD: usize = 256;

/// A worker's supply of rows, by file. The worker never waits for one.
#[derive(Debug, Default)]
pub(super) struct Feeds(Vec<Inlet>);

#[derive(Debug)]
pub(super) struct Inlet {
    rows: mpsc::Receiver<Item>,
    hungry: Arc<AtomicBool>,
    next: Option<Row>,
    starved: bool,
}

/// The reader's end.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) rows: mpsc::Sender<Item>,
    hungry: Arc<AtomicBool>,
    bell: Bell,
}

/// Whether an arrival can have its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supply {
    Ready,
    /// Not yet, for the lack of one of this file; the bell rings when there is one.
    Waits {
        feed: usize,
        since_now: bool,
    },
    /// Never again: this file can't be read any more.
    Over {
        feed: usize,
    },
}

impl Outlet {
    /// Rings the bell of a worker that found no row.
    pub(super) fn sent(&self) {
        if self.hungry.swap(false, Ordering::SeqCst) {
            self.bell.ring();
        }
    }
}

/// Both ends for one worker.
pub(super) fn pipe(bell: Bell) -> (Outlet, Inlet) {
    let (sender, rows) = mpsc::channel(AHEAD);
    let hungry = Arc::new(AtomicBool::new(false));
    let outlet = Outlet { rows: sender, hungry: Arc::clone(&hungry), bell };
    (outlet, Inlet { rows, hungry, next: None, starved: false })
}

impl Feeds {
    pub(super) fn new(inlets: Vec<Inlet>) -> Self {
        Self(inlets)
    }

    /// Whether there is a row of every file that is needed; `bad` is told of each row that can't be used, by file.
    pub(super) fn supply(&mut self, needs: &[Need], mut bad: impl FnMut(usize)) -> Supply {
        for need in needs {
            let inlet = &mut self.0[need.feed];
            let supply = inlet.fill(need.feed, &mut bad);
            if supply != Supply::Ready {
                return supply;
            }
        }
        Supply::Ready
    }

    /// The row of a file that [`Self::supply`] has found.
    pub(super) fn take(&mut self, feed: usize) -> Option<Row> {
        self.0[feed].next.take()
    }
}

impl Inlet {
    fn fill(&mut self, feed: usize, bad: &mut impl FnMut(usize)) -> Supply {
        while self.next.is_none() {
            match self.rows.try_recv() {
                Ok(Item::Row(row)) => self.next = Some(row),
                Ok(Item::Bad) => bad(feed),
                Err(mpsc::error::TryRecvError::Disconnected) => return Supply::Over { feed },
                // Looks once more after it has said so: a row may have come in between.
                Err(_) if !self.hungry.swap(true, Ordering::SeqCst) => {}
                Err(_) => {
                    let since_now = !std::mem::replace(&mut self.starved, true);
                    return Supply::Waits { feed, since_now };
                }
            }
        }
        self.starved = false;
        Supply::Ready
    }
}
