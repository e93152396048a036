//! A sweep with an open end and a size that was not run, in every form.

use super::*;
use crate::experiment::{Bound, Quantity, Sweep};
use crate::record::{LimitResult, MeasuredRate, RateSource, Tier, VerdictOutcome};
use crate::units::Percent;

fn run(size: u32, rate: Estimate, efficiency: Option<Estimate>) -> SweepRun {
    let note = "the limit is 40/s (confirmed twice); at 42.5/s errors gave way first".to_owned();
    SweepRun {
        size,
        run: Some(format!("20261121-02000{size}-node-scaling-0a1b").parse().unwrap()),
        judged: Some((VerdictOutcome::Passed, 0, "passed: 0 limits held".to_owned())),
        rate: Some(MeasuredRate { rate, source: RateSource::Limit, note }),
        efficiency,
        why_not: None,
    }
}

fn limit(size: u32, tier: Tier, measured: &str, value: Option<f64>) -> LimitResult {
    LimitResult {
        name: format!("efficiency api x {size}"),
        bound: ">= 70%".to_owned(),
        warn: Some(">= 80%".to_owned()),
        measured: measured.to_owned(),
        margin: value.map(|_| "7.5 % outside".to_owned()),
        tier,
        bound_value: 0.7,
        measured_value: value,
        window: None,
        note: None,
    }
}

fn failed() -> SweepVerdict {
    let exactly = Estimate::Exactly;
    let share = |percent| Quantity::Share(Percent::of(percent));
    let not_run = SweepRun {
        run: None,
        judged: None,
        rate: None,
        why_not: Some("it was not run".to_owned()),
        ..run(8, exactly(0.0), None)
    };
    SweepVerdict {
        id: "20261121-020000-node-scaling-sweep-0a1b".parse().unwrap(),
        experiment: "node-scaling".to_owned(),
        started: "2026-11-21T02:00:00Z".parse().unwrap(),
        sweep: Sweep {
            service: "api".to_owned(),
            sizes: vec![1, 2, 4, 8],
            efficiency: Some(Bound::at_least(share(70.0))),
        },
        outcome: VerdictOutcome::Failed,
        exit_code: 10,
        headline: "failed: efficiency api x 2 was 62.5 % (limit >= 70%, 7.5 % outside)".to_owned(),
        reasons: vec!["not run: api x 8".to_owned(), "efficiency <b>was</b> 62.5 %".to_owned()],
        limits: vec![
            limit(2, Tier::Fail, "62.5 %", Some(0.625)),
            limit(4, Tier::Pass, "at least 75 %", Some(0.75)),
            limit(8, Tier::Unknown, "not measured", None),
        ],
        runs: vec![
            run(1, exactly(40.0), Some(exactly(1.0))),
            run(2, exactly(50.0), Some(exactly(0.625))),
            run(4, Estimate::AtLeast(120.0), Some(Estimate::AtLeast(0.75))),
            not_run,
        ],
    }
}

#[test]
fn a_terminal_shows_every_size_and_every_limit() {
    insta::assert_snapshot!(sweep_text(&failed(), false));
}

#[test]
fn tickets_get_the_same() {
    insta::assert_snapshot!(markdown::report(&failed()));
}

#[test]
fn the_page_draws_the_rates_against_the_ideal_and_escapes_what_it_was_told() {
    let page = page::page(&failed());
    for wanted in [
        "<svg class=\"sweep\"",
        "100% (ideal)",
        "70% (limit)",
        "api x 2: 50/s, efficiency 62.5%",
        "api x 4: at least 120/s",
        "instances of api",
        "20261121-020002-node-scaling-0a1b",
        "&lt;b&gt;was",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    assert_eq!(page.matches("<circle class=\"dot").count(), 3, "a dot for each size that was run");
    assert_eq!(page.matches("dot apart").count(), 1, "hollow where it may be more");
}

#[test]
fn ci_servers_see_each_limit() {
    let text = junit::text(&failed()).unwrap();
    assert!(text.contains("failures=\"2\"") && text.contains("errors=\"1\""), "{text}");
    assert!(text.contains("efficiency api x 2 &gt;= 70%"), "{text}");
}

#[test]
fn every_field_is_documented() {
    let page = include_str!("../../../docs/summary.md");
    let mut unknown = Vec::new();
    names(&sweep_summary(&failed()), &mut |name| {
        if !page.contains(&format!("`{name}`")) {
            unknown.push(name.to_owned());
        }
    });
    assert!(unknown.is_empty(), "docs/summary.md lacks {unknown:?}");
}

fn names(value: &Value, tell: &mut impl FnMut(&str)) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                tell(name);
                names(inner, tell);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, tell)),
        _ => {}
    }
}

#[test]
fn files_of_each_format_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let files = write_sweep(&failed(), &dir.path().join("s"), &Format::ALL).unwrap();
    assert!(files.len() == 4 && files.iter().all(|file| file.is_file()), "{files:?}");
}
