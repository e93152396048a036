//! `junit.xml`: the run for CI servers. A breached limit is a failure; what could not be judged is an error.

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::facts::Facts;
use super::figures::{outcome, recovery, span};
use crate::experiment::{Measure, Quantity, RecoveryClock};
use crate::record::{FaultResult, LimitResult, Recovery, Tier, VerdictOutcome};

/// The file's text.
pub(super) fn text(facts: &Facts<'_>) -> Result<String, SerializeError> {
    let run = &facts.data.run;
    let mut report = Report::new(run.experiment.name.as_str());
    report.set_time(facts.duration());
    let class = run.experiment.name.as_str();
    let mut suite = |name: &str, cases: Vec<TestCase>| {
        let mut suite = TestSuite::new(name);
        for mut case in cases {
            case.set_classname(format!("{class}.{name}"));
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    };
    suite("run", vec![verdict(facts), healing(facts)]);
    suite("limits", facts.verdict.limits.iter().map(limit).collect());
    suite("faults", facts.verdict.faults.iter().map(|f| fault(facts, f)).collect());
    report.to_string()
}

fn bad(kind: NonSuccessKind, message: impl Into<String>) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message.into());
    status
}

fn verdict(facts: &Facts<'_>) -> TestCase {
    let v = facts.verdict;
    let mut case = TestCase::new("verdict", ended(v.outcome, &v.headline, &v.reasons));
    case.set_time(facts.duration());
    case
}

/// How something ended, as a test case's status.
pub(super) fn ended(how: VerdictOutcome, headline: &str, reasons: &[String]) -> TestCaseStatus {
    let words = || format!("{}: {headline}", outcome(how));
    let mut status = match how {
        VerdictOutcome::Passed | VerdictOutcome::Warned => TestCaseStatus::success(),
        VerdictOutcome::Failed => bad(NonSuccessKind::Failure, words()),
        VerdictOutcome::Inconclusive | VerdictOutcome::Aborted | VerdictOutcome::Errored => {
            bad(NonSuccessKind::Error, words())
        }
    };
    if !reasons.is_empty() {
        status.set_description(reasons.join("\n"));
    }
    status
}

fn healing(facts: &Facts<'_>) -> TestCase {
    let stuck: Vec<String> =
        facts.stuck.iter().map(|(f, reason)| format!("{f}: {reason}")).collect();
    let status = if stuck.is_empty() {
        TestCaseStatus::success()
    } else {
        bad(NonSuccessKind::Failure, format!("not healed: {}", stuck.join("; ")))
    };
    TestCase::new("healing", status)
}

pub(super) fn limit(l: &LimitResult) -> TestCase {
    let margin = l.margin.as_deref().map_or_else(String::new, |m| format!(", margin {m}"));
    let note = l.note.as_deref().map_or_else(String::new, |n| format!("; {n}"));
    let words = format!("{} {}: measured {}{margin}{note}", l.name, l.bound, l.measured);
    let status = match l.tier {
        Tier::Pass | Tier::Warn => TestCaseStatus::success(),
        Tier::Unknown => bad(NonSuccessKind::Error, words.as_str()),
        Tier::Fail => bad(NonSuccessKind::Failure, words.as_str()),
    };
    let mut case = TestCase::new(format!("{} {}", l.name, l.bound), status);
    let tier = if l.tier == Tier::Warn { "warning: " } else { "" };
    case.set_system_out(format!("{tier}{words}"));
    case
}

/// Recovery fails only where the experiment bounds it: by `recover_within` or by a `recovery` limit.
fn fault(facts: &Facts<'_>, f: &FaultResult) -> TestCase {
    let bounded = bound(facts, f);
    let words = format!("{}: {}", f.what, recovery(&f.recovery));
    let status = match (&f.recovery, bounded) {
        _ if !f.verified => bad(NonSuccessKind::Error, format!("{}: {}", f.what, f.ending)),
        (Recovery::NoBaseline { .. }, _) => bad(NonSuccessKind::Error, words.as_str()),
        (Recovery::NotRecovered { .. }, Some(_)) => bad(NonSuccessKind::Failure, words.as_str()),
        (Recovery::Recovered { from_end, .. }, Some(bound)) if *from_end > bound => {
            bad(NonSuccessKind::Failure, format!("{words}, allowed {}", span(bound)))
        }
        (Recovery::NotRecovered { .. }, None) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("{words}; the experiment sets no bound"));
            status
        }
        (Recovery::Recovered { .. } | Recovery::Unaffected, _) => TestCaseStatus::success(),
    };
    let mut case = TestCase::new(format!("recovery {}", f.id), status);
    if let Some((from, to)) = f.injected_at.zip(f.healed_at) {
        case.set_time(to.since(from));
    }
    case.set_system_out(words);
    case
}

fn bound(facts: &Facts<'_>, f: &FaultResult) -> Option<std::time::Duration> {
    let run = &facts.data.run;
    let planned = run.faults.iter().find(|p| p.id == f.id)?;
    let limits = run.experiment.limits.iter().filter_map(|l| match (&l.measure, l.bound.limit) {
        (Measure::Recovery { fault, from: RecoveryClock::End }, Quantity::Time(max))
            if fault.as_ref().is_none_or(|n| *n == planned.name) =>
        {
            Some(max)
        }
        _ => None,
    });
    limits.chain(planned.recover_within).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn of((data, verdict): (crate::record::RunData, crate::record::Verdict)) -> String {
        text(&Facts::of(&data, &verdict)).unwrap()
    }

    #[test]
    fn a_passed_run_has_one_case_per_limit_and_fault() {
        insta::assert_snapshot!(of(fixture::passed()));
    }

    #[test]
    fn a_breach_is_a_failure_and_an_unknown_an_error() {
        let failed = of(fixture::failed());
        assert!(
            failed.contains(r#"<failure message="memory api max &lt;= 128MiB: measured 131.2 MiB"#),
            "{failed}"
        );
        assert!(failed.contains(r#"<failure message="not healed: split-api-store-1"#), "{failed}");
        let unknown = of(fixture::inconclusive());
        assert!(unknown.contains(r#"errors="3""#), "{unknown}");
    }
}
