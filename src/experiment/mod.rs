//! The experiment file: what the target is, what load it gets, what hurts it, and what it must hold.
//!
//! Owns the file format: parsing, defaults, validation and schema, one file per element. In goes the
//! text of a file; out comes a valid [`Experiment`], or every problem at once, each with its place.
//! Never touches Docker or the network.

mod body;
mod capture;
mod capture_plan;
mod compose;
mod external;
mod fault;
mod fault_schedule;
mod file;
mod http_step;
mod injection;
mod known;
mod limit;
mod load;
mod overrides;
mod pacing;
mod process;
mod read;
mod ready;
mod sampling;
mod scenario;
mod segment;
mod source;
mod steady_state;
mod target;
mod template;
mod url;
mod variables;

pub use body::Body;
pub use capture::{Capture, CaptureSource};
pub use capture_plan::{CapturePlan, HeapSource};
pub use compose::Compose;
pub use external::External;
pub use fault::{Fault, Overlap};
pub use fault_schedule::FaultSchedule;
pub use file::{LoadError, load, load_with, parse, schema};
pub use http_step::{Expect, HttpStep, Method};
pub use injection::{Direction, Injection, Pick, Signal, Victims};
pub use limit::{
    Bound, BoundSide, Condition, CpuBase, LatencyFigure, Limit, LoadMeasure, Measure, Quantity,
    RecoveryClock, Scope, Statistic,
};
pub use load::{Arrival, Load, Timeline, Tls};
pub use overrides::{OverrideError, Overrides};
pub use pacing::{CatchUp, Pacing};
pub use process::{Process, ProcessService};
pub use ready::{Probe, Ready};
pub use sampling::Sampling;
pub use scenario::{Scenario, Step};
pub use segment::Segment;
pub use source::{Problem, Problems, Span};
pub use steady_state::{AbortWhen, SteadyState};
pub use target::{System, Target};
pub use template::{Part, Template};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::seed::Seed;

/// A valid experiment with all defaults filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Format version: 1.
    pub version: u32,
    /// Name: an id, used in file names and labels.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// The seed of all randomness.
    pub seed: Seed,
    /// The system under test.
    pub target: Target,
    /// Names for use in templates; already substituted into every template.
    pub variables: BTreeMap<String, String>,
    /// The load.
    pub load: Load,
    /// What hurts it.
    pub faults: Vec<Fault>,
    /// Whether two faults may be in force at once.
    pub overlap: Overlap,
    /// What must hold before the first fault.
    pub steady_state: Option<SteadyState>,
    /// What it must hold.
    pub limits: Vec<Limit>,
    /// What ends the run early.
    pub abort_when: Vec<AbortWhen>,
    /// What is read, and how often.
    pub sampling: Sampling,
    /// What is captured in detail.
    #[serde(default)]
    pub capture: CapturePlan,
}
