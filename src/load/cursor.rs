use std::sync::Arc;

use super::Arrivals;
use crate::clock::Offset;

/// A place in one worker's share of the schedule: every `stride`-th arrival. The backlog is the distance
/// between two of these.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    arrivals: Arc<Arrivals>,
    begin: Offset,
    stride: u64,
    next: u64,
    due: Option<Offset>,
}

impl Cursor {
    /// At the first arrival of worker `first` of `stride`.
    pub(super) fn new(arrivals: Arc<Arrivals>, begin: Offset, first: u64, stride: u64) -> Self {
        let due = arrivals.due(first).map(|d| begin + d);
        Self { arrivals, begin, stride, next: first, due }
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
        self.next += self.stride;
        self.due = self.arrivals.due(self.next).map(|d| self.begin + d);
    }

    /// Goes on to the next arrival, which may be where `ahead` stands.
    pub(super) fn step_towards(&mut self, ahead: &Self) {
        if self.next + self.stride == ahead.next {
            (self.next, self.due) = (ahead.next, ahead.due);
        } else {
            self.step();
        }
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

    /// Lets nothing more fall due.
    pub(super) fn end(&mut self) {
        self.due = None;
    }
}
