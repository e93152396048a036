use std::sync::Arc;

use super::Arrivals;
use super::scatter::Block;
use super::share::Share;
use crate::clock::Offset;

/// A place in one worker's share of the schedule. The backlog is the distance between two of these.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    arrivals: Arc<Arrivals>,
    begin: Offset,
    share: Share,
    next: u64,
    due: Option<Offset>,
    /// What was drawn for the arrivals at hand.
    block: Block,
}

impl Cursor {
    /// At the first arrival of a share.
    pub(super) fn new(arrivals: Arc<Arrivals>, begin: Offset, share: Share) -> Self {
        let next = share.first(arrivals.total());
        let mut block = Block::default();
        let due = arrivals.due_near(next, &mut block).map(|d| begin + d);
        Self { arrivals, begin, share, next, due, block }
    }

    /// Number of the arrival it stands at.
    pub(super) fn number(&self) -> u64 {
        self.next
    }

    /// When that arrival falls due; `None` at the end.
    pub(super) fn due(&self) -> Option<Offset> {
        self.due
    }

    /// Goes on to the next arrival.
    pub(super) fn step(&mut self) {
        self.next = self.share.after(self.next, self.arrivals.total());
        self.due = self.arrivals.due_near(self.next, &mut self.block).map(|d| self.begin + d);
    }

    /// Goes on to the next arrival, which may be where `ahead` stands.
    pub(super) fn step_towards(&mut self, ahead: &Self) {
        self.next = self.share.after(self.next, self.arrivals.total());
        self.due = if self.next == ahead.next {
            ahead.due
        } else {
            self.arrivals.due_near(self.next, &mut self.block).map(|d| self.begin + d)
        };
    }

    /// Passes every arrival due at `until` or earlier; says how many.
    pub(super) fn pass(&mut self, until: Offset) -> u64 {
        let mut passed = 0;
        while self.due.is_some_and(|due| due <= until) {
            self.step();
            passed += 1;
        }
        passed
    }

    /// Goes on with a schedule that has more after the end of this one.
    pub(super) fn follow(&mut self, arrivals: Arc<Arrivals>) {
        self.arrivals = arrivals;
        self.block = Block::default();
        self.due = self.arrivals.due_near(self.next, &mut self.block).map(|d| self.begin + d);
    }

    /// Lets nothing more fall due.
    pub(super) fn end(&mut self) {
        self.due = None;
    }
}
