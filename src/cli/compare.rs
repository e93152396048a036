//! `longhaul compare A B`

use super::args::{Common, CompareArgs};
use super::comparing::{named, same_windows, terms};
use super::exit::Exit;
use super::print_json;
use crate::record::Comparison;
use crate::report::{comparison_json, comparison_text, write_comparison};
use crate::store::{Baselines, Store};
use crate::verdict;

/// Compares two runs; never needs the target.
pub(super) fn compare(args: &CompareArgs, common: &Common) -> anyhow::Result<Exit> {
    let store = Store::open(&common.data)?;
    let baselines = Baselines::of(&args.comparing.baselines);
    let mut a = named(&args.a, &store, &baselines)?;
    let mut b = named(&args.b, &store, &baselines)?;
    same_windows(&store, &mut a, &mut b)?;
    let terms = terms(&args.comparing, &store, &a.digest, Some(&b.digest.run), common)?;
    let comparison = verdict::compare((&a.name, &a.digest), (&b.name, &b.digest), &terms);
    if common.json {
        print_json(&comparison_json(&comparison))?;
    } else {
        say!("{}", comparison_text(&comparison, super::colors::color(common, &std::io::stdout())));
    }
    if let Some(dir) = &args.out {
        for file in write_comparison(&comparison, &a.digest, &b.digest, dir)? {
            if !common.json {
                say!("written: {}", file.display());
            }
        }
    }
    Ok(exit(&comparison, args.fail_on_regression))
}

/// Nothing compared is no pass; a regression is an error only where that was asked for.
fn exit(comparison: &Comparison, fail: bool) -> Exit {
    if !comparison.compared() {
        Exit::Verdict(11)
    } else if fail && comparison.regressed() {
        Exit::Regression
    } else {
        Exit::Pass
    }
}
