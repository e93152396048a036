//! `limits:` what the target must hold.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use serde_json::Value;

use super::AbortWhen;
use super::known::among;
use super::source::{
    Context, Decode, Definitions, Id, Int, Lasting, Node, Placed, Share, Span, Text, choice, form,
    words,
};
use super::steady_state::AbortForm;
use crate::units::{Bytes, Percent, duration, duration_text, optional_duration_text};

/// One limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// What is bounded.
    #[serde(flatten)]
    pub kind: LimitKind,
    /// Judged over every window of this length instead of the whole profile; the worst counts.
    #[serde(with = "optional_duration_text")]
    pub window: Option<Duration>,
}

/// The kinds of limits. `warn` is the stricter tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Arrivals sent and answered in any way, against the arrivals asked for.
    AchievedRate {
        /// At least.
        min: Percent,
        /// Warn below.
        warn: Option<Percent>,
    },
    /// Arrivals that ended badly among those that ended.
    ErrorRate {
        /// At most.
        max: Percent,
        /// Warn above.
        warn: Option<Percent>,
        /// Which part of the profile.
        scope: Scope,
    },
    /// Latency of requests that ended well.
    Latency {
        /// Which figure.
        figure: LatencyFigure,
        /// At most.
        #[serde(with = "duration_text")]
        max: Duration,
        /// Warn above.
        #[serde(with = "optional_duration_text")]
        warn: Option<Duration>,
        /// Only this step, `scenario/step`; default: all.
        step: Option<String>,
    },
    /// Highest anonymous memory of an instance.
    MemoryMax {
        /// Only this service; default: each.
        service: Option<String>,
        /// At most.
        max: Bytes,
        /// Warn above.
        warn: Option<Bytes>,
    },
    /// Mean anonymous memory of an instance.
    MemoryMean {
        /// Only this service; default: each.
        service: Option<String>,
        /// At most.
        max: Bytes,
        /// Warn above.
        warn: Option<Bytes>,
    },
    /// Growth of a service's mean memory from the first to the last judged ledger row.
    MemoryGrowth {
        /// Only this service; default: each.
        service: Option<String>,
        /// At most.
        max: Percent,
        /// Warn above.
        warn: Option<Percent>,
    },
    /// Starts that were not the first.
    Restarts {
        /// Only this service; default: all together.
        service: Option<String>,
        /// At most.
        max: u32,
        /// Whether restarts that a fault of ours caused are left out.
        unless_injected: bool,
    },
    /// Time from a fault's end until the workload is back in its band.
    Recovery {
        /// Only this fault; default: each.
        fault: Option<String>,
        /// At most.
        #[serde(with = "duration_text")]
        max: Duration,
        /// Warn above.
        #[serde(with = "optional_duration_text")]
        warn: Option<Duration>,
    },
}

/// A figure of a latency distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the field's")]
pub enum LatencyFigure {
    P50,
    P90,
    P95,
    P99,
    P999,
    Max,
    Mean,
}

/// Which part of the profile a limit looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All of it.
    #[default]
    Total,
    /// Without the windows of faults and their recovery.
    OutsideFaults,
}

words! {
    Scope {
        "total" => Scope::Total,
        "outside_faults" => Scope::OutsideFaults,
    }
}

/// A window: a second to a week.
pub(super) type Window = Lasting<1_000, 604_800_000>;
/// A latency: a millisecond to an hour.
pub(super) type Latency = Lasting<1, 3_600_000>;

form! {
    /// Arrivals sent and answered in any way, against the arrivals asked for.
    struct AchievedRateForm {
        /// At least this share, 0% to 100%.
        min: Share = Required,
        /// Warn below this; more than `min`.
        warn: Share = Optional,
        /// Judged over every window of this length, the worst counts; default: the whole profile.
        window: Window = Optional,
    }
}

form! {
    /// Arrivals that ended badly among those that ended.
    struct ErrorRateForm {
        /// At most this share, 0% to 100%.
        max: Share = Required,
        /// Warn above this; less than `max`.
        warn: Share = Optional,
        /// All of the profile, or without the windows of faults and their recovery.
        scope: Scope = Default("total"),
        /// Judged over every window of this length, the worst counts; default: the whole profile.
        window: Window = Optional,
    }
}

form! {
    /// Latency of requests that ended well; at least one figure, each a limit of its own.
    struct LatencyForm {
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
        /// Warn above this; less than the figure; only with one figure.
        warn: Latency = Optional,
        /// Only this step, `scenario/step`; default: all.
        step: Text = Optional,
        /// Judged over every window of this length, the worst counts; default: the whole profile.
        window: Window = Optional,
    }
}

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
    }
}

form! {
    /// Growth of a service's mean memory from the first to the last judged ledger row.
    struct MemoryGrowthForm {
        /// Only this service; default: each.
        service: Text = Optional,
        /// At most, 0% to 10000%.
        max: Share<10_000> = Required,
        /// Warn above this; less than `max`.
        warn: Share<10_000> = Optional,
    }
}

form! {
    /// Starts that were not the first.
    struct RestartsForm {
        /// Only this service; default: all together.
        service: Text = Optional,
        /// At most.
        max: Int<0, 1_000_000> = Required,
        /// `injected` leaves out the restarts that a fault of the experiment caused.
        unless: Unless = Optional,
    }
}

form! {
    /// Time from a fault's end until the workload is back in its band.
    struct RecoveryForm {
        /// Only this fault; default: each.
        fault: Id = Optional,
        /// At most, 1s to 7days.
        max: Window = Required,
        /// Warn above this; less than `max`.
        warn: Window = Optional,
    }
}

#[derive(Debug)]
struct Unless;

words! {
    Unless {
        "injected" => Unless,
    }
}

choice! {
    /// One limit, or what ends the run early.
    enum LimitForm {
        /// Arrivals sent and answered in any way, against the arrivals asked for.
        AchievedRate["achieved_rate"]: AchievedRateForm,
        /// Arrivals that ended badly among those that ended.
        ErrorRate["error_rate"]: ErrorRateForm,
        /// Latency of requests that ended well.
        Latency["latency"]: LatencyForm,
        /// Anonymous memory of each instance.
        Memory["memory"]: MemoryForm,
        /// Growth of memory from the first to the last judged ledger row.
        MemoryGrowth["memory_growth"]: MemoryGrowthForm,
        /// Starts that were not the first.
        Restarts["restarts"]: RestartsForm,
        /// Time from a fault's end until the workload is back in its band.
        Recovery["recovery"]: RecoveryForm,
        /// Ends the run early, as failed, when it is breached over the last window.
        AbortWhen["abort_when"]: AbortForm,
    }
    later "leak"
}

/// What one entry of `limits` gives.
#[derive(Debug)]
pub(super) enum Entry {
    /// Limits: one for each figure.
    Limits(Vec<Limit>),
    /// What ends the run early.
    Abort(Vec<AbortWhen>),
}

impl Decode for Entry {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let span = node.span;
        let limit = |kind, window: Option<Placed<Window>>, cx: &mut Context| {
            check_window(window.as_ref(), cx);
            Some(Self::Limits(vec![Limit { kind, window: window.map(|w| w.value.0) }]))
        };
        match LimitForm::decode(node, cx)? {
            LimitForm::AchievedRate(form) => {
                let (min, warn) = (form.min?.value.0, form.warn.map(|w| (w.value.0, w.span)));
                if let Some((warn, span)) = warn
                    && warn <= min
                {
                    cx.problem_hint(span, "`warn` must be more than `min`", STRICTER);
                }
                let kind = LimitKind::AchievedRate { min, warn: warn.map(|w| w.0) };
                limit(kind, form.window, cx)
            }
            LimitForm::ErrorRate(form) => {
                let max = form.max?.value.0;
                let warn = less(form.warn.map(|w| (w.value.0, w.span)), max, cx);
                let kind = LimitKind::ErrorRate { max, warn, scope: form.scope?.value };
                limit(kind, form.window, cx)
            }
            LimitForm::Latency(form) => Some(latency(*form, node, cx)),
            LimitForm::Memory(form) => Some(memory(*form, node, cx)),
            LimitForm::MemoryGrowth(form) => {
                let max = form.max?.value.0;
                let warn = less(form.warn.map(|w| (w.value.0, w.span)), max, cx);
                let service = service(form.service, cx);
                limit(LimitKind::MemoryGrowth { service, max, warn }, None, cx)
            }
            LimitForm::Restarts(form) => {
                let service = service(form.service, cx);
                let max = u32::try_from(form.max?.value.0).ok()?;
                let unless_injected = form.unless.is_some();
                limit(LimitKind::Restarts { service, max, unless_injected }, None, cx)
            }
            LimitForm::Recovery(form) => {
                let max = form.max?.value.0;
                let warn = less(form.warn.map(|w| (w.value.0, w.span)), max, cx);
                let fault = form.fault.map(|fault| {
                    let (name, span) = (fault.value.0.clone(), fault.span);
                    cx.later(move |known, found| {
                        if let Some(faults) = &known.faults {
                            let all = faults.iter().map(String::as_str);
                            among(&name, "fault of this file", all, span, found);
                        }
                    });
                    fault.value.0
                });
                if fault.is_none() {
                    cx.later(move |known, found| {
                        if known.faults.as_ref().is_some_and(Vec::is_empty) {
                            found.add(span, "there are no faults to recover from", None::<&str>);
                        }
                    });
                }
                limit(LimitKind::Recovery { fault, max, warn }, None, cx)
            }
            LimitForm::AbortWhen(form) => Some(Self::Abort(form.decoded())),
        }
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = LimitForm::schema(defs);
        let any =
            |keys: &[&str]| keys.iter().map(|k| serde_json::json!({ "required": [k] })).collect();
        defs.constrain("LatencyForm", "anyOf", any(&FIGURES));
        defs.constrain("MemoryForm", "anyOf", any(&["max", "mean"]));
        schema
    }
}

const STRICTER: &str = "`warn` is the stricter tier";
/// The keys of latency figures.
pub(super) const FIGURES: [&str; 7] = ["p50", "p90", "p95", "p99", "p999", "max", "mean"];

fn latency(form: LatencyForm, node: &Node, cx: &mut Context) -> Entry {
    check_window(form.window.as_ref(), cx);
    check_step(form.step.as_ref(), cx);
    let step = form.step.map(|s| s.value.0);
    let figures = figures([form.p50, form.p90, form.p95, form.p99, form.p999, form.max, form.mean]);
    if !node.get("latency").is_some_and(|inner| FIGURES.into_iter().any(|key| inner.has(key))) {
        let hint = format!("give one or several of {}", FIGURES.join(", "));
        cx.problem_hint(node.span, "the latency limit has no figure", hint);
    }
    let mut warn = form.warn.map(|w| (w.value.0, w.span));
    if let [(_, max)] = figures[..] {
        warn = less(warn, max, cx).map(|w| (w, node.span));
    } else if let Some((_, span)) = warn {
        cx.problem_hint(span, "`warn` of which figure?", "give each figure an entry of its own");
    }
    let window = form.window.map(|w| w.value.0);
    let limits = figures.into_iter().map(|(figure, max)| {
        let kind = LimitKind::Latency { figure, max, warn: warn.map(|w| w.0), step: step.clone() };
        Limit { kind, window }
    });
    Entry::Limits(limits.collect())
}

/// The figures that were given, in the order of [`FIGURES`].
pub(super) fn figures(given: [Option<Placed<Latency>>; 7]) -> Vec<(LatencyFigure, Duration)> {
    use LatencyFigure::{Max, Mean, P50, P90, P95, P99, P999};
    [P50, P90, P95, P99, P999, Max, Mean]
        .into_iter()
        .zip(given)
        .filter_map(|(figure, max)| Some((figure, max?.value.0)))
        .collect()
}

fn memory(form: MemoryForm, node: &Node, cx: &mut Context) -> Entry {
    let service = service(form.service, cx);
    if !node.get("memory").is_some_and(|inner| inner.has("max") || inner.has("mean")) {
        cx.problem_hint(node.span, "the memory limit has no figure", "give `max`, `mean` or both");
    }
    let (max, mean) = (form.max.map(|m| m.value), form.mean.map(|m| m.value));
    let mut warn = form.warn.map(|w| (w.value, w.span));
    if let (Some(only), None) | (None, Some(only)) = (max, mean) {
        warn = less(warn, only, cx).map(|w| (w, node.span));
    } else if let Some((_, span)) = warn {
        cx.problem_hint(span, "`warn` of which figure?", "give each figure an entry of its own");
    }
    let warn = warn.map(|w| w.0);
    let max = max.map(|max| LimitKind::MemoryMax { service: service.clone(), max, warn });
    let mean = mean.map(|mean| LimitKind::MemoryMean { service, max: mean, warn });
    let limits = [max, mean].into_iter().flatten().map(|kind| Limit { kind, window: None });
    Entry::Limits(limits.collect())
}

/// The stricter tier of an upper limit; a problem if it is not stricter.
fn less<T: Copy + PartialOrd>(warn: Option<(T, Span)>, max: T, cx: &mut Context) -> Option<T> {
    let (warn, span) = warn?;
    if warn >= max {
        cx.problem_hint(span, "`warn` must be less than the limit", STRICTER);
    }
    Some(warn)
}

fn service(service: Option<Placed<Text>>, cx: &mut Context) -> Option<String> {
    let Placed { value: Text(service), span } = service?;
    let name = service.clone();
    cx.later(move |known, found| known.service(&name, span, found));
    Some(service)
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

pub(super) fn check_step(step: Option<&Placed<Text>>, cx: &mut Context) {
    let Some(Placed { value: Text(name), span }) = step else { return };
    let (name, span) = (name.clone(), *span);
    cx.later(move |known, found| {
        if let Some(load) = known.load {
            let all = load.step_names();
            among(&name, "step of a scenario", all.iter().map(String::as_str), span, found);
        }
    });
}
