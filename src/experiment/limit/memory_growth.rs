//! `memory_growth` and `memory_back`: how a service's memory ends against how it began.

use serde_json::{Value, json};

use super::bound::{Bound, Quantity, with_warn};
use super::reading;
use super::scope::Scope;
use super::{Limit, Measure, placed};
use crate::experiment::source::{
    Context, Decode, Definitions, Node, Share, ShareOrSize, Text, form,
};
use crate::units::Bytes;

form! {
    /// Growth of a service's mean memory from the first to the last judged ledger row.
    struct MemoryGrowthForm {
        /// Only this service; default: each.
        service: Text = Optional,
        /// At most, 0% to 10000%.
        max: Share<10_000> = Optional,
        /// At most so much for every 1000 requests answered: `10MiB`.
        per_1000_requests: Bytes = Optional,
        /// Warn above this; less than the figure and in its unit; only with one figure.
        warn: ShareOrSize<10_000> = Optional,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct MemoryGrowth(pub(super) Vec<Limit>);

impl Decode for MemoryGrowth {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = MemoryGrowthForm::decode(node, cx)?;
        reading::check_figures(node, &["max", "per_1000_requests"], cx);
        let service = reading::service(form.service, cx);
        let mut figures = Vec::new();
        if let Some(max) = form.max {
            let measure = Measure::MemoryGrowth { service: service.clone() };
            figures.push((measure, Bound::at_most(Quantity::Share(max.value.0))));
        }
        if let Some(max) = form.per_1000_requests {
            let measure = Measure::MemoryPerRequests { service };
            figures.push((measure, Bound::at_most(Quantity::Bytes(max.value))));
        }
        let limits = with_warn(figures, placed(form.warn, quantity), cx);
        Some(Self(reading::limits(limits, &Scope::Total, None)))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = MemoryGrowthForm::schema(defs);
        let any = ["max", "per_1000_requests"].map(|key| json!({ "required": [key] }));
        defs.constrain("MemoryGrowthForm", "anyOf", any.into_iter().collect());
        schema
    }
}

form! {
    /// Whether a service's memory comes back after the load: at the end of the cool-down, against before the load.
    struct MemoryBackForm {
        /// Only this service; default: each.
        service: Text = Optional,
        /// At most so much more than before the load: `10MiB` or `10%`.
        within: ShareOrSize<10_000> = Required,
        /// Warn above this; less than `within` and in its unit.
        warn: ShareOrSize<10_000> = Optional,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct MemoryBack(pub(super) Vec<Limit>);

impl Decode for MemoryBack {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = MemoryBackForm::decode(node, cx)?;
        let service = reading::service(form.service, cx);
        let span = node.span;
        cx.later(move |known, found| {
            if known.noted.cooldown.is_some_and(|cooldown| cooldown.is_zero()) {
                let hint =
                    "give `load.cooldown`, a time without load in which memory can come back";
                found.add(span, "there is no cool-down", hint);
            }
        });
        let bound =
            Bound::at_most(quantity(form.within?.value)).warn(placed(form.warn, quantity), cx);
        let measure = Measure::MemoryBack { service };
        Some(Self(reading::limits(vec![(measure, bound)], &Scope::Total, None)))
    }

    fn schema(defs: &mut Definitions) -> Value {
        MemoryBackForm::schema(defs)
    }
}

fn quantity(given: ShareOrSize<10_000>) -> Quantity {
    match given {
        ShareOrSize::Share(share) => Quantity::Share(share),
        ShareOrSize::Size(size) => Quantity::Bytes(size),
    }
}
