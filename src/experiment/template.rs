//! Templates: texts with `{{...}}` in them.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::source::{Context, Decode, Definitions, Kind, Node, Span, closest, excerpt};

/// A text with places to fill in. Variables of the file are already filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The pieces in order.
    pub parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// `{{name}}`: a value captured by an earlier step of the session or scenario; `{{data.column}}`: a value of the
    /// row that the arrival was given.
    Captured(String),
    /// `{{random_int(LOW, HIGH)}}`: uniform, both ends included; both within +-10^15.
    RandomInt(i64, i64),
    /// `{{uuid()}}`: a version 4 UUID drawn from the seed.
    Uuid,
    /// `{{secret.NAME}}`: a value that is known only while the run goes.
    Secret(String),
}

/// Names with a meaning of their own.
pub(super) const RESERVED: [&str; 8] =
    ["random_int", "uuid", "self", "listen", "port", "dir", "pid", "container"];
/// How the name of a secret begins.
pub(super) const SECRET: &str = "secret.";
/// Names that stand for what differs from instance to instance of a process.
pub(super) const INSTANCE: [&str; 4] = ["self", "listen", "port", "dir"];
/// The same, and secrets.
pub(super) const INSTANCE_AND_SECRETS: [&str; 5] = ["self", "listen", "port", "dir", SECRET];
/// Names that stand for the instance whose heap is captured.
pub(super) const CAPTURED: [&str; 2] = ["pid", "container"];
const LARGEST: i64 = 1_000_000_000_000_000;

impl Template {
    /// Adds text at the end.
    pub(super) fn push_text(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Part::Text(last)) => last.push_str(text),
            _ if text.is_empty() => {}
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }

    /// The text up to the first place that is filled in later.
    pub(super) fn head(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// For people: what is filled in later is `{}`.
    pub(super) fn outline(&self) -> String {
        self.parts.iter().map(|p| if let Part::Text(t) = p { t } else { "{}" }).collect()
    }
}

impl Decode for Template {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a text", cx)?;
        let mut template = Self::default();
        let mut good = true;
        for token in tokens(text) {
            let part = match token {
                Token::Text(text) => {
                    template.push_text(text);
                    continue;
                }
                Token::Unclosed(at) => {
                    unclosed(node, at, cx);
                    None
                }
                Token::Expression(inner, at) => part(node, inner, &at, cx),
            };
            match part {
                Some(Part::Text(text)) => template.push_text(&text),
                Some(part) => template.parts.push(part),
                None => good = false,
            }
        }
        good.then_some(template)
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": ["string", "number", "boolean"] })
    }
}

/// A text in which only variables are filled in; `keep` are names that are left for later, as written. With [`SECRET`]
/// among them those of secrets are, too.
pub(super) fn fill(node: &Node, keep: &[&str], cx: &mut Context) -> Option<String> {
    let text = node.scalar("a text", cx)?;
    let mut filled = String::new();
    let mut good = true;
    for token in tokens(text) {
        match token {
            Token::Text(text) => filled.push_str(text),
            Token::Unclosed(at) => {
                unclosed(node, at, cx);
                good = false;
            }
            Token::Expression(inner, _) if keep.contains(&inner.trim()) => {
                filled.push_str("{{");
                filled.push_str(inner.trim());
                filled.push_str("}}");
            }
            Token::Expression(inner, at) => {
                let name = inner.trim();
                if name.starts_with(SECRET) {
                    let known = keep.contains(&SECRET) && secret(node, name, &at, cx).is_some();
                    if known {
                        filled.push_str("{{");
                        filled.push_str(name);
                        filled.push_str("}}");
                    } else if !keep.contains(&SECRET) {
                        cx.problem_hint(place(node, &at), "a secret can't stand here", PLACES);
                    }
                    good &= known;
                } else if let Some(value) = cx.variables.get(name).cloned() {
                    grow(node, &at, value.len(), cx)?;
                    filled.push_str(&value);
                } else {
                    let known: Vec<&str> = cx
                        .variables
                        .keys()
                        .map(String::as_str)
                        .chain(keep.iter().copied().filter(|name| *name != SECRET))
                        .collect();
                    let hint = names_hint(name, &known);
                    let message = format!("{} is not a variable", excerpt(name));
                    cx.problem_hint(place(node, &at), message, hint);
                    good = false;
                }
            }
        }
    }
    good.then_some(filled)
}

/// The same for what a process is given, which can't hold a zero byte.
pub(super) fn fill_word(node: &Node, keep: &[&str], cx: &mut Context) -> Option<String> {
    let text = fill(node, keep, cx)?;
    if text.contains('\0') {
        cx.problem(node.span, format!("{} holds a zero byte", excerpt(&text)));
        return None;
    }
    Some(text)
}

const PLACES: &str = "secrets are for what requests send (headers, bodies, messages, passwords, HTTP URLs), for `env`, and for the URLs of `scrape` and \
                      `capture`: what stands elsewhere can be seen by others";

/// The secret that `name` means, which begins with [`SECRET`]; a problem if the file has none such.
fn secret(node: &Node, name: &str, at: &Range<usize>, cx: &mut Context) -> Option<String> {
    let wanted = &name[SECRET.len()..];
    if cx.secrets.contains(wanted) {
        return Some(wanted.to_owned());
    }
    let known: Vec<&str> = cx.secrets.iter().map(String::as_str).collect();
    let hint = match closest(wanted, &known) {
        Some(near) => format!("did you mean `{SECRET}{near}`?"),
        None => "name its source under `secrets`".to_owned(),
    };
    cx.problem_hint(
        place(node, at),
        format!("{} is not a secret of this file", excerpt(wanted)),
        hint,
    );
    None
}

/// A name that templates can use: of a variable or of a captured value.
#[derive(Clone, Debug)]
pub(super) struct Name(pub String);

impl Decode for Name {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a name", cx)?;
        let message = if !is_name(text) {
            format!("{} is not a name for templates", excerpt(text))
        } else if RESERVED.contains(&text) {
            format!("`{text}` has a meaning of its own in templates")
        } else {
            return Some(Self(text.to_owned()));
        };
        cx.problem_hint(node.span, message, "a letter, then up to 63 letters, digits and `_`");
        None
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "pattern": "^[A-Za-z][A-Za-z0-9_]{0,63}$", "not": { "enum": RESERVED } })
    }
}

enum Token<'t> {
    Text(&'t str),
    /// The text between the braces, and where it is.
    Expression(&'t str, Range<usize>),
    Unclosed(usize),
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find("{{").map(|i| at + i) {
        if open > at {
            tokens.push(Token::Text(&text[at..open]));
        }
        let inner = open + 2;
        let Some(close) = text[inner..].find("}}").map(|i| inner + i) else {
            tokens.push(Token::Unclosed(open));
            return tokens;
        };
        tokens.push(Token::Expression(&text[inner..close], inner..close));
        at = close + 2;
    }
    if at < text.len() {
        tokens.push(Token::Text(&text[at..]));
    }
    tokens
}

fn part(node: &Node, inner: &str, at: &Range<usize>, cx: &mut Context) -> Option<Part> {
    let text = inner.trim();
    if let Some((name, arguments)) = text.strip_suffix(')').and_then(|t| t.split_once('(')) {
        return function(node, name.trim(), arguments, at, cx);
    }
    if text.starts_with(SECRET) {
        return secret(node, text, at, cx).map(Part::Secret);
    }
    if let Some(value) = cx.variables.get(text).cloned() {
        grow(node, at, value.len(), cx)?;
        return Some(Part::Text(value));
    }
    if cx.captured.contains(text) {
        return Some(Part::Captured(text.to_owned()));
    }
    if text == "uuid" {
        return Some(Part::Uuid);
    }
    if let Some((feed, name)) = text.split_once('.').filter(|(feed, _)| is_name(feed)) {
        return column(node, (feed, name), at, cx);
    }
    let (message, hint) = if text == "random_int" {
        ("`random_int` needs a range".to_owned(), Some("write random_int(1, 1000)".to_owned()))
    } else if is_name(text) {
        let known: Vec<&str> =
            cx.variables.keys().chain(&cx.captured).map(String::as_str).chain(["uuid"]).collect();
        let message = format!("`{text}` is neither a variable nor captured by an earlier step");
        (message, Some(names_hint(text, &known)))
    } else {
        let hint = "write a name, random_int(LOW, HIGH) or uuid()".to_owned();
        (format!("can't read {}", excerpt(text)), Some(hint))
    };
    cx.problem_hint(place(node, at), message, hint);
    None
}

/// A value of a data file's rows.
fn column(
    node: &Node,
    (feed, name): (&str, &str),
    at: &Range<usize>,
    cx: &mut Context,
) -> Option<Part> {
    let known: Vec<&str>;
    let (message, hint) = match cx.feeds.get(feed) {
        Some(Some(columns)) if !columns.iter().any(|c| c == name) => {
            known = columns.iter().map(String::as_str).collect();
            (format!("the data `{feed}` has no column {}", excerpt(name)), names_hint(name, &known))
        }
        Some(_) => {
            cx.columns.push(place(node, at));
            return Some(Part::Captured(format!("{feed}.{name}")));
        }
        None => {
            known = cx.feeds.keys().map(String::as_str).collect();
            let hint = if known.is_empty() {
                format!("give `load.data` a `{feed}`")
            } else {
                names_hint(feed, &known)
            };
            (format!("there is no data called `{feed}`"), hint)
        }
    };
    cx.problem_hint(place(node, at), message, hint);
    None
}

fn function(
    node: &Node,
    name: &str,
    arguments: &str,
    at: &Range<usize>,
    cx: &mut Context,
) -> Option<Part> {
    let span = place(node, at);
    match name {
        "uuid" if arguments.trim().is_empty() => Some(Part::Uuid),
        "uuid" => {
            cx.problem_hint(span, "`uuid` takes nothing", "write uuid()");
            None
        }
        "random_int" => {
            let bounds: Option<Vec<i64>> =
                arguments.split(',').map(|a| a.trim().parse().ok()).collect();
            match bounds.as_deref() {
                Some([low, high]) if low > high => {
                    let hint = format!("write random_int({high}, {low})");
                    cx.problem_hint(span, format!("the range is empty: {low} > {high}"), hint);
                    None
                }
                Some([low, high]) if *low >= -LARGEST && *high <= LARGEST => {
                    Some(Part::RandomInt(*low, *high))
                }
                _ => {
                    let hint = "two whole numbers within +-10^15: random_int(1, 1000)";
                    cx.problem_hint(span, "`random_int` needs a range", hint);
                    None
                }
            }
        }
        _ => {
            let hint = match closest(name, &["random_int", "uuid"]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "there are random_int(LOW, HIGH) and uuid()".to_owned(),
            };
            cx.problem_hint(span, format!("unknown function {}", excerpt(name)), hint);
            None
        }
    }
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn names_hint(given: &str, known: &[&str]) -> String {
    match closest(given, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there are no variables in this file".to_owned(),
        None => format!("known here: {}", known[..known.len().min(20)].join(", ")),
    }
}

fn unclosed(node: &Node, at: usize, cx: &mut Context) {
    cx.problem_hint(place(node, &(at..at + 2)), "`{{` is not closed", "close it with `}}`");
}

/// Takes what a variable adds from the budget of the file.
fn grow(node: &Node, at: &Range<usize>, by: usize, cx: &mut Context) -> Option<()> {
    if let Some(left) = cx.template_bytes.checked_sub(by) {
        cx.template_bytes = left;
        return Some(());
    }
    cx.problem(place(node, at), "the templates of the file grow past 16 MiB");
    None
}

/// Where a range of a node's text is in the file.
fn place(node: &Node, range: &Range<usize>) -> Span {
    match node.kind {
        Kind::Scalar { text_at: Some(at), .. } => {
            Span { start: at + range.start, end: at + range.end }
        }
        _ => node.span,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::source::{Found, build};

    fn read(yaml: &str) -> Result<Template, String> {
        let mut found = Found::default();
        let root = build(yaml, &mut found).unwrap();
        let mut cx = Context::new("/".into(), found);
        cx.variables.insert("base".to_owned(), "http://h".to_owned());
        cx.captured.insert("token".to_owned());
        let template = Template::decode(&root, &mut cx);
        match cx.found.into_problems("t".as_ref(), yaml) {
            Some(problems) => Err(problems.to_string()),
            None => Ok(template.unwrap()),
        }
    }

    #[test]
    fn pieces_are_found_and_variables_filled_in() {
        let template =
            read("\"{{base}}/{{ random_int( -5 ,10) }}/{{token}}{{uuid()}}{{uuid}}}\"").unwrap();
        assert_eq!(
            template.parts,
            [
                Part::Text("http://h/".to_owned()),
                Part::RandomInt(-5, 10),
                Part::Text("/".to_owned()),
                Part::Captured("token".to_owned()),
                Part::Uuid,
                Part::Uuid,
                Part::Text("}".to_owned()),
            ]
        );
        assert_eq!(template.outline(), "http://h/{}/{}{}{}}");
    }

    #[test]
    fn every_mistake_has_its_column() {
        let all = [
            "\"ab{{\"",
            "'x {{tokn}}'",
            "\"{{random_int(9, 1)}}\"",
            "\"{{random_int(1)}}\"",
            "\"{{random_itn(1, 2)}}\"",
            "\"{{uuid(1)}}\"",
            "\"{{}}\"",
            "\"{{a b}} {{zzz}}\"",
        ]
        .map(|yaml| read(yaml).unwrap_err())
        .join("\n");
        insta::assert_snapshot!(all, @r#"
        t:1:4: `{{` is not closed (close it with `}}`)
        t:1:6: `tokn` is neither a variable nor captured by an earlier step (did you mean `token`?)
        t:1:4: the range is empty: 9 > 1 (write random_int(1, 9))
        t:1:4: `random_int` needs a range (two whole numbers within +-10^15: random_int(1, 1000))
        t:1:4: unknown function "random_itn" (did you mean `random_int`?)
        t:1:4: `uuid` takes nothing (write uuid())
        t:1:4: can't read "" (write a name, random_int(LOW, HIGH) or uuid())
        t:1:4: can't read "a b" (write a name, random_int(LOW, HIGH) or uuid())
        t:1:12: `zzz` is neither a variable nor captured by an earlier step (known here: base, token, uuid)
        "#);
    }
}
