//! The experiment file: what the target is, what load it gets, what hurts it, and what it must hold.
//!
//! Owns the file format: parsing, defaults, validation and schema, one file per element. In goes the
//! text of a file; out comes a valid [`Experiment`], or every problem at once, each with its place.
//! Never touches Docker or the network.

mod fault;
mod limit;
mod load;
mod sampling;
mod scenario;
mod target;
mod template;

pub use fault::{Direction, Fault, FaultSchedule, Injection, Overlap, Pick, Signal, Victims};
pub use limit::{AbortWhen, LatencyFigure, Limit, LimitKind, Scope, SteadyState};
pub use load::{Arrival, Load, Segment, Timeline, Tls};
pub use sampling::Sampling;
pub use scenario::{Body, Capture, CaptureSource, Expect, HttpStep, Method, Scenario, Step};
pub use target::{Compose, External, Probe, Process, ProcessService, Ready, System, Target};
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
}
