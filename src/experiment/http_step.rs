//! `http:` one HTTP request of a scenario.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::JsonBody;
use super::capture::Source;
use super::source::{
    Context, Decode, Definitions, Int, Kind, Lasting, Named, Node, OneOrMore, Placed, Span, Text,
    excerpt, form,
};
use super::template::Name;
use super::{Body, Capture, Template, url};
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

/// What a good answer looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// Statuses that are good; empty: 200 to 399.
    pub status: Vec<u16>,
    /// A text that the body must contain.
    pub body_contains: Option<String>,
}

impl Expect {
    /// Whether the status is a good one.
    pub fn accepts(&self, status: u16) -> bool {
        if self.status.is_empty() {
            (200..400).contains(&status)
        } else {
            self.status.contains(&status)
        }
    }
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
        expect: ExpectForm = Optional,
        /// Values to keep for later steps, by name: `json:$.path.to[0].value` or `header:name`.
        capture: Named<Captured, Source> = Optional,
        /// Timeout of this step, 1ms to 1h; default: the load's.
        timeout: Lasting<1, 3_600_000> = Optional,
    }
}

form! {
    /// What a good answer looks like.
    struct ExpectForm {
        /// Good statuses, one or several; default: 200 to 399.
        status: OneOrMore<Int<100, 599>> = Optional,
        /// A text that the body must contain.
        body_contains: Text = Optional,
    }
}

/// A step, and where its name was given, if it was.
#[derive(Debug)]
pub(super) struct Drafted {
    /// The step.
    pub step: HttpStep,
    /// Where its name is.
    pub named: Option<Span>,
}

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

impl Decode for Drafted {
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
        if let Some(name) = &form.name {
            check_name(name, cx);
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
        let expect = form.expect.map(|e| e.value).map_or_else(Expect::default, |e| Expect {
            status: e.status.map_or_else(Vec::new, |list| {
                list.value.0.into_iter().filter_map(|s| u16::try_from(s.value.0).ok()).collect()
            }),
            body_contains: e.body_contains.map(|text| text.value.0),
        });
        let headers = form.headers.map_or_else(Vec::new, |h| h.value.0);
        let body = form.json.map(|json| Body::Json(json.value.0));
        let step = HttpStep {
            name: form
                .name
                .as_ref()
                .map_or_else(|| plain_name(method, &url), |n| n.value.0.clone()),
            method,
            url,
            headers: headers.into_iter().map(|(k, v)| (k.value.0, v.value)).collect(),
            body: body.or(form.body.map(|body| Body::Raw(body.value))),
            expect,
            capture,
            timeout: form.timeout.map(|t| t.value.0),
        };
        Some(Self { step, named: form.name.map(|n| n.span) })
    }

    fn schema(defs: &mut Definitions) -> Value {
        let schema = HttpForm::schema(defs);
        let one = METHODS.map(|key| json!({ "required": [key] }));
        defs.constrain("HttpForm", "oneOf", one.into_iter().collect());
        defs.constrain("HttpForm", "not", json!({ "required": ["json", "body"] }));
        schema
    }
}

fn check_name(name: &Placed<Text>, cx: &mut Context) {
    let text = &name.value.0;
    if text.is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
        let message = format!("{} is not a step's name", excerpt(text));
        cx.problem_hint(name.span, message, "1 to 100 characters in one line");
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
struct Captured(String);

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
    format!("{} {path}", method.as_str()).chars().take(100).collect()
}

/// The name of a header field.
#[derive(Debug)]
struct HeaderName(String);

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
