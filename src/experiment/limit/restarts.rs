//! `restarts`: starts that were not the first.

use serde_json::Value;

use super::bound::{Bound, Quantity};
use super::load::check_window;
use super::scope::Scope;
use super::{Limit, Measure, Window, placed, reading};
use crate::experiment::source::{Context, Decode, Definitions, Int, Node, Text, form, words};

/// A number of starts.
type Starts = Int<0, 1_000_000>;

form! {
    /// Starts that were not the first.
    struct RestartsForm {
        /// Only this service; default: all together.
        service: Text = Optional,
        /// At most.
        max: Starts = Required,
        /// Warn above this; less than `max`.
        warn: Starts = Optional,
        /// `injected` leaves out the restarts that a fault of the experiment caused.
        unless: Unless = Optional,
        /// Counted in every window of this length, the highest count; default: the whole profile.
        window: Window = Optional,
    }
}

#[derive(Debug)]
struct Unless;

words! {
    Unless {
        "injected" => Unless,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct Restarts(pub(super) Limit);

impl Decode for Restarts {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = RestartsForm::decode(node, cx)?;
        check_window(form.window.as_ref(), cx);
        let service = reading::service(form.service, cx);
        let warn = placed(form.warn, |w| Quantity::Count(w.0));
        let bound = Bound::at_most(Quantity::Count(form.max?.value.0)).warn(warn, cx);
        let measure = Measure::Restarts { service, unless_injected: form.unless.is_some() };
        let window = form.window.map(|w| w.value.0);
        Some(Self(Limit { measure, bound, scope: Scope::Total, window }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        RestartsForm::schema(defs)
    }
}
