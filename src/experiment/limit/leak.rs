//! `leak`: no gauge of a service's instances leaks.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bound::{Bound, Quantity};
use super::{Limit, Measure, reading};
use crate::experiment::source::{Context, Decode, Definitions, Node, Text, form, words};

form! {
    /// Memory, descriptors and threads of each instance, judged for leaks.
    struct LeakForm {
        /// Only this service; default: each.
        service: Text = Optional,
        /// `not_leaking`: no gauge leaks, and a suspected leak warns. `stable`: every gauge is shown to be stable, or
        /// to have levelled off.
        verdict: Accepted = Default("not_leaking"),
    }
}

/// Which leak verdicts hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepted {
    /// All but `leaking`; `suspected` is a warning.
    NotLeaking,
    /// `stable` and `warming`.
    Stable,
}

words! {
    Accepted {
        "not_leaking" => Accepted::NotLeaking,
        "stable" => Accepted::Stable,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct Leak(pub(super) Limit);

impl Decode for Leak {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = LeakForm::decode(node, cx)?;
        let service = reading::service(form.service, cx);
        let measure = Measure::Leak { service, accepted: form.verdict?.value };
        Some(Self(Limit::new(measure, Bound::at_most(Quantity::Count(0)))))
    }

    fn schema(defs: &mut Definitions) -> Value {
        LeakForm::schema(defs)
    }
}
