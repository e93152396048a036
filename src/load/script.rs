use std::time::Duration;

use hyper::header::HeaderName;

use super::LoadError;
use crate::experiment::{HttpStep, Load, Part, Step, Template};
use crate::record::StepId;

/// The scenarios, made ready to play: ids given, names checked, timeouts filled in.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) scenarios: Vec<Play>,
    /// How many step ids there are.
    pub(super) steps: usize,
    /// Whether any URL is `https`.
    pub(super) tls: bool,
}

/// One scenario.
#[derive(Debug)]
pub(super) struct Play {
    pub(super) session: Vec<Line>,
    pub(super) steps: Vec<Line>,
}

/// One step of a scenario.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) id: StepId,
    pub(super) step: HttpStep,
    pub(super) headers: Vec<(HeaderName, Template)>,
    pub(super) timeout: Duration,
    /// Whether the answer's body is looked at.
    pub(super) keep_body: bool,
}

impl Play {
    /// The request an arrival begins with, when it has no session yet.
    pub(super) fn first(&self) -> &Line {
        self.session.first().unwrap_or(&self.steps[0])
    }
}

impl Script {
    pub(super) fn new(load: &Load) -> Result<Self, LoadError> {
        let mut next = 0_u16;
        let mut tls = false;
        let mut lines = |steps: &[Step]| -> Result<Vec<Line>, LoadError> {
            steps
                .iter()
                .map(|Step::Http(step)| {
                    let id = StepId(next);
                    next = next.checked_add(1).ok_or_else(|| invalid("more than 65535 steps"))?;
                    tls |= matches!(step.url.parts.first(), Some(Part::Text(t)) if is_https(t));
                    line(id, step, load.timeout)
                })
                .collect()
        };
        let mut scenarios = Vec::new();
        for scenario in &load.scenarios {
            if scenario.steps.is_empty() {
                return Err(invalid(&format!("scenario {} has no steps", scenario.name)));
            }
            let session = lines(&scenario.session)?;
            scenarios.push(Play { session, steps: lines(&scenario.steps)? });
        }
        if load.scenarios.iter().all(|s| s.weight == 0) {
            return Err(invalid("no scenario has a weight"));
        }
        if load.connections == 0 {
            return Err(invalid("no connections"));
        }
        Ok(Self { scenarios, steps: usize::from(next), tls })
    }
}

fn line(id: StepId, step: &HttpStep, timeout: Duration) -> Result<Line, LoadError> {
    let headers = step
        .headers
        .iter()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| invalid(&format!("{name:?} is not a header name")))?;
            Ok((name, value.clone()))
        })
        .collect::<Result<_, LoadError>>()?;
    Ok(Line {
        id,
        headers,
        timeout: step.timeout.unwrap_or(timeout),
        keep_body: step.expect.body_contains.is_some() || !step.capture.is_empty(),
        step: step.clone(),
    })
}

fn is_https(text: &str) -> bool {
    text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
}

fn invalid(why: &str) -> LoadError {
    LoadError::Invalid(why.to_owned())
}
