//! `compose:` a Compose project as the target.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::known::ServiceName;
use super::source::{
    Context, Decode, Definitions, EMPTY, File, Found, Int, Kind, NOT_YAML, Named, Node, Problem,
    Text, build, excerpt, form,
};
use super::{literal_secret, read, template};

/// A Compose project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compose {
    /// The compose file; absolute once loaded (relative to the experiment file in the text).
    pub file: PathBuf,
    /// Project name; default: the experiment's name.
    pub project: String,
    /// Whether images are built first.
    pub build: bool,
    /// Replicas by service.
    pub scale: BTreeMap<String, u32>,
    /// Environment for the compose file; secrets are named, as `{{secret.NAME}}`.
    pub env: BTreeMap<String, String>,
}

form! {
    /// A Compose project.
    struct ComposeForm {
        /// The compose file, relative to this file.
        file: File = Required,
        /// Project name; default: the experiment's name.
        project: ProjectName = Optional,
        /// Whether images are built first.
        build: bool = Default("false"),
        /// Replicas by service, 0 to 100.
        scale: Named<ServiceName, Int<0, 100>> = Optional,
        /// Environment for the compose file. May use variables and secrets.
        env: Environment<false> = Optional,
    }
}

impl Decode for Compose {
    /// An absent project name is left empty: the experiment's name takes its place.
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let form = ComposeForm::decode(node, cx)?;
        let mut scale = BTreeMap::new();
        for (service, count) in form.scale.into_iter().flat_map(|s| s.value.0) {
            scale.insert(service.value.0, u32::try_from(count.value.0).ok()?);
        }
        let file = form.file?;
        if let Some(why) = Self::without_services(&file.value.0) {
            let hint = "a compose file names at least one service under `services`";
            cx.problem_hint(file.span, format!("not a compose file: {why}"), hint);
        }
        Some(Self {
            file: file.value.0,
            project: form.project.map(|p| p.value.0).unwrap_or_default(),
            build: form.build?.value,
            scale,
            env: form.env.map(|e| e.value.0).unwrap_or_default(),
        })
    }

    fn schema(defs: &mut Definitions) -> Value {
        ComposeForm::schema(defs)
    }
}

impl Compose {
    /// The services of a compose file, if they can be told by looking at it: a file that includes others,
    /// or that this reader does not understand, tells nothing.
    pub(super) fn services(file: &Path) -> Option<BTreeSet<String>> {
        let text = read::text(file).ok()?;
        let mut found = Found::default();
        let root = build(&text, &mut found)?;
        if found.into_problems(file, &text).is_some() || root.has("include") {
            return None;
        }
        match &root.get("services")?.kind {
            Kind::Map(entries) => Some(entries.iter().map(|(key, _)| key.name.clone()).collect()),
            _ => None,
        }
    }

    /// Why a compose file can't bring anything up, if that shows: an error of syntax, or nothing under `services`.
    fn without_services(file: &Path) -> Option<String> {
        let text = read::text(file).ok()?;
        let mut found = Found::default();
        let root = build(&text, &mut found);
        if let Some(problems) = found.into_problems(file, &text) {
            // Anything else may be what Compose understands, and this reader does not.
            let broken = |p: &&Problem| p.message.starts_with(NOT_YAML) || p.message == EMPTY;
            let first = problems.list().iter().find(broken);
            return first.map(|p| format!("line {}, column {}: {}", p.line, p.column, p.message));
        }
        let root = root?;
        if root.has("include") {
            return None;
        }
        let named =
            root.get("services").is_some_and(|services| services.entries().next().is_some());
        (!named).then(|| "it has no services".to_owned())
    }

    /// The project name that stands for an experiment's name: lower case, digits, `-` and `_`.
    pub(super) fn project_for(experiment: &str) -> String {
        let name: String = experiment
            .to_ascii_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
            .collect();
        let name = name.trim_start_matches(['-', '_']);
        if name.is_empty() { "longhaul".to_owned() } else { name.to_owned() }
    }
}

/// A name that Compose takes.
#[derive(Debug)]
struct ProjectName(String);

impl Decode for ProjectName {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a name", cx)?;
        if text.len() <= 60 && Compose::project_for(text) == text {
            return Some(Self(text.to_owned()));
        }
        let hint = "up to 60 of a-z, 0-9, `-` and `_`, beginning with a letter or digit";
        cx.problem_hint(node.span, format!("{} is not a project name", excerpt(text)), hint);
        None
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,59}$" })
    }
}

/// Environment variables; their values may use the file's variables and secrets, and those of a process
/// (`INSTANCE`) also what differs from instance to instance.
#[derive(Debug)]
pub(super) struct Environment<const INSTANCE: bool>(pub BTreeMap<String, String>);

impl<const INSTANCE: bool> Decode for Environment<INSTANCE> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let named = Named::<EnvironmentName, EnvironmentValue<INSTANCE>>::decode(node, cx)?;
        for (name, value) in &named.0 {
            literal_secret::variable(&name.value.0, &value.value.0, value.span, cx);
        }
        Some(Self(named.0.into_iter().map(|(name, value)| (name.value.0, value.value.0)).collect()))
    }

    fn schema(defs: &mut Definitions) -> Value {
        Named::<EnvironmentName, EnvironmentValue<INSTANCE>>::schema(defs)
    }
}

/// A name of an environment variable.
#[derive(Debug)]
pub(super) struct EnvironmentName(pub String);

impl Decode for EnvironmentName {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a name", cx)?;
        let fits = !text.is_empty()
            && !text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if fits {
            return Some(Self(text.to_owned()));
        }
        let message = format!("{} is not a name of an environment variable", excerpt(text));
        cx.problem_hint(node.span, message, "letters, digits and `_`, not beginning with a digit");
        None
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" })
    }
}

#[derive(Debug)]
struct EnvironmentValue<const INSTANCE: bool>(String);

impl<const INSTANCE: bool> Decode for EnvironmentValue<INSTANCE> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let keep: &[&str] =
            if INSTANCE { &template::INSTANCE_AND_SECRETS } else { &[template::SECRET] };
        template::fill_word(node, keep, cx).map(Self)
    }

    fn schema(defs: &mut Definitions) -> Value {
        Text::schema(defs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_experiments_name_becomes_a_project_name() {
        assert_eq!(Compose::project_for("Checkout.Soak-1"), "checkout-soak-1");
        assert_eq!(Compose::project_for("_x"), "x");
        assert_eq!(Compose::project_for("___"), "longhaul");
    }

    #[test]
    fn services_are_read_where_the_file_tells_them() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("compose.yaml");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Compose::services(&file)
        };
        let names = read("services:\n  api: {}\n  db: {image: x}\n").unwrap();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["api", "db"]);
        assert_eq!(read("include: [x]\nservices: {api: {}}\n"), None);
        assert_eq!(read("services: [\n"), None);
    }

    #[test]
    fn a_file_that_brings_nothing_up_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("compose.yaml");
        let why = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Compose::without_services(&file)
        };
        assert!(why("services: [\n").unwrap().contains("not YAML"), "{:?}", why("services: [\n"));
        assert!(why("# nothing\n").unwrap().ends_with("the file is empty"));
        for nothing in ["hello: 1\n", "services: {}\n", "services:\n", "services: [api]\n"] {
            assert_eq!(why(nothing).as_deref(), Some("it has no services"), "{nothing}");
        }
        assert_eq!(why("services: { api: {} }\n"), None);
        assert_eq!(why("include: [x]\n"), None);
    }
}
