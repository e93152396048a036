//! The file as a whole: read, put together, checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::known::{Known, Outline};
use super::limit::Entry;
use super::probes::Probes;
use super::secrets::Sources;
use super::source::{
    Context, Decode, Definitions, Found, Id, Int, Kind, Named, Node, Problems, Several, Text,
    WHOLE, build, excerpt, form,
};
use super::variables::Variables;
use super::{
    AbortWhen, CapturePlan, Compose, Experiment, Fault, Limit, Load, Overlap, OverrideError,
    Overrides, Problem, Sampling, SteadyState, Sweep, System, Target, read,
};
use crate::seed::Seed;

/// Why a file is not an experiment.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It can't be read at all.
    #[error("read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It has problems.
    #[error("read {}: it is not a valid experiment\n{_0}", _0.file().display())]
    Invalid(Box<Problems>),
    /// The command line asks for what the file does not allow.
    #[error(transparent)]
    Override(#[from] OverrideError),
}

impl From<Problems> for LoadError {
    fn from(problems: Problems) -> Self {
        Self::Invalid(Box::new(problems))
    }
}

/// Reads an experiment file. Paths in it are taken from its folder and become absolute.
pub fn load(path: &Path) -> Result<Experiment, LoadError> {
    load_with(path, &Overrides::default())
}

/// Reads an experiment file, with what the command line says instead of it.
pub fn load_with(path: &Path, overrides: &Overrides) -> Result<Experiment, LoadError> {
    load_warned(path, overrides).map(|(experiment, _)| experiment)
}

/// The same, and what is doubtful in the file.
pub fn load_warned(
    path: &Path,
    overrides: &Overrides,
) -> Result<(Experiment, Vec<Problem>), LoadError> {
    let text = read::text(path)
        .map_err(|reason| LoadError::Unreadable { path: path.to_owned(), reason })?;
    parse_with(&text, path, overrides)
}

/// Reads the text of an experiment file that is, or would be, at `path`.
pub fn parse(text: &str, path: &Path) -> Result<Experiment, Problems> {
    match parse_with(text, path, &Overrides::default()) {
        Ok((experiment, _)) => Ok(experiment),
        Err(LoadError::Invalid(problems)) => Err(*problems),
        // Nothing was read and nothing overridden; said all the same rather than assumed.
        Err(other) => Err(Problems::new(
            path,
            text,
            vec![(super::Span::default(), other.to_string(), None)],
            0,
        )),
    }
}

/// The JSON Schema of the file format.
pub fn schema() -> Value {
    let mut defs = Definitions::default();
    let root = ExperimentForm::schema(&mut defs);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "longhaul experiment",
        "$ref": root["$ref"],
        "$defs": defs.into_map(),
    })
}

form! {
    /// An experiment: a target, the load on it, what hurts it, and what it must hold.
    struct ExperimentForm {
        /// Version of the format: 1.
        version: Version = Required,
        /// Name, used in file names and labels.
        name: Id = Required,
        /// What it is for.
        description: Text = Optional,
        /// Free labels.
        tags: Named<Id, Text> = Optional,
        /// The seed of all randomness: data, fault times, victims.
        seed: Int<0, { u64::MAX }> = Default("1"),
        /// Names for use in templates as `{{name}}`.
        variables: Variables = Optional,
        /// Values that the file must not hold, by name: only where they come from. For use as `{{secret.NAME}}` in
        /// headers, bodies and URLs of requests, in `env`, and in the URLs of `scrape` and `capture`.
        secrets: Sources = Optional,
        /// The system under test.
        target: Target = Required,
        /// The same at several sizes of one service: a run for each.
        sweep: Sweep = Optional,
        /// The load.
        load: Load = Required,
        /// What hurts the target, whom, and when.
        faults: Several<Fault> = Optional,
        /// Whether two faults may be in force at once: with `forbid` the later one waits.
        overlap: Overlap = Default("forbid"),
        /// What must hold before the first fault.
        steady_state: SteadyState = Optional,
        /// Figures that the target tells of itself, asked for again and again, by name; for limits on them.
        probes: Probes = Optional,
        /// What the target must hold.
        limits: Several<Entry> = Optional,
        /// What is read, and how often.
        sampling: Sampling = Optional,
        /// What is captured in detail, for whoever looks for a leak.
        capture: CapturePlan = Optional,
    }
    later "schedule" "retention" "notify"
}

/// The version of the format.
#[derive(Debug)]
struct Version(u32);

impl Decode for Version {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("the version of the format, 1", cx)?;
        if text == "1" {
            return Some(Self(1));
        }
        let message = format!("this longhaul reads version 1 of the format, not {}", excerpt(text));
        let hint = match text.parse::<u64>() {
            Ok(2..) => "write `version: 1`, or use a longhaul that knows this version",
            _ => "write `version: 1`",
        };
        cx.problem_hint(node.span, message, hint);
        None
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "const": 1 })
    }
}

pub(super) fn parse_with(
    text: &str,
    path: &Path,
    overrides: &Overrides,
) -> Result<(Experiment, Vec<Problem>), LoadError> {
    let problems = |found: Found| found.into_problems(path, text).map(LoadError::from);
    let mut found = Found::default();
    let Some(root) = build(text, &mut found) else {
        // Without a tree there is at least one problem.
        return Err(problems(found).unwrap_or_else(|| LoadError::Unreadable {
            path: path.to_owned(),
            reason: "it is empty".to_owned(),
        }));
    };
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = absolute.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned);
    let mut cx = Context::new(folder, found);
    cx.set = overrides.set.iter().cloned().collect();
    if root.entries().next().is_none() {
        // Not a list of everything that is missing: nobody meant this to be an experiment.
        let message = match &root.kind {
            Kind::Map(_) => "the file is empty".to_owned(),
            _ => format!("expected a map, found {}", root.what()),
        };
        cx.problem_hint(root.span, message, WHOLE);
        return Err(problems(cx.found).unwrap_or_else(|| unsaid(path)));
    }
    let Some(mut form) = ExperimentForm::decode(&root, &mut cx) else {
        return Err(problems(cx.found).unwrap_or_else(|| unsaid(path)));
    };
    overrides.check_set(&cx)?;
    if let Some(profile) = &mut cx.noted.profile {
        overrides.apply(profile)?;
    }
    if let Some(load) = &mut form.load {
        overrides.apply(&mut load.value.profile)?;
    }
    let faults = unique_names(&root, &mut cx);
    let known = Known {
        noted: std::mem::take(&mut cx.noted),
        target: Outline::of(&root, &cx.folder),
        processes: form.target.as_ref().and_then(|target| match &target.value.system {
            System::Process(process) => Some(process),
            _ => None,
        }),
        faults,
        scraped: scraped(&root),
        shortened: overrides.duration.is_some(),
        sweeps: root.has("sweep"),
    };
    let warned = std::mem::take(&mut cx.warned).into_problems(path, text);
    let found = cx.finish(&known);
    if let Some(problems) = problems(found) {
        return Err(problems);
    }
    let experiment = form.into_experiment(overrides).ok_or_else(|| unsaid(path))?;
    Ok((experiment, warned.map_or_else(Vec::new, |warned| warned.list().to_vec())))
}

/// Something could not be read and nobody said why: never passed over in silence.
fn unsaid(path: &Path) -> LoadError {
    let reason = "an element could not be read, for a reason that was not found".to_owned();
    LoadError::Unreadable { path: path.to_owned(), reason }
}

/// The services whose own metrics are asked for.
fn scraped(root: &Node) -> BTreeSet<String> {
    let scrape = root.get("sampling").and_then(|sampling| sampling.get("scrape"));
    scrape.into_iter().flat_map(Node::entries).map(|(key, _)| key.name.clone()).collect()
}

/// The faults' names, taken from the tree: a fault that can't be read as a whole still has its name. A problem
/// for each that is not the first of its name. `None` when not every fault tells its name.
fn unique_names(root: &Node, cx: &mut Context) -> Option<Vec<String>> {
    let Some(faults) = root.get("faults") else { return Some(Vec::new()) };
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for fault in faults.items() {
        let name = fault.get("name").and_then(Node::plain_text);
        if let Some(name) = name
            && !seen.insert(name)
        {
            let message = format!("a second fault called `{name}`");
            cx.problem_hint(fault.span, message, "give each fault a name of its own");
        }
        names.push(name.map(str::to_owned));
    }
    names.into_iter().collect()
}

impl ExperimentForm {
    fn into_experiment(self, overrides: &Overrides) -> Option<Experiment> {
        let name = self.name?.value.0;
        let mut target = self.target?.value;
        if let System::Compose(Compose { project, .. }) = &mut target.system
            && project.is_empty()
        {
            *project = Compose::project_for(&name);
        }
        let load = self.load?.value;
        let mut tags: BTreeMap<String, String> = self
            .tags
            .into_iter()
            .flat_map(|t| t.value.0)
            .map(|(key, value)| (key.value.0, value.value.0))
            .collect();
        tags.extend(overrides.tag.iter().cloned());
        let profile = load.profile_length();
        let (mut limits, mut abort_when, mut efficiency) = (Vec::new(), Vec::new(), None);
        for entry in self.limits.into_iter().flat_map(|l| l.value.0) {
            match entry.value {
                Entry::Limits(list) => limits.extend(list.into_iter().map(|limit| Limit {
                    // Only a default or a `--duration` leaves a window that is too long.
                    window: limit.window.map(|w| w.min(profile)),
                    ..limit
                })),
                Entry::Abort(list) => abort_when.extend(
                    list.into_iter()
                        .map(|abort| AbortWhen { window: abort.window.min(profile), ..abort }),
                ),
                Entry::Efficiency(bound) => efficiency = Some(bound),
            }
        }
        Some(Experiment {
            version: self.version?.value.0,
            name,
            description: self.description.map(|d| d.value.0),
            tags,
            seed: Seed(overrides.seed.unwrap_or(self.seed?.value.0)),
            target,
            sweep: self.sweep.map(|sweep| Sweep { efficiency, ..sweep.value }),
            variables: self.variables.map(|v| v.value.0).unwrap_or_default(),
            secrets: self.secrets.map(|s| s.value.0).unwrap_or_default(),
            load,
            faults: self.faults.into_iter().flat_map(|f| f.value.0).map(|f| f.value).collect(),
            overlap: self.overlap?.value,
            steady_state: self.steady_state.map(|s| s.value),
            limits,
            abort_when,
            sampling: self.sampling.map(|s| s.value).unwrap_or_default(),
            capture: self.capture.map(|c| c.value).unwrap_or_default(),
            probes: self.probes.map(|p| p.value.0).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests;
