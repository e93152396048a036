//! The tree of a file, every node with its place.

use std::rc::Rc;

use super::Span;

/// A value of the file.
#[derive(Debug)]
pub(in crate::experiment) struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where to point: its text, or for a list or map what introduces it.
    pub span: Span,
    /// What it weighs with all aliases written out: nodes and bytes of text.
    pub weight: usize,
    /// How many levels it has.
    pub depth: usize,
}

/// The kinds of values.
#[derive(Debug)]
pub(in crate::experiment) enum Kind {
    /// A text, not yet read as anything.
    Scalar {
        /// The text, escapes resolved.
        text: String,
        /// Written without quotes: may be a number, `true`, `null`.
        plain: bool,
        /// Where the text begins when it stands in the file as it is.
        text_at: Option<usize>,
    },
    /// `[...]` or `- ...`.
    List(Vec<Rc<Node>>),
    /// `{...}` or `key: ...`, in the order of the file; keys are unique.
    Map(Vec<(Key, Rc<Node>)>),
}

/// A key of a map.
#[derive(Clone, Debug)]
pub(in crate::experiment) struct Key {
    /// The key.
    pub name: String,
    /// Where it is.
    pub span: Span,
}

impl Node {
    /// A text as if it stood at `span`: how defaults are read.
    pub(super) fn text(text: &str, span: Span) -> Self {
        let kind = Kind::Scalar { text: text.to_owned(), plain: true, text_at: None };
        Self { kind, span, weight: 1, depth: 1 }
    }

    /// A key's text as a node: how keys of the user's own are read.
    pub(super) fn quoted(text: &str, span: Span) -> Self {
        let kind = Kind::Scalar { text: text.to_owned(), plain: false, text_at: None };
        Self { kind, span, weight: 1, depth: 1 }
    }

    /// Whether nothing was written, or `null`.
    pub(in crate::experiment) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true, .. } if is_null(text))
    }

    /// The value of a key, if it is a map.
    pub(in crate::experiment) fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|(k, _)| k.name == key).map(|(_, n)| &**n),
            _ => None,
        }
    }

    /// Whether it is a map with this key.
    pub(in crate::experiment) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// A key as it is written, if it is a map that has it.
    pub(in crate::experiment) fn key(&self, name: &str) -> Option<&Key> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().map(|(key, _)| key).find(|key| key.name == name),
            _ => None,
        }
    }

    /// Its entries, if it is a map; none otherwise.
    pub(in crate::experiment) fn entries(&self) -> impl Iterator<Item = (&Key, &Node)> {
        let entries = match &self.kind {
            Kind::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|(key, node)| (key, &**node))
    }

    /// Its items, if it is a list; else itself alone.
    pub(in crate::experiment) fn items(&self) -> impl Iterator<Item = &Node> {
        let (items, alone) = match &self.kind {
            Kind::List(items) => (items.as_slice(), None),
            _ => (&[][..], Some(self)),
        };
        items.iter().map(|node| &**node).chain(alone)
    }

    /// Its text, if it is one.
    pub(in crate::experiment) fn plain_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// What it is, in words.
    pub(in crate::experiment) fn what(&self) -> String {
        match &self.kind {
            _ if self.is_null() => "nothing".to_owned(),
            Kind::Scalar { text, .. } => excerpt(text),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
        }
    }
}

/// Whether an unquoted text stands for no value.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// A text in quotes, escaped and shortened for a message.
pub(in crate::experiment) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().nth(LONGEST).is_some() {
        format!("{:?}...", text.chars().take(LONGEST).collect::<String>())
    } else {
        format!("{text:?}")
    }
}
