//! `scenarios:` what one arrival does.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Step;
use super::source::{Context, Decode, Definitions, Int, Node, Placed, Several, form};
use super::step::{Draft, StepForm, tell_apart};

/// One kind of arrival.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Its share among all scenarios' weights; at least 1.
    pub weight: u32,
    /// Whether cookies that the target sets are sent back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cookies: bool,
    /// Whether all arrivals of a worker share one session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared_session: bool,
    /// Done once per virtual session, and again after a 401.
    pub session: Vec<Step>,
    /// Done in order; the first that ends badly ends the arrival.
    pub steps: Vec<Step>,
}

form! {
    /// One kind of arrival.
    struct ScenarioForm {
        /// Its share among all scenarios' weights.
        weight: Int<1, 1_000_000> = Default("1"),
        /// Whether cookies that the target sets are sent back to it: for as long as the session lasts, or without
        /// `session` for as long as the arrival does.
        cookies: bool = Default("false"),
        /// Whether all arrivals of a worker share one session, instead of each having one that nobody else uses at the time.
        shared_session: bool = Default("false"),
        /// Done once per virtual session, and again after a 401. What it captures is known to `steps`.
        session: Several<StepForm> = Optional,
        /// Done in order; the first that ends badly ends the arrival.
        steps: Several<StepForm, 1> = Required,
    }
}

impl Scenario {
    /// A scenario of these steps with the defaults of the file for all else.
    pub fn new(name: &str, steps: Vec<Step>) -> Self {
        let (name, session) = (name.to_owned(), Vec::new());
        Self { name, weight: 1, cookies: false, shared_session: false, session, steps }
    }

    /// Its steps in the order of their ids: the session's first.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.session.iter().chain(&self.steps)
    }

    /// Whether all it does is HTTP/1.1.
    pub fn is_http1(&self) -> bool {
        self.all_steps().all(Step::is_http1)
    }
}

/// A scenario without its name, which is its key.
#[derive(Debug)]
pub(super) struct ScenarioBody {
    weight: u32,
    cookies: bool,
    shared_session: bool,
    session: Vec<Step>,
    steps: Vec<Step>,
}

impl ScenarioBody {
    /// The scenario of this name.
    pub(super) fn named(self, name: String) -> Scenario {
        Scenario {
            name,
            weight: self.weight,
            cookies: self.cookies,
            shared_session: self.shared_session,
            session: self.session,
            steps: self.steps,
        }
    }
}

impl Decode for ScenarioBody {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        cx.captured.clear();
        cx.columns.clear();
        let form = ScenarioForm::decode(node, cx)?;
        if node.has("session") && form.session.is_none() {
            return None;
        }
        if let Some(shared) =
            form.shared_session.as_ref().filter(|s| s.value && form.session.is_none())
        {
            let hint = "give the steps that open it as `session`";
            cx.problem_hint(shared.span, "there is no session to share", hint);
        }
        let session = form.session.map_or_else(Vec::new, |s| s.value.0);
        let count = session.len();
        let drafted = |s: Placed<StepForm>| Placed { value: Draft::from(s.value), span: s.span };
        let steps = session.into_iter().chain(form.steps?.value.0);
        let mut steps: Vec<Placed<Draft>> = steps.map(drafted).collect();
        tell_apart(&mut steps, cx);
        one_engine(&steps, cx);
        let http1 = steps.iter().all(|step| step.value.step.is_http1());
        if let Some(column) = cx.columns.first().filter(|_| !http1).copied() {
            let hint = "rows of data files, and cookies, are for HTTP/1.1 alone";
            cx.problem_hint(column, "a step of another protocol has no row", hint);
        }
        if let Some(cookies) = form.cookies.as_ref().filter(|cookies| cookies.value && !http1) {
            let hint = "rows of data files, and cookies, are for HTTP/1.1 alone";
            cx.problem_hint(cookies.span, "a step of another protocol has no cookies", hint);
        }
        let mut all = steps.into_iter().map(|s| s.value.step);
        let session = all.by_ref().take(count).collect();
        Some(Self {
            // A bad weight is told already: the steps are known all the same.
            weight: form.weight.map_or(1, |w| u32::try_from(w.value.0).unwrap_or(1)),
            cookies: form.cookies.is_some_and(|c| c.value),
            shared_session: form.shared_session.is_some_and(|s| s.value),
            session,
            steps: all.collect(),
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        ScenarioForm::schema(defs)
    }
}

/// A problem when HTTP/1.1 and other protocols stand side by side: each has an engine of its own, and an arrival
/// is one engine's.
fn one_engine(steps: &[Placed<Draft>], cx: &mut Context) {
    let Some(first) = steps.first() else { return };
    let http1 = first.value.step.is_http1();
    if let Some(other) = steps.iter().find(|s| s.value.step.is_http1() != http1) {
        let message = "HTTP/1.1 and another protocol in one scenario";
        let hint = "make them scenarios of their own, or give the HTTP steps `version: 2`";
        cx.problem_hint(other.span, message, hint);
    }
}
