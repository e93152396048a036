use std::time::Instant;

/// A token bucket that holds one second's worth, and is full at first.
#[derive(Debug, Default)]
pub(super) struct Bucket(Option<(f64, Instant)>);

impl Bucket {
    /// Whether one more fits into `rate` a second.
    pub(super) fn grant(&mut self, rate: f64, now: Instant) -> bool {
        let (level, at) = self.0.unwrap_or((rate.max(1.0), now));
        let level =
            (level + rate * now.saturating_duration_since(at).as_secs_f64()).min(rate.max(1.0));
        let granted = level >= 1.0;
        self.0 = Some((if granted { level - 1.0 } else { level }, now));
        granted
    }
}
