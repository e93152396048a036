//! `steady_state:` and `abort_when:` what must hold before the first fault, and what ends a run early.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::limit::{FIGURES, Latency, LatencyFigure, Window, check_step, check_window, figures};
use super::source::{
    Context, Decode, Definitions, Lasting, Node, Placed, Several, Share, Text, choice, form,
};
use super::{LimitKind, Scope};
use crate::units::{duration, duration_text};

/// What must hold before the first fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SteadyState {
    /// For how long, at the start of the profile.
    #[serde(rename = "for", with = "duration_text")]
    pub lasts: Duration,
    /// What. Only `achieved_rate`, `error_rate` and `latency`.
    pub require: Vec<LimitKind>,
}

/// What ends the run early, as failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbortWhen {
    /// A limit that is breached. Only `achieved_rate`, `error_rate` and `latency`.
    pub breached: LimitKind,
    /// Over the last so long.
    #[serde(with = "duration_text")]
    pub window: Duration,
}

form! {
    /// Arrivals sent and answered in any way, against the arrivals asked for.
    struct RateBandForm {
        /// At least this share, 0% to 100%.
        min: Share = Required,
    }
}

form! {
    /// Arrivals that ended badly among those that ended.
    struct ErrorBandForm {
        /// At most this share, 0% to 100%.
        max: Share = Required,
    }
}

form! {
    /// Latency of requests that ended well; at least one figure.
    struct LatencyBandForm {
        /// The median, at most.
        p50: Latency = Optional,
        /// The 90th percentile, at most.
        p90: Latency = Optional,
        /// The 95th percentile, at most.
        p95: Latency = Optional,
        /// The 99th percentile, at most.
        p99: Latency = Optional,
        /// The 99.9th percentile, at most.
        p999: Latency = Optional,
        /// The largest, at most.
        max: Latency = Optional,
        /// The mean, at most.
        mean: Latency = Optional,
        /// Only this step, `scenario/step`; default: all.
        step: Text = Optional,
    }
}

choice! {
    /// One condition of the steady state.
    enum BandForm {
        /// Arrivals sent and answered in any way, against the arrivals asked for.
        AchievedRate["achieved_rate"]: RateBandForm,
        /// Arrivals that ended badly among those that ended.
        ErrorRate["error_rate"]: ErrorBandForm,
        /// Latency of requests that ended well.
        Latency["latency"]: LatencyBandForm,
    }
}

form! {
    /// What must hold before the first fault. It is also the band that recovery is measured against.
    struct SteadyStateForm {
        /// For how long, at the start of the profile, 1s to 24h.
        lasts["for"]: Lasting<1_000, 86_400_000> = Required,
        /// What must hold.
        require: Several<Band, 1> = Required,
    }
}

form! {
    /// Arrivals sent and answered in any way, against the arrivals asked for.
    struct RateAbortForm {
        /// At least this share, 0% to 100%.
        min: Share = Required,
        /// Over the last so long, 1s to 7days.
        window: Window = Default("1m"),
    }
}

form! {
    /// Arrivals that ended badly among those that ended.
    struct ErrorAbortForm {
        /// At most this share, 0% to 100%.
        max: Share = Required,
        /// Over the last so long, 1s to 7days.
        window: Window = Default("1m"),
    }
}

form! {
    /// Latency of requests that ended well; at least one figure.
    struct LatencyAbortForm {
        /// The median, at most.
        p50: Latency = Optional,
        /// The 90th percentile, at most.
        p90: Latency = Optional,
        /// The 95th percentile, at most.
        p95: Latency = Optional,
        /// The 99th percentile, at most.
        p99: Latency = Optional,
        /// The 99.9th percentile, at most.
        p999: Latency = Optional,
        /// The largest, at most.
        max: Latency = Optional,
        /// The mean, at most.
        mean: Latency = Optional,
        /// Only this step, `scenario/step`; default: all.
        step: Text = Optional,
        /// Over the last so long, 1s to 7days.
        window: Window = Default("1m"),
    }
}

choice! {
    /// What ends the run early, as failed.
    enum AbortKindForm {
        /// Arrivals sent and answered in any way, against the arrivals asked for.
        AchievedRate["achieved_rate"]: RateAbortForm,
        /// Arrivals that ended badly among those that ended.
        ErrorRate["error_rate"]: ErrorAbortForm,
        /// Latency of requests that ended well.
        Latency["latency"]: LatencyAbortForm,
    }
}

/// The conditions of one entry: one for each figure.
#[derive(Debug)]
struct Band(Vec<LimitKind>);

impl Decode for Band {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        Some(Self(match BandForm::decode(node, cx)? {
            BandForm::AchievedRate(form) => vec![rate(form.min.as_ref()?)],
            BandForm::ErrorRate(form) => vec![errors(form.max.as_ref()?)],
            BandForm::Latency(form) => latencies(
                [form.p50, form.p90, form.p95, form.p99, form.p999, form.max, form.mean],
                form.step,
                node,
                cx,
            ),
        }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = BandForm::schema(defs);
        need_figure("LatencyBandForm", defs);
        schema
    }
}

impl Decode for SteadyState {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = SteadyStateForm::decode(node, cx)?;
        let Placed { value: Lasting(lasts), span } = form.lasts?;
        cx.later(move |known, found| {
            if let Some(profile) = known.profile()
                && lasts > profile
            {
                let hint = format!("the profile takes {}", duration(profile));
                found.add(span, "the steady state is watched past the profile", hint);
            }
        });
        let require = form.require?.value.0.into_iter().flat_map(|band| band.value.0).collect();
        Some(Self { lasts, require })
    }

    fn schema(defs: &mut Definitions) -> Value {
        SteadyStateForm::schema(defs)
    }
}

/// What ends the run early, as read.
#[derive(Debug)]
pub(super) struct AbortForm(Vec<AbortWhen>);

impl AbortForm {
    /// One for each figure.
    pub(super) fn decoded(self) -> Vec<AbortWhen> {
        self.0
    }
}

impl Decode for AbortForm {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let (breached, window) = match AbortKindForm::decode(node, cx)? {
            AbortKindForm::AchievedRate(form) => (vec![rate(form.min.as_ref()?)], form.window),
            AbortKindForm::ErrorRate(form) => (vec![errors(form.max.as_ref()?)], form.window),
            AbortKindForm::Latency(form) => {
                let given =
                    [form.p50, form.p90, form.p95, form.p99, form.p999, form.max, form.mean];
                (latencies(given, form.step, node, cx), form.window)
            }
        };
        check_window(window.as_ref(), cx);
        let window = window?.value.0;
        Some(Self(breached.into_iter().map(|breached| AbortWhen { breached, window }).collect()))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = AbortKindForm::schema(defs);
        need_figure("LatencyAbortForm", defs);
        schema
    }
}

fn rate(min: &Placed<Share>) -> LimitKind {
    LimitKind::AchievedRate { min: min.value.0, warn: None }
}

fn errors(max: &Placed<Share>) -> LimitKind {
    LimitKind::ErrorRate { max: max.value.0, warn: None, scope: Scope::Total }
}

fn latencies(
    given: [Option<Placed<Latency>>; 7],
    step: Option<Placed<Text>>,
    node: &Node,
    cx: &mut Context,
) -> Vec<LimitKind> {
    check_step(step.as_ref(), cx);
    if !node.get("latency").is_some_and(|inner| FIGURES.into_iter().any(|key| inner.has(key))) {
        let hint = format!("give one or several of {}", FIGURES.join(", "));
        cx.problem_hint(node.span, "the latency has no figure", hint);
    }
    let step = step.map(|s| s.value.0);
    let kind = |(figure, max): (LatencyFigure, Duration)| LimitKind::Latency {
        figure,
        max,
        warn: None,
        step: step.clone(),
    };
    figures(given).into_iter().map(kind).collect()
}

fn need_figure(name: &str, defs: &mut Definitions) {
    let any = FIGURES.map(|key| json!({ "required": [key] }));
    defs.constrain(name, "anyOf", any.into_iter().collect());
}
