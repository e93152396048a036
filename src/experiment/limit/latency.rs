//! `latency`: figures of the latency of requests that ended well.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bound::{Bound, Quantity, with_warn};
use super::load::{Condition, LoadEntry, LoadMeasure, check_window, step};
use super::scope::{self, Written};
use super::{Window, placed};
use crate::experiment::source::{Context, Decode, Definitions, Lasting, Node, Text, form};

/// A figure of a latency distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the field's")]
pub enum LatencyFigure {
    P50,
    P90,
    P95,
    P99,
    P999,
    Max,
    Mean,
}

impl LatencyFigure {
    const ALL: [Self; 7] =
        [Self::P50, Self::P90, Self::P95, Self::P99, Self::P999, Self::Max, Self::Mean];

    /// As in the experiment file.
    pub fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::Max => "max",
            Self::Mean => "mean",
        }
    }
}

/// A latency: a millisecond to an hour.
pub(super) type Latency = Lasting<1, 3_600_000>;

form! {
    /// Latency of requests that ended well; at least one figure, each a limit of its own.
    struct LatencyForm {
        /// The median, at most.
        p50: Latency = Optional,
        /// The 90th percentile, at most.
        p90: Latency = Optional,
        /// The 95th percentile, at most.
        p95: Latency = Optional,
        /// The 99th percentile, at most.
        p99: Latency = Optional,
        /// The 99.9th percentile, at most.
        p999: Latency = Optional,
        /// The largest, at most.
        max: Latency = Optional,
        /// The mean, at most.
        mean: Latency = Optional,
        /// Warn above this; less than the figure; only with one figure.
        warn: Latency = Optional,
        /// Only this step, `scenario/step`; default: all.
        step: Text = Optional,
        /// Which part of the profile: all of it, outside faults, during faults, or their recovery.
        scope: Written = Default("total"),
        /// Judged over every window of this length, the worst counts; default: the whole profile.
        window: Window = Optional,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct Latencies(pub(super) LoadEntry);

impl Decode for Latencies {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = LatencyForm::decode(node, cx)?;
        if !LatencyFigure::ALL.iter().any(|figure| node.has(figure.name())) {
            let hint = format!(
                "give one or several of {}",
                LatencyFigure::ALL.map(LatencyFigure::name).join(", ")
            );
            cx.problem_hint(node.span, "the latency limit has no figure", hint);
        }
        check_window(form.window.as_ref(), cx);
        let scope = scope::of_load(form.scope, form.window.as_ref(), cx);
        let step = step(form.step, cx);
        let given = [form.p50, form.p90, form.p95, form.p99, form.p999, form.max, form.mean];
        let figures = LatencyFigure::ALL
            .into_iter()
            .zip(given)
            .filter_map(|(figure, max)| {
                let measure = LoadMeasure::Latency { figure, step: step.clone() };
                Some((measure, Bound::at_most(Quantity::Time(max?.value.0))))
            })
            .collect();
        let warn = placed(form.warn, |w| Quantity::Time(w.0));
        let conditions = with_warn(figures, warn, cx)
            .into_iter()
            .map(|(measure, bound)| Condition { measure, bound })
            .collect();
        Some(Self(LoadEntry { conditions, scope, window: form.window }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = LatencyForm::schema(defs);
        let any = LatencyFigure::ALL.map(|figure| json!({ "required": [figure.name()] }));
        defs.constrain("LatencyForm", "anyOf", any.into_iter().collect());
        schema
    }
}
