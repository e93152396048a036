//! What the loop waits for: channels that may not be open yet, or any more.

use tokio::sync::mpsc;

use crate::evidence::{Collector, Finding};
use crate::load::Running;
use crate::record::{LoadSlice, Sample};
use crate::sample::Samples;

/// The next item of a channel that may not be open (yet, or any more).
pub(super) async fn receive<T>(channel: &mut Option<mpsc::Receiver<T>>) -> Option<T> {
    let Some(open) = channel else { return std::future::pending().await };
    let item = open.recv().await;
    if item.is_none() {
        *channel = None;
    }
    item
}

/// The next slice; when there is none any more, why the engine gave up, if it did. Said once, and not lost when
/// something else comes first and this is asked again.
pub(super) async fn next_slice(load: &mut Option<Running>) -> Result<LoadSlice, Option<String>> {
    let Some(running) = load else { return std::future::pending().await };
    if let Some(slice) = running.slices.recv().await {
        return Ok(slice);
    }
    let ended = running.done.as_mut().await;
    *load = None;
    Err(ended.err().map(|e| e.to_string()))
}

/// The next round of readings, while there is a sampler.
pub(super) async fn next_samples(samples: &mut Option<Samples>) -> Option<Vec<Sample>> {
    let Some(open) = samples else { return std::future::pending().await };
    let round = open.recv().await;
    if round.is_none() {
        *samples = None;
    }
    round
}

/// The next finding, while there is a collector.
pub(super) async fn next_finding(collector: &mut Option<Collector>) -> Option<Finding> {
    let Some(open) = collector else { return std::future::pending().await };
    let finding = open.recv().await;
    if finding.is_none() {
        *collector = None;
    }
    finding
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn the_end_of_the_load_is_not_lost_when_something_else_comes_while_it_is_waited_for() {
        let (over, end) = oneshot::channel();
        let done = async { end.await.unwrap_or_else(|_| Ok(crate::record::Counts::default())) };
        let (_, slices) = mpsc::channel(1);
        let retried = Arc::default();
        let mut load = Some(Running { slices, events: None, retried, done: done.boxed() });
        // Another branch is ready first: the question is dropped, and asked again.
        assert!(next_slice(&mut load).now_or_never().is_none());
        assert!(next_slice(&mut load).now_or_never().is_none());
        drop(over.send(Err(crate::load::LoadError::Worker("it fell".to_owned()))));
        assert!(
            next_slice(&mut load).await.unwrap_err().is_some_and(|why| why.contains("it fell"))
        );
        assert!(next_slice(&mut load).now_or_never().is_none(), "said once");
    }
}
