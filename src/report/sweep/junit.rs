//! `junit.xml` of a sweep.

use quick_junit::{Report, SerializeError, TestCase, TestSuite};

use super::super::junit::{ended, limit};
use crate::record::SweepVerdict;

/// The file's text.
pub(super) fn text(v: &SweepVerdict) -> Result<String, SerializeError> {
    let mut report = Report::new(v.experiment.as_str());
    let mut suite = |name: &str, cases: Vec<TestCase>| {
        let mut suite = TestSuite::new(name);
        for mut case in cases {
            case.set_classname(format!("{}.{name}", v.experiment));
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    };
    suite("sweep", vec![TestCase::new("verdict", ended(v.outcome, &v.headline, &v.reasons))]);
    suite("limits", v.limits.iter().map(limit).collect());
    report.to_string()
}
