//! The figures that runs are compared by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A figure of a run, measured once per window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean latency of requests that ended well, microseconds.
    Mean,
    /// Median of the same.
    P50,
    /// 95th percentile of the same.
    P95,
    /// 99th percentile of the same.
    P99,
    /// Arrivals (for a step: requests) that ended well, per second.
    Throughput,
    /// Errors among what ended, 0 to 1.
    ErrorRate,
    /// Anonymous memory of a service, all instances together, bytes.
    Memory,
    /// CPU of a service, percent of one core.
    Cpu,
    /// Open descriptors of a service's fullest instance.
    Descriptors,
    /// Threads of a service's fullest instance.
    Threads,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 10] = [
        Self::Mean,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::Throughput,
        Self::ErrorRate,
        Self::Memory,
        Self::Cpu,
        Self::Descriptors,
        Self::Threads,
    ];

    /// Its name, as in commands and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Throughput => "throughput",
            Self::ErrorRate => "error_rate",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Descriptors => "descriptors",
            Self::Threads => "threads",
        }
    }

    /// Whether it is measured per service; otherwise over all steps and per step.
    pub fn per_service(self) -> bool {
        matches!(self, Self::Memory | Self::Cpu | Self::Descriptors | Self::Threads)
    }

    /// Whether two of its values are compared by their difference; otherwise by their ratio.
    pub fn by_difference(self) -> bool {
        self == Self::ErrorRate
    }

    /// Whether more of it is better.
    pub fn more_is_better(self) -> bool {
        self == Self::Throughput
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a metric: write one of {}", Metric::ALL.map(Metric::name).join(", "))]
pub struct MetricError {
    given: String,
}

impl FromStr for Metric {
    type Err = MetricError;
    fn from_str(text: &str) -> Result<Self, MetricError> {
        Self::ALL
            .into_iter()
            .find(|m| m.name() == text)
            .ok_or_else(|| MetricError { given: text.to_owned() })
    }
}

/// A metric and whose: of all steps together, of one step, or of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Figure {
    /// What is measured.
    pub metric: Metric,
    /// Step (`scenario/step`) or service; `None`: all steps together.
    pub of: Option<String>,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.of {
            Some(of) => write!(f, "{} in {of}", self.metric),
            None => write!(f, "{}", self.metric),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_has_one_name_everywhere() {
        for metric in Metric::ALL {
            assert_eq!(metric.name().parse(), Ok(metric));
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
        }
        let text = "p42".parse::<Metric>().unwrap_err().to_string();
        assert!(text.contains("p42") && text.contains("error_rate"), "{text}");
    }
}
