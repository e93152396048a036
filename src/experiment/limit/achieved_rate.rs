//! `achieved_rate`: arrivals sent and answered in any way, against the arrivals asked for.

use serde_json::Value;

use super::bound::{Bound, Quantity};
use super::load::{LoadEntry, LoadMeasure, check_window};
use super::scope::{self, Written};
use super::{Window, placed};
use crate::experiment::source::{Context, Decode, Definitions, Node, Share, form};

form! {
    /// Arrivals sent and answered in any way, against the arrivals asked for.
    struct AchievedRateForm {
        /// At least this share, 0% to 100%.
        min: Share = Required,
        /// Warn below this; more than `min`.
        warn: Share = Optional,
        /// Which part of the profile: all of it, outside faults, during faults, or their recovery.
        scope: Written = Default("total"),
        /// Judged over every window of this length, the worst counts; default: the whole profile.
        window: Window = Optional,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct AchievedRate(pub(super) LoadEntry);

impl Decode for AchievedRate {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = AchievedRateForm::decode(node, cx)?;
        check_window(form.window.as_ref(), cx);
        let span = node.span;
        cx.later(move |known, found| known.asks_for_a_rate(span, found));
        let scope = scope::of_load(form.scope, form.window.as_ref(), cx);
        let warn = placed(form.warn, |w| Quantity::Share(w.0));
        let bound = Bound::at_least(Quantity::Share(form.min?.value.0)).warn(warn, cx);
        Some(Self(LoadEntry::one(LoadMeasure::AchievedRate, bound, scope, form.window)))
    }

    fn schema(defs: &mut Definitions) -> Value {
        AchievedRateForm::schema(defs)
    }
}
