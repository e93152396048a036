//! Limits on the load: what they have in common, and where else they may stand.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::achieved_rate::AchievedRate;
use super::apdex::Apdex;
use super::availability::Availability;
use super::bound::Bound;
use super::error_rate::{ErrorRate, SuccessRate};
use super::latency::{Latencies, LatencyFigure};
use super::scope::Scope;
use super::throughput::Throughput;
use super::{Limit, Measure, Window};
use crate::experiment::known::among;
use crate::experiment::source::{Context, Decode, Definitions, Node, Placed, Text, choice};
use crate::units::{duration, duration_text};

/// What is measured on the load alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadMeasure {
    /// Arrivals sent and answered in any way, against the arrivals asked for.
    AchievedRate,
    /// Requests that ended well, per second.
    Throughput {
        /// Only this step, `scenario/step`; default: all together.
        step: Option<String>,
    },
    /// What ended badly among what ended: arrivals, or the requests of a step.
    ErrorRate {
        /// Only this step, `scenario/step`; default: arrivals.
        step: Option<String>,
    },
    /// What ended well among what ended: arrivals, or the requests of a step.
    SuccessRate {
        /// Only this step, `scenario/step`; default: arrivals.
        step: Option<String>,
    },
    /// Arrivals that ended well among those that fell due.
    Availability,
    /// Satisfied requests, and half of the tolerated ones, among all (Apdex, 0 to 1).
    Apdex {
        /// Satisfied up to here, tolerated up to four times as long.
        #[serde(with = "duration_text")]
        target: Duration,
        /// Only this step, `scenario/step`; default: all.
        step: Option<String>,
    },
    /// Latency of requests that ended well.
    Latency {
        /// Which figure.
        figure: LatencyFigure,
        /// Only this step, `scenario/step`; default: all.
        step: Option<String>,
    },
}

impl LoadMeasure {
    /// The step it is restricted to.
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::AchievedRate | Self::Availability => None,
            Self::Throughput { step }
            | Self::ErrorRate { step }
            | Self::SuccessRate { step }
            | Self::Apdex { step, .. }
            | Self::Latency { step, .. } => step.as_deref(),
        }
    }
}

/// Something of the load that must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// What is measured.
    pub measure: LoadMeasure,
    /// What it is held against.
    pub bound: Bound,
}

choice! {
    /// A limit on the load.
    pub(super) enum LoadLimitForm {
        /// Arrivals sent and answered in any way, against the arrivals asked for.
        AchievedRate["achieved_rate"]: AchievedRate,
        /// Requests that ended well, per second.
        Throughput["throughput"]: Throughput,
        /// What ended badly among what ended: arrivals, or the requests of a step.
        ErrorRate["error_rate"]: ErrorRate,
        /// What ended well among what ended: arrivals, or the requests of a step.
        SuccessRate["success_rate"]: SuccessRate,
        /// Arrivals that ended well among those that fell due.
        Availability["availability"]: Availability,
        /// Satisfied requests, and half of the tolerated ones, among all.
        Apdex["apdex"]: Apdex,
        /// Latency of requests that ended well.
        Latency["latency"]: Latencies,
    }
}

/// What one entry says: a condition for each figure, over the same part of the run.
#[derive(Clone, Debug)]
pub(in crate::experiment) struct LoadEntry {
    /// What must hold.
    pub(in crate::experiment) conditions: Vec<Condition>,
    pub(super) scope: Scope,
    /// Judged over every window of this length.
    pub(in crate::experiment) window: Option<Placed<Window>>,
}

impl From<LoadLimitForm> for LoadEntry {
    fn from(form: LoadLimitForm) -> Self {
        match form {
            LoadLimitForm::AchievedRate(entry) => entry.0,
            LoadLimitForm::Throughput(entry) => entry.0,
            LoadLimitForm::ErrorRate(entry) => entry.0,
            LoadLimitForm::SuccessRate(entry) => entry.0,
            LoadLimitForm::Availability(entry) => entry.0,
            LoadLimitForm::Apdex(entry) => entry.0,
            LoadLimitForm::Latency(entry) => entry.0,
        }
    }
}

impl Decode for LoadEntry {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        LoadLimitForm::decode(node, cx).map(Self::from)
    }

    fn schema(defs: &mut Definitions) -> Value {
        LoadLimitForm::schema(defs)
    }
}

impl LoadEntry {
    /// One figure.
    pub(super) fn one(
        measure: LoadMeasure,
        bound: Bound,
        scope: Scope,
        window: Option<Placed<Window>>,
    ) -> Self {
        Self { conditions: vec![Condition { measure, bound }], scope, window }
    }

    /// As limits of the run.
    pub(super) fn limits(self) -> Vec<Limit> {
        let window = self.window.map(|w| w.value.0);
        self.conditions
            .into_iter()
            .map(|Condition { measure, bound }| Limit {
                measure: Measure::Load(measure),
                bound,
                scope: self.scope.clone(),
                window,
            })
            .collect()
    }
}

/// A problem for each key of the one entry of `node` that has no meaning in this place, and why.
pub(in crate::experiment) fn refuse(node: &Node, keys: &[(&str, &str)], cx: &mut Context) {
    for inner in LoadLimitForm::keys().into_iter().filter_map(|kind| node.get(kind)) {
        for (key, why) in keys {
            if let Some(key) = inner.key(key) {
                let message = format!("`{}` makes no sense here", key.name);
                cx.problem_hint(key.span, message, *why);
            }
        }
    }
}

/// A window past the profile's end would never be full. One that a shorter `--duration` left too long
/// is cut to the profile instead.
pub(super) fn check_window(window: Option<&Placed<Window>>, cx: &mut Context) {
    let Some(Placed { value, span }) = window else { return };
    let (window, span) = (value.0, *span);
    cx.later(move |known, found| {
        if let Some(profile) = known.profile()
            && window > profile
            && !known.shortened
        {
            let hint = format!("the profile takes {}", duration(profile));
            found.add(span, "the window is longer than the profile", hint);
        }
    });
}

/// The step's name; a problem if no scenario has it.
pub(super) fn step(step: Option<Placed<Text>>, cx: &mut Context) -> Option<String> {
    let Placed { value: Text(step), span } = step?;
    let name = step.clone();
    cx.later(move |known, found| {
        if let Some(all) = &known.noted.steps {
            among(&name, "step of a scenario", all.iter().map(String::as_str), span, found);
        }
    });
    Some(step)
}
