use std::borrow::Cow;
use std::fmt::Write;

use bytes::Bytes;
use hyper::Uri;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use rand::{Rng as _, RngExt};

use super::failure::Failure;
use super::script::Line;
use super::session::Values;
use crate::experiment::{Body, Method, Part, Template};
use crate::seed::Rng;

/// Where a request goes, as its URL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) tls: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
}

/// A request with every template filled in.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) origin: Origin,
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Fills in a step's templates. The same values and generator state give the same request.
pub(super) fn request(line: &Line, values: &Values, rng: &mut Rng) -> Result<Request, Failure> {
    let url = fill(&line.step.url, values, rng, Escape::Url)?;
    let url: Uri = url.parse().map_err(|_| Failure::failed("url is not valid"))?;
    let authority = url.authority().ok_or_else(|| Failure::failed("url is not absolute"))?;
    let tls = url.scheme_str() == Some("https");
    let mut headers = HeaderMap::with_capacity(line.headers.len() + 3);
    for (name, template) in &line.headers {
        let value = fill(template, values, rng, Escape::None)?;
        let value = HeaderValue::from_str(&value)
            .map_err(|_| Failure::failed(format!("header {name} is not valid")))?;
        headers.append(name, value);
    }
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    if !headers.contains_key(HOST) {
        let value = HeaderValue::from_str(host).map_err(|_| Failure::failed("url is not valid"))?;
        headers.insert(HOST, value);
    }
    if !headers.contains_key(USER_AGENT) {
        let agent = concat!("longhaul/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    }
    let body = match &line.step.body {
        None => Bytes::new(),
        Some(Body::Raw(template)) => fill(template, values, rng, Escape::None)?.into_owned().into(),
        Some(Body::Json(template)) => {
            if !headers.contains_key(CONTENT_TYPE) {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            fill(template, values, rng, Escape::Json)?.into_owned().into()
        }
    };
    let origin = Origin {
        tls,
        host: authority.host().trim_matches(['[', ']']).to_owned(),
        port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
    };
    let target = match url.path_and_query() {
        Some(target) => Uri::from(target.clone()),
        None => Uri::from_static("/"),
    };
    Ok(Request { origin, method: line.step.method, target, headers, body })
}

/// How a captured value is written, so that it can't break what surrounds it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    /// As it is.
    None,
    /// As the inside of a JSON string.
    Json,
    /// With `%XX` for what can't stand in a URL. Delimiters stay, so that a captured link works.
    Url,
}

fn fill<'a>(
    template: &'a Template,
    values: &Values,
    rng: &mut Rng,
    escape: Escape,
) -> Result<Cow<'a, str>, Failure> {
    if let [Part::Text(text)] = template.parts.as_slice() {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::new();
    for part in &template.parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Captured(name) => {
                push(&mut out, values.get(name).ok_or_else(|| missing(name))?, escape);
            }
            Part::RandomInt(low, high) => {
                let n = rng.random_range(*low.min(high)..=*low.max(high));
                write!(out, "{n}").unwrap_or_default();
            }
            Part::Uuid => push_uuid(&mut out, rng),
        }
    }
    Ok(Cow::Owned(out))
}

/// What is said when a value that was to be captured is not there.
pub(super) fn missing(name: &str) -> Failure {
    Failure::failed(format!("capture {name} missing"))
}

fn push(out: &mut String, value: &str, escape: Escape) {
    match escape {
        Escape::None => out.push_str(value),
        Escape::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            out.push_str(&quoted[1..quoted.len() - 1]);
        }
        Escape::Url => {
            for byte in value.bytes() {
                if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
                    out.push(char::from(byte));
                } else {
                    write!(out, "%{byte:02X}").unwrap_or_default();
                }
            }
        }
    }
}

fn push_uuid(out: &mut String, rng: &mut Rng) {
    let mut bytes = [0_u8; 16];
    rng.fill_bytes(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        write!(out, "{byte:02x}").unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Expect, HttpStep};
    use crate::record::StepId;
    use crate::seed::Seed;

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    fn line(url: Vec<Part>, body: Option<Body>) -> Line {
        let step = HttpStep {
            name: "x".to_owned(),
            method: Method::Post,
            url: Template { parts: url },
            headers: Vec::new(),
            body,
            expect: Expect::default(),
            capture: Vec::new(),
            timeout: None,
        };
        let timeout = std::time::Duration::from_secs(1);
        Line { id: StepId(0), step, headers: Vec::new(), timeout, keep_body: false }
    }

    fn with_token(token: &str) -> Values {
        let mut values = Values::default();
        values.keep_for_session(vec![("token".to_owned(), token.to_owned())]);
        values
    }

    #[test]
    fn captured_values_do_not_break_out() {
        let token = || Part::Captured("token".to_owned());
        let body = Body::Json(Template { parts: vec![text("{\"t\":\""), token(), text("\"}")] });
        let line = line(vec![text("http://[::1]:81/"), token()], Some(body));
        let nasty = "a\"b\\ \n{é";
        let request = request(&line, &with_token(nasty), &mut Seed(1).rng()).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(json["t"], nasty);
        assert_eq!(request.target, "/a%22b%5C%20%0A%7B%C3%A9");
        assert_eq!(request.origin, Origin { tls: false, host: "::1".to_owned(), port: 81 });
        assert_eq!(request.headers[HOST], "[::1]:81");
        assert_eq!(request.headers[CONTENT_TYPE], "application/json");
    }

    #[test]
    fn a_missing_capture_is_named() {
        let line = line(vec![text("http://h/"), Part::Captured("token".to_owned())], None);
        let failure = request(&line, &Values::default(), &mut Seed(1).rng()).unwrap_err();
        assert_eq!(failure, Failure::failed("capture token missing"));
    }

    #[test]
    fn random_parts_come_from_the_seed() {
        let line =
            line(vec![text("https://h?"), Part::RandomInt(3, 5), text("-"), Part::Uuid], None);
        let draw = |seed| {
            let request = request(&line, &Values::default(), &mut Seed(seed).rng()).unwrap();
            assert_eq!(request.origin.port, 443);
            request.target.to_string()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let (n, uuid) =
            draw(9)[2..].split_once('-').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert!((3..=5).contains(&n.parse::<i32>().unwrap()));
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"));
    }
}
