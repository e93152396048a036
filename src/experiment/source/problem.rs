//! What is wrong with a file, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};
use serde::Serialize;

/// Bytes of a line that is drawn, at most.
const WIDEST: usize = 400;

/// A range of bytes of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The bytes that it is about.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// Everything that is wrong with a file, in the order of the file.
#[derive(Clone, Debug, Serialize)]
pub struct Problems {
    file: PathBuf,
    #[serde(rename = "problems")]
    list: Vec<Problem>,
    omitted: usize,
    #[serde(skip)]
    source: String,
}

impl Problems {
    /// From places in `source`; `omitted` more were found and not kept.
    pub(in crate::experiment) fn new(
        file: &Path,
        source: &str,
        mut found: Vec<(Span, String, Option<String>)>,
        omitted: usize,
    ) -> Self {
        found.sort();
        found.dedup();
        let mut problems = Vec::with_capacity(found.len());
        // One walk over the text serves all problems: they are in its order.
        let (mut line, mut line_start, mut seen) = (1, 0, 0);
        for (span, message, hint) in found {
            let start = floor(source, span.start);
            let end = floor(source, span.end.max(start));
            for (at, _) in source[seen..start].match_indices('\n') {
                line += 1;
                line_start = seen + at + 1;
            }
            seen = start;
            let column = source[line_start..start].chars().count() + 1;
            problems.push(Problem { line, column, span: Span { start, end }, message, hint });
        }
        Self { file: file.to_owned(), list: problems, omitted, source: printable(source) }
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The problems, in the order of the file; at most 100.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// How many more there were.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Each with the lines of the file that it is about, for people; ends with a line break.
    pub fn graphical(&self, color: bool) -> String {
        let theme =
            if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
        let source = NamedSource::new(self.file.display().to_string(), self.source.clone());
        let mut text = String::new();
        for problem in &self.list {
            let shown = Shown { problem, source: &source };
            if self.is_wide(problem) {
                text.push_str(&self.line(problem));
            } else if handler.render_report(&mut text, &shown).is_err() {
                text.push_str(&problem.message);
            }
            text.push('\n');
        }
        if self.omitted > 0 {
            text.push_str("and ");
            text.push_str(&self.omitted.to_string());
            text.push_str(" more\n");
        }
        text
    }
}

impl Problems {
    fn line(&self, problem: &Problem) -> String {
        let Problem { line, column, message, hint, .. } = problem;
        let hint = hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
        format!("{}:{line}:{column}: {message}{hint}", self.file.display())
    }

    /// Whether a line that would be drawn is too long to be.
    fn is_wide(&self, problem: &Problem) -> bool {
        let first = problem.line.saturating_sub(2);
        let ends = self.source[problem.span.start..problem.span.end].matches('\n').count();
        self.source.lines().skip(first).take(3 + ends).any(|line| line.len() > WIDEST)
    }
}

impl fmt::Display for Problems {
    /// One line a problem: `file:line:column: message (hint)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.list.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "\n" })?;
            f.write_str(&self.line(problem))?;
        }
        if self.omitted > 0 {
            write!(f, "\nand {} more", self.omitted)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// One problem as miette draws it.
struct Shown<'a> {
    problem: &'a Problem,
    source: &'a NamedSource<String>,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let Span { start, end } = self.problem.span;
        Some(Box::new(std::iter::once(LabeledSpan::underline(start..end))))
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The same bytes, without what could drive a terminal. Every replacement has the length of what it
/// replaces, so spans keep their meaning.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c.to_string(),
            c if c.is_control() => "?".repeat(c.len_utf8()),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_characters_and_are_shown_in_order() {
        let source = "a: 1\n\u{fc}\u{fc}: x\n";
        let x = source.find('x').unwrap();
        let found = vec![
            (Span { start: x, end: x + 1 }, "second".to_owned(), Some("do this".to_owned())),
            (Span { start: 0, end: 1 }, "first".to_owned(), None),
            (Span { start: 0, end: 1 }, "first".to_owned(), None),
        ];
        let problems = Problems::new(Path::new("e.yaml"), source, found, 3);
        insta::assert_snapshot!(problems, @"
        e.yaml:1:1: first
        e.yaml:2:5: second (do this)
        and 3 more
        ");
        assert!(problems.graphical(false).contains("second"));
    }

    #[test]
    fn a_terminal_is_never_driven_by_a_file() {
        let source = "a: \u{1b}[2J\u{9b}x\n";
        let problems = Problems::new(
            Path::new("e.yaml"),
            source,
            vec![(Span { start: 9999, end: 0 }, "m".to_owned(), None)],
            0,
        );
        assert_eq!(problems.source.len(), source.len());
        assert!(!problems.graphical(false).chars().any(|c| c.is_control() && c != '\n'));
    }
}
