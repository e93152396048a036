//! `steps:` the search for the target's limit.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::source::{Context, Decode, Definitions, Lasting, Node, Share, form};
use crate::units::{Percent, Rate, duration_text, optional_duration_text};

/// A rising rate, until the target gives way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    /// The first rate.
    pub from: Rate,
    /// The last one, if all hold.
    pub to: Rate,
    /// From one to the next.
    pub by: Rate,
    /// How long each is held.
    #[serde(with = "duration_text")]
    pub each: Duration,
    /// When one does not hold.
    pub until: Until,
}

/// When a rate does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Until {
    /// More of its arrivals than this did not end well.
    pub error_rate: Percent,
    /// Less than this of it was answered while it lasted.
    pub achieved_rate: Percent,
    /// The 95th percentile of the latency was above this.
    #[serde(with = "optional_duration_text")]
    pub p95: Option<Duration>,
    /// The 99th percentile was.
    #[serde(with = "optional_duration_text")]
    pub p99: Option<Duration>,
}

impl Default for Until {
    fn default() -> Self {
        let (error_rate, achieved_rate) = (Percent::of(5.0), Percent::of(95.0));
        Self { error_rate, achieved_rate, p95: None, p99: None }
    }
}

impl Steps {
    /// How often the gap between the highest rate that held and the lowest that did not is halved.
    pub const HALVINGS: u32 = 2;
    /// Trials to confirm what was found, at most.
    pub const CONFIRMATIONS: u32 = 6;
    /// What is under way at the end of a step has so long to end.
    pub const REST: Duration = Duration::from_secs(10);

    /// How many rates there are.
    pub fn count(&self) -> u32 {
        ((self.to.get() - self.from.get()) / self.by.get() + 1e-9).floor() as u32 + 1
    }

    /// One of them, from 0.
    pub fn rate(&self, n: u32) -> f64 {
        self.from.get() + self.by.get() * f64::from(n)
    }

    /// How many are tried at most, the halvings and confirmations with them.
    pub fn most_levels(&self) -> u32 {
        self.count() + Self::HALVINGS + Self::CONFIRMATIONS
    }

    /// How long it takes at most: between two of them two seconds pass, and longer after those that did not hold.
    pub fn lasts(&self) -> Duration {
        let bad = 1 + Self::HALVINGS + Self::CONFIRMATIONS;
        (self.each + Duration::from_secs(2)) * self.most_levels() + Self::REST * bad
    }
}

form! {
    /// A rising rate, each step held for a while with a second or two of rest after it, until the target gives way. Then
    /// the gap below is halved twice, and the highest rate that held is held twice more: that is the limit. The
    /// last piece of a profile; the load ends when the limit is found.
    struct StepsForm {
        /// The first rate.
        from: Rate = Required,
        /// The last rate, if all hold.
        to: Rate = Required,
        /// From one rate to the next.
        by: Rate = Required,
        /// How long each is held, 2s to 1h, in whole seconds.
        each: Lasting<2_000, 3_600_000> = Required,
        /// When a rate does not hold.
        until: UntilForm = Optional,
    }
}

form! {
    /// When a rate does not hold: when one of these is passed.
    struct UntilForm {
        /// More of its arrivals than this did not end well.
        error_rate: Share = Default("5%"),
        /// Less than this of it was answered while it lasted, its first second left out.
        achieved_rate: Share = Default("95%"),
        /// The 95th percentile of the latency of requests that ended well is above this.
        p95: Lasting<1, 3_600_000> = Optional,
        /// The 99th percentile is.
        p99: Lasting<1, 3_600_000> = Optional,
    }
}

/// More steps than anybody means.
const MOST: f64 = 1000.0;
/// A step has at least so many arrivals, or it shows nothing.
const FEWEST: f64 = 10.0;

impl Decode for Steps {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = StepsForm::decode(node, cx)?;
        let until = form.until.map_or_else(
            || Some(Until::default()),
            |until| {
                Some(Until {
                    error_rate: until.value.error_rate?.value.0,
                    achieved_rate: until.value.achieved_rate?.value.0,
                    p95: until.value.p95.map(|d| d.value.0),
                    p99: until.value.p99.map(|d| d.value.0),
                })
            },
        );
        let (from, to, by, each) = (form.from?, form.to?, form.by?, form.each?);
        let steps = Self {
            from: from.value,
            to: to.value,
            by: by.value,
            each: each.value.0,
            until: until?,
        };
        let mut good = true;
        let mut bad = |span, message: &str, hint: &str| {
            cx.problem_hint(span, message, hint);
            good = false;
        };
        if steps.by.get() <= 0.0 {
            bad(by.span, "the rate would never rise", "give `by` a rate above 0/s");
        } else if steps.to < steps.from {
            bad(to.span, "`to` is below `from`", "the rate rises from `from` to `to`");
        } else if (steps.to.get() - steps.from.get()) / steps.by.get() >= MOST {
            bad(
                by.span,
                "there would be more than 1000 steps",
                "take larger ones: the gap is halved later",
            );
        }
        if steps.each.subsec_nanos() > 0 {
            bad(each.span, "a step takes whole seconds", "write for example 30s");
        } else if steps.from.get() * steps.each.as_secs_f64() < FEWEST {
            let hint = "begin with a higher rate, or hold each for longer";
            bad(from.span, "the first step has fewer than 10 arrivals", hint);
        }
        good.then_some(steps)
    }

    fn schema(defs: &mut Definitions) -> Value {
        StepsForm::schema(defs)
    }
}
