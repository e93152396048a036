//! `scenarios:` what one arrival does.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::HttpStep;
use super::http_step::Drafted;
use super::source::{
    Context, Decode, Definitions, Int, Node, Placed, Several, choice, excerpt, form,
};

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

choice! {
    /// One step.
    enum StepForm {
        /// One HTTP request.
        Http["http"]: Drafted,
    }
}

form! {
    /// One kind of arrival.
    struct ScenarioForm {
        /// Its share among all scenarios' weights.
        weight: Int<1, 1_000_000> = Default("1"),
        /// Done once per virtual session, and again after a 401. What it captures is known to `steps`.
        session: Several<StepForm> = Optional,
        /// Done in order; the first that ends badly ends the arrival.
        steps: Several<StepForm, 1> = Required,
    }
}

/// A scenario without its name, which is its key.
#[derive(Debug)]
pub(super) struct ScenarioBody {
    weight: u32,
    session: Vec<Step>,
    steps: Vec<Step>,
}

impl ScenarioBody {
    /// The scenario of this name.
    pub(super) fn named(self, name: String) -> Scenario {
        Scenario { name, weight: self.weight, session: self.session, steps: self.steps }
    }
}

impl Decode for ScenarioBody {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        cx.captured.clear();
        let form = ScenarioForm::decode(node, cx)?;
        if node.has("session") && form.session.is_none() {
            return None;
        }
        let session = form.session.map_or_else(Vec::new, |s| s.value.0);
        let count = session.len();
        let mut steps: Vec<_> = session.into_iter().chain(form.steps?.value.0).collect();
        tell_apart(&mut steps, cx);
        let mut all = steps.into_iter().map(|s| match s.value {
            StepForm::Http(drafted) => Step::Http(drafted.step),
        });
        let session = all.by_ref().take(count).collect();
        Some(Self {
            // A bad weight is told already: the steps are known all the same.
            weight: form.weight.map_or(1, |w| u32::try_from(w.value.0).unwrap_or(1)),
            session,
            steps: all.collect(),
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        ScenarioForm::schema(defs)
    }
}

/// Gives every step of a scenario a name of its own: given names must differ, others are numbered.
fn tell_apart(steps: &mut [Placed<StepForm>], cx: &mut Context) {
    let mut taken = BTreeSet::new();
    for step in steps.iter() {
        let StepForm::Http(drafted) = &step.value;
        let Drafted { step, named: Some(span) } = &**drafted else { continue };
        if !taken.insert(step.name.clone()) {
            let message = format!("a second step called {}", excerpt(&step.name));
            cx.problem(*span, message);
        }
    }
    for step in steps {
        let StepForm::Http(drafted) = &mut step.value;
        let Drafted { step, named: None } = &mut **drafted else { continue };
        let plain = step.name.clone();
        let mut number = 1;
        while !taken.insert(step.name.clone()) {
            number += 1;
            step.name = format!("{plain} ({number})");
        }
    }
}
