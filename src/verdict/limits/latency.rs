//! `latency`: a figure of the latencies of requests that ended well.

use std::time::Duration;

use super::super::case::Case;
use super::super::sliding::Sliding;
use super::super::windows::Span;
use super::bound::windowed;
use super::{Bound, Judged, MIN_ARRIVALS, name};
use crate::experiment::{LatencyFigure, Limit, LimitKind, Load};
use crate::record::{Histogram, HistogramRow, LimitResult, LoadSlice, Side};

/// The result of the experiment's limit number `i`, a latency limit.
pub(super) fn judged(case: &Case, i: usize, limit: &Limit) -> Judged {
    match &case.latencies[i] {
        Some(result) => Judged { result: result.clone(), side: Side::Longhaul },
        None => Judged::never(&limit.kind, windowed(name(&limit.kind), limit)),
    }
}

/// Measures one latency limit over stored histograms, which come in time order.
pub(in super::super) struct Meter {
    limit: Limit,
    figure: LatencyFigure,
    step: Option<u16>,
    whole: Histogram,
    ended: u64,
    sliding: Option<Sliding>,
    worst: Option<(Duration, u64, Span)>,
}

impl Meter {
    /// A meter for the limit; `None` when it is no latency limit.
    pub(in super::super) fn new(limit: &Limit, load: &Load) -> Option<Self> {
        let LimitKind::Latency { figure, step, .. } = &limit.kind else { return None };
        Some(Self {
            limit: limit.clone(),
            figure: *figure,
            step: step_index(load, step.as_deref()),
            whole: Histogram::new(),
            ended: 0,
            sliding: limit.window.map(Sliding::new),
            worst: None,
        })
    }

    /// Adds a row; `ok` is its histogram, read.
    pub(in super::super) fn add(&mut self, row: &HistogramRow, ok: &Histogram) {
        if self.step.is_some_and(|step| step != row.step.0) {
            return;
        }
        self.ended += row.counts.ended();
        match &mut self.sliding {
            Some(sliding) => {
                let window = sliding.push(Span { from: row.from, to: row.to }, ok);
                self.consider(window);
            }
            None => self.whole.merge(ok),
        }
    }

    /// The result.
    pub(in super::super) fn finish(mut self) -> LimitResult {
        if let Some(last) = self.sliding.take().map(Sliding::finish) {
            self.consider(last);
        }
        let name = windowed(name(&self.limit.kind), &self.limit);
        let kind = &self.limit.kind;
        let result = match &self.worst {
            Some((worst, count, span)) => {
                let note = Some(format!("{count} requests ended well in that time"));
                Bound::of(kind).judge(String::new(), worst.as_secs_f64(), Some(*span), note)
            }
            None => result(kind, self.figure, &self.whole, self.ended, None),
        };
        LimitResult { name, ..result }
    }

    fn consider(&mut self, window: Option<(Span, Histogram)>) {
        let Some((span, histogram)) = window else { return };
        if histogram.len() < MIN_ARRIVALS {
            return;
        }
        if let Some(value) = value(self.figure, &histogram)
            && self.worst.is_none_or(|(worst, ..)| value > worst)
        {
            self.worst = Some((value, histogram.len(), span));
        }
    }
}

/// The result over one histogram. `ended` requests ended in any way: when those are enough and fewer than 30 of
/// them ended well, the limit is breached, because a target that answers nothing well is not quick.
pub(in super::super) fn result(
    kind: &LimitKind,
    figure: LatencyFigure,
    histogram: &Histogram,
    ended: u64,
    place: Option<Span>,
) -> LimitResult {
    let bound = Bound::of(kind);
    let count = histogram.len();
    match value(figure, histogram) {
        Some(value) if count >= MIN_ARRIVALS => {
            let note = Some(format!("{count} requests ended well"));
            bound.judge(name(kind), value.as_secs_f64(), place, note)
        }
        _ if ended >= MIN_ARRIVALS => {
            bound.fail(name(kind), format!("only {count} of {ended} requests ended well"))
        }
        _ => bound.unknown(name(kind), format!("only {count} requests ended well")),
    }
}

/// The step's index; one that no step has when there is no such step.
pub(in super::super) fn step_index(load: &Load, step: Option<&str>) -> Option<u16> {
    let step = step?;
    let index = load.step_names().iter().position(|name| name == step);
    Some(index.and_then(|i| u16::try_from(i).ok()).unwrap_or(u16::MAX))
}

/// The slice's latencies of requests that ended well, of one step or all.
pub(in super::super) fn pick_step(slice: &LoadSlice, step: Option<u16>) -> Histogram {
    let mut sum = Histogram::new();
    for s in slice.steps.iter().filter(|s| step.is_none_or(|step| step == s.step.0)) {
        sum.merge(&s.ok);
    }
    sum
}

fn value(figure: LatencyFigure, histogram: &Histogram) -> Option<Duration> {
    match figure {
        LatencyFigure::P50 => histogram.quantile(0.5),
        LatencyFigure::P90 => histogram.quantile(0.9),
        LatencyFigure::P95 => histogram.quantile(0.95),
        LatencyFigure::P99 => histogram.quantile(0.99),
        LatencyFigure::P999 => histogram.quantile(0.999),
        LatencyFigure::Max => histogram.max(),
        LatencyFigure::Mean => histogram.mean(),
    }
}

/// As in the experiment file.
pub(super) fn figure_name(figure: LatencyFigure) -> &'static str {
    match figure {
        LatencyFigure::P50 => "p50",
        LatencyFigure::P90 => "p90",
        LatencyFigure::P95 => "p95",
        LatencyFigure::P99 => "p99",
        LatencyFigure::P999 => "p999",
        LatencyFigure::Max => "max",
        LatencyFigure::Mean => "mean",
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, latency_p99, limit_result, limit_tier, secs};
    use super::*;
    use crate::record::Tier;

    #[test]
    fn slow_requests_breach_and_quick_ones_hold() {
        let slow = || Synthetic::hold(100).each(50..60, |s| s.latency = Duration::from_millis(400));
        assert_eq!(limit_tier(slow().limit(latency_p99("300ms"))), Tier::Fail);
        assert_eq!(limit_tier(slow().limit(latency_p99("500ms"))), Tier::Pass);
        assert_eq!(limit_tier(Synthetic::hold(100).limit(latency_p99("300ms"))), Tier::Pass);
        let result = limit_result(slow().limit(latency_p99("500ms")));
        assert_eq!(result.name, "latency p99");
        assert!(result.margin.unwrap().ends_with("ms inside"));
    }

    #[test]
    fn a_short_spell_breaches_only_a_window() {
        let spell = || Synthetic::hold(600).each(500..505, |s| s.latency = secs(1));
        assert_eq!(limit_tier(spell().limit(latency_p99("300ms"))), Tier::Pass);
        let result = limit_result(spell().limit_in(latency_p99("300ms"), secs(60)));
        assert_eq!(result.tier, Tier::Fail);
        let (from, to) = result.window.unwrap();
        let spell_at = Synthetic::profile_start() + secs(502);
        assert!(from < spell_at && spell_at < to && to.since(from) == secs(60));
        assert_eq!(
            limit_tier(Synthetic::hold(30).limit_in(latency_p99("300ms"), secs(60))),
            Tier::Pass
        );
    }

    #[test]
    fn a_target_that_answers_nothing_well_is_not_quick() {
        let broken =
            Synthetic::hold(100).each(0..100, |s| (s.counts.ok, s.counts.failed) = (0, 50));
        assert_eq!(limit_tier(broken.limit(latency_p99("300ms"))), Tier::Fail);
        let idle = Synthetic::hold(100).each(0..100, |s| s.counts.ok = 0);
        assert_eq!(limit_tier(idle.limit(latency_p99("300ms"))), Tier::Unknown);
        let mut other = latency_p99("300ms");
        if let LimitKind::Latency { step, .. } = &mut other {
            *step = Some("browse/none".to_owned());
        }
        assert_eq!(limit_tier(Synthetic::hold(100).limit(other)), Tier::Unknown);
    }
}
