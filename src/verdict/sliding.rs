//! Latencies over the last so-and-so long, without keeping each second's histogram.

use std::collections::VecDeque;
use std::time::Duration;

use super::windows::Span;
use crate::clock::Offset;
use crate::record::Histogram;

/// Blocks a window is cut into at most: it slides by one of them.
const BLOCKS: u32 = 60;

/// The histogram of a sliding window. It slides by one slice, or by a sixtieth of its length where that is more,
/// so it never holds more than about sixty histograms. Two stacks of running sums keep each step at a few merges.
#[derive(Clone, Debug)]
pub(super) struct Sliding {
    window: Duration,
    block: Duration,
    /// Oldest last; each holds the sum of itself and all newer ones of this stack.
    front: Vec<(Span, Histogram)>,
    back: VecDeque<(Span, Histogram)>,
    back_sum: Histogram,
    growing: Option<(Span, Histogram)>,
}

impl Sliding {
    /// An empty window of this length.
    pub(super) fn new(window: Duration) -> Self {
        Self {
            window,
            block: window / BLOCKS,
            front: Vec::new(),
            back: VecDeque::new(),
            back_sum: Histogram::new(),
            growing: None,
        }
    }

    /// Adds latencies, in time order; several of the same stretch may come one by one. When that completes a
    /// step and the window is full, gives the window as it stood before: its place and its histogram.
    pub(super) fn push(&mut self, span: Span, latencies: &Histogram) -> Option<(Span, Histogram)> {
        let mut out = None;
        if let Some((grown, _)) = &self.growing
            && span.from > grown.from
            && grown.length() >= self.block
        {
            out = self.step();
        }
        match &mut self.growing {
            Some((grown, sum)) => {
                grown.to = grown.to.max(span.to);
                sum.merge(latencies);
            }
            None => self.growing = Some((span, latencies.clone())),
        }
        out
    }

    /// The last window, full or not; for the end of the records.
    pub(super) fn finish(mut self) -> Option<(Span, Histogram)> {
        self.step();
        self.total()
    }

    /// Moves the grown block in and what is too old out; gives the window if it is full.
    fn step(&mut self) -> Option<(Span, Histogram)> {
        let (span, sum) = self.growing.take()?;
        self.back_sum.merge(&sum);
        self.back.push_back((span, sum));
        let oldest = span.to - self.window;
        while self.start().is_some_and(|start| start < oldest) {
            self.pop();
        }
        self.total().filter(|(span, _)| {
            let slack = self.block.max(Duration::from_millis(100));
            span.length() + slack >= self.window
        })
    }

    fn start(&self) -> Option<Offset> {
        self.front.last().or_else(|| self.back.front()).map(|(span, _)| span.from)
    }

    fn pop(&mut self) {
        if self.front.is_empty() {
            while let Some((span, mut sum)) = self.back.pop_back() {
                if let Some((_, newer)) = self.front.last() {
                    sum.merge(newer);
                }
                self.front.push((span, sum));
            }
            self.back_sum.clear();
        }
        self.front.pop();
    }

    fn total(&self) -> Option<(Span, Histogram)> {
        let newest = self.back.back().or_else(|| self.front.first())?.0.to;
        let mut sum = self.back_sum.clone();
        if let Some((_, older)) = self.front.last() {
            sum.merge(older);
        }
        Some((Span { from: self.start()?, to: newest }, sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Offset {
        Offset::from_micros(s * 1_000_000)
    }

    #[test]
    fn the_window_is_the_sum_of_what_lies_in_it() {
        let mut sliding = Sliding::new(Duration::from_secs(10));
        let one = |s: u64| {
            let mut h = Histogram::new();
            h.record(Duration::from_millis(s + 1));
            h
        };
        for s in 0..100 {
            let window = sliding.push(Span { from: at(s), to: at(s + 1) }, &one(s));
            // The step completes when the next second begins.
            let Some((span, sum)) = window else {
                assert!(s < 10, "{s}");
                continue;
            };
            assert_eq!((span.from, span.to), (at(s - 10), at(s)));
            let mut expected = Histogram::new();
            (s - 10..s).for_each(|k| expected.merge(&one(k)));
            assert_eq!(sum, expected);
        }
        let (span, sum) = sliding.finish().unwrap();
        assert_eq!((span.from, span.to, sum.len()), (at(90), at(100), 10));
    }

    #[test]
    fn a_long_window_keeps_few_histograms() {
        let mut sliding = Sliding::new(Duration::from_mins(10));
        let h = Histogram::new();
        for s in 0..1500 {
            sliding.push(Span { from: at(s), to: at(s + 1) }, &h);
            assert!(sliding.front.len() + sliding.back.len() <= 61);
        }
    }
}
