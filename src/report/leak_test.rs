//! The investigation's pages, on a synthetic run in which api#1 leaks.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::{fixture, html, leak_document, leak_markdown, leak_series, leak_text, leaks};
use crate::clock::Offset;
use crate::record::{
    CaptureMoment, Captured, ChangePoint, Clue, Descriptors, Disk, Evidence, Gauge, HeapProfile,
    HeapSite, HeapSites, HoursToLimit, InstanceClues, LeakFinding, LeakResult, LeakVerdict,
    LogExcerpt, Mappings, Pattern, ProfileBody, ProfileStatus, Range, Rival, RunData, Standing,
    Subject, Threads, Verdict, Victim,
};

const MIB: u64 = 1 << 20;

fn api() -> Victim {
    Victim { service: "api".to_owned(), ordinal: 1 }
}

fn profile(at: Offset, bytes: u64) -> HeapProfile {
    let site = |name: &str, bytes| HeapSite {
        frames: vec![name.to_owned(), "main.serve".to_owned()],
        bytes,
        objects: None,
    };
    let sites = HeapSites {
        top: vec![site("main.remember", bytes), site("main.pool", MIB)],
        ..HeapSites::default()
    };
    HeapProfile {
        source: "http://api.target:8080/<heap>".to_owned(),
        from: at,
        to: at,
        status: Some(ProfileStatus::Http(200)),
        body: Captured::Captured(ProfileBody {
            file: "heap/api-1-1.pb.gz".to_owned(),
            size: 4096,
            sha256: "ab".repeat(32),
            content_type: None,
            sites: Captured::Captured(sites),
        }),
    }
}

fn look(at: Offset, anon: u64) -> Evidence {
    let stat: BTreeMap<String, u64> = [("anon".to_owned(), anon)].into();
    Evidence {
        moment: CaptureMoment::Interval,
        from: at,
        to: at,
        instance: api(),
        restarts: 0,
        memory_stat: Captured::Captured(stat),
        mappings: Captured::Captured(Mappings::default()),
        descriptors: Captured::Captured(Descriptors::default()),
        sockets: Captured::NotCaptured("the engine is remote".to_owned()),
        threads: Captured::Captured(Threads::default()),
        disk: Captured::Captured(Disk::default()),
        container: None,
        heap: vec![profile(at, anon / 2)],
    }
}

fn leaking() -> (RunData, Verdict) {
    let (mut data, mut verdict) = fixture::passed();
    let subject = Subject::Instance { service: "api".to_owned(), ordinal: 1 };
    let series = data.series.iter().find(|s| s.subject == subject).expect("the fixture has api#1");
    let (first, last) = (series.points[0].0, series.points[series.points.len() - 1].0);
    let rival = |shape: &str, delta_bic, standing| Rival {
        shape: shape.to_owned(),
        parameters: String::new(),
        delta_bic,
        slope: Range { value: 7.2 * MIB as f64, low: 6.9 * MIB as f64, high: 7.5 * MIB as f64 },
        standing,
        why: "of <all>".to_owned(),
    };
    let finding = LeakFinding {
        unit: crate::record::GaugeUnit::Bytes,
        verdict: LeakVerdict::Leaking,
        reason: "by every explanation that fits it grows".to_owned(),
        hours_needed: None,
        slope: Some(Range {
            value: 7.2 * MIB as f64,
            low: 6.9 * MIB as f64,
            high: 7.5 * MIB as f64,
        }),
        per_request: Some(94.0),
        to_limit: Some(HoursToLimit { value: Some(8.5), low: Some(8.0), high: None }),
        change_point: Some(ChangePoint { at: data.events[1].at, gain: 9.0 }),
        shape: Some("linear".to_owned()),
        rivals: vec![rival("linear", 0.0, Standing::Best), rival("constant", 80.0, Standing::Lost)],
        would_change: "levelling off".to_owned(),
        basis: crate::record::Basis::default(),
        curves: crate::record::LeakCurves {
            envelope: vec![(first, 20.0 * MIB as f64), (last, 27.0 * MIB as f64)],
            best: vec![20.0 * MIB as f64, 27.0 * MIB as f64],
            ..Default::default()
        },
    };
    verdict.leaks = vec![LeakResult { instance: api(), gauge: Gauge::Memory, finding }];
    verdict.clues = vec![InstanceClues {
        instance: api(),
        clues: vec![Clue {
            pattern: Pattern::Heap,
            harmful: true,
            sentence: "memory grows on the heap proper".to_owned(),
            figures: vec!["heap: 5.0 MiB to 12.0 MiB".to_owned()],
            next: vec!["compare two heap profiles".to_owned()],
        }],
    }];
    data.evidence = vec![look(first, 20 * MIB), look(last, 27 * MIB)];
    (data, verdict)
}

#[test]
fn the_page_says_what_leaks_how_fast_and_where_to_look() {
    let (data, verdict) = leaking();
    let page = html::leak_page(&Facts::of(&data, &verdict), None);
    for text in [
        "Leaking: memory of api#1 by 7.2 MiB/h (6.9 MiB to 7.5 MiB), at its limit in 8h 30m (8h 00m to never)",
        "memory grows on the heap proper",
        "94 B",
        "main.remember",
        "+3.5 MiB",
        "+7.0 MiB",
        "sockets: not captured, because the engine is remote",
        "api.target:8080/&lt;heap&gt;",
        "of &lt;all&gt;",
        "levelling off",
    ] {
        assert!(page.contains(text), "{text} is not in the page");
    }
    assert!(!page.contains("main.pool"), "what did not grow is not shown as growing");
    let run = html::page(&Facts::of(&data, &verdict));
    assert!(run.contains("id=\"leak-api-1\""), "a run's page shows what needs a look");
}

#[test]
fn text_and_json_say_the_same() {
    let (data, verdict) = leaking();
    insta::assert_snapshot!(leak_markdown::investigation(&Facts::of(&data, &verdict), Some("api")));
    let text = leak_text(&data, &verdict, None);
    assert!(
        text.starts_with("Leaking: memory of api#1") && text.contains("compare two heap profiles"),
        "{text}"
    );
    let json = leak_document(&data, &verdict, Some("api"), &[]);
    assert_eq!(json["instances"][0]["gauges"][0]["finding"]["verdict"], "leaking");
    assert_eq!(
        leak_document(&data, &verdict, Some("store"), &[])["instances"],
        serde_json::json!([])
    );
}

#[test]
fn what_happened_and_what_was_printed_stands_beside_a_change() {
    let (data, verdict) = leaking();
    let around = verdict.leaks[0].finding.change_point.unwrap().at;
    let lines = |lines| LogExcerpt { instance: api(), around, lines };
    let printed = [lines(Captured::Captured(vec!["02:00 <cache> reloaded".to_owned()]))];
    let facts = Facts::of(&data, &verdict).with_logs(&printed);
    let page = html::leak_page(&facts, None);
    assert!(page.contains("02:00 &lt;cache&gt; reloaded"), "escaped and shown");
    assert!(page.contains("nearest event: "), "the change has a neighbour");
    let text = leak_markdown::investigation(&facts, None);
    assert!(text.contains("\n    02:00 <cache> reloaded\n") && text.contains("nearest event"));
    let json = leak_document(&data, &verdict, None, &printed);
    assert!(json["instances"][0]["gauges"][0]["nearest_event"]["text"].is_string());
    assert_eq!(json["instances"][0]["log"][0]["lines"]["captured"][0], "02:00 <cache> reloaded");
    let unread = [lines(Captured::NotCaptured("the file is damaged".to_owned()))];
    let page = html::leak_page(&Facts::of(&data, &verdict).with_logs(&unread), None);
    assert!(page.contains("not captured, because the file is damaged"));
}

#[test]
fn the_series_can_be_judged_by_anything() {
    let (data, verdict) = leaking();
    let facts = Facts::of(&data, &verdict);
    let cases = leaks::Case::all(&facts, None);
    let csv = leak_series::csv(&facts, &cases[0]);
    let rows: Vec<Vec<&str>> = csv.lines().map(|l| l.split(',').collect()).collect();
    assert_eq!(rows[0], ["t_s", "anon", "epoch", "fault", "requests", "fds", "threads"]);
    assert!(rows.len() > 100 && rows.iter().all(|r| r.len() == 7));
    let column = |i: usize| rows[1..].iter().map(move |r| r[i].parse::<f64>().expect("a number"));
    assert!(
        column(0).is_sorted_by(|a, b| a < b) && column(4).is_sorted(),
        "time and requests grow"
    );
    assert!(column(3).any(|f| f > 0.5) && column(3).any(|f| f < 0.5), "faults are marked");
}
