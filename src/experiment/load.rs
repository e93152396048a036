//! `load:` how much, in what shape, for how long.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Scenario, Step};
use crate::units::{Rate, duration_text};

/// The load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Ramp from nothing to the first rate; not judged.
    #[serde(with = "duration_text")]
    pub warmup: Duration,
    /// The shape; judged.
    pub profile: Vec<Segment>,
    /// Spacing of arrivals.
    pub arrival: Arrival,
    /// Connections at most, 1 to 10 000.
    pub connections: u32,
    /// Time from due to complete answer, for each step.
    #[serde(with = "duration_text")]
    pub timeout: Duration,
    /// No load; sampling goes on.
    #[serde(with = "duration_text")]
    pub cooldown: Duration,
    /// TLS settings.
    pub tls: Tls,
    /// What arrives, in the order of the file.
    pub scenarios: Vec<Scenario>,
}

/// How arrivals are spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// Evenly.
    #[default]
    Constant,
}

/// TLS settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// PEM file of authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM file of the client certificate chain.
    pub cert_file: Option<PathBuf>,
    /// PEM file of its key.
    pub key_file: Option<PathBuf>,
}

/// One piece of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// A steady rate.
    Hold {
        /// The rate.
        rate: Rate,
        /// For how long.
        #[serde(rename = "for", with = "duration_text")]
        lasts: Duration,
    },
    /// A linear change of rate.
    Ramp {
        /// Rate at its start.
        from: Rate,
        /// Rate at its end.
        to: Rate,
        /// For how long.
        #[serde(rename = "over", with = "duration_text")]
        lasts: Duration,
    },
    /// No arrivals.
    Pause {
        /// For how long.
        #[serde(rename = "for", with = "duration_text")]
        lasts: Duration,
    },
}

impl Segment {
    /// How long it lasts.
    pub fn lasts(&self) -> Duration {
        match self {
            Self::Hold { lasts, .. } | Self::Ramp { lasts, .. } | Self::Pause { lasts } => *lasts,
        }
    }

    /// Rates at its start and its end, arrivals per second.
    pub fn rates(&self) -> (f64, f64) {
        match self {
            Self::Hold { rate, .. } => (rate.get(), rate.get()),
            Self::Ramp { from, to, .. } => (from.get(), to.get()),
            Self::Pause { .. } => (0.0, 0.0),
        }
    }
}

/// The load as pieces of linear rate, warm-up first: what the engine schedules and the verdict compares with.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// `(start since load start, length, rate at start, rate at end)`; contiguous.
    pub pieces: Vec<(Duration, Duration, f64, f64)>,
    /// Length of the warm-up.
    pub warmup: Duration,
    /// Length of warm-up and profile together.
    pub total: Duration,
}

impl Timeline {
    /// Arrivals that fall due before `t` since load start: the integral of the rate.
    pub fn due_before(&self, t: Duration) -> f64 {
        self.pieces
            .iter()
            .take_while(|(start, ..)| *start < t)
            .map(|&(start, lasts, from, to)| {
                let length = lasts.as_secs_f64();
                let x = t.saturating_sub(start).as_secs_f64().min(length);
                if length > 0.0 { from * x + (to - from) * x * x / (2.0 * length) } else { 0.0 }
            })
            .sum()
    }
}

impl Load {
    /// The load as pieces of linear rate.
    pub fn timeline(&self) -> Timeline {
        let mut pieces = Vec::new();
        let mut at = Duration::ZERO;
        if self.warmup > Duration::ZERO {
            let first = self.profile.first().map_or(0.0, |s| {
                let (from, to) = s.rates();
                if from > 0.0 { from } else { to }
            });
            pieces.push((at, self.warmup, 0.0, first));
            at += self.warmup;
        }
        for segment in &self.profile {
            let (from, to) = segment.rates();
            pieces.push((at, segment.lasts(), from, to));
            at += segment.lasts();
        }
        Timeline { pieces, warmup: self.warmup, total: at }
    }

    /// Length of the profile, without warm-up and cool-down.
    pub fn profile_length(&self) -> Duration {
        self.profile.iter().map(Segment::lasts).sum()
    }

    /// Every step's name, `scenario/step`: session steps first, then steps, scenario by scenario.
    /// [`crate::record::StepId`] indexes into it.
    pub fn step_names(&self) -> Vec<String> {
        self.scenarios
            .iter()
            .flat_map(|s| {
                s.session
                    .iter()
                    .chain(&s.steps)
                    .map(|Step::Http(step)| format!("{}/{}", s.name, step.name))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_counts_are_the_integral_of_the_rate() {
        let load = Timeline {
            pieces: vec![
                (Duration::ZERO, Duration::from_secs(10), 0.0, 50.0),
                (Duration::from_secs(10), Duration::from_secs(20), 50.0, 50.0),
            ],
            warmup: Duration::from_secs(10),
            total: Duration::from_secs(30),
        };
        let close =
            |t: u64, n: f64| assert!((load.due_before(Duration::from_secs(t)) - n).abs() < 1e-9);
        close(0, 0.0);
        close(10, 250.0);
        close(20, 750.0);
        close(30, 1250.0);
        close(99, 1250.0);
    }
}
