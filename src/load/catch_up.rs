use std::time::Duration;

use crate::clock::Offset;
use crate::experiment::CatchUp;

/// What becomes of arrivals that had to wait, once they could go out: the load's catch-up policy.
///
/// An arrival counts as one of these when it is more than 100 ms late. All at once they would knock a
/// target over that has just come back; so by default they go out at 1.5 times the rate they were due
/// at, and what reaches its deadline meanwhile is counted as not sent.
#[derive(Debug)]
pub(super) struct Catching {
    policy: CatchUp,
    tokens: f64,
    filled: Option<Offset>,
}

/// What an arrival may do now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Leave {
    Go,
    /// Ask again then.
    Hold(Offset),
}

const LATE: Duration = Duration::from_millis(100);
const FACTOR: f64 = 1.5;
/// Seconds of catch-up rate that may go out at once, so that coarse wake-ups lose nothing.
const BURST: f64 = 0.01;

impl Catching {
    pub(super) fn new(policy: CatchUp) -> Self {
        Self { policy, tokens: 0.0, filled: None }
    }

    /// How long an arrival may wait that is to be answered within `timeout` of being due; then it is not sent.
    pub(super) fn patience(&self, timeout: Duration) -> Duration {
        if self.policy == CatchUp::Skip { timeout.min(LATE) } else { timeout }
    }

    /// What an arrival `late` by so much may do now. `rate` in arrivals per second is what the load had when
    /// it was due.
    pub(super) fn ask(&mut self, now: Offset, late: Duration, rate: impl FnOnce() -> f64) -> Leave {
        if late < LATE {
            self.filled = None;
            return Leave::Go;
        }
        if self.policy != CatchUp::Capped {
            return Leave::Go;
        }
        let rate = (rate() * FACTOR).max(1.0);
        let burst = (rate * BURST).max(1.0);
        let since = self.filled.map(|at| now.since(at).as_secs_f64());
        self.tokens = since.map_or(burst, |s| (self.tokens + s * rate).min(burst));
        self.filled = Some(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Leave::Go;
        }
        let wait = ((1.0 - self.tokens) / rate).max(1e-6);
        Leave::Hold(now + Duration::from_secs_f64(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catching_up_goes_at_one_and_a_half_times_the_rate() {
        let mut catching = Catching::new(CatchUp::Capped);
        let (mut sent, mut now) = (0, Offset::from_micros(10_000_000));
        let end = now + Duration::from_secs(2);
        while now < end {
            match catching.ask(now, Duration::from_secs(3), || 100.0) {
                Leave::Go => sent += 1,
                Leave::Hold(next) => {
                    assert!(next > now);
                    now = next;
                }
            }
        }
        assert!((299..=303).contains(&sent), "{sent}");
    }

    #[test]
    fn the_other_policies_hold_nothing() {
        let (now, second) = (Offset::from_micros(5), Duration::from_secs(1));
        for (policy, patience) in [(CatchUp::Full, second), (CatchUp::Skip, LATE)] {
            let mut catching = Catching::new(policy);
            assert_eq!(catching.patience(second), patience);
            assert!((0..1000).all(|_| catching.ask(now, second, || 1.0) == Leave::Go));
        }
        assert_eq!(Catching::new(CatchUp::Skip).patience(LATE / 2), LATE / 2);
    }

    #[test]
    fn arrivals_in_time_are_never_held() {
        let now = Offset::from_micros(5);
        for policy in [CatchUp::Capped, CatchUp::Full, CatchUp::Skip] {
            let mut catching = Catching::new(policy);
            let mut ask = || catching.ask(now, Duration::from_millis(99), || 1.0);
            assert!((0..10_000).all(|_| ask() == Leave::Go));
        }
    }
}
