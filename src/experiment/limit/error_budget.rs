//! `error_budget`: how much of the errors that an objective allows was spent, and how fast.

use serde_json::{Value, json};

use super::bound::{Bound, Quantity, with_warn};
use super::load::check_window;
use super::scope::Scope;
use super::{Limit, Measure, Window, placed};
use crate::experiment::source::{
    Context, Decode, Definitions, Node, Real, Share, ShareOrNumber, form,
};

form! {
    /// The error budget: what an objective of availability leaves to lose. At least one of `spent` and `burn_rate`.
    struct ErrorBudgetForm {
        /// The objective of availability, below 100%: `99.9%` leaves 0.1 % of the arrivals.
        objective: Share = Required,
        /// At most this share of the budget of the whole profile is spent, 0% to 10000%.
        spent: Share<10_000> = Optional,
        /// It burns at most so many times as fast as would spend it over the profile, in any `window`; 0 to 100000.
        burn_rate: Real<0, 100_000> = Optional,
        /// Warn above this; less than the figure; only with one figure.
        warn: ShareOrNumber<10_000> = Optional,
        /// The burn rate is judged over every window of this length, the highest counts; default: 1h, or the whole
        /// of a shorter profile.
        window: Window = Optional,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct ErrorBudget(pub(super) Vec<Limit>);

impl Decode for ErrorBudget {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ErrorBudgetForm::decode(node, cx)?;
        if !node.has("spent") && !node.has("burn_rate") {
            let hint = "give `spent`, `burn_rate` or both";
            cx.problem_hint(node.span, "the error budget has no figure", hint);
        }
        check_window(form.window.as_ref(), cx);
        if let Some(window) = &form.window
            && !node.has("burn_rate")
        {
            let hint = "it goes with `burn_rate`";
            cx.problem_hint(window.span, "a window makes no sense with `spent`", hint);
        }
        let span = node.span;
        cx.later(move |known, found| known.asks_for_a_rate(span, found));
        let objective = form.objective?;
        if objective.value.0.get() >= 100.0 {
            let hint = "an objective of 100% leaves no budget: use `error_rate: { max: 0% }`";
            cx.problem_hint(objective.span, "the objective is not below 100%", hint);
        }
        let objective = objective.value.0;
        let mut figures = Vec::new();
        if let Some(spent) = form.spent {
            let measure = Measure::BudgetSpent { objective };
            figures.push((measure, Bound::at_most(Quantity::Share(spent.value.0))));
        }
        if let Some(rate) = form.burn_rate {
            let measure = Measure::BurnRate { objective };
            figures.push((measure, Bound::at_most(Quantity::Number(rate.value.0))));
        }
        let warn = placed(form.warn, |warn| match warn {
            ShareOrNumber::Share(share) => Quantity::Share(share),
            ShareOrNumber::Number(number) => Quantity::Number(number),
        });
        let window = form.window.map_or(HOUR, |w| w.value.0);
        let limits = with_warn(figures, warn, cx).into_iter().map(|(measure, bound)| {
            let window = matches!(measure, Measure::BurnRate { .. }).then_some(window);
            Limit { measure, bound, scope: Scope::Total, window }
        });
        Some(Self(limits.collect()))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = ErrorBudgetForm::schema(defs);
        let any = ["spent", "burn_rate"].map(|key| json!({ "required": [key] }));
        defs.constrain("ErrorBudgetForm", "anyOf", any.into_iter().collect());
        schema
    }
}

const HOUR: std::time::Duration = std::time::Duration::from_hours(1);
