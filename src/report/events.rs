//! Events in words.

use crate::record::{
    CaptureMoment, EventKind, FaultStage, GapSource, Phase, StopCause, TargetAction,
};

/// What kind of event it is, and the event in words.
pub(super) fn words(kind: &EventKind) -> (&'static str, String) {
    match kind {
        EventKind::Phase { phase } => ("phase", self::phase(*phase).to_owned()),
        EventKind::Target { victim, action, .. } => {
            ("target", format!("{victim} {}", self::action(action)))
        }
        EventKind::Fault { fault, stage } => ("fault", format!("{fault} {}", self::stage(stage))),
        EventKind::Gap { source, from, reason } => {
            ("gap", format!("{} missing since {from}: {reason}", self::source(*source)))
        }
        EventKind::Steady { held, detail } => {
            let verb = if *held { "held" } else { "did not hold" };
            ("steady", format!("steady state {verb}: {detail}"))
        }
        EventKind::Stop { cause, reason } => ("stop", format!("{}: {reason}", self::cause(*cause))),
        EventKind::Capture { moment, from, not_captured, .. } => {
            let missing = match not_captured {
                0 => String::new(),
                n => format!(", {n} parts not"),
            };
            (
                "capture",
                format!("evidence {} captured, begun {from}{missing}", self::moment(*moment)),
            )
        }
        EventKind::Level(level) => ("step", level.to_string()),
        EventKind::Capacity(found) => ("limit", found.to_string()),
        EventKind::Note { text } => ("note", text.clone()),
    }
}

/// A phase in words.
pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Planned => "planned",
        Phase::Preparing => "preparing",
        Phase::Warming => "warming up",
        Phase::Holding => "holding",
        Phase::Cooling => "cooling down",
        Phase::Healing => "healing",
        Phase::Judging => "judging",
        Phase::Finished => "finished",
    }
}

/// The moment of a capture in words.
fn moment(moment: CaptureMoment) -> &'static str {
    match moment {
        CaptureMoment::WarmupEnd => "of the end of the warm-up",
        CaptureMoment::Interval => "of the interval",
        CaptureMoment::LoadEnd => "of the end of the load",
    }
}

fn action(action: &TargetAction) -> String {
    match action {
        TargetAction::Start => "started".to_owned(),
        TargetAction::Die { exit_code: Some(137) } => "died (exit 137, SIGKILL)".to_owned(),
        TargetAction::Die { exit_code: Some(code) } => format!("died (exit {code})"),
        TargetAction::Die { exit_code: None } => "died".to_owned(),
        TargetAction::Oom => "was killed for memory".to_owned(),
        TargetAction::Pause => "was paused".to_owned(),
        TargetAction::Unpause => "was unpaused".to_owned(),
        TargetAction::Healthy => "is healthy".to_owned(),
        TargetAction::Unhealthy => "is unhealthy".to_owned(),
    }
}

fn stage(stage: &FaultStage) -> String {
    match stage {
        FaultStage::Intended => "intended".to_owned(),
        FaultStage::Injected => "injected".to_owned(),
        FaultStage::Active { evidence } => format!("in force: {evidence}"),
        FaultStage::Unverified { reason } => format!("not seen in force: {reason}"),
        FaultStage::NotApplied { reason } => format!("not applied: {reason}"),
        FaultStage::Healing => "healing".to_owned(),
        FaultStage::Healed { evidence } => format!("healed: {evidence}"),
        FaultStage::Stuck { reason } => format!("STUCK: {reason}"),
    }
}

fn source(source: GapSource) -> &'static str {
    match source {
        GapSource::Events => "engine events",
        GapSource::Samples => "samples",
        GapSource::Scrapes => "scraped metrics",
        GapSource::Load => "load slices",
        GapSource::Store => "stored records",
    }
}

fn cause(cause: StopCause) -> &'static str {
    match cause {
        StopCause::Interrupt => "interrupted",
        StopCause::Terminate => "terminated",
        StopCause::AbortWhen => "abort_when breached",
        StopCause::SteadyState => "steady state failed",
        StopCause::TargetNotReady => "target not ready",
        StopCause::Environment => "environment failed",
        StopCause::Internal => "internal error",
    }
}
