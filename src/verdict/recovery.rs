//! When the workload was itself again after a fault.
//!
//! The band comes from the last 240 undisturbed seconds before the fault: over five seconds at most
//! `max(1, n * max(1 %, 3 * baseline))` errors, and a median of the one-second p99 of at most
//! `m + max(3.5 * 1.4826 * MAD, 15 % of m, 5 ms)`. Recovered is the start of the first stretch after the
//! fault's end that stays in the band for 15 seconds.

use std::time::Duration;

use super::second::{Second, total};
use super::windows::Span;
use super::words::percent;
use crate::clock::Offset;
use crate::record::{Counts, Recovery};

const BASELINE_SECONDS: usize = 240;
const SHORTEST_BASELINE: usize = 10;
const WINDOW: usize = 5;
/// So many times the errors of the baseline are still in band.
const ERRORS: f64 = 3.0;
const STRETCH: usize = 15;
/// A smaller shift of the p99 says nothing of the target: up to here a generator's own lateness is in order.
const NOISE_US: f64 = 5_000.0;
/// A stretch that began longer ago than this is complete, one way or the other.
pub(super) const MEMORY: Duration = Duration::from_secs((STRETCH + WINDOW + 5) as u64);
/// The longest time five neighbouring slices may span; more means that some are missing between them.
const WINDOW_AT_MOST: Duration = Duration::from_millis(6500);

/// What was seen of one fault's effect on the workload.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measured {
    pub(super) recovery: Recovery,
    /// When the workload was back; the fault's end for one that never left its band.
    pub(super) back: Option<Offset>,
    /// Arrivals that ended from the fault's start until `back`, or the end of watching.
    pub(super) impact: Counts,
    /// From injection to the first error, to a second.
    pub(super) first_error: Option<Duration>,
    /// Highest p99 of a second in that time.
    pub(super) worst_p99_us: Option<u64>,
}

/// Measures one fault. `seconds` are in time order; none before `profile_start` counts. Watching ends at
/// `watched_to`: the next fault or the end of the load. `disturbed` are the earlier faults up to their recovery.
/// `left_band` says that the workload left its band in seconds that are not among these any more.
pub(super) fn measure(
    seconds: &[Second],
    profile_start: Offset,
    force: Span,
    watched_to: Offset,
    disturbed: &[Span],
    left_band: bool,
) -> Measured {
    let end = seconds.partition_point(|s| s.middle() < watched_to);
    let start = seconds.partition_point(|s| s.to <= force.from).min(end);
    let watched = &seconds[start..end];
    let before = seconds[..start].iter().rev().take_while(|s| s.middle() >= profile_start);
    let calm: Vec<&Second> =
        before.filter(|s| is_calm(s, disturbed)).take(BASELINE_SECONDS).collect();
    let (recovery, back) = match Band::of(&calm) {
        Ok(band) => judge(&band, watched, force, watched_to, left_band),
        Err(reason) => (Recovery::NoBaseline { reason }, None),
    };
    let until = back.unwrap_or(watched_to).max(force.to);
    let hit = &watched[..watched.partition_point(|s| s.from < until)];
    Measured {
        recovery,
        back,
        impact: total(hit),
        first_error: hit
            .iter()
            .find(|s| s.counts.errors() > 0)
            .map(|s| s.middle().since(force.from)),
        worst_p99_us: hit.iter().filter_map(|s| s.p99_us).max(),
    }
}

/// Whether a band may come from this second: something ended in it, and no fault disturbed it.
pub(super) fn is_calm(second: &Second, disturbed: &[Span]) -> bool {
    let span = Span { from: second.from, to: second.to };
    second.counts.ended() > 0 && disturbed.iter().all(|d| d.overlap(&span) == Duration::ZERO)
}

/// Where the calm seconds begin that the band of a fault at `at` or later may come from.
pub(super) fn baseline_from(seconds: &[Second], at: Offset, disturbed: &[Span]) -> Offset {
    let before = &seconds[..seconds.partition_point(|s| s.to <= at)];
    let calm = before.iter().rev().filter(|s| is_calm(s, disturbed));
    calm.take(BASELINE_SECONDS).last().map_or(at, |s| s.from)
}

/// Whether later load can't change what was measured of a fault that ended at `end`; load is known until `known_to`.
/// A fault without recovery is only done with when the next one comes.
pub(super) fn is_final(measured: &Measured, end: Offset, known_to: Offset) -> bool {
    match measured.recovery {
        Recovery::Recovered { .. } | Recovery::NoBaseline { .. } => true,
        Recovery::Unaffected => known_to >= end + Duration::from_secs(STRETCH as u64 + 1),
        Recovery::NotRecovered { .. } => false,
    }
}

fn judge(
    band: &Band,
    watched: &[Second],
    force: Span,
    watched_to: Offset,
    left_band: bool,
) -> (Recovery, Option<Offset>) {
    let holds: Vec<bool> = watched.windows(WINDOW).map(|w| band.holds(w)).collect();
    let calm_after = force.to + Duration::from_secs(STRETCH as u64);
    let met = &watched[..watched.partition_point(|s| s.from < calm_after)];
    let silent = |s: &Second| s.counts.scheduled == 0 && s.counts.ended() == 0;
    if met.last().is_some_and(|s| s.to >= calm_after) && !left_band && met.iter().all(silent) {
        let reason = format!("nothing fell due in it, nor in the {STRETCH} s after it");
        return (Recovery::NoBaseline { reason }, None);
    }
    let near = watched
        .windows(WINDOW)
        .take_while(|w| w[WINDOW - 1].to <= calm_after.min(watched_to))
        .count();
    if !left_band && near > 0 && holds[..near].iter().all(|h| *h) {
        return (Recovery::Unaffected, Some(force.to));
    }
    let first = watched.partition_point(|s| s.to <= force.to);
    let windows_in_stretch = STRETCH - WINDOW + 1;
    // A window tolerates a bad second or two at its head; the stretch itself begins with a good one.
    let start = (first..holds.len()).find(|&i| {
        holds.get(i..i + windows_in_stretch).is_some_and(|stretch| stretch.iter().all(|h| *h))
            && band.holds(&watched[i..=i])
            // Without traffic nothing is out of band, and nothing has come back.
            && watched[i..i + STRETCH].iter().any(|s| s.p99_us.is_some())
    });
    match start {
        Some(i) => {
            let back = watched[i].from.max(force.to);
            let recovered = Recovery::Recovered {
                from_end: back.since(force.to),
                from_start: back.since(force.from),
            };
            (recovered, Some(back))
        }
        None => (Recovery::NotRecovered { watched: watched_to.since(force.to) }, None),
    }
}

/// What the workload looks like when nothing hurts it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Band {
    /// Share of errors that is still in band, 0 to 1.
    errors: f64,
    /// Highest median of the one-second p99 that is still in band, microseconds.
    p99_us: f64,
}

impl Band {
    fn of(calm: &[&Second]) -> Result<Self, String> {
        if calm.len() < SHORTEST_BASELINE {
            return Err(format!(
                "only {} undisturbed seconds with traffic before it, {SHORTEST_BASELINE} are needed",
                calm.len()
            ));
        }
        let sum = total(calm.iter().copied());
        let baseline = sum.errors() as f64 / sum.ended().max(1) as f64;
        // Nothing could leave a band that lets everything fail.
        if ERRORS * baseline >= 1.0 {
            return Err(format!("{} of what ended before it failed", percent(baseline)));
        }
        let mut p99: Vec<f64> = calm.iter().filter_map(|s| s.p99_us).map(|us| us as f64).collect();
        let Some(m) = median(&mut p99) else {
            return Err("no request ended well before it".to_owned());
        };
        let mut distances: Vec<f64> = p99.iter().map(|x| (x - m).abs()).collect();
        let mad = median(&mut distances).unwrap_or(0.0);
        Ok(Self {
            errors: (ERRORS * baseline).max(0.01),
            p99_us: m + (3.5 * 1.4826 * mad).max(0.15 * m).max(NOISE_US),
        })
    }

    fn holds(&self, window: &[Second]) -> bool {
        let (Some(first), Some(last)) = (window.first(), window.last()) else { return false };
        let sum = total(window);
        let in_step = last.to.since(first.from) <= WINDOW_AT_MOST;
        let few_errors = sum.errors() as f64 <= (sum.ended() as f64 * self.errors).max(1.0);
        let mut p99: Vec<f64> =
            window.iter().filter_map(|s| s.p99_us).map(|us| us as f64).collect();
        // Arrivals that fell due while none ended well: the target hangs. Without arrivals there is nothing to say.
        let quick = median(&mut p99).map_or(sum.scheduled == 0, |m| m <= self.p99_us);
        in_step && few_errors && quick
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    match n {
        0 => None,
        _ if n.is_multiple_of(2) => Some(f64::midpoint(values[n / 2 - 1], values[n / 2])),
        _ => Some(values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Synthetic, secs};
    use super::super::windows;
    use super::*;

    fn recovery(run: Synthetic) -> Vec<Measured> {
        let data = run.finished();
        let (judged, seconds) = Synthetic::parts(&data);
        let lives = windows::lives(&data.run.faults, &data.events);
        windows::find(&data.run.faults, &lives, &seconds, judged, secs(5))
            .into_iter()
            .map(|w| w.measured)
            .collect()
    }

    #[test]
    fn planted_recoveries_are_measured_within_a_second() {
        for truth in [0_u64, 1, 7, 30] {
            let end = 200 + 20;
            let down = Synthetic::hold(300)
                .fault("kill", 200, 20)
                .each(200..end + truth, |s| (s.counts.ok, s.counts.failed) = (25, 25));
            let slow = Synthetic::hold(300)
                .fault("kill", 200, 20)
                .each(200..end + truth, |s| s.latency = Duration::from_millis(200));
            let hang = Synthetic::hold(300)
                .fault("kill", 200, 20)
                .each(200..end + truth, |s| s.counts.ok = 0);
            for run in [down, slow, hang] {
                let measured = recovery(run);
                let Recovery::Recovered { from_end, from_start } = measured[0].recovery else {
                    panic!("{truth}: {measured:?}")
                };
                assert!(from_end.abs_diff(secs(truth)) <= secs(1), "{truth}: {from_end:?}");
                assert_eq!(from_start, from_end + secs(20));
            }
        }
    }

    #[test]
    fn one_lost_request_is_no_damage_and_a_burst_is() {
        let scratch = |failed| {
            recovery(Synthetic::hold(200).fault("kill", 100, 10).each(101..102, move |s| {
                (s.counts.ok, s.counts.failed) = (50 - failed, failed);
            }))
        };
        assert_eq!(scratch(1)[0].recovery, Recovery::Unaffected);
        let burst = scratch(20).remove(0);
        assert!(
            matches!(burst.recovery, Recovery::Recovered { from_end, .. } if from_end.is_zero())
        );
        assert_eq!(burst.impact.failed, 20);
        assert!(burst.first_error.unwrap().abs_diff(secs(1)) <= secs(1));
    }

    #[test]
    fn silence_is_no_recovery() {
        let dead = Synthetic::hold(400)
            .fault("kill", 100, 10)
            .each(100..200, |s| (s.counts.ok, s.counts.failed) = (0, 50))
            .each(200..400, |s| s.counts = Counts::default());
        let found = recovery(dead).remove(0).recovery;
        assert!(matches!(found, Recovery::NotRecovered { .. }), "{found:?}");
        let unseen = Synthetic::hold(400).fault("kill", 100, 10).each(90..300, |s| {
            s.counts = Counts::default();
        });
        let found = recovery(unseen).remove(0).recovery;
        assert!(matches!(found, Recovery::NoBaseline { .. }), "{found:?}");
    }

    #[test]
    fn no_recovery_before_the_next_fault_is_censored() {
        let runs = recovery(
            Synthetic::hold(400)
                .fault("first", 100, 10)
                .fault("second", 200, 10)
                .each(100..400, |s| (s.counts.ok, s.counts.failed) = (40, 10)),
        );
        assert_eq!(runs[0].recovery, Recovery::NotRecovered { watched: secs(90) });
        // Its band is still the one from before the first fault.
        assert_eq!(runs[1].recovery, Recovery::NotRecovered { watched: secs(190) });
        // Good seconds that are cut off before there are fifteen don't count as recovery.
        let cut_off = recovery(
            Synthetic::hold(200)
                .fault("late", 150, 10)
                .each(150..190, |s| (s.counts.ok, s.counts.failed) = (40, 10)),
        );
        assert_eq!(cut_off[0].recovery, Recovery::NotRecovered { watched: secs(40) });
    }

    #[test]
    fn what_failed_before_can_not_recover() {
        let failing = |ok, failed| {
            let run = Synthetic::hold(200).fault("kill", 100, 10);
            recovery(run.each(0..200, move |s| (s.counts.ok, s.counts.failed) = (ok, failed)))
        };
        let Recovery::NoBaseline { reason } = failing(10, 40).remove(0).recovery else {
            panic!("four fifths fail all the time")
        };
        assert_eq!(reason, "80 % of what ended before it failed");
        assert_eq!(failing(45, 5)[0].recovery, Recovery::Unaffected);
    }

    #[test]
    fn ten_seconds_are_a_baseline_and_nine_are_none() {
        assert!(matches!(
            recovery(Synthetic::hold(60).fault("early", 9, 5))[0].recovery,
            Recovery::NoBaseline { .. }
        ));
        assert_eq!(
            recovery(Synthetic::hold(60).fault("early", 10, 5))[0].recovery,
            Recovery::Unaffected
        );
    }
}
