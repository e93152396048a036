use std::time::Duration;

use httparse::Header;
use regex_lite::Regex;
use serde_json::{Number, Value};

use super::LoadError;
use super::failure::Failure;
use crate::experiment::{Expect, Wanted};
use crate::units::duration;

/// What an answer is held against, made ready: expressions compiled, texts of failures written.
#[derive(Debug)]
pub(super) struct Checks {
    expect: Expect,
    body_matches: Option<Regex>,
    headers: Vec<Field>,
    /// Why it fails.
    slow: String,
}

#[derive(Debug)]
struct Field {
    name: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Is(String),
    Matches(Regex),
}

impl Checks {
    pub(super) fn new(expect: &Expect) -> Result<Self, LoadError> {
        let field = |(name, wanted): &(String, Wanted)| {
            let test = match wanted {
                Wanted::Is(text) => Test::Is(text.clone()),
                Wanted::Matches(text) => Test::Matches(compile(text)?),
            };
            Ok(Field { name: name.clone(), test })
        };
        Ok(Self {
            body_matches: expect.body_matches.as_deref().map(compile).transpose()?,
            headers: expect.headers.iter().map(field).collect::<Result<_, LoadError>>()?,
            slow: expect
                .within
                .map_or_else(String::new, |d| format!("slower than {}", duration(d))),
            expect: expect.clone(),
        })
    }

    /// Whether it looks at the body's text.
    pub(super) fn read_body(&self) -> bool {
        self.expect.body_contains.is_some() || self.body_matches.is_some() || self.reads_json()
    }

    /// Whether it looks at values of the body.
    pub(super) fn reads_json(&self) -> bool {
        !self.expect.json.is_empty()
    }

    /// What is wrong with the head.
    pub(super) fn head(&self, fields: &[Header<'_>]) -> Option<Failure> {
        let good = |field: &&Field| {
            let found = fields.iter().filter(|f| f.name.eq_ignore_ascii_case(&field.name));
            found.map(|f| String::from_utf8_lossy(f.value)).any(|value| match &field.test {
                Test::Is(text) => *text == value,
                Test::Matches(regex) => regex.is_match(&value),
            })
        };
        let bad = self.headers.iter().find(|field| !good(field))?;
        Some(Failure::failed(format!("header {} mismatch", bad.name)))
    }

    /// Whether the status is good.
    pub(super) fn status(&self, status: u16) -> Result<(), Failure> {
        if self.expect.accepts(status) { Ok(()) } else { Err(Failure::status(status)) }
    }

    /// Whether the body is as large as it should be.
    pub(super) fn size(&self, bytes: u64) -> Result<(), Failure> {
        let small = self.expect.min_size.is_some_and(|min| bytes < min.0);
        let large = self.expect.max_size.is_some_and(|max| bytes > max.0);
        match (small, large) {
            (true, _) => Err(Failure::failed("body too small")),
            (_, true) => Err(Failure::failed("body too large")),
            _ => Ok(()),
        }
    }

    /// Whether the body's text is good.
    pub(super) fn body(&self, body: &[u8]) -> bool {
        let text = self.expect.body_contains.as_ref();
        text.is_none_or(|text| contains(body, text.as_bytes()))
            && self.body_matches.as_ref().is_none_or(|r| r.is_match(&String::from_utf8_lossy(body)))
    }

    /// Whether the body's values are good.
    pub(super) fn json(&self, body: Option<&Value>) -> Result<(), Failure> {
        let Some(body) = body else { return Err(Failure::failed("body is not JSON")) };
        let differs = |(pointer, wanted): &&(String, Value)| {
            body.pointer(pointer).is_none_or(|found| !same(found, wanted))
        };
        match self.expect.json.iter().find(differs) {
            None => Ok(()),
            Some((pointer, _)) => Err(Failure::failed(format!("json {pointer} mismatch"))),
        }
    }

    /// Whether the answer came in time.
    pub(super) fn time(&self, took: Duration) -> Result<(), Failure> {
        match self.expect.within {
            Some(within) if took > within => Err(Failure::failed(self.slow.clone())),
            _ => Ok(()),
        }
    }
}

pub(super) fn compile(pattern: &str) -> Result<Regex, LoadError> {
    Regex::new(pattern).map_err(|error| LoadError::Invalid(format!("{pattern:?}: {error}")))
}

/// Numbers are the same whatever way they are written.
fn same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Number(a), Value::Number(b)) => a == b || Number::as_f64(a) == Number::as_f64(b),
        _ => found == wanted,
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}
