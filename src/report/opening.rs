//! How a report begins: the outcome, and why.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::figures::outcome;
use super::table::cut;
use super::terminal::{WIDTH, paint, side_words, wrap};
use crate::record::{Side, SweepVerdict, Verdict, VerdictOutcome};

/// What a verdict says first, be it of a run or of a sweep.
pub(super) struct Opening<'a> {
    outcome: VerdictOutcome,
    exit_code: u8,
    headline: &'a str,
    side: Option<Side>,
    reasons: &'a [String],
}

impl<'a> From<&'a Verdict> for Opening<'a> {
    fn from(v: &'a Verdict) -> Self {
        Self {
            outcome: v.outcome,
            exit_code: v.exit_code,
            headline: &v.headline,
            side: v.side,
            reasons: &v.reasons,
        }
    }
}

impl<'a> From<&'a SweepVerdict> for Opening<'a> {
    fn from(v: &'a SweepVerdict) -> Self {
        Self {
            outcome: v.outcome,
            exit_code: v.exit_code,
            headline: &v.headline,
            side: None,
            reasons: &v.reasons,
        }
    }
}

impl Opening<'_> {
    /// For a terminal, with colours or without.
    pub(super) fn text(&self, color: bool) -> String {
        let word = outcome(self.outcome).to_uppercase();
        let code = match self.outcome {
            VerdictOutcome::Passed => "1;32",
            VerdictOutcome::Warned | VerdictOutcome::Inconclusive => "1;33",
            _ => "1;31",
        };
        let headline = cut(self.headline, WIDTH - word.len() - 2);
        let mut out = format!("{}  {headline}\n", paint(color, code, &word));
        if let Some(side) = self.side {
            writeln!(out, "  side: {}", side_words(side)).ok();
        }
        for reason in self.reasons {
            for (i, line) in wrap(reason, WIDTH - 4).iter().enumerate() {
                writeln!(out, "  {} {line}", if i == 0 { '-' } else { ' ' }).ok();
            }
        }
        out
    }

    /// For a page; `more` stands below the reasons.
    pub(super) fn banner(&self, more: &Markup) -> Markup {
        let (class, icon) = match self.outcome {
            VerdictOutcome::Passed => ("pass", "✓"),
            VerdictOutcome::Warned => ("warn", "!"),
            VerdictOutcome::Inconclusive => ("unknown", "?"),
            VerdictOutcome::Aborted => ("fail", "■"),
            VerdictOutcome::Failed | VerdictOutcome::Errored => ("fail", "✕"),
        };
        html! {
            section.banner.(class) aria-label="Verdict" {
                div.icon aria-hidden="true" { (icon) }
                div {
                    p.outcome { (outcome(self.outcome)) span.soft { "exit code " (self.exit_code) } }
                    p.headline { (self.headline) }
                    @if let Some(side) = self.side { p.side { "On the side of: " strong { (side_words(side)) } } }
                    @if !self.reasons.is_empty() { ul { @for reason in self.reasons { li { (reason) } } } }
                    (more)
                }
            }
        }
    }
}

/// The outcome's colour in a browser's tab, six hexadecimal digits.
pub(super) fn tab_color(outcome: VerdictOutcome) -> &'static str {
    match outcome {
        VerdictOutcome::Passed => "0a7f4f",
        VerdictOutcome::Warned => "b57600",
        VerdictOutcome::Inconclusive => "5f5ab8",
        _ => "c62f2f",
    }
}
