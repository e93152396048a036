//! An error as it is told: to a person as text on stderr, to a program as one JSON document on stdout.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use serde_json::{Value, json};

use super::args::Common;
use super::colors::color;
use super::exit::Exit;
use crate::experiment::{LoadError, Problems};
use crate::fault::FaultError;
use crate::run::{DigestError, RunError};
use crate::store::{BaselineError, StoreError};
use crate::target::TargetError;

/// What went wrong, what to do about it, and the exit code that goes with it. Commands return it through
/// `anyhow`; the errors of the rooms become one in [`Complaint::of`].
#[derive(Debug)]
pub(super) struct Complaint {
    exit: Exit,
    text: String,
    hint: Option<String>,
    problems: Option<Box<Problems>>,
}

impl Complaint {
    /// `text` is a sentence without its full stop, such as "failed to read x: there is no such file".
    pub(super) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into(), hint: None, problems: None }
    }

    /// Adds what to do about it.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A data folder that can't be used.
    pub(super) fn data_folder(data: &Path, error: &std::io::Error) -> Self {
        let text = format!("failed to use the data folder {}: {error}", data.display());
        Self::new(Exit::Usage, text)
            .hint("name a folder that can be written to with --data DIR or LONGHAUL_DATA")
    }

    /// What an error of any room means on the command line.
    pub(super) fn of(error: anyhow::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(complaint) => return complaint,
            Err(error) => error,
        };
        let error = match error.downcast::<LoadError>() {
            Ok(error) => return Self::from(error),
            Err(error) => error,
        };
        let (exit, hint) = error.chain().find_map(known).unwrap_or((Exit::Internal, None));
        Self { exit, text: in_words(&error), hint, problems: None }
    }

    /// The exit code that goes with it.
    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    /// Tells it where it belongs.
    pub(super) fn tell(&self, common: &Common) {
        if common.json {
            say!("{}", self.json());
        } else {
            complain!("{}", self.text(color(common, &std::io::stderr())).trim_end());
        }
    }

    /// `{"type": "error", "error": ..., "hint": ..., "exit_code": ...}`; for an experiment file also what is
    /// wrong with it.
    pub(super) fn json(&self) -> Value {
        let mut document = json!({
            "type": "error", "error": self.text, "hint": self.hint, "exit_code": self.exit.code(),
        });
        if let Some(problems) = &self.problems {
            document["file"] = json!(problems.file());
            document["problems"] = json!(problems.list());
            document["omitted"] = json!(problems.omitted());
        }
        document
    }

    fn text(&self, color: bool) -> String {
        if let Some(problems) = &self.problems {
            return problems.graphical(color);
        }
        match &self.hint {
            Some(hint) => format!("error: {}\nhint: {hint}", self.text),
            None => format!("error: {}", self.text),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Complaint {}

impl From<LoadError> for Complaint {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Invalid(problems) => {
                let file = problems.file().display();
                let text = format!("failed to read {file}: it is not a valid experiment");
                let problems = Some(problems);
                Self { exit: Exit::InvalidExperiment, text, hint: None, problems }
            }
            LoadError::Override(e) => {
                let complaint = Self::new(Exit::Usage, format!("failed to {e}"));
                Self { hint: e.hint, ..complaint }
            }
            unreadable @ LoadError::Unreadable { .. } => {
                Self::new(Exit::InvalidExperiment, format!("failed to {unreadable}"))
            }
        }
    }
}

/// How an error of a room ends the program, and what to do about it.
fn known(cause: &(dyn std::error::Error + 'static)) -> Option<(Exit, Option<String>)> {
    if let Some(error) = cause.downcast_ref::<TargetError>() {
        let exit = match error {
            TargetError::Busy { .. } | TargetError::Held { .. } | TargetError::Kept { .. } => {
                Exit::Busy
            }
            _ => Exit::NotReady,
        };
        return Some((exit, error.hint().map(Cow::into_owned)));
    }
    if cause.is::<BaselineError>() || matches!(cause.downcast_ref(), Some(DigestError::Running(_)))
    {
        return Some((Exit::Usage, None));
    }
    if matches!(cause.downcast_ref(), Some(DigestError::Nothing { .. })) {
        return Some((Exit::Verdict(11), None));
    }
    let error = match cause.downcast_ref() {
        Some(DigestError::Store(error)) => error,
        _ => cause.downcast_ref::<StoreError>()?,
    };
    let exit = if error.is_askers() { Exit::Usage } else { Exit::Internal };
    Some((exit, error.hint()))
}

/// The whole error in one line. The texts of the rooms name their causes themselves: only what is not yet
/// said is added.
fn in_words(error: &anyhow::Error) -> String {
    let fragment = error.is::<StoreError>()
        || error.is::<RunError>()
        || error.is::<FaultError>()
        || error.is::<BaselineError>()
        || error.is::<DigestError>()
        || error.is::<TargetError>();
    let mut text = if fragment { format!("failed to {error}") } else { error.to_string() };
    for cause in error.chain().skip(1) {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    fn io() -> std::io::Error {
        std::io::Error::from_raw_os_error(2)
    }

    #[test]
    fn a_cause_is_said_once() {
        let path = std::path::PathBuf::from("/x");
        let error = StoreError::Folder { path: path.clone(), source: io() };
        let told = Complaint::of(error.into());
        assert_eq!(told.text.matches("No such file").count(), 1, "{told}");
        assert!(told.text.starts_with("failed to create the folder /x: "), "{told}");
        assert_eq!(told.exit(), Exit::Usage);

        let told = Complaint::of(Err::<(), _>(io()).context("failed to read y").unwrap_err());
        assert_eq!(told.text, "failed to read y: No such file or directory (os error 2)");
        assert_eq!(told.exit(), Exit::Internal);
    }

    #[test]
    fn a_hint_survives_a_context() {
        let error = StoreError::NoRuns { data: "d".into() };
        let told = Complaint::of(Err::<(), _>(error).context("failed to compare").unwrap_err());
        assert_eq!(told.exit(), Exit::Usage);
        assert!(told.hint.as_deref().is_some_and(|h| h.contains("--data")), "{told:?}");
        let json = told.json();
        assert_eq!((&json["type"], &json["exit_code"]), (&json!("error"), &json!(2)));
    }
}
