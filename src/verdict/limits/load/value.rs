//! The figure of a limit on the load, from a tally.

use std::time::Duration;

use super::super::super::second::answered;
use super::super::MIN_ARRIVALS;
use super::Tally;
use crate::experiment::{LatencyFigure, LoadMeasure};
use crate::record::Histogram;

/// A figure, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// The figure, in its base unit, and what stands behind it.
    Measured(f64, String),
    /// The target did so badly that there is no figure.
    Hopeless(String),
    /// There was too little load to tell.
    TooLittle(String),
}

/// The figure.
pub(super) fn value(measure: &LoadMeasure, tally: &Tally) -> Value {
    let counts = &tally.counts;
    let unit = if measure.step().is_some() { "requests" } else { "arrivals" };
    match measure {
        LoadMeasure::AchievedRate if tally.asked < MIN_ARRIVALS as f64 => {
            Value::TooLittle(format!("only {:.0} arrivals were asked for", tally.asked))
        }
        LoadMeasure::AchievedRate => {
            let done = answered(counts);
            let note = format!("{done} of {:.0} arrivals", tally.asked);
            // More may end in a stretch than fell due in it.
            Value::Measured((done as f64 / tally.asked).min(1.0), note)
        }
        LoadMeasure::Throughput { .. } if tally.time.is_zero() => {
            Value::TooLittle("there was no time to measure it in".to_owned())
        }
        LoadMeasure::Throughput { .. } => {
            let seconds = tally.time.as_secs_f64();
            let note = format!("{} requests ended well in {seconds:.0} s", counts.ok);
            Value::Measured(counts.ok as f64 / seconds, note)
        }
        LoadMeasure::ErrorRate { .. }
        | LoadMeasure::SuccessRate { .. }
        | LoadMeasure::Apdex { .. }
            if counts.ended() < MIN_ARRIVALS =>
        {
            let unit = if matches!(measure, LoadMeasure::Apdex { .. }) { "requests" } else { unit };
            Value::TooLittle(format!("only {} {unit} ended", counts.ended()))
        }
        LoadMeasure::ErrorRate { .. } => {
            let note = format!("{} of {} {unit}", counts.errors(), counts.ended());
            Value::Measured(counts.errors() as f64 / counts.ended() as f64, note)
        }
        LoadMeasure::SuccessRate { .. } => {
            let note = format!("{} of {} {unit}", counts.ok, counts.ended());
            Value::Measured(counts.ok as f64 / counts.ended() as f64, note)
        }
        LoadMeasure::Availability if counts.scheduled < MIN_ARRIVALS => {
            Value::TooLittle(format!("only {} arrivals fell due", counts.scheduled))
        }
        LoadMeasure::Availability => {
            let note = format!("{} of {} arrivals", counts.ok, counts.scheduled);
            Value::Measured((counts.ok as f64 / counts.scheduled as f64).min(1.0), note)
        }
        LoadMeasure::Apdex { target, .. } => apdex(*target, tally),
        LoadMeasure::Latency { figure, .. } => latency(*figure, tally),
    }
}

/// Satisfied, and half of the tolerated, among all (Apdex Technical Specification 1.1).
fn apdex(target: Duration, tally: &Tally) -> Value {
    let within = |d| tally.ok.as_ref().map_or(0, |ok: &Histogram| ok.count_within(d));
    let satisfied = within(target);
    let tolerated = within(target * 4) - satisfied;
    let all = tally.counts.ended();
    let score = (satisfied as f64 + tolerated as f64 / 2.0) / all as f64;
    let note = format!("{satisfied} satisfied and {tolerated} tolerated of {all} requests");
    Value::Measured(score, note)
}

/// When enough requests ended and fewer than 30 of them well, there is no hope: a target that answers nothing well
/// is not quick.
fn latency(figure: LatencyFigure, tally: &Tally) -> Value {
    let count = tally.ok.as_ref().map_or(0, Histogram::len);
    let ended = tally.counts.ended();
    match tally.ok.as_ref().and_then(|ok| of(figure, ok)) {
        Some(value) if count >= MIN_ARRIVALS => {
            Value::Measured(value.as_secs_f64(), format!("{count} requests ended well"))
        }
        _ if ended >= MIN_ARRIVALS => {
            Value::Hopeless(format!("only {count} of {ended} requests ended well"))
        }
        _ => Value::TooLittle(format!("only {count} requests ended well")),
    }
}

fn of(figure: LatencyFigure, histogram: &Histogram) -> Option<Duration> {
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
