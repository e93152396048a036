//! `schedule:` of a fault: when it comes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::source::{Context, Decode, Definitions, Lasting, Node, OneOrMore, Placed, Span, form};
use crate::units::{duration, duration_text};

/// When a fault comes. All times count from the start of the load profile, after the warm-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultSchedule {
    /// At these times.
    At(Vec<Duration>),
    /// Again and again.
    Every {
        /// Time between two starts.
        #[serde(with = "duration_text")]
        every: Duration,
        /// Each start is moved by up to this, either way.
        #[serde(with = "duration_text")]
        jitter: Duration,
        /// The first start; default: `every`.
        #[serde(with = "duration_text")]
        first_after: Duration,
    },
    /// A Poisson process.
    Random {
        /// Mean time between two starts.
        #[serde(with = "duration_text")]
        mean: Duration,
        /// At least this between the end of one and the start of the next.
        #[serde(with = "duration_text")]
        min_gap: Duration,
    },
}

form! {
    /// Again and again, Poisson-distributed.
    struct RandomForm {
        /// Mean time between two starts, 1s to 7days.
        mean: Lasting<1_000, 604_800_000> = Required,
        /// At least this between the end of one and the start of the next, 0s to 24h.
        min_gap: Lasting<0, 86_400_000> = Default("0s"),
    }
}

form! {
    /// When a fault comes: exactly one of `at`, `every` and `random`.
    struct ScheduleForm {
        /// At these times, one or several.
        at: OneOrMore<Start> = Optional,
        /// Time between two starts, 1s to 7days.
        every: Lasting<1_000, 604_800_000> = Optional,
        /// Each start of `every` is moved by up to this, either way; at most half of `every`.
        jitter: Lasting<0, 302_400_000> = Optional,
        /// The first start of `every`; default: `every`.
        first_after: Start = Optional,
        /// At random times.
        random: RandomForm = Optional,
    }
}

/// A schedule, and when its known starts are.
#[derive(Debug)]
pub(super) struct Planned {
    /// The schedule.
    pub schedule: FaultSchedule,
    /// The starts that must happen.
    pub starts: Vec<Placed<Duration>>,
}

/// A start that must happen: not before the steady state has been seen.
#[derive(Clone, Copy, Debug)]
struct Start(Duration);

type Time = Lasting<0, 604_800_000>;

impl Decode for Start {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let Lasting(at) = Time::decode(node, cx)?;
        after_steady_state(at, node.span, cx);
        Some(Self(at))
    }

    fn schema(defs: &mut Definitions) -> Value {
        Time::schema(defs)
    }
}

fn after_steady_state(at: Duration, span: Span, cx: &mut Context) {
    cx.later(move |known, found| {
        if let Some(steady) = known.noted.steady
            && at < steady
        {
            let message = "it would come before the steady state has been seen";
            found.add(span, message, format!("the first {} are watched", duration(steady)));
        }
    });
}

const KINDS: [&str; 3] = ["at", "every", "random"];

impl Decode for Planned {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ScheduleForm::decode(node, cx)?;
        let given: Vec<&str> = KINDS.into_iter().filter(|key| node.has(key)).collect();
        if given.len() != 1 {
            let hint = "give one of `at`, `every` and `random`";
            let message = match given.len() {
                0 => "nothing says when".to_owned(),
                _ => format!("{} are not given together", given.join(", ")),
            };
            cx.problem_hint(node.span, message, hint);
            return None;
        }
        if given != ["every"] {
            let extras =
                [form.jitter.as_ref().map(|j| j.span), form.first_after.as_ref().map(|f| f.span)];
            for span in extras.into_iter().flatten() {
                cx.problem(span, "`jitter` and `first_after` go with `every`");
            }
        }
        if let Some(at) = form.at {
            let starts =
                at.value.0.iter().map(|t| Placed { value: t.value.0, span: t.span }).collect();
            let schedule = FaultSchedule::At(at.value.0.into_iter().map(|t| t.value.0).collect());
            return Some(Self { schedule, starts });
        }
        if let Some(random) = form.random {
            let (mean, gap) = (random.value.mean?, random.value.min_gap?.value.0);
            let schedule = FaultSchedule::Random { mean: mean.value.0, min_gap: gap };
            if !gap.is_zero() && gap >= mean.value.0 {
                let hint = "`mean` is from one start to the next, and takes the gap in";
                cx.problem_hint(mean.span, "the mean must be longer than `min_gap`", hint);
            }
            return Some(Self { schedule, starts: Vec::new() });
        }
        let every = form.every?;
        let jitter = form.jitter.as_ref().map_or(Duration::ZERO, |j| j.value.0);
        let (span, first_after) = form
            .first_after
            .map_or((every.span, every.value.0), |first| (first.span, first.value.0));
        if let Some(jitter_at) = &form.jitter
            && (jitter > every.value.0 / 2 || jitter > first_after)
        {
            let hint = "at most half of `every`, and at most `first_after`";
            cx.problem_hint(jitter_at.span, "the jitter is too large", hint);
        }
        // Without the jitter: a start that it moves out of bounds is moved back when faults are placed.
        let start = Placed { value: first_after, span };
        if !node.has("first_after") {
            after_steady_state(first_after, span, cx);
        }
        let schedule = FaultSchedule::Every { every: every.value.0, jitter, first_after };
        Some(Self { schedule, starts: vec![start] })
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = ScheduleForm::schema(defs);
        let one = KINDS.map(|key| json!({ "required": [key] }));
        defs.constrain("ScheduleForm", "oneOf", one.into_iter().collect());
        let needs = json!({ "jitter": ["every"], "first_after": ["every"] });
        defs.constrain("ScheduleForm", "dependentRequired", needs);
        schema
    }
}
