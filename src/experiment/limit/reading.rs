//! What limits on sampled readings have in common.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bound::Bound;
use super::scope::Scope;
use super::{Limit, Measure};
use crate::experiment::source::{Context, Node, Placed, Text};

/// A statistic of readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The highest.
    Max,
    /// The mean.
    Mean,
}

impl Statistic {
    /// As in the experiment file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Mean => "mean",
        }
    }
}

/// A problem without any figure, and for a window whose figure has no use for one.
pub(super) fn check_figures(node: &Node, figures: &[&str], cx: &mut Context) {
    let given: Vec<&str> = figures.iter().copied().filter(|figure| node.has(figure)).collect();
    if given.is_empty() {
        let hint = format!("give one or several of {}", figures.join(", "));
        cx.problem_hint(node.span, "the limit has no figure", hint);
    }
    let Some(window) = node.key("window") else { return };
    match given[..] {
        [] | ["mean" | "pace"] => {}
        [only] => {
            let message = format!("a window makes no sense with `{only}`");
            let hint = "the worst of all windows is that of the whole: leave `window` out";
            cx.problem_hint(window.span, message, hint);
        }
        _ => {
            let hint = "give each figure an entry of its own";
            cx.problem_hint(window.span, "`window` of which figure?", hint);
        }
    }
}

/// The service's name; a problem if the target has none such.
pub(super) fn service(service: Option<Placed<Text>>, cx: &mut Context) -> Option<String> {
    let Placed { value: Text(service), span } = service?;
    let name = service.clone();
    cx.later(move |known, found| known.service(&name, span, found));
    Some(service)
}

/// The limits of an entry.
pub(super) fn limits(
    figures: Vec<(Measure, Bound)>,
    scope: &Scope,
    window: Option<Duration>,
) -> Vec<Limit> {
    let limit = |(measure, bound)| Limit { measure, bound, scope: scope.clone(), window };
    figures.into_iter().map(limit).collect()
}
