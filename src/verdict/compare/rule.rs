//! The regression rule for one figure: how much did it change, and how sure is that?

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::bootstrap::{Ranked, interval, median};
use crate::record::{Change, Line, Metric, Tier};
use crate::seed::Seed;

/// Fewer windows than this in either run carry no comparison.
pub(super) const MIN_WINDOWS: usize = 12;
/// The 99 % point of the normal distribution: either tail of the 98 % interval.
const Z: f64 = 2.33;

/// How much equal runs differ in one figure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Between {
    /// The standard deviation: of the logarithm, or of the share itself.
    pub(super) sigma: f64,
    /// Runs that it was measured on; `None`: assumed.
    pub(super) runs: Option<u32>,
}

impl Between {
    /// What two runs may differ by on top of their own noise: 2.33 x sqrt 2 x sigma, where a sigma that was measured on
    /// n runs takes the place of 2.33 by the same point of Student's t with n - 1 degrees of freedom.
    fn width(self) -> f64 {
        let point = match self.runs {
            None => Z,
            Some(runs) => t_quantile(0.99, f64::from(runs.max(2) - 1)),
        };
        point * std::f64::consts::SQRT_2 * self.sigma
    }
}

/// The standard deviation between equal runs that is assumed where it was not measured: 3 % of latency and
/// memory, 1 % of the throughput (an open load asks for the same in every run), 0.1 percentage points of errors.
pub(super) fn assumed_sigma(metric: Metric) -> f64 {
    match metric {
        Metric::Throughput => 0.01,
        Metric::ErrorRate => 0.001,
        _ => 0.03,
    }
}

/// The value that Student's t with so many degrees of freedom does not pass with probability `p`.
pub(super) fn t_quantile(p: f64, freedom: f64) -> f64 {
    // The parameters are in range: never an error.
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |t| t.inverse_cdf(p))
}

/// Two series as they are compared: by place where that is possible.
struct Pair<T> {
    a: Vec<T>,
    b: Vec<T>,
    paired: bool,
}

impl<T: Copy> Pair<T> {
    /// Windows at the same place of the profile are compared with each other if at least half of either run's
    /// windows have a partner, and enough of them; else each run's windows are taken by themselves.
    fn of(a: &[Option<T>], b: &[Option<T>]) -> Result<Self, (usize, usize)> {
        let both = a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
        let (own_a, own_b): (Vec<T>, Vec<T>) = both.unzip();
        let alone = |own: &[Option<T>]| -> Vec<T> { own.iter().flatten().copied().collect() };
        let (all_a, all_b) = (alone(a), alone(b));
        if own_a.len() >= MIN_WINDOWS.max(all_a.len().max(all_b.len()).div_ceil(2)) {
            return Ok(Self { a: own_a, b: own_b, paired: true });
        }
        if all_a.len().min(all_b.len()) < MIN_WINDOWS {
            return Err((all_a.len(), all_b.len()));
        }
        Ok(Self { a: all_a, b: all_b, paired: false })
    }
}

/// What the rule says of one figure.
pub(super) struct Ruling {
    pub(super) change: Change,
    pub(super) windows: (u32, u32),
}

/// The change of a figure that is compared by its ratio: r = exp(median log b - median log a), with its 98 %
/// interval widened by what equal runs differ by.
/// Windows without a positive value don't count. `Err`: too few windows, and how many there are.
pub(super) fn ratio(
    a: &[Option<f64>],
    b: &[Option<f64>],
    between: Between,
    seed: Seed,
) -> Result<Ruling, (usize, usize)> {
    let logs = |values: &[Option<f64>]| -> Vec<Option<f64>> {
        values.iter().map(|v| v.filter(|v| *v > 0.0).map(f64::ln)).collect()
    };
    let mut pair = Pair::of(&logs(a), &logs(b))?;
    let (mut in_a, mut in_b) = (Ranked::new(&pair.a), Ranked::new(&pair.b));
    let (of_a, of_b) = (in_a.ranks.clone(), in_b.ranks.clone());
    let step = |a: &[u32], b: &[u32]| in_b.median(b) - in_a.median(a);
    let (low, high) = interval(&of_a, &of_b, pair.paired, seed, step);
    let windows = (pair.a.len() as u32, pair.b.len() as u32);
    let (a, b) = (median(&mut pair.a), median(&mut pair.b));
    let wide = between.width();
    let change = Change {
        a: a.exp(),
        b: b.exp(),
        change: (b - a).exp_m1(),
        low: (low - wide).exp_m1(),
        high: (high + wide).exp_m1(),
    };
    Ok(Ruling { change, windows })
}

/// The change of a share, given as `(errors, ended)` per window: by the difference of the shares over all windows
/// together, with its 98 % interval widened likewise.
pub(super) fn difference(
    a: &[Option<(u64, u64)>],
    b: &[Option<(u64, u64)>],
    between: Between,
    seed: Seed,
) -> Result<Ruling, (usize, usize)> {
    let counted = |counts: &[Option<(u64, u64)>]| -> Vec<Option<(u64, u64)>> {
        counts.iter().map(|c| c.filter(|c| c.1 > 0)).collect()
    };
    let pair = Pair::of(&counted(a), &counted(b))?;
    let share = |counts: &[(u64, u64)]| {
        let (errors, ended) = counts.iter().fold((0, 0), |sum, c| (sum.0 + c.0, sum.1 + c.1));
        errors as f64 / ended as f64
    };
    let step = |a: &[(u64, u64)], b: &[(u64, u64)]| share(b) - share(a);
    let (low, high) = interval(&pair.a, &pair.b, pair.paired, seed, step);
    let (a, b) = (share(&pair.a), share(&pair.b));
    let wide = between.width();
    let change = Change { a, b, change: b - a, low: low - wide, high: high + wide };
    Ok(Ruling { change, windows: (pair.a.len() as u32, pair.b.len() as u32) })
}

/// The tier of a change, and whether it is one for the better: beyond a line, and beyond doubt (the whole
/// interval on one side of no change).
pub(super) fn tier(metric: Metric, change: &Change, line: &Line) -> (Tier, bool) {
    let (worse, surely_worse, surely_better) = if metric.more_is_better() {
        (-change.change, change.high < 0.0, change.low > 0.0)
    } else {
        (change.change, change.low > 0.0, change.high < 0.0)
    };
    let tier = if surely_worse && worse > line.fail.fraction() {
        Tier::Fail
    } else if surely_worse && worse > line.warn.fraction() {
        Tier::Warn
    } else {
        Tier::Pass
    };
    (tier, surely_better && -worse > line.warn.fraction())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Percent;

    fn flat(n: usize, value: f64) -> Vec<Option<f64>> {
        (0..n).map(|k| Some(value * (1.0 + 0.01 * (k % 5) as f64))).collect()
    }

    fn assumed(sigma: f64) -> Between {
        Between { sigma, runs: None }
    }

    fn line() -> Line {
        Line { warn: Percent::of(10.0), fail: Percent::of(20.0) }
    }

    fn judged(metric: Metric, factor: f64) -> (Tier, bool) {
        let change =
            ratio(&flat(40, 100.0), &flat(40, 100.0 * factor), assumed(0.03), Seed(1)).unwrap();
        tier(metric, &change.change, &line())
    }

    #[test]
    fn a_change_counts_beyond_its_line_and_beyond_doubt() {
        assert_eq!(judged(Metric::Mean, 1.0), (Tier::Pass, false));
        // Beyond the warn line, but within what equal runs may differ by.
        let doubtful =
            ratio(&flat(40, 100.0), &flat(40, 111.0), assumed(0.04), Seed(1)).unwrap().change;
        assert!(doubtful.change > 0.1 && doubtful.low < 0.0, "{doubtful:?}");
        assert_eq!(tier(Metric::Mean, &doubtful, &line()), (Tier::Pass, false));
        assert_eq!(judged(Metric::Mean, 1.15), (Tier::Warn, false));
        assert_eq!(judged(Metric::Mean, 1.3), (Tier::Fail, false));
        assert_eq!(judged(Metric::Mean, 0.7), (Tier::Pass, true));
        assert_eq!(judged(Metric::Throughput, 0.7), (Tier::Fail, false));
        assert_eq!(judged(Metric::Throughput, 1.3), (Tier::Pass, true));
    }

    #[test]
    fn errors_are_compared_by_difference_so_that_none_at_all_is_a_figure_too() {
        let counts = |errors| vec![Some((errors, 1000)); 30];
        let ruling = difference(&counts(0), &counts(20), assumed(0.001), Seed(1)).unwrap();
        assert!((ruling.change.change - 0.02).abs() < 1e-12);
        let line = Line { warn: Percent::of(0.5), fail: Percent::of(1.0) };
        assert_eq!(tier(Metric::ErrorRate, &ruling.change, &line).0, Tier::Fail);
        let same = difference(&counts(0), &counts(0), assumed(0.001), Seed(1)).unwrap();
        assert_eq!(tier(Metric::ErrorRate, &same.change, &line).0, Tier::Pass);
    }

    #[test]
    fn a_spread_that_was_measured_on_few_runs_is_trusted_less() {
        let width = |runs| Between { sigma: 0.03, runs }.width();
        assert!((width(None) - 0.0988).abs() < 1e-3);
        assert!(width(Some(5)) > 1.5 * width(None));
        assert!((width(Some(10_000)) - width(None)).abs() < 1e-3);
    }

    #[test]
    fn too_few_windows_carry_nothing() {
        assert_eq!(
            ratio(&flat(11, 1.0), &flat(40, 1.0), assumed(0.03), Seed(1)).err(),
            Some((11, 40))
        );
        let gone = vec![Some(0.0); 40];
        assert_eq!(ratio(&gone, &flat(40, 1.0), assumed(0.03), Seed(1)).err(), Some((0, 40)));
    }

    #[test]
    fn windows_without_a_partner_are_compared_by_themselves() {
        let (mut a, mut b) = (flat(40, 100.0), flat(40, 130.0));
        a[..20].fill(None);
        b[20..].fill(None);
        let ruling = ratio(&a, &b, assumed(0.03), Seed(1)).unwrap();
        assert_eq!(ruling.windows, (20, 20));
        assert!((ruling.change.change - 0.3).abs() < 0.02);
        b[15..].fill(None);
        assert!(ratio(&a, &b[..12], assumed(0.03), Seed(1)).is_ok());
    }
}
