use std::net::IpAddr;
use std::time::Duration;

use super::LoadError;
use super::captures::Names;
use super::request::Request;
use crate::experiment::{CaptureSource, Expect, HttpStep, Load, Method, Part, Step, Template};
use crate::record::StepId;

/// The scenarios, made ready to play: ids given, requests serialised, timeouts filled in.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) scenarios: Vec<Play>,
    /// Where requests go.
    pub(super) origins: Vec<Origin>,
    /// How many step ids there are.
    pub(super) steps: usize,
}

/// One scenario.
#[derive(Debug)]
pub(super) struct Play {
    /// Its steps, the session's first; at least one.
    pub(super) lines: Vec<Line>,
    /// How many of them are the session's.
    pub(super) session: usize,
    pub(super) names: Names,
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
    pub(super) expect: Expect,
    pub(super) captures: Vec<Taken>,
    /// Whether the answer's body is looked at.
    pub(super) keep_body: bool,
}

/// A value to take from an answer.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) slot: u16,
    pub(super) from: CaptureSource,
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

impl Script {
    pub(super) fn new(load: &Load) -> Result<Self, LoadError> {
        let mut script = Self { scenarios: Vec::new(), origins: Vec::new(), steps: 0 };
        for scenario in &load.scenarios {
            if scenario.steps.is_empty() {
                return Err(invalid(format!("scenario {} has no steps", scenario.name)));
            }
            let steps = || scenario.session.iter().chain(&scenario.steps);
            let names = Names::new(steps().flat_map(|Step::Http(step)| {
                step.capture.iter().map(|capture| capture.name.clone())
            }));
            let lines = steps()
                .map(|Step::Http(step)| script.line(step, load.timeout, &names))
                .collect::<Result<_, LoadError>>()?;
            script.scenarios.push(Play { lines, session: scenario.session.len(), names });
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

    fn line(
        &mut self,
        step: &HttpStep,
        timeout: Duration,
        names: &Names,
    ) -> Result<Line, LoadError> {
        let id = StepId(u16::try_from(self.steps).map_err(|_| invalid("more than 65535 steps"))?);
        self.steps += 1;
        let (origin, authority, target) = split(&step.url)?;
        let at = self.origins.iter().position(|known| *known == origin);
        let at = at.unwrap_or_else(|| {
            self.origins.push(origin);
            self.origins.len() - 1
        });
        let taken = |c: &crate::experiment::Capture| {
            Some(Taken { slot: names.slot(&c.name)?, from: c.from.clone() })
        };
        let wants_json = step.capture.iter().any(|c| matches!(c.from, CaptureSource::Json(_)));
        Ok(Line {
            id,
            origin: at,
            method: step.method,
            request: Request::new(step, &target, &authority, names)?,
            timeout: step.timeout.unwrap_or(timeout),
            expect: step.expect.clone(),
            captures: step.capture.iter().filter_map(taken).collect(),
            keep_body: step.expect.body_contains.is_some() || wants_json,
        })
    }
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
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => {
            (name, Some(port.parse().map_err(|_| bad("has no port after its `:`"))?))
        }
        _ => (authority, None),
    };
    let name = name.trim_matches(['[', ']']);
    if name.is_empty() {
        return Err(bad("has no host"));
    }
    let host = match (name.strip_suffix(".target"), name.parse()) {
        (Some(service), _) => Host::Service(service.to_owned()),
        (None, Ok(ip)) => Host::Address(ip),
        (None, Err(_)) => Host::Name(name.to_owned()),
    };
    let origin = Origin { tls, host, port: port.unwrap_or(if tls { 443 } else { 80 }) };
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
    use crate::experiment::{Arrival, CatchUp, Load, Pacing, Scenario, Tls};

    /// A script of one scenario of one GET.
    pub(in crate::load) fn script(url: &str, change: impl FnOnce(&mut HttpStep)) -> Script {
        let mut step = get(url);
        change(&mut step);
        Script::new(&load(step)).unwrap()
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
        let scenario = Scenario {
            name: "s".to_owned(),
            weight: 1,
            session: Vec::new(),
            steps: vec![Step::Http(step)],
        };
        Load {
            settle: Duration::ZERO,
            warmup: Duration::ZERO,
            profile: Vec::new(),
            arrival: Arrival::Constant,
            pacing: Pacing::Precise,
            catch_up: CatchUp::Capped,
            workers: None,
            connections: 10,
            timeout: Duration::from_secs(1),
            cooldown: Duration::ZERO,
            tls: Tls::default(),
            scenarios: vec![scenario],
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
        let script = Script::new(&load).unwrap();
        let lines: Vec<_> =
            script.scenarios[0].lines.iter().map(|line| (line.id.0, line.origin)).collect();
        assert_eq!(lines, [(0, 0), (1, 0), (2, 1)]);
        assert_eq!((script.origins.len(), script.steps, script.tls()), (2, 3, true));
    }
}
