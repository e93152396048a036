//! `faults:` what hurts the target, whom, and when.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use serde_json::Value;

use super::fault_schedule::Planned;
use super::injection::Drafted;
use super::source::{Context, Decode, Definitions, Id, Lasting, Node, Placed, form, words};
use super::{FaultSchedule, Injection};
use crate::units::{duration, duration_text, optional_duration_text};

/// One entry of the fault list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Its name: an id, unique in the file.
    pub name: String,
    /// What is done.
    pub inject: Injection,
    /// When.
    pub schedule: FaultSchedule,
    /// How long it lasts. For `kill` it is `restart_after`; zero for `restart`.
    #[serde(rename = "for", with = "duration_text")]
    pub lasts: Duration,
    /// A limit on its recovery.
    #[serde(with = "optional_duration_text")]
    pub recover_within: Option<Duration>,
}

/// Whether two faults may be in force at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// A fault that would start while another is in force is moved to that one's end.
    #[default]
    Forbid,
    /// They may.
    Allow,
}

words! {
    Overlap {
        "forbid" => Overlap::Forbid,
        "allow" => Overlap::Allow,
    }
}

form! {
    /// One fault.
    struct FaultForm {
        /// Its name, unique in the file.
        name: Id = Required,
        /// What is done.
        inject: Drafted = Required,
        /// When, counted from the start of the profile.
        schedule: Planned = Required,
        /// How long it lasts, 100ms to 24h; for stop, pause, detach and partition.
        lasts["for"]: Lasting<100, 86_400_000> = Optional,
        /// A limit on the time from its end until the workload is back in its band.
        recover_within: Lasting<1_000, 86_400_000> = Optional,
    }
}

/// Whether `for` is there where it belongs, and nowhere else. By the kind as it is written: what else is wrong
/// with it hides nothing.
fn check_for(node: &Node, cx: &mut Context) {
    let Some((kind, _)) = node.get("inject").and_then(|inject| inject.entries().next()) else {
        return;
    };
    match (kind.name.as_str(), node.get("for")) {
        ("kill", Some(lasts)) => {
            let hint = "`restart_after` says when it is started again";
            cx.problem_hint(lasts.span, "`for` does not go with `kill`", hint);
        }
        ("restart", Some(lasts)) => {
            let hint = "use `stop` to keep it down for a time";
            cx.problem_hint(lasts.span, "`for` does not go with `restart`", hint);
        }
        (kind @ ("stop" | "pause" | "detach" | "partition"), None) => {
            let message = format!("`for` is missing: how long the {kind} lasts");
            cx.problem_hint(node.span, message, "for example for: 30s");
        }
        _ => {}
    }
}

/// Whether it is over before it comes again, and before the profile ends.
fn check_end(planned: &Placed<Planned>, lasts: Duration, cx: &mut Context) {
    if let FaultSchedule::Every { every, .. } = &planned.value.schedule
        && *every <= lasts
    {
        let message = format!("it comes again before its {} are over", duration(lasts));
        let hint = "`every` must be longer than the fault lasts";
        cx.problem_hint(planned.span, message, hint);
    }
    let starts = planned.value.starts.clone();
    cx.later(move |known, found| {
        let Some(profile) = known.profile_for_faults() else { return };
        for start in starts.into_iter().filter(|start| start.value + lasts > profile) {
            let end = duration(start.value + lasts);
            let message = format!("it would end at {end}, after the profile");
            let hint = format!("the profile takes {}", duration(profile));
            found.add(start.span, message, hint);
        }
    });
}

impl Decode for Fault {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = FaultForm::decode(node, cx)?;
        check_for(node, cx);
        let inject = form.inject.map(|i| i.value.0);
        let lasts = match (&inject, &form.lasts) {
            (Some(Injection::Kill { restart_after, .. }), None) => Some(*restart_after),
            (Some(Injection::Restart { .. }), None) => Some(Duration::ZERO),
            (_, lasts) => lasts.as_ref().map(|lasts| lasts.value.0),
        };
        if let (Some(planned), Some(lasts)) = (&form.schedule, lasts) {
            check_end(planned, lasts, cx);
        }
        Some(Self {
            name: form.name?.value.0,
            inject: inject?,
            schedule: form.schedule?.value.schedule,
            lasts: lasts?,
            recover_within: form.recover_within.map(|r| r.value.0),
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        FaultForm::schema(defs)
    }
}
