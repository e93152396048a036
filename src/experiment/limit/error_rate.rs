//! `error_rate` and `success_rate`: what ended badly, and what ended well, among what ended.

use serde_json::Value;

use super::bound::{Bound, Quantity};
use super::load::{LoadEntry, LoadMeasure, check_window, step};
use super::scope::{self, Written};
use super::{Window, placed};
use crate::experiment::source::{Context, Decode, Definitions, Node, Share, Text, form};

form! {
    /// What ended badly among what ended: arrivals, or the requests of a step.
    struct ErrorRateForm {
        /// At most this share, 0% to 100%.
        max: Share = Required,
        /// Warn above this; less than `max`.
        warn: Share = Optional,
        /// Only requests of this step, `scenario/step`; default: arrivals.
        step: Text = Optional,
        /// Which part of the profile: all of it, outside faults, during faults, or their recovery.
        scope: Written = Default("total"),
        /// Judged over every window of this length, the worst counts; default: the whole profile.
        window: Window = Optional,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct ErrorRate(pub(super) LoadEntry);

impl Decode for ErrorRate {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ErrorRateForm::decode(node, cx)?;
        check_window(form.window.as_ref(), cx);
        let scope = scope::of_load(form.scope, form.window.as_ref(), cx);
        let step = step(form.step, cx);
        let warn = placed(form.warn, |w| Quantity::Share(w.0));
        let bound = Bound::at_most(Quantity::Share(form.max?.value.0)).warn(warn, cx);
        Some(Self(LoadEntry::one(LoadMeasure::ErrorRate { step }, bound, scope, form.window)))
    }

    fn schema(defs: &mut Definitions) -> Value {
        ErrorRateForm::schema(defs)
    }
}

form! {
    /// What ended well among what ended: arrivals, or the requests of a step.
    struct SuccessRateForm {
        /// At least this share, 0% to 100%.
        min: Share = Required,
        /// Warn below this; more than `min`.
        warn: Share = Optional,
        /// Only requests of this step, `scenario/step`; default: arrivals.
        step: Text = Optional,
        /// Which part of the profile: all of it, outside faults, during faults, or their recovery.
        scope: Written = Default("total"),
        /// Judged over every window of this length, the worst counts; default: the whole profile.
        window: Window = Optional,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct SuccessRate(pub(super) LoadEntry);

impl Decode for SuccessRate {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = SuccessRateForm::decode(node, cx)?;
        check_window(form.window.as_ref(), cx);
        let scope = scope::of_load(form.scope, form.window.as_ref(), cx);
        let step = step(form.step, cx);
        let warn = placed(form.warn, |w| Quantity::Share(w.0));
        let bound = Bound::at_least(Quantity::Share(form.min?.value.0)).warn(warn, cx);
        Some(Self(LoadEntry::one(LoadMeasure::SuccessRate { step }, bound, scope, form.window)))
    }

    fn schema(defs: &mut Definitions) -> Value {
        SuccessRateForm::schema(defs)
    }
}
