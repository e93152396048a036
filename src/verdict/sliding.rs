//! The load over the last so-and-so long, without keeping each second of it.

use std::time::Duration;

use super::limits::Tally;
use super::windows::Span;
use crate::clock::Offset;

/// Blocks a window is cut into at most: it slides by one of them.
const BLOCKS: u32 = 60;
/// A slice may be so much shorter than it should be.
const SLACK: Duration = Duration::from_millis(100);

/// The sum over a sliding window. Two stacks of running sums keep each step at a few additions.
#[derive(Clone, Debug)]
pub(super) struct Sliding {
    window: Duration,
    block: Duration,
    began: Option<Offset>,
    /// Oldest last; each holds the sum of itself and all newer ones of this stack.
    front: Vec<(Span, Tally)>,
    /// Oldest first.
    back: Vec<(Span, Tally)>,
    back_sum: Tally,
    growing: Option<(Span, Tally)>,
}

impl Sliding {
    /// A window that slides by a sixtieth of its length, or by one slice where that is more: it never holds more than
    /// about sixty sums.
    pub(super) fn by_block(window: Duration) -> Self {
        Self {
            window,
            block: window / BLOCKS,
            began: None,
            front: Vec::new(),
            back: Vec::new(),
            back_sum: Tally::default(),
            growing: None,
        }
    }

    /// A window that slides by one slice, and holds a sum for each.
    pub(super) fn by_slice(window: Duration) -> Self {
        Self { block: Duration::ZERO, ..Self::by_block(window) }
    }

    /// Adds a stretch, in time order. When that completes a step and a whole window has passed since the first one,
    /// gives the window: its place and its sum.
    pub(super) fn push(&mut self, span: Span, tally: Tally) -> Option<(Span, Tally)> {
        self.began.get_or_insert(span.from);
        let grown = match self.growing.take() {
            Some((grown, mut sum)) => {
                sum.add(&tally);
                (Span { to: grown.to.max(span.to), ..grown }, sum)
            }
            None => (span, tally),
        };
        let complete = grown.0.length() + SLACK >= self.block;
        self.growing = Some(grown);
        if !complete {
            return None;
        }
        let end = self.step()?;
        let passed = end.since(self.began?);
        if passed + self.block.max(SLACK) < self.window { None } else { self.total() }
    }

    /// The last window, full or not; for the end of the records.
    pub(super) fn finish(mut self) -> Option<(Span, Tally)> {
        self.step();
        self.total()
    }

    /// Moves the grown block in and what is too old out; gives the block's end.
    fn step(&mut self) -> Option<Offset> {
        let (span, sum) = self.growing.take()?;
        self.back_sum.add(&sum);
        self.back.push((span, sum));
        let oldest = span.to - self.window;
        // The newest block stays, even if it is longer than the window: stored latencies may be coarser.
        while self.front.len() + self.back.len() > 1
            && self.start().is_some_and(|start| start < oldest)
        {
            self.pop();
        }
        Some(span.to)
    }

    fn start(&self) -> Option<Offset> {
        self.front.last().or_else(|| self.back.first()).map(|(span, _)| span.from)
    }

    fn pop(&mut self) {
        if self.front.is_empty() {
            while let Some((span, mut sum)) = self.back.pop() {
                if let Some((_, newer)) = self.front.last() {
                    sum.add(newer);
                }
                self.front.push((span, sum));
            }
            self.back_sum.clear();
        }
        self.front.pop();
    }

    fn total(&self) -> Option<(Span, Tally)> {
        let newest = self.back.last().or_else(|| self.front.first())?.0.to;
        let mut sum = self.back_sum.clone();
        if let Some((_, older)) = self.front.last() {
            sum.add(older);
        }
        Some((Span { from: self.start()?, to: newest }, sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Histogram;

    fn at(s: u64) -> Offset {
        Offset::from_micros(s * 1_000_000)
    }

    fn one(s: u64) -> Tally {
        let mut ok = Histogram::new();
        ok.record(Duration::from_millis(s + 1));
        let mut tally = Tally { time: Duration::from_secs(1), asked: 2.0, ..Tally::default() };
        (tally.counts.ok, tally.ok) = (s, Some(ok));
        tally
    }

    #[test]
    fn the_window_is_the_sum_of_what_lies_in_it() {
        for mut sliding in
            [Sliding::by_block(Duration::from_secs(10)), Sliding::by_slice(Duration::from_secs(10))]
        {
            for s in 0..100 {
                let window = sliding.push(Span { from: at(s), to: at(s + 1) }, one(s));
                let Some((span, sum)) = window else {
                    assert!(s < 9, "{s}");
                    continue;
                };
                assert_eq!((span.from, span.to), (at(s - 9), at(s + 1)));
                let mut expected = Tally::default();
                (s - 9..=s).for_each(|k| expected.add(&one(k)));
                assert_eq!((sum.time, sum.counts), (expected.time, expected.counts));
                assert_eq!(sum.ok, expected.ok);
            }
            let (span, sum) = sliding.finish().unwrap();
            assert_eq!((span.from, span.to, sum.ok.unwrap().len()), (at(90), at(100), 10));
        }
    }

    #[test]
    fn what_is_left_out_of_the_middle_does_not_stop_the_windows() {
        let mut sliding = Sliding::by_slice(Duration::from_secs(10));
        let seen: Vec<u64> = (0..100)
            .filter(|s| !(20..50).contains(s))
            .filter_map(|s| sliding.push(Span { from: at(s), to: at(s + 1) }, one(s)))
            .map(|(span, _)| span.to.as_micros() / 1_000_000)
            .collect();
        assert_eq!(seen.len(), 100 - 9 - 30, "every window that ends where there is something");
    }

    #[test]
    fn a_long_window_keeps_few_sums() {
        let mut sliding = Sliding::by_block(Duration::from_hours(24 * 7));
        for s in 0..900_000 {
            sliding.push(Span { from: at(s), to: at(s + 1) }, Tally::default());
            assert!(sliding.front.len() + sliding.back.len() <= 61);
        }
    }
}
