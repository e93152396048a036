//! The load as pieces of known course: what the engine schedules and the verdict compares with.

use std::time::Duration;

use super::{Load, Segment, Steps};

/// The load as pieces one after the other, warm-up first.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// The pieces; contiguous.
    pub pieces: Vec<Piece>,
    /// Length of the warm-up.
    pub warmup: Duration,
    /// Length of warm-up and profile together.
    pub total: Duration,
}

/// One piece.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// When it begins, since load start.
    pub start: Duration,
    /// How long it lasts.
    pub lasts: Duration,
    /// How arrivals come in it.
    pub flow: Flow,
}

/// How arrivals come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Flow {
    /// At a rate that changes linearly, arrivals per second.
    Linear {
        /// At its start.
        from: f64,
        /// At its end.
        to: f64,
    },
    /// So many at once, the first at its start.
    Bursts {
        /// How many.
        size: u64,
        /// From one to the next.
        every: Duration,
    },
    /// As users begin who wait for the end of what they began.
    Users {
        /// How many users.
        count: u32,
        /// From the end of an iteration to the user's next.
        think: Duration,
    },
    /// At a rate that is found out while it goes.
    Climb(Steps),
}

impl Flow {
    /// A steady rate.
    pub fn steady(rate: f64) -> Self {
        Self::Linear { from: rate, to: rate }
    }

    /// Whether it is known beforehand how many arrivals there are.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Self::Linear { .. } | Self::Bursts { .. })
    }

    /// Rates at its start and its end, arrivals per second; of bursts the mean. Zero where they are not known beforehand.
    pub fn rates(&self) -> (f64, f64) {
        match self {
            Self::Linear { from, to } => (*from, *to),
            Self::Bursts { size, every } => {
                let mean = *size as f64 / every.as_secs_f64();
                (mean, mean)
            }
            Self::Users { .. } | Self::Climb(_) => (0.0, 0.0),
        }
    }
}

impl Piece {
    /// Arrivals that fall due in it before `t` since its start.
    pub fn due_before(&self, t: Duration) -> f64 {
        let t = t.min(self.lasts);
        match self.flow {
            Flow::Linear { from, to } => {
                let (x, length) = (t.as_secs_f64(), self.lasts.as_secs_f64());
                if length > 0.0 { from * x + (to - from) * x * x / (2.0 * length) } else { 0.0 }
            }
            Flow::Bursts { size, every } => {
                size as f64 * t.as_nanos().div_ceil(every.as_nanos().max(1)) as f64
            }
            Flow::Users { .. } | Flow::Climb(_) => 0.0,
        }
    }
}

impl Timeline {
    /// Flows of such lengths one after the other, without a warm-up.
    pub fn new(flows: impl IntoIterator<Item = (Duration, Flow)>) -> Self {
        let mut timeline =
            Self { pieces: Vec::new(), warmup: Duration::ZERO, total: Duration::ZERO };
        flows.into_iter().for_each(|(lasts, flow)| timeline.push(lasts, flow));
        timeline
    }

    /// Adds a piece at the end.
    pub fn push(&mut self, lasts: Duration, flow: Flow) {
        self.pieces.push(Piece { start: self.total, lasts, flow });
        self.total += lasts;
    }

    /// Whether it is known beforehand how many arrivals there are, and how long it takes.
    pub fn is_fixed(&self) -> bool {
        self.pieces.iter().all(|piece| piece.flow.is_fixed())
    }

    /// Arrivals that fall due before `t` since load start: the integral of the rate, where it is known.
    pub fn due_before(&self, t: Duration) -> f64 {
        self.pieces
            .iter()
            .take_while(|piece| piece.start < t)
            .map(|piece| piece.due_before(t.saturating_sub(piece.start)))
            .sum()
    }
}

impl Load {
    /// The load as pieces.
    pub fn timeline(&self) -> Timeline {
        let mut profile = Timeline::new([]);
        for segment in &self.profile {
            let before = profile.pieces.last().map_or(0.0, |piece| piece.flow.rates().1);
            segment.lay(&mut profile, before);
        }
        let mut timeline = Timeline::new([]);
        if self.warmup > Duration::ZERO {
            let (from, to) = match profile.pieces.first().map(|piece| piece.flow) {
                Some(Flow::Climb(steps)) => (steps.from.get(), steps.from.get()),
                Some(flow) => flow.rates(),
                None => (0.0, 0.0),
            };
            let first = if from > 0.0 { from } else { to };
            timeline.push(self.warmup, Flow::Linear { from: 0.0, to: first });
            timeline.warmup = self.warmup;
        }
        profile.pieces.iter().for_each(|piece| timeline.push(piece.lasts, piece.flow));
        timeline
    }

    /// Length of the profile up to the search for a limit, in which no fault has a place.
    pub fn length_for_faults(&self) -> Duration {
        let steady = |segment: &&Segment| !matches!(segment, Segment::Steps(_));
        self.profile.iter().take_while(steady).map(Segment::lasts).sum()
    }

    /// Length of the profile, without warm-up and cool-down; at most, when it ends with a search for a limit.
    pub fn profile_length(&self) -> Duration {
        self.profile.iter().map(Segment::lasts).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn close(timeline: &Timeline, ms: u64, n: f64) {
        let due = timeline.due_before(Duration::from_millis(ms));
        assert!((due - n).abs() < 1e-9, "{ms}: {due}");
    }

    #[test]
    fn due_counts_are_the_integral_of_the_rate() {
        let load = Timeline::new([
            (SECOND * 10, Flow::Linear { from: 0.0, to: 50.0 }),
            (SECOND * 20, Flow::steady(50.0)),
        ]);
        for (s, n) in [(0, 0.0), (10, 250.0), (20, 750.0), (30, 1250.0), (99, 1250.0)] {
            close(&load, s * 1000, n);
        }
        assert_eq!(load.total, SECOND * 30);
    }

    #[test]
    fn a_burst_counts_from_its_moment_on() {
        let bursts = Flow::Bursts { size: 20, every: SECOND * 2 };
        let load = Timeline::new([(SECOND, Flow::steady(1.0)), (SECOND * 5, bursts)]);
        for (ms, n) in
            [(1000, 1.0), (1001, 21.0), (3000, 21.0), (3001, 41.0), (6000, 61.0), (9000, 61.0)]
        {
            close(&load, ms, n);
        }
    }
}
