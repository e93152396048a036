//! `recovery`: until the workload is back in its band after a fault.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bound::{Bound, Quantity, with_warn};
use super::scope::{self, Scope};
use super::{Limit, Measure, Window, placed, reading};
use crate::experiment::source::{Context, Decode, Definitions, Id, Node, form, words};

/// Where the clock of a recovery starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryClock {
    /// At the fault's end.
    #[default]
    End,
    /// At its start.
    Start,
}

words! {
    RecoveryClock {
        "end" => RecoveryClock::End,
        "start" => RecoveryClock::Start,
    }
}

form! {
    /// Time until the workload is back in its band after a fault; at least one of `max` and `median`.
    struct RecoveryForm {
        /// Only this fault; default: each.
        fault: Id = Optional,
        /// Each time, at most, 1s to 7days.
        max: Window = Optional,
        /// The median of all times, at most, 1s to 7days. A time without recovery counts as longer than any.
        median: Window = Optional,
        /// Warn above this; less than the figure; only with one figure.
        warn: Window = Optional,
        /// Where the clock starts: at the fault's end, or at its start.
        from: RecoveryClock = Default("end"),
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct Recovery(pub(super) Vec<Limit>);

impl Decode for Recovery {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = RecoveryForm::decode(node, cx)?;
        reading::check_figures(node, &["max", "median"], cx);
        let span = form.fault.as_ref().map_or(node.span, |fault| fault.span);
        let fault = form.fault.map(|fault| fault.value.0);
        scope::fault(fault.clone(), span, cx);
        let from = form.from?.value;
        let mut figures = Vec::new();
        if let Some(max) = form.max {
            let measure = Measure::Recovery { fault: fault.clone(), from };
            figures.push((measure, Bound::at_most(Quantity::Time(max.value.0))));
        }
        if let Some(median) = form.median {
            let measure = Measure::MedianRecovery { fault, from };
            figures.push((measure, Bound::at_most(Quantity::Time(median.value.0))));
        }
        let limits = with_warn(figures, placed(form.warn, |w| Quantity::Time(w.0)), cx);
        Some(Self(reading::limits(limits, &Scope::Total, None)))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = RecoveryForm::schema(defs);
        let any = ["max", "median"].map(|key| json!({ "required": [key] }));
        defs.constrain("RecoveryForm", "anyOf", any.into_iter().collect());
        schema
    }
}
