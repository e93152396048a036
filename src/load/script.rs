use std::net::IpAddr;
use std::time::Duration;

use regex_lite::Regex;

use super::LoadError;
use super::captures::Names;
use super::checks::{Checks, compile};
use super::request::Request;
use crate::experiment::{
    Body, CaptureSource, Feed, HttpStep, Load, Method, Part, Row, Scenario, Secrets, Step, Template,
};
use crate::record::StepId;

/// The scenarios, made ready to play: ids given, requests serialised, timeouts filled in. Steps of other protocols
/// have an id and no line.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) scenarios: Vec<Play>,
    /// Where requests go.
    pub(super) origins: Vec<Origin>,
    /// How many step ids there are.
    pub(super) steps: usize,
    /// The data files whose rows are used.
    pub(super) feeds: Vec<Used>,
}

/// A data file whose rows are used.
#[derive(Clone, Debug)]
pub(super) struct Used {
    pub(super) feed: Feed,
    /// Which of its columns.
    pub(super) columns: Vec<usize>,
}

impl Used {
    /// Of a row the columns that are used.
    pub(super) fn of(&self, row: &mut [Box<str>]) -> Row {
        self.columns.iter().map(|at| std::mem::take(&mut row[*at])).collect()
    }
}

/// A row that an arrival is given.
#[derive(Debug)]
pub(super) struct Need {
    /// Index into [`Script::feeds`].
    pub(super) feed: usize,
    /// Whether it is the session's: who logs in with it keeps it.
    pub(super) session: bool,
    /// Where its values go: place in the row, and number of the name.
    pub(super) slots: Vec<(usize, u16)>,
}

/// One scenario.
#[derive(Debug)]
pub(super) struct Play {
    /// The step that an arrival begins with when nobody has logged in, and how late any may be.
    pub(super) first: (StepId, Duration),
    /// Its HTTP steps, the session's first.
    pub(super) lines: Vec<Line>,
    /// How many of them are the session's.
    pub(super) session: usize,
    pub(super) names: Names,
    /// Whether all of it is HTTP/1.1: then each step has a line.
    pub(super) http1: bool,
    /// The rows that its arrivals are given.
    pub(super) data: Vec<Need>,
    /// Whether its arrivals share one session.
    pub(super) shared: bool,
}

/// One step of a scenario.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) id: StepId,
    /// Index into [`Script::origins`].
    pub(super) origin: usize,
    pub(super) method: Method,
    pub(super) request: Request,
    pub(super) timeout: Duration,
    pub(super) checks: Checks,
    pub(super) captures: Vec<Taken>,
    /// Whose cookies it sends and keeps.
    pub(super) site: Option<usize>,
    /// Whether the answer's body is looked at.
    pub(super) keep_body: bool,
}

/// A value to take from an answer.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) slot: u16,
    pub(super) from: Find,
}

/// Where it is.
#[derive(Debug)]
pub(super) enum Find {
    /// At this pointer into the JSON body.
    Json(String),
    /// In this header field.
    Header(String),
    /// Where this first matches the body.
    Regex(Regex),
}

/// Where requests go, as their URLs say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) tls: bool,
    pub(super) host: Host,
    pub(super) port: u16,
}

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// The instances of a service of the target: `<service>.target`.
    Service(String),
    Address(IpAddr),
    Name(String),
}

impl Host {
    /// The host as a certificate has it.
    pub(super) fn certified(&self) -> String {
        match self {
            Self::Service(service) => format!("{service}.target"),
            Self::Address(ip) => ip.to_string(),
            Self::Name(name) => name.clone(),
        }
    }
}

impl Origin {
    /// Of `host`, `host:port` or `[address]:port`. The error is a fragment that follows it.
    pub(super) fn at(authority: &str, tls: bool, port: u16) -> Result<Self, &'static str> {
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => {
                (name, port.parse().map_err(|_| "has no port after its `:`")?)
            }
            _ => (authority, port),
        };
        let name = name.trim_matches(['[', ']']);
        if name.is_empty() {
            return Err("has no host");
        }
        let host = match (name.strip_suffix(".target"), name.parse()) {
            (Some(service), _) => Host::Service(service.to_owned()),
            (None, Ok(ip)) => Host::Address(ip),
            (None, Err(_)) => Host::Name(name.to_owned()),
        };
        Ok(Self { tls, host, port })
    }
}

impl Script {
    pub(super) fn new(load: &Load, secrets: &Secrets) -> Result<Self, LoadError> {
        let mut script =
            Self { scenarios: Vec::new(), origins: Vec::new(), steps: 0, feeds: Vec::new() };
        for scenario in &load.scenarios {
            let steps = || scenario.all_steps();
            let Some(first) = steps().next().filter(|_| !scenario.steps.is_empty()) else {
                return Err(invalid(format!("scenario {} has no steps", scenario.name)));
            };
            // Who has a session begins with the first of the others: late is what is too late for either.
            let begins = scenario.steps.first().into_iter().chain([first]);
            let patience = begins.map(|step| step.timeout().unwrap_or(load.timeout)).min();
            let first = (script.upcoming()?, patience.unwrap_or(load.timeout));
            let captured = steps().flat_map(Step::captures);
            let rows = steps().filter_map(Step::http).flat_map(columns);
            let names = Names::new(captured.chain(rows).map(str::to_owned));
            let mut lines = Vec::new();
            for step in steps() {
                let id = script.upcoming()?;
                script.steps += 1;
                if let Some(http) = step.http() {
                    let step = (http, scenario.cookies);
                    lines.push(script.line(id, step, load.timeout, &names, secrets)?);
                }
            }
            let http1 = scenario.is_http1();
            if !http1 && steps().any(Step::is_http1) {
                let name = &scenario.name;
                return Err(invalid(format!(
                    "scenario {name} mixes HTTP/1.1 with other protocols"
                )));
            }
            let data = script.data(scenario, &load.data, &names)?;
            let (session, shared) = (scenario.session.len(), scenario.shared_session);
            script.scenarios.push(Play { first, lines, session, names, http1, data, shared });
        }
        if load.scenarios.iter().all(|s| s.weight == 0) {
            return Err(invalid("no scenario has a weight"));
        }
        if load.connections == 0 {
            return Err(invalid("no connections"));
        }
        Ok(script)
    }

    /// Whether any URL is `https`.
    pub(super) fn tls(&self) -> bool {
        self.origins.iter().any(|origin| origin.tls)
    }

    /// The id of the next step.
    fn upcoming(&self) -> Result<StepId, LoadError> {
        u16::try_from(self.steps).map(StepId).map_err(|_| invalid("more than 65535 steps"))
    }

    /// The rows that a scenario's steps take values of.
    fn data(
        &mut self,
        scenario: &Scenario,
        all: &[Feed],
        names: &Names,
    ) -> Result<Vec<Need>, LoadError> {
        let mut needs: Vec<Need> = Vec::new();
        for (at, step) in scenario.all_steps().enumerate() {
            for name in step.http().into_iter().flat_map(columns) {
                let unknown = || invalid(format!("there is no data {name}"));
                let (feed, column) = name.split_once('.').ok_or_else(unknown)?;
                let feed = all.iter().find(|f| f.name == feed).ok_or_else(unknown)?;
                let column = feed.columns.iter().position(|c| c == column).ok_or_else(unknown)?;
                let slot = names.slot(name).ok_or_else(unknown)?;
                let known = self.feeds.iter().position(|used| used.feed.name == feed.name);
                let feed = known.unwrap_or_else(|| {
                    self.feeds.push(Used { feed: feed.clone(), columns: Vec::new() });
                    self.feeds.len() - 1
                });
                let used = &mut self.feeds[feed].columns;
                let place = used.iter().position(|c| *c == column).unwrap_or_else(|| {
                    used.push(column);
                    used.len() - 1
                });
                let session = at < scenario.session.len();
                match needs.iter_mut().find(|need| need.feed == feed) {
                    Some(need) if need.slots.contains(&(place, slot)) => {}
                    Some(need) => need.slots.push((place, slot)),
                    None => needs.push(Need { feed, session, slots: vec![(place, slot)] }),
                }
            }
        }
        Ok(needs)
    }

    fn line(
        &mut self,
        id: StepId,
        (step, cookies): (&HttpStep, bool),
        timeout: Duration,
        names: &Names,
        secrets: &Secrets,
    ) -> Result<Line, LoadError> {
        let (origin, authority, target) = split(&step.url)?;
        let at = self.origins.iter().position(|known| *known == origin);
        let at = at.unwrap_or_else(|| {
            self.origins.push(origin);
            self.origins.len() - 1
        });
        let taken = |c: &crate::experiment::Capture| {
            let from = match &c.from {
                CaptureSource::Json(pointer) => Find::Json(pointer.clone()),
                CaptureSource::Header(name) => Find::Header(name.clone()),
                CaptureSource::Regex(text) => Find::Regex(compile(text)?),
            };
            let slot = names.slot(&c.name);
            slot.map(|slot| Taken { slot, from }).ok_or_else(|| invalid("too many captures"))
        };
        let captures: Vec<Taken> =
            step.capture.iter().map(taken).collect::<Result<_, LoadError>>()?;
        let checks = Checks::new(&step.expect)?;
        let from_body = captures.iter().any(|c| !matches!(c.from, Find::Header(_)));
        let host = &self.origins[at].host;
        let site = self.origins.iter().position(|other| other.host == *host).filter(|_| cookies);
        Ok(Line {
            id,
            origin: at,
            method: step.method,
            request: Request::with_cookies(step, &target, &authority, names, (secrets, site))?,
            timeout: step.timeout.unwrap_or(timeout),
            keep_body: checks.read_body() || from_body,
            checks,
            captures,
            site,
        })
    }
}

/// The columns of data files that a step takes values of, `data.column`.
fn columns(step: &HttpStep) -> impl Iterator<Item = &str> {
    let body = match &step.body {
        Some(Body::Json(body) | Body::Raw(body)) => Some(body),
        None => None,
    };
    let headers = step.headers.iter().map(|(_, value)| value);
    let templates = [&step.url].into_iter().chain(headers).chain(body);
    templates.flat_map(|template| &template.parts).filter_map(|part| match part {
        Part::Captured(name) if name.contains('.') => Some(name.as_str()),
        _ => None,
    })
}

/// A URL's origin, its authority as written, and path with query.
fn split(url: &Template) -> Result<(Origin, String, Template), LoadError> {
    let bad = |why: &str| invalid(format!("the URL {} {why}", outline(url)));
    let Some(Part::Text(head)) = url.parts.first() else {
        return Err(bad("does not begin with its host"));
    };
    let (tls, rest) = match head.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
        _ => return Err(bad("is not http:// or https://")),
    };
    let end = rest.find(['/', '?', '#']);
    if end.is_none() && url.parts.len() > 1 {
        return Err(bad("has a host that differs from request to request"));
    }
    let (authority, path) = rest.split_at(end.unwrap_or(rest.len()));
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let origin = Origin::at(authority, tls, if tls { 443 } else { 80 }).map_err(bad)?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut parts = vec![Part::Text(format!("{slash}{path}"))];
    parts.extend_from_slice(&url.parts[1..]);
    Ok((origin, authority.to_owned(), Template { parts: without_fragment(parts) }))
}

/// What follows a `#` is not sent.
fn without_fragment(mut parts: Vec<Part>) -> Vec<Part> {
    let cut = parts.iter().enumerate().find_map(|(i, part)| match part {
        Part::Text(text) => Some((i, text.find('#')?)),
        _ => None,
    });
    if let Some((i, at)) = cut {
        parts.truncate(i + 1);
        if let Some(Part::Text(text)) = parts.last_mut() {
            text.truncate(at);
        }
    }
    parts
}

fn outline(url: &Template) -> String {
    url.parts.iter().map(|p| if let Part::Text(t) = p { t } else { "{}" }).collect()
}

fn invalid(why: impl Into<String>) -> LoadError {
    LoadError::Invalid(why.into())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::experiment::{Expect, Load, Pacing, Scenario};

    /// A script of one scenario of one GET.
    pub(in crate::load) fn script(url: &str, change: impl FnOnce(&mut HttpStep)) -> Script {
        let mut step = get(url);
        change(&mut step);
        Script::new(&load(step), &Secrets::default()).unwrap()
    }

    pub(in crate::load) fn get(url: &str) -> HttpStep {
        HttpStep {
            name: "x".to_owned(),
            method: Method::Get,
            url: Template { parts: vec![Part::Text(url.to_owned())] },
            headers: Vec::new(),
            body: None,
            expect: Expect::default(),
            capture: Vec::new(),
            timeout: None,
        }
    }

    pub(in crate::load) fn load(step: HttpStep) -> Load {
        Load {
            pacing: Pacing::Precise,
            connections: 10,
            timeout: Duration::from_secs(1),
            ..Load::new(Vec::new(), vec![Scenario::new("s", vec![Step::Http(step)])])
        }
    }

    fn parts(url: &str) -> Result<(Origin, String, String), LoadError> {
        let url = Template { parts: vec![Part::Text(url.to_owned())] };
        split(&url).map(|(origin, authority, target)| (origin, authority, outline(&target)))
    }

    #[test]
    fn a_url_is_taken_apart() {
        let (origin, authority, target) = parts("http://api.target:8080/a/b?c=d#e").unwrap();
        assert_eq!(
            origin,
            Origin { tls: false, host: Host::Service("api".to_owned()), port: 8080 }
        );
        assert_eq!((authority.as_str(), target.as_str()), ("api.target:8080", "/a/b?c=d"));
        let (origin, authority, target) = parts("HTTPS://[::1]?q").unwrap();
        let ip = "::1".parse().unwrap();
        assert_eq!(origin, Origin { tls: true, host: Host::Address(ip), port: 443 });
        assert_eq!((authority.as_str(), target.as_str()), ("[::1]", "/?q"));
        assert_eq!(origin.host.certified(), "::1");
        let (origin, _, target) = parts("http://example.com").unwrap();
        assert_eq!((origin.host, target.as_str()), (Host::Name("example.com".to_owned()), "/"));
        for bad in ["ftp://x/", "x/y", "http://", "http://h:x/", "http://h:99999/"] {
            assert!(parts(bad).is_err(), "{bad}");
        }
        let later = Template { parts: vec![Part::Text("http://h".to_owned()), Part::Uuid] };
        assert!(split(&later).is_err());
    }

    #[test]
    fn steps_of_one_origin_share_it() {
        let mut load = load(get("http://h:80/a"));
        let steps = &mut load.scenarios[0].steps;
        steps.extend([Step::Http(get("http://h/b")), Step::Http(get("https://h/c"))]);
        let script = Script::new(&load, &Secrets::default()).unwrap();
        let lines: Vec<_> =
            script.scenarios[0].lines.iter().map(|line| (line.id.0, line.origin)).collect();
        assert_eq!(lines, [(0, 0), (1, 0), (2, 1)]);
        assert_eq!((script.origins.len(), script.steps, script.tls()), (2, 3, true));
    }
}
