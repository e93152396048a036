use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many requests in each minute, counted from the first.
pub(super) struct Quota {
    per_minute: u32,
    /// When the minute at hand began, and what was let through in it.
    used: Mutex<Option<(Instant, u32)>>,
}

const MINUTE: Duration = Duration::from_mins(1);

impl Quota {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute, used: Mutex::new(None) }
    }

    /// Lets a request through; else says after how long one may be again.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, count) = match *used {
            Some((began, count)) if now.saturating_duration_since(began) < MINUTE => (began, count),
            _ => (now, 0),
        };
        if count < self.per_minute {
            *used = Some((began, count + 1));
            return Ok(());
        }
        *used = Some((began, count));
        Err(MINUTE.saturating_sub(now.saturating_duration_since(began)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;

    #[test]
    fn each_minute_has_its_own() {
        let (quota, start) = (Quota::new(3), monotonic());
        let take = |s: u64| quota.take(start + Duration::from_secs(s));
        assert_eq!([take(0), take(1), take(59)], [Ok(()); 3]);
        assert_eq!(take(59), Err(Duration::from_secs(1)));
        assert_eq!((take(60), take(61), take(62)), (Ok(()), Ok(()), Ok(())));
        assert_eq!(take(100), Err(Duration::from_secs(20)));
    }
}
