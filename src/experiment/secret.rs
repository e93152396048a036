//! The values of secrets: read when a run begins, never shown and never stored.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::{self, Write as _};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Experiment, Part, Scenario, SecretSource, Step, read};

/// What is shown in place of a value.
const SHOWN: &str = "***";
/// How a place for a value begins in a text.
const OPEN: &str = "{{secret.";

/// A value that is shown as `***`, by whatever shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value, for where it is needed and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value as a part of a URL: all but letters, digits and `-._~` as `%XX` (RFC 3986, 2.3).
    pub fn url_encoded(&self) -> String {
        let mut text = String::new();
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                write!(text, "%{byte:02X}").ok();
            }
        }
        text
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SHOWN)
    }
}

/// The values of a run's secrets, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, Secret>);

/// Secrets that can't be had. The text fits after "failed to".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read the secrets: {}", problems.iter().map(|(name, why)| format!("`{name}`: {why}")).collect::<Vec<_>>().join("; "))]
pub struct SecretsError {
    /// Each by its name, and why.
    pub problems: Vec<(String, String)>,
}

impl Secrets {
    /// Reads the secrets that an experiment names. `env` answers what an environment variable holds.
    ///
    /// # Errors
    /// All that can't be had, or can't stand where they are to stand.
    pub fn read(
        experiment: &Experiment,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, SecretsError> {
        let (mut values, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, source) in &experiment.secrets {
            let checked = value(source, &env).and_then(|value| {
                if value.chars().any(char::is_control) && in_headers(experiment, name) {
                    return Err(format!(
                        "{source} holds a control character, which no header can hold"
                    ));
                }
                Ok(Secret(value))
            });
            match checked {
                Ok(secret) => {
                    values.insert(name.clone(), secret);
                }
                Err(why) => problems.push((name.clone(), why)),
            }
        }
        if problems.is_empty() { Ok(Self(values)) } else { Err(SecretsError { problems }) }
    }

    /// A value.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// A text with the values at their places `{{secret.NAME}}`.
    pub fn fill(&self, text: &str) -> String {
        self.filled(text, |secret| secret.expose().to_owned())
    }

    /// A URL with the values at their places, encoded.
    pub fn fill_url(&self, url: &str) -> String {
        self.filled(url, Secret::url_encoded)
    }

    fn filled(&self, text: &str, written: impl Fn(&Secret) -> String) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(OPEN) {
            let name = &rest[at + OPEN.len()..];
            let Some(end) = name.find("}}") else { break };
            filled.push_str(&rest[..at]);
            let after = at + OPEN.len() + end + 2;
            match self.get(&name[..end]) {
                Some(secret) => filled.push_str(&written(secret)),
                None => filled.push_str(&rest[at..after]),
            }
            rest = &rest[after..];
        }
        filled + rest
    }

    /// A text of somebody else's without the values: an engine, a program or a server may repeat what it was given.
    pub fn redact(&self, text: impl Into<String>) -> String {
        let mut text = text.into();
        // The longest first: one value may hold another.
        let mut values: Vec<&Secret> = self.0.values().collect();
        values.sort_by_key(|secret| std::cmp::Reverse(secret.0.len()));
        for secret in values {
            for form in [secret.0.clone(), secret.url_encoded()] {
                if text.contains(&form) {
                    text = text.replace(&form, SHOWN);
                }
            }
        }
        text
    }

    /// The same for every text of a document.
    pub fn redact_document(&self, document: &mut Value) {
        if self.0.is_empty() {
            return;
        }
        match document {
            Value::String(text) => *text = self.redact(std::mem::take(text)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_document(item)),
            Value::Object(fields) => {
                fields.values_mut().for_each(|field| self.redact_document(field));
            }
            _ => {}
        }
    }
}

fn value(source: &SecretSource, env: &impl Fn(&str) -> Option<OsString>) -> Result<String, String> {
    let value = match source {
        SecretSource::Env(name) => env(name)
            .ok_or_else(|| format!("the environment has no variable {name}"))?
            .into_string()
            .map_err(|_| format!("{source} holds no UTF-8 text"))?,
        SecretSource::File(path) => {
            let text = read::text(path).map_err(|why| format!("{}: {why}", path.display()))?;
            let line = text.strip_suffix('\n').unwrap_or(&text);
            line.strip_suffix('\r').unwrap_or(line).to_owned()
        }
    };
    if value.is_empty() {
        return Err(format!("{source} is empty"));
    }
    if value.contains('\0') {
        return Err(format!("{source} holds a zero byte"));
    }
    Ok(value)
}

/// Whether a secret stands in a header of any request.
fn in_headers(experiment: &Experiment, name: &str) -> bool {
    let scenarios = experiment.load.scenarios.iter();
    scenarios
        .flat_map(Scenario::all_steps)
        .flat_map(Step::headers)
        .flat_map(|(_, value)| &value.parts)
        .any(|part| matches!(part, Part::Secret(secret) if secret == name))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::experiment::parse;

    const VALUE: &str = "s3cr\"t/+&";

    fn experiment(secrets: &str) -> Experiment {
        let text = format!(
            "version: 1
name: p
target: {{ process: {{ command: [x] }} }}
secrets: {{ {secrets} }}
load:
  profile: [ hold: {{ rate: 1/s, for: 1m }} ]
  scenarios: {{ s: {{ steps: [ http: {{ get: \"http://app.target:80/\", headers: {{ authorization: \"Bearer {{{{secret.a}}}}\" }} }} ] }} }}
"
        );
        parse(&text, Path::new("/no/such/folder/e.yaml")).unwrap()
    }

    fn secrets(value: &'static str) -> Result<Secrets, SecretsError> {
        Secrets::read(&experiment("a: { env: A }"), |name| (name == "A").then(|| value.into()))
    }

    #[test]
    fn a_secret_is_shown_by_nothing() {
        let secrets = secrets(VALUE).unwrap();
        let secret = secrets.get("a").unwrap();
        assert_eq!(secret.expose(), VALUE);
        assert_eq!(format!("{secrets:?} {secret:?}"), "Secrets({\"a\": ***}) ***");
        assert_eq!(serde_json::to_string(secret).unwrap(), "\"***\"");
        let stored = serde_json::to_string(&experiment("a: { env: A }")).unwrap();
        assert!(stored.contains(r#""secrets":{"a":{"env":"A"}}"#), "{stored}");
    }

    #[test]
    fn values_come_to_their_places_and_go_from_texts() {
        let secrets = secrets(VALUE).unwrap();
        let text = "x={{secret.a}}{{port}}{{secret.b}}{{secret.";
        assert_eq!(secrets.fill(text), format!("x={VALUE}{{{{port}}}}{{{{secret.b}}}}{{{{secret."));
        assert_eq!(secrets.fill_url("http://h/?k={{secret.a}}"), "http://h/?k=s3cr%22t%2F%2B%26");
        let told = format!("bad {VALUE} at http://h/?k=s3cr%22t%2F%2B%26");
        assert_eq!(secrets.redact(told), "bad *** at http://h/?k=***");
        let mut document = serde_json::json!({ "env": [format!("A={VALUE}"), 1], "b": VALUE });
        secrets.redact_document(&mut document);
        assert_eq!(document, serde_json::json!({ "env": ["A=***", 1], "b": "***" }));
    }

    #[test]
    fn all_that_can_not_be_had_is_told_at_once_and_no_value_with_it() {
        let missing = experiment("a: { env: A }, b: { env: B }, c: { file: c.txt }");
        let empty = |name: &str| (name == "B").then(OsString::new);
        let told = Secrets::read(&missing, empty).unwrap_err().to_string();
        insta::assert_snapshot!(told, @"read the secrets: `a`: the environment has no variable A; `b`: the environment variable B is empty; `c`: /no/such/folder/c.txt: there is no such file");
        let told = secrets("two\nlines").unwrap_err().to_string();
        insta::assert_snapshot!(told, @"read the secrets: `a`: the environment variable A holds a control character, which no header can hold");
    }

    #[test]
    fn the_line_break_at_a_files_end_is_no_part_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let mut experiment = experiment("a: { env: A }");
            experiment.secrets.insert("a".to_owned(), SecretSource::File(path.clone()));
            Secrets::read(&experiment, |_| None).map(|s| s.get("a").unwrap().expose().to_owned())
        };
        assert_eq!(of("abc\n").unwrap(), "abc");
        assert_eq!(of("abc\r\n").unwrap(), "abc");
        assert_eq!(of(" abc ").unwrap(), " abc ");
        assert!(of("\n").unwrap_err().to_string().ends_with("token is empty"));
    }
}
