//! The file as a whole: read, put together, checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::known::Known;
use super::limit::Entry;
use super::source::{
    Context, Decode, Definitions, Found, Id, Int, Kind, Named, Node, Placed, Problems, Several,
    Text, build, form,
};
use super::variables::Variables;
use super::{
    AbortWhen, CapturePlan, Compose, Experiment, Fault, Limit, Load, Overlap, OverrideError,
    Overrides, Sampling, SteadyState, System, Target, read,
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
    let text = read::text(path)
        .map_err(|reason| LoadError::Unreadable { path: path.to_owned(), reason })?;
    parse_with(&text, path, overrides)
}

/// Reads the text of an experiment file that is, or would be, at `path`.
pub fn parse(text: &str, path: &Path) -> Result<Experiment, Problems> {
    match parse_with(text, path, &Overrides::default()) {
        Ok(experiment) => Ok(experiment),
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
        version: Int<1, 1> = Required,
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
        /// The system under test.
        target: Target = Required,
        /// The load.
        load: Load = Required,
        /// What hurts the target, whom, and when.
        faults: Several<Fault> = Optional,
        /// Whether two faults may be in force at once: with `forbid` the later one waits.
        overlap: Overlap = Default("forbid"),
        /// What must hold before the first fault.
        steady_state: SteadyState = Optional,
        /// What the target must hold.
        limits: Several<Entry> = Optional,
        /// What is read, and how often.
        sampling: Sampling = Optional,
        /// What is captured in detail, for whoever looks for a leak.
        capture: CapturePlan = Optional,
    }
    later "schedule" "retention" "notify"
}

pub(super) fn parse_with(
    text: &str,
    path: &Path,
    overrides: &Overrides,
) -> Result<Experiment, LoadError> {
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
    let Some(mut form) = ExperimentForm::decode(&root, &mut cx) else {
        return Err(problems(cx.found).unwrap_or_else(|| unsaid(path)));
    };
    overrides.check_set(&cx)?;
    if let Some(load) = &mut form.load {
        overrides.apply(&mut load.value)?;
    }
    unique_names(form.faults.as_ref(), &mut cx);
    let found = cx.finish(&known(&root, &form, overrides));
    if let Some(problems) = problems(found) {
        return Err(problems);
    }
    form.into_experiment(overrides).ok_or_else(|| unsaid(path))
}

/// Something could not be read and nobody said why: never passed over in silence.
fn unsaid(path: &Path) -> LoadError {
    let reason = "an element could not be read, for a reason that was not found".to_owned();
    LoadError::Unreadable { path: path.to_owned(), reason }
}

fn unique_names(faults: Option<&Placed<Several<Fault>>>, cx: &mut Context) {
    let mut seen = BTreeSet::new();
    for fault in faults.into_iter().flat_map(|f| &f.value.0) {
        if !seen.insert(&fault.value.name) {
            let message = format!("a second fault called `{}`", fault.value.name);
            cx.problem_hint(fault.span, message, "give each fault a name of its own");
        }
    }
}

fn known<'a>(root: &Node, form: &'a ExperimentForm, overrides: &Overrides) -> Known<'a> {
    let target = form.target.as_ref().map(|t| &t.value);
    let services = target.and_then(|target| match &target.system {
        System::Compose(compose) => compose.services(),
        System::Process(process) => Some(process.services.keys().cloned().collect()),
        System::External(external) => Some(external.containers.keys().cloned().collect()),
    });
    Known {
        target,
        services,
        load: form.load.as_ref().map(|l| &l.value),
        steady: form.steady_state.as_ref().map_or(Duration::ZERO, |s| s.value.lasts),
        faults: fault_names(root),
        shortened: overrides.duration.is_some(),
    }
}

/// Taken from the tree: a fault that could not be read as a whole still has its name.
fn fault_names(root: &Node) -> Option<Vec<String>> {
    let Some(faults) = root.get("faults") else { return Some(Vec::new()) };
    let Kind::List(items) = &faults.kind else { return None };
    let name = |fault: &Node| match &fault.get("name")?.kind {
        Kind::Scalar { text, .. } => Some(text.clone()),
        _ => None,
    };
    items.iter().map(|item| name(item)).collect()
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
        let (mut limits, mut abort_when) = (Vec::new(), Vec::new());
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
            }
        }
        Some(Experiment {
            version: u32::try_from(self.version?.value.0).ok()?,
            name,
            description: self.description.map(|d| d.value.0),
            tags,
            seed: Seed(overrides.seed.unwrap_or(self.seed?.value.0)),
            target,
            variables: self.variables.map(|v| v.value.0).unwrap_or_default(),
            load,
            faults: self.faults.into_iter().flat_map(|f| f.value.0).map(|f| f.value).collect(),
            overlap: self.overlap?.value,
            steady_state: self.steady_state.map(|s| s.value),
            limits,
            abort_when,
            sampling: self.sampling.map(|s| s.value).unwrap_or_default(),
            capture: self.capture.map(|c| c.value).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests;
