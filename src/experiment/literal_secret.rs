//! Secrets that are written into the file: a run's record, and whoever reads it, would have them too.

use super::source::{Context, Span};
use super::{Part, Template};

/// Words in the names of what is a secret, as a rule.
const WORDS: [&str; 10] = [
    "authorization",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "credential",
    "cookie",
];
/// Ends of names that speak of a secret and hold none.
const OTHERS: [&str; 6] = ["file", "path", "dir", "name", "url", "ttl"];

/// Warns of a header whose value is a secret as it stands.
pub(super) fn header(name: &str, value: &Template, span: Span, cx: &mut Context) {
    let literal: Option<String> = value
        .parts
        .iter()
        .map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None })
        .collect();
    if let Some(value) = literal {
        warn(name, &value, span, cx);
    }
}

/// Warns of an environment variable whose value is a secret as it stands.
pub(super) fn variable(name: &str, value: &str, span: Span, cx: &mut Context) {
    if !value.contains("{{") {
        warn(name, value, span, cx);
    }
}

fn warn(name: &str, value: &str, span: Span, cx: &mut Context) {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let speaks = WORDS.iter().any(|word| plain.contains(word));
    let harmless = OTHERS.iter().any(|end| plain.ends_with(end))
        || value.is_empty()
        || value.parse::<f64>().is_ok()
        || value.parse::<bool>().is_ok();
    if speaks && !harmless {
        // Without the value: warnings end in the logs of others.
        let message = format!("`{name}` looks like a secret, and its value stands in the file");
        let hint = "name its source under `secrets` and write {{secret.NAME}} here: the record of every run \
                    holds what the file holds";
        cx.warned.add(span, message, hint);
    }
}
