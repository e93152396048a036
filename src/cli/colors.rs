//! Whether output is coloured.

use std::io::IsTerminal;

use super::args::{Color, Common};

/// Whether to colour what goes to `stream`.
pub(super) fn color(common: &Common, stream: &impl IsTerminal) -> bool {
    match common.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        }
    }
}
