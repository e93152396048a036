//! Faults: what is planned, and what happened.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::experiment::Injection;
use crate::ids::FaultId;
use crate::units::{duration_text, optional_duration_text};

/// A victim by its place in the target, so that a plan can be replayed on new containers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Victim {
    /// Service name.
    pub service: String,
    /// Number within the service, from 1.
    pub ordinal: u32,
}

impl std::fmt::Display for Victim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.service, self.ordinal)
    }
}

/// One fault, resolved from the experiment and the seed before the run starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// Its id within the run.
    pub id: FaultId,
    /// Name of the entry in the experiment file.
    pub name: String,
    /// When, counted from the start of the load profile (after the warm-up).
    #[serde(with = "duration_text")]
    pub at: Duration,
    /// How long it lasts before it is healed.
    #[serde(rename = "for", with = "duration_text")]
    pub lasts: Duration,
    /// What is done.
    pub inject: Injection,
    /// To whom. For a partition: the `between` group.
    pub victims: Vec<Victim>,
    /// For a partition: the `and` group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Victim>,
    /// The limit on its recovery.
    #[serde(default, with = "optional_duration_text", skip_serializing_if = "Option::is_none")]
    pub recover_within: Option<Duration>,
}

/// One cut in one instance's network: packets that arrive from `sources` are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkCut {
    /// The receiver.
    pub victim: Victim,
    /// Addresses whose packets are dropped.
    pub sources: Vec<std::net::IpAddr>,
}

/// Where a fault stands in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum FaultStage {
    /// The intent is in the journal; nothing was touched yet.
    Intended,
    /// The side effect was asked for.
    Injected,
    /// Seen to be in force.
    Active {
        /// How it was seen.
        evidence: String,
    },
    /// Injected, but could not be seen to be in force.
    Unverified {
        /// Why.
        reason: String,
    },
    /// Nothing was done.
    NotApplied {
        /// Why.
        reason: String,
    },
    /// The undo has begun.
    Healing,
    /// Seen to be undone.
    Healed {
        /// How it was seen.
        evidence: String,
    },
    /// Could not be undone.
    Stuck {
        /// Why, and what is left behind.
        reason: String,
    },
}
