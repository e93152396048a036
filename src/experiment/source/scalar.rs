//! Single values: texts, numbers, quantities, paths.

use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Value, json};

use super::node::{Kind, Node, excerpt};
use super::{Context, Decode, Definitions};
use crate::ids::FaultId;
use crate::units::{self, Bytes, Percent, Rate, UnitError};

impl Node {
    /// Its text, or a problem that says what was expected.
    pub(in crate::experiment) fn scalar(&self, wanted: &str, cx: &mut Context) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => {
                cx.problem(self.span, format!("expected {wanted}, found {}", self.what()));
                None
            }
        }
    }
}

/// Any text, number or truth value, kept as its text.
#[derive(Clone, Debug)]
pub(in crate::experiment) struct Text(pub String);

impl Decode for Text {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        node.scalar("a text", cx).map(|text| Self(text.to_owned()))
    }
    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": ["string", "number", "boolean"] })
    }
}

/// A name that is safe as a file name, label and URL segment.
#[derive(Clone, Debug)]
pub(in crate::experiment) struct Id(pub String);

impl Decode for Id {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a name", cx)?;
        if FaultId::from_str(text).is_err() {
            let hint = "1 to 100 of a-z, A-Z, 0-9, `-`, `_` and `.`, not beginning with `-` or `.`";
            cx.problem_hint(node.span, format!("{} is not a name", excerpt(text)), hint);
            return None;
        }
        Some(Self(text.to_owned()))
    }
    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": ["string", "number"], "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$" })
    }
}

impl Decode for bool {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        match node.scalar("true or false", cx)? {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            text => {
                cx.problem(node.span, format!("expected true or false, found {}", excerpt(text)));
                None
            }
        }
    }
    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "boolean" })
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug)]
pub(in crate::experiment) struct Int<const MIN: u64, const MAX: u64>(pub u64);

impl<const MIN: u64, const MAX: u64> Decode for Int<MIN, MAX> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a whole number", cx)?;
        match text.parse() {
            Ok(n) if (MIN..=MAX).contains(&n) => Some(Self(n)),
            _ => {
                let range = match (MIN, MAX) {
                    (_, u64::MAX) => format!("a whole number from {MIN}"),
                    _ if MIN == MAX => format!("{MIN}"),
                    _ => format!("a whole number from {MIN} to {MAX}"),
                };
                cx.problem(node.span, format!("expected {range}, found {}", excerpt(text)));
                None
            }
        }
    }
    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// A length of time from `MIN` to `MAX` milliseconds.
#[derive(Clone, Copy, Debug)]
pub(in crate::experiment) struct Lasting<const MIN: u64, const MAX: u64>(pub Duration);

impl<const MIN: u64, const MAX: u64> Decode for Lasting<MIN, MAX> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a duration such as 30s", cx)?;
        let lasts = match units::parse_duration(text) {
            Ok(lasts) => lasts,
            Err(error) => return unit(node, &error, cx),
        };
        let (min, max) = (Duration::from_millis(MIN), Duration::from_millis(MAX));
        if (min..=max).contains(&lasts) {
            return Some(Self(lasts));
        }
        let range = format!("from {} to {}", units::duration(min), units::duration(max));
        cx.problem_hint(node.span, format!("{} is out of range", excerpt(text)), range);
        None
    }
    fn schema(_: &mut Definitions) -> Value {
        json!({
            "type": "string",
            "pattern": "^\\s*([0-9]+\\s*[a-zA-Z\u{b5}]+\\s*)+$",
            "x-minimum": units::duration(Duration::from_millis(MIN)),
            "x-maximum": units::duration(Duration::from_millis(MAX)),
        })
    }
}

macro_rules! quantity {
    ($type:ty, $wanted:literal, $pattern:literal) => {
        impl Decode for $type {
            fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
                match node.scalar($wanted, cx)?.parse() {
                    Ok(value) => Some(value),
                    Err(error) => unit(node, &error, cx),
                }
            }
            fn schema(_: &mut Definitions) -> Value {
                json!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

quantity!(Rate, "a rate such as 50/s", "^\\s*[0-9._]+\\s*/(s|m|min|h)\\s*$");
quantity!(
    Bytes,
    "a size such as 512MiB",
    "^\\s*[0-9._]+\\s*([kKmMgGtT]?[bB]|[kKmMgGtT][iI][bB])\\s*$"
);

fn unit<T>(node: &Node, error: &UnitError, cx: &mut Context) -> Option<T> {
    let message = format!("{} is not a {}", excerpt(&error.given), error.what);
    cx.problem_hint(node.span, message, format!("write for example {}", error.example));
    None
}

/// A percentage from 0% to `MAX`%.
#[derive(Clone, Copy, Debug)]
pub(in crate::experiment) struct Share<const MAX: u64 = 100>(pub Percent);

impl<const MAX: u64> Decode for Share<MAX> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a percentage such as 10%", cx)?;
        match text.parse::<Percent>() {
            Ok(p) if (0.0..=MAX as f64).contains(&p.get()) => Some(Self(p)),
            Ok(_) => {
                let message = format!("{} is out of range", excerpt(text));
                cx.problem_hint(node.span, message, format!("from 0% to {MAX}%"));
                None
            }
            Err(error) => unit(node, &error, cx),
        }
    }
    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "pattern": "^\\s*[0-9._]+\\s*%\\s*$" })
    }
}

/// A number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug)]
pub(in crate::experiment) struct Real<const MIN: u64, const MAX: u64>(pub f64);

impl<const MIN: u64, const MAX: u64> Decode for Real<MIN, MAX> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a number", cx)?;
        match text.parse::<f64>() {
            Ok(n) if (MIN as f64..=MAX as f64).contains(&n) => Some(Self(n)),
            _ => {
                let message =
                    format!("expected a number from {MIN} to {MAX}, found {}", excerpt(text));
                cx.problem(node.span, message);
                None
            }
        }
    }
    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "number", "minimum": MIN, "maximum": MAX })
    }
}

/// A percentage from 0% to `MAX`%, or a size.
#[derive(Clone, Copy, Debug)]
pub(in crate::experiment) enum ShareOrSize<const MAX: u64> {
    /// The percentage.
    Share(Percent),
    /// The size.
    Size(Bytes),
}

impl<const MAX: u64> Decode for ShareOrSize<MAX> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a size such as 10MiB or a percentage such as 10%", cx)?;
        if text.trim_end().ends_with('%') {
            Share::<MAX>::decode(node, cx).map(|share| Self::Share(share.0))
        } else {
            Bytes::decode(node, cx).map(Self::Size)
        }
    }
    fn schema(defs: &mut Definitions) -> Value {
        json!({ "anyOf": [Share::<MAX>::schema(defs), Bytes::schema(defs)] })
    }
}

/// A percentage from 0% to `MAX`%, or a plain number from 0 to a million.
#[derive(Clone, Copy, Debug)]
pub(in crate::experiment) enum ShareOrNumber<const MAX: u64> {
    /// The percentage.
    Share(Percent),
    /// The number.
    Number(f64),
}

impl<const MAX: u64> Decode for ShareOrNumber<MAX> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a number or a percentage such as 10%", cx)?;
        if text.trim_end().ends_with('%') {
            Share::<MAX>::decode(node, cx).map(|share| Self::Share(share.0))
        } else {
            Real::<0, 1_000_000>::decode(node, cx).map(|number| Self::Number(number.0))
        }
    }
    fn schema(defs: &mut Definitions) -> Value {
        json!({ "anyOf": [Share::<MAX>::schema(defs), Real::<0, 1_000_000>::schema(defs)] })
    }
}

/// A plain number from 0 to 10^15, or a size.
#[derive(Clone, Copy, Debug)]
pub(in crate::experiment) enum NumberOrSize {
    /// The number.
    Number(f64),
    /// The size.
    Size(Bytes),
}

impl Decode for NumberOrSize {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let text = node.scalar("a number or a size such as 512MiB", cx)?;
        if text.trim_end().ends_with(|c: char| c.is_ascii_alphabetic()) {
            Bytes::decode(node, cx).map(Self::Size)
        } else {
            Real::<0, 1_000_000_000_000_000>::decode(node, cx).map(|number| Self::Number(number.0))
        }
    }
    fn schema(defs: &mut Definitions) -> Value {
        let number = Real::<0, 1_000_000_000_000_000>::schema(defs);
        json!({ "anyOf": [number, Bytes::schema(defs)] })
    }
}

/// A file that exists, relative to the experiment file.
#[derive(Clone, Debug)]
pub(in crate::experiment) struct File(pub PathBuf);

/// A folder that exists, relative to the experiment file.
#[derive(Clone, Debug)]
pub(in crate::experiment) struct Folder(pub PathBuf);

impl Decode for File {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let path = path(node, cx)?;
        let message = match std::fs::metadata(&path) {
            Ok(meta) if meta.is_file() => return Some(Self(path)),
            Ok(meta) if meta.is_dir() => "is a folder, not a file".to_owned(),
            Ok(_) => "is not a regular file".to_owned(),
            Err(error) => reason(&error),
        };
        refuse(node, &path, &message, cx);
        None
    }
    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl Decode for Folder {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let path = path(node, cx)?;
        let message = match std::fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => return Some(Self(path)),
            Ok(_) => "is not a folder".to_owned(),
            Err(error) => reason(&error),
        };
        refuse(node, &path, &message, cx);
        None
    }
    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

fn path(node: &Node, cx: &mut Context) -> Option<PathBuf> {
    let text = node.scalar("a path", cx)?;
    if text.is_empty() || text.contains('\0') {
        cx.problem(node.span, format!("{} is not a path", excerpt(text)));
        return None;
    }
    Some(resolve(&cx.folder, text))
}

/// A path as it is written in a file of `folder`: absolute, without `.`, and without `..` unless it leads
/// out of a symbolic link, which it means something else for.
pub(in crate::experiment) fn resolve(folder: &Path, text: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in folder.join(text).components() {
        match part {
            Component::CurDir => {}
            // Above the root is the root.
            Component::ParentDir if path.has_root() && path.parent().is_none() => {}
            Component::ParentDir if !path.is_symlink() && path.file_name().is_some() => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path
}

fn refuse(node: &Node, path: &Path, message: &str, cx: &mut Context) {
    let hint = "paths are relative to the experiment file";
    let path = excerpt(&path.display().to_string());
    cx.problem_hint(node.span, format!("{path} {message}"), hint);
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        _ => format!("can't be looked at: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_straightened_unless_a_link_is_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let at = |text: &str| resolve(&dir.path().join("experiments"), text);
        assert_eq!(at("../compose/./a.yaml"), dir.path().join("compose/a.yaml"));
        assert_eq!(at("/x/../../y"), Path::new("/y"));
        std::fs::create_dir_all(dir.path().join("far/away")).unwrap();
        std::os::unix::fs::symlink("far/away", dir.path().join("experiments")).unwrap();
        assert_eq!(at("../compose"), dir.path().join("experiments/../compose"));
    }
}
