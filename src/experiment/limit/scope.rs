//! `scope:` which part of the run a limit looks at.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Window;
use crate::experiment::known::among;
use crate::experiment::source::{
    Context, Decode, Definitions, Id, Kind, Node, Placed, Span, choice, words,
};

/// Which part of the run a limit looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All of the profile.
    #[default]
    Total,
    /// Without the windows of faults and their recovery.
    OutsideFaults,
    /// While faults are in force: all of them, or those of one entry.
    During(Option<String>),
    /// After faults, until the workload has recovered, while none is in force: of all faults, or of one entry.
    Recovery(Option<String>),
    /// Without load, before the warm-up.
    Idle,
}

words! {
    Scope {
        "total" => Scope::Total,
        "outside_faults" => Scope::OutsideFaults,
        "during" => Scope::During(None),
        "recovery" => Scope::Recovery(None),
        "idle" => Scope::Idle,
    }
}

choice! {
    /// A part of the run that one fault makes.
    enum FaultScopeForm {
        /// While this fault is in force.
        During["during"]: Id,
        /// After this fault, until the workload has recovered.
        Recovery["recovery"]: Id,
    }
}

/// A scope as it is written: a word, or a map that names a fault.
#[derive(Clone, Debug)]
pub(super) struct Written(Scope);

impl Decode for Written {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        if !matches!(node.kind, Kind::Map(_)) {
            return Scope::decode(node, cx).map(Self);
        }
        let (scope, name) = match FaultScopeForm::decode(node, cx)? {
            FaultScopeForm::During(name) => (Scope::During(Some(name.0.clone())), name.0),
            FaultScopeForm::Recovery(name) => (Scope::Recovery(Some(name.0.clone())), name.0),
        };
        fault(Some(name), node.span, cx);
        Some(Self(scope))
    }

    fn schema(defs: &mut Definitions) -> Value {
        json!({ "anyOf": [Scope::schema(defs), FaultScopeForm::schema(defs)] })
    }
}

/// A problem if the file has no such fault; without a name, if it has none at all.
pub(super) fn fault(name: Option<String>, span: Span, cx: &mut Context) {
    cx.later(move |known, found| match (name, &known.faults) {
        (Some(name), Some(faults)) => {
            among(&name, "fault of this file", faults.iter().map(String::as_str), span, found);
        }
        (None, Some(faults)) if faults.is_empty() => {
            found.add(span, "there are no faults to recover from", None::<&str>);
        }
        _ => {}
    });
}

/// The scope of a limit on the load: there is none when the target is idle.
pub(super) fn of_load(
    scope: Option<Placed<Written>>,
    window: Option<&Placed<Window>>,
    cx: &mut Context,
) -> Scope {
    if let Some(Placed { value: Written(Scope::Idle), span }) = &scope {
        let hint = "a target that is idle has no load";
        cx.problem_hint(*span, "`idle` makes no sense here", hint);
    }
    of_readings(scope, window, cx)
}

/// The scope of a limit on what is sampled.
pub(super) fn of_readings(
    scope: Option<Placed<Written>>,
    window: Option<&Placed<Window>>,
    cx: &mut Context,
) -> Scope {
    let Some(Placed { value: Written(scope), span }) = scope else { return Scope::Total };
    match &scope {
        Scope::Total | Scope::OutsideFaults => return scope,
        Scope::During(None) | Scope::Recovery(None) => fault(None, span, cx),
        Scope::During(Some(_)) | Scope::Recovery(Some(_)) => {}
        Scope::Idle => cx.later(move |known, found| {
            if known.noted.settle.is_some_and(|settle| settle.is_zero()) {
                let hint = "give `load.settle`, a time without load before the warm-up";
                found.add(span, "the target is never idle", hint);
            }
        }),
    }
    if let Some(window) = window {
        let message = "a window makes no sense with this scope";
        let hint = "it is judged as a whole: leave `window` out";
        cx.problem_hint(window.span, message, hint);
    }
    scope
}
