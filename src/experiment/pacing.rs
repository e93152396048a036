//! `pacing:`, `priority:` and `catch_up:` how punctual the load is, and what it does when it could not be.

use serde::{Deserialize, Serialize};

use super::source::words;

/// How often the generator may wake up for what falls due: punctuality against its own CPU use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pacing {
    /// For every arrival.
    Precise,
    /// At most every 250 us.
    #[default]
    Balanced,
    /// At most every millisecond.
    Eco,
}

/// Whether the generator goes before other programs of its host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// It takes turns with them.
    #[default]
    Normal,
    /// It runs whenever something falls due, where the system permits it.
    Realtime,
}

/// What becomes of arrivals that the target could not take when they were due (every connection was in use),
/// once it can again. Each is sent or counted as not sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// All are sent at once.
    Full,
    /// They are sent at 1.5 times the rate they were due at.
    #[default]
    Capped,
    /// Those more than 100 ms late are not sent.
    Skip,
}

words! {
    Pacing {
        "precise" => Pacing::Precise,
        "balanced" => Pacing::Balanced,
        "eco" => Pacing::Eco,
    }
}

words! {
    Priority {
        "normal" => Priority::Normal,
        "realtime" => Priority::Realtime,
    }
}

words! {
    CatchUp {
        "full" => CatchUp::Full,
        "capped" => CatchUp::Capped,
        "skip" => CatchUp::Skip,
    }
}
