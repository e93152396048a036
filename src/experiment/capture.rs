//! `capture:` values of an answer that later steps use.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::source::{Context, Decode, Definitions, Node, excerpt};

/// A value kept for later steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// Name for use in templates.
    pub name: String,
    /// Where it is.
    pub from: CaptureSource,
}

/// Where a captured value is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureSource {
    /// `json:$.a.b[0]`, kept as the JSON pointer `/a/b/0`.
    Json(String),
    /// `header:x-name`.
    Header(String),
    /// `regex:...`: the first group of its first match in the body, or the match if it has no group.
    Regex(String),
}

/// Where a captured value is, as written.
#[derive(Debug)]
pub(super) struct Source(pub CaptureSource);

impl Decode for Source {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("where the value is", cx)?;
        if let Some(text) = text.strip_prefix("regex:") {
            return pattern(text.trim(), node, cx).map(CaptureSource::Regex).map(Self);
        }
        let source = if let Some(path) = text.strip_prefix("json:") {
            pointer(path.trim()).map(CaptureSource::Json)
        } else if let Some(name) = text.strip_prefix("header:") {
            let name = name.trim();
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            (!name.is_empty() && name.bytes().all(token))
                .then(|| CaptureSource::Header(name.to_ascii_lowercase()))
        } else {
            None
        };
        if source.is_none() {
            let message = format!("{} does not say where the value is", excerpt(text));
            let hint = "write json:$.path.to[0].value, header:x-name or regex:...";
            cx.problem_hint(node.span, message, hint);
        }
        source.map(Self)
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "pattern": "^(json:\\s*\\$|header:|regex:).*$" })
    }
}

/// A regular expression that can be used; a problem if it is none.
pub(super) fn pattern(text: &str, node: &Node, cx: &mut Context) -> Option<String> {
    const LONGEST: usize = 1000;
    let why = match regex_lite::Regex::new(text) {
        Ok(_) if text.len() <= LONGEST => return Some(text.to_owned()),
        Ok(_) => "it is longer than 1000 bytes".to_owned(),
        Err(error) => error.to_string(),
    };
    cx.problem_hint(node.span, format!("{} is not a regular expression", excerpt(text)), why);
    None
}

/// `$.a.b[0]['c d']` as the JSON pointer `/a/b/0/c d`.
pub(super) fn pointer(path: &str) -> Option<String> {
    let mut rest = path.strip_prefix('$')?;
    let mut pointer = String::new();
    while !rest.is_empty() {
        let key;
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            (key, rest) = after.split_at(end);
        } else if let Some((inner, after)) = rest.strip_prefix('[')?.split_once(']') {
            let quoted =
                ['\'', '"'].into_iter().find_map(|q| inner.strip_prefix(q)?.strip_suffix(q));
            key = match quoted {
                Some(key) => key,
                None if inner.bytes().all(|b| b.is_ascii_digit()) => inner,
                None => return None,
            };
            rest = after;
        } else {
            return None;
        }
        if key.is_empty() || key.contains(['*', '?', '(', ')']) {
            return None;
        }
        pointer.push('/');
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
    }
    Some(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_pointers() {
        for (path, expected) in [
            ("$.access_token", Some("/access_token")),
            ("$.a.b[0]", Some("/a/b/0")),
            ("$['a b'][\"c/d\"].e~f", Some("/a b/c~1d/e~0f")),
            ("$", Some("")),
            ("a.b", None),
            ("$.", None),
            ("$..a", None),
            ("$.a[*]", None),
            ("$.a[", None),
            ("$a", None),
        ] {
            assert_eq!(pointer(path).as_deref(), expected, "{path}");
        }
    }
}
