//! A limit's bound: which side of it is good, and how a measured value stands to it.

use super::super::windows::Span;
use super::super::words::Unit;
use crate::experiment::{Limit, LimitKind};
use crate::record::{LimitResult, Tier};
use crate::units;

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
    pub(in super::super) fn of(kind: &LimitKind) -> Self {
        let percent = |p: &units::Percent| (p.fraction(), p.to_string());
        let time = |d: &std::time::Duration| (d.as_secs_f64(), units::duration(*d));
        let bytes = |b: &units::Bytes| (b.0 as f64, b.to_string());
        match kind {
            LimitKind::AchievedRate { min, warn } => {
                Self::new(true, Unit::Share, percent(min), warn.as_ref().map(percent))
            }
            LimitKind::ErrorRate { max, warn, .. } | LimitKind::MemoryGrowth { max, warn, .. } => {
                Self::new(false, Unit::Share, percent(max), warn.as_ref().map(percent))
            }
            LimitKind::Latency { max, warn, .. } | LimitKind::Recovery { max, warn, .. } => {
                Self::new(false, Unit::Seconds, time(max), warn.as_ref().map(time))
            }
            LimitKind::MemoryMax { max, warn, .. } | LimitKind::MemoryMean { max, warn, .. } => {
                Self::new(false, Unit::Bytes, bytes(max), warn.as_ref().map(bytes))
            }
            LimitKind::Restarts { max, .. } => {
                Self::new(false, Unit::Count, (f64::from(*max), max.to_string()), None)
            }
        }
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

/// What is added to the name of a limit with a window.
pub(super) fn windowed(name: String, limit: &Limit) -> String {
    match limit.window {
        Some(window) => format!("{name}, worst {}", units::duration(window)),
        None => name,
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
        let kind =
            LimitKind::AchievedRate { min: Percent::of(90.0), warn: Some(Percent::of(95.0)) };
        let bound = Bound::of(&kind);
        let tier = |v| bound.judge(String::new(), v, None, None).tier;
        assert_eq!(tier(0.9), Tier::Warn);
        assert_eq!(tier(0.95), Tier::Pass);
        assert_eq!(tier(0.899_999), Tier::Fail);
    }
}
