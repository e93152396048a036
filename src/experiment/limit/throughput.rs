//! `throughput`: requests that ended well, per second.

use serde_json::Value;

use super::bound::{Bound, Quantity};
use super::load::{LoadEntry, LoadMeasure, check_window, step};
use super::scope::{self, Written};
use super::{Window, placed};
use crate::experiment::source::{Context, Decode, Definitions, Node, Text, form};
use crate::units::Rate;

form! {
    /// Requests that ended well, per second.
    struct ThroughputForm {
        /// At least so many: `500/s`.
        min: Rate = Required,
        /// Warn below this; more than `min`.
        warn: Rate = Optional,
        /// Only this step, `scenario/step`; default: all together.
        step: Text = Optional,
        /// Which part of the profile: all of it, outside faults, during faults, or their recovery.
        scope: Written = Default("total"),
        /// Judged over every window of this length, the worst counts; default: the whole profile.
        window: Window = Optional,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct Throughput(pub(super) LoadEntry);

impl Decode for Throughput {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ThroughputForm::decode(node, cx)?;
        check_window(form.window.as_ref(), cx);
        let scope = scope::of_load(form.scope, form.window.as_ref(), cx);
        let step = step(form.step, cx);
        let warn = placed(form.warn, Quantity::Rate);
        let bound = Bound::at_least(Quantity::Rate(form.min?.value)).warn(warn, cx);
        Some(Self(LoadEntry::one(LoadMeasure::Throughput { step }, bound, scope, form.window)))
    }

    fn schema(defs: &mut Definitions) -> Value {
        ThroughputForm::schema(defs)
    }
}
