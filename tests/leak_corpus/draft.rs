//! A series in the making: relative values on a full 10 s grid, before it is read by a sampler.

use super::chance::Chance;
use super::series::{Reading, STEP_S};

const MIB: f64 = 1_048_576.0;
/// The kernel counts memory in pages.
const PAGE: f64 = 4096.0;

/// A series in the making. A process fills it in; growth is added; [`Draft::readings`] reads it.
pub(crate) struct Draft {
    /// The series' own randomness.
    pub(crate) chance: Chance,
    /// How long it lasts.
    pub(crate) hours: f64,
    /// What a relative value of 1 stands for, in bytes or counts.
    pub(crate) level: f64,
    /// Readings are multiples of this.
    pub(crate) quantum: f64,
    /// Whether it counts things.
    pub(crate) counts: bool,
    /// Relative value per step.
    pub(crate) value: Vec<f64>,
    /// Life of the process per step.
    pub(crate) epoch: Vec<u32>,
    /// Fault in force per step.
    pub(crate) fault: Vec<bool>,
    /// Steps at which no reading was had.
    pub(crate) absent: Vec<bool>,
    /// Requests per second that are usual.
    pub(crate) per_second: f64,
    /// Requests per second that came, per step.
    pub(crate) traffic: Vec<f64>,
}

impl Draft {
    /// A flat process of 20 MiB to 2 GiB under a steady load.
    pub(crate) fn new(hours: f64, mut chance: Chance) -> Self {
        let steps = (hours * 3600.0 / STEP_S).round() as usize;
        let level = chance.spread(20.0, 2048.0) * MIB;
        let per_second = chance.spread(20.0, 1000.0);
        // Every other load arrives at random times.
        let random = chance.happens(0.5);
        let mut arrivals = || {
            let due = per_second * STEP_S;
            if random { chance.poisson(due) / STEP_S } else { per_second }
        };
        let traffic = (0..steps).map(|_| arrivals()).collect();
        Self {
            hours,
            level,
            quantum: PAGE,
            counts: false,
            value: vec![1.0; steps],
            epoch: vec![1; steps],
            fault: vec![false; steps],
            absent: vec![false; steps],
            per_second,
            traffic,
            chance,
        }
    }

    /// Bytes that a relative value of 1 stands for.
    pub(crate) fn level_mib(&mut self, mib: f64) {
        self.level = mib * MIB;
    }

    /// How many steps.
    pub(crate) fn steps(&self) -> usize {
        self.value.len()
    }

    /// Hours since the start, of a step.
    pub(crate) fn hour(step: usize) -> f64 {
        step as f64 * STEP_S / 3600.0
    }

    /// The step at or after this hour, at most the last.
    pub(crate) fn step(&self, hour: f64) -> usize {
        ((hour * 3600.0 / STEP_S).ceil() as usize).min(self.steps() - 1)
    }

    /// Adds a function of the hour.
    pub(crate) fn add(&mut self, f: impl Fn(f64) -> f64) {
        for (i, value) in self.value.iter_mut().enumerate() {
            *value += f(Self::hour(i));
        }
    }

    /// Adds a function of the hour since the life of the process began.
    pub(crate) fn add_by_age(&mut self, f: impl Fn(f64) -> f64) {
        for (value, age) in self.value.iter_mut().zip(ages(&self.epoch)) {
            *value += f(age);
        }
    }

    /// Adds white noise.
    pub(crate) fn white(&mut self, sd: f64) {
        for value in &mut self.value {
            *value += sd * self.chance.normal();
        }
    }

    /// Adds AR(1) noise.
    pub(crate) fn autocorrelated(&mut self, phi: f64, sd: f64) {
        let noise = self.chance.autocorrelated(self.value.len(), phi, sd);
        self.value.iter_mut().zip(noise).for_each(|(value, noise)| *value += noise);
    }

    /// The unrest that every process has a little of.
    pub(crate) fn unrest(&mut self) {
        let (phi, sd) = (self.chance.between(0.2, 0.9), self.chance.spread(0.001, 0.01));
        self.autocorrelated(phi, sd);
    }

    /// The process dies at this hour and lives again `down` steps later.
    pub(crate) fn restart(&mut self, hour: f64, down: usize) {
        let from = self.step(hour);
        self.epoch[from..].iter_mut().for_each(|epoch| *epoch += 1);
        let back = (from + down).min(self.steps());
        self.absent[from..back].iter_mut().for_each(|absent| *absent = true);
    }

    /// A fault is in force from this hour for so many steps.
    pub(crate) fn fault_at(&mut self, hour: f64, steps: usize) {
        let from = self.step(hour);
        let to = (from + steps).min(self.steps());
        self.fault[from..to].iter_mut().for_each(|fault| *fault = true);
    }

    /// Hours since the life of the process began, per step.
    pub(crate) fn ages(&self) -> Vec<f64> {
        ages(&self.epoch)
    }

    /// What a sampler would have seen.
    pub(crate) fn readings(self) -> Vec<Reading> {
        let mut requests = 0.0;
        let mut readings = Vec::with_capacity(self.steps());
        for i in 0..self.steps() {
            requests += self.traffic[i] * STEP_S;
            if self.absent[i] {
                continue;
            }
            let value = (self.value[i] * self.level / self.quantum).round() * self.quantum;
            readings.push(Reading {
                t_s: i as f64 * STEP_S,
                value: value.max(self.quantum),
                epoch: self.epoch[i],
                fault: self.fault[i],
                requests: requests.round(),
            });
        }
        readings
    }
}

fn ages(epoch: &[u32]) -> Vec<f64> {
    let mut born = 0;
    (0..epoch.len())
        .map(|i| {
            if i > 0 && epoch[i] != epoch[i - 1] {
                born = i;
            }
            Draft::hour(i - born)
        })
        .collect()
}
