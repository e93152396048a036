//! Windows that slide over the seconds of a run.

use std::time::Duration;

use super::super::second::Second;
use super::super::windows::Span;
use crate::record::Counts;

/// The counts of every full window of this length, second by second. A profile that is shorter than the window
/// is one window. `seconds` are in time order; missing ones are simply not counted.
pub(super) fn slide<'a>(
    seconds: &'a [&'a Second],
    length: Duration,
    profile: Span,
) -> impl Iterator<Item = (Span, Counts)> + 'a {
    let length = length.min(profile.length());
    let mut sum = Counts::default();
    let mut next = 0;
    (0..seconds.len()).map_while(move |i| {
        if i > 0 {
            let gone = &seconds[i - 1].counts;
            sum.scheduled -= gone.scheduled;
            sum.ok -= gone.ok;
            sum.failed -= gone.failed;
            sum.timed_out -= gone.timed_out;
            sum.not_sent -= gone.not_sent;
        }
        let span = Span { from: seconds[i].from, to: seconds[i].from + length };
        while let Some(second) = seconds.get(next)
            && second.middle() < span.to
        {
            sum.add(&second.counts);
            next += 1;
        }
        // The first window always counts, whatever a phase mark is off by.
        (i == 0 || span.to <= profile.to).then_some((span, sum))
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Synthetic, secs};
    use super::*;

    #[test]
    fn every_full_window_is_seen_once() {
        let data = Synthetic::hold(30).each(7..8, |s| s.counts.failed = 9).build();
        let (profile, seconds) = Synthetic::parts(&data);
        let seconds: Vec<&Second> = seconds.iter().collect();
        let windows: Vec<(Span, Counts)> = slide(&seconds, secs(10), profile).collect();
        assert_eq!(windows.len(), 21);
        assert_eq!(windows.iter().filter(|(_, c)| c.failed == 9).count(), 8);
        assert!(windows.iter().all(|(_, c)| c.ok == 500));
        assert_eq!(slide(&seconds, secs(300), profile).count(), 1);
    }
}
