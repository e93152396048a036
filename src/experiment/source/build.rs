//! From text to tree: the parser's events put together, within a budget.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, options};

use super::node::{Key, Kind, Node, excerpt};
use super::{Found, Span};

/// Levels of nesting at most.
const DEEPEST: usize = 64;
/// Nodes and bytes of text at most, with every alias written out. Four times the largest file.
const HEAVIEST: usize = 4 << 20;
/// Values as written at most.
const MOST_VALUES: usize = 100_000;

/// The tree of `source`. `None` when there is none; whatever is wrong goes into `found`.
pub(in crate::experiment) fn build(source: &str, found: &mut Found) -> Option<Rc<Node>> {
    let mut options = options! {
        emit_unresolved_aliases: true,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    options.set_emit_comments(false);
    let mut builder = Builder {
        source,
        found,
        frames: Vec::new(),
        anchors: HashMap::new(),
        weight: 0,
        documents: 0,
        values: 0,
        root: None,
    };
    for event in Parser::new_from_str_with_options(source, options) {
        let taken = match event {
            Ok((event, span)) => {
                let at = |m: &granit_parser::Marker| m.byte_offset().unwrap_or(0);
                builder.take(event, Span { start: at(&span.start), end: at(&span.end) })
            }
            Err(error) => {
                builder.syntax(&error);
                Err(Stop)
            }
        };
        if taken.is_err() || builder.found.is_full() {
            return None;
        }
    }
    if builder.root.is_none() {
        builder.found.add(Span::default(), EMPTY, WHOLE);
    }
    builder.root
}

/// Nothing after this can be read.
struct Stop;

enum Frame {
    List {
        items: Vec<Rc<Node>>,
        span: Span,
        anchor: usize,
    },
    Map {
        entries: Vec<(Key, Rc<Node>)>,
        seen: HashSet<String>,
        next: Next,
        span: Span,
        anchor: usize,
    },
}

enum Next {
    Key,
    Value(Key),
    /// The value of a key that was refused.
    Nothing,
}

struct Builder<'a> {
    source: &'a str,
    found: &'a mut Found,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Rc<Node>>,
    weight: usize,
    documents: usize,
    values: usize,
    root: Option<Rc<Node>>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        if event.tag().is_some() {
            self.found.add(span, "tags are not used in this file", "remove the `!...`");
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.found.add(span, "a file holds one document", "remove what follows `---`");
                    return Err(Stop);
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let text_at = self
                    .source
                    .get(span.start..span.end)
                    .and_then(|raw| raw.find(&*text))
                    .map(|at| span.start + at);
                let weight = 1 + text.len();
                let kind = Kind::Scalar { text: text.into_owned(), plain, text_at };
                self.put(Rc::new(Node { kind, span, weight, depth: 1 }), anchor, span)?;
            }
            Event::SequenceStart(_, anchor, _) => {
                self.frames.push(Frame::List { items: Vec::new(), span, anchor });
            }
            Event::MappingStart(_, anchor, _) => {
                let (entries, seen) = (Vec::new(), HashSet::new());
                self.frames.push(Frame::Map { entries, seen, next: Next::Key, span, anchor });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(id) => {
                if let Some(node) = self.anchors.get(&id).cloned() {
                    self.put(node, 0, span)?;
                } else {
                    self.found.add(span, "an alias within what it stands for", None::<&str>);
                    self.put(Rc::new(Node::text("", span)), 0, span)?;
                }
            }
            Event::UnresolvedAlias(name) => {
                let message = format!("no anchor &{name} before this alias");
                self.found.add(span, message, "quote a text that begins with `*`");
                self.put(Rc::new(Node::text("", span)), 0, span)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Stop> {
        let (kind, mut span, anchor) = match self.frames.pop() {
            Some(Frame::List { items, span, anchor }) => (Kind::List(items), span, anchor),
            Some(Frame::Map { entries, span, anchor, .. }) => (Kind::Map(entries), span, anchor),
            None => return Err(Stop),
        };
        let (children, first, keys): (Vec<&Rc<Node>>, _, usize) = match &kind {
            Kind::Map(entries) => (
                entries.iter().map(|(_, n)| n).collect(),
                entries.first().map(|(k, _)| k.span),
                entries.iter().map(|(k, _)| 1 + k.name.len()).sum(),
            ),
            Kind::List(items) => (items.iter().collect(), items.first().map(|n| n.span), 0),
            Kind::Scalar { .. } => (Vec::new(), None, 0),
        };
        let weight = children.iter().map(|n| n.weight).fold(1 + keys, usize::saturating_add);
        let depth = 1 + children.iter().map(|n| n.depth).max().unwrap_or(0);
        if let Some(Frame::Map { next: Next::Value(key), .. }) = self.frames.last() {
            span = key.span;
        } else if let Some(first) = first {
            span = first;
        }
        self.put(Rc::new(Node { kind, span, weight, depth }), anchor, span)
    }

    /// Puts a finished node where it belongs; `at` is where it was written, or its alias.
    fn put(&mut self, node: Rc<Node>, anchor: usize, at: Span) -> Result<(), Stop> {
        if self.frames.len() + node.depth > DEEPEST {
            self.found.add(at, TOO_DEEP, None::<&str>);
            return Err(Stop);
        }
        // A collection's children were counted when they were put: only an alias counts whole.
        let fresh = Rc::strong_count(&node) == 1;
        self.weight += match &node.kind {
            Kind::Scalar { .. } => node.weight,
            _ if fresh => 1,
            _ => node.weight,
        };
        self.values += 1;
        if self.values > MOST_VALUES {
            let message = format!("the file holds more than {MOST_VALUES} values");
            self.found.add(at, message, None::<&str>);
            return Err(Stop);
        }
        if self.weight > HEAVIEST {
            self.found.add(at, "the file is too large with its aliases written out", None::<&str>);
            return Err(Stop);
        }
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        match self.frames.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { entries, seen, next, .. }) => {
                *next = match std::mem::replace(next, Next::Key) {
                    Next::Value(key) => {
                        let node = if node.is_null() && at.start == at.end {
                            // Nothing is written there: point at the key.
                            Rc::new(Node::text("", key.span))
                        } else {
                            node
                        };
                        entries.push((key, node));
                        Next::Key
                    }
                    Next::Nothing => Next::Key,
                    Next::Key => match &node.kind {
                        Kind::Scalar { text, .. } if seen.insert(text.clone()) => {
                            Next::Value(Key { name: text.clone(), span: at })
                        }
                        Kind::Scalar { text, .. } => {
                            let first = entries.iter().find(|(k, _)| k.name == *text);
                            let hint = first.map(|(k, _)| {
                                let line = self.source[..k.span.start].matches('\n').count() + 1;
                                format!("it is already given in line {line}")
                            });
                            let message = format!("the key {} is given twice", excerpt(text));
                            self.found.add(at, message, hint);
                            Next::Nothing
                        }
                        _ => {
                            let hint = "put quotes around a text with `{` or `[` in it";
                            self.found.add(at, "a key must be a text", hint);
                            Next::Nothing
                        }
                    },
                }
            }
        }
        Ok(())
    }

    fn syntax(&mut self, error: &ScanError) {
        let marker = error.marker();
        let start = marker.byte_offset().unwrap_or_else(|| {
            self.source.char_indices().nth(marker.index()).map_or(self.source.len(), |(at, _)| at)
        });
        let length =
            self.source.get(start..).and_then(|s| s.chars().next()).map_or(0, char::len_utf8);
        let span = Span { start, end: start + length };
        let hint = match error.kind() {
            ErrorKind::RecursionLimitExceeded => {
                return self.found.add(span, TOO_DEEP, None::<&str>);
            }
            ErrorKind::UnclosedFlowCollection { open } => Some(match open {
                '[' => "close it with `]`",
                _ => "close it with `}`",
            }),
            ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabNotAllowed => Some("indent with spaces"),
            ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::FlowMappingValueAdjacentCollection => {
                Some("a text with `{{...}}`, `,` or `: ` in it needs quotes")
            }
            _ => None,
        };
        self.found.add(span, format!("{NOT_YAML}: {}", error.kind()), hint);
    }
}

/// How a problem of syntax begins.
pub(in crate::experiment) const NOT_YAML: &str = "not YAML";

/// What is wrong with a file that holds nothing.
pub(in crate::experiment) const EMPTY: &str = "the file is empty";

/// What a file needs at least.
pub(in crate::experiment) const WHOLE: &str = "an experiment has at least `version: 1`, `name`, `target` and \
     `load`; `experiments/quickstart.yaml` is a whole one";

const TOO_DEEP: &str = "nested too deep: at most 64 levels";

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(source: &str) -> Vec<String> {
        let mut found = Found::default();
        build(source, &mut found);
        let problems = found.into_problems(std::path::Path::new("f"), source);
        problems.map(|p| p.to_string().lines().map(str::to_owned).collect()).unwrap_or_default()
    }

    #[test]
    fn aliases_stand_for_their_anchor() {
        let mut found = Found::default();
        let root = build("a: &x [1, 2]\nb: *x\n", &mut found).unwrap();
        let Kind::Map(entries) = &root.kind else { panic!("{root:?}") };
        assert!(Rc::ptr_eq(&entries[0].1, &entries[1].1));
    }

    #[test]
    fn what_yaml_allows_and_an_experiment_does_not_is_a_problem() {
        assert!(problems("a: 1\nb: 2\na: 3\n")[0].contains("3:1: the key \"a\" is given twice"));
        assert!(problems("a: *x\n")[0].contains("1:4: no anchor &x"));
        assert!(problems("a: &x [*x]\n")[0].contains("within what it stands for"));
        assert!(problems("a: !t 1\n")[0].contains("tags"));
        assert!(problems("a: 1\n---\nb: 2\n")[0].contains("one document"));
        assert!(problems("{[1]: 2}\n")[0].contains("a key must be a text"));
        assert!(problems("a: {b: \"x}\n")[0].contains("not YAML"));
        assert!(problems("# nothing\n")[0].contains("empty"));
        assert_eq!(problems("a: [1, {b: c}]\n"), Vec::<String>::new());
    }

    #[test]
    fn depth_counts_through_aliases() {
        use std::fmt::Write as _;
        let mut text = "a0: &a0 x\n".to_owned();
        for i in 1..100 {
            writeln!(text, "a{i}: &a{i} [*a{}]", i - 1).unwrap();
        }
        assert!(problems(&text)[0].contains("nested too deep"));
    }
}
