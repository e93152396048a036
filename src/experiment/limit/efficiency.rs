//! `efficiency`: what each size of a sweep carries, against as many times what one instance alone carries.

use serde_json::Value;

use super::bound::{Bound, Quantity};
use super::placed;
use crate::experiment::Segment;
use crate::experiment::source::{Context, Decode, Definitions, Node, Share, form};

form! {
    /// What each size of the sweep carries, against as many times what one instance alone carries: `rate_n / (n x rate_1)`.
    struct EfficiencyForm {
        /// At least this share, 0% to 100%, at every size but 1.
        min: Share = Required,
        /// Warn below this; more than `min`.
        warn: Share = Optional,
    }
}

/// An entry: no limit of a run, but of the sweep that the run is a part of.
#[derive(Debug)]
pub(super) struct Efficiency(pub(super) Bound);

impl Decode for Efficiency {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = EfficiencyForm::decode(node, cx)?;
        let span = node.span;
        if std::mem::replace(&mut cx.noted.efficiency, true) {
            cx.problem_hint(span, "a second `efficiency`", "a sweep has one, for all its sizes");
        }
        cx.later(move |known, found| {
            if !known.sweeps {
                let hint = "say with `sweep` which sizes to run";
                found.add(span, "`efficiency` is a limit on a sweep, and there is none", hint);
            }
        });
        let offered = |profile: &Vec<Segment>| profile.iter().all(Segment::is_fixed);
        if cx.noted.profile.as_ref().is_some_and(offered) {
            let message = "the profile offers its rate whatever the size: of a size that carries it all, it is not known \
                           what it could carry, and `efficiency` may stay inconclusive";
            let hint = "end the profile with `steps`, which finds the limit of each size";
            cx.warned.add(span, message, hint);
        }
        let warn = placed(form.warn, |w| Quantity::Share(w.0));
        Some(Self(Bound::at_least(Quantity::Share(form.min?.value.0)).warn(warn, cx)))
    }

    fn schema(defs: &mut Definitions) -> Value {
        EfficiencyForm::schema(defs)
    }
}
