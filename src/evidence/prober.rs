//! Figures that the target tells of itself, asked for again and again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Finding;
use super::ask::{Client, is_per_instance};
use super::metrics_text;
use super::outage::Outage;
use crate::clock::{Clock, Offset, monotonic};
use crate::experiment::{Polled, PolledValue};
use crate::record::{
    Instance, InstanceState, Roster, ScrapedColumn, ScrapedKind, Scrapes, Subject, probe_series,
};

/// Longest answer.
const LARGEST: usize = 4 << 20;
/// Readings go to the store when they span this.
const STRETCH: Duration = Duration::from_secs(20);

/// One probe.
pub(super) struct Prober {
    pub(super) polled: Polled,
    pub(super) roster: watch::Receiver<Arc<Roster>>,
    pub(super) clock: Clock,
    pub(super) client: Client,
    /// Where readings go. When it is full the probe waits.
    pub(super) out: mpsc::Sender<Finding>,
}

/// Readings that are not with the store yet.
#[derive(Default)]
struct Book {
    at: Vec<Offset>,
    values: Vec<Option<f64>>,
    seconds: Vec<Option<f64>>,
    failed: Vec<Option<f64>>,
    outage: Outage,
}

impl Prober {
    /// Asks until `stop`; then hands over what is left.
    pub(super) async fn work(self, stop: CancellationToken) {
        let mut book = Book::default();
        let mut due = self.clock.now();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.clock.sleep_until(due) => {}
            }
            let asked = self.clock.now();
            let answer = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                answer = self.ask() => answer,
            };
            let now = self.clock.now();
            for finding in book.take(&self.polled.name, asked, now, answer) {
                self.send(finding).await;
            }
            // An answer that took longer than the interval costs the questions it covered.
            (due, _) = due.next_due(self.polled.every, now);
        }
        for finding in book.close(&self.polled.name, self.clock.now()) {
            self.send(finding).await;
        }
    }

    /// The number, if one is wanted.
    async fn ask(&self) -> Result<Option<f64>, String> {
        let url = &self.polled.url;
        let instance = if is_per_instance(url) { Some(self.first(url)?) } else { None };
        let deadline = monotonic() + self.polled.timeout;
        let answer = self.client.get(url, instance.as_ref(), LARGEST, deadline).await?;
        value(&self.polled.reads, &answer.well()?.body)
    }

    /// The first running instance of the service that the URL names; where none runs a frozen one, whose users wait too.
    fn first(&self, url: &str) -> Result<Instance, String> {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let service = rest.split_once(".target").map_or(rest, |(service, _)| service);
        let roster = self.roster.borrow();
        first_up(&roster, service)
            .cloned()
            .ok_or_else(|| format!("no instance of {service} is running"))
    }

    async fn send(&self, finding: Finding) {
        if self.out.send(finding).await.is_err() {
            tracing::debug!("nobody takes a probe's readings any more");
        }
    }
}

fn first_up<'a>(roster: &'a Roster, service: &'a str) -> Option<&'a Instance> {
    let first = |state| roster.service(service).find(move |instance| instance.state == state);
    first(InstanceState::Running).or_else(|| first(InstanceState::Paused))
}

/// The number in an answer, if one is wanted.
fn value(reads: &PolledValue, body: &[u8]) -> Result<Option<f64>, String> {
    let number = match reads {
        PolledValue::Nothing => return Ok(None),
        PolledValue::Json(pointer) => {
            let json: Value =
                serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
            let found = json.pointer(pointer);
            found.and_then(|v| v.as_f64().or_else(|| v.as_str()?.trim().parse().ok()))
        }
        PolledValue::Metric(name) => {
            let text = String::from_utf8_lossy(body);
            let plain = |series: &str| series.split('{').next().unwrap_or(series).to_owned();
            let mut mine = metrics_text::parse(&text)
                .into_iter()
                .filter(|point| point.name == name || plain(point.name) == *name)
                .map(|point| point.value)
                .peekable();
            mine.peek().is_some().then(|| mine.sum())
        }
    };
    match number {
        Some(number) if number.is_finite() => Ok(Some(number)),
        _ => Err("the answer does not hold the number".to_owned()),
    }
}

impl Book {
    /// Takes one answer to a question of `asked`; gives what is now to be recorded.
    fn take(
        &mut self,
        name: &str,
        asked: Offset,
        now: Offset,
        answer: Result<Option<f64>, String>,
    ) -> Vec<Finding> {
        let mut out = Vec::new();
        self.at.push(asked);
        self.failed.push(Some(f64::from(u8::from(answer.is_err()))));
        self.seconds.push(Some(now.since(asked).as_secs_f64()));
        match answer {
            Ok(number) => {
                self.values.push(number);
                out.extend(self.recovered(name, asked));
            }
            Err(why) => {
                self.values.push(None);
                self.outage.failed(asked, why);
            }
        }
        if self.at.first().is_some_and(|first| now.since(*first) >= STRETCH) {
            out.extend(self.flush(name));
        }
        out
    }

    fn recovered(&mut self, name: &str, at: Offset) -> Option<Finding> {
        self.outage.over(at, &format!("the probe {name} got no answer"))
    }

    fn flush(&mut self, name: &str) -> Option<Finding> {
        let at = std::mem::take(&mut self.at);
        let column = |name: &str, values| ScrapedColumn {
            name: name.to_owned(),
            kind: ScrapedKind::Gauge,
            values,
        };
        let columns = vec![
            column(probe_series::VALUE, std::mem::take(&mut self.values)),
            column(probe_series::SECONDS, std::mem::take(&mut self.seconds)),
            column(probe_series::FAILED, std::mem::take(&mut self.failed)),
        ];
        let subject = Subject::Probe(name.to_owned());
        (!at.is_empty()).then(|| Finding::Scrapes(Box::new(Scrapes { subject, at, columns })))
    }

    fn close(&mut self, name: &str, now: Offset) -> Vec<Finding> {
        [self.recovered(name, now), self.flush(name)].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Offset {
        Offset::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_number_is_found_or_it_is_said_that_it_is_not() {
        let json = PolledValue::Json("/chain/height".to_owned());
        assert_eq!(value(&json, br#"{"chain":{"height":41}}"#), Ok(Some(41.0)));
        assert_eq!(value(&json, br#"{"chain":{"height":"0042"}}"#), Ok(Some(42.0)));
        assert!(value(&json, br#"{"chain":{"height":null}}"#).unwrap_err().contains("not hold"));
        assert!(value(&json, b"41").is_err() && value(&json, b"<html>").is_err());
        let text = b"# TYPE depth gauge\ndepth{q=\"a\"} 3\ndepth{q=\"b\"} 4\ndepths 9\n";
        let metric = |name: &str| value(&PolledValue::Metric(name.to_owned()), text);
        assert_eq!(metric("depth"), Ok(Some(7.0)));
        assert_eq!(metric("depth{q=\"b\"}"), Ok(Some(4.0)));
        assert!(metric("dept").is_err());
        assert_eq!(value(&PolledValue::Nothing, b"anything"), Ok(None));
    }

    #[test]
    fn a_frozen_instance_is_asked_where_no_other_runs_and_a_stopped_one_never() {
        use InstanceState::{Paused, Running, Stopped};
        let asked = |states: &[InstanceState]| {
            let instance = |(ordinal, state): (u32, &InstanceState)| Instance {
                service: "api".to_owned(),
                ordinal,
                id: String::new(),
                pid: None,
                addresses: std::collections::BTreeMap::new(),
                port: None,
                started_at: None,
                state: *state,
                health: crate::record::Health::None,
                restarts: 0,
            };
            let roster = Roster { instances: (1..).zip(states).map(instance).collect() };
            first_up(&roster, "api").map(|instance| instance.ordinal)
        };
        assert_eq!(asked(&[Paused, Running, Running]), Some(2));
        assert_eq!(asked(&[Stopped, Paused]), Some(2));
        assert_eq!(asked(&[Stopped]), None);
    }

    #[test]
    fn every_question_is_on_record_answered_or_not() {
        let mut book = Book::default();
        let mut out = Vec::new();
        for second in 0..25 {
            let answer = if second == 3 { Err("refused".to_owned()) } else { Ok(Some(7.0)) };
            let (asked, now) = (at(second), at(second) + Duration::from_millis(250));
            out.extend(book.take("blocks", asked, now, answer));
        }
        out.extend(book.close("blocks", at(25)));
        let (mut gaps, mut scrapes) = (Vec::new(), Vec::new());
        for finding in out {
            match finding {
                Finding::Event(event) => gaps.push(event.at),
                Finding::Scrapes(some) => scrapes.push(*some),
                Finding::Evidence(_) => panic!("no evidence"),
            }
        }
        assert_eq!(gaps, [at(4)]);
        assert_eq!(scrapes.iter().map(|s| s.at.len()).collect::<Vec<_>>(), [21, 4]);
        let first = &scrapes[0];
        assert_eq!(first.subject, Subject::Probe("blocks".to_owned()));
        let values = |n: usize| &first.columns[n].values;
        assert_eq!((values(0)[3], values(1)[3], values(2)[3]), (None, Some(0.25), Some(1.0)));
        assert_eq!((values(0)[4], values(1)[4], values(2)[4]), (Some(7.0), Some(0.25), Some(0.0)));
    }
}
