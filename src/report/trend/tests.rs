//! A trend with a change, one without, and one with too few runs.

use super::*;
use crate::record::{Aspect, Difference, Figure, Metric, VerdictOutcome};

fn point(n: usize, value: f64) -> TrendPoint {
    let commit = if n < 6 { "a1" } else { "b2" };
    TrendPoint {
        run: format!("202611{:02}-020000-checkout-soak-0001", n + 1).parse().unwrap(),
        started: format!("2026-11-{:02}T02:00:00Z", n + 1).parse().unwrap(),
        outcome: Some(VerdictOutcome::Passed),
        tags: [("commit".to_owned(), commit.to_owned())].into(),
        versions: [].into(),
        changed: if n == 6 { vec!["commit b2".to_owned()] } else { Vec::new() },
        value: Some(value),
        unlike: Vec::new(),
    }
}

fn changed() -> Trend {
    let level = |n: usize| (if n < 6 { 12_000.0 } else { 15_500.0 }) + 100.0 * (n * 7 % 5) as f64;
    let mut points: Vec<TrendPoint> = (0..12).map(|n| point(n, level(n))).collect();
    points[3].unlike.push(Difference {
        aspect: Aspect::Load,
        what: "profile".into(),
        a: Some("hold 60/s".into()),
        b: Some("hold 50/s".into()),
    });
    points[8].value = None;
    let change = TrendChange { at: 6, before: 12_200.0, after: 15_700.0, change: 0.287 };
    Trend {
        experiment: "checkout-soak".into(),
        figure: Figure { metric: Metric::P95, of: None },
        points,
        finding: TrendFinding::Changes {
            changes: vec![change],
            expected: Some((15_100.0, 16_300.0)),
        },
    }
}

#[test]
fn a_terminal_shows_the_line_and_names_the_change() {
    let text = trend_text(&changed(), false);
    assert!(text.lines().all(|l| l.chars().count() <= 100), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn few_runs_and_no_change_say_so() {
    let few = Trend {
        points: (0..3).map(|n| point(n, 12_000.0)).collect(),
        finding: TrendFinding::TooFew { runs: 3, needed: 6 },
        ..changed()
    };
    let text = trend_text(&few, false);
    assert!(text.contains("too few runs to look for changes (3, 6 are needed)"), "{text}");
    let level = Trend {
        finding: TrendFinding::Changes { changes: Vec::new(), expected: None },
        ..changed()
    };
    assert!(trend_text(&level, false).contains("no change beyond the noise"));
}

#[test]
fn the_picture_stands_alone_and_in_its_page() {
    let trend = changed();
    let (svg, page) = (picture::alone(&trend), page::page(&trend));
    if let Ok(keep) = std::env::var("LONGHAUL_TEST_PAGES") {
        std::fs::create_dir_all(&keep).unwrap();
        std::fs::write(Path::new(&keep).join("trend.html"), &page).unwrap();
        std::fs::write(Path::new(&keep).join("trend.svg"), &svg).unwrap();
    }
    assert_eq!(svg.matches("<circle").count(), 11, "a dot per run that has the figure");
    assert_eq!(svg.matches("apart").count() - svg.matches(".dot.apart").count(), 1);
    assert_eq!(svg.matches("<line class=\"level\"").count(), 2);
    assert!(svg.contains("xmlns=\"http://www.w3.org/2000/svg\"") && svg.contains("<style>"));
    assert!(page.contains("since 20261107-020000-checkout-soak-0001") && !page.contains("NaN"));
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"));
}

#[test]
fn every_field_is_documented() {
    let page = include_str!("../../../docs/compare.md");
    let document = trend_json(&changed());
    let point = &document["points"][0];
    let change = &document["finding"]["changes"][0];
    for fields in [&document, point, &document["finding"], change] {
        for name in fields.as_object().unwrap().keys() {
            assert!(page.contains(&format!("`{name}`")), "docs/compare.md lacks {name}");
        }
    }
}
