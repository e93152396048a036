//! `scraped`: highest and mean value of a gauge among the target's own metrics.

use serde_json::{Value, json};

use super::bound::{Bound, Quantity, with_warn};
use super::load::check_window;
use super::reading::{self, Statistic};
use super::scope::{self, Written};
use super::{Limit, Measure, Window, placed};
use crate::experiment::source::{Context, Decode, Definitions, Node, NumberOrSize, Text, form};

form! {
    /// A gauge among the metrics that `sampling.scrape` asks a service for; at least one of `max` and `mean`.
    struct ScrapedForm {
        /// Whose. The service is named in `sampling.scrape`.
        service: Text = Required,
        /// The metric's name, `queue_depth`; with labels, `pool_size{pool="db"}`, only that series, else the worst of all
        /// that have the name.
        metric: Text = Required,
        /// The highest value of any scrape, at most: `1000` or `512MiB`.
        max: NumberOrSize = Optional,
        /// The mean, at most.
        mean: NumberOrSize = Optional,
        /// Warn above this; less than the figure and in its unit; only with one figure.
        warn: NumberOrSize = Optional,
        /// Which part of the run: the whole profile, outside faults, during faults, their recovery, or idle before the load.
        scope: Written = Default("total"),
        /// The mean is judged over every window of this length, the highest counts; default: all together.
        window: Window = Optional,
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct Scraped(pub(super) Vec<Limit>);

impl Decode for Scraped {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ScrapedForm::decode(node, cx)?;
        reading::check_figures(node, &["max", "mean"], cx);
        check_window(form.window.as_ref(), cx);
        // What is wrong with the figures is told also when these are missing.
        let metric = form.metric.map(|metric| metric.value.0);
        let service = reading::service(form.service, cx);
        let place = node.get("service").map_or(node.span, |n| n.span);
        let name = service.clone();
        cx.later(move |known, found| {
            let Some(name) = name else { return };
            let services = known.target.services.as_ref();
            let exists = services.is_none_or(|services| services.contains(&name));
            if exists && !known.scraped.contains(&name) {
                let message = format!("the metrics of `{name}` are not scraped");
                found.add(place, message, "say in `sampling.scrape` where they are");
            }
        });
        let scope = scope::of_readings(form.scope, form.window.as_ref(), cx);
        let measure = |statistic| {
            let service = service.clone().unwrap_or_default();
            let metric = metric.clone().unwrap_or_default();
            Measure::Scraped { statistic, service, metric }
        };
        let figures = [(Statistic::Max, form.max), (Statistic::Mean, form.mean)];
        let figures = figures
            .into_iter()
            .filter_map(|(s, at)| Some((measure(s), Bound::at_most(quantity(at?.value)))))
            .collect();
        let limits = with_warn(figures, placed(form.warn, quantity), cx);
        let limits = reading::limits(limits, &scope, form.window.map(|w| w.value.0));
        (service.is_some() && metric.is_some()).then_some(Self(limits))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = ScrapedForm::schema(defs);
        let any = ["max", "mean"].map(|key| json!({ "required": [key] }));
        defs.constrain("ScrapedForm", "anyOf", any.into_iter().collect());
        schema
    }
}

fn quantity(given: NumberOrSize) -> Quantity {
    match given {
        NumberOrSize::Number(number) => Quantity::Number(number),
        NumberOrSize::Size(size) => Quantity::Bytes(size),
    }
}
