//! Comparisons of every tier, in every format.

use super::*;
use crate::record::{
    Aspect, Change, ComparedRun, Difference, Figure, Finding, Line, LoadDigest, Metric, Tier,
    VerdictOutcome,
};
use crate::units::Percent;

const EVIL: &str = "<script>alert('x')</script>|`\"&\u{1b}[31m";

fn run(name: &str, id: &str, commit: &str) -> ComparedRun {
    ComparedRun {
        name: name.to_owned(),
        run: id.parse().unwrap(),
        experiment: "checkout-soak".to_owned(),
        started: "2026-11-21T02:00:00Z".parse().unwrap(),
        outcome: Some(VerdictOutcome::Passed),
        longhaul: "0.1.0".to_owned(),
        tags: [("commit".to_owned(), commit.to_owned())].into(),
        versions: [("api".to_owned(), format!("sha256:{commit}"))].into(),
    }
}

fn finding(metric: Metric, of: Option<&str>, tier: Tier, change: Option<Change>) -> Finding {
    Finding {
        figure: Figure { metric, of: of.map(str::to_owned) },
        tier,
        better: tier == Tier::Pass && change.is_some_and(|c| c.change < -0.2),
        change,
        line: Line { warn: Percent::of(10.0), fail: Percent::of(20.0) },
        windows: (72, 72),
        sigma: 0.03,
        note: change
            .is_none()
            .then(|| "3 and 72 undisturbed windows have this figure; 12 are needed".into()),
    }
}

fn change(a: f64, b: f64) -> Change {
    let change = b / a - 1.0;
    Change { a, b, change, low: change - 0.06, high: change + 0.07 }
}

fn regressed() -> Comparison {
    let share = Change { a: 0.0, b: 0.0021, change: 0.0021, low: -0.001, high: 0.004 };
    let line = Line { warn: Percent::of(0.5), fail: Percent::of(1.0) };
    Comparison {
        a: run("nightly", "20261120-020000-checkout-soak-0001", "a1"),
        b: run("20261121-020000-checkout-soak-0002", "20261121-020000-checkout-soak-0002", "b2"),
        refused: Vec::new(),
        accepted: vec![Difference {
            aspect: Aspect::Machine,
            what: "cpu".into(),
            a: Some("2 x Small".into()),
            b: Some("4 x Big".into()),
        }],
        spread_runs: Some(7),
        findings: vec![
            finding(Metric::Mean, None, Tier::Warn, Some(change(9_000.0, 10_300.0))),
            finding(Metric::P95, None, Tier::Fail, Some(change(24_000.0, 31_500.0))),
            finding(Metric::P95, Some("buy/order"), Tier::Fail, Some(change(40_000.0, 52_000.0))),
            finding(Metric::Throughput, None, Tier::Pass, Some(change(50.0, 49.9))),
            Finding { line, ..finding(Metric::ErrorRate, None, Tier::Pass, Some(share)) },
            finding(Metric::Memory, Some("api"), Tier::Pass, Some(change(4e8, 2.9e8))),
            finding(Metric::Memory, Some("store"), Tier::Unknown, None),
        ],
    }
}

fn refused() -> Comparison {
    let difference = |aspect, what: &str, a: &str, b: &str| Difference {
        aspect,
        what: what.to_owned(),
        a: Some(a.to_owned()),
        b: Some(b.to_owned()),
    };
    Comparison {
        refused: vec![
            difference(Aspect::Faults, "kill", "every 1h", "every 2h"),
            difference(Aspect::Machine, "cpu", "2 x Small", "4 x Big"),
        ],
        accepted: Vec::new(),
        findings: Vec::new(),
        spread_runs: None,
        ..regressed()
    }
}

fn digest(slower: f64) -> Digest {
    let n = 30;
    let us = |k: usize| (k != 9).then_some((24_000.0 + 100.0 * (k % 7) as f64) * slower);
    Digest {
        run: "20261121-020000-checkout-soak-0002".parse().unwrap(),
        experiment: "checkout-soak".into(),
        started: "2026-11-21T02:00:00Z".parse().unwrap(),
        outcome: None,
        longhaul: "0.1.0".into(),
        tags: [].into(),
        versions: [].into(),
        conditions: [].into(),
        window: std::time::Duration::from_mins(20),
        clear_s: vec![1200.0; n],
        load: vec![LoadDigest {
            step: None,
            ended: vec![60_000; n],
            errors: vec![0; n],
            mean_us: (0..n).map(us).collect(),
            p50_us: vec![None; n],
            p95_us: (0..n).map(|k| us(k).map(|v| v as u64)).collect(),
            p99_us: vec![None; n],
        }],
        services: Vec::new(),
    }
}

#[test]
fn a_terminal_says_what_regressed_and_how_to_compare_unlike_runs() {
    let texts = comparison_text(&regressed(), false) + "\n" + &comparison_text(&refused(), false);
    assert!(texts.lines().all(|l| l.chars().count() <= 100), "{texts}");
    insta::assert_snapshot!(texts);
}

#[test]
fn markdown_reads_well() {
    insta::assert_snapshot!(markdown::report(&regressed()));
}

#[test]
fn a_run_in_doubt_is_not_called_unlike() {
    let mut c = refused();
    c.refused.truncate(1);
    c.refused[0].aspect = Aspect::Outcome;
    let text = comparison_text(&c, false);
    assert!(text.starts_with("not compared: a run's figures carry no verdict"), "{text}");
}

#[test]
fn there_is_no_way_around_another_load() {
    let load = Difference {
        aspect: Aspect::Load,
        what: "profile".into(),
        a: Some("hold 50/s".into()),
        b: Some("hold 60/s".into()),
    };
    let c = Comparison { refused: vec![load], ..refused() };
    let text = comparison_text(&c, false);
    assert!(text.contains("load profile: hold 50/s in a, hold 60/s in b"), "{text}");
    assert!(text.contains("can't be accepted") && !text.contains("--accept"), "{text}");
}

#[test]
fn the_page_pairs_both_runs_and_needs_nothing_else() {
    let page = page::page(&regressed(), &digest(1.0), &digest(1.3));
    if let Ok(keep) = std::env::var("LONGHAUL_TEST_PAGES") {
        std::fs::create_dir_all(&keep).unwrap();
        std::fs::write(Path::new(&keep).join("compare.html"), &page).unwrap();
    }
    for loads in ["src=\"http", "href=\"http", "@import", "<script src"] {
        assert!(!page.contains(loads), "{loads}");
    }
    let charts: Vec<&str> = page.split("<figure class=\"chart\"").skip(1).collect();
    assert_eq!(charts.len(), 6, "one for every figure that was compared");
    let first = charts[0].split("</svg>").next().unwrap();
    assert!(first.contains("p95 of all steps"), "the worst come first");
    assert!(first.contains("data-name=\"a\"") && first.contains("data-name=\"b\""));
    assert!(!first.contains("utc"), "the time axis stands for two runs");
    assert!(!page.contains("NaN"));
    let refused = page::page(&refused(), &digest(1.0), &digest(1.0));
    assert!(!refused.contains("<figure") && refused.contains("kill: every 1h in a"));
}

#[test]
fn hostile_texts_stay_texts() {
    let mut c = regressed();
    c.b.experiment = EVIL.to_owned();
    c.b.tags.insert(EVIL.to_owned(), EVIL.to_owned());
    c.findings[1].figure.of = Some(EVIL.to_owned());
    c.accepted[0].a = Some(EVIL.to_owned());
    let page = page::page(&c, &digest(1.0), &digest(1.0));
    assert!(!page.contains("<script>alert") && page.contains("&lt;script&gt;alert"));
    assert!(!comparison_text(&c, false).contains('\u{1b}'));
    assert!(!markdown::report(&c).contains("<script"));
}

/// Every field's name stands in the document that describes them, as a word in code type.
#[test]
fn every_field_is_documented() {
    fn names(value: &Value, tell: &mut impl FnMut(&str)) {
        match value {
            Value::Object(fields) => {
                for (name, inner) in fields {
                    tell(name);
                    // Tags and versions are keyed by names of the user's.
                    if name != "tags" && name != "versions" {
                        names(inner, tell);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|i| names(i, tell)),
            _ => {}
        }
    }
    let page = include_str!("../../../docs/compare.md");
    let mut unknown = Vec::new();
    names(&comparison_json(&regressed()), &mut |name| {
        if !page.contains(&format!("`{name}`")) {
            unknown.push(name.to_owned());
        }
    });
    assert!(unknown.is_empty(), "docs/compare.md lacks {unknown:?}");
}
