//! `longhaul analyse`: any tool's series, judged; wrong ones named.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::program::Program;

/// A series of `hours`, one reading every ten seconds, with the value in bytes by the hour.
fn series(program: &Program, name: &str, hours: f64, value: impl Fn(f64) -> f64) -> PathBuf {
    let mut text = String::from("anon,t_s,requests,host\n");
    for i in 0..(hours * 360.0) as u64 {
        let unrest = (i * 7919 % 97) as f64 * 2000.0;
        let bytes = value(i as f64 / 360.0) + unrest;
        writeln!(text, "{bytes:.0},{},{},a", i * 10, i * 500).expect("a string grows");
    }
    program.write(name, &text)
}

#[test]
fn each_series_gets_its_line_in_the_order_given() {
    let program = Program::new();
    let leak = series(&program, "leak.csv", 6.0, |h| 100e6 + 3e6 * h);
    let flat = series(&program, "flat.csv", 6.0, |_| 100e6);
    let broken = program.write("broken.csv", "t_s,anon\n0,1\n10,NaN\n");
    let done = program
        .command(["analyse", "--json", "--limit", "256MiB", "--jobs", "2"])
        .args([&leak, &broken, &flat])
        .output()
        .expect("longhaul starts");
    assert_eq!(done.status.code(), Some(3), "one file is wrong");
    let lines: Vec<serde_json::Value> = String::from_utf8_lossy(&done.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["verdict"], "leaking", "{}", lines[0]);
    let slope = lines[0]["slope_bytes_per_hour"].as_f64().expect("a slope");
    assert!((slope / 3e6 - 1.0).abs() < 0.03, "{slope}");
    assert!(lines[0]["slope_low"].as_f64() < Some(slope));
    // 118 MB at the end, 256 MiB the limit, 3 MB an hour.
    let hours = lines[0]["hours_to_limit"]["value"].as_f64().expect("hours");
    assert!((hours - 50.0).abs() < 3.0, "{hours}");
    let each = lines[0]["bytes_per_request"].as_f64().expect("bytes");
    assert!((each - 3e6 / 180_000.0).abs() < 1.0, "{each}");
    assert!(lines[0]["rivals"].as_array().is_some_and(|r| r.len() > 5));
    let error = lines[1]["error"].as_str().expect("an error");
    assert!(error.contains("broken.csv:3: anon is \"NaN\""), "{error}");
    assert_eq!(lines[2]["verdict"], "stable", "{}", lines[2]);
    assert!(lines[2]["hours_to_limit"]["high"].is_null(), "a flat line never gets there");
    assert!(lines[2]["file"].as_str().is_some_and(|f| f.ends_with("flat.csv")));
}

#[test]
fn people_get_the_sentence_the_slope_and_the_rivals() {
    let program = Program::new();
    let leak = series(&program, "leak.csv", 6.0, |h| 100e6 + 3e6 * h);
    let done = program.done(["analyse".as_ref(), leak.as_os_str()]).expect(0);
    for wanted in ["leak.csv: leaking: it grows by", "slope", "per request", "rivals", "saturating"]
    {
        assert!(done.stdout.contains(wanted), "{wanted}: {}", done.stdout);
    }
    let quiet = program.done(["analyse".as_ref(), "-q".as_ref(), leak.as_os_str()]).expect(0);
    assert_eq!(quiet.stdout.lines().count(), 1);
}

#[test]
fn a_leak_fails_a_script_that_asks_for_it() {
    let program = Program::new();
    let leak = series(&program, "leak.csv", 6.0, |h| 100e6 + 3e6 * h);
    let flat = series(&program, "flat.csv", 6.0, |_| 100e6);
    let gate = ["analyse", "-q", "--fail-on-leak"].map(std::ffi::OsStr::new);
    program.done(gate.into_iter().chain([flat.as_os_str()])).expect(0);
    program.done(gate.into_iter().chain([flat.as_os_str(), leak.as_os_str()])).expect(10);
}

#[test]
fn too_little_is_inconclusive_and_not_an_error() {
    let program = Program::new();
    let row = program.write("row.csv", "t_s,anon\n0,1000000\n");
    let done = program.done(["analyse".as_ref(), row.as_os_str()]).expect(0);
    assert!(done.stdout.contains("inconclusive: 1 reading can't show growth"), "{}", done.stdout);
    let mut gap = String::from("t_s,anon\n");
    for i in (0..360).chain(3000..3360) {
        writeln!(gap, "{},{}", i * 10, 100_000_000 + i % 7 * 4096).expect("a string grows");
    }
    let gap = program.write("gap.csv", &gap);
    let done = program.done(["analyse".as_ref(), "--json".as_ref(), gap.as_os_str()]).expect(0);
    let answer: serde_json::Value = serde_json::from_str(&done.stdout).expect("a JSON line");
    assert_ne!(answer["verdict"], "leaking", "{answer}");
}

#[test]
fn wrong_questions_are_usage_errors() {
    let program = Program::new();
    let row = program.write("row.csv", "t_s,anon\n0,1\n");
    for bad in [["--planned", "10"], ["--growth-limit", "10"], ["--limit", "x"], ["--jobs", "0"]] {
        let args = ["analyse", bad[0], bad[1]].map(std::ffi::OsStr::new);
        program.done(args.into_iter().chain([row.as_os_str()])).expect(2);
    }
    program.done(["analyse"]).expect(2);
}
