use std::borrow::Cow;
use std::time::Duration;

use httparse::Header;
use serde_json::Value;

use super::captures::Names;
use super::failure::Failure;
use super::script::{Find, Line, Taken};

/// What is kept of an answer while it comes in: its status, and what the step looks at.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Values of header fields that the step captures.
    fields: Vec<(u16, String)>,
    /// What is wrong with its head.
    amiss: Option<Failure>,
    /// Cookies that it sets.
    pub(super) cookies: Vec<Vec<u8>>,
    /// The first [`KEPT`] bytes of the body, if the step looks at it.
    body: Vec<u8>,
    /// Bytes of the whole body.
    length: u64,
}

/// So much of a body is kept for captures and expectations: 1 MiB. The rest is read, counted and forgotten.
const KEPT: usize = 1 << 20;
/// A buffer larger than this is given back after use.
const SPARE: usize = 16 * 1024;

impl Answer {
    /// Makes it ready for the next answer.
    pub(super) fn clear(&mut self) {
        self.status = 0;
        self.fields.clear();
        self.amiss = None;
        self.cookies.clear();
        self.body.clear();
        self.body.shrink_to(SPARE);
        self.length = 0;
    }

    /// Takes the head.
    pub(super) fn head(&mut self, line: &Line, status: u16, fields: &[Header<'_>]) {
        self.status = status;
        for capture in &line.captures {
            let Find::Header(name) = &capture.from else { continue };
            if let Some(field) = fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)) {
                let value = String::from_utf8_lossy(field.value).into_owned();
                self.fields.push((capture.slot, value));
            }
        }
        self.amiss = line.checks.head(fields);
        if line.site.is_some() {
            let set = fields.iter().filter(|f| f.name.eq_ignore_ascii_case("set-cookie"));
            self.cookies.extend(set.map(|f| f.value.to_vec()));
        }
    }

    /// Takes a piece of the body.
    pub(super) fn body(&mut self, line: &Line, piece: &[u8]) {
        self.length += piece.len() as u64;
        if line.keep_body {
            let room = KEPT - self.body.len();
            self.body.extend_from_slice(&piece[..piece.len().min(room)]);
        }
    }

    /// Holds the answer, which took so long, against what the step expects, and takes what it captures.
    pub(super) fn judge(
        &mut self,
        line: &Line,
        names: &Names,
        took: Duration,
    ) -> Result<Vec<(u16, String)>, Failure> {
        let checks = &line.checks;
        checks.status(self.status)?;
        if let Some(failure) = self.amiss.take() {
            return Err(failure);
        }
        checks.size(self.length)?;
        let longer = line.keep_body && self.length > self.body.len() as u64;
        if !checks.body(&self.body) {
            return Err(Failure::failed(if longer { TOO_LARGE } else { "body mismatch" }));
        }
        let captures_json = line.captures.iter().any(|c| matches!(c.from, Find::Json(_)));
        let wants_json = captures_json || checks.reads_json();
        if wants_json && longer {
            return Err(Failure::failed(TOO_LARGE));
        }
        let json: Option<Value> =
            wants_json.then(|| serde_json::from_slice(&self.body).ok()).flatten();
        if checks.reads_json() {
            checks.json(json.as_ref())?;
        }
        checks.time(took)?;
        let mut taken = Vec::with_capacity(line.captures.len());
        for capture in &line.captures {
            match self.find(capture, json.as_ref()) {
                Some(value) => taken.push((capture.slot, value)),
                None if longer && matches!(capture.from, Find::Regex(_)) => {
                    return Err(Failure::failed(TOO_LARGE));
                }
                None => return Err(names.missing(capture.slot)),
            }
        }
        Ok(taken)
    }

    fn find(&self, capture: &Taken, json: Option<&Value>) -> Option<String> {
        match &capture.from {
            Find::Json(pointer) => json?.pointer(pointer).and_then(text_of),
            Find::Header(_) => {
                let field = self.fields.iter().find(|(slot, _)| *slot == capture.slot)?;
                Some(field.1.clone())
            }
            Find::Regex(regex) => {
                let body: Cow<'_, str> = String::from_utf8_lossy(&self.body);
                let groups = regex.captures(&body)?;
                let found = if groups.len() > 1 { groups.get(1) } else { groups.get(0) };
                found.map(|found| found.as_str().to_owned())
            }
        }
    }
}

const TOO_LARGE: &str = "answer body too large to look at (over 1 MiB)";

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Capture, CaptureSource, Expect, Wanted};
    use crate::load::script::tests::script;
    use crate::units::Bytes;

    const FIELDS: [Header<'_>; 2] = [
        Header { name: "x-id", value: b"h7" },
        Header { name: "Content-Type", value: b"text/plain; charset=utf-8" },
    ];

    fn judged(
        expect: Expect,
        capture: &[(&str, CaptureSource)],
        status: u16,
        body: &str,
    ) -> Result<Vec<String>, String> {
        let script = script("http://h/", |step| {
            step.expect = expect;
            step.capture = capture
                .iter()
                .map(|(name, from)| Capture { name: (*name).to_owned(), from: from.clone() })
                .collect();
        });
        let (play, took) = (&script.scenarios[0], Duration::from_millis(20));
        let (line, mut answer) = (&play.lines[0], Answer::default());
        answer.head(line, 500, &[]);
        answer.body(line, b"left over");
        answer.clear();
        answer.head(line, status, &FIELDS);
        body.as_bytes().chunks(1 << 16).for_each(|piece| answer.body(line, piece));
        let taken = answer.judge(line, &play.names, took).map_err(|f| f.text.into_owned())?;
        Ok(taken.into_iter().map(|(_, value)| value).collect())
    }

    #[test]
    fn captures_come_from_body_and_header() {
        let json = |pointer: &str| CaptureSource::Json(pointer.to_owned());
        let header = CaptureSource::Header("X-Id".to_owned());
        let capture = [("t", json("/a/0/token")), ("n", json("/n")), ("h", header)];
        let judged = |body| judged(Expect::default(), &capture, 200, body);
        assert_eq!(judged(r#"{"a":[{"token":"s3"}],"n":12}"#).unwrap(), ["s3", "12", "h7"]);
        assert_eq!(judged(r#"{"a":[],"n":12}"#).unwrap_err(), "capture t missing");
        assert_eq!(judged("no json").unwrap_err(), "capture t missing");
        let huge = format!("\"{}\"", "x".repeat(KEPT));
        assert_eq!(judged(&huge).unwrap_err(), TOO_LARGE);
    }

    #[test]
    fn a_capture_by_expression_is_its_first_group_or_all_of_it() {
        let regex = |text: &str| CaptureSource::Regex(text.to_owned());
        let capture = [("g", regex(r#"csrf" value="([^"]+)""#)), ("w", regex(r"v\d+"))];
        let judged = |body: &str| judged(Expect::default(), &capture, 200, body);
        let page = r#"<input name="csrf" value="a1b2"> v34"#;
        assert_eq!(judged(page).unwrap(), ["a1b2", "v34"]);
        assert_eq!(judged("v34").unwrap_err(), "capture g missing");
        let far = format!("{}{page}", "x".repeat(KEPT));
        assert_eq!(judged(&far).unwrap_err(), TOO_LARGE);
    }

    #[test]
    fn expectations_are_held() {
        let body_contains = Some("ok".to_owned());
        let expect = Expect { status: vec![201], body_contains, ..Expect::default() };
        let judged = |status, body| judged(expect.clone(), &[], status, body);
        assert!(judged(201, "all ok").is_ok());
        assert_eq!(judged(200, "all ok").unwrap_err(), "status 200");
        assert_eq!(judged(201, "all bad").unwrap_err(), "body mismatch");
        let far = format!("{}ok", "x".repeat(KEPT));
        assert_eq!(judged(201, &far).unwrap_err(), TOO_LARGE);
    }

    #[test]
    fn every_check_can_fail() {
        let said =
            |expect: Expect, body: &str| judged(expect, &[], 200, body).err().unwrap_or_default();
        let header = |name: &str, wanted| Expect {
            headers: vec![(name.to_owned(), wanted)],
            ..Expect::default()
        };
        let text = |text: &str| text.to_owned();
        assert_eq!(said(header("x-id", Wanted::Is(text("h7"))), ""), "");
        assert_eq!(said(header("x-id", Wanted::Is(text("h8"))), ""), "header x-id mismatch");
        assert_eq!(said(header("x-no", Wanted::Is(text(""))), ""), "header x-no mismatch");
        let kind = |pattern: &str| header("content-type", Wanted::Matches(text(pattern)));
        assert_eq!(said(kind("^text/"), ""), "");
        assert_eq!(said(kind("^application/"), ""), "header content-type mismatch");
        let matches = || Expect { body_matches: Some(text("^a+$")), ..Expect::default() };
        assert_eq!(said(matches(), "aaa"), "");
        assert_eq!(said(matches(), "aba"), "body mismatch");
        let json = |value: Value| Expect { json: vec![(text("/a/0"), value)], ..Expect::default() };
        assert_eq!(said(json(3.into()), r#"{"a":[3.0]}"#), "");
        assert_eq!(said(json(Value::Null), r#"{"a":[null]}"#), "");
        assert_eq!(said(json("3".into()), r#"{"a":[3]}"#), "json /a/0 mismatch");
        assert_eq!(said(json(3.into()), r#"{"a":[]}"#), "json /a/0 mismatch");
        assert_eq!(said(json(3.into()), "no"), "body is not JSON");
        let size = |min, max| Expect {
            min_size: Some(Bytes(min)),
            max_size: Some(Bytes(max)),
            ..Expect::default()
        };
        assert_eq!(said(size(3, 3), "abc"), "");
        assert_eq!(said(size(4, 9), "abc"), "body too small");
        assert_eq!(said(size(0, 2), "abc"), "body too large");
        let within = |ms| Expect { within: Some(Duration::from_millis(ms)), ..Expect::default() };
        assert_eq!(said(within(20), ""), "");
        assert_eq!(said(within(19), ""), "slower than 19ms");
    }
}
