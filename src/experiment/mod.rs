//! The experiment file: what the target is, what load it gets, what hurts it, and what it must hold.
//!
//! Owns the file format: parsing, defaults, validation and schema, one file per element. In goes the
//! text of a file; out comes a valid [`Experiment`], or every problem at once, each with its place.
//! Never touches Docker or the network.

mod body;
mod capture;
mod capture_plan;
mod compose;
mod data;
mod expect;
mod external;
mod fault;
mod fault_schedule;
mod file;
mod http_step;
mod injection;
mod known;
mod limit;
mod literal_secret;
mod load;
mod overrides;
mod pacing;
mod postgres_step;
mod probes;
mod process;
mod read;
mod ready;
mod redis_step;
mod rows;
mod sampling;
mod scenario;
mod secret;
mod secrets;
mod segment;
mod service_url;
mod source;
mod steady_state;
mod step;
mod steps;
mod sweep;
mod target;
mod tcp_step;
mod template;
mod timeline;
mod url;
mod variables;
mod websocket_step;

pub use body::Body;
pub use capture::{Capture, CaptureSource};
pub use capture_plan::{CapturePlan, HeapSource};
pub use compose::Compose;
pub use data::{Feed, RowOrder};
pub use expect::{Expect, Wanted};
pub use external::External;
pub use fault::{Fault, Overlap};
pub use fault_schedule::FaultSchedule;
pub use file::{LoadError, load, load_warned, load_with, parse, schema};
pub use http_step::{HttpStep, Method};
pub use injection::{Direction, Injection, Pick, Signal, Victims};
pub use limit::{
    Accepted, Bound, BoundSide, Condition, CpuBase, DriftFigure, LatencyFigure, Limit, LoadMeasure,
    Measure, OwnFigure, ProbeFigure, Quantity, RecoveryClock, Scope, Statistic,
};
pub use load::{Arrival, Load, Tls};
pub use overrides::{OverrideError, Overrides};
pub use pacing::{CatchUp, Pacing, Priority};
pub use postgres_step::{PostgresStep, Statement};
pub use probes::{Polled, PolledValue};
pub use process::{Process, ProcessService};
pub use ready::{Probe, Ready};
pub use redis_step::RedisStep;
pub use rows::{BadRow, Row, RowFormat, Rows};
pub use sampling::Sampling;
pub use scenario::Scenario;
pub use secret::{Secret, Secrets, SecretsError};
pub use secrets::SecretSource;
pub use segment::Segment;
pub use source::{Problem, Problems, Span};
pub use steady_state::{AbortWhen, SteadyState};
pub use step::Step;
pub use steps::{Steps, Until};
pub use sweep::Sweep;
pub use target::{System, Target};
pub use tcp_step::{StepTls, TcpStep};
pub use template::{Part, Template};
pub use timeline::{Flow, Piece, Timeline};
pub use websocket_step::WebSocketStep;

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
    /// The sizes to run it at, if it is a sweep. What a run of one records has that run's size in `target`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// Names for use in templates; already substituted into every template.
    pub variables: BTreeMap<String, String>,
    /// Where the values of secrets come from; they are read when a run begins, and never stored.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretSource>,
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
    /// What the target is asked for again and again.
    #[serde(default)]
    pub probes: Vec<Polled>,
}
