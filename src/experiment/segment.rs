//! `profile:` the pieces of the load's shape.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::source::{Context, Decode, Definitions, Lasting, Node, choice, form};
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
            Self::Hold { lasts, .. } | Self::Ramp { lasts, .. } | Self::Pause { lasts } => *lasts,
        }
    }

    /// Rates at its start and its end, arrivals per second.
    pub fn rates(&self) -> (f64, f64) {
        match self {
            Self::Hold { rate, .. } => (rate.get(), rate.get()),
            Self::Ramp { from, to, .. } => (from.get(), to.get()),
            Self::Pause { .. } => (0.0, 0.0),
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
        /// No arrivals.
        Pause["pause"]: StillForm,
    }
    later "spike" "burst" "steps" "users"
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
            SegmentForm::Pause(form) => Self::Pause { lasts: form.lasts?.value.0 },
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        SegmentForm::schema(defs)
    }
}
