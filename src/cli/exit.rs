//! Exit codes: one table, for the program, the verdict and the documentation.

use std::process::ExitCode;

/// How the process ends. When several apply: 14 > 12 > 13 > 1 > 130/143 > 11 > 10 > 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything held.
    Pass,
    /// A defect, or something longhaul could not do.
    Internal,
    /// The command line is wrong.
    Usage,
    /// A file is wrong: an experiment, and nothing was started; or a series.
    InvalidExperiment,
    /// The target can't be brought up here.
    NotReady,
    /// What the verdict says.
    Verdict(u8),
    /// Slower or bigger than what was compared with.
    Regression,
    /// Healing is incomplete.
    HealingIncomplete,
    /// Another run is under way.
    Busy,
}

/// Every code with its meaning.
pub(super) const EXIT_CODES: [(u8, &str); 13] = [
    (0, "pass: every limit held (also with warnings)"),
    (1, "internal: longhaul could not do its work"),
    (
        2,
        "usage: the command line, the run it names, the data folder or a secret's source is wrong; nothing was started",
    ),
    (3, "invalid file: an experiment is wrong, and nothing was started; or a series is"),
    (
        10,
        "limit breached, or stopped by `abort_when`; or a series leaks, where `--fail-on-leak` asks",
    ),
    (11, "inconclusive: the figures can't carry a verdict"),
    (
        12,
        "target not ready: it did not come up, or this machine lacks what it needs (engine, Compose)",
    ),
    (13, "steady state failed before the first fault"),
    (14, "healing incomplete: something is left behind, and named"),
    (
        15,
        "busy: another run is under way in this data folder or on this target, or has kept the target up, or an \
         earlier one can't be healed and may touch it; nothing was started",
    ),
    (16, "regression against the baseline, and nothing worse"),
    (130, "interrupted by Ctrl-C; healed, report written"),
    (143, "terminated by a signal; healed, report written"),
];

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::InvalidExperiment => 3,
            Self::NotReady => 12,
            Self::Verdict(code) => code,
            Self::Regression => 16,
            Self::HealingIncomplete => 14,
            Self::Busy => 15,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_is_in_the_table() {
        for exit in [
            Exit::Pass,
            Exit::Internal,
            Exit::Usage,
            Exit::InvalidExperiment,
            Exit::NotReady,
            Exit::HealingIncomplete,
            Exit::Regression,
            Exit::Busy,
        ] {
            assert!(EXIT_CODES.iter().any(|(code, _)| *code == exit.code()), "{exit:?}");
        }
    }
}
