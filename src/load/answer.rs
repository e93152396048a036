use hyper::HeaderMap;
use serde_json::Value;

use super::failure::Failure;
use super::render::missing;
use crate::experiment::{CaptureSource, HttpStep};

/// A complete answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// The first [`KEPT`] bytes of the body, if the step looks at it.
    pub(super) body: Vec<u8>,
}

/// So much of a body is kept for captures and expectations: 1 MiB. The rest is read, counted and forgotten.
pub(super) const KEPT: usize = 1 << 20;

impl Answer {
    /// Holds the answer against what the step expects, and takes what it captures.
    pub(super) fn judge(&self, step: &HttpStep) -> Result<Vec<(String, String)>, Failure> {
        if !step.expect.accepts(self.status) {
            return Err(Failure::failed(format!("status {}", self.status)));
        }
        if let Some(text) = &step.expect.body_contains
            && !contains(&self.body, text.as_bytes())
        {
            return Err(Failure::failed("body mismatch"));
        }
        let wants_json = step.capture.iter().any(|c| matches!(c.from, CaptureSource::Json(_)));
        let json: Option<Value> =
            wants_json.then(|| serde_json::from_slice(&self.body).ok()).flatten();
        step.capture
            .iter()
            .map(|capture| {
                let value = match &capture.from {
                    CaptureSource::Json(pointer) => {
                        json.as_ref().and_then(|j| j.pointer(pointer)).and_then(text_of)
                    }
                    CaptureSource::Header(name) => self
                        .headers
                        .get(name)
                        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
                };
                Ok((capture.name.clone(), value.ok_or_else(|| missing(&capture.name))?))
            })
            .collect()
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Capture, Expect, Method, Template};

    fn step(expect: Expect, capture: &[(&str, CaptureSource)]) -> HttpStep {
        HttpStep {
            name: "x".to_owned(),
            method: Method::Get,
            url: Template::default(),
            headers: Vec::new(),
            body: None,
            expect,
            capture: capture
                .iter()
                .map(|(name, from)| Capture { name: (*name).to_owned(), from: from.clone() })
                .collect(),
            timeout: None,
        }
    }

    fn answer(status: u16, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("x-id", "h7".parse().unwrap());
        Answer { status, headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn captures_come_from_body_and_header() {
        let json = |pointer: &str| CaptureSource::Json(pointer.to_owned());
        let header = CaptureSource::Header("X-Id".to_owned());
        let step =
            step(Expect::default(), &[("t", json("/a/0/token")), ("n", json("/n")), ("h", header)]);
        let got = answer(200, r#"{"a":[{"token":"s3"}],"n":12}"#).judge(&step).unwrap();
        let got: Vec<&str> = got.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(got, ["s3", "12", "h7"]);
        let miss = answer(200, r#"{"a":[],"n":12}"#).judge(&step).unwrap_err();
        assert_eq!(miss.text, "capture t missing");
        assert_eq!(answer(200, "no json").judge(&step).unwrap_err().text, "capture t missing");
    }

    #[test]
    fn expectations_are_held() {
        let body_contains = Some("ok".to_owned());
        let step = step(Expect { status: vec![201], body_contains }, &[]);
        assert!(answer(201, "all ok").judge(&step).is_ok());
        assert_eq!(answer(200, "all ok").judge(&step).unwrap_err().text, "status 200");
        assert_eq!(answer(201, "all bad").judge(&step).unwrap_err().text, "body mismatch");
    }
}
