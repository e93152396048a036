//! What a measured value is held against.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::experiment::source::{Context, Placed};
use crate::units::{self, Bytes, Percent, Rate, duration_text};

/// A limit, and its stricter `warn` tier. Exactly at either is inside.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// Which side of it is good.
    pub side: BoundSide,
    /// Past it the limit is breached.
    pub limit: Quantity,
    /// Past it there is a warning. Of the same kind as `limit`.
    pub warn: Option<Quantity>,
}

/// Which side of a bound is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundSide {
    /// As much or more.
    AtLeast,
    /// As much or less.
    AtMost,
}

/// A value of a bound, with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// A share of a whole.
    Share(Percent),
    /// A length of time.
    Time(#[serde(with = "duration_text")] Duration),
    /// A size.
    Bytes(Bytes),
    /// How often.
    Rate(Rate),
    /// A number of things.
    Count(u64),
    /// A number without a unit.
    Number(f64),
}

impl Bound {
    /// At least `limit`.
    pub fn at_least(limit: Quantity) -> Self {
        Self { side: BoundSide::AtLeast, limit, warn: None }
    }

    /// At most `limit`.
    pub fn at_most(limit: Quantity) -> Self {
        Self { side: BoundSide::AtMost, limit, warn: None }
    }

    /// The same with a `warn` tier; a problem if it is not the stricter one.
    pub(super) fn warn(self, warn: Option<Placed<Quantity>>, cx: &mut Context) -> Self {
        let Some(Placed { value: warn, span }) = warn else { return self };
        if std::mem::discriminant(&warn) != std::mem::discriminant(&self.limit) {
            let message = format!("`warn` is {}, the limit {}", warn.what(), self.limit.what());
            cx.problem_hint(span, message, "give both in the same unit");
            return self;
        }
        let (warned, limit) = (warn.base(), self.limit.base());
        match self.side {
            BoundSide::AtMost if warned >= limit => {
                cx.problem_hint(span, "`warn` must be less than the limit", STRICTER);
            }
            BoundSide::AtLeast if warned <= limit => {
                cx.problem_hint(span, "`warn` must be more than `min`", STRICTER);
            }
            _ => {}
        }
        Self { warn: Some(warn), ..self }
    }
}

const STRICTER: &str = "`warn` is the stricter tier";

/// The figures of one entry, each with its bound. `warn` belongs to the only one.
pub(super) fn with_warn<M>(
    figures: Vec<(M, Bound)>,
    warn: Option<Placed<Quantity>>,
    cx: &mut Context,
) -> Vec<(M, Bound)> {
    if figures.len() > 1 {
        if let Some(warn) = warn {
            let hint = "give each figure an entry of its own";
            cx.problem_hint(warn.span, "`warn` of which figure?", hint);
        }
        return figures;
    }
    let only = figures.into_iter().next();
    only.into_iter().map(|(figure, bound)| (figure, bound.warn(warn, cx))).collect()
}

impl Quantity {
    /// In its base unit: fraction, seconds, bytes, per second, count, number.
    pub fn base(self) -> f64 {
        match self {
            Self::Share(percent) => percent.fraction(),
            Self::Time(time) => time.as_secs_f64(),
            Self::Bytes(bytes) => bytes.0 as f64,
            Self::Rate(rate) => rate.get(),
            Self::Count(count) => count as f64,
            Self::Number(number) => number,
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Share(_) => "a percentage",
            Self::Time(_) => "a duration",
            Self::Bytes(_) => "a size",
            Self::Rate(_) => "a rate",
            Self::Count(_) | Self::Number(_) => "a number",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(percent) => percent.fmt(f),
            Self::Time(time) => f.write_str(&units::duration(*time)),
            Self::Bytes(bytes) => bytes.fmt(f),
            Self::Rate(rate) => rate.fmt(f),
            Self::Count(count) => count.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}
