//! The ways in which something grows for ever.

use super::draft::Draft;

/// How a leak grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    /// Not at all.
    None,
    /// In a straight line from the start of each life of the process.
    Steady,
    /// In a straight line from somewhere in the first half on.
    Onset,
    /// Faster and faster, from nothing to the rate at the end.
    Accelerating,
    /// By bursts some minutes apart.
    Bursts,
    /// With every request.
    PerRequest,
    /// Flat within a life; each life begins where the growth of all time has got to.
    AcrossRestarts,
}

impl Growth {
    /// Adds growth of `rate` percent of the level per hour. The true slope at the end, per hour and
    /// relative to the level; none where nothing leaks.
    pub(crate) fn add_to(self, draft: &mut Draft, rate: f64) -> Option<f64> {
        let (slope, hours) = (rate / 100.0, draft.hours);
        match self {
            Self::None => return None,
            Self::Steady => draft.add_by_age(|age| slope * age),
            Self::Onset => {
                let onset = hours * draft.chance.between(0.15, 0.5);
                draft.add(|h| slope * (h - onset).max(0.0));
            }
            Self::Accelerating => draft.add(|h| slope * h * h / (2.0 * hours)),
            Self::Bursts => return Some(bursts(draft, slope)),
            Self::PerRequest => {
                let mean = draft.traffic.iter().sum::<f64>() / draft.steps() as f64;
                let mut grown = 0.0;
                for i in 0..draft.steps() {
                    grown += slope * draft.traffic[i] / mean * Draft::hour(1);
                    draft.value[i] += grown;
                }
            }
            Self::AcrossRestarts => {
                for (i, age) in draft.ages().into_iter().enumerate() {
                    draft.value[i] += slope * (Draft::hour(i) - age);
                }
            }
        }
        Some(slope)
    }
}

/// The slope that the bursts came to, over the whole series.
fn bursts(draft: &mut Draft, slope: f64) -> f64 {
    let gap = draft.chance.between(0.05, 0.25_f64.min(draft.hours / 15.0));
    let mut grown = 0.0;
    let mut next = draft.chance.exponential(gap);
    for i in 0..draft.steps() {
        while next <= Draft::hour(i) {
            grown += slope * gap * draft.chance.between(0.5, 1.5);
            next += draft.chance.exponential(gap);
        }
        draft.value[i] += grown;
    }
    grown / draft.hours
}
