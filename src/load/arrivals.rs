use std::time::Duration;

use super::scatter::{Block, Scatter};
use crate::experiment::{Flow, Timeline};
use crate::seed::Seed;

/// When each arrival falls due: a pure function of its number, and for a Poisson process of the seed.
///
/// Arrival `n` (from 0) is due where the integral of the rate passes `n`. So the number of arrivals due
/// before `t` is the integral up to `t`, rounded up, and exactly the integral where that is whole: a
/// hold at 50/s has 50 arrivals in each of its seconds. The whole has the integral's whole part.
///
/// In a Poisson process each piece has the same arrivals, scattered over its integral at random.
#[derive(Clone, Debug)]
pub struct Arrivals {
    pieces: Vec<Piece>,
    total: u64,
    length: Duration,
    peak: f64,
    /// Of a Poisson process.
    seed: Option<Seed>,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Seconds since load start.
    start: f64,
    /// Seconds.
    length: f64,
    course: Course,
    /// The integral up to its start.
    before: f64,
    /// The integral up to its end.
    after: f64,
    /// Number of its first arrival.
    first: u64,
    /// Number of the first one after it.
    end: u64,
    /// Where its arrivals fall, unless evenly.
    scatter: Option<Scatter>,
}

#[derive(Clone, Copy, Debug)]
enum Course {
    /// From one rate to another, arrivals per second.
    Linear { from: f64, to: f64 },
    /// So many at once every so many seconds.
    Bursts { size: f64, every: f64 },
}

/// Sums of products of decimal rates and durations miss whole numbers by less than this.
const WHOLE: f64 = 1e-6;

impl Arrivals {
    /// The schedule of a load whose arrivals come evenly.
    pub fn new(timeline: &Timeline) -> Self {
        Self::lay(timeline, None)
    }

    /// The schedule of a load whose arrivals come at random.
    pub fn poisson(timeline: &Timeline, seed: Seed) -> Self {
        Self::lay(timeline, Some(seed))
    }

    fn lay(timeline: &Timeline, seed: Option<Seed>) -> Self {
        let mut pieces = Vec::with_capacity(timeline.pieces.len());
        let (mut sum, mut peak) = (0.0, 0.0_f64);
        for (index, piece) in timeline.pieces.iter().enumerate() {
            peak = peak.max(match piece.flow {
                Flow::Linear { from, to } => from.max(to),
                Flow::Climb(steps) => steps.to.get(),
                other => other.rates().0,
            });
            let before = sum;
            sum = snap(sum + piece.due_before(piece.lasts));
            if sum <= before {
                continue;
            }
            let course = match piece.flow {
                Flow::Linear { from, to } => Course::Linear { from, to },
                Flow::Bursts { size, every } => {
                    Course::Bursts { size: size as f64, every: every.as_secs_f64() }
                }
                Flow::Users { .. } | Flow::Climb(_) => continue,
            };
            let (first, end) = (before.ceil() as u64, sum.ceil() as u64);
            let scattered = seed.filter(|_| matches!(course, Course::Linear { .. }));
            let scatter =
                scattered.map(|seed| Scatter::new(seed.split(&index.to_string()), end - first));
            let (start, length) = (piece.start.as_secs_f64(), piece.lasts.as_secs_f64());
            pieces.push(Piece { start, length, course, before, after: sum, first, end, scatter });
        }
        Self { pieces, total: sum.floor() as u64, length: timeline.total, peak, seed }
    }

    /// The same with a steady rate after all of it, from `start` on. No number changes its meaning.
    pub(super) fn with_level(&self, start: Duration, lasts: Duration, rate: f64) -> Self {
        let mut more = self.clone();
        if let Some(last) = more.pieces.last_mut() {
            // What it has of one more arrival is dropped.
            last.end = self.total;
        }
        let (first, before) = (self.total, self.total as f64);
        let after = snap(before + rate * lasts.as_secs_f64());
        more.total = after.floor() as u64;
        let name = format!("level {}", self.pieces.len());
        let scatter = self.seed.map(|seed| Scatter::new(seed.split(&name), more.total - first));
        let (start, length) = (start.as_secs_f64(), lasts.as_secs_f64());
        let course = Course::Linear { from: rate, to: rate };
        let end = more.total;
        more.pieces.push(Piece { start, length, course, before, after, first, end, scatter });
        more
    }

    /// The same, over after `length`.
    pub(super) fn ended(&self, length: Duration) -> Self {
        Self { length, ..self.clone() }
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Length of the load, pauses at its end included.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// When arrival `n` falls due, since load start, to the microsecond; `None` past the last.
    pub fn due(&self, n: u64) -> Option<Duration> {
        self.due_near(n, &mut Block::default())
    }

    /// The same; `block` holds what was drawn for an arrival nearby, and may spare drawing it again.
    pub(super) fn due_near(&self, n: u64, block: &mut Block) -> Option<Duration> {
        if n >= self.total {
            return None;
        }
        let piece = self.pieces.get(self.pieces.partition_point(|p| p.end <= n))?;
        let count = match &piece.scatter {
            None => n as f64 - piece.before,
            Some(scatter) => scatter.point(n - piece.first, block) * (piece.after - piece.before),
        };
        let seconds = piece.start + piece.reaches(count);
        Some(Duration::from_micros((seconds * 1e6).round() as u64))
    }

    /// The rate at `t` since load start, arrivals per second, and of bursts their size; zero in pauses and past the end.
    pub fn rate_at(&self, t: Duration) -> f64 {
        let t = t.as_secs_f64();
        self.pieces.iter().rev().find(|p| p.start <= t).filter(|p| t < p.start + p.length).map_or(
            0.0,
            |p| match p.course {
                Course::Linear { from, to } => from + (to - from) * (t - p.start) / p.length,
                Course::Bursts { size, .. } => size,
            },
        )
    }

    /// The highest rate there may be, arrivals per second; of bursts the mean.
    pub fn peak(&self) -> f64 {
        self.peak
    }

    /// The most that fall due at one moment.
    pub fn largest_burst(&self) -> u64 {
        let size = |p: &Piece| match p.course {
            Course::Linear { .. } => 1.0,
            Course::Bursts { size, .. } => size,
        };
        self.pieces.iter().map(size).fold(1.0, f64::max) as u64
    }
}

impl Piece {
    /// Seconds into the piece at which its own integral reaches `count`. For a change of rate that is the root of
    /// `slope/2 x^2 + from x = count`, in the form that loses no digits when either term vanishes.
    fn reaches(&self, count: f64) -> f64 {
        if count <= 0.0 {
            return 0.0;
        }
        match self.course {
            Course::Linear { from, to } => {
                let half_slope = (to - from) / (2.0 * self.length);
                let root = (from * from + 4.0 * half_slope * count).max(0.0).sqrt();
                (2.0 * count / (from + root)).min(self.length)
            }
            Course::Bursts { size, every } => (snap(count / size).floor() * every).min(self.length),
        }
    }
}

fn snap(n: f64) -> f64 {
    let whole = n.round();
    if (n - whole).abs() < WHOLE { whole } else { n }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timeline(pieces: &[(u64, f64, f64)]) -> Timeline {
        let flow = |&(ms, from, to)| (Duration::from_millis(ms), Flow::Linear { from, to });
        Timeline::new(pieces.iter().map(flow))
    }

    fn due_before(arrivals: &Arrivals, t: Duration) -> u64 {
        let (mut low, mut high) = (0, arrivals.total());
        while low < high {
            let middle = u64::midpoint(low, high);
            if arrivals.due(middle).unwrap() < t { low = middle + 1 } else { high = middle }
        }
        low
    }

    #[test]
    fn a_hold_has_its_rate_in_every_second() {
        let arrivals = Arrivals::new(&timeline(&[(5_000, 0.0, 50.0), (60_000, 50.0, 50.0)]));
        assert_eq!(arrivals.total(), 125 + 3000);
        for second in 5..65 {
            assert_eq!(due_before(&arrivals, Duration::from_secs(second)), 125 + (second - 5) * 50);
        }
        assert_eq!(arrivals.due(0), Some(Duration::ZERO));
        assert_eq!(arrivals.due(3125), None);
    }

    #[test]
    fn nothing_falls_due_in_a_pause() {
        let arrivals = Arrivals::new(&timeline(&[
            (1_000, 0.0, 0.0),
            (1_000, 10.0, 10.0),
            (2_000, 0.0, 0.0),
            (1_000, 10.0, 10.0),
        ]));
        assert_eq!(arrivals.total(), 20);
        assert_eq!(arrivals.due(0), Some(Duration::from_secs(1)));
        assert_eq!(arrivals.due(9), Some(Duration::from_millis(1900)));
        assert_eq!(arrivals.due(10), Some(Duration::from_secs(4)));
        assert!(arrivals.rate_at(Duration::from_millis(2500)).abs() < 1e-9);
        assert!((arrivals.rate_at(Duration::from_millis(4500)) - 10.0).abs() < 1e-9);
        assert_eq!(arrivals.length(), Duration::from_secs(5));
    }

    #[test]
    fn a_day_at_an_awkward_rate_ends_where_it_should() {
        let arrivals = Arrivals::new(&timeline(&[(86_400_000, 1000.0 / 3.0, 1000.0 / 3.0)]));
        assert_eq!(arrivals.total(), 28_800_000);
        assert_eq!(arrivals.due(14_400_000), Some(Duration::from_hours(12)));
    }

    #[test]
    fn every_burst_has_its_size_at_its_moment() {
        // Two and a half arrivals before, so that the bursts begin between two numbers.
        let mut load = timeline(&[(1_000, 0.0, 5.0)]);
        load.push(
            Duration::from_secs(7),
            Flow::Bursts { size: 200, every: Duration::from_secs(2) },
        );
        load.push(Duration::from_secs(1), Flow::steady(3.0));
        let arrivals = Arrivals::new(&load);
        assert_eq!(arrivals.total(), 805);
        let moments: Vec<u128> = (0..805)
            .map(|n| arrivals.due(n).unwrap().as_millis())
            .filter(|ms| *ms >= 1000)
            .collect();
        for (burst, moment) in [1000, 3000, 5000, 7000].into_iter().enumerate() {
            assert!(moments[burst * 200..][..200].iter().all(|ms| *ms == moment), "{moment}");
        }
        assert!(moments[800] > 8000);
        assert!((arrivals.rate_at(Duration::from_secs(2)) - 200.0).abs() < 1e-9);
        assert!((arrivals.peak() - 100.0).abs() < 1e-9);
        assert_eq!(arrivals.largest_burst(), 200);
    }

    #[test]
    fn a_level_more_changes_nothing_before_it() {
        let arrivals = Arrivals::new(&timeline(&[(1_000, 0.0, 5.0), (9_000, 0.0, 0.0)]));
        assert_eq!(arrivals.total(), 2);
        let level = |arrivals: &Arrivals, start, rate| {
            arrivals.with_level(Duration::from_secs(start), Duration::from_secs(2), rate)
        };
        let one = level(&arrivals, 2, 3.0);
        let two = level(&one, 6, 5.5);
        assert_eq!((one.total(), two.total(), two.length()), (8, 19, arrivals.length()));
        for n in 0..8 {
            assert_eq!(two.due(n), one.due(n), "{n}");
            assert_eq!(two.due(n).is_some_and(|d| d < Duration::from_secs(2)), n < 2, "{n}");
        }
        assert_eq!(
            (two.due(2), two.due(8)),
            (Some(Duration::from_secs(2)), Some(Duration::from_secs(6)))
        );
        assert!(two.due(18).unwrap() < Duration::from_secs(8));
        assert!((two.rate_at(Duration::from_secs(7)) - 5.5).abs() < 1e-9);
        assert!(two.rate_at(Duration::from_secs(5)).abs() < 1e-9);
        assert_eq!(two.ended(Duration::from_secs(8)).length(), Duration::from_secs(8));
    }

    fn profiles() -> impl Strategy<Value = Vec<(u64, f64, f64)>> {
        let rate = || prop_oneof![Just(0.0), 0.1..2000.0_f64, (1..500_u32).prop_map(f64::from)];
        let piece = (1_u64..20_000, rate(), rate(), any::<bool>())
            .prop_map(|(ms, from, to, hold)| (ms, from, if hold { from } else { to }));
        prop::collection::vec(piece, 1..6)
    }

    proptest! {
        // For every profile and every moment t: the arrivals due before t number the integral of the
        // rate up to t, rounded up; a microsecond is the resolution of both.
        #[test]
        fn the_count_is_the_integral(profile in profiles(), at in 0.0..1.0_f64) {
            let timeline = timeline(&profile);
            let arrivals = Arrivals::new(&timeline);
            prop_assert_eq!(arrivals.total(), snap(timeline.due_before(timeline.total)).floor() as u64);
            let t = Duration::from_micros((timeline.total.as_micros() as f64 * at) as u64);
            let tick = Duration::from_micros(1);
            let low = timeline.due_before(t.saturating_sub(tick)) - WHOLE;
            let high = timeline.due_before(t + tick) + WHOLE;
            let count = due_before(&arrivals, t) as f64;
            prop_assert!(count >= low.ceil().min(arrivals.total() as f64), "{count} {low}");
            prop_assert!(count <= high.ceil(), "{count} {high}");
        }

        // For every profile, evenly or at random: due times never go back, and none lies outside the load.
        #[test]
        fn due_times_are_in_order(profile in profiles(), from in 0.0..1.0_f64, seed: Option<u64>) {
            let timeline = timeline(&profile);
            let arrivals = match seed {
                Some(seed) => Arrivals::poisson(&timeline, Seed(seed)),
                None => Arrivals::new(&timeline),
            };
            let first = (arrivals.total() as f64 * from) as u64;
            let mut last = Duration::ZERO;
            for n in first..(first + 500).min(arrivals.total()) {
                let due = arrivals.due(n).unwrap();
                prop_assert!(due >= last);
                prop_assert!(due <= arrivals.length());
                last = due;
            }
        }

        // For every profile and seed: at random as many arrivals fall due in each piece as evenly.
        #[test]
        fn chance_moves_no_arrival_into_another_piece(profile in profiles(), seed: u64) {
            let timeline = timeline(&profile);
            let (even, drawn) = (Arrivals::new(&timeline), Arrivals::poisson(&timeline, Seed(seed)));
            prop_assert_eq!(even.total(), drawn.total());
            for piece in &timeline.pieces {
                // A microsecond is the resolution of both.
                let (before, after) = (piece.start.saturating_sub(Duration::from_micros(1)), piece.start);
                let counts = [&even, &drawn].map(|a| (due_before(a, before), due_before(a, after + Duration::from_micros(1))));
                prop_assert!(counts[0].0 <= counts[1].1 && counts[1].0 <= counts[0].1, "{counts:?}");
            }
        }
    }

    /// A Poisson process at 100/s: in seconds and in tenths of them the variance of the count is its mean, and the
    /// gaps are exponential (Kolmogorov and Smirnov, 0.1 %).
    #[test]
    fn random_arrivals_are_as_random_as_they_should_be() {
        let hold = timeline(&[(1_000_000, 100.0, 100.0)]);
        let times = |arrivals: &Arrivals| -> Vec<f64> {
            let mut block = Block::default();
            (0..100_000).map(|n| arrivals.due_near(n, &mut block).unwrap().as_secs_f64()).collect()
        };
        let drawn = times(&Arrivals::poisson(&hold, Seed(11)));
        let dispersion = |times: &[f64], per_second: f64| {
            let bins = (1000.0 * per_second) as usize;
            let mut counts = vec![0.0; bins];
            for t in times {
                counts[((t * per_second) as usize).min(bins - 1)] += 1.0;
            }
            let mean = counts.iter().sum::<f64>() / bins as f64;
            counts.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / bins as f64 / mean
        };
        assert!((dispersion(&drawn, 1.0) - 1.0).abs() < 0.15, "{}", dispersion(&drawn, 1.0));
        assert!((dispersion(&drawn, 10.0) - 1.0).abs() < 0.05, "{}", dispersion(&drawn, 10.0));
        let gap_distance = |times: &[f64]| {
            let mut gaps: Vec<f64> = times.windows(2).map(|w| w[1] - w[0]).collect();
            gaps.sort_by(f64::total_cmp);
            let n = gaps.len() as f64;
            let off =
                |(i, gap): (usize, &f64)| (1.0 - (-gap * 100.0).exp() - (i as f64 + 0.5) / n).abs();
            gaps.iter().enumerate().map(off).fold(0.0, f64::max) * n.sqrt()
        };
        assert!(gap_distance(&drawn) < 1.95, "{}", gap_distance(&drawn));
        let even = times(&Arrivals::new(&hold));
        assert!(gap_distance(&even) > 50.0 && dispersion(&even, 1.0) < 0.01);
        let other = times(&Arrivals::poisson(&hold, Seed(12)));
        assert!(drawn != other && drawn == times(&Arrivals::poisson(&hold, Seed(11))));
    }
}
