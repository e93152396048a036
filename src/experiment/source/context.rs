//! What decoding carries along: the problems found, names in scope, and checks for the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Problems, Span};
use crate::experiment::known::{Known, Noted};

/// Problems kept at most: a hostile file must not fill memory with them.
const MOST: usize = 100;

/// The problems found so far.
#[derive(Debug, Default)]
pub(in crate::experiment) struct Found {
    list: Vec<(Span, String, Option<String>)>,
    omitted: usize,
}

impl Found {
    /// Adds one.
    pub(in crate::experiment) fn add<'h>(
        &mut self,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<Hint<'h>>,
    ) {
        if self.is_full() {
            self.omitted += 1;
        } else {
            self.list.push((span, message.into(), hint.into().0.map(Into::into)));
        }
    }

    /// Whether more are only counted.
    pub(in crate::experiment) fn is_full(&self) -> bool {
        self.list.len() >= MOST
    }

    /// Them all, if any.
    pub(in crate::experiment) fn into_problems(
        self,
        file: &Path,
        source: &str,
    ) -> Option<Problems> {
        (!self.list.is_empty()).then(|| Problems::new(file, source, self.list, self.omitted))
    }
}

/// What would be right, if that can be said.
pub(in crate::experiment) struct Hint<'h>(Option<std::borrow::Cow<'h, str>>);

impl<'h> From<&'h str> for Hint<'h> {
    fn from(text: &'h str) -> Self {
        Self(Some(text.into()))
    }
}
impl From<String> for Hint<'_> {
    fn from(text: String) -> Self {
        Self(Some(text.into()))
    }
}
impl<T: Into<Self>> From<Option<T>> for Hint<'_> {
    fn from(text: Option<T>) -> Self {
        text.map_or(Self(None), Into::into)
    }
}

/// A check that needs the whole file: done when everything is read.
type Check = Box<dyn FnOnce(&Known<'_>, &mut Found)>;

/// What decoding carries along.
pub(in crate::experiment) struct Context {
    /// Problems so far.
    pub found: Found,
    /// What is doubtful, and keeps nothing from being read.
    pub warned: Found,
    /// The folder of the file, absolute.
    pub folder: PathBuf,
    /// Values that take the place of variables of the file.
    pub set: BTreeMap<String, String>,
    /// The file's variables; known before any template is read.
    pub variables: BTreeMap<String, String>,
    /// Names of the file's secrets; known before any template is read.
    pub secrets: BTreeSet<String>,
    /// Columns of the data files by name; `None` of one that could not be read. Known before any step is read.
    pub feeds: BTreeMap<String, Option<Vec<String>>>,
    /// Where the steps of the scenario at hand take values of data files.
    pub columns: Vec<Span>,
    /// Names captured by steps before this one.
    pub captured: BTreeSet<String>,
    /// Bytes that templates may still grow by.
    pub template_bytes: usize,
    /// What elements noted of themselves, for checks at the end.
    pub noted: Noted,
    later: Vec<Check>,
}

impl Context {
    /// For a file in `folder`, with the problems its tree had.
    pub(in crate::experiment) fn new(folder: PathBuf, found: Found) -> Self {
        Self {
            found,
            warned: Found::default(),
            folder,
            set: BTreeMap::new(),
            variables: BTreeMap::new(),
            secrets: BTreeSet::new(),
            feeds: BTreeMap::new(),
            columns: Vec::new(),
            captured: BTreeSet::new(),
            template_bytes: 16 << 20,
            noted: Noted::default(),
            later: Vec::new(),
        }
    }

    /// Adds a problem.
    pub(in crate::experiment) fn problem(&mut self, span: Span, message: impl Into<String>) {
        self.found.add(span, message, None::<&str>);
    }

    /// Adds a problem and what would be right.
    pub(in crate::experiment) fn problem_hint<'h>(
        &mut self,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<Hint<'h>>,
    ) {
        self.found.add(span, message, hint);
    }

    /// Has `check` done when everything is read.
    pub(in crate::experiment) fn later(
        &mut self,
        check: impl FnOnce(&Known<'_>, &mut Found) + 'static,
    ) {
        self.later.push(Box::new(check));
    }

    /// Does what was put off.
    pub(in crate::experiment) fn finish(self, known: &Known<'_>) -> Found {
        let mut found = self.found;
        for check in self.later {
            check(known, &mut found);
        }
        found
    }
}
