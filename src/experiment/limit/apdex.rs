//! `apdex`: satisfied requests, and half of the tolerated ones, among all.

use serde_json::Value;

use super::bound::{Bound, Quantity};
use super::latency::Latency;
use super::load::{LoadEntry, LoadMeasure, check_window, step};
use super::scope::{self, Written};
use super::{Window, placed};
use crate::experiment::source::{Context, Decode, Definitions, Node, Real, Text, form};

/// A score: 0 to 1.
type Score = Real<0, 1>;

form! {
    /// Satisfied requests, and half of the tolerated ones, among all: 0 to 1.
    struct ApdexForm {
        /// Satisfied up to here, tolerated up to four times as long; a request that ends badly is neither.
        target: Latency = Required,
        /// At least this score, 0 to 1.
        min: Score = Required,
        /// Warn below this; more than `min`.
        warn: Score = Optional,
        /// Only this step, `scenario/step`; default: all.
        step: Text = Optional,
        /// Which part of the profile: all of it, outside faults, during faults, or their recovery.
        scope: Written = Default("total"),
        /// Judged over every window of this length, the worst counts; default: the whole profile.
        window: Window = Optional,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct Apdex(pub(super) LoadEntry);

impl Decode for Apdex {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ApdexForm::decode(node, cx)?;
        check_window(form.window.as_ref(), cx);
        let scope = scope::of_load(form.scope, form.window.as_ref(), cx);
        let step = step(form.step, cx);
        let warn = placed(form.warn, |w| Quantity::Number(w.0));
        let target = form.target?.value.0;
        let bound = Bound::at_least(Quantity::Number(form.min?.value.0)).warn(warn, cx);
        Some(Self(LoadEntry::one(LoadMeasure::Apdex { target, step }, bound, scope, form.window)))
    }

    fn schema(defs: &mut Definitions) -> Value {
        ApdexForm::schema(defs)
    }
}
