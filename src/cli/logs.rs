//! Log lines: on stderr, never on stdout.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::args::{Common, LogFormat};

/// Starts logging as the flags say. Warnings and errors by default.
pub(super) fn start(common: &Common) {
    let level = match (common.quiet, common.verbose) {
        (true, _) => "longhaul=error",
        (_, 0) => "longhaul=warn",
        (_, 1) => "longhaul=info",
        (_, 2) => "longhaul=debug",
        _ => "longhaul=trace",
    };
    let filter = EnvFilter::try_from_env("LONGHAUL_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        // Standard error may be closed; complaining about that there would end the program.
        .log_internal_errors(false);
    match common.log_format {
        LogFormat::Json => builder.json().init(),
        LogFormat::Human => {
            builder.with_ansi(super::colors::color(common, &std::io::stderr())).init();
        }
    }
}

/// Whether both ends of the conversation are a person at a terminal.
pub(super) fn interactive() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}
