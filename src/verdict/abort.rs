//! `abort_when`: what ends a run early.

use super::gauge::Gauge;
use super::words;
use crate::experiment::Experiment;
use crate::record::{LoadSlice, Tier};

/// Watches the load for a breach of `abort_when`.
#[derive(Clone, Debug)]
pub struct Watch {
    gauges: Vec<(Gauge, String)>,
}

impl Watch {
    /// A watch over everything the experiment lists. Give it every slice from the load's start on.
    pub fn new(experiment: &Experiment) -> Self {
        let gauge = |when: &crate::experiment::AbortWhen| {
            let gauge = Gauge::new(&when.breached, &experiment.load, when.window);
            (gauge, words::duration(when.window))
        };
        Self { gauges: experiment.abort_when.iter().map(gauge).collect() }
    }

    /// Takes a slice. Some once a whole window has breached its limit: what, with figures. Fewer than 30 arrivals in
    /// a window are no breach.
    pub fn slice(&mut self, slice: &LoadSlice) -> Option<String> {
        let mut breach = None;
        for (gauge, window) in &mut self.gauges {
            if let Some(result) = gauge.slice(slice)
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
    use super::super::testing::{Synthetic, error_rate, latency_p99, secs};
    use super::*;
    use crate::experiment::{AbortWhen, LimitKind};
    use crate::units::Percent;
    use std::time::Duration;

    fn first_breach(breached: LimitKind, run: &Synthetic) -> Option<(u64, String)> {
        let mut experiment = run.build().run.experiment;
        experiment.abort_when = vec![AbortWhen { breached, window: secs(20) }];
        let mut watch = Watch::new(&experiment);
        run.slices().enumerate().find_map(|(k, s)| Some((k as u64, watch.slice(&s)?)))
    }

    #[test]
    fn a_breach_is_called_when_the_whole_window_breaches() {
        let broken =
            || Synthetic::hold(120).each(50..120, |s| (s.counts.ok, s.counts.failed) = (10, 40));
        // Ten seconds of warm-up come first; 80 % errors pass 50 % of 20 s after 13 s.
        let (second, text) = first_breach(error_rate("50%"), &broken()).unwrap();
        assert_eq!(second, 10 + 50 + 12);
        assert_eq!(text, "error_rate was 52 % over the last 20 s, the bound is <= 50%");
        assert!(first_breach(error_rate("81%"), &broken()).is_none());

        let slow = Synthetic::hold(120).each(50..60, |s| s.latency = Duration::from_secs(1));
        let (second, text) = first_breach(latency_p99("500ms"), &slow).unwrap();
        assert!((61..64).contains(&second), "{second} {text}");
        assert!(first_breach(latency_p99("2s"), &Synthetic::hold(120)).is_none());

        let rate = LimitKind::AchievedRate { min: Percent::of(90.0), warn: None };
        let starved = Synthetic::hold(120).each(50..120, |s| s.counts.ok = 20);
        assert!(first_breach(rate.clone(), &starved).is_some());
        assert!(first_breach(rate, &Synthetic::hold(120)).is_none());
    }
}
