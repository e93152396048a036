//! From a node to a value: the trait, and the collections.

use std::rc::Rc;

use serde_json::{Value, json};

use super::node::{Kind, Node};
use super::{Context, Definitions, Span};

/// What can be read from a node. `None` means that a problem was added.
pub(in crate::experiment) trait Decode: Sized {
    /// Reads it; adds every problem it has.
    fn decode(node: &Node, cx: &mut Context) -> Option<Self>;
    /// What is accepted, as JSON Schema.
    fn schema(defs: &mut Definitions) -> Value;
}

/// A value and where it was written.
#[derive(Clone, Copy, Debug)]
pub(in crate::experiment) struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where to point for it.
    pub span: Span,
}

impl<T: Decode> Placed<T> {
    /// Reads a value with its place.
    pub(in crate::experiment) fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        Some(Self { value: T::decode(node, cx)?, span: node.span })
    }
}

/// A list of at least `MIN`.
#[derive(Debug)]
pub(in crate::experiment) struct Several<T, const MIN: usize = 0>(pub Vec<Placed<T>>);

impl<T: Decode, const MIN: usize> Decode for Several<T, MIN> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            let hint = "begin each item with `- `, or write `[...]`";
            cx.problem_hint(node.span, format!("expected a list, found {}", node.what()), hint);
            return None;
        };
        if items.len() < MIN {
            cx.problem(node.span, format!("the list needs at least {MIN} item"));
            return None;
        }
        all(items, cx).map(Self)
    }

    fn schema(defs: &mut Definitions) -> Value {
        json!({ "type": "array", "items": T::schema(defs), "minItems": MIN })
    }
}

/// One, or a list of at least one.
#[derive(Debug)]
pub(in crate::experiment) struct OneOrMore<T>(pub Vec<Placed<T>>);

impl<T: Decode> Decode for OneOrMore<T> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        match &node.kind {
            Kind::List(_) => Several::<T, 1>::decode(node, cx).map(|list| Self(list.0)),
            _ => Some(Self(vec![Placed::decode(node, cx)?])),
        }
    }

    fn schema(defs: &mut Definitions) -> Value {
        json!({ "anyOf": [T::schema(defs), Several::<T, 1>::schema(defs)] })
    }
}

/// A map of at least `MIN` entries with keys of the user's own, in the order of the file.
#[derive(Debug)]
pub(in crate::experiment) struct Named<K, T, const MIN: usize = 0>(pub Vec<(Placed<K>, Placed<T>)>);

impl<K: Decode, T: Decode, const MIN: usize> Decode for Named<K, T, MIN> {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            let hint = "write `name: value` pairs";
            cx.problem_hint(node.span, format!("expected a map, found {}", node.what()), hint);
            return None;
        };
        if entries.len() < MIN {
            cx.problem(node.span, format!("the map needs at least {MIN} entry"));
            return None;
        }
        let mut named = Vec::with_capacity(entries.len());
        for (key, node) in entries {
            let name = Placed::<K>::decode(&Node::quoted(&key.name, key.span), cx);
            let value = Placed::<T>::decode(node, cx);
            if let (Some(name), Some(value)) = (name, value) {
                named.push((name, value));
            }
        }
        (named.len() == entries.len()).then_some(Self(named))
    }

    fn schema(defs: &mut Definitions) -> Value {
        json!({
            "type": "object",
            "propertyNames": K::schema(defs),
            "additionalProperties": T::schema(defs),
            "minProperties": MIN,
        })
    }
}

/// Every item, or none if one can't be read: what is left would look like what was meant.
fn all<T: Decode>(items: &[Rc<Node>], cx: &mut Context) -> Option<Vec<Placed<T>>> {
    let read: Vec<_> = items.iter().filter_map(|node| Placed::decode(node, cx)).collect();
    (read.len() == items.len()).then_some(read)
}
