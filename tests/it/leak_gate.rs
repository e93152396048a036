//! The leak verdict held to a small labelled corpus, and the corpus held to its labels. The whole one is
//! `cargo bench --bench leak_verdicts`.

use longhaul::seed::Seed;

use crate::leak_corpus::{
    Call, FAMILIES, Family, GrowthLimit, LeastSquares, Method, Opinion, Order, RivalExplanations,
    Series, TheilSen, Truth, read_folder, write_folder,
};

const SEED: Seed = Seed(8);

/// No leak, over 6 h: each must not be called one.
const CALM: [&str; 22] = [
    "white noise",
    "strong AR noise",
    "spikes",
    "shifts",
    "shrinking",
    "brief warm-up",
    "long warm-up",
    "double warm-up",
    "logarithmic cache",
    "Zipf cache",
    "cache plateau",
    "JVM-like",
    "Go-like",
    "log rotation",
    "arenas",
    "fragments",
    "trimmed once",
    "restarts",
    "kills",
    "pauses",
    "whole MiB",
    "threads",
];
/// No leak, over 24 h: each must be called stable, or the method says nothing at all.
const STABLE: [&str; 4] = ["white noise", "brief warm-up", "Go-like", "5 MiB"];
/// Leaks that must be found: `(family, %/h, hours)`.
const FOUND: [(&str, f64, f64); 10] = [
    ("leak, white noise", 10.0, 6.0),
    ("leak, AR noise", 10.0, 6.0),
    ("leak, spikes", 10.0, 6.0),
    ("leak, brief warm-up", 5.0, 12.0),
    ("leak, Go-like", 5.0, 12.0),
    ("leak, periodic jobs", 2.0, 12.0),
    ("leak, gaps", 2.0, 12.0),
    ("leak, pauses", 2.0, 12.0),
    ("leak, 8 GiB", 2.0, 6.0),
    ("leak, 5 MiB", 0.5, 24.0),
];

fn family(name: &str) -> &'static Family {
    FAMILIES.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("no family {name:?}"))
}

/// What a method gets wrong: one line each.
fn wrong(method: &dyn Method) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut judge =
        |name: &str, rate: f64, hours: f64, right: &dyn Fn(&Series, &Opinion) -> bool| {
            let order = Order { family: family(name), rate, hours, index: 0 };
            let series = order.series(SEED);
            let opinion = method.judge(&series);
            if !right(&series, &opinion) {
                wrong.push(format!("{}: {opinion:?}, true: {:?}", order.name(), series.truth));
            }
        };
    for name in CALM {
        judge(name, 0.0, 6.0, &|_, said| said.call != Call::Leaking);
    }
    for name in STABLE {
        judge(name, 0.0, 24.0, &|_, said| said.call == Call::Stable);
    }
    for (name, rate, hours) in FOUND {
        judge(name, rate, hours, &|series, said| {
            let Truth::Leak { slope } = series.truth else { return false };
            let close = said.estimate.is_some_and(|e| (e.slope / slope - 1.0).abs() < 0.15);
            said.call == Call::Leaking && close
        });
    }
    wrong
}

#[test]
fn the_leak_verdict_is_right_about_the_small_corpus() {
    let wrong = wrong(&RivalExplanations);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Two hours of the demo's api in Docker, with its switches for leaks, read every ten seconds.
#[test]
fn real_series_are_judged_right() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/leak_corpus/real");
    let real = read_folder(&folder).expect("labelled series");
    assert_eq!(real.len(), 6);
    for (file, series) in real {
        let said = RivalExplanations.judge(&series);
        match series.truth {
            Truth::Leak { slope } => {
                let close = said.estimate.is_some_and(|e| (e.slope / slope - 1.0).abs() < 0.15);
                assert!(said.call == Call::Leaking && close, "{file}: {said:?}");
            }
            Truth::NoLeak => assert_ne!(said.call, Call::Leaking, "{file}: {said:?}"),
        }
    }
}

#[test]
fn the_gate_is_red_for_methods_that_are_wrong() {
    struct Always(Call);
    impl Method for Always {
        fn name(&self) -> &'static str {
            "always the same"
        }
        fn judge(&self, _series: &Series) -> Opinion {
            Opinion { call: self.0, estimate: None, reason: String::new() }
        }
    }
    // How often it is wrong where nothing leaks, and where something does.
    let counts = |method: &dyn Method| {
        let wrong = wrong(method);
        let calm = wrong.iter().filter(|line| line.contains("NoLeak")).count();
        (calm, wrong.len() - calm)
    };
    assert_eq!(counts(&Always(Call::Leaking)).0, CALM.len() + STABLE.len());
    assert_eq!(counts(&Always(Call::Inconclusive)), (STABLE.len(), FOUND.len()));
    assert_eq!(counts(&Always(Call::Stable)), (0, FOUND.len()));
    // What people use without longhaul: alarms where nothing leaks, and leaks that are not seen.
    let (alarms, missed) = counts(&GrowthLimit);
    assert!(alarms >= 2 && missed >= 1, "{alarms} and {missed}");
    let (alarms, _) = counts(&LeastSquares);
    assert!(alarms >= 8, "{alarms}");
}

#[test]
fn a_series_is_a_function_of_seed_and_order() {
    for family in &FAMILIES {
        let draw = |seed, index| {
            Order { family, rate: family.rates()[0], hours: 1.0, index }.series(Seed(seed))
        };
        let first = draw(1, 0);
        assert_eq!(first.readings, draw(1, 0).readings, "{}", family.name);
        assert_ne!(first.readings, draw(2, 0).readings, "{}", family.name);
        assert_ne!(first.readings, draw(1, 1).readings, "{}", family.name);
        assert_eq!(first.truth == Truth::NoLeak, family.calm(), "{}", family.name);
        let ordered = first.readings.is_sorted_by(|a, b| a.t_s < b.t_s && a.epoch <= b.epoch);
        assert!(ordered && first.readings.iter().all(|r| r.value > 0.0), "{}", family.name);
    }
}

/// The labels say what the series do: over a day, an ordinary leak of 5 %/h rises by its label and what doesn't
/// leak by little, measured without any of longhaul's code.
#[test]
fn labels_are_true_of_the_series() {
    for family in FAMILIES.iter().filter(|f| f.ordinary || f.calm()) {
        let rate = if family.calm() { 0.0 } else { 5.0 };
        let series = Order { family, rate, hours: 24.0, index: 0 }.series(SEED);
        let Some(seen) = TheilSen.judge(&series).estimate else { panic!("{}", family.name) };
        let level = series.readings[0].value;
        match series.truth {
            Truth::Leak { slope } => {
                let off = seen.slope / slope - 1.0;
                assert!(off.abs() < 0.15, "{}: {seen:?}, true {slope}", family.name);
            }
            Truth::NoLeak => {
                // The slowest warm-up and the steepest ramp rise by less than this an hour.
                let rise = seen.slope / level;
                assert!(rise < 0.02, "{}: {rise} of {level} an hour", family.name);
            }
        }
    }
}

#[test]
fn files_read_back_as_what_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let orders = ["leak, gaps", "kills"].map(|name| {
        let family = family(name);
        Order { family, rate: family.rates()[0], hours: 1.0, index: 3 }
    });
    let named = orders.iter().map(|order| (order.name(), order.series(SEED)));
    assert_eq!(write_folder(folder.path(), named).expect("written"), 2);
    let read = read_folder(folder.path()).expect("read");
    for (order, (file, series)) in orders.iter().zip(&read) {
        let drawn = order.series(SEED);
        assert_eq!(*file, format!("{}.csv", order.name()));
        assert_eq!(series.readings, drawn.readings);
        assert_eq!((series.family.as_str(), series.truth), (order.family.name, drawn.truth));
    }
    let labels = folder.path().join("labels.csv");
    std::fs::write(&labels, "file,family\nx.csv,y\n").expect("a file");
    let error = read_folder(folder.path()).expect_err("labels without labels").to_string();
    assert!(error.contains("labels.csv:2") && error.contains("slope_per_hour"), "{error}");
}
