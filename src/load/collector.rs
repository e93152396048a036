use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::climb::Climb;
use super::merge;
use crate::record::{Counts, LoadSlice};

/// Puts the workers' parts together, second by second, and hands the slices on.
///
/// A slice leaves when every worker has passed its end. Waiting for the consumer holds up only this
/// task: a worker whose parts are not fetched makes its next part longer. When the consumer is gone,
/// `stop` is cancelled and the rest is only counted. A search for the limit sees each slice before it is handed on.
pub(super) async fn collect(
    parts: Vec<mpsc::Receiver<LoadSlice>>,
    slices: mpsc::Sender<LoadSlice>,
    stop: CancellationToken,
    mut climb: Option<Climb>,
) -> Counts {
    let mut total = Counts::default();
    let mut workers: Vec<Lane> =
        parts.into_iter().map(|parts| Lane { parts, front: None }).collect();
    while let Some(slice) = next(&mut workers).await {
        total.add(&slice.counts);
        if let Some(climb) = &mut climb {
            climb.see(&slice).await;
        }
        if slices.send(slice).await.is_err() {
            stop.cancel();
        }
    }
    total
}

struct Lane {
    parts: mpsc::Receiver<LoadSlice>,
    front: Option<LoadSlice>,
}

impl Lane {
    /// Makes the front part reach `to`, unless the worker ended before. Says where it ends.
    async fn reach(&mut self, to: crate::clock::Offset) -> Option<crate::clock::Offset> {
        while self.front.as_ref().is_none_or(|front| front.to < to) {
            let Some(part) = self.parts.recv().await else { break };
            match &mut self.front {
                Some(front) => merge::append(front, part),
                None => self.front = Some(part),
            }
        }
        self.front.as_ref().map(|front| front.to)
    }
}

async fn next(workers: &mut [Lane]) -> Option<LoadSlice> {
    let mut to = crate::clock::Offset::ZERO;
    loop {
        let mut furthest = to;
        for lane in &mut *workers {
            furthest = lane.reach(to).await.map_or(furthest, |end| end.max(furthest));
        }
        if furthest == to {
            break;
        }
        to = furthest;
    }
    let mut fronts = workers.iter_mut().filter_map(|lane| lane.front.take());
    let mut slice = fronts.next()?;
    fronts.for_each(|part| merge::beside(&mut slice, part));
    Some(slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Offset;
    use crate::record::{ErrorCount, Histogram, StepId};

    fn part(from: u64, to: u64, ok: u64) -> LoadSlice {
        LoadSlice {
            from: Offset::from_micros(from),
            to: Offset::from_micros(to),
            counts: Counts { scheduled: ok, ok, ..Counts::default() },
            in_flight: 1,
            waiting: 3,
            connections: 2,
            bytes_in: ok,
            bytes_out: ok,
            lateness: Histogram::new(),
            steps: Vec::new(),
            errors: vec![ErrorCount { step: StepId(0), text: "x".to_owned(), count: ok }],
        }
    }

    async fn run(workers: &[&[LoadSlice]]) -> (Vec<LoadSlice>, Counts) {
        let (out, mut slices) = mpsc::channel(100);
        let parts = workers
            .iter()
            .map(|parts| {
                let (sender, receiver) = mpsc::channel(100);
                parts.iter().for_each(|p| sender.try_send(p.clone()).unwrap());
                receiver
            })
            .collect();
        let total = collect(parts, out, CancellationToken::new(), None).await;
        let mut all = Vec::new();
        while let Some(slice) = slices.recv().await {
            all.push(slice);
        }
        (all, total)
    }

    #[tokio::test]
    async fn parts_of_unequal_length_make_slices_without_holes() {
        let a = [part(0, 10, 1), part(10, 20, 2), part(20, 30, 4), part(30, 33, 8)];
        let b = [part(0, 10, 16), part(10, 30, 32), part(30, 37, 64)];
        let (all, total) = run(&[&a, &b]).await;
        let spans: Vec<(u64, u64, u64)> =
            all.iter().map(|s| (s.from.as_micros(), s.to.as_micros(), s.counts.ok)).collect();
        assert_eq!(spans, [(0, 10, 17), (10, 30, 38), (30, 37, 72)]);
        assert_eq!((all[1].in_flight, all[1].waiting, all[1].connections), (2, 6, 4));
        assert_eq!(all[1].errors[0].count, 38);
        assert_eq!(total.ok, 127);
    }

    #[tokio::test]
    async fn a_consumer_that_left_stops_the_load_and_counts_go_on() {
        let (out, slices) = mpsc::channel(1);
        drop(slices);
        let (sender, receiver) = mpsc::channel(10);
        sender.try_send(part(0, 1, 3)).unwrap();
        sender.try_send(part(1, 2, 4)).unwrap();
        drop(sender);
        let stop = CancellationToken::new();
        assert_eq!(collect(vec![receiver], out, stop.clone(), None).await.ok, 7);
        assert!(stop.is_cancelled());
    }
}
