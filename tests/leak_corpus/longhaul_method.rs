//! longhaul's own verdict, asked as `longhaul analyse` asks it.

use std::time::Duration;

use longhaul::clock::Offset;
use longhaul::record::LeakVerdict;
use longhaul::units::Percent;
use longhaul::verdict::leak::{Question, Trace, TracePoint, judge_trace};

use super::method::{Call, Estimate, Method, Opinion};
use super::series::Series;

/// The method of rival explanations.
pub(crate) struct RivalExplanations;

/// A series as the engine takes it.
pub(crate) fn trace(series: &Series) -> Trace {
    let mut trace = Trace::new();
    for reading in &series.readings {
        let point = TracePoint {
            at: Offset::from_micros((reading.t_s * 1e6).round() as u64),
            value: reading.value,
            epoch: reading.epoch,
            fault: reading.fault,
            requests: Some(reading.requests),
        };
        trace.push(point).expect("a corpus draws finite values in the order of time");
    }
    trace
}

impl Method for RivalExplanations {
    fn name(&self) -> &'static str {
        "longhaul"
    }

    fn judge(&self, series: &Series) -> Opinion {
        let (day, limit) = (Duration::from_hours(24), Percent::of(10.0));
        let question = if series.counts {
            Question::count(day, limit, None)
        } else {
            Question::memory(day, limit, None)
        };
        let finding = judge_trace(&trace(series), &question);
        let call = match finding.verdict {
            LeakVerdict::Leaking => Call::Leaking,
            LeakVerdict::Suspected => Call::Suspected,
            LeakVerdict::Warming => Call::Warming,
            LeakVerdict::Stable => Call::Stable,
            LeakVerdict::Inconclusive => Call::Inconclusive,
        };
        let estimate = finding.slope.map(|s| Estimate { slope: s.value, low: s.low, high: s.high });
        let shape = finding.shape.unwrap_or_default();
        Opinion { call, estimate, reason: format!("{shape}: {}", finding.reason) }
    }
}
