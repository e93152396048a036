//! Digests, likeness and comparisons of synthetic runs.

use std::time::Duration;

use super::super::judge;
use super::super::testing::{Synthetic, secs};
use super::*;
use crate::record::{
    Against, Aspect, Difference, Digest, Figure, Metric, RunData, Subject, Terms, Tier,
    VerdictOutcome,
};

fn steady() -> Synthetic {
    Synthetic::hold(600)
}

fn slower(by: f64) -> Synthetic {
    steady().each(0..600, move |s| s.latency = s.latency.mul_f64(by))
}

fn short(run: &Synthetic) -> Digest {
    digest(&run.build()).unwrap()
}

fn figure(metric: Metric, of: Option<&str>) -> Figure {
    Figure { metric, of: of.map(str::to_owned) }
}

fn against(mut data: RunData, other: Digest, accepted: Vec<Aspect>) -> RunData {
    let terms = Terms { accepted, ..Terms::default() };
    data.run.against = Some(Box::new(Against { name: "nightly".into(), digest: other, terms }));
    data
}

#[test]
fn a_digest_holds_the_undisturbed_windows() {
    let run = steady().fault("kill", 200, 15).each(200..215, |s| {
        (s.counts.ok, s.counts.failed) = (30, 20);
        s.latency = secs(1);
    });
    let digest = short(&run);
    assert_eq!(digest.window, secs(10));
    assert_eq!(digest.clear_s.len(), 60);
    // Fault and tail: the load's timeout is its shortest.
    let disturbed: Vec<usize> = (0..60).filter(|n| digest.clear_s[*n] < 9.5).collect();
    assert_eq!(disturbed.first(), Some(&20), "{:?}", digest.clear_s);
    assert!(disturbed.len() <= 3, "{disturbed:?}");
    let all = digest.values(&figure(Metric::ErrorRate, None));
    assert!(all.iter().flatten().all(|share| *share == 0.0), "{all:?}");
    let p95 = digest.values(&figure(Metric::P95, None));
    assert_eq!(p95[20], None);
    assert!(p95.iter().flatten().all(|us| *us < 12_000.0), "{p95:?}");
    let rate = digest.values(&figure(Metric::Throughput, None));
    assert!(rate.iter().flatten().all(|r| (*r - 50.0).abs() < 1e-9), "{rate:?}");
    let memory = digest.values(&figure(Metric::Memory, Some("api")));
    assert_eq!(memory[0], Some(f64::from(400 << 20)));
}

#[test]
fn a_digest_is_the_same_however_latencies_were_stored() {
    let run = Synthetic::hold(4000).fault("cut", 1234, 40);
    let (fine, rolled) = (digest(&run.build()).unwrap(), digest(&run.build_rolled()).unwrap());
    assert_eq!(fine.window, secs(60));
    assert_eq!(fine.clear_s, rolled.clear_s);
    // Stored by the minute, a minute that is disturbed in part is left out as a whole.
    for (fine, rolled) in fine.load.iter().zip(&rolled.load) {
        let agree = |(f, r): (&Option<u64>, &Option<u64>)| r.is_none() || f == r;
        assert!(fine.p95_us.iter().zip(&rolled.p95_us).all(agree));
    }
}

#[test]
fn runs_without_a_judged_phase_have_no_digest() {
    let mut data = steady().build();
    data.events.clear();
    assert_eq!(digest(&data), Err(NoDigest::NotJudged));
    assert_eq!(digest(&steady().stop_at(5).build()), Err(NoDigest::TooShort));
}

#[test]
fn equal_runs_pass_and_a_slower_one_fails_with_the_step_named() {
    let (a, b) = (short(&steady()), short(&slower(1.4)));
    let same = compare(("a", &a), ("b", &a), &Terms::default());
    assert_eq!(same.tier(), Tier::Pass, "{same:#?}");
    assert!(same.findings.len() >= 8 && same.findings.iter().all(|f| f.change.is_some()));
    let worse = compare(("a", &a), ("b", &b), &Terms::default());
    let failed: Vec<String> = worse.of_tier(Tier::Fail).map(|f| f.figure.to_string()).collect();
    assert!(failed.contains(&"p95".to_owned()), "{failed:?}");
    assert!(failed.iter().any(|f| f.starts_with("mean in ")), "{failed:?}");
    assert!(!failed.iter().any(|f| f.contains("memory")), "{failed:?}");
    assert_eq!(worse, compare(("a", &a), ("b", &b), &Terms::default()));
    let better = compare(("a", &b), ("b", &a), &Terms::default());
    assert!(better.tier() == Tier::Pass && better.findings.iter().any(|f| f.better));
}

#[test]
fn memory_errors_and_throughput_are_compared_too() {
    let a = short(&steady());
    let fails = |run: &Synthetic| -> Vec<Metric> {
        let c = compare(("a", &a), ("b", &short(run)), &Terms::default());
        let mut all: Vec<Metric> = c.of_tier(Tier::Fail).map(|f| f.figure.metric).collect();
        all.dedup();
        all
    };
    assert_eq!(fails(&steady().memory(|_| 320 << 20)), [Metric::Memory]);
    let broken = steady().each(0..600, |s| (s.counts.ok, s.counts.failed) = (48, 2));
    assert_eq!(fails(&broken), [Metric::ErrorRate]);
    let choked = steady().each(0..600, |s| (s.counts.ok, s.counts.not_sent) = (40, 10));
    assert_eq!(fails(&choked), [Metric::Throughput, Metric::ErrorRate]);
}

#[test]
fn unlike_runs_are_refused_with_the_difference_named() {
    let a = short(&steady());
    let why = |change: &dyn Fn(&mut RunData)| -> Vec<Difference> {
        let mut data = steady().build();
        change(&mut data);
        let b = digest(&data).unwrap();
        let c = compare(("a", &a), ("b", &b), &Terms::default());
        assert!(c.findings.is_empty() && c.tier() == Tier::Unknown);
        c.refused
    };
    let one = |change: &dyn Fn(&mut RunData)| {
        let found = why(change);
        assert_eq!(found.len(), 1, "{found:?}");
        let d = &found[0];
        format!(
            "{} {}: {} | {}",
            d.aspect,
            d.what,
            d.a.as_deref().unwrap_or("-"),
            d.b.as_deref().unwrap_or("-")
        )
    };
    let all = [
        one(&|d| d.run.experiment.load.connections = 7),
        one(&|d| d.run.experiment.sampling.interval = Duration::from_millis(200)),
        one(&|d| d.run.provenance.cpu = "64 x Big".into()),
        one(&|d| {
            d.run.provenance.resources.insert("api".into(), "memory 512MiB".into());
        }),
        one(&|d| {
            let second = |s: &Subject| matches!(s, Subject::Instance { ordinal: 2, .. });
            d.series.retain(|s| !second(&s.subject));
        }),
    ];
    assert_eq!(
        all,
        [
            "load connections: 10 | 7",
            "sampling interval: 1s | 200ms",
            "machine cpu: 2 x Synthetic | 64 x Big",
            "resources api: - | memory 512MiB",
            "target api replicas: 2 | 1",
        ]
    );
    let weights = why(&|d| d.run.experiment.load.scenarios[0].weight = 3);
    assert!(weights.iter().all(|d| d.aspect == Aspect::Scenarios), "{weights:?}");
    let rate = digest(&Synthetic::hold(600).rate(60.0).build()).unwrap();
    let c = compare(
        ("a", &a),
        ("b", &rate),
        &Terms { accepted: Aspect::ALL.into(), ..Terms::default() },
    );
    assert_eq!(c.refused[0].what, "profile", "another rate can't be accepted: {c:?}");
}

#[test]
fn accepted_differences_are_compared_and_told() {
    let a = short(&steady());
    let mut data = slower(1.5).build();
    data.run.provenance.cpu = "64 x Big".into();
    let b = digest(&data).unwrap();
    let terms = Terms { accepted: vec![Aspect::Machine], ..Terms::default() };
    let c = compare(("a", &a), ("b", &b), &terms);
    assert!(c.refused.is_empty() && c.accepted.len() == 1 && c.regressed(), "{c:?}");

    let cut = digest_by(&steady().stop_at(300).build(), secs(10)).unwrap();
    assert_eq!(
        compare(("a", &a), ("b", &cut), &Terms::default()).refused[0].aspect,
        Aspect::Length
    );
    let terms = Terms { accepted: vec![Aspect::Length], ..Terms::default() };
    let c = compare(("a", &a), ("b", &cut), &terms);
    assert_eq!(c.tier(), Tier::Pass);
    assert!(c.findings.iter().all(|f| f.windows == (30, 30)), "only what both have: {c:?}");
}

#[test]
fn a_run_in_doubt_is_no_measure() {
    let a = short(&steady());
    let b = Digest { outcome: Some(VerdictOutcome::Inconclusive), ..a.clone() };
    let c = compare(("a", &a), ("b", &b), &Terms::default());
    assert_eq!(c.refused[0].aspect, Aspect::Outcome);
}

#[test]
fn the_spread_between_runs_of_a_version_is_measured_from_five_on() {
    let nth = |n: u64| {
        let by = 1.0 + 0.1 * (n % 2) as f64;
        let mut data = slower(by).build();
        data.run.experiment.tags.insert("commit".into(), "a1".into());
        digest(&data).unwrap()
    };
    let runs: Vec<Digest> = (0..5).map(nth).collect();
    assert_eq!(spread(&runs[..4], &runs[0], &[]), None);
    let spread = spread(&runs, &runs[0], &[]).unwrap();
    let sigma = spread.of(&figure(Metric::P95, None)).unwrap();
    assert!((0.04..0.07).contains(&sigma), "{sigma}");
    let steady = spread.of(&figure(Metric::Memory, Some("api"))).unwrap();
    assert!((steady - 0.01).abs() < 1e-9, "never below a third of what is assumed: {steady}");
}

#[test]
fn a_baseline_is_part_of_the_verdict() {
    let baseline = short(&steady());
    let same = judge(&against(steady().build(), baseline.clone(), Vec::new()));
    assert_eq!((same.outcome, same.exit_code), (VerdictOutcome::Passed, 0), "{:?}", same.reasons);
    assert!(same.limits.iter().any(|l| l.name == "regression p95" && l.tier == Tier::Pass));

    let worse = judge(&against(slower(1.4).build(), baseline.clone(), Vec::new()));
    assert_eq!((worse.outcome, worse.exit_code), (VerdictOutcome::Failed, 16), "{worse:#?}");
    assert!(worse.headline.starts_with("failed: regression mean was +40 %"), "{}", worse.headline);

    let both = slower(1.4)
        .limit("error_rate: { max: 1% }")
        .each(0..600, |s| (s.counts.ok, s.counts.failed) = (40, 10));
    let both = judge(&against(both.build(), baseline.clone(), Vec::new()));
    assert_eq!(both.exit_code, 10, "a breached limit outweighs: {:?}", both.reasons);

    let mut unlike = steady().build();
    unlike.run.experiment.load.connections = 7;
    let unlike = judge(&against(unlike, baseline.clone(), Vec::new()));
    assert_eq!(unlike.exit_code, 11, "{:?}", unlike.reasons);
    assert!(unlike.headline.contains("connections: 10 there, 7 here"), "{}", unlike.headline);

    let unaccepted = judge(&against(steady().stop_at(200).build(), baseline.clone(), Vec::new()));
    assert_eq!(unaccepted.exit_code, 11, "{:?}", unaccepted.reasons);
    let unreached = Synthetic::hold(600).build();
    let unreached = RunData { events: Vec::new(), ..unreached };
    assert_eq!(judge(&against(unreached, baseline, Vec::new())).exit_code, 1);
}

#[test]
fn a_trend_says_where_and_what_changed() {
    let run = |n: u32, by: f64, commit: &str| {
        let mut data = slower(by * (1.0 + 0.004 * f64::from(n * 7 % 5))).build();
        data.run.id = format!("20261121-0200{n:02}-x-0001").parse().unwrap();
        data.run.experiment.tags.insert("commit".into(), commit.into());
        digest(&data).unwrap()
    };
    let p95 = figure(Metric::P95, None);
    let few: Vec<Digest> = (0..5).map(|n| run(n, 1.0, "a1")).collect();
    assert_eq!(
        trend("x", &few, &p95).finding,
        crate::record::TrendFinding::TooFew { runs: 5, needed: 6 }
    );
    let mut runs = few;
    runs.extend((5..10).map(|n| run(n, 1.3, "b2")));
    // Another load in between: shown, not counted.
    let mut other = steady().rate(70.0).build();
    other.run.id = "20261121-020099-x-0001".parse().unwrap();
    runs.insert(3, digest(&other).unwrap());
    let trend = trend("x", &runs, &p95);
    let crate::record::TrendFinding::Changes { changes, expected } = &trend.finding else {
        panic!("{trend:?}")
    };
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0].at, 6);
    assert!((changes[0].change - 0.3).abs() < 0.02);
    assert_eq!(trend.points[6].changed, ["commit b2"]);
    assert!(!trend.points[3].unlike.is_empty());
    let (low, high) = expected.unwrap();
    assert!(low < changes[0].after && changes[0].after < high);
}
