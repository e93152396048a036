//! What is captured and scraped, and from whom.

use std::time::Duration;

use super::fixture::{FULL, broken, read};

#[test]
fn captures_and_scrapes_name_services_and_where_to_ask() {
    let e = read(FULL).unwrap();
    assert_eq!(e.sampling.scrape["api"], "http://api.target:8080/metrics");
    assert_eq!(e.sampling.scrape_interval(), Duration::from_secs(10));
    let api: Vec<String> = e.capture.heap["api"].iter().map(ToString::to_string).collect();
    assert_eq!(api, ["http://api.target:8080/debug/pprof/heap", "dump {{pid}} {{container}}"]);
    assert_eq!(e.capture.heap["db"][0].to_string(), "http://127.0.0.1:8080/heap");
    assert_eq!(e.capture.interval(Duration::from_hours(1)), Duration::from_mins(30));
    let unasked = crate::experiment::CapturePlan::default();
    assert_eq!(unasked.interval(Duration::from_hours(1)), Duration::from_hours(1));
    assert_eq!(unasked.interval(Duration::from_secs(2)), Duration::from_secs(30));
    for (from, to, told) in [
        ("    db: \"{{base}}/heap\"", "    dbx: \"{{base}}/heap\"", "\"dbx\" is not a service"),
        ("    db: \"{{base}}/heap\"", "    db: \"heap\"", "is not an http:// or https:// URL"),
        ("    db: \"{{base}}/heap\"", "    db: {}", "`command` is missing"),
        ("scrape: { api:", "scrape: { ap:", "\"ap\" is not a service"),
        ("api.target:8080/metrics", "api.target/metrics", "needs a port"),
        ("[dump, \"{{pid}}\",", "[dump, \"{{pdi}}\",", "pdi"),
        ("every: 30m", "every: 1s", "out of range"),
    ] {
        let problems = broken(from, to);
        assert!(problems.contains(told), "{to}: {problems}");
    }
}
