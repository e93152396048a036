//! `redis://`, `postgres://` and `ws://` addresses: where a step's connections lead.

use serde_json::{Value, json};

use super::source::{Context, Decode, Definitions, Node, Span, Text, excerpt};
use super::{literal_secret, template, url};

/// A text in which variables are filled in.
#[derive(Clone, Debug)]
pub(super) struct Filled(pub String);

impl Decode for Filled {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        template::fill(node, &[], cx).map(Self)
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string" })
    }
}

/// The host of a URL of one of these schemes, and what follows it; a problem if it is none. `text` may end within the
/// path.
pub(super) fn read<'t>(
    text: &'t str,
    schemes: [&str; 2],
    span: Span,
    cx: &mut Context,
) -> Option<(url::Host, &'t str)> {
    let [plain, secure] = schemes;
    let rest = schemes.iter().find_map(|s| text.strip_prefix(s)?.strip_prefix("://"));
    let Some(rest) = rest else {
        let message = format!("{} is not a {plain}:// or {secure}:// URL", excerpt(text));
        cx.problem_hint(span, message, format!("write it in full: {plain}://host:port"));
        return None;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match url::authority(authority) {
        Ok(host) if host.service().is_some() && host.port.is_none() => {
            let message = format!("{} needs a port", excerpt(authority));
            cx.problem_hint(span, message, format!("write {plain}://SERVICE.target:PORT"));
            None
        }
        Ok(host) => {
            url::later(host.clone(), span, cx);
            Some((host, path))
        }
        Err(reason) => {
            let reason =
                reason.replace("send credentials in a header", "give `user` and `password`");
            cx.problem(span, format!("{} {reason}", excerpt(authority)));
            None
        }
    }
}

/// A password, as a rule the place of a secret.
#[derive(Debug)]
pub(super) struct Password(pub String);

impl Decode for Password {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = template::fill(node, &[template::SECRET], cx)?;
        if text.is_empty() {
            cx.problem_hint(node.span, "the password is empty", "leave it out if there is none");
            return None;
        }
        literal_secret::variable("password", &text, node.span, cx);
        Some(Self(text))
    }

    fn schema(defs: &mut Definitions) -> Value {
        Text::schema(defs)
    }
}
