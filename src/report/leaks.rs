//! What the reports say of leaks, gathered per instance.

use std::time::Duration;

use super::events::words;
use super::facts::Facts;
use super::figures::span;
use crate::clock::Offset;
use crate::record::{
    Captured, Clue, Event, EventKind, Evidence, Gauge, GaugeUnit, HeapProfile, LeakFinding,
    LeakResult, LeakVerdict, LogExcerpt, ScrapedSeries, Series, SiteGrowth, Subject, TargetAction,
    Victim,
};
use crate::units::trim;

/// One instance under investigation.
pub(super) struct Case<'a> {
    pub(super) instance: Victim,
    /// Its gauges, the worst verdict first.
    pub(super) results: Vec<&'a LeakResult>,
    pub(super) clues: &'a [Clue],
    /// All looks at it, in the order of time.
    pub(super) looks: Vec<&'a Evidence>,
    pub(super) series: Option<&'a Series>,
    /// Its own metrics.
    pub(super) scraped: Vec<&'a ScrapedSeries>,
    /// What it printed around the moments at which something changed.
    pub(super) logs: Vec<&'a LogExcerpt>,
}

impl<'a> Case<'a> {
    /// The instances of a service, or of all: those with the worst verdict first.
    pub(super) fn all(facts: &Facts<'a>, service: Option<&str>) -> Vec<Self> {
        let mut cases: Vec<Self> = Vec::new();
        for result in &facts.verdict.leaks {
            if service.is_some_and(|s| s != result.instance.service) {
                continue;
            }
            match cases.iter_mut().find(|c| c.instance == result.instance) {
                Some(case) => case.results.push(result),
                None => cases.push(Self::of(facts, result)),
            }
        }
        for case in &mut cases {
            case.results.sort_by_key(|r| rank(r));
        }
        cases.sort_by_key(Self::rank);
        cases
    }

    fn of(facts: &Facts<'a>, result: &'a LeakResult) -> Self {
        let instance = result.instance.clone();
        let (service, ordinal) = (instance.service.clone(), instance.ordinal);
        let subject = Subject::Instance { service, ordinal };
        Self {
            results: vec![result],
            clues: facts
                .verdict
                .clues
                .iter()
                .find(|c| c.instance == instance)
                .map_or(&[], |c| c.clues.as_slice()),
            looks: facts.data.evidence.iter().filter(|e| e.instance == instance).collect(),
            series: facts.data.series.iter().find(|s| s.subject == subject),
            logs: facts.logs.iter().filter(|l| l.instance == instance).collect(),
            scraped: facts.data.scraped.iter().filter(|s| s.subject == subject).collect(),
            instance,
        }
    }

    fn rank(&self) -> u8 {
        self.results.iter().map(|r| rank(r)).min().unwrap_or(u8::MAX)
    }

    /// Whether anything of it grows, or what was captured shows something else that can hurt.
    pub(super) fn needs_a_look(&self) -> bool {
        self.rank() <= GROWING || self.clues.iter().any(|c| c.harmful)
    }

    /// What it printed around this moment; `None` when nobody asked.
    pub(super) fn log(&self, at: Offset) -> Option<&'a Captured<Vec<String>>> {
        self.logs.iter().find(|log| log.around == at).map(|log| &log.lines)
    }

    /// What was read of a gauge.
    pub(super) fn points(&self, gauge: &Gauge) -> Vec<(Offset, f64)> {
        let captured = |of: fn(&Evidence) -> Option<u64>| -> Vec<(Offset, f64)> {
            self.looks.iter().filter_map(|look| Some((look.from, of(look)? as f64))).collect()
        };
        match gauge {
            Gauge::Sockets => captured(Evidence::open_sockets),
            Gauge::Disk => captured(Evidence::disk_used),
            Gauge::Scraped(name) => {
                let series = self.scraped.iter().find(|s| s.name == *name);
                series.map(|s| s.points.clone()).unwrap_or_default()
            }
            Gauge::Memory | Gauge::Descriptors | Gauge::Threads => {
                let points = self.series.map(|s| s.points.as_slice()).unwrap_or_default();
                points.iter().filter_map(|(at, _, r)| Some((*at, gauge.of(r)? as f64))).collect()
            }
        }
    }

    /// The first, a middle and the last look.
    pub(super) fn chosen(&self) -> Vec<&'a Evidence> {
        let mut at = vec![0, self.looks.len() / 2, self.looks.len().saturating_sub(1)];
        at.dedup();
        at.into_iter().filter_map(|i| self.looks.get(i).copied()).collect()
    }

    /// What could not be captured, each reason once.
    pub(super) fn missing(&self) -> Vec<String> {
        if self.looks.is_empty() {
            return vec![
                "memory, descriptors, sockets, threads and disk in detail: not captured, because the run made no \
                 capture of this instance"
                    .to_owned(),
            ];
        }
        let mut missing: Vec<String> = self
            .looks
            .iter()
            .flat_map(|look| look.missing())
            .map(|(part, why)| format!("{part}: not captured, because {why}"))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// How the sites of each source of heap profiles grew within the last life that gave two of them.
    pub(super) fn grown_sites(&self) -> Vec<SourceGrowth<'a>> {
        let mut sources: Vec<&str> = Vec::new();
        for profile in self.looks.iter().flat_map(|look| &look.heap) {
            if !sources.contains(&profile.source.as_str()) {
                sources.push(&profile.source);
            }
        }
        sources.into_iter().filter_map(|source| self.grown(source)).collect()
    }

    fn grown(&self, source: &'a str) -> Option<SourceGrowth<'a>> {
        let profiles = |restarts: u32| -> Vec<&'a HeapProfile> {
            self.looks
                .iter()
                .filter(|look| look.restarts == restarts)
                .flat_map(|look| &look.heap)
                .filter(|p| p.source == source && p.body.get().is_some())
                .collect()
        };
        let pair =
            self.looks.iter().rev().map(|look| profiles(look.restarts)).find(|p| p.len() > 1)?;
        let (first, last) = (*pair.first()?, *pair.last()?);
        let sites = |p: &'a HeapProfile| match &p.body.get()?.sites {
            Captured::Captured(sites) => Some(Ok(sites)),
            Captured::NotCaptured(why) => Some(Err(why.as_str())),
        };
        let grown = match (sites(first)?, sites(last)?) {
            (Ok(first), Ok(last)) => Ok(last.growth_since(first)),
            (Err(why), _) | (_, Err(why)) => Err(why),
        };
        Some(SourceGrowth { source, from: first.from, to: last.from, sites: grown })
    }

    /// The lives of its process, in order.
    pub(super) fn lives(&self, events: &[Event]) -> Vec<ProcessLife> {
        let Some(series) = self.series else { return Vec::new() };
        let mut lives: Vec<ProcessLife> = Vec::new();
        for (at, epoch, reading) in &series.points {
            match lives.last_mut() {
                Some(life) if life.number == *epoch => {
                    life.to = *at;
                    life.memory = (life.memory.0, reading.anon.or(life.memory.1));
                }
                _ => lives.push(ProcessLife {
                    number: *epoch,
                    from: *at,
                    to: *at,
                    memory: (reading.anon, reading.anon),
                    ending: None,
                }),
            }
        }
        let last = lives.len().saturating_sub(1);
        for (i, life) in lives.iter_mut().enumerate() {
            if i < last {
                life.ending = ending(events, &self.instance, life.to);
            }
        }
        lives
    }
}

/// What grew between the first and the last heap profile that one life gave at one source.
pub(super) struct SourceGrowth<'a> {
    pub(super) source: &'a str,
    pub(super) from: Offset,
    pub(super) to: Offset,
    /// The sites, largest growth first; or why the profiles could not be compared.
    pub(super) sites: Result<Vec<SiteGrowth>, &'a str>,
}

/// One life of a process.
pub(super) struct ProcessLife {
    pub(super) number: u32,
    pub(super) from: Offset,
    pub(super) to: Offset,
    /// Anonymous memory, first and last.
    pub(super) memory: (Option<u64>, Option<u64>),
    /// How it ended; `None` for the last one.
    pub(super) ending: Option<String>,
}

/// An event beside a moment.
pub(super) struct Near {
    pub(super) at: Offset,
    /// The event, and how far off it is: `api#1 started, 12 s before`.
    pub(super) what: String,
}

/// Events this near a change belong beside it.
pub(super) const BESIDE: Duration = Duration::from_mins(5);

/// What happened to the target or by a fault nearest to a moment.
pub(super) fn nearest(events: &[Event], at: Offset) -> Option<Near> {
    let off = |e: &Event| e.at.since(at).max(at.since(e.at));
    let told = |e: &&Event| {
        matches!(
            e.kind,
            EventKind::Target { .. }
                | EventKind::Fault { .. }
                | EventKind::Phase { .. }
                | EventKind::Stop { .. }
        )
    };
    let event = events.iter().filter(told).min_by_key(|e| off(e)).filter(|e| off(e) <= BESIDE)?;
    let side = if event.at <= at { "before" } else { "after" };
    let what = format!("{}, {} {side}", words(&event.kind).1, span(off(event)));
    Some(Near { at: event.at, what })
}

/// How far an event may lie from the last reading of the life that it ended.
const NEAR: Duration = Duration::from_secs(15);

/// The event that ended a life, with the fault that caused it if one did.
fn ending(events: &[Event], victim: &Victim, last: Offset) -> Option<String> {
    let near = |e: &&Event| e.at + NEAR >= last && e.at <= last + NEAR;
    let died = events.iter().filter(near).find_map(|e| match &e.kind {
        EventKind::Target { victim: v, action, .. } if v == victim => match action {
            TargetAction::Die { exit_code: Some(code) } => Some(format!("exit code {code}")),
            TargetAction::Die { exit_code: None } => Some("ended".to_owned()),
            _ => None,
        },
        _ => None,
    });
    let oom = events.iter().filter(near).any(
        |e| matches!(&e.kind, EventKind::Target { victim: v, action: TargetAction::Oom, .. } if v == victim),
    );
    let fault = events.iter().filter(near).find_map(|e| match &e.kind {
        EventKind::Fault { fault, .. } => Some(format!("fault {fault}")),
        _ => None,
    });
    let parts: Vec<String> =
        died.into_iter().chain(oom.then(|| "out of memory".to_owned())).chain(fault).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Whether no gauge of any instance could be judged: a short run's figures fill no table.
pub(super) fn all_open(cases: &[Case<'_>]) -> bool {
    cases
        .iter()
        .flat_map(|c| &c.results)
        .all(|r| r.finding.verdict == LeakVerdict::Inconclusive && r.finding.slope.is_none())
}

/// What grows has this rank or a lower one.
const GROWING: u8 = 3;

/// Worst first; of two gauges that grow alike, the one that longhaul reads itself. A metric of the target's own that
/// can't be judged says little.
fn rank(result: &LeakResult) -> u8 {
    match (result.finding.verdict, result.gauge.is_sampled()) {
        (LeakVerdict::Leaking, true) => 0,
        (LeakVerdict::Leaking, false) => 1,
        (LeakVerdict::Suspected, true) => 2,
        (LeakVerdict::Suspected, false) => GROWING,
        (LeakVerdict::Inconclusive, true) => 4,
        (LeakVerdict::Warming, _) => 5,
        (LeakVerdict::Stable, true) => 6,
        (LeakVerdict::Inconclusive | LeakVerdict::Stable, false) => 7,
    }
}

/// A figure and the range it lies in, in words.
pub(super) struct Ranged {
    pub(super) value: String,
    pub(super) range: String,
}

impl std::fmt::Display for Ranged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.value, self.range)
    }
}

/// Growth an hour: `7.2 MiB/h (6.9 MiB to 7.5 MiB)`.
pub(super) fn slope(gauge: &Gauge, finding: &LeakFinding) -> Option<Ranged> {
    let s = finding.slope?;
    let text = |v| gauge.unit().amount(v);
    let range = format!("{} to {}", text(s.low), text(s.high));
    Some(Ranged { value: format!("{}/h", text(s.value)), range })
}

/// When the limit is reached: `8h 10m (7h 00m to 9h 12m)`; `None` without a limit.
pub(super) fn to_limit(finding: &LeakFinding) -> Option<Ranged> {
    let limit = finding.to_limit?;
    let hours = |h: Option<f64>| h.map_or_else(|| "never".to_owned(), hours);
    let range = format!("{} to {}", hours(limit.low), hours(limit.high));
    Some(Ranged { value: hours(limit.value), range })
}

/// Growth a request: `94 B`, `0.02`.
pub(super) fn per_request(gauge: &Gauge, finding: &LeakFinding) -> Option<String> {
    let n = finding.per_request?;
    Some(match gauge.unit() {
        GaugeUnit::Bytes => gauge.unit().amount(n),
        GaugeUnit::Count => trim(n, 3),
    })
}

/// The whole investigation in one sentence, with its colour's class and sign.
pub(super) struct Sentence {
    pub(super) class: &'static str,
    pub(super) icon: &'static str,
    pub(super) text: String,
}

/// More gauges than this are only counted.
const MOST_NAMED: usize = 4;

/// What the investigation comes to.
pub(super) fn sentence(cases: &[Case<'_>]) -> Sentence {
    in_a_sentence(cases.iter().flat_map(|c| c.results.iter().copied()))
}

/// What these gauges come to.
pub(super) fn in_a_sentence<'a>(results: impl Iterator<Item = &'a LeakResult>) -> Sentence {
    let mut results: Vec<&LeakResult> = results.collect();
    results.sort_by_key(|r| rank(r));
    let Some(worst) = results.first() else {
        let text = "nothing was sampled, so nothing could be judged".to_owned();
        return Sentence { class: "unknown", icon: "?", text };
    };
    let verdict = worst.finding.verdict;
    let of = |v: LeakVerdict| -> Vec<String> {
        let having = results.iter().filter(|r| r.finding.verdict == v);
        having.map(|r| format!("{} of {}", r.gauge, r.instance)).collect()
    };
    let named = |v| {
        let names = of(v);
        if names.len() > MOST_NAMED { format!("{} gauges", names.len()) } else { names.join(", ") }
    };
    let (class, icon, text) = match verdict {
        LeakVerdict::Leaking | LeakVerdict::Suspected => {
            let growth = slope(&worst.gauge, &worst.finding)
                .map_or_else(String::new, |s| format!(" by {s}"));
            let limit = to_limit(&worst.finding)
                .map_or_else(String::new, |l| format!(", at its limit in {l}"));
            let others: Vec<String> = of(verdict).into_iter().skip(1).collect();
            let others = match others.len() {
                0 => String::new(),
                n if n >= MOST_NAMED => format!("; and {n} more gauges"),
                _ => format!("; and {}", others.join(", ")),
            };
            let (class, icon, verb) = if verdict == LeakVerdict::Leaking {
                ("fail", "✕", "Leaking")
            } else {
                ("warn", "!", "A leak is suspected")
            };
            let first = format!("{} of {}", worst.gauge, worst.instance);
            (class, icon, format!("{verb}: {first}{growth}{limit}{others}"))
        }
        LeakVerdict::Inconclusive => {
            let names = named(verdict);
            ("unknown", "?", format!("No verdict on {names}: {}", worst.finding.reason))
        }
        LeakVerdict::Warming | LeakVerdict::Stable => (
            "pass",
            "✓",
            "Nothing leaks: memory, descriptors and threads are stable, or rise and level off"
                .to_owned(),
        ),
    };
    Sentence { class, icon, text }
}

/// What seems to leak in a run under way, in one line.
pub fn suspicion_text(leaks: &[LeakResult]) -> String {
    let one = |l: &LeakResult| {
        let grows = slope(&l.gauge, &l.finding).map_or_else(String::new, |s| format!(" by {s}"));
        let limit =
            to_limit(&l.finding).map_or_else(String::new, |l| format!(", at its limit in {l}"));
        format!("{} of {}{grows}{limit}", l.gauge, l.instance)
    };
    let mut texts: Vec<String> = leaks.iter().take(MOST_NAMED).map(one).collect();
    if leaks.len() > texts.len() {
        texts.push(format!("{} more", leaks.len() - texts.len()));
    }
    format!("a leak is suspected so far: {}", texts.join("; "))
}

/// The same for programs.
pub fn suspicion_json(leak: &LeakResult) -> serde_json::Value {
    let finding = &leak.finding;
    serde_json::json!({
        "service": leak.instance.service,
        "ordinal": leak.instance.ordinal,
        "gauge": leak.gauge,
        "reason": finding.reason,
        "unit": finding.unit,
        "slope_per_hour": finding.slope,
        "hours_to_limit": finding.to_limit,
    })
}

/// Hours as a length of time, at most a year.
pub(super) fn hours(h: f64) -> String {
    if h > 8760.0 {
        "more than a year".to_owned()
    } else {
        span(Duration::from_secs_f64(h.max(0.0) * 3600.0))
    }
}
