//! `recovery` with `median`: the median time until the workload is back after a fault.
//!
//! A time without recovery is longer than it was watched for: it takes its place above all others, and decides only
//! what that much decides. It is never averaged.

use std::time::Duration;

use super::super::case::Case;
use super::recovery::{Took, none, took, windows};
use super::{Bound, Judged, limit_name};
use crate::experiment::{Limit, RecoveryClock};
use crate::record::{LimitResult, Side};

/// Judges all faults that were injected together, or those of one entry of the file.
pub(super) fn result(
    case: &Case,
    limit: &Limit,
    fault: Option<&str>,
    clock: RecoveryClock,
) -> Judged {
    let all: Vec<Option<Took>> = windows(case, fault).map(|w| took(w, clock)).collect();
    if all.is_empty() {
        return none(limit);
    }
    // Of one without a baseline nothing is known: as if it had not been watched at all.
    let times: Vec<Took> =
        all.iter().map(|t| t.unwrap_or(Took::Censored(Duration::ZERO))).collect();
    let censored = all.iter().filter(|t| matches!(t, Some(Took::Censored(_)))).count();
    let blind = all.iter().filter(|t| t.is_none()).count();
    let note = [
        format!("{} faults", all.len()),
        format!("{censored} without recovery"),
        format!("{blind} without a baseline"),
    ];
    let counts = [all.len(), censored, blind];
    let told = note.into_iter().zip(counts).filter(|(_, count)| *count > 0);
    let note = told.map(|(text, _)| text).collect::<Vec<_>>().join(", ");
    Judged { result: judge(limit, &times, note), side: Side::Target }
}

fn judge(limit: &Limit, times: &[Took], note: String) -> LimitResult {
    let (name, bound) = (limit_name(limit), Bound::of(&limit.bound));
    let middle = times.len() / 2;
    let mut back: Vec<Duration> = times
        .iter()
        .filter_map(|t| match t {
            Took::Back(time) => Some(*time),
            Took::Censored(_) => None,
        })
        .collect();
    back.sort_unstable();
    if let Some(median) = back.get(middle) {
        return bound.judge(name, median.as_secs_f64(), None, Some(note));
    }
    let past = |t: &&Took| match t {
        Took::Back(time) => time.as_secs_f64() > bound.value(),
        Took::Censored(time) => time.as_secs_f64() >= bound.value(),
    };
    if times.iter().filter(past).count() >= times.len() - middle {
        LimitResult {
            note: Some(note),
            ..bound.fail(name, "not recovered in half of all times".to_owned())
        }
    } else {
        bound.unknown(name, format!("half of all times were not watched long enough: {note}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{self, Measure, Quantity};
    use crate::record::Tier;

    fn tier(times: &[Took], max: u64) -> Tier {
        let bound = experiment::Bound::at_most(Quantity::Time(Duration::from_secs(max)));
        let measure = Measure::MedianRecovery { fault: None, from: RecoveryClock::End };
        judge(&Limit::new(measure, bound), times, String::new()).tier
    }

    #[test]
    fn what_was_not_watched_to_its_end_counts_as_longer_and_never_as_a_number() {
        let back = |s| Took::Back(Duration::from_secs(s));
        let cut = |s| Took::Censored(Duration::from_secs(s));
        assert_eq!(tier(&[back(3), back(9), back(30)], 10), Tier::Pass);
        assert_eq!(tier(&[back(3), back(9), back(30)], 8), Tier::Fail);
        assert_eq!(tier(&[back(3), back(9), cut(5)], 10), Tier::Pass);
        assert_eq!(tier(&[back(3), cut(20), cut(30)], 10), Tier::Fail);
        assert_eq!(tier(&[back(3), cut(5), cut(30)], 10), Tier::Unknown);
        // Of an even number the longer of the two in the middle.
        assert_eq!(tier(&[back(3), back(12)], 10), Tier::Fail);
    }
}
