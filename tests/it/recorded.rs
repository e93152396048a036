//! Runs that earlier builds recorded stay readable, and one that does not hinders no other.

use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::Value;

use crate::documented::missing;
use crate::program::{Done, Program};

/// Runs that each fixture holds: two quiet ones, the second held against the first, and one with faults.
const RUNS: usize = 3;

fn fixture(format: u32) -> PathBuf {
    let name = format!("tests/fixtures/recorded/format-{format}.db");
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The program with a recorded database as its own.
fn holding(format: u32) -> Program {
    let program = Program::new();
    std::fs::create_dir_all(program.data()).expect("a writable folder");
    std::fs::copy(fixture(format), database(&program)).expect("the fixture");
    program
}

fn database(program: &Program) -> PathBuf {
    program.data().join("longhaul.db")
}

fn change(program: &Program, sql: &str) {
    let db = Connection::open(database(program)).expect("a database");
    assert!(db.execute(sql, []).expect("a change") > 0, "{sql}");
}

/// `runs --json`: every run, newest first.
fn listed(program: &Program) -> Vec<Value> {
    let runs = program.done(["runs", "--json"]).expect(0).document();
    assert_eq!(missing(&runs), Vec::<String>::new());
    runs.as_array().expect("an array").clone()
}

fn id(run: &Value) -> &str {
    run["id"].as_str().expect("an id")
}

/// `report` of a run, into the test's folder.
fn report(program: &Program, run: &str) -> Done {
    let out = program.path("reports");
    program.done(["report", run, "--json", "--out", out.to_str().expect("text")])
}

fn compared(program: &Program) -> Value {
    let words = ["compare", "latest~2", "latest~1", "--json", "--accept", "outcome"];
    let done = program.done(words);
    assert!([Some(0), Some(11)].contains(&done.code), "{done:?}");
    done.document()
}

#[test]
fn runs_of_every_earlier_format_are_read_judged_and_compared() {
    let formats = (0..).take_while(|format| fixture(*format).is_file());
    let mut seen = 0;
    for format in formats {
        let program = holding(format);
        let runs = listed(&program);
        assert_eq!(runs.len(), RUNS, "format {format}");
        for run in &runs {
            assert_eq!(run["unreadable"], Value::Null, "format {format}");
            assert!(run["outcome"].is_string() && run["headline"].is_string(), "{run:#}");
            let shown = program.done(["runs", "show", id(run), "--json"]).expect(0).document();
            let reported = report(&program, id(run));
            assert_eq!(reported.document(), shown);
            assert_eq!(shown["verdict"]["exit_code"].as_i64(), reported.code.map(i64::from));
            assert!(shown["totals"]["scheduled"].as_u64() >= Some(120), "{shown:#}");
            let out = program.path("leaks");
            let out = out.to_str().expect("text");
            let leaks = program.done(["leak", id(run), "--json", "--out", out]).expect(0);
            assert!(leaks.document().is_object(), "{leaks:?}");
        }
        let hurt = report(&program, id(&runs[0])).document();
        assert_eq!(hurt["faults"].as_array().map(Vec::len), Some(3), "{hurt:#}");
        let against = report(&program, id(&runs[1])).document().to_string();
        assert!(against.contains("regression throughput"), "it was held against the first");
        assert!(compared(&program)["a"].is_object(), "format {format}");
        program.done(["trend", "recorded-quiet", "--metric", "throughput"]).expect(0);
        seen += 1;
    }
    assert!(seen > 1, "{seen} formats");
}

#[test]
fn a_verdict_that_cant_be_read_is_judged_again() {
    let program = holding(0);
    let before = listed(&program);
    change(&program, r#"UPDATE runs SET verdict = '{"leaks": [{"gauge": "memory"}]}'"#);
    compared(&program);
    let after = listed(&program);
    for (before, after) in before.iter().zip(&after) {
        assert!(after["outcome"].is_string(), "{after:#}");
        assert_eq!(before["outcome"], after["outcome"]);
    }
    let db = Connection::open(database(&program)).expect("a database");
    let kept: u32 = db
        .query_row("SELECT count(json_extract(verdict, '$.outcome')) FROM runs", [], |r| r.get(0))
        .expect("a count");
    assert_eq!(kept as usize, RUNS, "what was judged again is kept");
}

#[test]
fn a_run_that_cant_be_read_is_named_and_hinders_no_other() {
    let program = holding(0);
    let runs = listed(&program);
    let bad = id(&runs[0]).to_owned();
    change(
        &program,
        &format!(
            "UPDATE runs SET record = json_remove(record, '$.experiment.load') WHERE id = '{bad}'"
        ),
    );
    let told = report(&program, &bad).expect(2).error();
    let text = told["error"].as_str().expect("a text");
    assert!(text.contains(&bad) && text.contains("missing field `load`"), "{text}");
    let hint = told["hint"].as_str().expect("a hint");
    assert!(hint.contains("0.1.0") && hint.contains("all other runs"), "{hint}");

    let after = listed(&program);
    assert!(after[0]["unreadable"].as_str().is_some_and(|why| why.contains("load")), "{after:#?}");
    assert_eq!(after[1..], runs[1..]);
    let plain = program.done(["runs"]).expect(0);
    assert!(plain.stdout.contains("unreadable") && plain.stdout.contains(id(&runs[2])));
    compared(&program);
    assert!(report(&program, id(&runs[2])).document()["totals"].is_object());
}
