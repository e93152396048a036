//! Maps with known keys. One table per map serves reading, "did you mean" and the schema.

use super::node::{Key, Kind, Node, excerpt};
use super::{Context, Decode, Placed, Span};
use std::rc::Rc;

/// Whether a key must be given.
#[derive(Clone, Copy, Debug)]
pub(in crate::experiment) enum Need {
    /// It must.
    Required,
    /// It need not.
    Optional,
    /// Left out, it is read from this text.
    Default(&'static str),
}

/// The entries of a map while they are taken out by key.
pub(in crate::experiment) struct Fields<'n> {
    entries: &'n [(Key, Rc<Node>)],
    span: Span,
}

impl<'n> Fields<'n> {
    /// The entries of `node`; a problem for each key that is not among `keys`. `later` are keys that
    /// the format has and this version does not.
    pub(in crate::experiment) fn open(
        node: &'n Node,
        keys: &[&str],
        later: &[&str],
        cx: &mut Context,
    ) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            let message = format!("expected a map, found {}", node.what());
            cx.problem_hint(node.span, message, format!("its keys are {}", keys.join(", ")));
            return None;
        };
        for (key, _) in entries {
            if !keys.contains(&key.name.as_str()) {
                unknown(key, keys, later, cx);
            }
        }
        Some(Self { entries, span: node.span })
    }

    /// The value of one key.
    pub(in crate::experiment) fn take<T: Decode>(
        &self,
        key: &str,
        need: Need,
        about: &str,
        cx: &mut Context,
    ) -> Option<Placed<T>> {
        match (self.entries.iter().find(|(k, _)| k.name == key), need) {
            (Some((_, node)), _) => Placed::decode(node, cx),
            (None, Need::Required) => {
                cx.problem_hint(self.span, format!("`{key}` is missing"), about);
                None
            }
            (None, Need::Optional) => None,
            (None, Need::Default(text)) => Placed::decode(&Node::text(text, self.span), cx),
        }
    }
}

/// The single entry of a map that says by its key which kind it is.
pub(in crate::experiment) fn pick<'n>(
    node: &'n Node,
    keys: &[&str],
    later: &[&str],
    cx: &mut Context,
) -> Option<(&'n str, &'n Node)> {
    let Kind::Map(entries) = &node.kind else {
        let message = format!("expected a map with one key, found {}", node.what());
        cx.problem_hint(node.span, message, format!("one of {}", keys.join(", ")));
        return None;
    };
    let mut known = entries.iter().filter(|(key, _)| {
        let fits = keys.contains(&key.name.as_str());
        if !fits {
            unknown(key, keys, later, cx);
        }
        fits
    });
    let first = known.next();
    let second: Vec<Span> = known.map(|(key, _)| key.span).collect();
    let Some((key, value)) = first else {
        if entries.is_empty() {
            let hint = format!("one of {}", keys.join(", "));
            cx.problem_hint(node.span, "the map is empty", hint);
        }
        return None;
    };
    for span in second {
        let message = format!("a second kind beside `{}`", key.name);
        cx.problem_hint(span, message, "one entry has one kind: make it an entry of its own");
    }
    Some((&key.name, value))
}

fn unknown(key: &Key, keys: &[&str], later: &[&str], cx: &mut Context) {
    if cx.found.is_full() {
        cx.problem(key.span, "");
        return;
    }
    if later.contains(&key.name.as_str()) {
        let message = format!("`{}` is not available in this version", key.name);
        return cx.problem_hint(key.span, message, format!("available here: {}", keys.join(", ")));
    }
    let message = format!("unknown key {}", excerpt(&key.name));
    let allowed = keys.join(", ");
    let hint = match closest(&key.name, keys) {
        Some(near) => format!("did you mean `{near}`? allowed here: {allowed}"),
        None if key.name == "<<" => "merge keys are not supported; use aliases".to_owned(),
        None if key.name == "password_env" && keys.contains(&"password") => {
            "name its source under `secrets`, and write password: \"{{secret.NAME}}\"".to_owned()
        }
        None => format!("allowed here: {allowed}"),
    };
    cx.problem_hint(key.span, message, hint);
}

/// The one of `known` that was probably meant.
pub(in crate::experiment) fn closest<'k>(given: &str, known: &[&'k str]) -> Option<&'k str> {
    const LONGEST: usize = 64;
    if given.len() > LONGEST {
        return None;
    }
    let given = given.to_ascii_lowercase();
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&given, &k.to_ascii_lowercase()), *k))
        .filter(|(distance, k)| {
            let shorter = k.len().min(given.len());
            *distance < shorter && *distance <= 1 + shorter / 4
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

/// A text of a closed set.
pub(in crate::experiment) fn word<'w>(
    node: &Node,
    words: &[&'w str],
    later: &[&str],
    cx: &mut Context,
) -> Option<&'w str> {
    const LISTED: usize = 10;
    let one_of = words.join(", ");
    let wanted = match words {
        [only] => (*only).to_owned(),
        _ if words.len() > LISTED => format!("a word such as {}", words[0]),
        _ => format!("one of {one_of}"),
    };
    let text = node.scalar(&wanted, cx)?;
    if let Some(word) = words.iter().find(|w| **w == text) {
        return Some(word);
    }
    if later.contains(&text) {
        let message = format!("`{text}` is not available in this version");
        cx.problem_hint(node.span, message, format!("available here: {one_of}"));
    } else {
        let message = format!("expected {wanted}, found {}", excerpt(text));
        let hint = match closest(text, words) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if words.len() > LISTED => Some(format!("one of {one_of}")),
            None => None,
        };
        cx.problem_hint(node.span, message, hint);
    }
    None
}

/// A map with known keys: a struct whose fields are what was given, each with its place.
macro_rules! form {
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
    (
        $(#[doc = $about:literal])+
        struct $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident $([$key:literal])? : $type:ty = $need:ident $(($default:literal))?, )+
        }
        $(later $($later:literal)+)?
    ) => {
        $(#[doc = $about])+
        #[derive(Debug)]
        struct $name {
            $( $(#[doc = $doc])+ $field: Option<$crate::experiment::source::Placed<$type>>, )+
        }

        impl $crate::experiment::source::Decode for $name {
            fn decode(
                node: &$crate::experiment::source::Node,
                cx: &mut $crate::experiment::source::Context,
            ) -> Option<Self> {
                use $crate::experiment::source::{Fields, Need, about, form};
                let keys = [$( form!(@key $field $($key)?), )+];
                let fields = Fields::open(node, &keys, &[$($($later),+)?], cx)?;
                Some(Self {
                    $( $field: fields.take(
                        form!(@key $field $($key)?),
                        Need::$need $(($default))?,
                        &about(&[$($doc),+]),
                        cx,
                    ), )+
                })
            }

            fn schema(defs: &mut $crate::experiment::source::Definitions) -> serde_json::Value {
                use $crate::experiment::source::{Need, Property, about, form};
                let properties = vec![$( Property {
                    key: form!(@key $field $($key)?),
                    about: about(&[$($doc),+]),
                    need: Need::$need $(($default))?,
                    schema: <$type as $crate::experiment::source::Decode>::schema(defs),
                }, )+];
                defs.object(stringify!($name), &about(&[$($about),+]), properties)
            }
        }
    };
}

/// A map with exactly one key, which says the kind. `also` takes in the kinds of another such map.
macro_rules! choice {
    (
        $(#[doc = $about:literal])+
        $vis:vis enum $name:ident {
            $( $(#[doc = $doc:literal])+ $variant:ident [$key:literal] : $type:ty, )+
        }
        $(also $rest:ident : $other:ident)?
        $(later $($later:literal)+)?
    ) => {
        $(#[doc = $about])+
        #[derive(Debug)]
        $vis enum $name {
            $( $(#[doc = $doc])+ $variant(Box<$type>), )+
            $(
                /// One of those.
                $rest(Box<$other>),
            )?
        }

        impl $name {
            /// The keys of its kinds.
            $vis fn keys() -> Vec<&'static str> {
                let mut keys = Vec::new();
                $(keys.extend(<$other>::keys());)?
                keys.extend([$($key),+]);
                keys
            }

            /// Reads the kind that `key` names.
            $vis fn of(
                key: &str,
                value: &$crate::experiment::source::Node,
                cx: &mut $crate::experiment::source::Context,
            ) -> Option<Self> {
                match key {
                    $( $key => <$type as $crate::experiment::source::Decode>::decode(value, cx)
                        .map(|v| Self::$variant(Box::new(v))), )+
                    $( key if <$other>::keys().contains(&key) => {
                        <$other>::of(key, value, cx).map(|v| Self::$rest(Box::new(v)))
                    } )?
                    _ => None,
                }
            }

            /// Key, meaning and schema of each kind.
            $vis fn kinds(
                defs: &mut $crate::experiment::source::Definitions,
            ) -> Vec<(&'static str, String, serde_json::Value)> {
                use $crate::experiment::source::{Decode, about};
                let mut kinds = Vec::new();
                $(kinds.extend(<$other>::kinds(defs));)?
                kinds.extend([$( ($key, about(&[$($doc),+]), <$type as Decode>::schema(defs)), )+]);
                kinds
            }
        }

        impl $crate::experiment::source::Decode for $name {
            fn decode(
                node: &$crate::experiment::source::Node,
                cx: &mut $crate::experiment::source::Context,
            ) -> Option<Self> {
                let keys = Self::keys();
                let (key, value) =
                    $crate::experiment::source::pick(node, &keys, &[$($($later),+)?], cx)?;
                Self::of(key, value, cx)
            }

            fn schema(defs: &mut $crate::experiment::source::Definitions) -> serde_json::Value {
                let kinds = Self::kinds(defs);
                defs.one_of(
                    stringify!($name),
                    &$crate::experiment::source::about(&[$($about),+]),
                    kinds,
                )
            }
        }
    };
}

/// A closed set of texts for an enum.
macro_rules! words {
    ($name:ident { $( $word:literal => $value:expr, )+ } $(later $($later:literal)+)?) => {
        impl $crate::experiment::source::Decode for $name {
            fn decode(
                node: &$crate::experiment::source::Node,
                cx: &mut $crate::experiment::source::Context,
            ) -> Option<Self> {
                match $crate::experiment::source::word(node, &[$($word),+], &[$($($later),+)?], cx)? {
                    $( $word => Some($value), )+
                    _ => None,
                }
            }

            fn schema(_: &mut $crate::experiment::source::Definitions) -> serde_json::Value {
                serde_json::json!({ "enum": [$($word),+] })
            }
        }
    };
}

pub(in crate::experiment) use {choice, form, words};
