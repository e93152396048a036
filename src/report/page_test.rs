//! What every page must hold, whatever the run.

use super::{Format, fixture, ledger_line, ledger_text, verdict_text, write};
use crate::record::{RunData, Verdict};

fn page((data, verdict): &(RunData, Verdict)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let paths = write(data, verdict, dir.path(), &[Format::Html]).unwrap();
    // For looking at: LONGHAUL_TEST_PAGES=<folder> keeps the pages.
    if let Ok(keep) = std::env::var("LONGHAUL_TEST_PAGES") {
        std::fs::create_dir_all(&keep).unwrap();
        let name = format!("{:?}-{}.html", verdict.outcome, data.slices.len()).to_lowercase();
        std::fs::copy(&paths[0], std::path::Path::new(&keep).join(name)).unwrap();
    }
    std::fs::read_to_string(&paths[0]).unwrap()
}

#[test]
fn a_page_is_whole_without_network_and_script() {
    for run in [fixture::passed(), fixture::failed(), fixture::inconclusive(), fixture::unstarted()]
    {
        let page = page(&run);
        for loads in [
            "src=\"http",
            "href=\"http",
            "url(http",
            "@import",
            "<script src",
            "<link rel=\"stylesheet",
        ] {
            assert!(!page.contains(loads), "{loads}");
        }
        let without = page.split("<script>").next().unwrap();
        for limit in &run.1.limits {
            let text = |t: &str| t.replace('<', "&lt;").replace('>', "&gt;");
            for part in [
                &limit.name,
                &limit.bound,
                &limit.measured,
                limit.margin.as_ref().unwrap_or(&limit.name),
            ] {
                assert!(without.contains(&text(part)), "{part}");
            }
        }
        assert!(without.contains(&run.1.headline), "{}", run.1.headline);
        assert!(!without.contains("NaN") && !without.contains("inf,") && !without.contains(",inf"));
    }
}

#[test]
fn hostile_texts_stay_texts() {
    let run = fixture::hostile();
    let page = page(&run);
    assert!(!page.contains("<script>alert"));
    assert!(page.contains("&lt;script&gt;alert"));
    assert_eq!(page.matches("<script").count(), 1, "only our own");
    let text = verdict_text(&run.1, false) + &ledger_text(&run.1.ledger);
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn every_chart_shades_and_names_every_fault() {
    let run = fixture::passed();
    let page = page(&run);
    let charts: Vec<&str> = page.split("<figure class=\"chart\"").skip(1).collect();
    assert_eq!(charts.len(), 8, "rate, errors, latency, four of memory, CPU");
    for chart in charts {
        let svg = chart.split("</svg>").next().unwrap();
        for id in ["kill-one-api-1", "split-api-store-1"] {
            assert_eq!(
                svg.matches(&format!("> {id}<")).count()
                    + svg.matches(&format!(" {id}</text>")).count(),
                1,
                "{id}"
            );
        }
        assert!(svg.contains("role=\"img\"") && svg.contains("<desc"));
    }
}

#[test]
fn lines_break_where_records_are_missing() {
    let whole = page(&fixture::passed());
    let broken = page(&fixture::inconclusive());
    let starts = |page: &str| {
        let d = page.split("data-name=\"achieved\" d=\"").nth(1).unwrap();
        d.split('"').next().unwrap().matches('M').count()
    };
    assert_eq!((starts(&whole), starts(&broken)), (1, 2));
}

#[test]
fn a_night_fits_into_three_megabytes() {
    let page = page(&fixture::night());
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    assert!(!page.contains("NaN"));
}

#[test]
fn files_are_written_whole_and_only_in_their_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (data, verdict) = fixture::passed();
    let inside = dir.path().join("reports/run");
    let paths = write(&data, &verdict, &inside, &Format::ALL).unwrap();
    let again = write(&data, &verdict, &inside, &Format::ALL).unwrap();
    assert_eq!(paths, again);
    let mut names: Vec<_> = std::fs::read_dir(&inside)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["index.html", "junit.xml", "report.md", "summary.json"]);

    std::fs::write(dir.path().join("file"), "").unwrap();
    let error = write(&data, &verdict, &dir.path().join("file"), &Format::ALL).unwrap_err();
    assert!(error.to_string().starts_with("write the report "), "{error}");
}

#[test]
fn terminal_texts_stay_within_a_hundred_columns() {
    for run in [fixture::passed(), fixture::failed(), fixture::hostile(), fixture::unstarted()] {
        let text = verdict_text(&run.1, false) + &ledger_text(&run.1.ledger);
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}

#[test]
fn terminal_texts_read_well() {
    let (_, verdict) = fixture::passed();
    let text = format!(
        "{}\n{}\n{}\n",
        verdict_text(&verdict, false),
        ledger_text(&verdict.ledger),
        ledger_line(&verdict.ledger[1])
    );
    insta::assert_snapshot!(text);
    let plain = verdict_text(&verdict, true).replace("\x1b[0m", "");
    assert!(plain.contains("\x1b[1;33mWARNED"));
}
