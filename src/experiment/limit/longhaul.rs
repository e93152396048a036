//! `longhaul`: what longhaul itself uses more, per hour.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bound::{Bound, Quantity};
use super::{Limit, Measure, reading};
use crate::experiment::source::{Context, Decode, Definitions, Int, Node, form};
use crate::units::Bytes;

form! {
    /// What longhaul itself uses more, per hour of the profile; at least one of its figures.
    struct LonghaulForm {
        /// Growth of its memory, at most so much an hour: `1MiB`.
        memory_per_hour: Bytes = Optional,
        /// Growth of its open descriptors, at most so many an hour.
        descriptors_per_hour: Int<0, 1_000_000> = Optional,
    }
}

/// What of longhaul itself is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnFigure {
    /// Anonymous memory.
    Memory,
    /// Open descriptors.
    Descriptors,
}

impl OwnFigure {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Descriptors => "descriptors",
        }
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct Longhaul(pub(super) Vec<Limit>);

impl Decode for Longhaul {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = LonghaulForm::decode(node, cx)?;
        reading::check_figures(node, &["memory_per_hour", "descriptors_per_hour"], cx);
        let figures = [
            (OwnFigure::Memory, form.memory_per_hour.map(|at| Quantity::Bytes(at.value))),
            (
                OwnFigure::Descriptors,
                form.descriptors_per_hour.map(|at| Quantity::Count(at.value.0)),
            ),
        ];
        let limit = |(figure, most): (OwnFigure, Option<Quantity>)| {
            Some(Limit::new(Measure::Longhaul { figure }, Bound::at_most(most?)))
        };
        Some(Self(figures.into_iter().filter_map(limit).collect()))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = LonghaulForm::schema(defs);
        let any =
            ["memory_per_hour", "descriptors_per_hour"].map(|key| json!({ "required": [key] }));
        defs.constrain("LonghaulForm", "anyOf", any.into_iter().collect());
        schema
    }
}
