//! `longhaul`: what longhaul itself uses more, per hour.

use super::super::case::Case;
use super::{Bound, Judged, limit_name};
use crate::experiment::{Limit, OwnFigure};
use crate::record::{Gauge, LeakVerdict, Side};

/// Judges one figure: the best explanation's growth, unless others that fit as well lie on the other side of the bound.
pub(super) fn result(case: &Case, limit: &Limit, figure: OwnFigure) -> Judged {
    let gauge = match figure {
        OwnFigure::Memory => Gauge::Memory,
        OwnFigure::Descriptors => Gauge::Descriptors,
    };
    let (name, bound) = (limit_name(limit), Bound::of(&limit.bound));
    let finding = case.own().iter().find(|own| own.gauge == gauge).map(|own| &own.finding);
    let result = match finding.map(|finding| (finding, finding.slope)) {
        None => bound.unknown(name, format!("no reading of longhaul's own {gauge}")),
        Some((finding, Some(slope))) if finding.verdict != LeakVerdict::Inconclusive => {
            let amount = |value| finding.unit.amount(value);
            let range = format!("between {} and {} an hour", amount(slope.low), amount(slope.high));
            let untold = slope.value > bound.value() && slope.low <= bound.value();
            if untold {
                bound.unknown(name, format!("{range}: too little was seen to tell"))
            } else {
                bound.judge(name, slope.value, None, Some(range))
            }
        }
        Some((finding, _)) => bound.unknown(name, finding.reason.clone()),
    };
    Judged { result, side: Side::Longhaul }
}
