//! `memory`: highest and mean anonymous memory of an instance.

use serde_json::{Value, json};

use super::bound::{Bound, Quantity, with_warn};
use super::load::check_window;
use super::reading::{self, Statistic};
use super::scope::{self, Written};
use super::{Limit, Measure, Window, placed};
use crate::experiment::source::{Context, Decode, Definitions, Node, Text, form};
use crate::units::Bytes;

form! {
    /// Anonymous memory of each instance; at least one of `max` and `mean`.
    struct MemoryForm {
        /// Only this service; default: each.
        service: Text = Optional,
        /// The highest reading, at most.
        max: Bytes = Optional,
        /// The mean, at most.
        mean: Bytes = Optional,
        /// Warn above this; less than the figure; only with one figure.
        warn: Bytes = Optional,
        /// Which part of the run: the whole profile, outside faults, during faults, their recovery, or idle before the load.
        scope: Written = Default("total"),
        /// The mean is judged over every window of this length, the highest counts; default: all together.
        window: Window = Optional,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct Memory(pub(super) Vec<Limit>);

impl Decode for Memory {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = MemoryForm::decode(node, cx)?;
        reading::check_figures(node, &["max", "mean"], cx);
        check_window(form.window.as_ref(), cx);
        let service = reading::service(form.service, cx);
        let scope = scope::of_readings(form.scope, form.window.as_ref(), cx);
        let measure = |statistic| Measure::Memory { statistic, service: service.clone() };
        let figures = [(Statistic::Max, form.max), (Statistic::Mean, form.mean)];
        let figures = figures
            .into_iter()
            .filter_map(|(s, at)| Some((measure(s), Bound::at_most(Quantity::Bytes(at?.value)))))
            .collect();
        let warn = placed(form.warn, Quantity::Bytes);
        let limits = with_warn(figures, warn, cx);
        Some(Self(reading::limits(limits, &scope, form.window.map(|w| w.value.0))))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = MemoryForm::schema(defs);
        let any = ["max", "mean"].map(|key| json!({ "required": [key] }));
        defs.constrain("MemoryForm", "anyOf", any.into_iter().collect());
        schema
    }
}
