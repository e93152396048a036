//! The tables, as Markdown.

use crate::leak_corpus::{Call, HORIZONS, RATES, Truth};
use crate::share::{Share, quantile};
use crate::study::{Outcome, Study};

fn head(title: &str, columns: &[String]) {
    println!("\n### {title}\n");
    println!("| {} |", columns.join(" | "));
    println!("|{}", "---|".repeat(columns.len()));
}

fn row(first: &str, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().collect();
    println!("| {first} | {} |", cells.join(" | "));
}

fn columns<'a>(first: &'a str, rest: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    std::iter::once(first).chain(rest).map(str::to_owned).collect()
}

fn hours() -> Vec<String> {
    HORIZONS.iter().map(|h| format!("{h} h")).collect()
}

/// False alarms of longhaul by family and length, and of every method from 3 h on.
pub(crate) fn false_alarms(study: &Study) {
    let calm = study.families(Outcome::calm);
    if calm.is_empty() {
        return;
    }
    let mut names = columns("no leak in", hours().iter().map(String::as_str));
    names.extend(study.methods.iter().map(|m| format!("{m}, >= 3 h")));
    head("False alarms, %", &names);
    let cells = |family: Option<&str>| {
        let of = move |o: &&Outcome| family.is_none_or(|f| o.family == f) && o.calm();
        let by_length = HORIZONS.iter().map(move |h| {
            let some = study.outcomes.iter().filter(of).filter(|o| o.lasts(*h));
            let undecidable = some.clone().any(|o| !o.decidable) && family.is_some();
            let share: Share = some.map(|o| o.alarm(0)).collect();
            if undecidable { format!("({share})") } else { share.to_string() }
        });
        let by_method = (0..study.methods.len()).map(move |m| {
            let some = study.outcomes.iter().filter(of).filter(|o| o.tests_alarms());
            some.map(|o| o.alarm(m)).collect::<Share>().to_string()
        });
        by_length.chain(by_method).collect::<Vec<_>>()
    };
    for family in calm {
        row(family, cells(Some(family)));
    }
    row("**all**", cells(None));
}

/// What longhaul says of processes that don't leak.
pub(crate) fn verdicts(study: &Study) {
    let calm = study.families(Outcome::calm);
    if calm.is_empty() {
        return;
    }
    let lengths = [6.0, 24.0];
    let mut names = vec!["no leak in".to_owned()];
    for h in lengths {
        names.extend(Call::ALL.iter().map(|c| format!("{c:?}, {h} h").to_lowercase()));
    }
    head("What longhaul says where nothing leaks, %", &names);
    for family in calm {
        let mut cells = Vec::new();
        for h in lengths {
            let some = study.some(|o| o.family == family && o.lasts(h));
            for call in Call::ALL {
                let share: Share = some.iter().map(|o| o.call(0) == call).collect();
                cells.push(share.to_string());
            }
        }
        row(family, cells);
    }
}

fn leak_names(study: &Study) -> Vec<&str> {
    study.families(|o| !o.calm())
}

fn named(study: &Study, family: &str) -> String {
    let ordinary = study.outcomes.iter().any(|o| o.family == family && o.ordinary);
    if ordinary { format!("{family} (ordinary)") } else { family.to_owned() }
}

/// Detection by longhaul, by family, length and rate.
pub(crate) fn detection(study: &Study) {
    let families = leak_names(study);
    if families.is_empty() {
        return;
    }
    let title = format!("Leaks found by longhaul, %, at {RATES:?} %/h");
    head(&title, &columns("family", hours().iter().map(String::as_str)));
    let cells = |of: &dyn Fn(&Outcome) -> bool| {
        HORIZONS.map(|h| {
            let shares = RATES.map(|r| {
                let some = study.some(|o| !o.calm() && of(o) && o.lasts(h) && o.grows(r));
                some.iter().map(|o| o.alarm(0)).collect::<Share>().to_string()
            });
            shares.join(" / ")
        })
    };
    for family in families {
        row(&named(study, family), cells(&|o| o.family == family));
    }
    row("**ordinary**", cells(&|o| o.ordinary));
    row("**others**", cells(&|o| !o.ordinary));
}

/// Detection by every method, where the bar asks for it.
pub(crate) fn detection_beside_rivals(study: &Study) {
    if leak_names(study).is_empty() {
        return;
    }
    head("Leaks found by each method, %", &columns("leaks", study.methods.iter().copied()));
    for (rate, h) in [(2.0, 6.0), (10.0, 6.0), (1.0, 12.0), (0.5, 24.0)] {
        for ordinary in [true, false] {
            let some =
                study.some(|o| !o.calm() && o.ordinary == ordinary && o.lasts(h) && o.grows(rate));
            let share = |m| some.iter().map(|o| o.alarm(m)).collect::<Share>().to_string();
            let what = if ordinary { "ordinary" } else { "others" };
            row(&format!("{what}, {rate} %/h at {h} h"), (0..study.methods.len()).map(share));
        }
    }
}

/// Leaks of 2 %/h and more that longhaul calls stable.
pub(crate) fn called_stable(study: &Study) {
    let families = leak_names(study);
    if families.is_empty() {
        return;
    }
    let title = "Leaks of 2 %/h and more, and faster than is allowed, called stable (of how many)";
    head(title, &columns("family", hours().iter().map(String::as_str)));
    let cells = |family: Option<&str>| {
        HORIZONS.map(|h| {
            let of = |o: &Outcome| family.is_none_or(|f| o.family == f);
            let some = study.some(|o| o.grave() && of(o) && o.lasts(h));
            let share: Share = some.iter().map(|o| o.call(0) == Call::Stable).collect();
            format!("{} ({})", share.yes, share.of)
        })
    };
    for family in families {
        let any = |o: &Outcome| o.family == family && o.grave() && o.call(0) == Call::Stable;
        if study.outcomes.iter().any(any) {
            row(family, cells(Some(family)));
        }
    }
    row("**all**", cells(None));
}

/// How far off the slope is, of leaks called leaking from 6 h on.
pub(crate) fn slopes(study: &Study) {
    let families = leak_names(study);
    if families.is_empty() {
        return;
    }
    let mut names = columns(
        "called leaking, >= 6 h",
        ["n", "median error, %", "90th percentile, %", "bias, %", "truth within the range, %"],
    );
    names.extend(study.methods.iter().skip(1).map(|m| format!("{m}: median error, %")));
    head("Slope", &names);
    let cells = |of: &dyn Fn(&Outcome) -> bool| {
        let some = study.some(|o| !o.calm() && of(o) && o.hours >= 6.0 && o.alarm(0));
        let errors = |m| some.iter().filter_map(|o| o.slope_error(m)).collect::<Vec<_>>();
        let off = |m, q| {
            let absolute = errors(m).into_iter().map(f64::abs).collect();
            quantile(absolute, q).map_or("-".to_owned(), |e| format!("{:.1}", 100.0 * e))
        };
        let bias =
            quantile(errors(0), 0.5).map_or("-".to_owned(), |e| format!("{:+.1}", 100.0 * e));
        let within: Share = some.iter().filter_map(|o| within(o)).collect();
        let ours = [some.len().to_string(), off(0, 0.5), off(0, 0.9), bias, within.to_string()];
        ours.into_iter().chain((1..study.methods.len()).map(|m| off(m, 0.5))).collect::<Vec<_>>()
    };
    for family in families {
        row(&named(study, family), cells(&|o| o.family == family));
    }
    row("**ordinary**", cells(&|o| o.ordinary));
    row("**others**", cells(&|o| !o.ordinary));
}

fn within(outcome: &Outcome) -> Option<bool> {
    let Truth::Leak { slope } = outcome.truth else { return None };
    let estimate = outcome.opinions[0].estimate?;
    Some((estimate.low..=estimate.high).contains(&slope))
}

/// Every false alarm from 3 h on, every leak of 12 % and more in all missed from 6 h on, and every leak called stable.
pub(crate) fn misses(study: &Study) {
    head("Judged wrongly", &columns("series", ["wrong", "said", "true slope", "slope", "reason"]));
    for o in &study.outcomes {
        let wrong = if o.tests_alarms() && o.alarm(0) {
            "false alarm"
        } else if o.grave() && o.hours >= 6.0 && o.call(0) == Call::Stable {
            "leak called stable"
        } else if !o.calm() && o.rate * o.hours >= 12.0 && o.hours >= 6.0 && !o.alarm(0) {
            if o.ordinary { "missed, ordinary" } else { "missed" }
        } else {
            continue;
        };
        let truth = match o.truth {
            Truth::NoLeak => 0.0,
            Truth::Leak { slope } => slope,
        };
        let estimate = o.opinions[0].estimate.map_or("-".to_owned(), |e| {
            format!("{:.3e} ({:.3e} to {:.3e})", e.slope, e.low, e.high)
        });
        let said = format!("{:?}", o.call(0)).to_lowercase();
        let cells = [wrong.to_owned(), said, format!("{truth:.3e}"), estimate];
        row(&o.name, cells.into_iter().chain([o.opinions[0].reason.clone()]));
    }
}

/// Real series, one by one.
pub(crate) fn real(study: &Study) {
    let mut names = columns("series", ["hours", "truth"]);
    names.extend(study.methods.iter().map(|m| (*m).to_owned()));
    head("Real series", &names);
    for o in &study.outcomes {
        let truth = if o.calm() { "no leak" } else { "leak" }.to_owned();
        let calls = (0..study.methods.len()).map(|m| format!("{:?}", o.call(m)).to_lowercase());
        row(&o.name, [format!("{:.2}", o.hours), truth].into_iter().chain(calls));
    }
}
