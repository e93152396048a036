//! `redis:` one command of a scenario.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::http_step::Captured;
use super::service_url::{self, Filled, Password};
use super::source::{
    Context, Decode, Definitions, Kind, Lasting, Node, Placed, Several, Text, excerpt, form,
};
use super::step::{self, Draft};
use super::{Step, Template};
use crate::units::optional_duration_text;

/// One Redis command over a connection of its own, which is kept for the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RedisStep {
    /// Its name; default: the command's first word.
    pub name: String,
    /// `redis://host:port/db` or `rediss://...`.
    pub url: String,
    /// User to log in as.
    pub user: Option<String>,
    /// Its password, with places for secrets.
    pub password: Option<String>,
    /// The command and its arguments.
    pub command: Vec<Template>,
    /// What the answer must be, as a text; default: anything but an error.
    pub expect: Option<String>,
    /// Name under which the answer is kept for later steps.
    pub capture: Option<String>,
    /// Timeout of this step; default: the load's.
    #[serde(with = "optional_duration_text")]
    pub timeout: Option<Duration>,
}

form! {
    /// One Redis command. Connections are kept and used again, one command at a time.
    struct RedisForm {
        /// Its name in reports; default: the command's first word.
        name: Text = Optional,
        /// Where to: `redis://host:port`, with `/1` at its end for another database; `rediss://` for TLS.
        /// `redis://SERVICE.target:PORT` goes to the instances of a service in turn.
        url: Filled = Required,
        /// User to log in as; needs `password`.
        user: Text = Optional,
        /// Its password: `"{{secret.NAME}}"`, which `secrets` names the source of.
        password: Password = Optional,
        /// The command and its arguments: `[GET, "k{{random_int(1, 100)}}"]`; may hold templates.
        command: Several<Template, 1> = Required,
        /// What the answer must be, as a text: a number in digits, a list one item a line, nothing as "".
        /// Default: anything but an error.
        expect: Text = Optional,
        /// Name under which the answer is kept for later steps.
        capture: Captured = Optional,
        /// Timeout of this step, 1ms to 1h; default: the load's.
        timeout: Lasting<1, 3_600_000> = Optional,
    }
}

/// A step as it is written.
#[derive(Debug)]
pub(super) struct RedisDraft(pub Draft);

impl Decode for RedisDraft {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = RedisForm::decode(node, cx)?;
        if let Some(Kind::Scalar { text, .. }) = node.get("capture").map(|c| &c.kind) {
            cx.captured.insert(text.clone());
        }
        let url = form.url?;
        if let Some((_, path)) = service_url::read(&url.value.0, ["redis", "rediss"], url.span, cx)
            && database(path).is_none()
        {
            let message = format!("{} is not a database's number", excerpt(path));
            cx.problem_hint(url.span, message, "write redis://host:port/0");
        }
        if let (Some(user), None) = (&form.user, &form.password) {
            cx.problem_hint(user.span, "`user` without a password", "give `password`");
        }
        let command: Vec<Template> =
            form.command?.value.0.into_iter().map(|part: Placed<Template>| part.value).collect();
        let plain = || command.first().map_or_else(String::new, Template::outline);
        let (name, named) = step::name(form.name, plain, cx);
        let step = Step::Redis(RedisStep {
            name,
            url: url.value.0,
            user: form.user.map(|user| user.value.0),
            password: form.password.map(|password| password.value.0),
            command,
            expect: form.expect.map(|text| text.value.0),
            capture: form.capture.map(|name| name.value.0),
            timeout: form.timeout.map(|t| t.value.0),
        });
        Some(Self(Draft { step, named }))
    }

    fn schema(defs: &mut Definitions) -> Value {
        RedisForm::schema(defs)
    }
}

/// The number of the database that a URL's path names.
fn database(path: &str) -> Option<u32> {
    match path.trim_start_matches('/') {
        "" => Some(0),
        number => number.parse().ok(),
    }
}
