use std::io::Write as _;
use std::ops::Range;

use rand::{Rng as _, RngExt};

use super::LoadError;
use super::captures::{Captures, Names};
use super::failure::Failure;
use crate::experiment::{Body, HttpStep, Method, Part, Secrets, Template};
use crate::seed::Rng;

/// A request as it goes over the wire, serialised once. What differs from one to the next is filled
/// into its places.
pub(super) struct Request {
    /// All text, in the order of the pieces.
    text: Vec<u8>,
    /// None if it is always the same: then the text is all.
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(Range<usize>),
    Fill(Fill, Escape),
    /// Where the cookies of this site are written.
    Cookies(usize),
    /// Where the length of the body is written.
    Length,
    /// Where the body begins.
    Body,
}

#[derive(Debug)]
enum Fill {
    /// The value of this capture.
    Captured(u16),
    RandomInt(i64, i64),
    Uuid,
}

/// How a captured value is written, so that it can't break what surrounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    /// As it is.
    None,
    /// As it is; it must not hold what ends a header field.
    Field,
    /// As the inside of a JSON string.
    Json,
    /// With `%XX` for what can't stand in a URL. Delimiters stay, so that a captured link works.
    Url,
}

/// Without its text: secrets stand in it.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("pieces", &self.pieces).finish_non_exhaustive()
    }
}

/// Room for the length of a body that differs: blanks before a field's value mean nothing.
const LENGTH_ROOM: &[u8] = b"               ";

impl Request {
    /// `target` is path and query of the step's URL, `host` its authority; `site` says whose cookies it carries.
    pub(super) fn with_cookies(
        step: &HttpStep,
        target: &Template,
        host: &str,
        names: &Names,
        (secrets, site): (&Secrets, Option<usize>),
    ) -> Result<Self, LoadError> {
        let mut request = Self { text: Vec::new(), pieces: Vec::new() };
        request.text(step.method.as_str().as_bytes());
        request.text(b" ");
        request.template(target, Escape::Url, names, secrets)?;
        request.text(b" HTTP/1.1\r\n");
        let has = |name: &str| step.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        if !has("host") {
            request.field("host", host);
        }
        if !has("user-agent") {
            request.field("user-agent", concat!("longhaul/", env!("CARGO_PKG_VERSION")));
        }
        request.pieces.extend(site.map(Piece::Cookies));
        for (name, value) in &step.headers {
            request.text(name.as_bytes());
            request.text(b": ");
            request.template(value, Escape::Field, names, secrets)?;
            request.text(b"\r\n");
        }
        let body = match &step.body {
            None => None,
            Some(Body::Raw(template)) => Some((template, Escape::None)),
            Some(Body::Json(template)) => {
                if !has("content-type") {
                    request.field("content-type", "application/json");
                }
                Some((template, Escape::Json))
            }
        };
        match body {
            None if matches!(step.method, Method::Post | Method::Put | Method::Patch) => {
                request.text(b"content-length: 0\r\n\r\n");
            }
            None => request.text(b"\r\n"),
            Some((template, escape)) => {
                if let Some(length) = fixed_length(template, escape, secrets)? {
                    request.text(format!("content-length: {length}\r\n\r\n").as_bytes());
                } else {
                    request.text(b"content-length:");
                    request.pieces.push(Piece::Length);
                    request.text(b"\r\n\r\n");
                    request.pieces.push(Piece::Body);
                }
                request.template(template, escape, names, secrets)?;
            }
        }
        request.settle();
        Ok(request)
    }

    /// A text by itself, as protocols other than HTTP send it.
    pub(super) fn plain(
        text: &Template,
        names: &Names,
        secrets: &Secrets,
    ) -> Result<Self, LoadError> {
        let mut request = Self { text: Vec::new(), pieces: Vec::new() };
        request.template(text, Escape::None, names, secrets)?;
        request.settle();
        Ok(request)
    }

    /// Takes note of it when nothing is filled in.
    fn settle(&mut self) {
        if self.pieces.iter().all(|piece| matches!(piece, Piece::Text(_))) {
            self.pieces.clear();
        }
    }

    /// The whole request, if it is always the same.
    pub(super) fn constant(&self) -> Option<&[u8]> {
        self.pieces.is_empty().then_some(&self.text)
    }

    /// Writes the request to `out`, which is empty. The same values and generator state give the same
    /// request.
    pub(super) fn fill(
        &self,
        captures: &Captures,
        names: &Names,
        rng: &mut Rng,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let (mut length, mut body) = (None, 0);
        for piece in &self.pieces {
            match piece {
                Piece::Text(range) => out.extend_from_slice(&self.text[range.clone()]),
                Piece::Fill(Fill::Captured(slot), escape) => {
                    let value = captures.get(*slot).ok_or_else(|| names.missing(*slot))?;
                    push(out, value, *escape).ok_or_else(|| names.unfit(*slot))?;
                }
                Piece::Fill(Fill::RandomInt(low, high), _) => {
                    let n = rng.random_range(*low.min(high)..=*low.max(high));
                    write!(out, "{n}").unwrap_or_default();
                }
                Piece::Fill(Fill::Uuid, _) => push_uuid(out, rng),
                Piece::Cookies(site) => {
                    let path = out.split(|b| *b == b' ').nth(1).unwrap_or_default().to_vec();
                    captures.jar.write(*site, &path, out);
                }
                Piece::Length => {
                    length = Some(out.len());
                    out.extend_from_slice(LENGTH_ROOM);
                }
                Piece::Body => body = out.len(),
            }
        }
        if let Some(at) = length {
            let digits = (out.len() - body).to_string();
            let end = at + LENGTH_ROOM.len();
            out[end - digits.len()..end].copy_from_slice(digits.as_bytes());
        }
        Ok(())
    }

    fn text(&mut self, text: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        let end = self.text.len();
        match self.pieces.last_mut() {
            Some(Piece::Text(last)) => last.end = end,
            _ if start == end => {}
            _ => self.pieces.push(Piece::Text(start..end)),
        }
    }

    fn field(&mut self, name: &str, value: &str) {
        self.text(format!("{name}: {value}\r\n").as_bytes());
    }

    fn template(
        &mut self,
        template: &Template,
        escape: Escape,
        names: &Names,
        secrets: &Secrets,
    ) -> Result<(), LoadError> {
        for part in &template.parts {
            let fill = match part {
                Part::Text(text) => {
                    if !fits(text.as_bytes(), escape) {
                        let reason = format!("{text:?} can't stand in a request's head");
                        return Err(LoadError::Invalid(reason));
                    }
                    self.text(text.as_bytes());
                    continue;
                }
                Part::Secret(name) => {
                    self.text(&secret(name, escape, secrets)?);
                    continue;
                }
                Part::Captured(name) => Fill::Captured(names.slot(name).ok_or_else(|| {
                    LoadError::Invalid(format!("no step of the scenario captures {name:?}"))
                })?),
                Part::RandomInt(low, high) => Fill::RandomInt(*low, *high),
                Part::Uuid => Fill::Uuid,
            };
            self.pieces.push(Piece::Fill(fill, escape));
        }
        Ok(())
    }
}

/// The length of a body that is always the same.
fn fixed_length(
    body: &Template,
    escape: Escape,
    secrets: &Secrets,
) -> Result<Option<usize>, LoadError> {
    let mut length = 0;
    for part in &body.parts {
        length += match part {
            Part::Text(text) => text.len(),
            Part::Secret(name) => secret(name, escape, secrets)?.len(),
            _ => return Ok(None),
        };
    }
    Ok(Some(length))
}

/// A secret's value as it is written where it stands. Errors name it, and never show it.
fn secret(name: &str, escape: Escape, secrets: &Secrets) -> Result<Vec<u8>, LoadError> {
    let invalid = |why: &str| LoadError::Invalid(format!("the secret {name:?} {why}"));
    let value = secrets.get(name).ok_or_else(|| invalid("has no value"))?;
    let mut out = Vec::new();
    if escape == Escape::Url {
        out.extend_from_slice(value.url_encoded().as_bytes());
        return Ok(out);
    }
    push(&mut out, value.expose(), escape).ok_or_else(|| invalid("can't stand in a header"))?;
    Ok(out)
}

fn fits(text: &[u8], escape: Escape) -> bool {
    match escape {
        Escape::None | Escape::Json => true,
        Escape::Field => text.iter().all(|b| *b == b'\t' || (*b >= b' ' && *b != 0x7f)),
        Escape::Url => text.iter().all(u8::is_ascii_graphic),
    }
}

/// `None` if the value can't stand there.
fn push(out: &mut Vec<u8>, value: &str, escape: Escape) -> Option<()> {
    match escape {
        Escape::Field if !fits(value.as_bytes(), escape) => return None,
        Escape::None | Escape::Field => out.extend_from_slice(value.as_bytes()),
        Escape::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            out.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
        }
        Escape::Url => {
            for byte in value.bytes() {
                if byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte) {
                    out.push(byte);
                } else {
                    write!(out, "%{byte:02X}").unwrap_or_default();
                }
            }
        }
    }
    Some(())
}

fn push_uuid(out: &mut Vec<u8>, rng: &mut Rng) {
    let mut bytes = [0_u8; 16];
    rng.fill_bytes(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        let digit = |n: u8| b"0123456789abcdef"[usize::from(n)];
        out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0x0f)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Expect;
    use crate::seed::Seed;

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    fn token() -> Part {
        Part::Captured("token".to_owned())
    }

    fn template(parts: Vec<Part>) -> Template {
        Template { parts }
    }

    impl Request {
        fn new(
            step: &HttpStep,
            target: &Template,
            host: &str,
            names: &Names,
            secrets: &Secrets,
        ) -> Result<Self, LoadError> {
            Self::with_cookies(step, target, host, names, (secrets, None))
        }
    }

    fn step(method: Method, headers: Vec<(&str, Template)>, body: Option<Body>) -> HttpStep {
        HttpStep {
            name: "x".to_owned(),
            method,
            url: Template::default(),
            headers: headers.into_iter().map(|(n, t)| (n.to_owned(), t)).collect(),
            body,
            expect: Expect::default(),
            capture: Vec::new(),
            timeout: None,
        }
    }

    fn names() -> Names {
        Names::new(["token".to_owned()])
    }

    fn fill(step: &HttpStep, target: Vec<Part>, token: &str, seed: u64) -> Result<String, Failure> {
        let names = names();
        let request =
            Request::new(step, &template(target), "h:81", &names, &Secrets::default()).unwrap();
        let mut captures = Captures::default();
        captures.keep_for_session(vec![(0, token.to_owned())]);
        let mut out = Vec::new();
        request.fill(&captures, &names, &mut Seed(seed).rng(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_request_without_places_is_its_bytes() {
        let target = || template(vec![text("/a?b=c")]);
        let constant = |step: &HttpStep| {
            let request =
                Request::new(step, &target(), "h:81", &names(), &Secrets::default()).unwrap();
            String::from_utf8(request.constant().unwrap().to_vec()).unwrap()
        };
        let agent = concat!("longhaul/", env!("CARGO_PKG_VERSION"));
        assert_eq!(
            constant(&step(Method::Get, vec![("X-A", template(vec![text("b c")]))], None)),
            format!("GET /a?b=c HTTP/1.1\r\nhost: h:81\r\nuser-agent: {agent}\r\nX-A: b c\r\n\r\n")
        );
        let own = ["Host", "User-Agent"].map(|name| (name, template(vec![text("me")])));
        assert_eq!(
            constant(&step(Method::Post, own.into(), None)),
            "POST /a?b=c HTTP/1.1\r\nHost: me\r\nUser-Agent: me\r\ncontent-length: 0\r\n\r\n"
        );
        let json =
            constant(&step(Method::Put, vec![], Some(Body::Json(template(vec![text("{}")])))));
        assert!(
            json.ends_with("content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"),
            "{json}"
        );
        let bad = step(Method::Get, vec![("x", template(vec![text("a\r\nb: c")]))], None);
        assert!(Request::new(&bad, &target(), "h", &names(), &Secrets::default()).is_err());
    }

    #[test]
    fn captured_values_do_not_break_out() {
        let body = Body::Json(template(vec![text("{\"t\":\""), token(), text("\"}")]));
        let step = step(
            Method::Post,
            vec![("x-t", template(vec![text("t"), Part::RandomInt(3, 3)]))],
            Some(body),
        );
        let nasty = "a\"b\\ \n{é#";
        let request = fill(&step, vec![text("/"), token()], nasty, 1).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /a%22b%5C%20%0A%7B%C3%A9%23 HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\nx-t: t3\r\n"), "{head}");
        assert!(head.ends_with(&format!("content-length:             {}", body.len())), "{head}");
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(json["t"], nasty);
    }

    #[test]
    fn a_value_that_would_end_a_header_is_refused() {
        let step = step(
            Method::Get,
            vec![("authorization", template(vec![text("Bearer "), token()]))],
            None,
        );
        assert!(fill(&step, vec![text("/")], "fine", 1).unwrap().contains("Bearer fine\r\n"));
        let failure = fill(&step, vec![text("/")], "a\r\nx: y", 1).unwrap_err();
        assert_eq!(failure.text, "capture token can't stand in a header");
    }

    #[test]
    fn a_secret_is_written_as_its_place_asks_and_never_told() {
        let value = "k\"+/é";
        let secrets = {
            let text = "version: 1\nname: p\ntarget: { process: { command: [x] } }\nsecrets: { k: { env: K } }\nload: { profile: [ hold: { rate: 1/s, for: 1m } ], scenarios: { s: { steps: [ http: { get: \"http://app.target:80/\" } ] } } }\n";
            let experiment = crate::experiment::parse(text, "/e.yaml".as_ref()).unwrap();
            Secrets::read(&experiment, |_| Some(value.into())).unwrap()
        };
        let k = || Part::Secret("k".to_owned());
        let body = Body::Json(template(vec![text("{\"k\":\""), k(), text("\"}")]));
        let step = step(Method::Post, vec![("authorization", template(vec![k()]))], Some(body));
        let target = template(vec![text("/?k="), k()]);
        let request = Request::new(&step, &target, "h", &names(), &secrets).unwrap();
        let sent = String::from_utf8(request.constant().unwrap().to_vec()).unwrap();
        let (head, body) = sent.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /?k=k%22%2B%2F%C3%A9 HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("authorization: {value}\r\n")), "{head}");
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap()["k"], value);
        assert_eq!(format!("{request:?}"), "Request { pieces: [], .. }");
        let error = Request::new(&step, &target, "h", &names(), &Secrets::default()).unwrap_err();
        assert!(error.to_string().contains("the secret \"k\" has no value"), "{error}");
    }

    #[test]
    fn a_missing_capture_is_named() {
        let (step, names) = (step(Method::Get, vec![], None), names());
        let request = Request::new(
            &step,
            &template(vec![text("/"), token()]),
            "h",
            &names,
            &Secrets::default(),
        )
        .unwrap();
        let result =
            request.fill(&Captures::default(), &names, &mut Seed(1).rng(), &mut Vec::new());
        assert_eq!(result.unwrap_err().text, "capture token missing");
        let other = template(vec![Part::Captured("other".to_owned())]);
        assert!(Request::new(&step, &other, "h", &names, &Secrets::default()).is_err());
    }

    #[test]
    fn random_parts_come_from_the_seed() {
        let step = step(Method::Get, vec![], None);
        let draw = |seed| {
            let request = fill(
                &step,
                vec![text("/?"), Part::RandomInt(5, 3), text("-"), Part::Uuid],
                "",
                seed,
            );
            request.unwrap().split(' ').nth(1).unwrap()[2..].to_owned()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let drawn = draw(9);
        let (n, uuid) = drawn.split_once('-').unwrap();
        assert!((3..=5).contains(&n.parse::<i32>().unwrap()));
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"));
    }
}
