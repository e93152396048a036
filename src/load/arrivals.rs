use std::time::Duration;

use crate::experiment::Timeline;

/// When each arrival falls due: a pure function of its number.
///
/// Arrival `n` (from 0) is due where the integral of the rate passes `n`. So the number of arrivals due
/// before `t` is the integral up to `t`, rounded up, and exactly the integral where that is whole: a
/// hold at 50/s has 50 arrivals in each of its seconds. The whole has the integral's whole part.
#[derive(Clone, Debug)]
pub struct Arrivals {
    pieces: Vec<Piece>,
    total: u64,
    length: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Seconds since load start.
    start: f64,
    /// Seconds.
    length: f64,
    /// Arrivals per second at its start.
    from: f64,
    /// Arrivals per second at its end.
    to: f64,
    /// The integral up to its start.
    before: f64,
    /// The integral up to its end.
    after: f64,
}

/// Sums of products of decimal rates and durations miss whole numbers by less than this.
const WHOLE: f64 = 1e-6;

impl Arrivals {
    /// The schedule of a load.
    pub fn new(timeline: &Timeline) -> Self {
        let mut pieces = Vec::with_capacity(timeline.pieces.len());
        let mut sum = 0.0;
        for &(start, length, from, to) in &timeline.pieces {
            let length = length.as_secs_f64();
            let before = sum;
            sum = snap(sum + f64::midpoint(from, to) * length);
            if sum > before {
                let start = start.as_secs_f64();
                pieces.push(Piece { start, length, from, to, before, after: sum });
            }
        }
        Self { pieces, total: sum.floor() as u64, length: timeline.total }
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
        if n >= self.total {
            return None;
        }
        let n = n as f64;
        let piece = self.pieces.get(self.pieces.partition_point(|p| p.after <= n))?;
        let seconds = piece.start + piece.reaches(n - piece.before);
        Some(Duration::from_micros((seconds * 1e6).round() as u64))
    }

    /// The rate at `t` since load start, arrivals per second; zero in pauses and past the end.
    pub fn rate_at(&self, t: Duration) -> f64 {
        let t = t.as_secs_f64();
        self.pieces
            .iter()
            .rev()
            .find(|p| p.start <= t)
            .filter(|p| t < p.start + p.length)
            .map_or(0.0, |p| p.from + (p.to - p.from) * (t - p.start) / p.length)
    }

    /// The highest rate, arrivals per second.
    pub fn peak(&self) -> f64 {
        self.pieces.iter().map(|p| p.from.max(p.to)).fold(0.0, f64::max)
    }
}

impl Piece {
    /// Seconds into the piece at which its own integral reaches `count`: the root of
    /// `slope/2 x^2 + from x = count`, in the form that loses no digits when either term vanishes.
    fn reaches(&self, count: f64) -> f64 {
        if count <= 0.0 {
            return 0.0;
        }
        let half_slope = (self.to - self.from) / (2.0 * self.length);
        let root = (self.from * self.from + 4.0 * half_slope * count).max(0.0).sqrt();
        (2.0 * count / (self.from + root)).min(self.length)
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
        let mut at = Duration::ZERO;
        let pieces = pieces
            .iter()
            .map(|&(ms, from, to)| {
                let start = at;
                at += Duration::from_millis(ms);
                (start, Duration::from_millis(ms), from, to)
            })
            .collect();
        Timeline { pieces, warmup: Duration::ZERO, total: at }
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

        // For every profile: due times never go back, and none lies outside the load.
        #[test]
        fn due_times_are_in_order(profile in profiles(), from in 0.0..1.0_f64) {
            let arrivals = Arrivals::new(&timeline(&profile));
            let first = (arrivals.total() as f64 * from) as u64;
            let mut last = Duration::ZERO;
            for n in first..(first + 500).min(arrivals.total()) {
                let due = arrivals.due(n).unwrap();
                prop_assert!(due >= last);
                prop_assert!(due <= arrivals.length());
                last = due;
            }
        }
    }
}
