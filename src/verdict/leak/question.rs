//! What is asked of a series.

use std::time::Duration;

use crate::record::GaugeUnit;
use crate::units::Percent;

/// What is asked of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// What the gauge counts.
    pub unit: GaugeUnit,
    /// How long the process is meant to run: the growth limit is shared out over it.
    pub planned: Duration,
    /// Growth that is allowed over the planned duration.
    pub growth_limit: Percent,
    /// Where the process dies, in the gauge's unit.
    pub limit: Option<f64>,
    /// Growth over the planned duration that nobody minds, however small the process, in the gauge's unit.
    pub floor: f64,
    /// The smallest step in which the gauge moves: a page, one descriptor.
    pub grain: f64,
}

impl Question {
    /// Anonymous memory, in bytes. A quarter of a MiB over the planned duration is no leak.
    pub fn memory(planned: Duration, growth_limit: Percent, limit: Option<f64>) -> Self {
        let unit = GaugeUnit::Bytes;
        Self { unit, planned, growth_limit, limit, floor: 262_144.0, grain: 4096.0 }
    }

    /// A number of things: descriptors, threads, sockets. Five more over the planned duration are no leak.
    pub fn count(planned: Duration, growth_limit: Percent, limit: Option<f64>) -> Self {
        let unit = GaugeUnit::Count;
        Self { unit, planned, growth_limit, limit, floor: 5.0, grain: 1.0 }
    }

    /// Growth that is allowed, per hour, where the first level is `level`.
    pub(super) fn tolerance(&self, level: f64) -> f64 {
        (self.growth_limit.fraction() * level).max(self.floor) / self.planned_hours()
    }

    /// Growth that nobody minds, per hour.
    pub(super) fn trifle(&self) -> f64 {
        self.floor / self.planned_hours()
    }

    fn planned_hours(&self) -> f64 {
        self.planned.as_secs_f64().max(1.0) / 3600.0
    }
}
