//! Regular questions to the target's own metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Finding;
use super::ask::{Answer, Client, is_per_instance};
use super::metrics_text;
use super::outage::Outage;
use crate::clock::{Clock, Offset, monotonic};
use crate::record::{
    Event, EventKind, Instance, InstanceState, Roster, ScrapedColumn, ScrapedKind, Scrapes,
    Subject, Victim, is_telling,
};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer.
const LARGEST: usize = 16 << 20;
/// Series kept of one instance.
const SERIES: usize = 300;
/// Values go to the store when they span this.
const STRETCH: Duration = Duration::from_mins(1);
/// What the scraper needs.
pub(super) struct Scraper {
    pub(super) roster: watch::Receiver<Arc<Roster>>,
    pub(super) clock: Clock,
    pub(super) interval: Duration,
    /// URL by service.
    pub(super) urls: BTreeMap<String, String>,
    pub(super) client: Client,
    /// Where values go. When it is full the scraper waits.
    pub(super) out: mpsc::Sender<Finding>,
}

/// What is known of one instance.
#[derive(Default)]
struct Book {
    at: Vec<Offset>,
    columns: BTreeMap<(String, ScrapedKind), Vec<Option<f64>>>,
    known: BTreeSet<String>,
    /// Series past the bound.
    left_out: BTreeSet<String>,
    told: bool,
    outage: Outage,
}

impl Scraper {
    /// Scrapes until `stop`; then hands over what is left.
    pub(super) async fn work(self, stop: CancellationToken) {
        let mut books: BTreeMap<Victim, Book> = BTreeMap::new();
        let mut due = self.clock.now();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.clock.sleep_until(due) => {}
            }
            let roster = Arc::clone(&self.roster.borrow());
            let asked = self.due(&roster).map(|(instance, url)| self.ask(instance, url));
            let round = futures_util::future::join_all(asked);
            let answers = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                answers = round => answers,
            };
            for (victim, at, answer) in answers {
                let book = books.entry(victim.clone()).or_default();
                for finding in book.take(&victim, at, answer) {
                    self.send(finding).await;
                }
            }
            let now = self.clock.now();
            (due, _) = due.next_due(self.interval, now);
        }
        let now = self.clock.now();
        for (victim, mut book) in books {
            for finding in book.close(&victim, now) {
                self.send(finding).await;
            }
        }
    }

    /// Whom to ask, and where.
    fn due<'a>(&'a self, roster: &'a Roster) -> impl Iterator<Item = (Instance, &'a str)> {
        self.urls.iter().flat_map(move |(service, url)| {
            let most = if is_per_instance(url) { usize::MAX } else { 1 };
            roster
                .service(service)
                .take(most)
                .filter(|instance| instance.state == InstanceState::Running)
                .map(move |instance| (instance.clone(), url.as_str()))
        })
    }

    async fn ask(&self, instance: Instance, url: &str) -> (Victim, Offset, Result<String, String>) {
        let deadline = monotonic() + PATIENCE;
        let answer = self.client.get(url, Some(&instance), LARGEST, deadline).await;
        let at = self.clock.now();
        let text = answer
            .and_then(Answer::well)
            .map(|answer| String::from_utf8_lossy(&answer.body).into_owned());
        (instance.victim(), at, text)
    }

    async fn send(&self, finding: Finding) {
        if self.out.send(finding).await.is_err() {
            tracing::debug!("nobody takes scraped values any more");
        }
    }
}

impl Book {
    /// Takes one answer; gives what is now to be recorded.
    fn take(
        &mut self,
        victim: &Victim,
        at: Offset,
        answer: Result<String, String>,
    ) -> Vec<Finding> {
        let mut out = Vec::new();
        let text = match answer {
            Ok(text) => text,
            Err(why) => {
                self.outage.failed(at, why);
                return out;
            }
        };
        out.extend(self.recovered(victim, at));
        self.add(at, &text);
        if !self.left_out.is_empty() && !self.told {
            self.told = true;
            let text = format!(
                "{victim} has {} series; the {SERIES} that tell most of memory and queues are kept",
                self.known.len() + self.left_out.len()
            );
            out.push(Finding::Event(Event { at, kind: EventKind::Note { text } }));
        }
        if self.at.first().is_some_and(|first| at.since(*first) + PATIENCE >= STRETCH) {
            out.extend(self.flush(victim));
        }
        out
    }

    fn add(&mut self, at: Offset, text: &str) {
        let mut points = metrics_text::parse(text);
        // A stable sort: within both halves the order of the answer stays.
        points.sort_by_key(|point| !is_telling(point.name));
        let before = self.at.len();
        self.at.push(at);
        for point in points {
            if !self.known.contains(point.name) {
                if self.known.len() >= SERIES {
                    // Names are not remembered without bound either.
                    if self.left_out.len() < 10 * SERIES {
                        self.left_out.insert(point.name.to_owned());
                    }
                    continue;
                }
                self.known.insert(point.name.to_owned());
            }
            let key = (point.name.to_owned(), point.kind);
            let column = self.columns.entry(key).or_insert_with(|| vec![None; before]);
            if column.len() == before {
                column.push(Some(point.value));
            }
        }
        for column in self.columns.values_mut() {
            column.resize(self.at.len(), None);
        }
    }

    fn recovered(&mut self, victim: &Victim, at: Offset) -> Option<Finding> {
        self.outage.over(at, &format!("{victim} could not be scraped"))
    }

    fn flush(&mut self, victim: &Victim) -> Option<Finding> {
        let at = std::mem::take(&mut self.at);
        let columns = std::mem::take(&mut self.columns);
        let subject =
            Subject::Instance { service: victim.service.clone(), ordinal: victim.ordinal };
        let columns: Vec<ScrapedColumn> = columns
            .into_iter()
            .map(|((name, kind), values)| ScrapedColumn { name, kind, values })
            .collect();
        (!at.is_empty()).then(|| Finding::Scrapes(Box::new(Scrapes { subject, at, columns })))
    }

    fn close(&mut self, victim: &Victim, now: Offset) -> Vec<Finding> {
        [self.recovered(victim, now), self.flush(victim)].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::GapSource;

    fn at(seconds: u64) -> Offset {
        Offset::from_micros(seconds * 1_000_000)
    }

    fn victim() -> Victim {
        Victim { service: "api".to_owned(), ordinal: 1 }
    }

    fn scrapes(findings: Vec<Finding>) -> Vec<Scrapes> {
        findings
            .into_iter()
            .filter_map(|f| if let Finding::Scrapes(s) = f { Some(*s) } else { None })
            .collect()
    }

    #[test]
    fn values_come_in_columns_by_the_minute_and_absence_stays_absence() {
        let mut book = Book::default();
        let mut out = Vec::new();
        for n in 0..9 {
            let late = if n >= 2 { "late 7\n" } else { "" };
            out.extend(book.take(&victim(), at(n * 10), Ok(format!("rss {n}\n{late}rss 99\n"))));
        }
        out.extend(book.close(&victim(), at(90)));
        let out = scrapes(out);
        assert_eq!(out.iter().map(|s| s.at.len()).collect::<Vec<_>>(), [7, 2]);
        let late = &out[0].columns[0];
        assert_eq!((late.name.as_str(), &late.values[..3]), ("late", &[None, None, Some(7.0)][..]));
        let rss: Vec<f64> =
            out.iter().flat_map(|s| s.columns[1].values.iter().map(|v| v.unwrap())).collect();
        assert_eq!(rss, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], "a name counts once");
    }

    #[test]
    fn a_stretch_of_failures_is_one_gap_with_its_first_reason() {
        let mut book = Book::default();
        assert!(book.take(&victim(), at(0), Err("connection refused".to_owned())).is_empty());
        assert!(book.take(&victim(), at(10), Err("the answer is HTTP 503".to_owned())).is_empty());
        let out = book.take(&victim(), at(20), Ok("rss 1\n".to_owned()));
        let Finding::Event(event) = &out[0] else { panic!("a gap") };
        let EventKind::Gap { source: GapSource::Scrapes, from, reason } = &event.kind else {
            panic!("{event:?}")
        };
        assert_eq!((*from, event.at), (at(0), at(20)));
        assert!(reason.contains("api#1") && reason.contains("refused"), "{reason}");
        book.take(&victim(), at(30), Err("x".to_owned()));
        assert_eq!(book.close(&victim(), at(40)).len(), 2, "the gap that is open, and the values");
    }

    #[test]
    fn past_the_bound_the_telling_series_are_kept_and_the_rest_is_told_once() {
        let mut lines: Vec<String> = (0..400).map(|n| format!("requests_by_{n} 1")).collect();
        lines.push("process_resident_memory_bytes 5\ngo_goroutines 6\n".to_owned());
        let text = lines.join("\n");
        let mut book = Book::default();
        let notes = |out: Vec<Finding>| {
            out.iter()
                .filter(|f| matches!(f, Finding::Event(Event { kind: EventKind::Note { text }, .. }) if text.contains("402 series")))
                .count()
        };
        assert_eq!(notes(book.take(&victim(), at(0), Ok(text.clone()))), 1);
        assert_eq!(notes(book.take(&victim(), at(10), Ok(text))), 0);
        let out = scrapes(book.close(&victim(), at(20)));
        let names: Vec<&str> = out[0].columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), SERIES);
        assert!(
            names.contains(&"process_resident_memory_bytes") && names.contains(&"go_goroutines")
        );
    }
}
