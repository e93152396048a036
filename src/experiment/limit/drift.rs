//! `drift`: how far latency and throughput move from the beginning of the run to its end.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bound::{Bound, Quantity, with_warn};
use super::load::step;
use super::reading;
use super::scope::Scope;
use super::{Measure, placed};
use crate::experiment::source::{Context, Decode, Definitions, Node, Share, Text, form};

/// What may drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftFigure {
    /// Median latency, upwards.
    P50,
    /// 95th percentile of latency, upwards.
    P95,
    /// 99th percentile of latency, upwards.
    P99,
    /// Mean latency, upwards.
    Mean,
    /// What ends well among the arrivals that fall due, downwards.
    Throughput,
}

impl DriftFigure {
    const ALL: [Self; 5] = [Self::P50, Self::P95, Self::P99, Self::Mean, Self::Throughput];

    /// As in the experiment file.
    pub fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Mean => "mean",
            Self::Throughput => "throughput",
        }
    }
}

/// A change for the worse; latency may grow a hundredfold.
type Change = Share<10_000>;

form! {
    /// Latency and throughput at the run's end against those at its beginning, outside faults; at least one figure.
    struct DriftForm {
        /// The median latency rises by at most so much.
        p50: Change = Optional,
        /// The 95th percentile of latency rises by at most so much.
        p95: Change = Optional,
        /// The 99th percentile of latency rises by at most so much.
        p99: Change = Optional,
        /// The mean latency rises by at most so much.
        mean: Change = Optional,
        /// What ends well among the arrivals that fall due shrinks by at most so much.
        throughput: Share = Optional,
        /// Warn above this; less than the figure; only with one figure.
        warn: Change = Optional,
        /// Only this step, `scenario/step`; default: all together.
        step: Text = Optional,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct Drift(pub(super) Vec<super::Limit>);

impl Decode for Drift {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = DriftForm::decode(node, cx)?;
        reading::check_figures(node, &DriftFigure::ALL.map(DriftFigure::name), cx);
        let step = step(form.step, cx);
        let throughput = form.throughput.map(|t| t.value.0);
        let rises = [form.p50, form.p95, form.p99, form.mean].map(|f| f.map(|f| f.value.0));
        let given = rises.into_iter().chain([throughput]);
        let figures = DriftFigure::ALL
            .into_iter()
            .zip(given)
            .filter_map(|(figure, most)| {
                let measure = Measure::Drift { figure, step: step.clone() };
                Some((measure, Bound::at_most(Quantity::Share(most?))))
            })
            .collect();
        let limits = with_warn(figures, placed(form.warn, |w| Quantity::Share(w.0)), cx);
        Some(Self(reading::limits(limits, &Scope::Total, None)))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = DriftForm::schema(defs);
        let any = DriftFigure::ALL.map(|figure| json!({ "required": [figure.name()] }));
        defs.constrain("DriftForm", "anyOf", any.into_iter().collect());
        schema
    }
}
