//! Tables: aligned columns for terminals, pipes for Markdown, and for pages.

use maud::{Markup, html};

/// Rows of cells under a heading; columns are flushed right where they hold figures.
pub struct Table {
    head: Vec<String>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns; a heading that starts with `>` makes its column flush right.
    pub fn new<S: AsRef<str>>(head: impl IntoIterator<Item = S>) -> Self {
        let (head, right) = head
            .into_iter()
            .map(|h| match h.as_ref().strip_prefix('>') {
                Some(text) => (text.to_owned(), true),
                None => (h.as_ref().to_owned(), false),
            })
            .unzip();
        Self { head, right, rows: Vec::new() }
    }

    /// Appends a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// For a terminal: indented by two, at most `width` columns; the last column gives way first.
    pub fn text(&self, width: usize) -> String {
        let columns = self.head.len();
        let mut widths: Vec<usize> = (0..columns)
            .map(|c| {
                let cells = self.rows.iter().filter_map(|r| r.get(c));
                cells.chain([&self.head[c]]).map(|s| len(&cut(s, usize::MAX))).max().unwrap_or(0)
            })
            .collect();
        let total = |widths: &[usize]| widths.iter().sum::<usize>() + 2 * columns;
        while total(&widths) > width {
            // The widest column that can still shrink; the last of equals.
            let Some(c) = (0..columns).filter(|&c| widths[c] > 8).max_by_key(|&c| widths[c]) else {
                break;
            };
            widths[c] -= 1;
        }
        let mut out = String::new();
        for row in std::iter::once(&self.head).chain(&self.rows) {
            let mut line = String::new();
            for (c, cell) in row.iter().enumerate() {
                let cell = cut(cell, widths[c]);
                let pad = " ".repeat(widths[c].saturating_sub(len(&cell)));
                let (before, after) =
                    if self.right[c] { (pad, String::new()) } else { (String::new(), pad) };
                line.push_str("  ");
                line.push_str(&before);
                line.push_str(&cell);
                line.push_str(&after);
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// For Markdown.
    pub(super) fn markdown(&self) -> String {
        let line = |cells: &mut dyn Iterator<Item = String>| {
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        let mut out = line(&mut self.head.iter().map(|h| escape(h)));
        let rule = self.right.iter().map(|right| if *right { "--:" } else { "---" }.to_owned());
        out.push_str(&line(&mut rule.into_iter()));
        for row in &self.rows {
            out.push_str(&line(&mut row.iter().map(|c| escape(c))));
        }
        out
    }

    /// For a page.
    pub(super) fn html(&self) -> Markup {
        html! { div.scroll { table.dense {
            thead { tr { @for (head, right) in self.head.iter().zip(&self.right) { th.n[*right] { (head) } } } }
            tbody { @for row in &self.rows { tr {
                @for (cell, right) in row.iter().zip(&self.right) { td.n[*right] { (cell) } }
            } } }
        } } }
    }
}

/// Text that Markdown shows as it is.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\r' => out.push(' '),
            '|' | '\\' | '`' | '*' | '[' | ']' => {
                out.push('\\');
                out.push(c);
            }
            // Only before these can it begin a tag; `<= 1%` stays readable.
            '<' if rest.peek().is_some_and(|n| n.is_alphabetic() || "/!?".contains(*n)) => {
                out.push_str("&lt;");
            }
            '&' => out.push_str("&amp;"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Text for a terminal: one line, without control characters, at most `width` columns.
pub(super) fn cut(text: &str, width: usize) -> String {
    let clean: String =
        text.chars().map(|c| if c == '\n' { ' ' } else { c }).filter(|c| !c.is_control()).collect();
    if len(&clean) <= width {
        return clean;
    }
    let mut short: String = clean.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

fn len(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_table_gives_way_and_control_characters_vanish() {
        let mut table = Table::new(["name", ">n", "text"]);
        table.row(["a".to_owned(), "12".to_owned(), "x".repeat(50)]);
        table.row(["\x1b[31mred\nline".to_owned(), "7".to_owned(), "short".to_owned()]);
        let text = table.text(40);
        assert!(text.lines().all(|l| l.chars().count() <= 40), "{text}");
        assert!(!text.contains('\x1b') && text.contains('…'), "{text}");
        assert!(text.contains("[31mred line   7  short"), "{text}");
    }

    #[test]
    fn markdown_cells_cannot_break_out() {
        let mut table = Table::new(["a|b"]);
        table.row(["<script>|`x`\n# big".to_owned()]);
        assert_eq!(table.markdown(), "| a\\|b |\n| --- |\n| &lt;script>\\|\\`x\\` # big |\n");
    }
}
