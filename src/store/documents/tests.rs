use std::path::{Path, PathBuf};

use serde_json::json;

use super::*;
use crate::record::RunRecord;
use crate::store::{Store, fixture};

fn documents(format: u32) -> Documents {
    let run = "20261121-020000-x-0001".parse().unwrap();
    Documents::new(&run, format, r#"{"longhaul": "0.0.9"}"#).unwrap()
}

/// A record's document with these parts of an experiment.
fn record(parts: &Value) -> String {
    let mut value = serde_json::to_value(fixture::run("x-1", "90m")).unwrap();
    for (name, part) in parts.as_object().unwrap() {
        value["experiment"][name] = part.clone();
    }
    value.to_string()
}

#[test]
fn limits_of_the_first_form_are_read_as_what_they_meant() {
    let first = json!({
        "limits": [
            { "achieved_rate": { "min": "95%", "warn": "99%" }, "window": null },
            { "error_rate": { "max": "1%", "warn": null, "scope": "outside_faults" }, "window": "5m" },
            { "latency": { "figure": "p999", "max": "2s", "warn": "1s", "step": "buy/login" }, "window": null },
            { "memory_max": { "service": "api", "max": "64MiB", "warn": null }, "window": null },
            { "memory_mean": { "service": null, "max": "32MiB", "warn": "16MiB" }, "window": null },
            { "memory_growth": { "service": "api", "max": "10%", "warn": null }, "window": null },
            { "restarts": { "service": null, "max": 3, "unless_injected": true }, "window": null },
            { "recovery": { "fault": "split", "max": "30s", "warn": null }, "window": null },
        ],
        "steady_state": {
            "for": "1m",
            "require": [
                { "error_rate": { "max": "1%", "warn": null, "scope": "total" } },
                { "latency": { "figure": "p99", "max": "1s", "warn": null, "step": null } },
            ],
        },
        "abort_when": [
            { "breached": { "error_rate": { "max": "50%", "warn": null, "scope": "total" } }, "window": "1m" },
        ],
    });
    let text = record(&first);
    let read: RunRecord = documents(0).read(Document::Record, &text).unwrap();
    let written = "version: 1\nname: x\ntarget: { external: { containers: { api: [a] } } }\n\
        load:\n  profile: [ hold: { rate: 1/s, for: 1h } ]\n  \
        scenarios: { buy: { steps: [ http: { name: login, get: \"http://api.target:80/\" } ] } }\n\
        faults:\n  - { name: split, inject: { kill: { service: api, pick: one } }, schedule: { at: [5m] } }\n\
        steady_state: { for: 1m, require: [ { error_rate: { max: 1% } }, { latency: { p99: 1s } } ] }\n\
        limits:\n\
        - { achieved_rate: { min: 95%, warn: 99% } }\n\
        - { error_rate: { max: 1%, scope: outside_faults, window: 5m } }\n\
        - { latency: { p999: 2s, warn: 1s, step: buy/login } }\n\
        - { memory: { max: 64MiB, service: api } }\n\
        - { memory: { mean: 32MiB, warn: 16MiB } }\n\
        - { memory_growth: { max: 10%, service: api } }\n\
        - { restarts: { max: 3, unless: injected } }\n\
        - { recovery: { max: 30s, fault: split } }\n\
        - { abort_when: { error_rate: { max: 50% } } }\n";
    let same = crate::experiment::parse(written, Path::new("/tmp/x.yaml")).unwrap();
    assert_eq!(read.experiment.limits, same.limits);
    assert_eq!(read.experiment.steady_state, same.steady_state);
    assert_eq!(read.experiment.abort_when, same.abort_when);

    let told = documents(FORMAT).read::<RunRecord>(Document::Record, &text).unwrap_err();
    assert!(told.to_string().contains("missing field `measure`"), "what this is about: {told}");
}

#[test]
fn a_document_before_formats_that_has_the_later_form_is_left_alone() {
    let run = fixture::run("x-1", "90m");
    let text = serde_json::to_string(&run).unwrap();
    assert_eq!(documents(0).read::<RunRecord>(Document::Record, &text).unwrap(), run);
}

#[test]
fn a_run_of_a_newer_longhaul_is_named_with_what_to_do() {
    let run = "20261121-020000-x-0001".parse().unwrap();
    let told = Documents::new(&run, FORMAT + 1, "").err().unwrap();
    assert!(told.to_string().contains(run.as_str()), "{told}");
    assert!(told.hint().unwrap().starts_with("use the newer longhaul"));
}

#[test]
fn every_format_has_a_recorded_run_among_the_fixtures() {
    for format in 0..=FORMAT {
        let file = kept(format, "db");
        assert!(file.is_file(), "{} is missing: docs/decisions/0009", file.display());
    }
}

/// What is kept of a format.
fn kept(format: u32, kind: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recorded");
    folder.join(format!("format-{format}.{kind}"))
}

/// Every kind of target, fault, limit and capture, as each format first wrote it.
#[test]
fn a_record_with_everything_in_it_stays_readable() {
    for format in 0..=FORMAT {
        let text = std::fs::read_to_string(kept(format, "json")).unwrap();
        let plans: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert!(plans.len() > 1);
        for plan in plans {
            let mut value = serde_json::to_value(fixture::run("x-1", "90m")).unwrap();
            value["experiment"] = plan["experiment"].clone();
            value["faults"] = plan["faults"].clone();
            let text = value.to_string();
            let read: RunRecord = documents(format).read(Document::Record, &text).unwrap();
            assert_eq!(read.faults.len(), plan["faults"].as_array().unwrap().len());
        }
    }
}

#[tokio::test]
async fn one_run_that_cant_be_read_hinders_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    for id in ["20261101-020000-a-0001", "20261102-020000-a-0001", "20261103-020000-a-0001"] {
        store.begin(&fixture::run(id, "90m")).unwrap().close().await.unwrap();
    }
    let [bad, later] = ["20261101-020000-a-0001", "20261102-020000-a-0001"];
    store
        .db()
        .execute(
            "UPDATE runs SET record = '{\"experiment\": {\"name\": \"soak\"}}' WHERE id = ?",
            [bad],
        )
        .unwrap();
    store.db().execute("UPDATE runs SET documents = 99 WHERE id = ?", [later]).unwrap();
    assert_eq!(store.runs().unwrap().len(), 1);
    let listed = store.list().unwrap();
    assert_eq!(listed.len(), 3);
    let of = |id: &str| listed.iter().find(|run| run.id.as_str() == id).unwrap();
    assert_eq!(of(bad).experiment.as_deref(), Some("soak"));
    assert!(of(bad).unreadable.as_deref().is_some_and(|why| why.contains("missing field")));
    assert!(of(later).unreadable.as_deref().is_some_and(|why| why.contains("format 99")));
    assert!(listed.iter().filter(|run| run.unreadable.is_none()).count() == 1);
    let told = store.load(&bad.parse().unwrap()).unwrap_err();
    assert!(told.is_askers() && told.to_string().contains(bad), "{told}");
    assert!(told.hint().unwrap().contains("all other runs"));
}

#[tokio::test]
async fn a_verdict_that_cant_be_read_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let run = fixture::run("20261101-020000-a-0001", "90m");
    store.begin(&run).unwrap().close().await.unwrap();
    let old = r#"{"outcome": "warned", "headline": "past a warn line", "leaks": [{"no": "unit"}]}"#;
    store.db().execute("UPDATE runs SET verdict = ?", [old]).unwrap();
    assert_eq!(store.load(&run.id).unwrap().run.verdict, None);
    let listed = store.list().unwrap().remove(0);
    assert_eq!(listed.headline.as_deref(), Some("past a warn line"), "{listed:?}");
    assert_eq!(
        (listed.outcome, listed.unreadable),
        (Some(crate::record::VerdictOutcome::Warned), None)
    );
}
