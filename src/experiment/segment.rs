//! `profile:` the pieces of the load's shape.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::source::{Context, Decode, Definitions, Int, Lasting, Node, choice, form};
use super::{Flow, Steps, Timeline};
use crate::units::{Rate, duration_text};

/// One piece of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// A steady rate.
    Hold {
        /// The rate.
        rate: Rate,
        /// For how long.
        #[serde(rename = "for", with = "duration_text")]
        lasts: Duration,
    },
    /// A linear change of rate.
    Ramp {
        /// Rate at its start.
        from: Rate,
        /// Rate at its end.
        to: Rate,
        /// For how long.
        #[serde(rename = "over", with = "duration_text")]
        lasts: Duration,
    },
    /// A sudden other rate, and then the one before again.
    Spike {
        /// The rate.
        rate: Rate,
        /// For how long.
        #[serde(rename = "for", with = "duration_text")]
        lasts: Duration,
        /// For how long the rate before it holds again.
        #[serde(default, with = "duration_text")]
        then: Duration,
    },
    /// So many arrivals due at once, again and again.
    Burst {
        /// How many.
        size: u32,
        /// From one burst to the next; the first is at its start.
        #[serde(with = "duration_text")]
        every: Duration,
        /// For how long.
        #[serde(rename = "for", with = "duration_text")]
        lasts: Duration,
    },
    /// A rising rate, until the target gives way: the search for its limit.
    Steps(Steps),
    /// So many users, each of whom begins again when it has ended: the closed model.
    Users {
        /// How many.
        count: u32,
        /// For how long.
        #[serde(rename = "for", with = "duration_text")]
        lasts: Duration,
        /// From the end of an iteration to the next.
        #[serde(with = "duration_text")]
        think: Duration,
    },
    /// No arrivals.
    Pause {
        /// For how long.
        #[serde(rename = "for", with = "duration_text")]
        lasts: Duration,
    },
}

impl Segment {
    /// How long it lasts.
    pub fn lasts(&self) -> Duration {
        match self {
            Self::Hold { lasts, .. }
            | Self::Ramp { lasts, .. }
            | Self::Burst { lasts, .. }
            | Self::Users { lasts, .. }
            | Self::Pause { lasts } => *lasts,
            Self::Steps(steps) => steps.lasts(),
            Self::Spike { lasts, then, .. } => *lasts + *then,
        }
    }

    /// Whether it is known beforehand how many arrivals it has.
    pub fn is_fixed(&self) -> bool {
        !matches!(self, Self::Steps(_) | Self::Users { .. })
    }

    /// Whether anything arrives in it.
    pub(super) fn has_arrivals(&self) -> bool {
        match self {
            Self::Hold { rate, .. } | Self::Spike { rate, .. } => rate.get() > 0.0,
            Self::Ramp { from, to, .. } => from.get() > 0.0 || to.get() > 0.0,
            Self::Burst { .. } | Self::Steps(_) | Self::Users { .. } => true,
            Self::Pause { .. } => false,
        }
    }

    /// Adds its pieces at the end; `before` is the rate that the load has there.
    pub(super) fn lay(&self, timeline: &mut Timeline, before: f64) {
        match *self {
            Self::Hold { rate, lasts } => timeline.push(lasts, Flow::steady(rate.get())),
            Self::Ramp { from, to, lasts } => {
                timeline.push(lasts, Flow::Linear { from: from.get(), to: to.get() });
            }
            Self::Spike { rate, lasts, then } => {
                timeline.push(lasts, Flow::steady(rate.get()));
                if then > Duration::ZERO {
                    timeline.push(then, Flow::steady(before));
                }
            }
            Self::Burst { size, every, lasts } => {
                timeline.push(lasts, Flow::Bursts { size: size.into(), every });
            }
            Self::Steps(steps) => timeline.push(steps.lasts(), Flow::Climb(steps)),
            Self::Users { count, lasts, think } => {
                timeline.push(lasts, Flow::Users { count, think });
            }
            Self::Pause { lasts } => timeline.push(lasts, Flow::steady(0.0)),
        }
    }
}

/// A length of a piece: a second to a week.
type Length = Lasting<1_000, 604_800_000>;

form! {
    /// A steady rate.
    struct HoldForm {
        /// Arrivals per second, minute or hour: `50/s`.
        rate: Rate = Required,
        /// For how long, 1s to 7days.
        lasts["for"]: Length = Required,
    }
}

form! {
    /// A linear change of rate.
    struct RampForm {
        /// Rate at its start.
        from: Rate = Required,
        /// Rate at its end.
        to: Rate = Required,
        /// For how long, 1s to 7days.
        over: Length = Required,
    }
}

form! {
    /// A sudden other rate, and then the one before again.
    struct SpikeForm {
        /// Arrivals per second, minute or hour.
        rate: Rate = Required,
        /// For how long, 1s to 7days.
        lasts["for"]: Length = Required,
        /// For how long the rate before the spike holds again, up to 7days: does the target recover?
        then: Lasting<0, 604_800_000> = Default("0s"),
    }
}

form! {
    /// So many arrivals due at once, again and again.
    struct BurstForm {
        /// How many arrivals are due at once.
        size: Int<1, 1_000_000> = Required,
        /// From one burst to the next, 100ms to 24h; the first is at the start of the piece.
        every: Lasting<100, 86_400_000> = Required,
        /// For how long, 1s to 7days.
        lasts["for"]: Length = Required,
    }
}

form! {
    /// So many users, each of whom begins its next iteration when the one before has ended: the closed model. A slow target
    /// gets fewer arrivals, and none of them counts as late: its latencies look better than they are for users who
    /// do not wait for each other. Use `hold` to judge a target by its latency.
    struct UsersForm {
        /// How many users; at most as many as `load.connections`.
        count: Int<1, 10_000> = Required,
        /// For how long, 1s to 7days.
        lasts["for"]: Length = Required,
        /// From the end of an iteration to the user's next, 0s to 1h.
        think: Lasting<0, 3_600_000> = Default("0s"),
    }
}

form! {
    /// No arrivals.
    struct StillForm {
        /// For how long, 1s to 7days.
        lasts["for"]: Length = Required,
    }
}

choice! {
    /// One piece of the profile.
    enum SegmentForm {
        /// A steady rate.
        Hold["hold"]: HoldForm,
        /// A linear change of rate.
        Ramp["ramp"]: RampForm,
        /// A sudden other rate, and then the one before again.
        Spike["spike"]: SpikeForm,
        /// So many arrivals due at once, again and again.
        Burst["burst"]: BurstForm,
        /// A rising rate, until the target gives way: the search for its limit.
        Steps["steps"]: Steps,
        /// So many users, each of whom begins again when it has ended: the closed model.
        Users["users"]: UsersForm,
        /// No arrivals.
        Pause["pause"]: StillForm,
    }
}

impl Decode for Segment {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        Some(match SegmentForm::decode(node, cx)? {
            SegmentForm::Hold(form) => {
                Self::Hold { rate: form.rate?.value, lasts: form.lasts?.value.0 }
            }
            SegmentForm::Ramp(form) => {
                Self::Ramp { from: form.from?.value, to: form.to?.value, lasts: form.over?.value.0 }
            }
            SegmentForm::Spike(form) => Self::Spike {
                rate: form.rate?.value,
                lasts: form.lasts?.value.0,
                then: form.then?.value.0,
            },
            SegmentForm::Burst(form) => Self::Burst {
                size: u32::try_from(form.size?.value.0).ok()?,
                every: form.every?.value.0,
                lasts: form.lasts?.value.0,
            },
            SegmentForm::Steps(steps) => Self::Steps(*steps),
            SegmentForm::Users(form) => Self::Users {
                count: u32::try_from(form.count?.value.0).ok()?,
                lasts: form.lasts?.value.0,
                think: form.think?.value.0,
            },
            SegmentForm::Pause(form) => Self::Pause { lasts: form.lasts?.value.0 },
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        SegmentForm::schema(defs)
    }
}
