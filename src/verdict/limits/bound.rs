//! A limit's bound: which side of it is good, and how a measured value stands to it.

use super::super::windows::Span;
use super::super::words::Unit;
use crate::experiment::{self, BoundSide, Quantity};
use crate::record::{LimitResult, Tier};

/// A bound and its `warn` tier, in the limit's base unit.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Bound {
    least: bool,
    limit: f64,
    warn: Option<f64>,
    unit: Unit,
    text: String,
    warn_text: Option<String>,
}

impl Bound {
    /// The bound of a limit.
    pub(in super::super) fn of(bound: &experiment::Bound) -> Self {
        let unit = match bound.limit {
            Quantity::Share(_) => Unit::Share,
            Quantity::Time(_) => Unit::Seconds,
            Quantity::Bytes(_) => Unit::Bytes,
            Quantity::Rate(_) => Unit::Rate,
            Quantity::Count(_) => Unit::Count,
            Quantity::Number(_) => Unit::Number,
        };
        let least = bound.side == BoundSide::AtLeast;
        let tier = |quantity: Quantity| (quantity.base(), quantity.to_string());
        Self::new(least, unit, tier(bound.limit), bound.warn.map(tier))
    }

    fn new(least: bool, unit: Unit, limit: (f64, String), warn: Option<(f64, String)>) -> Self {
        let sign = if least { ">=" } else { "<=" };
        let (warn, warn_text) = warn.unzip();
        let (limit, text) = limit;
        Self {
            least,
            limit,
            warn,
            unit,
            text: format!("{sign} {text}"),
            warn_text: warn_text.map(|w| format!("{sign} {w}")),
        }
    }

    /// Whether `a` is further out than `b`.
    pub(in super::super) fn worse(&self, a: f64, b: f64) -> bool {
        if self.least { a < b } else { a > b }
    }

    /// The bound in its base unit.
    pub(in super::super) fn value(&self) -> f64 {
        self.limit
    }

    /// The result for a measured value. Exactly at the bound is inside.
    pub(in super::super) fn judge(
        &self,
        name: String,
        measured: f64,
        window: Option<Span>,
        note: Option<String>,
    ) -> LimitResult {
        let tier = if self.worse(measured, self.limit) {
            Tier::Fail
        } else if self.warn.is_some_and(|warn| self.worse(measured, warn)) {
            Tier::Warn
        } else {
            Tier::Pass
        };
        let side = if tier == Tier::Fail { "outside" } else { "inside" };
        let sign = if measured < 0.0 { "-" } else { "" };
        LimitResult {
            name,
            bound: self.text.clone(),
            warn: self.warn_text.clone(),
            measured: format!("{sign}{}", self.unit.text(measured)),
            margin: Some(format!("{} {side}", self.unit.text(measured - self.limit))),
            tier,
            bound_value: self.limit,
            measured_value: Some(measured),
            window: window.map(|w| (w.from, w.to)),
            note,
        }
    }

    /// The result when nothing could be measured, and why.
    pub(in super::super) fn unknown(&self, name: String, why: String) -> LimitResult {
        LimitResult {
            name,
            bound: self.text.clone(),
            warn: self.warn_text.clone(),
            measured: "not measured".to_owned(),
            margin: None,
            tier: Tier::Unknown,
            bound_value: self.limit,
            measured_value: None,
            window: None,
            note: Some(why),
        }
    }

    /// The result when the target did so badly that there is no figure: outside, without a measured value.
    pub(in super::super) fn fail(&self, name: String, measured: String) -> LimitResult {
        LimitResult { measured, tier: Tier::Fail, note: None, ..self.unknown(name, String::new()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Percent;
    use proptest::prelude::*;

    proptest! {
        /// For every bound and every value: outside if and only if failed, and never a warning inside of `warn`.
        #[test]
        fn the_margin_agrees_with_the_tier(
            least: bool, limit in 0.0..1e6_f64, warn in proptest::option::of(0.0..1e6_f64), measured in -1e6..2e6_f64,
        ) {
            let warn = warn.map(|w| (if least { limit.max(w) } else { limit.min(w) }, String::new()));
            let bound = Bound::new(least, Unit::Count, (limit, String::new()), warn.clone());
            let result = bound.judge(String::new(), measured, None, None);
            let margin = if least { measured - limit } else { limit - measured };
            prop_assert_eq!(result.tier == Tier::Fail, margin < 0.0);
            prop_assert_eq!(result.margin.unwrap().ends_with("outside"), margin < 0.0);
            let past_warn = warn.is_some_and(|(w, _)| if least { measured < w } else { measured > w });
            prop_assert_eq!(result.tier == Tier::Pass, margin >= 0.0 && !past_warn);
        }
    }

    #[test]
    fn at_the_bound_is_inside() {
        let share = |p| Quantity::Share(Percent::of(p));
        let bound = experiment::Bound {
            warn: Some(share(95.0)),
            ..experiment::Bound::at_least(share(90.0))
        };
        let bound = Bound::of(&bound);
        let tier = |v| bound.judge(String::new(), v, None, None).tier;
        assert_eq!(tier(0.9), Tier::Warn);
        assert_eq!(tier(0.95), Tier::Pass);
        assert_eq!(tier(0.899_999), Tier::Fail);
    }
}
