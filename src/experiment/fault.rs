//! `faults:` what hurts the target, whom, and when.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{Percent, duration_text, optional_duration_text};

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

/// The fault kinds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Injection {
    /// A signal to the main process, through the engine.
    Kill {
        /// Whom.
        #[serde(flatten)]
        victims: Victims,
        /// Which signal.
        signal: Signal,
        /// The engine disarms restart policies for what it killed; longhaul starts it again after this.
        #[serde(with = "duration_text")]
        restart_after: Duration,
    },
    /// An orderly stop, and a start at the end.
    Stop {
        /// Whom.
        #[serde(flatten)]
        victims: Victims,
        /// From SIGTERM to SIGKILL.
        #[serde(with = "duration_text")]
        grace: Duration,
    },
    /// An orderly stop and an immediate start.
    Restart {
        /// Whom.
        #[serde(flatten)]
        victims: Victims,
        /// From SIGTERM to SIGKILL.
        #[serde(with = "duration_text")]
        grace: Duration,
    },
    /// Frozen by the cgroup freezer (containers) or SIGSTOP (processes).
    Pause {
        /// Whom.
        #[serde(flatten)]
        victims: Victims,
    },
    /// Disconnected from its networks.
    Detach {
        /// Whom.
        #[serde(flatten)]
        victims: Victims,
        /// Only from this network (its key in the compose file); default: all.
        network: Option<String>,
    },
    /// Packets between two groups of services are dropped.
    Partition {
        /// One group: service names.
        between: Vec<String>,
        /// The other group.
        and: Vec<String>,
        /// Which packets.
        direction: Direction,
    },
}

/// Whom of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Victims {
    /// Service name.
    pub service: String,
    /// How many of its instances, drawn from the seed.
    pub pick: Pick,
}

/// How many instances. Text: `one`, `all`, `2`, `50%`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// One.
    One,
    /// All.
    All,
    /// So many, at most all.
    Count(u32),
    /// A share, rounded up, at least one.
    Share(Percent),
}

impl Pick {
    /// How many of `n`.
    pub fn of(self, n: u32) -> u32 {
        match self {
            Self::One => n.min(1),
            Self::All => n,
            Self::Count(k) => k.min(n),
            Self::Share(share) => {
                ((f64::from(n) * share.fraction()).ceil() as u32).clamp(n.min(1), n)
            }
        }
    }
}

/// A POSIX signal by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signal(
    /// `SIGKILL`, `SIGTERM`, ...
    pub String,
);

/// Which packets a partition drops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// Only from `between` to `and`.
    Forward,
    /// Only from `and` to `between`.
    Backward,
}

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
