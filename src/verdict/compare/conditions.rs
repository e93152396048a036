//! What a run was made under, as texts: runs are alike when these are.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::super::case::Case;
use crate::experiment::{Experiment, Fault, Part, Scenario, Segment, Step, System};
use crate::record::{Aspect, Subject};
use crate::units::{Bytes, duration};

/// Texts by aspect and name.
pub(super) type Conditions = BTreeMap<Aspect, BTreeMap<String, String>>;

/// What the experiment alone says: load, scenarios, length, faults, sampling.
pub(super) fn planned(experiment: &Experiment) -> Conditions {
    let load = &experiment.load;
    BTreeMap::from([
        (
            Aspect::Load,
            texts([
                ("settle", duration(load.settle)),
                ("warmup", duration(load.warmup)),
                ("profile", profile(&load.profile)),
                ("arrival", json(&load.arrival)),
                ("connections", load.connections.to_string()),
                ("timeout", duration(load.timeout)),
            ]),
        ),
        (Aspect::Scenarios, scenarios(&load.scenarios)),
        (Aspect::Length, texts([("judged phase", duration(load.profile_length()))])),
        (Aspect::Faults, faults(experiment)),
        (Aspect::Sampling, sampling(experiment)),
    ])
}

/// What the experiment says, and what the run was in fact.
pub(super) fn observed(case: &Case) -> Conditions {
    let mut conditions = planned(case.experiment());
    let run = &case.data.run;
    let planned = case.experiment().load.profile_length();
    let judged = case.judged.map(|j| j.length()).unwrap_or_default();
    let second = std::time::Duration::from_secs(1);
    if judged + second < planned {
        let whole = std::time::Duration::from_secs(judged.as_secs());
        conditions.insert(Aspect::Length, texts([("judged phase", duration(whole))]));
    }
    conditions.insert(Aspect::Target, target(case));
    conditions.insert(
        Aspect::Resources,
        run.provenance.resources.iter().map(|(s, r)| (s.clone(), r.clone())).collect(),
    );
    conditions.insert(
        Aspect::Machine,
        texts([
            ("cpu", run.provenance.cpu.clone()),
            ("memory", Bytes(run.provenance.memory).human()),
        ]),
    );
    conditions
}

/// What is asked of the target beside the load: it costs the target something.
fn sampling(experiment: &Experiment) -> BTreeMap<String, String> {
    let names = |names: Vec<&String>| match names.as_slice() {
        [] => "nobody".to_owned(),
        names => names.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", "),
    };
    let mut all = texts([
        ("interval", duration(experiment.sampling.interval)),
        ("scraped", names(experiment.sampling.scrape.keys().collect())),
        ("heap profiles", names(experiment.capture.heap.keys().collect())),
    ]);
    // Without probes it says what it said before there were any: older baselines stay comparable.
    if !experiment.probes.is_empty() {
        let probes = names(experiment.probes.iter().map(|p| &p.name).collect());
        all.insert("probes".to_owned(), probes);
    }
    all
}

fn texts<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}

/// The shape. The length of a lone `hold` is a matter of [`Aspect::Length`] alone.
fn profile(segments: &[Segment]) -> String {
    if let [Segment::Hold { rate, .. }] = segments {
        return format!("hold {rate}");
    }
    segments.iter().map(words).collect::<Vec<_>>().join(", ")
}

/// A piece as the experiment file has it, without its punctuation: `ramp from 0/s over 5m to 50/s`.
fn words(segment: &Segment) -> String {
    let text = json(segment);
    let plain = |c: char| if "{}\":,".contains(c) { ' ' } else { c };
    text.chars().map(plain).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn scenarios(all: &[Scenario]) -> BTreeMap<String, String> {
    let whole: u64 = all.iter().map(|s| u64::from(s.weight)).sum();
    let mut conditions = BTreeMap::new();
    for scenario in all {
        let name = &scenario.name;
        conditions.insert(format!("{name} weight"), format!("{} of {whole}", scenario.weight));
        let steps = || scenario.session.iter().chain(&scenario.steps);
        let names: Vec<&str> = steps().map(Step::name).collect();
        conditions.insert(format!("{name} steps"), names.join(", "));
        let all: Vec<String> = steps().map(definition).collect();
        let session = scenario.session.len();
        let hash = Sha256::digest(format!("{session} {}", all.join("\n")));
        let short = &format!("{hash:x}")[..12];
        conditions.insert(format!("{name} requests"), format!("as hashed to {short}"));
    }
    conditions
}

/// A request without the host it goes to, which may differ from machine to machine.
fn definition(step: &Step) -> String {
    let path = |url: &mut String| {
        if let Some((_, rest)) = url.split_once("://") {
            *url = rest.find('/').map_or_else(String::new, |at| rest[at..].to_owned());
        }
    };
    let mut step = step.clone();
    match &mut step {
        Step::Http(request) | Step::Http2(request) => {
            if let Some(Part::Text(text)) = request.url.parts.first_mut() {
                path(text);
            }
        }
        Step::Tcp(tcp) => tcp.connect.clear(),
        Step::Redis(redis) => path(&mut redis.url),
        Step::WebSocket(websocket) => path(&mut websocket.url),
        Step::Postgres(postgres) => path(&mut postgres.url),
    }
    // A request of HTTP/1.1 is told as it always was, so that earlier baselines stay comparable.
    if let Step::Http(request) = &step { json(request) } else { json(&step) }
}

fn faults(experiment: &Experiment) -> BTreeMap<String, String> {
    let mut conditions = BTreeMap::new();
    if experiment.faults.len() > 1 {
        conditions.insert("overlap".to_owned(), json(&experiment.overlap));
    }
    for fault in &experiment.faults {
        let what = Fault { name: String::new(), recover_within: None, ..fault.clone() };
        let mut value = serde_json::to_value(&what).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            // A limit on recovery hurts nobody.
            fields.retain(|key, _| key != "name" && key != "recover_within");
        }
        conditions.insert(fault.name.clone(), value.to_string());
    }
    conditions
}

fn target(case: &Case) -> BTreeMap<String, String> {
    let kind = match &case.experiment().target.system {
        System::Compose(_) => "compose",
        System::Process(_) => "process",
        System::External(_) => "external",
    };
    let mut replicas: BTreeMap<&str, u32> = BTreeMap::new();
    for series in &case.data.series {
        if let Subject::Instance { service, .. } = &series.subject {
            *replicas.entry(service).or_default() += 1;
        }
    }
    let mut conditions = texts([("kind", kind.to_owned())]);
    let services =
        replicas.into_iter().map(|(service, n)| (format!("{service} replicas"), n.to_string()));
    conditions.extend(services);
    conditions
}

/// A word of the experiment file, or a whole element of it.
fn json(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        // Elements of an experiment are stored as JSON with every run.
        Err(error) => error.to_string(),
    }
}
