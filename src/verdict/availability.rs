//! Availability: ok / scheduled, split by what was going on.

use super::case::Case;
use super::second::Second;
use super::windows::{Span, Weather, weather};
use crate::record::Availability;

/// The availability of the judged phase.
pub(super) fn availability(case: &Case) -> Availability {
    let mut parts = [(0, 0); 3];
    for s in &case.seconds {
        let part = match weather(&case.windows, Span { from: s.from, to: s.to }) {
            Weather::Clear => 0,
            Weather::Fault => 1,
            Weather::Recovering => 2,
        };
        add(&mut parts[part], s);
    }
    let mut all = (0, 0);
    for second in &case.seconds {
        add(&mut all, second);
    }
    Availability {
        total: share(all),
        outside_faults: share(parts[0]),
        during_faults: share(parts[1]),
        recovering: share(parts[2]),
    }
}

fn add(part: &mut (u64, u64), second: &Second) {
    part.0 += second.counts.ok;
    part.1 += second.counts.scheduled;
}

/// At most 1: more may end in a stretch than fell due in it.
fn share((ok, scheduled): (u64, u64)) -> Option<f64> {
    (scheduled > 0).then(|| (ok as f64 / scheduled as f64).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Synthetic;
    use super::*;

    #[test]
    fn loss_is_booked_where_it_happened() {
        let data = Synthetic::hold(200)
            .fault("kill", 100, 10)
            .each(100..110, |s| (s.counts.ok, s.counts.failed) = (25, 25))
            .each(110..120, |s| (s.counts.ok, s.counts.failed) = (40, 10))
            .build();
        let shares = availability(&Case::new(&data));
        let near = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 0.02, "{a:?} {b}");
        near(shares.total, 1.0 - 350.0 / 10_000.0);
        near(shares.during_faults, 0.5);
        near(shares.recovering, 0.8);
        assert_eq!(shares.outside_faults, Some(1.0));
    }
}
