//! `scenarios:` what one arrival does.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Template;
use crate::units::optional_duration_text;

/// One kind of arrival.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Its share among all scenarios' weights; at least 1.
    pub weight: u32,
    /// Done once per virtual session, and again after a 401.
    pub session: Vec<Step>,
    /// Done in order; the first that ends badly ends the arrival.
    pub steps: Vec<Step>,
}

/// One step. One variant per protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// One HTTP request.
    Http(HttpStep),
}

/// HTTP methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are HTTP's")]
pub enum Method {
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

/// A request body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// JSON text with templates in it; sets `content-type: application/json` unless the step does.
    Json(Template),
    /// As written.
    Raw(Template),
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

/// A value kept for later steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// Name for use in templates.
    pub name: String,
    /// Where it is.
    pub from: CaptureSource,
}

/// Where a captured value is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureSource {
    /// `json:$.a.b[0]`, kept as the JSON pointer `/a/b/0`.
    Json(String),
    /// `header:x-name`.
    Header(String),
}
