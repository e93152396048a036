//! `sweep:` the same experiment at several sizes of one service, a run for each.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::known::{Known, ServiceName};
use super::source::{
    Context, Decode, Definitions, Found, Int, Named, Node, Placed, Several, Span, form,
};
use super::{Bound, Experiment, System};

/// A sweep over the replicas of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// The service.
    pub service: String,
    /// How many of it, a run for each, in this order: 1 to 64, each once, 1 among them.
    pub sizes: Vec<u32>,
    /// What the efficiency must hold at every size but 1: a share.
    pub efficiency: Option<Bound>,
}

impl Experiment {
    /// The experiment with so many instances of the service that its sweep is over; as it is, when it has no sweep.
    #[must_use]
    pub fn at_size(&self, size: u32) -> Self {
        let mut sized = self.clone();
        let Some(Sweep { service, .. }) = &self.sweep else { return sized };
        match &mut sized.target.system {
            System::Compose(compose) => {
                compose.scale.insert(service.clone(), size);
            }
            System::Process(process) => {
                if let Some(service) = process.services.get_mut(service) {
                    service.replicas = size;
                }
            }
            // Refused when the file is read: what somebody else runs can't be sized.
            System::External(_) => {}
        }
        sized
    }
}

/// Instances of one size.
type Size = Int<1, 64>;

form! {
    /// The same experiment at several sizes of one service: a run for each, one after the other, and how efficient each
    /// size is against the run with one instance.
    struct SweepForm {
        /// The service and its sizes, 1 to 64 instances, in the order of the runs: `{ api: [1, 2, 4, 8] }`. 1 must be among
        /// them: the others are held against it.
        scale: Scale = Required,
    }
}

/// The service and its sizes.
#[derive(Debug)]
struct Scale(String, Vec<u32>);

impl Decode for Scale {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let named = Named::<ServiceName, Several<Size, 1>, 1>::decode(node, cx)?;
        for (second, _) in named.0.iter().skip(1) {
            let hint = "a sweep is over the replicas of one service";
            cx.problem_hint(second.span, "a second service", hint);
        }
        let (Placed { value: ServiceName(service), span }, sizes) = named.0.into_iter().next()?;
        check_sizes(&sizes, cx);
        let swept = service.clone();
        cx.later(move |known, found| check_target(&swept, span, known, found));
        let sizes = sizes.value.0.iter().map(|size| u32::try_from(size.value.0));
        Some(Self(service, sizes.collect::<Result<_, _>>().ok()?))
    }

    fn schema(defs: &mut Definitions) -> Value {
        let mut schema = Named::<ServiceName, Several<Size, 1>, 1>::schema(defs);
        schema["maxProperties"] = json!(1);
        schema
    }
}

fn check_sizes(sizes: &Placed<Several<Size, 1>>, cx: &mut Context) {
    let mut seen = BTreeSet::new();
    for size in &sizes.value.0 {
        let n = size.value.0;
        if !seen.insert(n) {
            cx.problem_hint(size.span, format!("{n} is there twice"), "give each size once");
        }
    }
    if !seen.contains(&1) {
        let hint = "add 1: efficiency needs a measured single-replica run";
        cx.problem_hint(sizes.span, "1 is not among the sizes", hint);
    } else if seen.len() == 1 {
        let hint = "give others besides 1, or leave `sweep` out";
        cx.problem_hint(sizes.span, "a sweep of one size compares nothing", hint);
    }
}

/// Problems of a service that can't be had in these sizes, or whose size is said elsewhere too.
fn check_target(service: &str, span: Span, known: &Known, found: &mut Found) {
    if known.target.external {
        let message = "containers that are already running can't be brought up in other sizes";
        found.add(span, message, "a sweep needs a `compose` or `process` target");
    }
    if known.target.sized.contains(service) {
        let message = format!("the target says how many of `{service}` there are, too");
        found.add(span, message, "leave its number out of `target`: the sweep says it");
    }
    let port = known.processes.and_then(|process| process.services.get(service)?.port);
    if let Some(port) = port {
        let message = format!("several instances of `{service}` can't share the port {port}");
        found.add(span, message, "leave `port` out: each instance gets a port of its own");
    }
}

impl Decode for Sweep {
    /// Without its limit, which stands among the limits.
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let Scale(service, sizes) = SweepForm::decode(node, cx)?.scale?.value;
        Some(Self { service, sizes, efficiency: None })
    }

    fn schema(defs: &mut Definitions) -> Value {
        SweepForm::schema(defs)
    }
}
