//! Questions that got no answer, told once they do again.

use super::Finding;
use crate::clock::Offset;
use crate::record::{Event, EventKind, GapSource};

/// A stretch of questions without an answer: since when, and the first reason.
#[derive(Debug, Default)]
pub(super) struct Outage(Option<(Offset, String)>);

impl Outage {
    /// One more question, of `at`, got no answer.
    pub(super) fn failed(&mut self, at: Offset, why: String) {
        self.0.get_or_insert((at, why));
    }

    /// Ends it: the gap it left, if there was one. `words` says of whom it is.
    pub(super) fn over(&mut self, at: Offset, words: &str) -> Option<Finding> {
        let (from, why) = self.0.take()?;
        let reason = format!("{words}: {why}");
        let kind = EventKind::Gap { source: GapSource::Scrapes, from, reason };
        Some(Finding::Event(Event { at, kind }))
    }
}
