//! What the command line says instead of the file.

use std::time::Duration;

use super::Segment;
use super::source::Context;
use super::source::closest;
use crate::units::Rate;

/// What the command line says instead of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// `--duration`: length of the profile's only `hold`.
    pub duration: Option<Duration>,
    /// `--rate`: rate of the profile's only `hold`.
    pub rate: Option<Rate>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--set k=v`: values of variables that the file has.
    pub set: Vec<(String, String)>,
    /// `--tag k=v`: tags besides, or instead of, those of the file.
    pub tag: Vec<(String, String)>,
}

/// Why something can't be said instead of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("apply {option}: {reason}")]
pub struct OverrideError {
    /// The option, `--rate`.
    pub option: String,
    /// Why not.
    pub reason: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl Overrides {
    /// Reads `key=value`. The error says what would be right.
    pub fn key_value(text: &str) -> Result<(String, String), String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
            _ => Err("write key=value".to_owned()),
        }
    }

    /// A problem for each `--set` of a variable that the file does not have.
    pub(super) fn check_set(&self, cx: &Context) -> Result<(), OverrideError> {
        for (key, value) in &self.set {
            let option = format!("--set {key}");
            if !cx.variables.contains_key(key) {
                let known: Vec<&str> = cx.variables.keys().map(String::as_str).collect();
                let hint = match closest(key, &known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if known.is_empty() => "the file has none".to_owned(),
                    None => format!("there are {}", known[..known.len().min(20)].join(", ")),
                };
                let reason = "the file has no such variable".to_owned();
                return Err(OverrideError { option, reason, hint: Some(hint) });
            }
            if value.contains("{{") || value.len() > 4096 {
                let reason = "a variable holds at most 4096 bytes and no template".to_owned();
                return Err(OverrideError { option, reason, hint: None });
            }
        }
        Ok(())
    }

    /// Changes the only `hold` of the profile.
    pub(super) fn apply(&self, profile: &mut [Segment]) -> Result<(), OverrideError> {
        let option = match (self.duration, self.rate) {
            (None, None) => return Ok(()),
            (Some(_), _) => "--duration",
            (None, Some(_)) => "--rate",
        };
        let refuse = |option: &str, reason: String, hint: &str| {
            Err(OverrideError { option: option.to_owned(), reason, hint: Some(hint.to_owned()) })
        };
        let mut holds: Vec<_> =
            profile.iter_mut().filter(|s| matches!(s, Segment::Hold { .. })).collect();
        let count = holds.len();
        let [Segment::Hold { rate, lasts }] = &mut holds[..] else {
            let reason = format!("the profile has {count} `hold` pieces, so it is not clear which");
            return refuse(option, reason, "it needs a profile with exactly one `hold`");
        };
        if let Some(new) = self.duration {
            if new < Duration::from_secs(1) {
                return refuse("--duration", "it is under a second".to_owned(), "1s to 7days");
            }
            *lasts = new;
        }
        if let Some(new) = self.rate {
            *rate = new;
        }
        Ok(())
    }
}
