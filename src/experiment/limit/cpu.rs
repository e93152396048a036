//! `cpu`: highest and mean CPU use of an instance.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bound::{Bound, Quantity, with_warn};
use super::load::check_window;
use super::reading::{self, Statistic};
use super::scope::{self, Written};
use super::{Limit, Measure, Window, placed};
use crate::experiment::source::{Context, Decode, Definitions, Node, Share, Text, form, words};

/// What CPU use is a share of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CpuBase {
    /// One core: two busy cores are 200 %.
    #[default]
    Core,
    /// The instance's own CPU limit.
    Limit,
}

words! {
    CpuBase {
        "core" => CpuBase::Core,
        "limit" => CpuBase::Limit,
    }
}

/// A share of a core: of a thousand cores at most.
type Load = Share<100_000>;

form! {
    /// CPU use of each instance; at least one of `max` and `mean`.
    struct CpuForm {
        /// Only this service; default: each.
        service: Text = Optional,
        /// The highest of any second, or of any sampling interval that is longer; at most.
        max: Load = Optional,
        /// The mean, at most.
        mean: Load = Optional,
        /// Warn above this; less than the figure; only with one figure.
        warn: Load = Optional,
        /// Of one core, or of the instance's own CPU limit.
        of: CpuBase = Default("core"),
        /// Which part of the run: the whole profile, outside faults, during faults, their recovery, or idle before the load.
        scope: Written = Default("total"),
        /// The mean is judged over every window of this length, the highest counts; default: all together.
        window: Window = Optional,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct Cpu(pub(super) Vec<Limit>);

impl Decode for Cpu {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = CpuForm::decode(node, cx)?;
        reading::check_figures(node, &["max", "mean"], cx);
        check_window(form.window.as_ref(), cx);
        let service = reading::service(form.service, cx);
        let scope = scope::of_readings(form.scope, form.window.as_ref(), cx);
        let of = form.of?.value;
        let measure = |statistic| Measure::Cpu { statistic, of, service: service.clone() };
        let figures = [(Statistic::Max, form.max), (Statistic::Mean, form.mean)];
        let figures = figures
            .into_iter()
            .filter_map(|(s, at)| Some((measure(s), Bound::at_most(Quantity::Share(at?.value.0)))))
            .collect();
        let warn = placed(form.warn, |w| Quantity::Share(w.0));
        let limits = with_warn(figures, warn, cx);
        Some(Self(reading::limits(limits, &scope, form.window.map(|w| w.value.0))))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = CpuForm::schema(defs);
        let any = ["max", "mean"].map(|key| json!({ "required": [key] }));
        defs.constrain("CpuForm", "anyOf", any.into_iter().collect());
        schema
    }
}
