//! Whether the bar is met, line by line.

use crate::cost::Cost;
use crate::leak_corpus::Call;
use crate::share::{Share, quantile};
use crate::study::{Outcome, Study};

/// Prints what the verdict must reach on series that nobody has seen, and what it reached.
pub(crate) fn print(study: &Study, cost: Option<&Cost>) {
    println!("\n### The bar\n\n| line | bar | seen | met |\n|---|---|---|---|");
    let alarms: Share = study.some(Outcome::tests_alarms).iter().map(|o| o.alarm(0)).collect();
    let seen = format!("{:.2} % ({} of {})", alarms.percent(), alarms.yes, alarms.of);
    line("false alarms, all, >= 3 h", "<= 1 %", &seen, alarms.of > 0, alarms.percent() <= 1.0);
    let (family, worst) = worst_family(study);
    let seen = format!("{:.1} % ({family}, {} of {})", worst.percent(), worst.yes, worst.of);
    let name = "false alarms, worst family, >= 3 h";
    line(name, "<= 5 %", &seen, worst.of > 0, worst.percent() <= 5.0);
    for (rate, hours, bar) in [(2.0, 6.0, 97.0), (0.5, 24.0, 97.0), (10.0, 6.0, 99.0)] {
        let asked = |o: &Outcome| o.ordinary && o.grows(rate) && o.lasts(hours);
        let found: Share = study.some(asked).iter().map(|o| o.alarm(0)).collect();
        let seen = format!("{:.1} % ({} of {})", found.percent(), found.yes, found.of);
        let name = format!("ordinary leaks of {rate} %/h found at {hours} h");
        line(&name, &format!(">= {bar} %"), &seen, found.of > 0, found.percent() >= bar);
    }
    let grave = study.some(|o| o.grave() && o.hours >= 6.0);
    let stable: Share = grave.iter().map(|o| o.call(0) == Call::Stable).collect();
    let seen = format!("{} of {}", stable.yes, stable.of);
    line("leaks >= 2 %/h called stable, >= 6 h", "0", &seen, stable.of > 0, stable.yes == 0);
    let asked =
        |o: &Outcome| o.ordinary && o.alarm(0) && o.hours >= 6.0 && o.rate * o.hours >= 12.0;
    let errors: Vec<f64> =
        study.some(asked).iter().filter_map(|o| o.slope_error(0)).map(f64::abs).collect();
    let [half, most] = [0.5, 0.9].map(|q| 100.0 * quantile(errors.clone(), q).unwrap_or(0.0));
    let close: Share = errors.iter().map(|e| *e <= 0.15).collect();
    let seen = format!(
        "median {half:.1} % off, 90th percentile {most:.1} %; {:.1} % of {} within",
        close.percent(),
        close.of
    );
    let name = "slope of ordinary leaks found (12 % and more in all)";
    line(name, "median within 15 %", &seen, close.of > 0, half <= 15.0);
    if let Some(cost) = cost {
        let (ms, mib) = (cost.slowest_ms, cost.peak_mib);
        line("a series of 24 h, the slowest", "< 50 ms", &format!("{ms:.1} ms"), true, ms < 50.0);
        line("memory for it", "< 50 MB", &format!("{mib:.1} MiB"), true, mib * 1.048_576 < 50.0);
    }
}

fn line(name: &str, bar: &str, seen: &str, measured: bool, met: bool) {
    let met = match (measured, met) {
        (false, _) => "not measured",
        (true, true) => "yes",
        (true, false) => "**NO**",
    };
    println!("| {name} | {bar} | {} | {met} |", if measured { seen } else { "-" });
}

fn worst_family(study: &Study) -> (&str, Share) {
    let mut worst = ("-", Share::default());
    for family in study.families(Outcome::tests_alarms) {
        let some = study.some(|o| o.family == family && o.tests_alarms());
        let share: Share = some.iter().map(|o| o.alarm(0)).collect();
        if worst.1.of == 0 || share.percent() > worst.1.percent() {
            worst = (family, share);
        }
    }
    worst
}
