//! `probe` and `progress`: what the target tells of itself, and the pace at which it goes on.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bound::{Bound, Quantity, with_warn};
use super::load::check_window;
use super::reading;
use super::scope::{self, Written};
use super::{Limit, Measure, Window, placed};
use crate::experiment::known::among;
use crate::experiment::source::{
    Context, Decode, Definitions, Id, Lasting, Node, Placed, Real, excerpt, form,
};
use crate::units::{Rate, parse_duration};

/// Which figure of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeFigure {
    /// The highest number.
    Max,
    /// The lowest.
    Min,
    /// Their mean.
    Mean,
    /// The longest time an answer took.
    Latency,
    /// The longest time without a higher number.
    Age,
    /// How fast the number grows.
    Pace,
}

impl ProbeFigure {
    /// As in the experiment file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Min => "min",
            Self::Mean => "mean",
            Self::Latency => "latency",
            Self::Age => "age",
            Self::Pace => "pace",
        }
    }
}

/// A number that a probe may be held to: up to 10^15.
type Amount = Real<0, 1_000_000_000_000_000>;
/// A length of time: a millisecond to a week.
type Time = Lasting<1, 604_800_000>;

form! {
    /// What a probe reads; at least one of `max`, `min`, `mean`, `latency` and `age`.
    struct ProbeLimitForm {
        /// Which probe.
        probe: Id = Required,
        /// The highest number, at most.
        max: Amount = Optional,
        /// The lowest number, at least.
        min: Amount = Optional,
        /// The mean of the numbers, at most.
        mean: Amount = Optional,
        /// The longest time that an answer takes, at most.
        latency: Time = Optional,
        /// The longest time without a higher number, at most.
        age: Time = Optional,
        /// Warn past this: the stricter tier, in the same unit; only with one figure.
        warn: Warned = Optional,
        /// Which part of the run: the whole profile, outside faults, during faults, their recovery, or idle before the load.
        scope: Written = Default("total"),
    }
}

form! {
    /// How fast a probe's number grows: blocks, processed messages.
    struct ProgressForm {
        /// Which probe.
        probe: Id = Required,
        /// At least so fast: `1 per 10s`, or a rate such as `6/min`.
        min_pace: Pace = Required,
        /// Warn below this; more than `min_pace`.
        warn: Pace = Optional,
        /// Which part of the run: the whole profile, outside faults, during faults, their recovery, or idle before the load.
        scope: Written = Default("total"),
        /// Judged over every window of this length, the slowest counts; default: the whole profile.
        window: Window = Optional,
    }
}

/// An entry on what a probe reads.
#[derive(Debug)]
pub(super) struct ProbeLimits(pub(super) Vec<Limit>);

impl Decode for ProbeLimits {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ProbeLimitForm::decode(node, cx)?;
        reading::check_figures(node, &FIGURES, cx);
        let scope = scope::of_readings(form.scope, None, cx);
        let probe = known(form.probe, cx)?;
        let timed = form.latency.is_some() || form.age.is_some();
        let number = |given: Option<Placed<Amount>>| given.map(|n| Quantity::Number(n.value.0));
        let time = |given: Option<Placed<Time>>| given.map(|t| Quantity::Time(t.value.0));
        let figures = [
            (ProbeFigure::Max, number(form.max).map(Bound::at_most)),
            (ProbeFigure::Min, number(form.min).map(Bound::at_least)),
            (ProbeFigure::Mean, number(form.mean).map(Bound::at_most)),
            (ProbeFigure::Latency, time(form.latency).map(Bound::at_most)),
            (ProbeFigure::Age, time(form.age).map(Bound::at_most)),
        ];
        let measure = |figure| Measure::Probe { probe: probe.clone(), figure };
        let figures = figures.into_iter().filter_map(|(f, bound)| Some((measure(f), bound?)));
        let warn = placed(form.warn, |warned| match warned {
            Warned::Number(number) => Quantity::Number(number),
            Warned::Time(time) => Quantity::Time(time),
        });
        if let Some(warn) = &warn
            && timed != matches!(warn.value, Quantity::Time(_))
        {
            let hint = if timed { "write a duration such as 1s" } else { "write a plain number" };
            cx.problem_hint(warn.span, "`warn` is of another kind than the figure", hint);
            return None;
        }
        let limits = with_warn(figures.collect(), warn, cx);
        Some(Self(reading::limits(limits, &scope, None)))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = ProbeLimitForm::schema(defs);
        let any = FIGURES.map(|key| json!({ "required": [key] }));
        defs.constrain("ProbeLimitForm", "anyOf", any.into_iter().collect());
        schema
    }
}

const FIGURES: [&str; 5] = ["max", "min", "mean", "latency", "age"];

/// An entry on a probe's pace.
#[derive(Debug)]
pub(super) struct Progress(pub(super) Limit);

impl Decode for Progress {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ProgressForm::decode(node, cx)?;
        check_window(form.window.as_ref(), cx);
        let scope = scope::of_readings(form.scope, form.window.as_ref(), cx);
        let probe = known(form.probe, cx)?;
        let warn = placed(form.warn, |pace| Quantity::Rate(pace.0));
        let bound = Bound::at_least(Quantity::Rate(form.min_pace?.value.0)).warn(warn, cx);
        let measure = Measure::Probe { probe, figure: ProbeFigure::Pace };
        Some(Self(Limit { measure, bound, scope, window: form.window.map(|w| w.value.0) }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        ProgressForm::schema(defs)
    }
}

/// The probe's name; a problem if there is none such.
fn known(probe: Option<Placed<Id>>, cx: &mut Context) -> Option<String> {
    let Placed { value: Id(probe), span } = probe?;
    let name = probe.clone();
    cx.later(move |known, found| {
        let all = known.noted.probes.iter().map(String::as_str);
        among(&name, "probe of this file", all, span, found);
    });
    Some(probe)
}

/// `1 per 10s`, or a rate.
#[derive(Clone, Copy, Debug)]
struct Pace(Rate);

impl Decode for Pace {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a pace such as `1 per 10s`", cx)?;
        let Some((count, time)) = text.split_once(" per ") else {
            return Rate::decode(node, cx).map(Self);
        };
        let count = count.trim().parse::<f64>().ok().filter(|n| (0.0..=1e6).contains(n));
        let time = parse_duration(time).ok().filter(|t| !t.is_zero());
        let (Some(count), Some(time)) = (count, time) else {
            let message = format!("{} is not a pace", excerpt(text));
            cx.problem_hint(node.span, message, "write for example `1 per 10s` or `6/min`");
            return None;
        };
        Some(Self(Rate::per_second(count / time.as_secs_f64())))
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string" })
    }
}

/// A number, or a length of time.
#[derive(Clone, Copy, Debug)]
enum Warned {
    Number(f64),
    Time(Duration),
}

impl Decode for Warned {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a number or a duration", cx)?;
        if text.parse::<f64>().is_ok() {
            Amount::decode(node, cx).map(|n| Self::Number(n.0))
        } else {
            Time::decode(node, cx).map(|t| Self::Time(t.0))
        }
    }

    fn schema(defs: &mut Definitions) -> Value {
        json!({ "anyOf": [Amount::schema(defs), Time::schema(defs)] })
    }
}
