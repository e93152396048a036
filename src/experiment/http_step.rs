//! `http:` one HTTP request of a scenario.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::JsonBody;
use super::capture::Source;
use super::source::{
    Context, Decode, Definitions, Int, Kind, Lasting, Named, Node, Placed, Text, excerpt, form,
};
use super::step::{self, Draft};
use super::template::Name;
use super::{Body, Capture, Expect, Step, Template, literal_secret, url};
use crate::units::optional_duration_text;

/// HTTP methods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are HTTP's")]
pub enum Method {
    #[default]
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
}

impl Method {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
        }
    }
}

/// One HTTP request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpStep {
    /// Its name; default: method and path without query, templates shown as `{}`.
    pub name: String,
    /// Method.
    pub method: Method,
    /// Absolute `http://` or `https://` URL.
    pub url: Template,
    /// Header fields in the order of the file.
    pub headers: Vec<(String, Template)>,
    /// Body.
    pub body: Option<Body>,
    /// What a good answer looks like.
    pub expect: Expect,
    /// What to keep of the answer.
    pub capture: Vec<Capture>,
    /// Timeout of this step; default: the load's.
    #[serde(with = "optional_duration_text")]
    pub timeout: Option<Duration>,
}

form! {
    /// One HTTP request: exactly one of the methods, with its URL.
    struct HttpForm {
        /// Its name in reports; default: method and path without query, templates shown as `{}`.
        name: Text = Optional,
        /// URL of a GET request. All URLs: absolute; may hold templates after the host;
        /// `http://SERVICE.target:PORT/...` goes to the instances of a service in turn.
        get: UrlTemplate = Optional,
        /// URL of a POST request.
        post: UrlTemplate = Optional,
        /// URL of a PUT request.
        put: UrlTemplate = Optional,
        /// URL of a PATCH request.
        patch: UrlTemplate = Optional,
        /// URL of a DELETE request.
        delete: UrlTemplate = Optional,
        /// URL of a HEAD request.
        head: UrlTemplate = Optional,
        /// URL of an OPTIONS request.
        options: UrlTemplate = Optional,
        /// Header fields; values may hold templates.
        headers: Named<HeaderName, Template> = Optional,
        /// A JSON body: any value, texts in it may hold templates. Sets the content type.
        json: JsonBody = Optional,
        /// A body as written; may hold templates.
        body: Template = Optional,
        /// What a good answer looks like.
        expect: Expect = Optional,
        /// Values to keep for later steps, by name: `json:$.path.to[0].value`, `header:name` or `regex:...`, of which the
        /// first group is kept.
        capture: Named<Captured, Source> = Optional,
        /// Timeout of this step, 1ms to 1h; default: the load's.
        timeout: Lasting<1, 3_600_000> = Optional,
        /// Version of HTTP, 1 or 2: with 2, `https://` agrees on it by ALPN and `http://` takes it for granted. Requests
        /// of version 2 share connections.
        version: Int<1, 2> = Default("1"),
    }
}

/// A step as it is written.
#[derive(Debug)]
pub(super) struct HttpDraft(pub Draft);

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

impl Decode for HttpDraft {
    /// Adds what the step captures to the names that later steps know.
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = HttpForm::decode(node, cx)?;
        let mut requests: Vec<(Method, Placed<UrlTemplate>)> = [
            (Method::Get, form.get),
            (Method::Post, form.post),
            (Method::Put, form.put),
            (Method::Patch, form.patch),
            (Method::Delete, form.delete),
            (Method::Head, form.head),
            (Method::Options, form.options),
        ]
        .into_iter()
        .filter_map(|(method, url)| Some((method, url?)))
        .collect();
        for (_, url) in requests.drain(1.min(requests.len())..) {
            cx.problem_hint(url.span, "a second method", "make it a step of its own");
        }
        if !METHODS.into_iter().any(|key| node.has(key)) {
            let hint = format!("give one of {}", METHODS.join(", "));
            cx.problem_hint(node.span, "the request has no method", hint);
        }
        if let (true, Some(body)) = (node.has("json"), node.get("body")) {
            cx.problem(body.span, "`json` and `body` are not given together");
        }
        if let Some(Kind::Map(entries)) = node.get("capture").map(|c| &c.kind) {
            // By name even if it can't be read as a whole: templates that use it are not wrong.
            cx.captured.extend(entries.iter().map(|(key, _)| key.name.clone()));
        }
        let capture = form.capture.into_iter().flat_map(|c| c.value.0);
        let capture =
            capture.map(|(k, from)| Capture { name: k.value.0, from: from.value.0 }).collect();
        // A bad request is told already; its name and what it captures are known all the same.
        let (method, url) =
            requests.pop().map_or_else(Default::default, |(m, url)| (m, url.value.0));
        let expect = form.expect.map(|e| e.value).unwrap_or_default();
        let headers = form.headers.map_or_else(Vec::new, |h| h.value.0);
        for (name, value) in &headers {
            literal_secret::header(&name.value.0, &value.value, value.span, cx);
        }
        let body = form.json.map(|json| Body::Json(json.value.0));
        let (name, named) = step::name(form.name, || plain_name(method, &url), cx);
        let step = HttpStep {
            name,
            method,
            url,
            headers: headers.into_iter().map(|(k, v)| (k.value.0, v.value)).collect(),
            body: body.or(form.body.map(|body| Body::Raw(body.value))),
            expect,
            capture,
            timeout: form.timeout.map(|t| t.value.0),
        };
        let second = form.version.is_some_and(|version| version.value.0 == 2);
        let step = if second { Step::Http2(step) } else { Step::Http(step) };
        Some(Self(Draft { step, named }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = HttpForm::schema(defs);
        let one = METHODS.map(|key| json!({ "required": [key] }));
        defs.constrain("HttpForm", "oneOf", one.into_iter().collect());
        defs.constrain("HttpForm", "not", json!({ "required": ["json", "body"] }));
        schema
    }
}

/// The URL of a request.
#[derive(Debug)]
struct UrlTemplate(Template);

impl Decode for UrlTemplate {
    /// The host is the same for every request, so that connections can be kept: it stands before any place
    /// that is filled in later.
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let url = Template::decode(node, cx)?;
        let head = url.head();
        let whole = url.parts.len() == 1;
        let host_ends = head.find("://").is_some_and(|at| head[at + 3..].contains(['/', '?']));
        if head.contains("://") && !whole && !host_ends {
            let message = "the host of a URL can't be filled in later";
            cx.problem_hint(node.span, message, "write the host, or a variable for it, before `/`");
        } else if let Some(host) = url::http(head, node.span, &mut cx.found) {
            url::later(host, node.span, cx);
            let odd = |c: char| c.is_control() || c.is_whitespace() || !c.is_ascii();
            if let Some(bad) = url.outline().chars().find(|c| odd(*c)) {
                let message = format!("a URL can't hold {bad:?}");
                cx.problem_hint(node.span, message, "percent-encode it: a space is %20");
            }
        }
        Some(Self(url))
    }

    fn schema(defs: &mut Definitions) -> Value {
        Template::schema(defs)
    }
}

/// The name of a captured value: a variable of the same name would hide it.
#[derive(Debug)]
pub(super) struct Captured(pub String);

impl Decode for Captured {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let Name(name) = Name::decode(node, cx)?;
        if cx.variables.contains_key(&name) {
            cx.problem(node.span, format!("`{name}` is already a variable"));
        }
        Some(Self(name))
    }

    fn schema(defs: &mut Definitions) -> Value {
        Name::schema(defs)
    }
}

fn plain_name(method: Method, url: &Template) -> String {
    let outline = url.outline();
    let after = outline.split_once("://").map_or(outline.as_str(), |(_, rest)| rest);
    let path = after.find('/').map_or("/", |at| &after[at..]);
    let path = path.split(['?', '#']).next().unwrap_or("/");
    format!("{} {path}", method.as_str())
}

/// The name of a header field.
#[derive(Debug)]
pub(super) struct HeaderName(pub String);

impl Decode for HeaderName {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a header's name", cx)?;
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if text.is_empty() || text.len() > 100 || !text.bytes().all(token) {
            cx.problem(node.span, format!("{} is not a header's name", excerpt(text)));
            return None;
        }
        if ["content-length", "transfer-encoding", "connection"]
            .contains(&text.to_ascii_lowercase().as_str())
        {
            cx.problem(node.span, format!("longhaul sets `{text}` itself"));
            return None;
        }
        Some(Self(text.to_owned()))
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$" })
    }
}
