use serde_json::Value;

use super::captures::Names;
use super::failure::Failure;
use super::script::Line;
use crate::experiment::CaptureSource;

/// What is kept of an answer while it comes in: its status, and what the step looks at.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Values of header fields that the step captures.
    fields: Vec<(u16, String)>,
    /// The first [`KEPT`] bytes of the body, if the step looks at it.
    body: Vec<u8>,
    longer: bool,
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
        self.body.clear();
        self.body.shrink_to(SPARE);
        self.longer = false;
    }

    /// Takes the value of a header field that the step captures.
    pub(super) fn field(&mut self, slot: u16, value: &[u8]) {
        self.fields.push((slot, String::from_utf8_lossy(value).into_owned()));
    }

    /// Takes a piece of the body.
    pub(super) fn body(&mut self, piece: &[u8]) {
        let room = KEPT - self.body.len();
        self.longer |= piece.len() > room;
        self.body.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// Holds the answer against what the step expects, and takes what it captures.
    pub(super) fn judge(
        &mut self,
        line: &Line,
        names: &Names,
    ) -> Result<Vec<(u16, String)>, Failure> {
        if !line.expect.accepts(self.status) {
            return Err(Failure::status(self.status));
        }
        if let Some(text) = &line.expect.body_contains
            && !contains(&self.body, text.as_bytes())
        {
            return Err(Failure::failed(if self.longer { TOO_LARGE } else { "body mismatch" }));
        }
        if line.captures.is_empty() {
            return Ok(Vec::new());
        }
        let wants_json = line.captures.iter().any(|c| matches!(c.from, CaptureSource::Json(_)));
        if wants_json && self.longer {
            return Err(Failure::failed(TOO_LARGE));
        }
        let json: Option<Value> =
            wants_json.then(|| serde_json::from_slice(&self.body).ok()).flatten();
        let found = |capture: &super::script::Taken| match &capture.from {
            CaptureSource::Json(pointer) => json.as_ref()?.pointer(pointer).and_then(text_of),
            CaptureSource::Header(_) => {
                let field = self.fields.iter().find(|(slot, _)| *slot == capture.slot)?;
                Some(field.1.clone())
            }
        };
        line.captures
            .iter()
            .map(|c| Ok((c.slot, found(c).ok_or_else(|| names.missing(c.slot))?)))
            .collect()
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

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Capture, Expect};
    use crate::load::script::tests::script;

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
        let play = &script.scenarios[0];
        let mut answer = Answer::default();
        answer.body(b"left over");
        answer.clear();
        answer.status = status;
        for capture in &play.lines[0].captures {
            if matches!(capture.from, CaptureSource::Header(_)) {
                answer.field(capture.slot, b"h7");
            }
        }
        body.as_bytes().chunks(1 << 16).for_each(|piece| answer.body(piece));
        let taken = answer.judge(&play.lines[0], &play.names).map_err(|f| f.text.into_owned())?;
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
    fn expectations_are_held() {
        let body_contains = Some("ok".to_owned());
        let expect = Expect { status: vec![201], body_contains };
        let judged = |status, body| judged(expect.clone(), &[], status, body);
        assert!(judged(201, "all ok").is_ok());
        assert_eq!(judged(200, "all ok").unwrap_err(), "status 200");
        assert_eq!(judged(201, "all bad").unwrap_err(), "body mismatch");
        let far = format!("{}ok", "x".repeat(KEPT));
        assert_eq!(judged(201, &far).unwrap_err(), TOO_LARGE);
    }
}
