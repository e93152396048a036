use std::time::Duration;

use crate::clock::Offset;

/// Catch-up after an outage: at most 1.5 times the load's own rate.
///
/// Arrivals that waited for a connection are sent when connections become free. All at once they
/// would knock a target over that has just come back; so while the oldest of them is more than 100 ms
/// late, they go out at 1.5 times the rate they were due at. What reaches its deadline meanwhile is
/// counted as not sent.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    tokens: f64,
    filled: Option<Offset>,
}

const LATE: Duration = Duration::from_millis(100);
const FACTOR: f64 = 1.5;
/// Seconds of catch-up rate that may go out at once, so that coarse wake-ups lose nothing.
const BURST: f64 = 0.01;

impl Throttle {
    /// Whether an arrival `late` by so much may go out now; if not, when to ask again. `rate` in
    /// arrivals per second is what the load had when it was due.
    pub(super) fn take(&mut self, now: Offset, late: Duration, rate: f64) -> Result<(), Offset> {
        if late < LATE {
            self.filled = None;
            return Ok(());
        }
        let rate = (rate * FACTOR).max(1.0);
        let burst = (rate * BURST).max(1.0);
        let since = self.filled.map(|at| now.since(at).as_secs_f64());
        self.tokens = since.map_or(burst, |s| (self.tokens + s * rate).min(burst));
        self.filled = Some(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait = ((1.0 - self.tokens) / rate).max(1e-6);
        Err(now + Duration::from_secs_f64(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catching_up_goes_at_one_and_a_half_times_the_rate() {
        let mut throttle = Throttle::default();
        let (mut sent, mut now) = (0, Offset::from_micros(10_000_000));
        let end = now + Duration::from_secs(2);
        while now < end {
            match throttle.take(now, Duration::from_secs(3), 100.0) {
                Ok(()) => sent += 1,
                Err(next) => {
                    assert!(next > now);
                    now = next;
                }
            }
        }
        assert!((299..=303).contains(&sent), "{sent}");
    }

    #[test]
    fn arrivals_in_time_are_never_held() {
        let mut throttle = Throttle::default();
        let now = Offset::from_micros(5);
        assert!((0..10_000).all(|_| throttle.take(now, Duration::from_millis(99), 1.0).is_ok()));
    }
}
