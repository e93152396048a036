//! What happened, in order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Capacity, CaptureMoment, FaultStage, Level, Phase, Victim};
use crate::clock::Offset;
use crate::ids::FaultId;

/// What the engine said about a container, or the operating system about a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum TargetAction {
    /// It started.
    Start,
    /// It ended.
    Die {
        /// Exit code; 137 is SIGKILL.
        exit_code: Option<i64>,
    },
    /// The kernel killed it for memory.
    Oom,
    /// It was frozen.
    Pause,
    /// It was thawed.
    Unpause,
    /// Its health check passes.
    Healthy,
    /// Its health check fails.
    Unhealthy,
}

/// Whose records have a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapSource {
    /// The engine's event stream.
    Events,
    /// Samples of an instance.
    Samples,
    /// Scrapes of the target's own metrics.
    Scrapes,
    /// Load slices.
    Load,
    /// The store could not keep up or could not write.
    Store,
}

/// Why a run ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// Ctrl-C (exit 130).
    Interrupt,
    /// SIGTERM (exit 143).
    Terminate,
    /// A breached `abort_when` (exit 10).
    AbortWhen,
    /// The steady state did not hold before the first fault (exit 13).
    SteadyState,
    /// The target did not come up or did not become ready (exit 12).
    TargetNotReady,
    /// What the target needs from its surroundings failed: no engine, no Compose (exit 12).
    Environment,
    /// longhaul could not go on (exit 1).
    Internal,
}

/// The kinds of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum EventKind {
    /// The run entered a phase.
    Phase {
        /// Which.
        phase: Phase,
    },
    /// Something happened to an instance.
    Target {
        /// To whom.
        victim: Victim,
        /// What.
        #[serde(flatten)]
        action: TargetAction,
        /// The engine's own time of it.
        engine_time: Option<Timestamp>,
    },
    /// A fault moved on.
    Fault {
        /// Which.
        fault: FaultId,
        /// Where it stands now.
        #[serde(flatten)]
        stage: FaultStage,
    },
    /// Records are missing for a while.
    Gap {
        /// Whose.
        source: GapSource,
        /// Since when.
        from: Offset,
        /// Why.
        reason: String,
    },
    /// A steady-state check ended.
    Steady {
        /// Whether it held.
        held: bool,
        /// What was measured.
        detail: String,
    },
    /// Evidence was captured of every instance: for as long as that took, the target and the machine had
    /// that work too. It ended at the event's own time.
    Capture {
        /// Why then.
        moment: CaptureMoment,
        /// When it began.
        from: Offset,
        /// CPU time that longhaul itself spent on reading and packing, microseconds.
        cpu_us: u64,
        /// Parts of the evidence that could not be captured; each says why.
        not_captured: u32,
    },
    /// The run is being stopped early.
    Stop {
        /// What kind of reason.
        cause: StopCause,
        /// Why, in words.
        reason: String,
    },
    /// A step of the search for the limit ended.
    Level(Level),
    /// The search for the limit ended.
    Capacity(Capacity),
    /// Anything else worth a line.
    Note {
        /// The line.
        text: String,
    },
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Offset,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}
