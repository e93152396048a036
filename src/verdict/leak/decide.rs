//! The verdict, with its reason.

use std::time::Duration;

use super::fit::Fitted;
use super::lives::{self, AcrossLives};
use super::look::{LEAST_WINDOWS, Look, Shortfall};
use super::question::Question;
use super::readings::Readings;
use super::shapes::{self, EXPLANATIONS, Shape};
use super::trace::Trace;
use super::words::hours;
use super::{change, mask, projection, table};
use crate::clock::Offset;
use crate::record::{Basis, LeakCurves, LeakFinding, LeakVerdict, Range};

/// Whether the record is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is.
    Finished,
    /// It still grows.
    Live,
}

/// Slower growth than this is not called a leak, percent of the first level per hour.
const LEAST_GROWTH: f64 = 0.15;
/// A rise at the end that is slower than this share of it is over.
const OVER: f64 = 0.3;
/// Nothing is called leaking before so many hours.
const LEAST_HOURS: f64 = 2.0;
/// Nothing is suspected before so many hours.
const SUSPECT_HOURS: f64 = 1.0;
/// A leak must show already in this share of the record,
const CONFIRMED_IN: f64 = 0.85;
/// by a slope of more than this share of the least one of the whole record.
const CONSISTENT: f64 = 0.5;

/// Judges a record.
pub(super) fn finding(trace: &Trace, question: &Question, stage: Stage) -> LeakFinding {
    let Some(readings) = Readings::new(trace) else {
        let n = trace.readings();
        return nothing(
            question,
            format!("{n} reading{} can't show growth", if n == 1 { "" } else { "s" }),
            Some(LEAST_HOURS),
            Basis::default(),
        );
    };
    let span = Duration::from_secs_f64(readings.seconds());
    match Look::new(&readings, question) {
        Ok(look) => {
            let across = lives::across(&look);
            Judge { trace, question, stage, readings: &readings, look: &look, across }.finding()
        }
        Err(shortfall) => {
            let basis = Basis { span, epochs: readings.lives().count(), ..Basis::default() };
            too_little(question, shortfall, &readings, basis)
        }
    }
}

fn too_little(
    question: &Question,
    shortfall: Shortfall,
    readings: &Readings,
    basis: Basis,
) -> LeakFinding {
    let recorded = readings.seconds() / 3600.0;
    let needed = Some(LEAST_HOURS - recorded).filter(|h| *h > 0.0);
    let reason = match shortfall {
        Shortfall::Zero => "the gauge reads zero throughout the beginning".to_owned(),
        Shortfall::Windows(n) => {
            let disturbed = readings.clear.iter().filter(|c| !**c).count();
            let why = if disturbed * 2 > readings.clear.len() {
                ": faults disturb most of the record".to_owned()
            } else if basis.epochs > 1 {
                format!(": restarts cut it into {} lives", basis.epochs)
            } else {
                String::new()
            };
            format!(
                "{} of record leave {n} undisturbed windows of the {LEAST_WINDOWS} that a judgement needs{why}",
                hours(recorded)
            )
        }
    };
    nothing(question, reason, needed, basis)
}

fn nothing(
    question: &Question,
    reason: String,
    hours_needed: Option<f64>,
    basis: Basis,
) -> LeakFinding {
    LeakFinding {
        unit: question.unit,
        verdict: LeakVerdict::Inconclusive,
        reason,
        hours_needed,
        slope: None,
        per_request: None,
        to_limit: None,
        change_point: None,
        shape: None,
        rivals: Vec::new(),
        would_change: "a longer undisturbed record".to_owned(),
        basis,
        curves: LeakCurves::default(),
    }
}

/// The name of its explanation.
pub(super) fn name(fitted: &Fitted) -> String {
    shapes::name(EXPLANATIONS[fitted.candidate.explanation])
}

struct Judge<'a> {
    trace: &'a Trace,
    question: &'a Question,
    stage: Stage,
    readings: &'a Readings,
    look: &'a Look,
    /// How the levels move from life to life, where there are several.
    across: Option<AcrossLives>,
}

impl Judge<'_> {
    fn finding(&self) -> LeakFinding {
        let (look, selection) = (self.look, &self.look.selection);
        let units = |r: Range| Range {
            value: look.units(r.value),
            low: look.units(r.low),
            high: look.units(r.high),
        };
        let climbing = self.climbing().map(|a| a.slope);
        let slope = units(climbing.unwrap_or(selection.slope));
        let (verdict, reason, would_change) = self.verdict();
        LeakFinding {
            unit: self.question.unit,
            verdict,
            reason,
            hours_needed: self.hours_needed(verdict),
            slope: Some(slope),
            per_request: self.requests_per_hour().map(|r| slope.value / r),
            to_limit: self
                .question
                .limit
                .map(|l| projection::to_limit(look, self.readings, climbing, l)),
            change_point: change::point(look, self.trace.begin()),
            shape: Some(name(selection.best())),
            rivals: table::rivals(look),
            would_change,
            basis: self.basis(),
            curves: self.curves(),
        }
    }

    /// A slope for people.
    fn rate(&self, percent: f64) -> String {
        format!("{}/h", self.question.unit.amount(self.look.units(percent)))
    }

    /// Growth per hour from which on it is called a leak, percent of the first level.
    fn least_growth(&self) -> f64 {
        LEAST_GROWTH.max(self.question.trifle() / self.look.level * 100.0)
    }

    /// Growth from life to life, if it is certain and more of a leak than what each life shows by itself.
    fn climbing(&self) -> Option<AcrossLives> {
        let least = self.least_growth().max(self.look.selection.slope.low);
        self.across.filter(|across| across.slope.low > least)
    }

    /// The fastest growth that the record may hide, percent of the first level per hour: a gauge that moves in steps may
    /// stand just below its next one, and one that never moved hides no more than that.
    fn most(&self, recorded: f64) -> f64 {
        let step = self.question.grain / self.look.level * 100.0 / recorded;
        let windows = &self.look.envelope.windows;
        let flat = windows.iter().all(|w| w.low.total_cmp(&windows[0].low).is_eq());
        if flat { step } else { self.look.selection.slope.high + step }
    }

    /// Whether it certainly does not grow too fast, and falls faster than it may grow.
    fn falls(&self, most: f64, tolerance: f64) -> bool {
        most <= tolerance && self.look.selection.slope.value < -tolerance
    }

    /// Growth per hour that is allowed, percent of the first level.
    fn tolerance(&self) -> f64 {
        self.question.tolerance(self.look.level) / self.look.level * 100.0
    }

    fn verdict(&self) -> (LeakVerdict, String, String) {
        let selection = &self.look.selection;
        let best = selection.best();
        let slope = selection.slope;
        let recorded = self.readings.seconds() / 3600.0;
        let text = |percent: f64| self.rate(percent);
        let range = format!("{} ({} to {})", text(slope.value), text(slope.low), text(slope.high));
        let tolerance = self.tolerance();
        let shape = name(best);
        let most = self.most(recorded);

        if let Some(across) = self.climbing() {
            return self.of_lives(across, recorded);
        }
        if slope.low > self.least_growth() {
            let sure = "a later part of the record in which the growth stops".to_owned();
            return if recorded < SUSPECT_HOURS {
                let reason = format!("it grows by {range}, but {} are too short", hours(recorded));
                (LeakVerdict::Inconclusive, reason, "a longer record".to_owned())
            } else if self.stage == Stage::Live {
                let reason =
                    format!("it grows by {range} so far, and no explanation that levels off fits");
                (LeakVerdict::Suspected, reason, sure)
            } else if recorded < LEAST_HOURS {
                let reason = format!(
                    "it grows by {range}, but a leak is only called one after {}",
                    hours(LEAST_HOURS)
                );
                (LeakVerdict::Suspected, reason, "a longer record".to_owned())
            } else if self.confirmed() {
                let reason =
                    format!("it grows by {range}, and no explanation that levels off fits");
                (LeakVerdict::Leaking, reason, sure)
            } else {
                let reason = format!(
                    "it grows by {range}, but the first {} of the record do not show it yet",
                    hours(recorded * CONFIRMED_IN)
                );
                (LeakVerdict::Suspected, reason, "the same growth for longer".to_owned())
            };
        }
        let creeps = |a: &AcrossLives| a.rises && a.slope.value > tolerance;
        if let Some(across) = self.across.filter(creeps).filter(|_| most <= tolerance) {
            let reason = format!(
                "no life grows by itself, but from life to life the level rises by {}, and {} lives do not tell \
                 growth from chance",
                text(across.slope.value),
                across.lives
            );
            return (LeakVerdict::Inconclusive, reason, "more lives".to_owned());
        }
        if self.falls(most, tolerance) {
            let reason = format!(
                "the level falls by {}: what grows beneath it can't be told before the fall has ended",
                text(-slope.value)
            );
            return (LeakVerdict::Inconclusive, reason, "a record without the fall".to_owned());
        }
        if most <= tolerance {
            let reason = format!(
                "by no explanation that fits does it grow faster than {}, of the {} allowed",
                text(slope.high.max(0.0)),
                text(tolerance)
            );
            let change = format!("growth of more than {} in a longer record", text(tolerance));
            return (LeakVerdict::Stable, reason, change);
        }
        if self.warms() {
            let reason = match selection.plausible().find(|f| f.lasting.is_some()) {
                Some(growing) => format!(
                    "it rises and levels off ({shape}{}); growth without an end ({}) fits nearly as well",
                    self.parameters(best),
                    name(growing)
                ),
                None => format!(
                    "it rises and levels off ({shape}{}): {} at the end",
                    self.parameters(best),
                    text(best.terminal.value)
                ),
            };
            let change = "growth that goes on at the same rate in a longer record".to_owned();
            return (LeakVerdict::Warming, reason, change);
        }
        let (reason, change) = self.undecided(tolerance);
        (LeakVerdict::Inconclusive, reason, change)
    }

    /// The verdict where it is the lives' levels that grow.
    fn of_lives(&self, across: AcrossLives, recorded: f64) -> (LeakVerdict, String, String) {
        let [value, low, high] =
            [across.slope.value, across.slope.low, across.slope.high].map(|s| self.rate(s));
        let lives = across.lives;
        let reason = format!(
            "from life to life the level rises by {value} ({low} to {high}) over {lives} lives: restarts do not end it"
        );
        let sure = self.stage == Stage::Finished && recorded >= LEAST_HOURS;
        let verdict = if sure { LeakVerdict::Leaking } else { LeakVerdict::Suspected };
        (verdict, reason, "lives that begin no higher than the ones before".to_owned())
    }

    /// Whether the first part of the record does not contradict the growth: it need not prove it alone, but something that
    /// is possible there must grow as fast.
    fn confirmed(&self) -> bool {
        let least = CONSISTENT * self.look.selection.slope.low;
        let first = self.readings.first(CONFIRMED_IN);
        Look::new(&first, self.question)
            .is_ok_and(|look| look.selection.possible().any(|f| f.terminal.value > least))
    }

    /// Whether a rising shape that levels off is the best, be it with a slow fall afterwards, or plausible while nothing that
    /// grows for ever is the best.
    fn warms(&self) -> bool {
        let selection = &self.look.selection;
        let levels_off = |f: &Fitted| {
            EXPLANATIONS[f.candidate.explanation]
                .iter()
                .any(|s| matches!(s, Shape::Saturating | Shape::Logarithmic | Shape::Plateau))
        };
        let best = selection.best();
        let rises = |f: &Fitted, least: f64| f.terminal.value > least;
        let settled = |f: &Fitted| f.lasting.is_some_and(|l| l.value <= 0.0) && f.net.value > 0.0;
        levels_off(best) && (rises(best, 0.0) || settled(best))
            || best.lasting.is_none()
                && selection.plausible().any(|f| {
                    levels_off(f) && f.lasting.is_none() && rises(f, OVER * self.least_growth())
                })
    }

    fn undecided(&self, tolerance: f64) -> (String, String) {
        let selection = &self.look.selection;
        let text = |percent: f64| self.rate(percent);
        let growing = selection.plausible().find(|f| f.lasting.is_some());
        let bounded = selection.plausible().find(|f| f.lasting.is_none());
        let lives = if self.look.envelope.lives > 1 {
            format!(" in lives of at most {}", hours(self.look.oldest))
        } else {
            String::new()
        };
        let reason = match (growing, bounded) {
            (Some(growing), Some(bounded)) => format!(
                "growth of {} without an end ({}) and an end of it ({}{}) explain {} of record{lives} about equally well",
                text(growing.lasting.map_or(0.0, |l| l.value)),
                name(growing),
                name(bounded),
                self.parameters(bounded),
                hours(self.readings.seconds() / 3600.0),
            ),
            _ => format!(
                "the readings swing too much{lives}: the slope lies between {} and {}, and {} would be allowed",
                text(selection.slope.low),
                text(selection.slope.high),
                text(tolerance)
            ),
        };
        (reason, "a longer undisturbed record".to_owned())
    }

    fn hours_needed(&self, verdict: LeakVerdict) -> Option<f64> {
        let recorded = self.readings.seconds() / 3600.0;
        match verdict {
            // More of the same would not help.
            LeakVerdict::Inconclusive if self.falls(self.most(recorded), self.tolerance()) => None,
            LeakVerdict::Inconclusive => Some((LEAST_HOURS - recorded).max(recorded)),
            LeakVerdict::Suspected => Some(LEAST_HOURS - recorded).filter(|h| *h > 0.0),
            LeakVerdict::Leaking | LeakVerdict::Warming | LeakVerdict::Stable => None,
        }
    }

    fn requests_per_hour(&self) -> Option<f64> {
        let mut counted = self.readings.cells.iter().filter_map(|c| Some((c.t, c.requests?)));
        let (from, first) = counted.next()?;
        let (to, last) = counted.next_back()?;
        let rate = (last - first) / (to - from) * 3600.0;
        (rate > 0.0).then_some(rate)
    }

    fn parameters(&self, fitted: &Fitted) -> String {
        match table::parameters(self.look, fitted) {
            text if text.is_empty() => text,
            text => format!(", {text}"),
        }
    }

    fn basis(&self) -> Basis {
        let envelope = &self.look.envelope;
        let period = self.look.sawtooth.period;
        let window = Duration::from_secs_f64(envelope.length);
        Basis {
            span: Duration::from_secs_f64(self.readings.seconds()),
            judged: window * u32::try_from(envelope.windows.len()).unwrap_or(u32::MAX),
            epochs: envelope.lives,
            windows: envelope.windows.len(),
            window,
            sawtooth: (period > 0.0).then(|| Duration::from_secs_f64(period)),
            autocorrelation: self.look.selection.best().phi,
            level: self.look.level,
        }
    }

    fn curves(&self) -> LeakCurves {
        let look = self.look;
        let begin = self.trace.begin();
        let offset = |seconds: f64| -> Offset { begin + Duration::from_secs_f64(seconds.max(0.0)) };
        let best = look.selection.best();
        let lasts = best.lasting.is_some();
        let rival = look.selection.fitted.iter().find(|f| f.lasting.is_some() != lasts);
        let masked = mask::masked(&self.readings.cells, &self.readings.clear);
        LeakCurves {
            envelope: look
                .envelope
                .windows
                .iter()
                .map(|w| (offset(w.at * 3600.0), w.low))
                .collect(),
            best: look.curve(best),
            rival_shape: rival.map(name),
            rival: rival.map(|r| look.curve(r)).unwrap_or_default(),
            masked: masked.into_iter().map(|(from, to)| (offset(from), offset(to))).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
