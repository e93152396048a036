//! `abort_when`: what ends a run early.

use super::limits::LiveMeter;
use super::words;
use crate::clock::Offset;
use crate::experiment::Experiment;
use crate::record::{LoadSlice, Tier};

/// Watches the load for a breach of `abort_when`.
#[derive(Clone, Debug)]
pub struct Watch {
    meters: Vec<(LiveMeter, String)>,
}

impl Watch {
    /// A watch over everything the experiment lists. `begin` is the start of the load, warm-up included.
    pub fn new(experiment: &Experiment, begin: Offset) -> Self {
        let meter = |when: &crate::experiment::AbortWhen| {
            let meter = LiveMeter::sliding(&when.breached, &experiment.load, begin, when.window);
            (meter, words::duration(when.window))
        };
        Self { meters: experiment.abort_when.iter().map(meter).collect() }
    }

    /// Takes a slice. Some once a whole window has breached its limit: what, with figures. Fewer than 30 arrivals in
    /// a window are no breach.
    pub fn slice(&mut self, slice: &LoadSlice) -> Option<String> {
        let mut breach = None;
        for (meter, window) in &mut self.meters {
            if let Some(result) = meter.slice(slice)
                && result.tier == Tier::Fail
            {
                breach.get_or_insert_with(|| {
                    format!(
                        "{} was {} over the last {window}, the bound is {}",
                        result.name, result.measured, result.bound
                    )
                });
            }
        }
        breach
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Synthetic, condition, secs};
    use super::*;
    use crate::experiment::AbortWhen;
    use std::time::Duration;

    fn first_breach(breached: &str, run: &Synthetic) -> Option<(u64, String)> {
        let mut experiment = run.build().run.experiment;
        let breached = condition(breached);
        experiment.abort_when = vec![AbortWhen { breached, window: secs(20) }];
        let mut watch = Watch::new(&experiment, Synthetic::begin());
        // The profile alone is watched, not the warm-up.
        let slices = run.slices().skip(10).enumerate();
        slices.into_iter().find_map(|(k, s)| Some((k as u64, watch.slice(&s)?)))
    }

    #[test]
    fn a_breach_is_called_when_the_whole_window_breaches() {
        let broken =
            || Synthetic::hold(120).each(50..120, |s| (s.counts.ok, s.counts.failed) = (10, 40));
        // 80 % errors pass 50 % of 20 s after 13 s.
        let (second, text) = first_breach("error_rate: { max: 50% }", &broken()).unwrap();
        assert_eq!(second, 50 + 12);
        assert_eq!(text, "error_rate was 52 % over the last 20 s, the bound is <= 50%");
        assert!(first_breach("error_rate: { max: 81% }", &broken()).is_none());

        let slow = Synthetic::hold(120).each(50..60, |s| s.latency = Duration::from_secs(1));
        let (second, text) = first_breach("latency: { p99: 500ms }", &slow).unwrap();
        assert!((50..54).contains(&second), "{second} {text}");
        assert!(first_breach("latency: { p99: 2s }", &Synthetic::hold(120)).is_none());

        let starved = || Synthetic::hold(120).each(50..120, |s| s.counts.ok = 20);
        for rate in [
            "achieved_rate: { min: 90% }",
            "throughput: { min: 45/s }",
            "availability: { min: 90% }",
        ] {
            assert!(first_breach(rate, &starved()).is_some(), "{rate}");
            assert!(first_breach(rate, &Synthetic::hold(120)).is_none(), "{rate}");
        }
    }
}
